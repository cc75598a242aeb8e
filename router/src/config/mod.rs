//! Configuration: from the text of one TOML file to its meaning.
//!
//! `raw` mirrors the text, `resolve` turns it into the types below, in which illegal states cannot be written down.
//! Boot settings (a restart is needed to change them) and live settings (a reload is enough) are different types.
//! Nothing here opens a socket, compiles a policy or loads a database; files are only named.

mod changes;
mod defaults;
mod diagnostic;
mod raw;
mod read;
mod resolve;
mod schema;
#[cfg(test)]
mod tests;
mod value;

pub use changes::boot_changes;
pub use diagnostic::{Diagnostic, Diagnostics, Excerpt, Note};
pub use read::{load, parse};
pub use schema::{reference, schema};

use crate::base::Location;
use crate::steer::table::Steering;
use http::StatusCode;
use ipnet::IpNet;
use std::collections::BTreeMap;
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
}

/// One address on which clients are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Address and port; port 0 asks the system for one.
    pub address: SocketAddr,
    /// TLS, or none for plain HTTP.
    pub tls: Option<Tls>,
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
    /// The component's file.
    pub component: PathBuf,
    /// Its configuration as JSON bytes.
    pub config: Arc<[u8]>,
    /// What happens when it fails.
    pub on_error: OnError,
    /// Its limits.
    pub limits: PolicyLimits,
    /// Position of the `config` key in the file, for errors that come from `describe`.
    pub config_at: Option<Place>,
    /// Position of the `component` key in the file.
    pub component_at: Option<Place>,
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

/// An application.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Name.
    pub name: Arc<str>,
    /// Its policies, in order, by index in `Live::policies`.
    pub policies: Vec<usize>,
    /// How it steers.
    pub steering: Steering,
    /// Region names that exchanges of this service must not leave; none is no static fence.
    pub fence: Option<Vec<usize>>,
    /// Session affinity; none switches it off.
    pub affinity: Option<Affinity>,
    /// Retries.
    pub retry: Retry,
    /// Time limits.
    pub timeout: Timeouts,
    /// Probes and ejection.
    pub health: Health,
    /// TLS towards `https://` endpoints.
    pub origin_tls: OriginTls,
    /// Its regions. At most `base::region_set::REGIONS_MAX`, at least one.
    pub regions: Vec<Region>,
}

/// TLS towards origins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OriginTls {
    /// PEM file with the authorities that are trusted; none is the system's store.
    pub ca: Option<PathBuf>,
    /// Name to verify and to send as SNI; none is the host of the URL.
    pub server_name: Option<String>,
}

/// Session affinity (the mode is in `steering.affinity`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affinity {
    /// Cookie name.
    pub cookie: Arc<str>,
    /// Whether the cookie is set `Secure`: every listener has TLS, or the name demands it (`__Host-`, `__Secure-`).
    pub secure: bool,
    /// A session that rests longer than this is new again.
    pub idle: Duration,
    /// A session older than this is new again.
    pub lifetime: Duration,
}

/// Retries of one exchange (their number is in `steering.retries`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// Retries may be this share of exchanges.
    pub budget: f64,
    /// Retries per second that are always allowed.
    pub floor_per_s: u32,
    /// Request bodies up to this size are kept for a retry, bytes.
    pub body_max: usize,
}

/// Time limits of one exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until a connection to an endpoint stands, TLS included.
    pub connect: Duration,
    /// From the request sent to the head of the response.
    pub response: Duration,
    /// The whole exchange up to the head of the response, retries included.
    pub total: Duration,
    /// Silence in the middle of a body.
    pub idle: Duration,
}

/// How endpoints are watched.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    /// Active probe; none leaves it to real traffic.
    pub probe: Option<Probe>,
    /// Passive ejection; none switches it off.
    pub ejection: Option<Ejection>,
}

/// An active probe.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Probe {
    /// What is asked.
    pub kind: ProbeKind,
    /// Time between probes.
    pub interval: Duration,
    /// Time for one probe.
    pub timeout: Duration,
    /// Failures until down.
    pub fall: u32,
    /// Passes until up again.
    pub rise: u32,
}

/// What a probe asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ProbeKind {
    /// A GET over the endpoint's own scheme (HTTP or HTTPS).
    Http {
        /// Path and query.
        path: String,
        /// Accepted status codes.
        status: Vec<StatusCode>,
        /// `Host` header; none is the endpoint's own.
        host: Option<String>,
    },
    /// A connection (with TLS for `https://` endpoints).
    Tcp,
}

/// Passive ejection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ejection {
    /// Gateway or connect errors in a row.
    pub consecutive: u32,
    /// Success rate below which an endpoint is ejected (0 to 1).
    pub success_below: f64,
    /// Requests in the window before the rate counts.
    pub requests_min: u32,
    /// The window.
    pub window: Duration,
    /// First ejection; it grows with each further one.
    pub base: Duration,
    /// Longest ejection.
    pub max: Duration,
    /// Largest share of a region's endpoints ejected by success rate.
    pub share_max: f64,
}

/// A place where the service runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Region {
    /// Name.
    pub name: Arc<str>,
    /// Where it is.
    pub location: Location,
    /// Share among regions of equal nearness.
    pub weight: u32,
    /// Requests in flight that it is meant to hold.
    pub capacity: Option<u32>,
    /// What policies can see.
    pub labels: BTreeMap<String, String>,
    /// Switched by configuration; the operator's commands come on top.
    pub admin: crate::steer::table::Admin,
    /// Its origin servers, at least one.
    pub endpoints: Vec<Endpoint>,
}

/// An origin server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Stable identity: hash of service, region and URL.
    pub id: u64,
    /// URL as written.
    pub url: Arc<str>,
    /// Whether it speaks TLS.
    pub tls: bool,
    /// Host name or address literal, without brackets.
    pub host: Arc<str>,
    /// Port.
    pub port: u16,
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

/// What a route matches.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RouteKey {
    /// Lower-case host, `*.suffix`, or none for any.
    pub host: Option<Arc<str>>,
    /// Path, beginning with `/`.
    pub path: Arc<str>,
    /// The whole path, not a prefix.
    pub exact: bool,
}

/// What a route does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Forward to a service, by index in `Live::services`.
    Service(usize),
    /// Serve a directory.
    Static {
        /// The directory.
        root: PathBuf,
        /// File for navigations that match nothing.
        fallback: Option<String>,
    },
}

/// Limits towards clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientLimits {
    /// Until the head of a request is complete.
    pub header_timeout: Duration,
    /// An idle keep-alive connection is closed after this.
    pub idle_timeout: Duration,
    /// A client that takes no bytes for this long is cut off.
    pub write_timeout: Duration,
    /// Largest request head, bytes.
    pub head_max: usize,
    /// Most connections per worker.
    pub connections_max: usize,
}
