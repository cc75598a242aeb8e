//! A configuration takes effect.
//!
//! Owns how live knowledge is carried over: endpoints by identity, their probes by endpoint and probe, switches by
//! name. What left the configuration is forgotten and starts fresh should it return. Called by `reload`.

use super::{Effect, EndpointWatch, InForce, LoadedConfig, ProbeTarget, Severity, World};
use crate::base::Timestamp;
use crate::config::Live;
use crate::snapshot::build::{RegionKey, endpoint_tls};
use std::collections::BTreeMap;
use std::sync::Arc;

impl World {
    pub(super) fn adopt(&mut self, loaded: LoadedConfig, now: Timestamp, effects: &mut Vec<Effect>) {
        let LoadedConfig { live, parts, needs_restart, files: _ } = loaded;
        let generation = self.in_force.as_ref().map_or(1, |before| before.generation + 1);
        self.adopt_endpoints(&live);
        self.adopt_regions(&live, now, effects);
        effects.push(Effect::Log(Severity::Info, format!("configuration in force, generation {generation}")));
        if !needs_restart.is_empty() {
            let text = format!("changed, but only a restart applies it: {}", needs_restart.join(", "));
            effects.push(Effect::Log(Severity::Warn, text));
        }
        self.in_force = Some(InForce { generation, live, parts, needs_restart });
        self.adopt_rollouts();
        effects.push(Effect::Publish { urgent: true });
        self.ask_names(now, effects);
        self.sync_addresses(effects);
        self.sync_probes(effects);
        self.ask_for_variants(effects);
    }

    fn adopt_endpoints(&mut self, live: &Live) {
        let mut before = std::mem::take(&mut self.endpoints);
        for service in &live.services {
            let probe = service.health.probe.clone().map(Arc::new);
            for region in &service.regions {
                let key = RegionKey { service: Arc::clone(&service.name), region: Arc::clone(&region.name) };
                for spec in &region.endpoints {
                    let mut watch = before.remove(&spec.id).unwrap_or_else(|| EndpointWatch::new(key.clone(), spec));
                    watch.configure(spec, probe.clone(), service.health.ejection);
                    self.endpoints.insert(spec.id, watch);
                }
            }
        }
    }

    fn adopt_regions(&mut self, live: &Live, now: Timestamp, effects: &mut Vec<Effect>) {
        let mut before = std::mem::take(&mut self.regions);
        for service in &live.services {
            for spec in &service.regions {
                let key = RegionKey { service: Arc::clone(&service.name), region: Arc::clone(&spec.name) };
                let mut region = before.remove(&key).unwrap_or_else(|| super::RegionWatch::new(spec.admin, now));
                region.configure(service, spec);
                self.regions.insert(key, region);
            }
        }
        let gone: Vec<RegionKey> =
            self.switches.keys().filter(|key| !self.regions.contains_key(*key)).cloned().collect();
        for key in gone {
            self.switches.remove(&key);
            let text = format!("region {}/{} is gone, and the operator's switch with it", key.service, key.region);
            effects.push(Effect::Log(Severity::Info, text));
        }
    }

    /// Starts, replaces and ends probes so that they are what configuration and addresses ask for.
    pub(super) fn sync_probes(&mut self, effects: &mut Vec<Effect>) {
        let wanted = self.wanted_probes();
        let gone: Vec<u64> = self.probing.keys().filter(|id| !wanted.contains_key(*id)).copied().collect();
        for id in gone {
            self.probing.remove(&id);
            effects.push(Effect::StopProbe(id));
        }
        for (id, target) in wanted {
            if !self.probing.get(&id).is_some_and(|running| running.same(&target)) {
                effects.push(Effect::StartProbe(target.clone()));
                self.probing.insert(id, target);
            }
        }
    }

    fn wanted_probes(&self) -> BTreeMap<u64, ProbeTarget> {
        let Some(in_force) = &self.in_force else { return BTreeMap::new() };
        let mut wanted = BTreeMap::new();
        for (index, service) in in_force.live.services.iter().enumerate() {
            for spec in service.regions.iter().flat_map(|region| &region.endpoints) {
                let Some(watch) = self.endpoints.get(&spec.id) else { continue };
                let (Some(probe), Some(address)) = (watch.probe(), watch.address) else { continue };
                let tls = endpoint_tls(&in_force.parts, index, &service.origin_tls, spec);
                let authority = authority(&spec.url);
                wanted.insert(spec.id, ProbeTarget { endpoint: spec.id, address, tls, authority, probe });
            }
        }
        wanted
    }

    /// Endpoints of the configuration in force, for tests of what was carried over.
    #[cfg(test)]
    pub(crate) fn endpoint_ids(&self) -> Vec<u64> {
        self.endpoints.keys().copied().collect()
    }
}

/// Host and port as they stand in the URL: what an origin expects in `Host`.
fn authority(url: &str) -> Arc<str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest).into()
}
