//! What became of each region in one choice, for `/explain`.
//!
//! Owns the record of a choice, region by region. Filled from sets that the choice keeps anyway, so that a choice
//! nobody asks about pays nothing. Called by `choose`, read by the admin surface and the simulator.

use super::nearness::Nearness;
use super::plan::{MoveReason, Target};
use super::reason::Reason;
use super::standing::Standing;
use super::table::{Admin, Health, Loads, ServiceTable};
use crate::base::RegionSet;

/// One region, as the choice met it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Considered {
    /// Index of the region in the service's table.
    pub region: u8,
    /// Why it was chosen or passed over.
    pub reason: Reason,
    /// Distance from the client (or the PoP), km.
    pub distance_km: f64,
    /// What regions were ordered by: km or microseconds, by the service's metric.
    pub cost: f64,
    /// Requests in flight from this PoP.
    pub in_flight: u32,
    /// Its hard capacity.
    pub capacity: Option<u32>,
    /// Its health.
    pub health: Health,
    /// The operator's wish.
    pub admin: Admin,
    /// Endpoints that serve, of all.
    pub serving: (u32, u32),
}

/// One choice, explained.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trace {
    /// Every region of the service, nearest first.
    pub regions: Vec<Considered>,
    /// Why the session's own region does not serve it.
    pub pin_out: Option<MoveReason>,
}

/// What the choice itself passed over.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Passed {
    /// Over its soft capacity, and the coin said to spill.
    pub(super) over_soft: RegionSet,
    /// Ramping up, and the coin said to wait.
    pub(super) ramping: RegionSet,
    /// The session is strictly pinned elsewhere.
    pub(super) strict: bool,
}

impl Trace {
    pub(super) fn fill<L: Loads + ?Sized>(
        &mut self,
        table: &ServiceTable,
        nearness: &Nearness,
        loads: &L,
        reason: impl Fn(usize) -> Reason,
    ) {
        self.regions = nearness
            .iter()
            .map(|near| {
                let index = usize::from(near.region);
                let region = &table.regions[index];
                let serving = region.endpoints.iter().filter(|endpoint| endpoint.state.serves()).count();
                Considered {
                    region: near.region,
                    reason: reason(index),
                    distance_km: near.distance_km,
                    cost: near.cost,
                    in_flight: loads.region_in_flight(index),
                    capacity: region.capacity,
                    health: region.health,
                    admin: region.admin,
                    serving: (serving as u32, region.endpoints.len() as u32),
                }
            })
            .collect();
    }
}

/// The reason of one region: chosen, or the first stage that took it out.
pub(super) fn reason_of(region: usize, standing: &Standing, passed: Passed, targets: &[Target]) -> Reason {
    if let Some(target) = targets.iter().find(|target| usize::from(target.region) == region) {
        // The one that was passed over and is only the second choice says why.
        return match target.reason {
            Reason::Alternative if passed.over_soft.contains(region) => Reason::OverSoftCapacity,
            Reason::Alternative if passed.ramping.contains(region) => Reason::SlowStart,
            chosen => chosen,
        };
    }
    let stages = [
        (standing.fenced, Reason::OutsideFence),
        (standing.unordered, Reason::NotInStrictOrder),
        (standing.off, Reason::AdminOff),
        (standing.draining, Reason::Draining),
        (standing.down, Reason::Down),
        (standing.full, Reason::AtCapacity),
        (passed.over_soft, Reason::OverSoftCapacity),
        (passed.ramping, Reason::SlowStart),
    ];
    let rest = if passed.strict { Reason::StrictPin } else { Reason::NotNeeded };
    stages.into_iter().find(|(set, _)| set.contains(region)).map_or(rest, |(_, reason)| reason)
}
