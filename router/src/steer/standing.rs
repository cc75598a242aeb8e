//! Where each region stands for one exchange: the stages fence, admin, health and capacity.
//!
//! Owns what takes a region out, in the order in which it counts; each stage only looks at what the earlier ones left.
//! Every later choice (pin, spill, panic, alternatives) picks from these sets, which is why none can leave the fence.
//! Called by `choose`.

use super::choose::Ask;
use super::plan::MoveReason;
use super::strategy::spill;
use super::table::{Admin, EndpointState, Health, Loads, Region, ServiceTable};
use super::verdict::PinAction;
use crate::base::RegionSet;

/// A service's regions, each in exactly one of the sets.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// Outside the fence.
    pub(super) fenced: RegionSet,
    /// Inside it, not named by a strict order.
    pub(super) unordered: RegionSet,
    /// Switched off.
    pub(super) off: RegionSet,
    /// Draining, and the session is not pinned there.
    pub(super) draining: RegionSet,
    /// Evidence says down, or no endpoint serves.
    pub(super) down: RegionSet,
    /// Alive, at the hard capacity.
    pub(super) full: RegionSet,
    /// Can serve.
    pub(super) able: RegionSet,
    /// Of those draining: alive and with room.
    pub(super) drain_spare: RegionSet,
    /// Of those draining: alive, at the hard capacity.
    pub(super) drain_full: RegionSet,
    /// Of those down or draining: dead by what traffic met, but some endpoint has no failed probe against it.
    pub(super) hope: RegionSet,
}

impl Standing {
    /// Runs the stages. `pinned` is the region in which the session is at home, if any.
    pub(super) fn of<L: Loads + ?Sized>(table: &ServiceTable, ask: &Ask<'_>, loads: &L) -> Self {
        let mut standing = Self::default();
        let all = RegionSet::first(table.regions.len());
        let fence = ask.advice.fence.map_or(ask.static_fence, |fence| fence.intersect(ask.static_fence));
        let mut left = all.intersect(fence);
        standing.fenced = all.without(left);
        if ask.advice.strict && !ask.advice.order.is_empty() {
            let named = ask.advice.order.iter().map(|region| usize::from(*region)).collect();
            standing.unordered = left.without(named);
            left = left.intersect(named);
        }
        let pinned = match ask.advice.pin {
            PinAction::Clear => None,
            _ => ask.pin.filter(|_| table.steering.affinity.is_some()).and_then(|pin| pin.region),
        };
        for index in left.iter() {
            let at_home = pinned.map(usize::from) == Some(index);
            standing.place(index, &table.regions[index], at_home, loads);
        }
        standing
    }

    fn place<L: Loads + ?Sized>(&mut self, index: usize, region: &Region, at_home: bool, loads: &L) {
        if region.admin == Admin::Off {
            return self.off.insert(index);
        }
        let alive = region.health != Health::Down && region.endpoints.iter().any(|endpoint| endpoint.state.serves());
        let full = region.capacity.is_some() && spill::is_full(loads.region_in_flight(index), region.capacity);
        if !alive && !full && region.endpoints.iter().any(|endpoint| endpoint.state != EndpointState::Down) {
            self.hope.insert(index);
        }
        let draining = region.admin == Admin::Drain || region.health == Health::Draining;
        let set = match (draining && !at_home, alive, full) {
            (true, alive, full) => {
                match (alive, full) {
                    (true, false) => self.drain_spare.insert(index),
                    (true, true) => self.drain_full.insert(index),
                    (false, _) => {}
                }
                &mut self.draining
            }
            (false, false, _) => &mut self.down,
            (false, true, true) => &mut self.full,
            (false, true, false) => &mut self.able,
        };
        set.insert(index);
    }

    /// Whether fence and strict order left nothing to look at.
    pub(super) fn is_empty(&self) -> bool {
        let sets = [self.off, self.draining, self.down, self.full, self.able];
        sets.iter().all(|set| set.is_empty())
    }

    /// Why a region cannot serve this exchange; none when it can.
    pub(super) fn out(&self, region: usize) -> Option<MoveReason> {
        let sets = [
            (self.fenced, MoveReason::Fence),
            (self.unordered, MoveReason::Policy),
            (self.off, MoveReason::Off),
            // Only a session that ends its pin meets its own region here.
            (self.draining, MoveReason::Off),
            (self.down, MoveReason::Down),
            (self.full, MoveReason::Capacity),
        ];
        sets.into_iter().find(|(set, _)| set.contains(region)).map(|(_, reason)| reason)
    }
}

/// Share (0 to 1) of a region's endpoints that serve.
pub(super) fn serving_share(region: &Region) -> f64 {
    let serving = region.endpoints.iter().filter(|endpoint| endpoint.state.serves()).count();
    serving as f64 / region.endpoints.len().max(1) as f64
}
