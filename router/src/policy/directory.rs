//! The regions that a policy's instances know, each by its number.
//!
//! Owns the numbering that one instance sees all its life: a region's number is its position here. Built by `snapshot`
//! when the region table changes; a new generation means new instances.

use super::contract::RegionRecord;
use crate::base::Location;
use std::sync::Arc;

/// Regions of all services that use a policy.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RegionDirectory {
    /// Changes whenever `regions` does; instances of another generation are dropped.
    pub generation: u64,
    /// Regions; the position is the number. Those of one service follow each other in the service's own order.
    pub regions: Vec<RegionInfo>,
}

/// A region as configured.
#[derive(Debug, Clone, PartialEq)]
pub struct RegionInfo {
    /// The service it belongs to.
    pub service: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Labels in order of name.
    pub labels: Vec<(String, String)>,
    /// Where it is.
    pub location: Location,
    /// Requests in flight it is meant to hold; 0 is no limit.
    pub capacity: u32,
}

impl RegionDirectory {
    /// How many numbers are in use; every number below it names a region.
    pub fn len(&self) -> u32 {
        u32::try_from(self.regions.len()).unwrap_or(u32::MAX)
    }

    /// Whether there is no region.
    pub fn is_empty(&self) -> bool {
        self.regions.is_empty()
    }

    /// The regions as `init` gets them.
    pub(super) fn records(&self) -> Vec<RegionRecord<'_>> {
        let mut records = Vec::with_capacity(self.regions.len());
        for (id, region) in (0u32..).zip(&self.regions) {
            records.push(RegionRecord {
                id,
                service: &region.service,
                name: &region.name,
                labels: &region.labels,
                location: region.location.into(),
                capacity: region.capacity,
            });
        }
        records
    }
}
