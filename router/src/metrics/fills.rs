//! The families of answers on their way into the cache.
//!
//! Owns their names and bounds. The label is the service. Counted by `data::cached`.

use super::families::{Labels, ServiceLabels};
use super::histogram::Histogram;
use super::words::{self, Words};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;

/// Bounds of the fill-time histogram, milliseconds: from a page of a near origin to a film.
const FILL_BOUNDS_MS: [u64; 12] = [1, 5, 10, 25, 50, 100, 250, 1_000, 2_500, 10_000, 30_000, 60_000];

/// Every family of fills.
#[derive(Debug, Clone)]
pub struct Fills {
    waiting: Family<ServiceLabels, Gauge>,
    seconds: Family<ServiceLabels, Histogram, fn() -> Histogram>,
    compressed: Family<Labels, Counter>,
    resumed: Family<ServiceLabels, Counter>,
}

impl Default for Fills {
    fn default() -> Self {
        let bounded = || Histogram::new(&FILL_BOUNDS_MS.map(Duration::from_millis));
        Self {
            waiting: Family::default(),
            seconds: Family::new_with_constructor(bounded),
            compressed: Family::default(),
            resumed: Family::default(),
        }
    }
}

impl Fills {
    pub(super) fn register(&self, r: &mut Registry) {
        r.register("cache_waiting", "Requests that wait for another's answer now", self.waiting.clone());
        let help = "Stored answers that were to be compressed, by what came of it";
        r.register("cache_compressed", help, self.compressed.clone());
        let help = "Times that the rest of a body that broke off was asked for";
        r.register("cache_resumed", help, self.resumed.clone());
        let help = "From the head of an answer that is stored to the end of its body";
        r.register_with_unit("cache_fill", help, Unit::Seconds, self.seconds.clone());
    }

    /// Handles of one service.
    pub(super) fn of(&self, service: &str) -> FillMetrics {
        let labels = ServiceLabels { service: service.to_owned() };
        FillMetrics {
            waiting: self.waiting.get_or_create_owned(&labels),
            seconds: self.seconds.get_or_create_owned(&labels),
            compressed: Words::new(&self.compressed, ("service", service), "outcome", words::COMPRESSED),
            resumed: self.resumed.get_or_create_owned(&labels),
        }
    }
}

/// Handles of one service.
#[derive(Debug, Clone)]
pub struct FillMetrics {
    waiting: Gauge,
    /// From the head of an answer to the end of its body.
    pub seconds: Histogram,
    /// What came of compressing stored answers.
    pub compressed: Words,
    /// Times that the rest of a body that broke off was asked for.
    pub resumed: Counter,
}

impl FillMetrics {
    /// Counts a request as waiting for as long as what is returned lives.
    pub fn waits(&self) -> Waiting<'_> {
        self.waiting.inc();
        Waiting(&self.waiting)
    }
}

/// A request that waits.
#[derive(Debug)]
pub struct Waiting<'a>(&'a Gauge);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}
