//! Evidence about endpoints, and the states that follow from it.
//!
//! Owns the order: probes, ejections and addresses make endpoint states; endpoint states and the operator's wish make
//! region states; a change makes a publication, at once when it takes something out or lets something in. `settle` runs
//! after every event and is the only place that changes a published state.

use super::endpoint::EndpointWatch;
use super::region::Change;
use super::{Effect, ProbeVerdict, RegionLoad, Sample, Severity, World};
use crate::base::Timestamp;
use crate::config::Probe;
use crate::steer::ejection::{Cause, Judgement, Peers};
use crate::steer::health;
use crate::steer::table::{EndpointState, Health};

impl World {
    pub(super) fn on_probe(
        &mut self,
        endpoint: u64,
        probe: &Probe,
        verdict: ProbeVerdict,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let Some(watch) = self.endpoints.get_mut(&endpoint) else { return };
        if watch.probed(probe, verdict, now) {
            effects.push(Effect::ForgetFailures(endpoint));
        }
    }

    pub(super) fn on_passive(&mut self, samples: &[Sample], now: Timestamp, effects: &mut Vec<Effect>) {
        for sample in samples {
            let Some(peers) = self.peers(sample.endpoint) else { continue };
            let Some(watch) = self.endpoints.get_mut(&sample.endpoint) else { continue };
            match watch.sampled(sample, peers, now) {
                Judgement::Stays => {}
                Judgement::Spared(_) if watch.spared => {}
                Judgement::Spared(cause) => {
                    watch.spared = true;
                    let text = format!(
                        "endpoint {} would be ejected for its {}, but too many of its region are out",
                        watch.url,
                        cause_word(cause)
                    );
                    effects.push(Effect::Log(Severity::Warn, text));
                }
                Judgement::Ejected(cause, until) => {
                    watch.spared = false;
                    let (word, span) = (cause_word(cause), until.since(now).as_secs());
                    let text = format!("endpoint {} ejected for its {word}, for {span} s", watch.url);
                    effects.push(Effect::Log(Severity::Warn, text));
                }
            }
        }
    }

    pub(super) fn on_loads(&mut self, loads: &[RegionLoad], now: Timestamp, effects: &mut Vec<Effect>) {
        let mut largest = Change::Nothing;
        for load in loads {
            let Some(region) = self.regions.get_mut(&load.region) else { continue };
            largest = largest.max(region.loaded(load.in_flight, now));
        }
        if largest != Change::Nothing {
            effects.push(Effect::Publish { urgent: false });
        }
    }

    /// The rest of an endpoint's region.
    fn peers(&self, endpoint: u64) -> Option<Peers> {
        let region = self.regions.get(&self.endpoints.get(&endpoint)?.region)?;
        let others = region.endpoints.iter().filter(|id| **id != endpoint);
        // Not yet settled ejections of this very round count too.
        let out =
            others.filter_map(|id| self.endpoints.get(id)).filter(|peer| !peer.derive(peer.address.is_none()).serves());
        Some(Peers { out: out.count(), all: region.endpoints.len() })
    }

    pub(super) fn on_tick(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        for (id, watch) in &mut self.endpoints {
            if watch.let_in(now) {
                watch.spared = false;
                effects.push(Effect::ForgetFailures(*id));
            }
        }
        self.retry_load(now, effects);
        self.ask_names(now, effects);
        self.let_previous_go(now, effects);
    }

    /// Derives all states anew and says what changed.
    pub(super) fn settle(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let mut changed = false;
        for watch in self.endpoints.values_mut() {
            let unresolved = watch.address.is_none() && self.names.get(&watch.name()).is_some_and(|name| !name.open());
            changed |= settle_endpoint(watch, unresolved, now, effects);
        }
        let regions = self.settle_regions(now, effects);
        if changed || regions == Change::Standing {
            effects.push(Effect::Publish { urgent: true });
        } else if regions == Change::Detail {
            effects.push(Effect::Publish { urgent: false });
        }
    }

    fn settle_regions(&mut self, now: Timestamp, effects: &mut Vec<Effect>) -> Change {
        let mut largest = Change::Nothing;
        let mut regions = std::mem::take(&mut self.regions);
        for (key, region) in &mut regions {
            let watches: Vec<&EndpointWatch> =
                region.endpoints.iter().filter_map(|id| self.endpoints.get(id)).collect();
            let admin = self.wish(key, region.configured);
            let health = health::region_health(watches.iter().map(|watch| watch.state), admin, region.panic_below);
            let served = watches.iter().any(|watch| watch.served);
            let rtt = watches.iter().filter(|watch| watch.state.serves()).filter_map(|watch| watch.rtt).min();
            let before = region.known;
            let change = region.observe(admin, health, served, rtt, now);
            if change == Change::Standing {
                let (service, name) = (&key.service, &key.region);
                let text = format!(
                    "region {service}/{name} is {} (was {}), admin {}",
                    health.as_str(),
                    before.health.as_str(),
                    admin.as_str()
                );
                let severity = if health == Health::Down { Severity::Error } else { Severity::Info };
                effects.push(Effect::Log(severity, text));
            }
            largest = largest.max(change);
        }
        self.regions = regions;
        largest
    }
}

/// Derives an endpoint's state; whether it changed.
fn settle_endpoint(watch: &mut EndpointWatch, unresolved: bool, now: Timestamp, effects: &mut Vec<Effect>) -> bool {
    let (before, state) = (watch.state, watch.derive(unresolved));
    let returned = state.serves() && !before.serves() && watch.served;
    watch.served |= state == EndpointState::Up;
    if before == state {
        return false;
    }
    watch.state = state;
    if returned {
        watch.returned_at = Some(now);
    }
    let why = watch.last_probe.as_ref().and_then(|probe| probe.verdict.failure.as_deref()).filter(|_| !state.serves());
    let why = why.map_or(String::new(), |why| format!(": {why}"));
    let region = &watch.region;
    let text = format!("endpoint {} of {}/{} is {}{why}", watch.url, region.service, region.region, state.as_str());
    let severity = if state.serves() { Severity::Info } else { Severity::Warn };
    effects.push(Effect::Log(severity, text));
    true
}

/// The word for the grounds of an ejection, in logs and documents; stable.
pub(crate) fn cause_word(cause: Cause) -> &'static str {
    match cause {
        Cause::Consecutive => "failures in a row",
        Cause::SuccessRate => "success rate",
    }
}
