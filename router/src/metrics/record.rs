//! Decisions on their way into the record.
//!
//! Owns the family and its handles. Workers count what found no room, the writer the rest.

use super::families::Metrics;
use prometheus_client::metrics::counter::Counter;

/// Handles of the record.
#[derive(Debug, Clone)]
pub struct RecordMetrics {
    written: Counter,
    dropped: Counter,
    failed: Counter,
}

impl Metrics {
    /// Handles of the record.
    pub fn record(&self) -> RecordMetrics {
        let word = |word: &str| self.recorded.get_or_create_owned(&vec![("outcome", word.to_owned())]);
        RecordMetrics { written: word("written"), dropped: word("dropped"), failed: word("failed") }
    }
}

impl RecordMetrics {
    /// Counts a decision that is in the file.
    pub fn written(&self) {
        self.written.inc();
    }

    /// Counts a decision for which there was no room on the way.
    pub fn dropped(&self) {
        self.dropped.inc();
    }

    /// Counts a decision that the file did not take.
    pub fn failed(&self) {
        self.failed.inc();
    }
}
