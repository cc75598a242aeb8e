//! Makes a snapshot from what the control plane knows.
//!
//! Owns the plain inputs (loaded parts, known states) and how they become what a request reads. A pure function but for
//! the counters, which are carried by identity from the snapshot before. Whatever did not change is the same `Arc` as
//! before, so that a change of one region's health rebuilds one service. Called by the conductor only.

mod directories;
mod policies;
#[cfg(test)]
pub(crate) mod tests;

use super::origin::Origin;
use super::queue::Queue;
use super::stats::EndpointStats;
use super::{Action, Endpoint, Service, Snapshot};
use crate::base::{RegionSet, Timestamp};
use crate::config::{self, Live};
use crate::geo::Geo;
use crate::metrics::Metrics;
use crate::policy::Loaded;
use crate::steer::affinity::Keys;
use crate::steer::route::RouteTable;
use crate::steer::table::{self, Admin, EndpointState, Health, ServiceTable};
use directories::Directories;
pub use directories::policy_regions;
use rustls::pki_types::ServerName;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// What was loaded for a configuration. Cheap to clone; one part is replaced when its files change.
#[derive(Debug, Clone)]
pub struct Parts {
    /// From host and path to an index in `actions`.
    pub routes: Arc<RouteTable>,
    /// What each route does, by its position in `Live::routes`.
    pub actions: Arc<[Action]>,
    /// Policies by their position in `Live::policies`.
    pub policies: Arc<[Arc<Loaded>]>,
    /// How clients are located.
    pub geo: Arc<Geo>,
    /// Keys of affinity tokens.
    pub keys: Arc<Keys>,
    /// TLS of the listeners, in the order of `Boot::listeners`; none for plain ones.
    pub listener_tls: Arc<[Option<Arc<rustls::ServerConfig>>]>,
    /// TLS towards origins by position in `Live::services`; none where all endpoints are plain.
    pub origin_tls: Arc<[Option<Arc<rustls::ClientConfig>>]>,
}

/// A region of a service, by names: what outlives a reload is keyed by it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionKey {
    /// Name of the service.
    pub service: Arc<str>,
    /// Name of the region in it.
    pub region: Arc<str>,
}

/// What is known of a region.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RegionKnown {
    /// The operator's wish: configuration, with commands on top.
    pub admin: Admin,
    /// Derived from its endpoints.
    pub health: Health,
    /// Since when.
    pub since: Timestamp,
    /// When it last came back after it had served.
    pub returned_at: Option<Timestamp>,
    /// Measured round trip from this PoP.
    pub rtt: Option<Duration>,
    /// Share of exchanges that it gives away because it fills up.
    pub spill: f64,
}

/// What is known of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EndpointKnown {
    /// Whether it may be chosen.
    pub state: EndpointState,
    /// When it last came back after it had served.
    pub returned_at: Option<Timestamp>,
    /// Where to connect; none while its name does not resolve.
    pub address: Option<SocketAddr>,
}

/// All states, by identity.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Known {
    /// Regions.
    pub regions: BTreeMap<RegionKey, RegionKnown>,
    /// Endpoints.
    pub endpoints: BTreeMap<u64, EndpointKnown>,
    /// Policies that gave back the sessions which they were given, by name; with why.
    pub returned: BTreeMap<Arc<str>, Arc<str>>,
}

/// All that a snapshot is made of.
#[derive(Debug)]
pub struct Inputs<'a> {
    /// Number of the configuration in force.
    pub generation: u64,
    /// The time now.
    pub now: Timestamp,
    /// The configuration in force.
    pub live: &'a Live,
    /// What was loaded for it.
    pub parts: &'a Parts,
    /// States by identity.
    pub known: &'a Known,
    /// Whether the whole PoP drains.
    pub draining: bool,
    /// Where handles of counters come from.
    pub metrics: &'a Metrics,
}

impl Snapshot {
    /// A snapshot of these inputs. `previous` lends what did not change and the live counters of endpoints.
    pub fn build(inputs: &Inputs<'_>, previous: Option<&Self>) -> Arc<Self> {
        let Inputs { live, parts, .. } = inputs;
        let directories = Directories::of(live, &parts.policies, previous);
        let services = (0..live.services.len()).map(|index| service(inputs, index, &directories, previous)).collect();
        let geo_epoch =
            previous.map_or(1, |before| before.geo_epoch + u64::from(!Arc::ptr_eq(&before.geo, &parts.geo)));
        let trusted = previous.filter(|before| *before.trusted_proxies == *live.geo.trusted_proxies);
        Arc::new(Self {
            version: previous.map_or(1, |before| before.version + 1),
            generation: inputs.generation,
            built_at: inputs.now,
            pop: Arc::clone(&live.pop.name),
            location: live.pop.location,
            routes: Arc::clone(&parts.routes),
            actions: Arc::clone(&parts.actions),
            services,
            geo: Arc::clone(&parts.geo),
            geo_epoch,
            trusted_proxies: trusted
                .map_or_else(|| live.geo.trusted_proxies.clone().into(), |before| Arc::clone(&before.trusted_proxies)),
            keys: Arc::clone(&parts.keys),
            listener_tls: parts.listener_tls.to_vec(),
            client: live.client,
            draining: inputs.draining,
        })
    }

    /// The live counters of an endpoint.
    pub fn endpoint(&self, id: u64) -> Option<&Arc<Endpoint>> {
        self.endpoints().find(|endpoint| endpoint.id == id)
    }

    /// All endpoints of all services.
    pub fn endpoints(&self) -> impl Iterator<Item = &Arc<Endpoint>> {
        self.services.iter().flat_map(|service| service.endpoints.iter().flatten())
    }
}

/// TLS towards an endpoint, when it speaks TLS.
pub fn endpoint_tls(
    parts: &Parts,
    service: usize,
    tls: &config::OriginTls,
    endpoint: &config::Endpoint,
) -> Option<(Arc<rustls::ClientConfig>, ServerName<'static>)> {
    let config = parts.origin_tls.get(service)?.as_ref().filter(|_| endpoint.tls)?;
    // Names were checked when the configuration was loaded.
    let name = ServerName::try_from(tls.server_name.as_deref().unwrap_or(&endpoint.host).to_owned()).ok()?;
    Some((Arc::clone(config), name))
}

fn service(inputs: &Inputs<'_>, index: usize, directories: &Directories, previous: Option<&Snapshot>) -> Arc<Service> {
    let spec = &inputs.live.services[index];
    let before = previous.and_then(|snapshot| snapshot.services.iter().find(|service| service.spec.name == spec.name));
    let before = before.map(Arc::as_ref);
    let queue = before.map_or_else(Arc::default, |before| Arc::clone(&before.queue));
    let built = Service {
        spec: match before {
            Some(before) if *before.spec == *spec => Arc::clone(&before.spec),
            _ => Arc::new(spec.clone()),
        },
        table: service_table(inputs, spec),
        fence: spec
            .fence
            .as_ref()
            .map_or_else(|| RegionSet::first(spec.regions.len()), |fence| fence.iter().copied().collect()),
        policies: policies::live(inputs, index, directories, before),
        shadows: policies::shadows(inputs, index, directories, before),
        endpoints: endpoints(inputs, index, before, &queue),
        queue,
        metrics: inputs.metrics.service(&spec.name),
        region_metrics: region_metrics(inputs.metrics, spec),
    };
    let unchanged = previous.and_then(|snapshot| snapshot.services.iter().find(|service| same(service, &built)));
    unchanged.map_or_else(|| Arc::new(built), Arc::clone)
}

/// Whether a service as published needs no replacement.
fn same(before: &Service, built: &Service) -> bool {
    let same_endpoints = |(a, b): (&Vec<Arc<Endpoint>>, &Vec<Arc<Endpoint>>)| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Arc::ptr_eq(a, b))
    };
    Arc::ptr_eq(&before.spec, &built.spec)
        && before.table == built.table
        && before.fence == built.fence
        && policies::same(before, built)
        && before.endpoints.len() == built.endpoints.len()
        && before.endpoints.iter().zip(&built.endpoints).all(same_endpoints)
}

/// What steering sees of a service.
fn service_table(inputs: &Inputs<'_>, spec: &config::Service) -> ServiceTable {
    let region = |region: &config::Region| {
        let key = RegionKey { service: Arc::clone(&spec.name), region: Arc::clone(&region.name) };
        let known = inputs.known.regions.get(&key).copied();
        let known = known.unwrap_or(RegionKnown {
            admin: region.admin,
            health: Health::Unknown,
            since: inputs.now,
            returned_at: None,
            rtt: None,
            spill: 0.0,
        });
        table::Region {
            name: Arc::clone(&region.name),
            location: region.location,
            weight: region.weight,
            capacity: region.capacity,
            labels: region.labels.clone(),
            admin: known.admin,
            health: known.health,
            health_since: known.since,
            returned_at: known.returned_at,
            rtt: known.rtt,
            spill: known.spill,
            endpoints: region.endpoints.iter().map(|endpoint| endpoint_row(inputs.known, endpoint)).collect(),
        }
    };
    ServiceTable {
        name: Arc::clone(&spec.name),
        regions: spec.regions.iter().map(region).collect(),
        steering: spec.steering.clone(),
        pop: inputs.live.pop.location,
    }
}

fn endpoint_row(known: &Known, endpoint: &config::Endpoint) -> table::Endpoint {
    let known = known.endpoints.get(&endpoint.id);
    table::Endpoint {
        id: endpoint.id,
        url: Arc::clone(&endpoint.url),
        state: known.map_or(EndpointState::Unknown, |known| known.state),
        returned_at: known.and_then(|known| known.returned_at),
    }
}

/// The endpoints of a service; one that did not change is the same as before, and counters always are.
fn endpoints(
    inputs: &Inputs<'_>,
    service: usize,
    before: Option<&Service>,
    queue: &Arc<Queue>,
) -> Vec<Vec<Arc<Endpoint>>> {
    let spec = &inputs.live.services[service];
    let one = |region: &config::Region, endpoint: &config::Endpoint| {
        let old = before.and_then(|service| service.endpoints.iter().flatten().find(|old| old.id == endpoint.id));
        let address = inputs.known.endpoints.get(&endpoint.id).and_then(|known| known.address);
        let tls = endpoint_tls(inputs.parts, service, &spec.origin_tls, endpoint);
        let origin = address.map(|address| match tls {
            Some((config, name)) => Origin::tls(address, config, name),
            None => Origin::plain(address),
        });
        if let Some(old) = old.filter(|old| old.spec == *endpoint && old.origin == origin) {
            return Arc::clone(old);
        }
        let fresh = || Arc::new(EndpointStats::new(Arc::clone(queue), super::identity(&region.name)));
        let stats = old.map_or_else(fresh, |old| Arc::clone(&old.stats));
        Arc::new(Endpoint { id: endpoint.id, spec: endpoint.clone(), origin, stats })
    };
    spec.regions.iter().map(|region| region.endpoints.iter().map(|spec| one(region, spec)).collect()).collect()
}

fn region_metrics(metrics: &Metrics, spec: &config::Service) -> Vec<crate::metrics::RegionMetrics> {
    let names = spec.regions.iter().map(|region| &*region.name).chain([""]);
    names.map(|region| metrics.region(&spec.name, region)).collect()
}
