//! What became of regions, as a policy that watches them hears of it.
//!
//! A view of what the host passed, like `request`. Made by `guest.rs` for each call and by `testing`.

use crate::bindings::health::exports::portolan::policy::health as contract;
use crate::{Health, RegionInfo, Regions};

/// What became of regions since the last call; nothing when it is only time again.
#[derive(Debug, Clone, Copy)]
pub struct Changes<'a> {
    now_ms: f64,
    entropy: f64,
    raw: &'a [contract::Change],
    regions: &'a Regions,
}

/// What became of one region.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// The region.
    pub region: &'a RegionInfo,
    /// What was told last; unknown before anything was.
    pub before: Health,
    /// What it is.
    pub now: Health,
    /// Since when, milliseconds since 1970.
    pub since_ms: f64,
}

impl<'a> Changes<'a> {
    pub(crate) fn new(now_ms: f64, entropy: f64, raw: &'a [contract::Change], regions: &'a Regions) -> Self {
        Self { now_ms, entropy, raw, regions }
    }

    /// The time, milliseconds since 1970.
    pub fn now_ms(&self) -> f64 {
        self.now_ms
    }

    /// Uniform in [0, 1), new for each call.
    pub fn entropy(&self) -> f64 {
        self.entropy
    }

    /// One for each region that changed; the first call of an instance has one for every region.
    pub fn iter(&self) -> impl Iterator<Item = Change<'a>> + use<'a> {
        let regions = self.regions;
        self.raw.iter().filter_map(move |change| {
            let contract::Change { region, before, now, since_ms } = *change;
            Some(Change { region: regions.by_id(region)?, before, now, since_ms })
        })
    }
}
