//! From a file to a policy that is known to work.
//!
//! Owns the sequence: `compiled`, then `describe`, then one `init`, so that whatever can be wrong is found before the
//! policy is used. A failure keeps nothing; the caller keeps the last good one. Blocks (compiling takes milliseconds to
//! seconds): called by `control`, off the data plane.

mod fault;

pub use fault::{LoadError, LoadFault};

use super::compiled::Compiled;
use super::directory::RegionDirectory;
use super::engine::{Engine, MEMORY_MAX};
use super::failure::PolicyFailure;
use super::instance::{Instance, Mould};
use super::kv::Buckets;
use super::manifest::Manifest;
use super::measures::Measures;
use super::patience::WaitMeter;
use super::quarantine::Quarantine;
use super::stats::PolicyStats;
use crate::base::Digest;
use crate::config::{self, Isolation, PolicyLimits};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A policy that is known to work.
pub struct Loaded {
    /// Unique in the process: instances of this load are never mistaken for another's.
    id: u64,
    pub(super) mould: Mould,
    limits: PolicyLimits,
    isolation: Isolation,
    grants: Vec<config::Bucket>,
    http: Option<config::Outgoing>,
    /// TLS towards the servers that it may ask.
    tls: Option<Arc<rustls::ClientConfig>>,
    manifest: Manifest,
    quarantine: Quarantine,
    /// See [`Loaded::standing_in`].
    stands_in: bool,
}

/// What goes on under a policy's name when it is loaded again.
#[derive(Debug, Clone, Default)]
pub struct Carried {
    stats: Arc<PolicyStats>,
    measures: Measures,
    kv: Buckets,
}

impl Loaded {
    /// Loads a policy from the bytes of its component, which are what the configuration says they must be.
    /// `carried` is that of an earlier load of the same name, or empty.
    ///
    /// # Errors
    /// With the policy's name, its component and, where there is one, the place in the configuration.
    pub fn load(
        engine: &Engine,
        policy: &config::Policy,
        component: &[u8],
        directory: &RegionDirectory,
        carried: Carried,
    ) -> Result<Self, LoadError> {
        let compiled = within_limits(policy).and_then(|()| Compiled::of_bytes(engine, component));
        let compiled = compiled.and_then(|compiled| match &compiled.to_be_granted {
            Some(import) if policy.http.is_none() => Err(LoadFault::Http(import.clone())),
            _ => Ok(compiled),
        });
        compiled.and_then(|compiled| load(&compiled, policy, directory, carried, Grants::Configured)).map_err(|fault| {
            let at = match &fault {
                LoadFault::Describe(_) | LoadFault::Refused(_) => policy.config_at.as_ref(),
                _ => policy.component_at.as_ref(),
            };
            LoadError {
                policy: Arc::clone(&policy.name),
                component: policy.component.to_string(),
                at: at.cloned(),
                fault,
            }
        })
    }

    /// Loads a policy whose code is compiled already. The configuration's `component` is not read again.
    ///
    /// # Errors
    /// What is wrong with the policy, its configuration or the regions.
    pub fn of(compiled: &Compiled, policy: &config::Policy, directory: &RegionDirectory) -> Result<Self, LoadFault> {
        within_limits(policy)?;
        load(compiled, policy, directory, Carried::default(), Grants::Configured)
    }

    /// The same where what it keeps comes from a record: whatever buckets it declares are granted, and nothing is kept in them.
    ///
    /// # Errors
    /// As for `of`.
    pub fn to_replay(
        compiled: &Compiled,
        policy: &config::Policy,
        directory: &RegionDirectory,
    ) -> Result<Self, LoadFault> {
        within_limits(policy)?;
        load(compiled, policy, directory, Carried::default(), Grants::Declared)
    }

    /// Makes a throw-away instance ready for another region table, to learn of an error before it is used.
    ///
    /// # Errors
    /// What `init` says, or how it failed.
    pub fn rehearse(&self, directory: &RegionDirectory) -> Result<(), PolicyFailure> {
        let meter = Arc::new(WaitMeter::of_this_thread());
        Instance::new(&self.mould, &meter)?.init(&self.mould, directory)
    }

    /// Whether loading this configuration from a file with this digest would give the same policy again.
    pub fn same_as(&self, policy: &config::Policy, digest: Digest) -> bool {
        let mould = &self.mould;
        mould.name == policy.name
            && mould.digest == digest
            && mould.config == policy.config
            && self.limits == policy.limits
            && self.isolation == policy.isolation
            && self.grants == policy.kv
            && self.http == policy.http
    }

    /// Name in the configuration.
    pub fn name(&self) -> &Arc<str> {
        &self.mould.name
    }

    /// Digest of the component's file.
    pub fn digest(&self) -> Digest {
        self.mould.digest
    }

    /// Its configuration, JSON bytes.
    pub fn config(&self) -> &[u8] {
        &self.mould.config
    }

    /// What it wants to see.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// In the place of a policy whose component is not at hand and whose words are known: it is asked at every hook, of
    /// somebody who knows them, and never of an instance.
    #[must_use]
    pub fn standing_in(self) -> Self {
        Self { stands_in: true, ..self }
    }

    /// With TLS towards the servers that it may ask.
    #[must_use]
    pub fn with_tls(self, tls: Option<Arc<rustls::ClientConfig>>) -> Self {
        Self { tls, ..self }
    }

    /// TLS towards the servers that it may ask.
    pub fn tls(&self) -> Option<&Arc<rustls::ClientConfig>> {
        self.tls.as_ref()
    }

    /// What it may ask of HTTP servers.
    pub fn http(&self) -> Option<&config::Outgoing> {
        self.http.as_ref()
    }

    /// Whether it is asked where a request should go.
    pub fn routes(&self) -> bool {
        self.stands_in || self.mould.exports.route.is_some()
    }

    /// Whether it is asked for a session's key.
    pub fn keys(&self) -> bool {
        self.stands_in || self.mould.exports.affinity.is_some()
    }

    /// Whether it is asked about answers of origins.
    pub fn hears(&self) -> bool {
        self.mould.exports.response.is_some()
    }

    /// Whether its calls can read anything besides what they are passed.
    pub(super) fn reads(&self) -> bool {
        !self.mould.lazy.is_empty() || !self.manifest.buckets.is_empty()
    }

    /// Whether it watches the regions.
    pub fn watches(&self) -> bool {
        self.mould.exports.health.is_some()
    }

    /// Its limits.
    pub fn limits(&self) -> PolicyLimits {
        self.limits
    }

    /// How long an instance of it is used.
    pub fn isolation(&self) -> Isolation {
        self.isolation
    }

    /// Its counters.
    pub fn stats(&self) -> &Arc<PolicyStats> {
        &self.mould.stats
    }

    /// The metrics that it declares.
    pub fn measures(&self) -> &Measures {
        &self.mould.measures
    }

    /// What it keeps.
    pub fn kv(&self) -> &Buckets {
        &self.mould.kv
    }

    /// What the next load under its name takes over.
    pub fn carried(&self) -> Carried {
        Carried {
            stats: Arc::clone(&self.mould.stats),
            measures: self.mould.measures.clone(),
            kv: self.mould.kv.clone(),
        }
    }

    /// Its breaker.
    pub fn quarantine(&self) -> &Quarantine {
        &self.quarantine
    }

    /// Unique in the process.
    pub fn id(&self) -> u64 {
        self.id
    }
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Loaded");
        shown.field("name", &self.mould.name).field("digest", &self.mould.digest).finish_non_exhaustive()
    }
}

fn within_limits(policy: &config::Policy) -> Result<(), LoadFault> {
    let memory = policy.limits.memory;
    if memory > MEMORY_MAX { Err(LoadFault::MemoryLimit(memory)) } else { Ok(()) }
}

/// Which buckets a policy is granted.
enum Grants {
    /// Those of its configuration.
    Configured,
    /// All that it declares; there is no room in them.
    Declared,
}

fn load(
    compiled: &Compiled,
    policy: &config::Policy,
    directory: &RegionDirectory,
    carried: Carried,
    grants: Grants,
) -> Result<Loaded, LoadFault> {
    static NEXT_ID: AtomicU64 = AtomicU64::new(1);
    let (name, config) = (Arc::clone(&policy.name), Arc::clone(&policy.config));
    let mut mould = Mould::of(compiled, name, config, policy.limits.memory, carried.stats);
    let meter = Arc::new(WaitMeter::of_this_thread());
    let memory = policy.limits.memory;
    let failed = |failure, other: fn(PolicyFailure) -> LoadFault| match failure {
        PolicyFailure::OutOfMemory => LoadFault::Memory(memory),
        failure => other(failure),
    };
    let uninstantiated = |failure: PolicyFailure| LoadFault::Instantiate(failure.to_string());
    let mut instance = Instance::new(&mould, &meter).map_err(|failure| failed(failure, uninstantiated))?;
    let described = instance.describe(&mould).map_err(|failure| failed(failure, LoadFault::DescribeFailed))?;
    let record = described.map_err(LoadFault::Describe)?;
    mould.stats.ignored(0, u32::try_from(record.ext.len()).unwrap_or(u32::MAX));
    let manifest = Manifest::parse(&record).map_err(LoadFault::Manifest)?;
    mould.lazy = manifest.lazy();
    mould.measures = Measures::declare(manifest.metrics.clone(), &carried.measures);
    mould.kv = match grants {
        Grants::Configured => Buckets::open(&manifest.buckets, &policy.kv, &carried.kv).map_err(LoadFault::Bucket)?,
        Grants::Declared => Buckets::without_room(&manifest.buckets),
    };
    let loaded = Loaded {
        id: NEXT_ID.fetch_add(1, Relaxed),
        mould,
        limits: policy.limits,
        isolation: policy.isolation,
        grants: policy.kv.clone(),
        http: policy.http.clone(),
        tls: None,
        manifest,
        quarantine: Quarantine::default(),
        stands_in: false,
    };
    drop(instance);
    loaded.rehearse(directory).map_err(|failure| match failure {
        PolicyFailure::Init(text) => LoadFault::Refused(text),
        failure => failed(failure, LoadFault::Init),
    })?;
    Ok(loaded)
}
