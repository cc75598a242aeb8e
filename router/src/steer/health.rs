//! What probes say of an endpoint, and what endpoints say of their region.
//!
//! Owns the state machine of one (endpoint, probe) pair and the rules that add states up. Rise and fall: `rise` passes
//! in a row bring it up, failures take it down when `fall` of them come without `rise` passes in a row between them.
//! So failures leak away only by steady passing (as in gdnsd), and an endpoint that flaps goes down too. Unknown is not
//! down: without evidence no state changes. Used by the World, which brings time and results.

use super::strategy::draw;
use super::table::{Admin, EndpointState, Health};
use crate::base::{Timestamp, hash};
use std::time::Duration;

/// The pace of probes between the first sign of a change and its confirmation (HAProxy's `fastinter`).
const TRANSITION_INTERVAL: Duration = Duration::from_secs(1);
/// Probes spread by this part of their interval to either side, so that PoPs do not probe in step.
const JITTER: f64 = 0.15;
const PURPOSE_JITTER: u64 = 0x6a69_7474;

/// When a state changes; 0 counts as 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// Passes in a row that bring an endpoint up.
    pub rise: u32,
    /// Failures that take it down.
    pub fall: u32,
}

impl Default for Thresholds {
    /// HAProxy's `rise 2 fall 3`.
    fn default() -> Self {
        Self { rise: 2, fall: 3 }
    }
}

/// How often an endpoint is probed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Between two probes, while nothing changes.
    pub interval: Duration,
    /// Between two probes of an endpoint that is down, at most; not less than the interval.
    pub down_interval: Duration,
}

/// What a probe knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProbeState {
    /// Too few results yet.
    #[default]
    Unknown,
    /// Passes.
    Up,
    /// Fails.
    Down,
}

/// A state that just changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// The state before.
    pub from: ProbeState,
    /// The state now.
    pub to: ProbeState,
}

/// Results of one probe of one endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Probe {
    state: ProbeState,
    /// When `state` began; none before the first change.
    since: Option<Timestamp>,
    /// Passes in a row.
    passes: u32,
    /// Failures since the last time that `rise` passes came in a row.
    failures: u32,
}

impl Probe {
    /// The state now.
    pub fn state(&self) -> ProbeState {
        self.state
    }

    /// When the state began; none before the first change.
    pub fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// Takes a result in. From unknown, one pass is enough to come up (a PoP that starts must not wait), failures
    /// need `fall` as ever.
    pub fn observe(&mut self, ok: bool, now: Timestamp, thresholds: &Thresholds) -> Option<Transition> {
        let (rise, fall) = (thresholds.rise.max(1), thresholds.fall.max(1));
        if ok {
            self.passes = self.passes.saturating_add(1);
            if self.passes >= rise {
                self.failures = 0;
            }
        } else {
            self.passes = 0;
            self.failures = self.failures.saturating_add(1);
        }
        let next = match self.state {
            ProbeState::Unknown if ok => ProbeState::Up,
            ProbeState::Down if self.passes >= rise => ProbeState::Up,
            ProbeState::Unknown | ProbeState::Up if self.failures >= fall => ProbeState::Down,
            unchanged => unchanged,
        };
        let from = std::mem::replace(&mut self.state, next);
        (from != next).then(|| {
            self.since = Some(now);
            Transition { from, to: next }
        })
    }

    /// How long to wait for the next probe: the interval, or a second if that is less while a change is under way, or
    /// twice as long after each further failure while down; spread by 15 % either side.
    pub fn next_in(&self, pace: Pace, thresholds: &Thresholds, seed: u64) -> Duration {
        let changing = match self.state {
            ProbeState::Unknown => true,
            ProbeState::Up => self.failures > 0,
            ProbeState::Down => self.passes > 0,
        };
        let wait = match self.state {
            _ if changing => pace.interval.min(TRANSITION_INTERVAL),
            ProbeState::Down => {
                let further = self.failures.saturating_sub(thresholds.fall.max(1));
                pace.interval.saturating_mul(2u32.saturating_pow(further)).min(pace.down_interval).max(pace.interval)
            }
            ProbeState::Up | ProbeState::Unknown => pace.interval,
        };
        wait.mul_f64(1.0 - JITTER + 2.0 * JITTER * hash::unit(draw(seed, PURPOSE_JITTER)))
    }
}

/// State of an endpoint: one failed probe takes it down, an ejection takes it out, one that passes shows it up.
pub fn endpoint_state(probes: impl IntoIterator<Item = ProbeState>, is_ejected: bool) -> EndpointState {
    let mut state = EndpointState::Unknown;
    for probe in probes {
        match probe {
            ProbeState::Down => return EndpointState::Down,
            ProbeState::Up => state = EndpointState::Up,
            ProbeState::Unknown => {}
        }
    }
    if is_ejected { EndpointState::Ejected } else { state }
}

/// Health of a region: down when no endpoint serves, degraded when less than `panic_below` (0 to 1) of them do, unknown
/// while none is known to be up, else healthy; draining in place of all but down when the operator says so.
pub fn region_health(endpoints: impl IntoIterator<Item = EndpointState>, admin: Admin, panic_below: f64) -> Health {
    let (mut all, mut serving, mut up) = (0u32, 0u32, 0u32);
    for state in endpoints {
        all += 1;
        serving += u32::from(state.serves());
        up += u32::from(state == EndpointState::Up);
    }
    match (serving, admin) {
        (0, _) => Health::Down,
        (_, Admin::Drain) => Health::Draining,
        _ if up == 0 => Health::Unknown,
        _ if f64::from(serving) < panic_below * f64::from(all) => Health::Degraded,
        _ => Health::Healthy,
    }
}

#[cfg(test)]
mod tests;
