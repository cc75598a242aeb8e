//! The numbers under which policies know regions.
//!
//! Owns one directory for each policy, over all services that use it. A directory that did not change is the same as
//! before, generation included, so that warm instances stay; a reload that touches neither policy nor regions costs
//! no instance. Used by `build` only.

use super::super::Snapshot;
use crate::config::{self, Live};
use crate::policy::{Loaded, RegionDirectory, RegionInfo};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Directories with the number of each service's first region.
#[derive(Debug, Default)]
pub(super) struct Directories {
    /// By policy.
    directories: BTreeMap<usize, Arc<RegionDirectory>>,
    /// By policy and service.
    first: BTreeMap<(usize, usize), u32>,
}

impl Directories {
    /// The directories of all policies in use.
    pub(super) fn of(live: &Live, loaded: &[Arc<Loaded>], previous: Option<&Snapshot>) -> Self {
        let mut made = Self::default();
        for (policy, loaded) in loaded.iter().enumerate() {
            let mut first = 0u32;
            for (index, service) in users(live, policy) {
                made.first.insert((policy, index), first);
                first = first.saturating_add(u32::try_from(service.regions.len()).unwrap_or(u32::MAX));
            }
            made.directories.insert(policy, reuse(policy_regions(live, policy), loaded, previous));
        }
        made
    }

    /// The directory of a policy, and the number of this service's first region in it.
    pub(super) fn find(&self, policy: usize, service: usize) -> Option<(Arc<RegionDirectory>, u32)> {
        Some((Arc::clone(self.directories.get(&policy)?), *self.first.get(&(policy, service))?))
    }
}

/// The services that use a policy, in their own order.
fn users(live: &Live, policy: usize) -> impl Iterator<Item = (usize, &config::Service)> {
    live.services.iter().enumerate().filter(move |(_, service)| service.policies.contains(&policy))
}

/// The regions that a policy's instances know: those of all services that use it.
pub fn policy_regions(live: &Live, policy: usize) -> Vec<RegionInfo> {
    let regions =
        users(live, policy).flat_map(|(_, service)| service.regions.iter().map(move |region| (service, region)));
    let info = |(service, region): (&config::Service, &config::Region)| RegionInfo {
        service: Arc::clone(&service.name),
        name: Arc::clone(&region.name),
        labels: region.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
        location: region.location,
        capacity: region.capacity.unwrap_or(0),
    };
    regions.map(info).collect()
}

/// The directory in use when it holds the same regions, else one of a new generation.
fn reuse(regions: Vec<RegionInfo>, loaded: &Arc<Loaded>, previous: Option<&Snapshot>) -> Arc<RegionDirectory> {
    let services = previous.into_iter().flat_map(|snapshot| &snapshot.services);
    let mut uses = services.flat_map(|service| service.asked());
    let before = uses.find(|used| Arc::ptr_eq(&used.loaded, loaded) && used.directory.regions == regions);
    if let Some(before) = before {
        return Arc::clone(&before.directory);
    }
    // The number of the snapshot to come has never been used before, so no two directories share a generation.
    let generation = previous.map_or(1, |snapshot| snapshot.version + 1);
    Arc::new(RegionDirectory { generation, regions })
}
