//! A histogram without a lock.
//!
//! Owns the atomics that a worker adds to. The registry crate's own histogram takes a lock for each observation, which
//! the decision path must not (several workers observe the same policy). A reading may catch the sum and the buckets a
//! moment apart; Prometheus tolerates that.

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Times by size. Clones share their counters.
#[derive(Debug, Clone)]
pub struct Histogram(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Upper bounds in nanoseconds, rising.
    bounds: Box<[u64]>,
    /// One counter for each bound, and one for what lies above.
    counts: Box<[AtomicU64]>,
    sum_ns: AtomicU64,
}

impl Histogram {
    /// A histogram with these upper bounds, rising.
    pub fn new(bounds: &[Duration]) -> Self {
        let bounds: Box<[u64]> = bounds.iter().map(|bound| nanoseconds(*bound)).collect();
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(Inner { bounds, counts, sum_ns: AtomicU64::new(0) }))
    }

    /// Counts one time.
    pub fn observe(&self, took: Duration) {
        let took = nanoseconds(took);
        let bucket = self.0.bounds.partition_point(|bound| *bound < took);
        self.0.counts[bucket].fetch_add(1, Relaxed);
        self.0.sum_ns.fetch_add(took, Relaxed);
    }
}

fn nanoseconds(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        let seconds = |ns: u64| ns as f64 / 1e9;
        let bounds = self.0.bounds.iter().map(|bound| seconds(*bound)).chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds.zip(self.0.counts.iter().map(|count| count.load(Relaxed))).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        encoder.encode_histogram::<NoLabelSet>(seconds(self.0.sum_ns.load(Relaxed)), count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    #[test]
    fn buckets_are_cumulative_in_text() {
        let histogram = Histogram::new(&[Duration::from_millis(1), Duration::from_millis(10)]);
        for ms in [1, 2, 10, 11] {
            histogram.observe(Duration::from_millis(ms));
        }
        let mut registry = Registry::default();
        registry.register("took", "Time", histogram);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        for line in ["took_sum 0.024", "took_count 4", "le=\"0.001\"} 1", "le=\"0.01\"} 3", "le=\"+Inf\"} 4"] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }
}
