//! What was known of a service, to a line and back.
//!
//! Owns the words of settings; those of states are their own. Back means: the configuration and the states from which a snapshot is built as any other, so that a
//! replay decides with the router's own code. Pure.

use super::line::{Affinity, Endpoint, Exact, Place, Policy, Region, Rollout, Steering, World};
use crate::base::region_set::REGIONS_MAX;
use crate::base::{Location, RegionSet, Timestamp};
use crate::config::{self, Component, Live, OnError, PolicyLimits, Source};
use crate::decide::fields;
use crate::snapshot::build::{EndpointKnown, Known, RegionKey, RegionKnown};
use crate::snapshot::{PolicyUse, Service};
use crate::steer::frozen::Frozen;
use crate::steer::table::{self, Admin, AffinityMode, Balance, EndpointState, Health, Metric};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Time of one call in a replay: what takes longer does so everywhere, and a busy machine changes nothing.
const TIME: Duration = Duration::from_millis(250);

const METRIC: [(&str, Metric); 2] = [("client-distance", Metric::ClientDistance), ("pop-rtt", Metric::PopRtt)];
const BALANCE: [(&str, Balance); 2] = [("power-of-two", Balance::PowerOfTwo), ("peak-ewma", Balance::PeakEwma)];
const MODE: [(&str, AffinityMode); 3] =
    [("sticky", AffinityMode::Sticky), ("temporary", AffinityMode::Temporary), ("strict", AffinityMode::Strict)];

fn word<T: PartialEq>(words: &[(&'static str, T)], value: &T) -> String {
    words.iter().find(|(_, known)| known == value).map_or("?", |(word, _)| word).to_owned()
}

fn meaning<T: Copy>(words: &[(&str, T)], text: &str) -> Result<T, String> {
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    found.ok_or_else(|| format!("{text:?} is no state"))
}

/// The state that goes by a word.
fn state<T: Copy, const N: usize>(all: [T; N], word: fn(T) -> &'static str, text: &str) -> Result<T, String> {
    meaning(&all.map(|one| (word(one), one)), text)
}

/// The line of a service.
pub(super) fn line(id: u64, pop: &str, service: &Service) -> World {
    let table::ServiceTable { name, regions, steering, pop: place } = &service.table;
    World {
        id,
        pop: pop.to_owned(),
        place: degrees(*place),
        service: name.to_string(),
        fence: indices(service.fence),
        affinity: service
            .spec
            .affinity
            .as_ref()
            .map(|affinity| Affinity { idle_us: micros(affinity.idle), lifetime_us: micros(affinity.lifetime) }),
        steering: Steering {
            metric: word(&METRIC, &steering.metric),
            balance: word(&BALANCE, &steering.balance),
            affinity: steering.affinity.map(|mode| word(&MODE, &mode)),
            tie_band_km: Exact(steering.tie_band_km),
            tie_band_rtt_us: micros(steering.tie_band_rtt),
            failback_us: micros(steering.failback_after),
            panic_below: Exact(steering.panic_below),
            spill_from: Exact(steering.spill_from),
            slow_start_us: micros(steering.slow_start),
        },
        policies: service.acting().map(policy_line).collect(),
        regions: regions.iter().map(region_line).collect(),
        fields: Some(service.asked().flat_map(|policy| fields::recorded(&policy.loaded.manifest().fields)).collect()),
    }
}

fn policy_line(policy: &PolicyUse) -> Policy {
    Policy {
        name: policy.name.to_string(),
        digest: policy.loaded.digest().to_string(),
        config: String::from_utf8_lossy(policy.loaded.config()).into_owned(),
        // A rollout that fails is no failure.
        rejects: policy.on_error == OnError::Reject && policy.rollout.is_none(),
        memory: policy.loaded.limits().memory as u64,
        rollout: policy.rollout.as_deref().map(|rollout| Rollout {
            share: Exact(rollout.share),
            before: rollout.before.as_ref().map(|before| before.name.to_string()),
        }),
    }
}

fn region_line(region: &table::Region) -> Region {
    let endpoint = |endpoint: &table::Endpoint| Endpoint {
        id: endpoint.id,
        state: endpoint.state.as_str().to_owned(),
        returned_at: endpoint.returned_at.map(|at| at.0),
    };
    Region {
        name: region.name.to_string(),
        place: degrees(region.location),
        weight: region.weight,
        capacity: region.capacity,
        labels: region.labels.clone(),
        admin: region.admin.as_str().to_owned(),
        health: region.health.as_str().to_owned(),
        since: region.health_since.0,
        returned_at: region.returned_at.map(|at| at.0),
        rtt_us: region.rtt.map(micros),
        spill: Exact(region.spill),
        endpoints: region.endpoints.iter().map(endpoint).collect(),
    }
}

/// The configuration and the states of a world; one service, to which every request goes.
///
/// # Errors
/// What in it means nothing.
pub fn restored(world: &World) -> Result<(Live, Known), String> {
    // What a world does not say has no part in a decision.
    const REST: &str = "[pop]\nname = \"p\"\nlocation = { latitude = 0, longitude = 0 }\n\
        [[listeners]]\naddress = \"127.0.0.1:0\"\n[[routes]]\npath = \"/\"\nservice = \"s\"\n\
        [services.s.regions.r]\nlocation = { latitude = 0, longitude = 0 }\nendpoints = [\"http://127.0.0.1:1\"]\n";
    let config = config::parse(REST, "a record", Path::new("")).map_err(|wrong| wrong.to_string())?;
    let mut live = config.live;
    live.pop = config::Pop { name: world.pop.as_str().into(), location: location(world.place)? };
    live.policies = world.policies.iter().map(policy).collect();
    let service = live.services.first_mut().ok_or("no service")?;
    let template = service.regions.first().cloned().ok_or("no region")?;
    service.name = world.service.as_str().into();
    service.policies = (0..world.policies.len()).collect();
    service.fence = Some(world.fence.iter().map(|index| usize::from(*index)).collect());
    service.steering = steering(&world.steering, service.steering.clone())?;
    service.affinity = world.affinity.as_ref().map(|affinity| config::Affinity {
        cookie: "replay".into(),
        secure: false,
        idle: Duration::from_micros(affinity.idle_us),
        lifetime: Duration::from_micros(affinity.lifetime_us),
    });
    if world.regions.is_empty() || world.regions.len() > REGIONS_MAX {
        return Err(format!("a world of {} regions", world.regions.len()));
    }
    if world.fence.iter().any(|index| usize::from(*index) >= world.regions.len()) {
        return Err("a fence around a region that is not there".to_owned());
    }
    if world.regions.iter().any(|region| region.endpoints.is_empty() || region.endpoints.len() > usize::from(u16::MAX))
    {
        return Err("a region without an endpoint, or with too many".to_owned());
    }
    let mut known = Known::default();
    service.regions.clear();
    for region in &world.regions {
        let name: Arc<str> = region.name.as_str().into();
        let key = RegionKey { service: Arc::clone(&service.name), region: Arc::clone(&name) };
        known.regions.insert(key, region_known(region)?);
        let mut endpoints = Vec::new();
        for endpoint in &region.endpoints {
            let (state, returned_at) = (
                state(EndpointState::ALL, EndpointState::as_str, &endpoint.state)?,
                endpoint.returned_at.map(Timestamp),
            );
            known.endpoints.insert(endpoint.id, EndpointKnown { state, returned_at, address: None });
            endpoints
                .extend(template.endpoints.first().map(|same| config::Endpoint { id: endpoint.id, ..same.clone() }));
        }
        service.regions.push(config::Region {
            name,
            location: location(region.place)?,
            weight: region.weight,
            capacity: region.capacity,
            labels: region.labels.clone(),
            admin: Admin::On,
            endpoints,
        });
    }
    Ok((live, known))
}

fn region_known(region: &Region) -> Result<RegionKnown, String> {
    Ok(RegionKnown {
        admin: state(Admin::ALL, Admin::as_str, &region.admin)?,
        health: state(Health::ALL, Health::as_str, &region.health)?,
        since: Timestamp(region.since),
        returned_at: region.returned_at.map(Timestamp),
        rtt: region.rtt_us.map(Duration::from_micros),
        spill: region.spill.0,
    })
}

fn steering(line: &Steering, rest: table::Steering) -> Result<table::Steering, String> {
    Ok(table::Steering {
        metric: meaning(&METRIC, &line.metric)?,
        balance: meaning(&BALANCE, &line.balance)?,
        affinity: line.affinity.as_ref().map(|mode| meaning(&MODE, mode)).transpose()?,
        tie_band_km: line.tie_band_km.0,
        tie_band_rtt: Duration::from_micros(line.tie_band_rtt_us),
        failback_after: Duration::from_micros(line.failback_us),
        panic_below: line.panic_below.0,
        spill_from: line.spill_from.0,
        slow_start: Duration::from_micros(line.slow_start_us),
        retries: rest.retries,
    })
}

fn policy(line: &Policy) -> config::Policy {
    config::Policy {
        name: line.name.as_str().into(),
        component: Component { source: Source::File("a record".into()), digest: None, signature: None },
        config: line.config.as_bytes().into(),
        on_error: if line.rejects { OnError::Reject } else { OnError::Default },
        limits: PolicyLimits { memory: usize::try_from(line.memory).unwrap_or(usize::MAX), time: TIME },
        isolation: config::Isolation::default(),
        kv: Vec::new(),
        http: None,
        shadow: None,
        rollout: None,
        config_at: None,
        component_at: None,
    }
}

pub(super) fn indices(set: RegionSet) -> Vec<u8> {
    set.iter().filter_map(|index| u8::try_from(index).ok()).collect()
}

pub(super) fn degrees(location: Location) -> Place {
    (Exact(location.latitude()), Exact(location.longitude()))
}

/// A place on the globe.
///
/// # Errors
/// When it is none.
pub fn location((latitude, longitude): Place) -> Result<Location, String> {
    Location::new(latitude.0, longitude.0).ok_or_else(|| format!("({latitude:?}, {longitude:?}) is no place"))
}

pub(super) fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// The loads of a service at this moment.
pub(super) fn frozen(service: &Service) -> Frozen {
    let loads = service.endpoints.iter().map(|endpoints| endpoints.iter().map(|one| one.stats.load()).collect());
    Frozen(loads.collect())
}
