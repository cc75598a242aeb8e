//! How a snapshot reaches the workers: one pointer, stored by one writer.
//!
//! Owns the `ArcSwap` that the conductor stores to. A worker keeps its own cached handle, so that reading costs one
//! relaxed comparison, and looks again at every exchange and on a slow tick, so that an idle worker does not keep an
//! old snapshot alive.

use super::Snapshot;
use arc_swap::ArcSwap;
use arc_swap::cache::Cache;
use std::sync::Arc;

/// The place where the newest snapshot stands.
#[derive(Debug, Clone)]
pub struct Published(Arc<ArcSwap<Snapshot>>);

impl Published {
    /// Publishes a first snapshot.
    pub fn new(first: Arc<Snapshot>) -> Self {
        Self(Arc::new(ArcSwap::new(first)))
    }

    /// Replaces the snapshot. Only the conductor calls this.
    pub fn store(&self, snapshot: Arc<Snapshot>) {
        self.0.store(snapshot);
    }

    /// The newest snapshot, for readers off the hot path.
    pub fn load(&self) -> Arc<Snapshot> {
        self.0.load_full()
    }

    /// A worker's handle.
    pub fn reader(&self) -> Reader {
        Reader(Cache::new(Arc::clone(&self.0)))
    }
}

/// A worker's handle to the newest snapshot.
#[derive(Debug, Clone)]
pub struct Reader(Cache<Arc<ArcSwap<Snapshot>>, Arc<Snapshot>>);

impl Reader {
    /// The newest snapshot.
    pub fn snapshot(&mut self) -> &Arc<Snapshot> {
        self.0.load()
    }
}
