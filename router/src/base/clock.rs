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
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: Instant::now(), epoch_ms: u64::try_from(epoch.as_millis()).unwrap_or(u64::MAX) }
    }

    /// A clock that starts at any time, for tests.
    #[cfg(test)]
    pub(crate) fn starting_at(time: Timestamp) -> Self {
        Self { started: monotonic(), epoch_ms: time.0 }
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        Timestamp(self.epoch_ms).plus(self.started.elapsed())
    }
}

/// The monotonic clock, for measuring spans on the data plane.
#[allow(clippy::disallowed_methods, reason = "the one place that reads the machine's clocks")]
pub fn monotonic() -> Instant {
    Instant::now()
}
