//! The status document: what runs, what is known, what was refused and why.
//!
//! Owns the JSON of `/status`, which `portolan status` prints; `docs/operating.md` lists its fields. Reads the World and
//! the published snapshot, changes nothing. Called by the conductor.

mod parts;

use super::world::{EndpointWatch, InForce, World};
use crate::base::Timestamp;
use crate::snapshot::build::RegionKey;
use crate::snapshot::{Service, Snapshot};
use crate::steer::table::{EndpointState, Loads, Region};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// What the process knows of itself.
#[derive(Debug)]
pub struct About<'a> {
    /// When it started.
    pub started: Timestamp,
    /// Addresses on which clients are accepted, with their real ports.
    pub listeners: &'a [SocketAddr],
    /// Where operators connect.
    pub admin: Option<SocketAddr>,
}

/// The document.
pub fn document(world: &World, snapshot: Option<&Snapshot>, about: &About<'_>, now: Timestamp) -> Value {
    let services = snapshot.map_or(&[][..], |snapshot| &snapshot.services);
    json!({
        "pop": snapshot.map(|snapshot| &*snapshot.pop),
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_s": now.since(about.started).as_secs(),
        "draining": world.draining(),
        "snapshot": snapshot.map(|snapshot| json!({
            "version": snapshot.version,
            "age_ms": millis(now.since(snapshot.built_at)),
        })),
        "config": config(world, now),
        "listeners": listeners(snapshot, about),
        "admin": about.admin.map(|address| address.to_string()),
        "geo": snapshot.map(|snapshot| parts::geo(&snapshot.geo, snapshot.geo_epoch)),
        "policies": parts::policies(world.in_force(), now),
        "rollouts": parts::rollouts(world, now),
        "services": services.iter().map(|service| (service.table.name.to_string(), one_service(world, service, now)))
            .collect::<serde_json::Map<_, _>>(),
        "bundles": snapshot.map(|snapshot| parts::bundles(snapshot, now)),
        "names": parts::names(world),
    })
}

fn config(world: &World, now: Timestamp) -> Value {
    let last = world.reloads().last().map(|last| {
        json!({
            "ok": last.refused.is_none(),
            "next_try_ms": world.reloads().retry_at().map(|at| millis(at.since(now))),
            "age_ms": millis(now.since(last.at)),
            "errors": last.refused.as_ref().map(|refusal| &refusal.diagnostics),
            "text": last.refused.as_ref().map(|refusal| refusal.diagnostics.to_string()),
        })
    });
    let refused = world.reloads().parts_refused().iter();
    let refused = refused.map(|(subject, refusal)| json!({"what": subject.as_str(), "errors": refusal.diagnostics}));
    json!({
        "generation": world.in_force().map(|in_force: &InForce| in_force.generation),
        "last_reload": last,
        "refused_files": refused.collect::<Vec<_>>(),
        "needs_restart": world.in_force().map_or(&[][..], |in_force| &in_force.needs_restart),
    })
}

fn listeners(snapshot: Option<&Snapshot>, about: &About<'_>) -> Vec<Value> {
    let tls =
        |index: usize| snapshot.and_then(|snapshot| snapshot.listener_tls.get(index)).is_some_and(Option::is_some);
    let one = |(index, address): (usize, &SocketAddr)| json!({"address": address.to_string(), "tls": tls(index)});
    about.listeners.iter().enumerate().map(one).collect()
}

fn one_service(world: &World, service: &Arc<Service>, now: Timestamp) -> Value {
    let regions = service.table.regions.iter().enumerate();
    let regions =
        regions.map(|(index, region)| (region.name.to_string(), one_region(world, service, index, region, now)));
    json!({
        "policies": service.policies.iter().map(|policy| &*policy.name).collect::<Vec<_>>(),
        "rollouts": parts::service_rollouts(service),
        "shadows": parts::shadows(service),
        "regions": regions.collect::<serde_json::Map<_, _>>(),
    })
}

fn one_region(world: &World, service: &Arc<Service>, index: usize, region: &Region, now: Timestamp) -> Value {
    let key = RegionKey { service: Arc::clone(&service.table.name), region: Arc::clone(&region.name) };
    let endpoints = region.endpoints.iter().enumerate().map(|(place, endpoint)| {
        let load = service.endpoint(index, place);
        one_endpoint(world.endpoint(endpoint.id), &endpoint.url, endpoint.state, load, now)
    });
    json!({
        "health": region.health.as_str(),
        "since_ms": millis(now.since(region.health_since)),
        "returned_ms": region.returned_at.map(|at| millis(now.since(at))),
        "admin": region.admin.as_str(),
        "switched_by_operator": world.switch(&key).is_some(),
        "in_flight": service.region_in_flight(index),
        "capacity": region.capacity,
        "spill": region.spill,
        "weight": region.weight,
        "rtt_us": region.rtt.map(micros),
        "endpoints": endpoints.collect::<Vec<_>>(),
    })
}

fn one_endpoint(
    watch: Option<&EndpointWatch>,
    url: &str,
    state: EndpointState,
    load: crate::steer::table::Load,
    now: Timestamp,
) -> Value {
    let probe = watch.and_then(|watch| watch.last_probe.as_ref()).map(|probe| {
        json!({
            "ok": probe.verdict.failure.is_none(),
            "failure": probe.verdict.failure,
            "age_ms": millis(now.since(probe.at)),
            "took_us": micros(probe.verdict.took),
        })
    });
    let ejected = watch
        .and_then(EndpointWatch::ejected)
        .map(|(cause, until)| json!({"cause": super::world::cause_word(cause), "for_ms": millis(until.since(now))}));
    json!({
        "url": url,
        "state": state.as_str(),
        "address": watch.and_then(|watch| watch.address).map(|address| address.to_string()),
        "in_flight": load.in_flight,
        "latency_us": load.latency_us,
        "rtt_us": watch.and_then(|watch| watch.rtt).map(micros),
        "last_probe": probe,
        "ejected": ejected,
    })
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
