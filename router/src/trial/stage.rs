//! The world in which cases are played: regions and a service that asks one policy.
//!
//! Owns the way from a cases file to what the router works on: the file's regions become the text of a configuration,
//! which is read, resolved and loaded as any other; a case's states become a snapshot. Called by `play` and `random`.

use super::suite::{Case, Health, Region, Suite, WholeState};
use crate::base::{Ordered, Timestamp};
use crate::config::{self, Config, Live};
use crate::geo::Geo;
use crate::metrics::Metrics;
use crate::policy::{Compiled, LoadFault, Loaded, RegionDirectory};
use crate::snapshot::build::{EndpointKnown, Inputs, Known, Parts, RegionKey, RegionKnown, policy_regions};
use crate::snapshot::{Action, PolicyUse, Snapshot};
use crate::steer::affinity::Keys;
use crate::steer::route::RouteTable;
use crate::steer::table::{self, Admin, EndpointState};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// When cases happen: 2027-01-15 08:00 UTC, in milliseconds since 1970.
pub(super) const NOW: Timestamp = Timestamp(1_800_000_000_000);
/// For how long a region has been in a state that has no age.
const AGE: Duration = Duration::from_secs(3600);
/// Longitude between regions without a place: 500 km on the equator, far beyond any tie band.
const SPACING_DEGREES: f64 = 4.5;
/// Most requests in flight that a state may have: each is counted as in the router.
pub(super) const IN_FLIGHT_MAX: u32 = 100_000;
/// Signs the tokens of cases; they never leave the process.
const SECRET: [u8; 32] = *b"these tokens never leave a trial";

/// A policy loaded in a world.
#[derive(Debug)]
pub struct Stage {
    live: Live,
    parts: Parts,
    metrics: Metrics,
}

/// Why there is no stage.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The file's settings make no configuration.
    #[error("the world of the cases makes no configuration:\n{0}")]
    World(String),
    /// The policy cannot be loaded, or refuses what it is given.
    #[error("{0}")]
    Policy(LoadFault),
}

impl StageError {
    /// What the policy itself said when it refused its configuration or the regions.
    pub fn refusal(&self) -> Option<&str> {
        match self {
            Self::Policy(LoadFault::Describe(text) | LoadFault::Refused(text)) => Some(text),
            _ => None,
        }
    }
}

impl Stage {
    /// Loads the policy with this configuration among these regions.
    ///
    /// # Errors
    /// When the settings are none, or the policy does not load.
    pub fn new(
        compiled: &Compiled,
        suite: &Suite,
        policy: &toml::Table,
        regions: &Ordered<String, Region>,
    ) -> Result<Self, StageError> {
        let text = configuration(suite, policy, regions).map_err(|error| StageError::World(error.to_string()))?;
        let config = config::parse(&text, "the cases' world", Path::new(""));
        let Config { live, .. } = config.map_err(|wrong| StageError::World(wrong.to_string()))?;
        let directory = RegionDirectory { generation: 0, regions: policy_regions(&live, 0) };
        let loaded = live.policies.first().map(|policy| Loaded::of(compiled, policy, &directory));
        let loaded = loaded.transpose().map_err(StageError::Policy)?;
        let parts = parts(&live, loaded.into_iter().map(Arc::new).collect())
            .ok_or_else(|| StageError::World("no key for tokens".to_owned()))?;
        Ok(Self { live, parts, metrics: Metrics::new() })
    }

    /// The policy.
    pub fn policy(&self) -> Option<&Arc<Loaded>> {
        self.parts.policies.first()
    }

    /// What the data plane would see in this case.
    pub fn snapshot(&self, case: &Case) -> Arc<Snapshot> {
        let known = known(&self.live, case);
        let inputs = Inputs {
            generation: 1,
            now: NOW,
            live: &self.live,
            parts: &self.parts,
            known: &known,
            draining: false,
            metrics: &self.metrics,
        };
        Snapshot::build(&inputs, None)
    }
}

/// The policy in what the data plane sees.
pub(super) fn policy_of(snapshot: &Snapshot) -> Option<&PolicyUse> {
    snapshot.services.first()?.policies.first()
}

/// The text of a configuration: one service that asks one policy.
fn configuration(
    suite: &Suite,
    policy: &toml::Table,
    regions: &Ordered<String, Region>,
) -> Result<String, toml::ser::Error> {
    let mut asked = toml::Table::new();
    // The code is compiled already; the configuration wants a name.
    asked.insert("component".into(), "policy.wasm".into());
    asked.insert("config".into(), policy.clone().into());
    if !suite.isolation.is_empty() {
        asked.insert("isolation".to_owned(), suite.isolation.clone().into());
    }
    asked.extend(suite.kv.iter().map(|kv| ("kv".to_owned(), kv.clone().into())));
    asked.extend(suite.http.iter().map(|http| ("http".to_owned(), http.clone().into())));
    asked.extend(suite.limits.iter().map(|limits| ("limits".to_owned(), limits.clone().into())));
    let mut service = suite.service.clone();
    service.entry("affinity").or_insert_with(|| toml::Table::new().into());
    service.insert("policies".into(), vec!["policy"].into());
    let mut places = toml::Table::new();
    for (index, (name, region)) in regions.0.iter().enumerate() {
        places.insert(name.clone(), place(index, region).into());
    }
    service.insert("regions".into(), places.into());
    let named = |name: &str, table: toml::Table| toml::Table::from_iter([(name.to_owned(), table.into())]);
    let pop = toml::toml! { name = "test"
    location = { latitude = 0.0, longitude = 0.0 } };
    let listener = toml::toml! { address = "127.0.0.1:0" };
    let route = toml::toml! { path = "/"
    service = "shop" };
    let mut whole = toml::Table::new();
    whole.insert("pop".into(), pop.into());
    whole.insert("listeners".into(), vec![toml::Value::from(listener)].into());
    whole.insert("policies".into(), named("policy", asked).into());
    whole.insert("services".into(), named("shop", service).into());
    whole.insert("routes".into(), vec![toml::Value::from(route)].into());
    toml::to_string(&whole)
}

/// A region's table. Its endpoint is never connected to.
fn place(index: usize, region: &Region) -> toml::Table {
    let mut table = toml::Table::new();
    let (latitude, longitude) = match region.location {
        Some(location) => (location.latitude, location.longitude),
        None => (0.0, SPACING_DEGREES * (index as f64 + 1.0)),
    };
    let location = [("latitude".to_owned(), latitude.into()), ("longitude".to_owned(), longitude.into())];
    table.insert("location".into(), toml::Table::from_iter(location).into());
    let labels = region.labels.iter().map(|(name, value)| (name.clone(), value.clone().into()));
    table.insert("labels".into(), toml::Table::from_iter(labels).into());
    table.extend(region.weight.map(|weight| ("weight".to_owned(), i64::from(weight).into())));
    table.extend(region.capacity.map(|capacity| ("capacity".to_owned(), i64::from(capacity).into())));
    table.insert("endpoints".into(), vec![format!("http://127.0.0.1:{}", index + 1)].into());
    table
}

/// What is loaded for a configuration of one service. None when the token's key is refused, which its length rules out.
pub(super) fn parts(live: &Live, policies: Arc<[Arc<Loaded>]>) -> Option<Parts> {
    let routes = RouteTable::build(live.routes.iter().map(|route| route.key.clone()).collect()).ok()?;
    Some(Parts {
        routes: Arc::new(routes),
        actions: live.routes.iter().map(|_| Action::Service { service: 0, cache: None }).collect(),
        policies,
        geo: Arc::new(Geo { pop: Some(live.pop.location), ..Geo::default() }),
        keys: Arc::new(Keys::new([("cases", SECRET.as_slice())]).ok()?),
        listener_tls: Arc::from([None]),
        origin_tls: live.services.iter().map(|_| None).collect(),
    })
}

/// The states of a case.
fn known(live: &Live, case: &Case) -> Known {
    let mut known = Known::default();
    for service in &live.services {
        for region in &service.regions {
            let state = case.regions.get(&*region.name).map_or_else(WholeState::default, |state| state.whole());
            let (admin, health, endpoint) = standing(state.health);
            let since = Timestamp(NOW.0.saturating_sub(millis(state.age.map_or(AGE, |age| age.0))));
            let key = RegionKey { service: Arc::clone(&service.name), region: Arc::clone(&region.name) };
            let rtt = state.rtt.map(|rtt| rtt.0);
            known.regions.insert(key, RegionKnown { admin, health, since, returned_at: None, rtt, spill: 0.0 });
            for spec in &region.endpoints {
                let address = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, spec.port)));
                known.endpoints.insert(spec.id, EndpointKnown { state: endpoint, returned_at: None, address });
            }
        }
    }
    known
}

fn standing(health: Health) -> (Admin, table::Health, EndpointState) {
    match health {
        Health::Unknown => (Admin::On, table::Health::Unknown, EndpointState::Unknown),
        Health::Healthy => (Admin::On, table::Health::Healthy, EndpointState::Up),
        Health::Degraded => (Admin::On, table::Health::Degraded, EndpointState::Up),
        Health::Draining => (Admin::Drain, table::Health::Draining, EndpointState::Up),
        Health::Down => (Admin::On, table::Health::Down, EndpointState::Down),
        Health::Off => (Admin::Off, table::Health::Healthy, EndpointState::Up),
    }
}

pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
