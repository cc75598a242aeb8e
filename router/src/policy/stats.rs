//! Counters of one policy.
//!
//! Owns relaxed atomics that workers add to and `/metrics` and `/status` read. They outlive a reload when the caller
//! hands the same `Arc` to the next load. Never consulted to decide anything.

use super::failure::{FAILURE_WORDS, PolicyFailure};
use super::watch_stats::WatchStats;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counters of one policy.
#[derive(Debug, Default)]
pub struct PolicyStats {
    calls: AtomicU64,
    failures: [AtomicU64; FAILURE_WORDS.len()],
    ignored_regions: AtomicU64,
    ignored_ext: AtomicU64,
    instances: AtomicU64,
    dropped_lines: AtomicU64,
    stray_writes: AtomicU64,
    refused_lookups: AtomicU64,
    living: AtomicU64,
    memory: AtomicU64,
    watch: WatchStats,
}

/// The counters at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicyCounts {
    /// Verdicts asked for, whatever came of it.
    pub calls: u64,
    /// Failures by word, in the order of [`FAILURE_WORDS`].
    pub failures: [(&'static str, u64); FAILURE_WORDS.len()],
    /// Regions in orders and fences that were ignored: not candidates, or no region at all.
    pub ignored_regions: u64,
    /// Extensions of a plan or manifest that this host does not know.
    pub ignored_ext: u64,
    /// Instances made.
    pub instances: u64,
    /// Lines of output not logged, for there were too many.
    pub dropped_lines: u64,
    /// Writes to metrics that were not declared so, or of what is no number.
    pub stray_writes: u64,
    /// Look-ups in the request that were refused: of what was not declared so, or more than a call may make.
    pub refused_lookups: u64,
    /// Instances that live now.
    pub living: u64,
    /// Their linear memory, bytes.
    pub memory: u64,
}

impl PolicyStats {
    pub(super) fn called(&self) {
        self.calls.fetch_add(1, Relaxed);
    }

    pub(super) fn failed(&self, failure: &PolicyFailure) {
        self.failures[failure.index()].fetch_add(1, Relaxed);
    }

    pub(super) fn ignored(&self, regions: u32, ext: u32) {
        self.ignored_regions.fetch_add(u64::from(regions), Relaxed);
        self.ignored_ext.fetch_add(u64::from(ext), Relaxed);
    }

    pub(super) fn instance_made(&self) {
        self.instances.fetch_add(1, Relaxed);
    }

    pub(super) fn stray_write(&self) {
        self.stray_writes.fetch_add(1, Relaxed);
    }

    pub(super) fn lookup_refused(&self) {
        self.refused_lookups.fetch_add(1, Relaxed);
    }

    pub(super) fn born(&self) {
        self.living.fetch_add(1, Relaxed);
    }

    /// An instance is gone, with all its memory.
    pub(super) fn died(&self, memory: usize) {
        self.living.fetch_sub(1, Relaxed);
        self.memory.fetch_sub(memory as u64, Relaxed);
    }

    /// An instance has grown by so many bytes.
    pub(super) fn grew(&self, bytes: usize) {
        self.memory.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn line_dropped(&self) {
        self.dropped_lines.fetch_add(1, Relaxed);
    }

    /// Those of its background instance.
    pub fn watch(&self) -> &WatchStats {
        &self.watch
    }

    /// The counters now.
    pub fn counts(&self) -> PolicyCounts {
        PolicyCounts {
            calls: self.calls.load(Relaxed),
            failures: std::array::from_fn(|i| (FAILURE_WORDS[i], self.failures[i].load(Relaxed))),
            ignored_regions: self.ignored_regions.load(Relaxed),
            ignored_ext: self.ignored_ext.load(Relaxed),
            instances: self.instances.load(Relaxed),
            dropped_lines: self.dropped_lines.load(Relaxed),
            stray_writes: self.stray_writes.load(Relaxed),
            refused_lookups: self.refused_lookups.load(Relaxed),
            living: self.living.load(Relaxed),
            memory: self.memory.load(Relaxed),
        }
    }
}
