//! Configuration: from the text of one TOML file to its meaning.
//!
//! `raw` mirrors the text, `resolve` turns it into the types below, in which illegal states cannot be written down.
//! Boot settings (a restart is needed to change them) and live settings (a reload is enough) are different types.
//! Nothing here opens a socket, compiles a policy or loads a database; files are only named.

mod bundle;
mod changes;
mod component;
mod defaults;
mod diagnostic;
mod outgoing;
mod raw;
mod read;
mod resolve;
mod rollout;
mod schema;
mod service;
#[cfg(test)]
mod tests;
mod value;

pub use bundle::Bundle;
pub use changes::boot_changes;
pub use component::{Component, ComponentSettings, Image, Source, Url};
pub use defaults::POLICY_MEMORY as POLICY_MEMORY_DEFAULT;
pub use diagnostic::{Diagnostic, Diagnostics, Excerpt, Note};
pub use outgoing::Outgoing;
pub use read::{load, parse};
pub use rollout::Rollout;
pub use schema::{reference, schema};
pub use service::{
    Affinity, Cache, Ejection, Endpoint, Health, OriginTls, Probe, ProbeKind, Queue, Region, Retry, Service, Timeouts,
};

use crate::base::Location;
use crate::steer::route::RouteKey;
use ipnet::IpNet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The whole configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// What needs a restart.
    pub boot: Boot,
    /// What a reload changes.
    pub live: Live,
}

/// Settings fixed for the life of the process.
#[derive(Debug, Clone, PartialEq)]
pub struct Boot {
    /// Where clients connect.
    pub listeners: Vec<Listener>,
    /// The admin listener; none when switched off.
    pub admin: Option<Admin>,
    /// Worker threads.
    pub workers: usize,
    /// How long a graceful shutdown waits for exchanges in progress.
    pub shutdown_deadline: Duration,
    /// Where compiled policies are kept; none keeps them in memory only.
    pub policy_cache: Option<PathBuf>,
    /// Memory for stored answers, bytes.
    pub cache_memory: u64,
    /// Stored answers on disk as well; none keeps them in memory only.
    pub cache_disk: Option<CacheDisk>,
    /// Where decisions are recorded; none records none.
    pub record: Option<Record>,
}

/// How decisions are recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The file.
    pub file: PathBuf,
    /// Share of decisions, 0 to 1.
    pub share: f64,
    /// Bytes that the file and the one before it may take.
    pub size: u64,
    /// Fields that are never written, as manifests name them.
    pub redact: Vec<String>,
}

/// Where stored answers are kept on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheDisk {
    /// The folder.
    pub path: PathBuf,
    /// Bytes that its files may take.
    pub size: u64,
}

/// One address on which clients are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Address and port; port 0 asks the system for one.
    pub address: SocketAddr,
    /// TLS, or none for plain HTTP.
    pub tls: Option<Tls>,
}

/// What part of the memory for stored answers one of them may take, so that each part of it has room for several.
pub const MEMORY_OBJECT_SHARE: u64 = 8;
/// What part of the disk for stored answers one of them may take.
pub const DISK_OBJECT_SHARE: u64 = 4;

impl Boot {
    /// The largest answer that is stored anywhere, bytes.
    fn cache_object_max(&self) -> u64 {
        let on_disk = self.cache_disk.as_ref().map_or(0, |disk| disk.size / DISK_OBJECT_SHARE);
        on_disk.max(self.cache_memory / MEMORY_OBJECT_SHARE)
    }
}

/// TLS of a listener. The files are read again on reload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// PEM certificate chain.
    pub certificate: PathBuf,
    /// PEM private key.
    pub key: PathBuf,
}

/// The admin listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// Address; anything but loopback needs a token.
    pub address: SocketAddr,
    /// Bearer token.
    pub token: Option<String>,
}

/// Settings that a reload replaces whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Live {
    /// This PoP.
    pub pop: Pop,
    /// How clients are located.
    pub geo: GeoSettings,
    /// Keys of affinity tokens, the first one signs; empty: a key is made at start and lost at exit.
    pub affinity_keys: Vec<AffinityKey>,
    /// How components of policies are fetched.
    pub components: ComponentSettings,
    /// Policies by their position; services refer to them by index.
    pub policies: Vec<Policy>,
    /// Services by their position; routes refer to them by index.
    pub services: Vec<Service>,
    /// Routes, in the order of the file.
    pub routes: Vec<Route>,
    /// Limits towards clients.
    pub client: ClientLimits,
}

/// This edge site.
#[derive(Debug, Clone, PartialEq)]
pub struct Pop {
    /// Name, in `via`, tokens, logs.
    pub name: Arc<str>,
    /// Where it stands.
    pub location: Location,
}

/// How clients are located.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GeoSettings {
    /// Database file; none is the built-in country data.
    pub database: Option<PathBuf>,
    /// Peers whose `Forwarded` and `X-Forwarded-For` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Places given by the operator.
    pub overrides: Vec<(IpNet, PlaceOverride)>,
}

/// A place given by the operator for a network.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceOverride {
    /// ISO 3166-1 alpha-2 code, upper case.
    pub country: Option<[u8; 2]>,
    /// Coordinates; none is the centre of the country.
    pub location: Option<Location>,
}

/// A key that signs affinity tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct AffinityKey {
    /// Identity in the token, 1 to 16 characters.
    pub id: String,
    /// At least 32 bytes.
    pub secret: Vec<u8>,
}

impl std::fmt::Debug for AffinityKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AffinityKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A policy and what it is given.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Name in the configuration.
    pub name: Arc<str>,
    /// Its component.
    pub component: Component,
    /// Its configuration as JSON bytes.
    pub config: Arc<[u8]>,
    /// What happens when it fails.
    pub on_error: OnError,
    /// Its limits.
    pub limits: PolicyLimits,
    /// How long one instance of it is used.
    pub isolation: Isolation,
    /// Set when it is asked without acting.
    pub shadow: Option<Shadow>,
    /// Set when it acts for a share of the sessions.
    pub rollout: Option<Rollout>,
    /// Buckets that it is granted, in the order of the file.
    pub kv: Vec<Bucket>,
    /// What it may ask of HTTP servers; none is nothing.
    pub http: Option<Outgoing>,
    /// Position of the `config` key in the file, for errors that come from `describe`.
    pub config_at: Option<Place>,
    /// Position of the `component` key in the file.
    pub component_at: Option<Place>,
}

/// How long an instance of a policy is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Isolation {
    /// For many requests of a worker.
    #[default]
    Worker,
    /// For one call; the next one has an instance whose memory is new.
    Request,
}

/// How a policy is asked beside the others, without acting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shadow {
    /// Share of decisions for which it is asked, 0 to 1.
    pub share: f64,
    /// Index in `Live::policies` of the policy in whose place it is compared; none: it is compared as one more.
    pub replaces: Option<usize>,
}

/// A bucket of key-value pairs that a policy is granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Name, as the policy's manifest declares it.
    pub name: Arc<str>,
    /// How much it may hold.
    pub quota: BucketQuota,
}

/// How much a bucket may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketQuota {
    /// Entries.
    pub entries: u64,
    /// Bytes of all keys and values, with what keeping them takes.
    pub bytes: u64,
    /// Bytes of one value.
    pub value: u64,
}

/// A position in a configuration file, as people count: from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file as it was named.
    pub file: Arc<str>,
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

/// What happens to an exchange whose policy failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// The host's own order, inside static fences.
    #[default]
    Default,
    /// 503.
    Reject,
}

/// Limits of one policy instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyLimits {
    /// Linear memory, bytes.
    pub memory: usize,
    /// Time of one call.
    pub time: Duration,
}

/// From host and path to an action.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// What it matches.
    pub key: RouteKey,
    /// What happens.
    pub action: Action,
    /// Where it stands in the file.
    pub at: Option<Place>,
}

/// What a route does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Forward to a service.
    Service {
        /// Its index in `Live::services`.
        service: usize,
        /// How answers are cached; none stores nothing.
        cache: Option<Arc<Cache>>,
    },
    /// Serve a directory.
    Static(Arc<Bundle>),
}

/// Limits towards clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientLimits {
    /// Until the head of a request is complete.
    pub header_timeout: Duration,
    /// An idle keep-alive connection is closed after this.
    pub idle_timeout: Duration,
    /// Longest silence inside a request body.
    pub body_timeout: Duration,
    /// A client that takes no bytes for this long is cut off.
    pub write_timeout: Duration,
    /// Largest request head, bytes.
    pub head_max: usize,
    /// Most connections per worker.
    pub connections_max: usize,
}
