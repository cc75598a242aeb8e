//! Live counters of one endpoint, written by the workers, read by steering and sampled by the conductor.
//!
//! Owns in-flight counts, the latency average and the window of outcomes. All relaxed atomics, but for the end of an
//! attempt, which wakes who waits for room: a reading may be a moment old, which steering tolerates. Keyed by endpoint identity and carried across snapshots.

use super::queue::Queue;
use crate::steer::table::Load;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::time::Duration;

/// Weight of an old latency average against a new sample below it: it decays by an eighth, as TCP's smoothed round
/// trip does (RFC 6298, section 2). A sample above the average is taken at once: peaks must show (Finagle).
const DECAY_SHIFT: u32 = 3;

/// Live counters of one endpoint.
#[derive(Debug, Default)]
pub struct EndpointStats {
    in_flight: AtomicU32,
    latency_us: AtomicU32,
    successes: AtomicU64,
    failures: AtomicU64,
    consecutive: AtomicU32,
    /// Who waits for room at the service.
    queue: Arc<Queue>,
    /// Identity of the region in that queue.
    region: u64,
}

/// How an attempt ended, as far as the endpoint's health goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A response that an origin in good health gives (anything but 502, 503, 504).
    Success,
    /// Could not connect, broke off, did not answer in time, or answered 502, 503 or 504.
    Failure,
    /// Says nothing about the endpoint: the client went away, for example.
    Neutral,
}

/// Totals since the process started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Successful attempts.
    pub successes: u64,
    /// Failed attempts.
    pub failures: u64,
    /// Failures in a row up to now.
    pub consecutive: u32,
}

impl EndpointStats {
    /// Counters of an endpoint in a region of this identity, whose service has this queue.
    pub fn new(queue: Arc<Queue>, region: u64) -> Self {
        Self { queue, region, ..Self::default() }
    }

    /// Attempts in flight, read so that a waiting exchange and one that ends cannot miss each other.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(SeqCst)
    }

    /// Load at this moment.
    pub fn load(&self) -> Load {
        Load { in_flight: self.in_flight.load(Relaxed), latency_us: self.latency_us.load(Relaxed) }
    }

    /// Counts an attempt as in flight until the guard is dropped.
    pub fn begin(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Relaxed);
        InFlight(Arc::clone(self))
    }

    /// Notes time to first byte.
    pub fn observe_latency(&self, took: Duration) {
        let sample = u32::try_from(took.as_micros()).unwrap_or(u32::MAX).max(1);
        let average = self.latency_us.load(Relaxed);
        let next = if sample >= average { sample } else { average - ((average - sample) >> DECAY_SHIFT).max(1) };
        self.latency_us.store(next, Relaxed);
    }

    /// Notes how an attempt ended; returns the number of failures in a row.
    pub fn observe(&self, outcome: Outcome) -> u32 {
        match outcome {
            Outcome::Success => {
                self.successes.fetch_add(1, Relaxed);
                if self.consecutive.load(Relaxed) != 0 {
                    self.consecutive.store(0, Relaxed);
                }
                0
            }
            Outcome::Failure => {
                self.failures.fetch_add(1, Relaxed);
                self.consecutive.fetch_add(1, Relaxed).saturating_add(1)
            }
            Outcome::Neutral => self.consecutive.load(Relaxed),
        }
    }

    /// Totals so far; the conductor takes differences.
    pub fn totals(&self) -> Totals {
        Totals {
            successes: self.successes.load(Relaxed),
            failures: self.failures.load(Relaxed),
            consecutive: self.consecutive.load(Relaxed),
        }
    }

    /// Forgets the run of failures, when the endpoint is let in again.
    pub fn reset_consecutive(&self) {
        self.consecutive.store(0, Relaxed);
    }
}

/// One attempt in flight.
#[derive(Debug)]
pub struct InFlight(Arc<EndpointStats>);

impl InFlight {
    /// The endpoint's counters.
    pub fn stats(&self) -> &EndpointStats {
        &self.0
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        // In one order with the look at the queue: see `Queue::enter`.
        self.0.in_flight.fetch_sub(1, SeqCst);
        self.0.queue.came_free(self.0.region);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_flight_falls_back_to_zero() {
        let stats = Arc::new(EndpointStats::default());
        let (first, second) = (stats.begin(), stats.begin());
        assert_eq!(stats.load().in_flight, 2);
        drop(first);
        drop(second);
        assert_eq!(stats.load().in_flight, 0);
    }

    #[test]
    fn latency_rises_at_once_and_falls_slowly() {
        let stats = EndpointStats::default();
        stats.observe_latency(Duration::from_micros(800));
        stats.observe_latency(Duration::from_micros(8_000));
        assert_eq!(stats.load().latency_us, 8_000);
        stats.observe_latency(Duration::from_micros(800));
        assert_eq!(stats.load().latency_us, 7_100);
        (0..500).for_each(|_| stats.observe_latency(Duration::from_micros(800)));
        assert_eq!(stats.load().latency_us, 800);
    }

    #[test]
    fn a_success_ends_a_run_of_failures() {
        let stats = EndpointStats::default();
        assert_eq!((stats.observe(Outcome::Failure), stats.observe(Outcome::Failure)), (1, 2));
        assert_eq!(stats.observe(Outcome::Neutral), 2);
        assert_eq!(stats.observe(Outcome::Success), 0);
        assert_eq!(stats.totals(), Totals { successes: 1, failures: 2, consecutive: 0 });
    }
}
