//! Counts over the last while, exactly.
//!
//! Owns ten buckets that together span the while, shared by ejection and the retry budget. Exact buckets, not a decaying average: under
//! a fast burst an average hides a total outage (linkerd2-proxy's finding). Never reads a clock.

use crate::base::Timestamp;
use std::time::Duration;

/// Parts of a window: the oldest tenth is dropped at a time.
const BUCKETS: u64 = 10;

/// What a window spans unless told otherwise.
pub const SPAN_DEFAULT: Duration = Duration::from_secs(10);

/// Two counts (what was asked, what failed; requests, retries) over the last while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    buckets: [(u32, u32); BUCKETS as usize],
    /// Number of the newest bucket, counted since 1970.
    newest: u64,
    bucket_ms: u64,
}

impl Default for Window {
    fn default() -> Self {
        Self::spanning(SPAN_DEFAULT)
    }
}

impl Window {
    /// An empty window of ten buckets; each is at least a millisecond.
    pub fn spanning(span: Duration) -> Self {
        let bucket_ms = u64::try_from(span.as_millis() / u128::from(BUCKETS)).unwrap_or(u64::MAX).max(1);
        Self { buckets: Default::default(), newest: 0, bucket_ms }
    }

    /// Adds to the present bucket. A `now` before the newest counts as the newest.
    pub fn add(&mut self, first: u32, second: u32, now: Timestamp) {
        self.advance(now);
        let bucket = &mut self.buckets[(self.newest % BUCKETS) as usize];
        *bucket = (bucket.0.saturating_add(first), bucket.1.saturating_add(second));
    }

    /// Both sums over the window.
    pub fn sums(&mut self, now: Timestamp) -> (u64, u64) {
        self.advance(now);
        self.buckets.iter().fold((0, 0), |sum, bucket| (sum.0 + u64::from(bucket.0), sum.1 + u64::from(bucket.1)))
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.buckets = Default::default();
    }

    /// Empties the buckets of the time that passed.
    fn advance(&mut self, now: Timestamp) {
        let present = (now.0 / self.bucket_ms).max(self.newest);
        let first_stale = (self.newest + 1).max((present + 1).saturating_sub(BUCKETS));
        for stale in first_stale..=present {
            self.buckets[(stale % BUCKETS) as usize] = (0, 0);
        }
        self.newest = present;
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
                let recent = list.iter().filter(|(at, ..)| at + BUCKETS > now.seconds());
                let sums = recent.fold((0, 0), |sum, (_, a, b)| (sum.0 + u64::from(*a), sum.1 + u64::from(*b)));
                prop_assert_eq!(window.sums(now), sums);
            }
        }
    }
}
