//! Time, read in one place.
//!
//! Owns the wall-clock `Timestamp` that decisions, tokens and health work with, and the monotonic clock behind
//! it. Everything else takes time as an argument, so that tests and replays can choose it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Time passed since `earlier`; zero when `earlier` lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// This moment moved ahead by `span`.
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Whole seconds since 1970-01-01 UTC.
    pub fn seconds(self) -> u64 {
        self.0 / 1000
    }
}

/// A clock that never steps back while the process runs: wall time at start plus monotonic time since.
///
/// Health ages and slow start would break if an operator set the clock back; tokens only need rough wall time.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
    epoch_ms: u64,
}

impl Clock {
    /// A clock that starts at the machine's wall time.
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the machine's clocks")]
    pub fn start() -> Self {
        Self { started: Instant::now(), epoch_ms: wall_ms() }
    }

    /// A clock that starts at any time, for tests.
    #[cfg(test)]
    pub(crate) fn starting_at(time: Timestamp) -> Self {
        Self { started: monotonic(), epoch_ms: time.0 }
    }

    /// How far the machine's clock is ahead of this one, milliseconds; negative when it is behind. It was set since the start then,
    /// or the machine slept.
    pub fn offset_ms(&self) -> i64 {
        i64::try_from(i128::from(wall_ms()) - i128::from(self.now().0)).unwrap_or(i64::MAX)
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        Timestamp(self.epoch_ms).plus(self.started.elapsed())
    }
}

#[allow(clippy::disallowed_methods, reason = "the one place that reads the machine's clocks")]
fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The monotonic clock, for measuring spans on the data plane.
#[allow(clippy::disallowed_methods, reason = "the one place that reads the machine's clocks")]
pub fn monotonic() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_is_seen() {
        assert!(Clock::start().offset_ms().abs() < 1_000);
        let wall = i64::try_from(wall_ms()).unwrap();
        for started_at in [wall - 3_600_000, wall + 3_600_000] {
            let clock = Clock::starting_at(Timestamp(started_at.unsigned_abs()));
            assert!((clock.offset_ms() - (wall - started_at)).abs() < 1_000, "{started_at}");
        }
    }
}
