//! All that the control plane knows, and what follows from news.
//!
//! Owns knowledge as plain maps keyed by identity: the configuration in force, loaded parts, probes, ejections,
//! addresses, the operator's switches, the last reload. `apply` is pure: no clock, no task, no I/O; what is to be done
//! comes back as effects. The conductor is its only owner. Start and reload are the same path from an empty World.

mod adopt;
mod bundles;
mod endpoint;
mod event;
mod health;
mod operator;
mod region;
mod reload;
mod resolve;
mod rollout;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use endpoint::thresholds;
pub use endpoint::{EndpointWatch, LastProbe};
pub use event::{
    Command, Effect, EndpointTls, Event, HostPort, LoadedConfig, LoadedPart, ProbeTarget, ProbeVerdict, Refusal,
    RegionLoad, Sample, Severity,
};
pub(crate) use health::cause_word;
pub use reload::{LastReload, Reloads, first};
pub use resolve::Name;
pub use rollout::{ReturnCause, Returned, Rollout, Tally};

use crate::base::Timestamp;
use crate::config::Live;
use crate::control::watch::WatchedFile;
use crate::snapshot::build::{EndpointKnown, Known, Parts, RegionKey};
use crate::steer::table::Admin;
use region::RegionWatch;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The configuration in force and what was loaded for it.
#[derive(Debug)]
pub struct InForce {
    /// Rises with each configuration that took effect; the first is 1.
    pub generation: u64,
    /// The live settings.
    pub live: Arc<Live>,
    /// What was loaded from files.
    pub parts: Parts,
    /// Boot settings in the file that this process does not run with.
    pub needs_restart: Vec<String>,
}

/// All that the control plane knows.
#[derive(Debug, Default)]
pub struct World {
    in_force: Option<InForce>,
    endpoints: BTreeMap<u64, EndpointWatch>,
    regions: BTreeMap<RegionKey, RegionWatch>,
    names: BTreeMap<HostPort, Name>,
    /// Commands that differ from the configuration; they outlive reloads.
    switches: BTreeMap<RegionKey, Admin>,
    draining: bool,
    reloads: Reloads,
    /// By the policy that is given to a share of the sessions.
    rollouts: BTreeMap<Arc<str>, Rollout>,
    /// Probes that run.
    probing: BTreeMap<u64, ProbeTarget>,
}

impl World {
    /// Takes one piece of news; says what is to be done about it.
    pub fn apply(&mut self, event: Event, now: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Config { ticket, result } => self.on_config(ticket, result, now, &mut effects),
            Event::Part { subject, generation, result } => self.on_part(subject, generation, result, &mut effects),
            Event::Changed(subject) => self.on_changed(subject, &mut effects),
            Event::Probe { endpoint, probe, verdict } => {
                self.on_probe(endpoint, &probe, verdict, now, &mut effects);
            }
            Event::Passive(samples) => self.on_passive(&samples, now, &mut effects),
            Event::Loads(loads) => self.on_loads(&loads, now, &mut effects),
            Event::Tallies(tallies) => self.on_tallies(&tallies, now, &mut effects),
            Event::Resolved { name, result } => self.on_resolved(&name, result, &mut effects),
            Event::Variants(variants) => self.on_variants(&variants, &mut effects),
            Event::Operator(command) => self.on_command(command, now, &mut effects),
            Event::Tick => self.on_tick(now, &mut effects),
        }
        self.settle(now, &mut effects);
        effects
    }

    /// The configuration in force; none before the first one.
    pub fn in_force(&self) -> Option<&InForce> {
        self.in_force.as_ref()
    }

    /// What is known of an endpoint.
    pub fn endpoint(&self, id: u64) -> Option<&EndpointWatch> {
        self.endpoints.get(&id)
    }

    /// What a name resolved to.
    pub fn name(&self, name: &HostPort) -> Option<&Name> {
        self.names.get(name)
    }

    /// All names with what they resolved to.
    pub fn names(&self) -> impl Iterator<Item = (&HostPort, &Name)> {
        self.names.iter()
    }

    /// The files that what is in force came from, as they were read. Files that were refused since are watched as they
    /// are now, which is not what serves: they are left out, so that no load takes them for unchanged.
    pub fn files(&self) -> Vec<WatchedFile> {
        let refused = self.reloads.parts_refused();
        self.reloads.watched().iter().filter(|file| !refused.contains_key(&file.subject)).cloned().collect()
    }

    /// Reloads so far.
    pub fn reloads(&self) -> &Reloads {
        &self.reloads
    }

    /// Whether the operator switched this region by command.
    pub fn switch(&self, region: &RegionKey) -> Option<Admin> {
        self.switches.get(region).copied()
    }

    /// Whether the whole PoP drains.
    pub fn draining(&self) -> bool {
        self.draining
    }

    /// Names that were never answered yet. At start the first snapshot waits for them, for a moment.
    pub fn names_open(&self) -> usize {
        self.names.values().filter(|name| name.open()).count()
    }

    /// States as the snapshot wants them.
    pub fn known(&self) -> Known {
        let endpoint = |(id, watch): (&u64, &EndpointWatch)| {
            (*id, EndpointKnown { state: watch.state, returned_at: watch.returned_at, address: watch.address })
        };
        Known {
            regions: self.regions.iter().map(|(key, region)| (key.clone(), region.known)).collect(),
            endpoints: self.endpoints.iter().map(endpoint).collect(),
            returned: self.returned(),
        }
    }
}
