//! Forgives a policy the time in which its thread was not running.
//!
//! Owns the deadline of one call. Epochs count wall time: on a busy machine a worker can be put aside for longer than
//! the whole limit while a guest that needs a microsecond looks slow. Linux says how long a thread waited for a
//! processor (`/proc/thread-self/schedstat`, second number, ns); an expired call is let on, once, when at least half of
//! its limit was such waiting. Without that file nothing is forgiven. Used by `instance`; one [`WaitMeter`] per worker.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Reads how long its thread has waited for a processor. Belongs to the thread that made it.
#[derive(Debug)]
pub(super) struct WaitMeter {
    schedstat: Option<File>,
    /// Tick at which `waited_ns` was read.
    tick: AtomicU64,
    /// Waiting time of the thread at that tick.
    waited_ns: AtomicU64,
}

impl WaitMeter {
    /// A meter of the calling thread.
    pub(super) fn of_this_thread() -> Self {
        let schedstat = File::open("/proc/thread-self/schedstat").ok();
        Self { schedstat, tick: AtomicU64::new(u64::MAX), waited_ns: AtomicU64::new(0) }
    }

    /// Notes where the thread stands. Reads the file once per tick at most (0.5 us), not once per call.
    pub(super) fn mark(&self, tick: u64) {
        if self.tick.swap(tick, Relaxed) != tick {
            self.waited_ns.store(self.read().unwrap_or(u64::MAX), Relaxed);
        }
    }

    /// How long the thread waited since the mark.
    fn waited(&self) -> Duration {
        let since = self.read().map(|now| now.saturating_sub(self.waited_ns.load(Relaxed)));
        Duration::from_nanos(since.unwrap_or(0))
    }

    fn read(&self) -> Option<u64> {
        let mut text = [0; 96];
        let len = self.schedstat.as_ref()?.read_at(&mut text, 0).ok()?;
        std::str::from_utf8(&text[..len]).ok()?.split_ascii_whitespace().nth(1)?.parse().ok()
    }
}

/// The deadline of the call in progress.
#[derive(Debug)]
pub(super) struct Patience {
    meter: Arc<WaitMeter>,
    limit: Duration,
    forgiven: bool,
}

impl Patience {
    /// Measures by the meter of the thread that will make the calls.
    pub(super) fn new(meter: Arc<WaitMeter>) -> Self {
        Self { meter, limit: Duration::ZERO, forgiven: false }
    }

    /// Begins a call that may take `limit`.
    pub(super) fn begin(&mut self, limit: Duration, tick: u64) {
        self.meter.mark(tick);
        self.limit = limit;
        self.forgiven = false;
    }

    /// The deadline has passed. Returns the ticks that are granted in addition, once; none ends the call.
    pub(super) fn expired(&mut self) -> Option<u64> {
        if self.forgiven || self.meter.waited() < self.limit / 2 {
            return None;
        }
        self.forgiven = true;
        Some(ticks(self.limit))
    }
}

/// Ticks for a limit. A tick may fall right after the start, so one more is needed than fit; never fewer than two.
pub(super) fn ticks(limit: Duration) -> u64 {
    let whole = limit.as_micros().div_ceil(super::ticker::TICK.as_micros());
    u64::try_from(whole).unwrap_or(u64::MAX / 2).saturating_add(1).max(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patience(waited_at_mark: u64) -> Patience {
        let meter = WaitMeter::of_this_thread();
        meter.tick.store(7, Relaxed);
        meter.waited_ns.store(waited_at_mark, Relaxed);
        let mut patience = Patience::new(Arc::new(meter));
        patience.begin(Duration::from_millis(2), 7);
        patience
    }

    #[test]
    fn a_thread_that_waited_is_forgiven_once() {
        // Every thread of a test has waited a little; a limit of nothing makes that enough.
        let mut put_aside = patience(0);
        put_aside.limit = Duration::ZERO;
        assert_eq!((put_aside.expired(), put_aside.expired()), (Some(2), None));
    }

    #[test]
    fn a_thread_that_ran_is_not_forgiven() {
        assert_eq!(patience(u64::MAX).expired(), None);
        let mut elsewhere = Patience::new(Arc::new(WaitMeter { schedstat: None, tick: 0.into(), waited_ns: 0.into() }));
        elsewhere.begin(Duration::from_millis(2), 7);
        assert_eq!(elsewhere.expired(), None, "a system without the file forgives nothing");
    }

    #[test]
    fn a_limit_is_never_cut_short() {
        for (limit_us, expected) in [(0, 2), (1, 2), (2_000, 2), (2_001, 3), (4_000, 3), (100_000, 51)] {
            assert_eq!(ticks(Duration::from_micros(limit_us)), expected, "{limit_us} us");
        }
    }
}
