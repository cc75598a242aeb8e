//! Counts over the last ten seconds, exactly.
//!
//! Owns ten buckets of one second, shared by ejection and the retry budget. Exact buckets, not a decaying average: under
//! a fast burst an average hides a total outage (linkerd2-proxy's finding). Never reads a clock.

use crate::base::Timestamp;

/// Buckets, and the seconds that a window spans.
pub const WINDOW_S: u64 = 10;

/// Two counts (what was asked, what failed; requests, retries) over the last ten seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    buckets: [(u32, u32); WINDOW_S as usize],
    /// Second of the newest bucket.
    newest: u64,
}

impl Window {
    /// Adds to the present second. A `now` before the newest counts as the newest.
    pub fn add(&mut self, first: u32, second: u32, now: Timestamp) {
        self.advance(now);
        let bucket = &mut self.buckets[(self.newest % WINDOW_S) as usize];
        *bucket = (bucket.0.saturating_add(first), bucket.1.saturating_add(second));
    }

    /// Both sums over the last ten seconds.
    pub fn sums(&mut self, now: Timestamp) -> (u64, u64) {
        self.advance(now);
        self.buckets.iter().fold((0, 0), |sum, bucket| (sum.0 + u64::from(bucket.0), sum.1 + u64::from(bucket.1)))
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.buckets = Default::default();
    }

    /// Empties the buckets of the seconds that passed.
    fn advance(&mut self, now: Timestamp) {
        let second = now.seconds().max(self.newest);
        let first_stale = (self.newest + 1).max((second + 1).saturating_sub(WINDOW_S));
        for stale in first_stale..=second {
            self.buckets[(stale % WINDOW_S) as usize] = (0, 0);
        }
        self.newest = second;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn counts_what_a_list_counts(steps in prop::collection::vec((0u64..4_000, 0u32..5, 0u32..5), 1..60)) {
            let (mut window, mut now, mut list) = (Window::default(), Timestamp(50_000), Vec::new());
            for (wait, first, second) in steps {
                now.0 += wait;
                window.add(first, second, now);
                list.push((now.seconds(), first, second));
                let recent = list.iter().filter(|(at, ..)| at + WINDOW_S > now.seconds());
                let sums = recent.fold((0, 0), |sum, (_, a, b)| (sum.0 + u64::from(*a), sum.1 + u64::from(*b)));
                prop_assert_eq!(window.sums(now), sums);
            }
        }
    }
}
