//! The families of the cache on disk.
//!
//! Owns their names. What they count is counted by `store::disk`, and shown when somebody asks.

use super::families::Labels;
use crate::store::disk::Disk;
use crate::store::disk::figures::Fault;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// Every family of the disk.
#[derive(Debug, Clone, Default)]
pub struct DiskFamilies {
    entries: Gauge,
    bytes: Gauge,
    evictions: Gauge,
    reads: Counter,
    writes: Counter,
    dropped: Family<Labels, Counter>,
    errors: Family<Labels, Counter>,
    waiting_reads: Gauge,
    queued: Gauge,
}

impl DiskFamilies {
    pub(super) fn register(&self, r: &mut Registry) {
        r.register("cache_disk_entries", "Stored answers on disk", self.entries.clone());
        r.register("cache_disk_bytes", "Bytes that they take", self.bytes.clone());
        r.register("cache_disk_evicted", "Entries that made room since the start", self.evictions.clone());
        r.register("cache_disk_reads", "Pieces read from disk", self.reads.clone());
        r.register("cache_disk_writes", "Entries written to disk", self.writes.clone());
        r.register("cache_disk_dropped", "Reads, writes and changes that were not tried", self.dropped.clone());
        r.register("cache_disk_errors", "Reads and writes that failed, by kind", self.errors.clone());
        r.register("cache_disk_waiting_reads", "Reads that wait now", self.waiting_reads.clone());
        r.register("cache_disk_queued_bytes", "Bytes that wait to be written now", self.queued.clone());
    }

    /// Shows what the disk did.
    pub(super) fn show(&self, disk: &Disk) {
        let figures = disk.figures();
        let now = |counter: &AtomicU64| i64::try_from(counter.load(Relaxed)).unwrap_or(i64::MAX);
        self.entries.set(i64::try_from(disk.entries()).unwrap_or(i64::MAX));
        self.bytes.set(now(&figures.bytes));
        self.evictions.set(now(&figures.evictions));
        self.waiting_reads.set(now(&figures.waiting));
        self.queued.set(now(&figures.queued));
        self.reads.inner().store(figures.reads.load(Relaxed), Relaxed);
        self.writes.inner().store(figures.writes.load(Relaxed), Relaxed);
        for (what, counter) in [("read", &figures.busy), ("write", &figures.dropped), ("change", &figures.unread)] {
            let labels = vec![("what", what.to_owned())];
            self.dropped.get_or_create(&labels).inner().store(counter.load(Relaxed), Relaxed);
        }
        for fault in Fault::ALL {
            let labels = vec![("kind", fault.word().to_owned())];
            self.errors.get_or_create(&labels).inner().store(figures.errors(fault), Relaxed);
        }
    }
}
