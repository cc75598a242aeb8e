//! The snapshot: all that the data plane knows, immutable, published whole with one pointer store.
//!
//! Owns the types a request reads and the way they reach the workers (`publish`). `build` makes one from the World;
//! the conductor is the only caller. Nothing in a snapshot is changed in place but the relaxed counters of
//! `EndpointStats`, which are carried from snapshot to snapshot by identity.

pub mod alarm;
pub mod build;
pub mod comparison;
pub mod origin;
pub mod publish;
pub mod queue;
pub mod stats;

use crate::base::{Location, RegionSet, Timestamp, hash};
use crate::config;
use crate::files::Bundle;
use crate::geo::Geo;
use crate::metrics::{PolicyMetrics, RegionMetrics, ServiceMetrics};
use crate::policy::{Loaded, RegionDirectory};
use crate::steer::affinity::Keys;
use crate::steer::route::RouteTable;
use crate::steer::strategy::spill;
use crate::steer::table::{Load, Loads, ServiceTable};
use comparison::{Comparisons, Place};
use ipnet::IpNet;
use origin::Origin;
use queue::{Queue, WaitsFor};
use stats::EndpointStats;
use std::sync::Arc;

/// All that the data plane knows.
#[derive(Debug)]
pub struct Snapshot {
    /// Rises with each publication.
    pub version: u64,
    /// Rises with each configuration that took effect.
    pub generation: u64,
    /// When it was built.
    pub built_at: Timestamp,
    /// Name of this PoP.
    pub pop: Arc<str>,
    /// Where this PoP is.
    pub location: Location,
    /// From host and path to an index in `actions`.
    pub routes: Arc<RouteTable>,
    /// What each route does.
    pub actions: Arc<[Action]>,
    /// Services, by the index that actions carry.
    pub services: Vec<Arc<Service>>,
    /// How clients are located; a new `epoch` means that places must be looked up again.
    pub geo: Arc<Geo>,
    /// Rises when geo data or overrides change.
    pub geo_epoch: u64,
    /// Peers whose `Forwarded` and `X-Forwarded-For` is believed.
    pub trusted_proxies: Arc<[IpNet]>,
    /// Keys of affinity tokens.
    pub keys: Arc<Keys>,
    /// TLS of the listeners, in the order of `Boot::listeners`; none for plain ones.
    pub listener_tls: Vec<Option<Arc<rustls::ServerConfig>>>,
    /// Limits towards clients.
    pub client: config::ClientLimits,
    /// The whole PoP drains: clients are asked to go elsewhere (`connection: close`), nothing is refused.
    pub draining: bool,
}

impl Snapshot {
    /// The static bundles that routes serve.
    pub fn bundles(&self) -> impl Iterator<Item = &Bundle> {
        self.actions.iter().filter_map(|action| match action {
            Action::Files(bundle) => Some(bundle),
            Action::Service { .. } => None,
        })
    }
}

/// What a route does.
#[derive(Debug, Clone)]
pub enum Action {
    /// Forward to a service.
    Service {
        /// Its index in `Snapshot::services`.
        service: usize,
        /// How answers are cached; none stores nothing.
        cache: Option<Arc<config::Cache>>,
    },
    /// Serve a directory.
    Files(Bundle),
}

/// A service as the data plane sees it.
#[derive(Debug)]
pub struct Service {
    /// As configured.
    pub spec: Arc<config::Service>,
    /// What steering works on.
    pub table: ServiceTable,
    /// The static fence.
    pub fence: RegionSet,
    /// Policies in order. One that is given to a share of the sessions stands where the one stands that it replaces.
    pub policies: Vec<PolicyUse>,
    /// Policies that are asked without acting.
    pub shadows: Vec<ShadowUse>,
    /// Live side of the table's endpoints: `[region][endpoint]`.
    pub endpoints: Vec<Vec<Arc<Endpoint>>>,
    /// Who waits for room; the same from snapshot to snapshot.
    pub queue: Arc<Queue>,
    /// Counters of the service.
    pub metrics: ServiceMetrics,
    /// Counters of each region, and one more at the end for exchanges that no region served.
    pub region_metrics: Vec<RegionMetrics>,
}

/// A policy as a service uses it.
#[derive(Debug, Clone)]
pub struct PolicyUse {
    /// Name in the configuration.
    pub name: Arc<str>,
    /// The compiled component with its manifest.
    pub loaded: Arc<Loaded>,
    /// The regions that its instances know, with their numbers.
    pub directory: Arc<RegionDirectory>,
    /// Number of this service's first region in the directory; the others follow.
    pub first_region: u32,
    /// What happens when it fails.
    pub on_error: config::OnError,
    /// Counters.
    pub metrics: PolicyMetrics,
    /// Set when it acts for a share of the sessions only.
    pub rollout: Option<Box<RolloutUse>>,
}

/// For whom a policy acts that is given to a share of the sessions.
#[derive(Debug, Clone)]
pub struct RolloutUse {
    /// Share of the sessions, 0 to 1.
    pub share: f64,
    /// Who acts for the others, and where it fails; none: nobody stands in this place for them.
    pub before: Option<PolicyUse>,
    /// Why its sessions were given back; then it acts for nobody.
    pub returned: Option<Arc<str>>,
    /// Whether what would have come without it is looked at too.
    pub compares: bool,
    /// What came of that; the same from snapshot to snapshot.
    pub comparisons: Arc<Comparisons>,
}

impl PolicyUse {
    /// Who acts in its place for the sessions that it is not given; none also where it acts for all.
    pub fn before(&self) -> Option<&Self> {
        self.rollout.as_ref()?.before.as_ref()
    }
}

/// A policy that is asked beside those of a service, without acting.
#[derive(Debug, Clone)]
pub struct ShadowUse {
    /// The policy.
    pub policy: PolicyUse,
    /// Where among the service's policies it would stand.
    pub place: usize,
    /// Whether it would take the place of the one that stands there, not push it back.
    pub replaces: bool,
    /// Share of decisions for which it is asked, 0 to 1.
    pub share: f64,
    /// What came of it; the same from snapshot to snapshot.
    pub comparisons: Arc<Comparisons>,
}

/// An origin server as the data plane sees it.
#[derive(Debug)]
pub struct Endpoint {
    /// Stable identity.
    pub id: u64,
    /// As configured.
    pub spec: config::Endpoint,
    /// Where and how to connect; none while its name does not resolve.
    pub origin: Option<Origin>,
    /// Its live counters.
    pub stats: Arc<EndpointStats>,
}

/// A policy, and how what it decides compares with what is decided without it.
pub type Compared<'a> = (&'a PolicyUse, &'a Arc<Comparisons>);

impl Service {
    /// All policies that are asked: those that act, and those that do not.
    pub fn asked(&self) -> impl Iterator<Item = &PolicyUse> {
        self.acting().chain(self.shadows.iter().map(|shadow| &shadow.policy))
    }

    /// All policies that act for some session.
    pub fn acting(&self) -> impl Iterator<Item = &PolicyUse> {
        self.policies.iter().flat_map(|policy| [policy].into_iter().chain(policy.before()))
    }

    /// All policies that are given to a share of the sessions, with how they compare.
    pub fn rollouts(&self) -> impl Iterator<Item = Compared<'_>> {
        self.policies.iter().filter_map(|policy| Some((policy, &policy.rollout.as_ref()?.comparisons)))
    }

    /// All policies that do not act, with how they compare.
    pub fn shadowed(&self) -> impl Iterator<Item = Compared<'_>> {
        self.shadows.iter().map(|shadow| (&shadow.policy, &shadow.comparisons))
    }

    /// Whether any of these regions is below its capacity.
    pub fn has_room(&self, regions: RegionSet) -> bool {
        regions.iter().any(|index| {
            let endpoints = self.endpoints.get(index).map_or(&[][..], Vec::as_slice);
            let in_flight = endpoints.iter().map(|endpoint| endpoint.stats.in_flight()).fold(0, u32::saturating_add);
            self.table.regions.get(index).is_some_and(|region| !spill::is_full(in_flight, region.capacity))
        })
    }

    /// The word for a place that a decision names, for metrics and documents: a region's name, `(answered)` or
    /// `(refused)`.
    pub fn place_word(&self, place: Place) -> &str {
        match place {
            Place::Region(region) => self.table.regions.get(usize::from(region)).map_or("?", |region| &*region.name),
            Place::Answered => "(answered)",
            Place::Refused => "(refused)",
        }
    }

    /// These regions as the queue knows them.
    pub fn waits_for(&self, regions: RegionSet) -> WaitsFor {
        regions.iter().filter_map(|index| self.table.regions.get(index)).map(|region| identity(&region.name)).collect()
    }
}

/// A region of a service as its queue knows it: the same in every snapshot, whatever its position.
fn identity(region: &str) -> u64 {
    hash::of(&[region.as_bytes()])
}

impl Loads for Service {
    fn endpoint(&self, region: usize, endpoint: usize) -> Load {
        let stats = self.endpoints.get(region).and_then(|endpoints| endpoints.get(endpoint));
        stats.map_or(Load::default(), |endpoint| endpoint.stats.load())
    }

    fn region_in_flight(&self, region: usize) -> u32 {
        let endpoints = self.endpoints.get(region).map_or(&[][..], Vec::as_slice);
        endpoints.iter().map(|endpoint| endpoint.stats.load().in_flight).fold(0, u32::saturating_add)
    }
}
