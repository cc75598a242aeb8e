//! What is known of one region: health from its endpoints, the operator's wish, the round trip.
//!
//! Owns when a region counts as changed and as returned. The rule from endpoints to health is in `steer::health`.
//! Called by `health` after every event.

use crate::base::Timestamp;
use crate::config;
use crate::snapshot::build::RegionKnown;
use crate::steer::strategy::spill;
use crate::steer::table::{Admin, Health};
use std::time::Duration;

/// A round trip is shown anew when it moved by a tenth and by half a millisecond: less changes no choice, and each
/// change costs a snapshot.
const RTT_SHOWN_SHARE: u32 = 10;
const RTT_SHOWN_MIN: Duration = Duration::from_micros(500);
/// Time between two steps of the share that spills: each costs a snapshot while a region fills up.
const SPILL_EVERY: Duration = Duration::from_secs(1);

/// One region.
#[derive(Debug)]
pub(super) struct RegionWatch {
    /// As published.
    pub(super) known: RegionKnown,
    /// What the configuration says.
    pub(super) configured: Admin,
    /// Share of serving endpoints below which it is degraded.
    pub(super) panic_below: f64,
    /// Its endpoints.
    pub(super) endpoints: Vec<u64>,
    capacity: Option<u32>,
    spill_from: f64,
    /// When the share that spills was last looked at.
    spill_at: Timestamp,
    /// Whether it ever proved to serve: only what comes back ramps up.
    served: bool,
}

/// What changed about a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    /// Nothing that steering sees.
    Nothing,
    /// Something that may wait for the next publication.
    Detail,
    /// Health or the operator's wish.
    Standing,
}

impl RegionWatch {
    pub(super) fn new(admin: Admin, now: Timestamp) -> Self {
        let known =
            RegionKnown { admin, health: Health::Unknown, since: now, returned_at: None, rtt: None, spill: 0.0 };
        Self {
            known,
            configured: admin,
            panic_below: 0.0,
            endpoints: Vec::new(),
            capacity: None,
            spill_from: 1.0,
            spill_at: now,
            served: false,
        }
    }

    pub(super) fn configure(&mut self, service: &config::Service, spec: &config::Region) {
        self.configured = spec.admin;
        self.panic_below = service.steering.panic_below;
        self.endpoints = spec.endpoints.iter().map(|endpoint| endpoint.id).collect();
        self.capacity = spec.capacity;
        self.spill_from = service.steering.spill_from;
        if self.capacity.is_none() {
            self.known.spill = 0.0;
        }
    }

    /// Takes how much is in flight, and moves the share that spills a step towards what that asks for. However late the
    /// step comes, it is no longer than usual.
    pub(super) fn loaded(&mut self, in_flight: u32, now: Timestamp) -> Change {
        if now.since(self.spill_at) < SPILL_EVERY {
            return Change::Nothing;
        }
        self.spill_at = now;
        let wanted = spill::share(in_flight, self.capacity, self.spill_from);
        let next = spill::toward(self.known.spill, wanted, SPILL_EVERY);
        // What takes nothing has nothing to spill; when it comes back, slow start takes over.
        let out = self.known.admin == Admin::Off || self.known.health == Health::Down;
        let next = if out { 0.0 } else { next };
        let before = std::mem::replace(&mut self.known.spill, next);
        if before.to_bits() == next.to_bits() { Change::Nothing } else { Change::Detail }
    }

    /// Takes what its endpoints add up to.
    pub(super) fn observe(
        &mut self,
        admin: Admin,
        health: Health,
        served: bool,
        rtt: Option<Duration>,
        now: Timestamp,
    ) -> Change {
        let before = self.known;
        let could = before.admin != Admin::Off && before.health != Health::Down;
        let can = admin != Admin::Off && health != Health::Down;
        if can && !could && self.served {
            self.known.returned_at = Some(now);
        }
        self.served |= served;
        if before.health != health {
            self.known.since = now;
        }
        self.known.admin = admin;
        self.known.health = health;
        if moved(before.rtt, rtt) {
            self.known.rtt = rtt;
        }
        match () {
            () if before.health != health || before.admin != admin => Change::Standing,
            () if before != self.known => Change::Detail,
            () => Change::Nothing,
        }
    }
}

fn moved(shown: Option<Duration>, now: Option<Duration>) -> bool {
    let (Some(shown), Some(now)) = (shown, now) else { return shown != now };
    shown.abs_diff(now) > (shown / RTT_SHOWN_SHARE).max(RTT_SHOWN_MIN)
}
