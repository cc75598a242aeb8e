//! What the configuration says about a service, its regions and endpoints.
//!
//! Owns the resolved types below `Service`. Steering's own settings are `steer`'s types; states and loads are not
//! configuration and live in the snapshot.

use crate::base::Location;
use crate::cache::compress::Compression;
use crate::cache::key::Parameters;
use crate::cache::settings::Settings;
use crate::steer::table::{Admin, Steering};
use http::{HeaderName, StatusCode};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

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
    /// Waiting for room when all regions are full.
    pub queue: Queue,
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
    /// Silence in both directions of an upgraded connection.
    pub tunnel: Duration,
}

/// Waiting for room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// Longest wait; zero is none.
    pub wait: Duration,
    /// Exchanges that wait at one time, of all workers together.
    pub waiting_max: u32,
}

/// A cache of answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    /// Choices about the rules.
    pub settings: Settings,
    /// Query parameters that count.
    pub parameters: Parameters,
    /// Request fields in the key.
    pub key_headers: Vec<HeaderName>,
    /// Cookies in the key.
    pub key_cookies: Vec<String>,
    /// The client's country is in the key.
    pub key_country: bool,
    /// Requests for the same thing at the same time wait for the first of them.
    pub collapse: bool,
    /// Navigations that wait are told what the stored page links to.
    pub early_hints: bool,
    /// Largest answer that is stored, bytes.
    pub object_max: u64,
    /// What is compressed; none: nothing.
    pub compress: Option<Compression>,
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
    /// Longest time between probes of an endpoint that is down; not less than the interval.
    pub down_interval: Duration,
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
    pub admin: Admin,
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
