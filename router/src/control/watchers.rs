//! Keeps the background instances of policies that watch the regions.
//!
//! Owns which of them run: one for each policy with the hook `health` that a published snapshot asks, in the words of that
//! snapshot. One whose policy was replaced or is asked no more ends. Told by the conductor after each publication; never waits.

use crate::base::Clock;
use crate::policy::{Feed, Loaded, RegionState, Watcher};
use crate::snapshot::{PolicyUse, Service, Snapshot};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The running background instances.
#[derive(Debug)]
pub struct Watchers {
    /// By the identity of the load.
    running: BTreeMap<u64, Watcher>,
    clock: Clock,
}

impl Watchers {
    /// None yet.
    pub fn new(clock: Clock) -> Self {
        Self { running: BTreeMap::new(), clock }
    }

    /// Starts, tells and ends instances as this snapshot has it.
    pub fn follow(&mut self, snapshot: &Snapshot) {
        let wanted = wanted(snapshot);
        self.running.retain(|id, watcher| wanted.contains_key(id) && !watcher.is_over());
        for (id, (policy, feed)) in wanted {
            if let Some(watcher) = self.running.get(&id) {
                watcher.tell(feed);
                continue;
            }
            match Watcher::start(Arc::clone(&policy), feed, self.clock) {
                Ok(watcher) => {
                    self.running.insert(id, watcher);
                }
                Err(error) => tracing::error!(policy = %policy.name(), "no thread for the hook health: {error}"),
            }
        }
    }
}

/// Policies that watch, with what there is to tell them.
fn wanted(snapshot: &Snapshot) -> BTreeMap<u64, (Arc<Loaded>, Feed)> {
    let mut wanted = BTreeMap::new();
    for service in &snapshot.services {
        for used in service.asked().filter(|used| used.loaded.watches()) {
            wanted.entry(used.loaded.id()).or_insert_with(|| (Arc::clone(&used.loaded), feed(snapshot, used)));
        }
    }
    wanted
}

/// The states of all regions that a policy knows, in the order of its directory: service by service.
fn feed(snapshot: &Snapshot, policy: &PolicyUse) -> Feed {
    let uses = |service: &&Arc<Service>| service.asked().any(|used| used.loaded.id() == policy.loaded.id());
    let mut services: Vec<(u32, &Arc<Service>)> = Vec::new();
    for service in snapshot.services.iter().filter(uses) {
        let first = service.asked().find(|used| used.loaded.id() == policy.loaded.id()).map(|used| used.first_region);
        services.extend(first.map(|first| (first, service)));
    }
    services.sort_by_key(|(first, _)| *first);
    let regions = services.iter().flat_map(|(_, service)| &service.table.regions);
    let regions = regions.map(|region| RegionState { health: region.health.into(), since: region.health_since });
    Feed { directory: Arc::clone(&policy.directory), regions: regions.collect() }
}
