//! From a configuration file to all that it names, loaded and checked, or a list of everything that stands in the way.
//!
//! Owns the sequence: text, policies (fetched where they are not here), geo database, certificates, static roots, keys. Nothing is kept of a load that
//! fails. What did not change is taken over from the parts in use. Blocks: run on a thread of its own, by the conductor
//! at start, at a reload and when a file changed, and by `portolan check`.

mod bundles;
mod folders;
mod policies;
mod tls;

use super::watch::{Subject, WatchedFile};
use super::world::{LoadedConfig, LoadedPart, Refusal};
use crate::base::{Clock, CountryCode};
use crate::config::{self, AffinityKey, Boot, Diagnostic, Diagnostics, Live};
use crate::geo::{Database, Geo, Override};
use crate::metrics::Metrics;
use crate::policy::{Engine, Loaded};
use crate::snapshot::build::Parts;
use crate::steer::affinity::Keys;
use crate::steer::route::RouteTable;
use crate::supply::{Effort, Supply};
use rustls::pki_types::ServerName;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// For how long the first load of a process tries to fetch a component: a registry that restarts, or a network that comes
/// up after this machine. Beyond that the process ends, and whoever supervises it starts it again.
const PATIENCE_AT_START: Duration = Duration::from_secs(30);
/// The same for a reload, for which an operator may wait; the earlier configuration serves, and the World tries again.
const PATIENCE_IN_SERVICE: Duration = Duration::from_secs(2);

/// Identity of the key that is made when the configuration has none.
const OWN_KEY: &str = "own";

/// Loads configurations for one process.
#[derive(Debug)]
pub struct Loader {
    path: PathBuf,
    boot: Boot,
    engine: Engine,
    /// Signs tokens while the configuration has no key; lost at exit.
    own_key: AffinityKey,
    /// What bundles count with.
    metrics: Metrics,
    clock: Clock,
    /// Whether a process serves by what is loaded, and has reason to wait for what cannot be fetched at once.
    serving: bool,
}

/// What is in use and may be taken over.
#[derive(Debug, Clone)]
pub struct InUse {
    /// The live settings.
    pub live: Arc<Live>,
    /// What was loaded for them.
    pub parts: Parts,
    /// The files it came from, as they were read.
    pub files: Vec<WatchedFile>,
}

/// A load in progress: problems and files are collected, so that all of them are told at once.
#[derive(Debug, Default)]
struct Collected {
    problems: Vec<Diagnostic>,
    files: Vec<WatchedFile>,
    /// Something could not be fetched, which may be over later.
    passing: bool,
    /// What was left out because nothing is fetched.
    not_fetched: Vec<String>,
}

impl Collected {
    fn read(&mut self, subject: Subject, path: &Path) {
        self.files.push(WatchedFile::now(subject, path));
    }

    /// The value, or none with the problem noted.
    fn keep<T>(&mut self, result: Result<T, Diagnostic>) -> Option<T> {
        result.map_err(|problem| self.problems.push(problem)).ok()
    }

    fn refusal(self) -> Refusal {
        Refusal { diagnostics: Diagnostics(self.problems), files: self.files, passing: self.passing }
    }
}

impl Loader {
    /// A loader for the file at `path`, in a process that runs with `boot`.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn new(path: PathBuf, boot: Boot, engine: Engine) -> Result<Self, aws_lc_rs::error::Unspecified> {
        let mut secret = vec![0; 32];
        aws_lc_rs::rand::fill(&mut secret)?;
        let own_key = AffinityKey { id: OWN_KEY.to_owned(), secret };
        Ok(Self { path, boot, engine, own_key, metrics: Metrics::new(), clock: Clock::start(), serving: false })
    }

    /// With the metrics and the clock of a process that serves; without them it counts for nobody.
    #[must_use]
    pub fn serving(self, metrics: Metrics, clock: Clock) -> Self {
        Self { metrics, clock, serving: true, ..self }
    }

    /// Loads the configuration with all that it names.
    ///
    /// # Errors
    /// Everything that stands in the way.
    pub fn config(&self, in_use: Option<&InUse>) -> Result<LoadedConfig, Refusal> {
        let patience = if in_use.is_some() { PATIENCE_IN_SERVICE } else { PATIENCE_AT_START };
        let patience = if self.serving { patience } else { Duration::ZERO };
        self.whole(in_use, Effort::For(patience)).map(|(loaded, _)| loaded)
    }

    /// Loads the configuration to learn what is wrong with it, and throws it away. What it could not look at because
    /// `offline` forbids to fetch it.
    ///
    /// # Errors
    /// Everything that stands in the way.
    pub fn check(&self, offline: bool) -> Result<Vec<String>, Refusal> {
        let effort = if offline { Effort::Offline } else { Effort::For(Duration::ZERO) };
        self.whole(None, effort).map(|(_, not_fetched)| not_fetched)
    }

    fn whole(&self, in_use: Option<&InUse>, effort: Effort) -> Result<(LoadedConfig, Vec<String>), Refusal> {
        let mut collected = Collected::default();
        collected.read(Subject::Config, &self.path);
        let config = match config::load(&self.path) {
            Ok(config) => config,
            Err(diagnostics) => return Err(Refusal { diagnostics, files: collected.files, passing: false }),
        };
        let needs_restart = config::boot_changes(&self.boot, &config.boot);
        self.folders(&config.boot, &config.live, &mut collected);
        let live = Arc::new(config.live);
        let loaded = self.everything(&live, in_use, effort, &mut collected);
        match loaded {
            Some(parts) if collected.problems.is_empty() => {
                let needs_restart = needs_restart.into_iter().map(str::to_owned).collect();
                Ok((LoadedConfig { live, parts, needs_restart, files: collected.files }, collected.not_fetched))
            }
            _ => Err(collected.refusal()),
        }
    }

    /// Loads the files of one subject again, for the configuration in use.
    ///
    /// # Errors
    /// Everything that stands in the way.
    pub fn part(&self, subject: Subject, in_use: &InUse) -> Result<LoadedPart, Refusal> {
        let InUse { live, parts, files: _ } = in_use;
        let mut collected = Collected::default();
        let mut parts = parts.clone();
        let once = Effort::For(Duration::ZERO);
        let done = match subject {
            Subject::Config => self.everything(live, Some(in_use), once, &mut collected).map(|all| parts = all),
            Subject::Policies => {
                self.policies(live, Some(in_use), once, &mut collected).map(|loaded| parts.policies = loaded)
            }
            Subject::Geo => geo(live, Some(in_use), &mut collected).map(|geo| parts.geo = geo),
            Subject::Certificates => self.certificates(live, Some(in_use), &mut collected).map(|(listener, origin)| {
                parts.listener_tls = listener;
                parts.origin_tls = origin;
            }),
            Subject::Roots => self.actions(live, Some(in_use), &mut collected).map(|actions| parts.actions = actions),
        };
        match done {
            Some(()) if collected.problems.is_empty() => Ok(LoadedPart { parts, files: collected.files }),
            _ => Err(collected.refusal()),
        }
    }

    fn everything(
        &self,
        live: &Live,
        in_use: Option<&InUse>,
        effort: Effort,
        collected: &mut Collected,
    ) -> Option<Parts> {
        let routes = routes(live, collected);
        let actions = self.actions(live, in_use, collected);
        let geo = geo(live, in_use, collected);
        let certificates = self.certificates(live, in_use, collected);
        let keys = self.keys(live, in_use, collected);
        let policies = self.policies(live, in_use, effort, collected);
        let (listener_tls, origin_tls) = certificates?;
        Some(Parts {
            routes: Arc::new(routes?),
            actions: actions?,
            policies: policies?,
            geo: geo?,
            keys: keys?,
            listener_tls,
            origin_tls,
        })
    }

    fn policies(
        &self,
        live: &Live,
        in_use: Option<&InUse>,
        effort: Effort,
        collected: &mut Collected,
    ) -> Option<Arc<[Arc<Loaded>]>> {
        let make_tls = || {
            let path = tls::authorities(live.components.ca.as_deref()).map_err(|error| error.to_string())?;
            tls::origin(&path).map_err(|error| error.to_string())
        };
        let mut supply = Supply::new(&live.components, effort, &make_tls, &self.metrics);
        policies::load(&self.engine, &mut supply, live, in_use, collected)
    }

    fn keys(&self, live: &Live, in_use: Option<&InUse>, collected: &mut Collected) -> Option<Arc<Keys>> {
        if let Some(in_use) = in_use.filter(|in_use| in_use.live.affinity_keys == live.affinity_keys) {
            return Some(Arc::clone(&in_use.parts.keys));
        }
        let own = std::slice::from_ref(&self.own_key);
        let keys = if live.affinity_keys.is_empty() { own } else { &live.affinity_keys };
        let keys = keys.iter().map(|key| (key.id.as_str(), key.secret.as_slice()));
        let problem = |error| Diagnostic::new(format!("affinity keys: {error}"));
        collected.keep(Keys::new(keys).map(Arc::new).map_err(problem))
    }

    #[allow(clippy::type_complexity, reason = "the two halves of Parts that come from the same files")]
    fn certificates(
        &self,
        live: &Live,
        in_use: Option<&InUse>,
        collected: &mut Collected,
    ) -> Option<(Arc<[Option<Arc<rustls::ServerConfig>>]>, Arc<[Option<Arc<rustls::ClientConfig>>]>)> {
        let before = collected.problems.len();
        let mut listeners = Vec::new();
        for listener in &self.boot.listeners {
            let loaded = listener.tls.as_ref().and_then(|files| {
                collected.read(Subject::Certificates, &files.certificate);
                collected.read(Subject::Certificates, &files.key);
                let problem = |error| Diagnostic::new(format!("listener {}: {error}", listener.address));
                collected.keep(tls::listener(&files.certificate, &files.key).map_err(problem))
            });
            listeners.push(loaded);
        }
        let mut made = in_use.map(unchanged_origin_tls).unwrap_or_default();
        let mut origins = Vec::new();
        for service in &live.services {
            origins.push(origin_tls(service, &mut made, collected));
        }
        (collected.problems.len() == before).then(|| (listeners.into(), origins.into()))
    }
}

/// TLS towards origins by file of authorities.
type OriginTls = BTreeMap<PathBuf, Arc<rustls::ClientConfig>>;

/// What is in use and whose file did not change: taken over, so that connections to origins and probes stay.
fn unchanged_origin_tls(in_use: &InUse) -> OriginTls {
    let services = in_use.live.services.iter().zip(in_use.parts.origin_tls.iter());
    let unchanged = services.filter_map(|(service, made)| {
        let path = tls::authorities(service.origin_tls.ca.as_deref()).ok()?;
        let same = in_use.files.contains(&WatchedFile::now(Subject::Certificates, &path));
        Some((path, Arc::clone(made.as_ref().filter(|_| same)?)))
    });
    unchanged.collect()
}

/// TLS towards the origins of a service; services with the same authorities share it.
fn origin_tls(
    service: &config::Service,
    made: &mut OriginTls,
    collected: &mut Collected,
) -> Option<Arc<rustls::ClientConfig>> {
    let mut speaks_tls = service.regions.iter().flat_map(|region| &region.endpoints).filter(|endpoint| endpoint.tls);
    let first = speaks_tls.next()?;
    for endpoint in std::iter::once(first).chain(speaks_tls) {
        let name = service.origin_tls.server_name.as_deref().unwrap_or(&endpoint.host);
        let problem = |_| Diagnostic::new(format!("service {}: {name:?} is no name that TLS can verify", service.name));
        collected.keep(ServerName::try_from(name.to_owned()).map_err(problem));
    }
    let problem = |error| Diagnostic::new(format!("service {}: {error}", service.name));
    let path = collected.keep(tls::authorities(service.origin_tls.ca.as_deref()).map_err(problem))?;
    collected.read(Subject::Certificates, &path);
    if let Some(made) = made.get(&path) {
        return Some(Arc::clone(made));
    }
    let loaded = collected.keep(tls::origin(&path).map_err(problem))?;
    made.insert(path, Arc::clone(&loaded));
    Some(loaded)
}

fn geo(live: &Live, in_use: Option<&InUse>, collected: &mut Collected) -> Option<Arc<Geo>> {
    let path = live.geo.database.as_deref();
    let file = path.map(|path| WatchedFile::now(Subject::Geo, path));
    collected.files.extend(file.clone());
    let same_file = in_use.filter(|in_use| {
        in_use.live.geo.database == live.geo.database && file.is_none_or(|file| in_use.files.contains(&file))
    });
    if let Some(same) = same_file.filter(|same| same.live.geo == live.geo && same.live.pop == live.pop) {
        return Some(Arc::clone(&same.parts.geo));
    }
    let database = match (path, same_file) {
        (None, _) => None,
        (Some(_), Some(same)) => same.parts.geo.database.clone(),
        (Some(path), None) => {
            let problem = |error| Diagnostic::new(format!("{error}"));
            Some(Arc::new(collected.keep(Database::open(path).map_err(problem))?))
        }
    };
    let overrides = live.geo.overrides.iter().filter_map(|(network, place)| {
        let country = place.country.and_then(|code| CountryCode::from_bytes(&code));
        let value = match (country, place.location) {
            (Some(country), None) => Override::Country(country),
            (None, Some(location)) => Override::Location(location),
            (Some(country), Some(location)) => Override::Both(country, location),
            (None, None) => return None,
        };
        Some((*network, value))
    });
    Some(Arc::new(Geo { overrides: overrides.collect(), database, pop: Some(live.pop.location) }))
}

fn routes(live: &Live, collected: &mut Collected) -> Option<RouteTable> {
    let keys = live.routes.iter().map(|route| route.key.clone());
    let table = RouteTable::build(keys.collect()).map_err(|conflict| {
        let at = live.routes.get(conflict.second).and_then(|route| route.at.clone());
        Diagnostic::new(conflict.to_string()).at(at)
    });
    collected.keep(table)
}

#[cfg(test)]
mod tests;
