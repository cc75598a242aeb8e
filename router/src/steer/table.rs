//! What steering knows of a service: regions, endpoints and their state.
//!
//! Owns the immutable table inside a snapshot. Built by `snapshot::build` from configuration and the World's health;
//! never changed in place. Loads, which change with every request, come separately through `Loads`.

use crate::base::{Location, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// What is known of a region's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Health {
    /// No evidence yet, or none for long. Not the same as down: it may serve when nothing better does.
    Unknown,
    /// Enough endpoints serve.
    Healthy,
    /// Serves, with fewer endpoints than it should have.
    Degraded,
    /// Told to drain: keeps its sessions, takes no new ones.
    Draining,
    /// Evidence says that it does not serve.
    Down,
}

impl Health {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Unknown, Self::Healthy, Self::Degraded, Self::Draining, Self::Down];

    /// The word for it, in documents, logs and records; stable.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Draining => "draining",
            Self::Down => "down",
        }
    }
}

/// What the operator wants of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Admin {
    /// Takes traffic.
    #[default]
    On,
    /// Keeps pinned sessions, takes no new ones.
    Drain,
    /// Takes nothing.
    Off,
}

impl Admin {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::On, Self::Drain, Self::Off];

    /// The word for it, in documents, logs and records; stable.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Drain => "drain",
            Self::Off => "off",
        }
    }
}

/// Whether an endpoint may be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndpointState {
    /// Not probed yet; may serve.
    Unknown,
    /// Serves.
    Up,
    /// Failed its probes.
    Down,
    /// Taken out by what real traffic met there, for a time.
    Ejected,
}

impl EndpointState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Unknown, Self::Up, Self::Down, Self::Ejected];

    /// The word for it, in documents, logs and records; stable.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
            Self::Ejected => "ejected",
        }
    }

    /// Whether traffic may go there outside panic.
    pub fn serves(self) -> bool {
        matches!(self, Self::Unknown | Self::Up)
    }
}

/// One origin server.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// Stable, opaque identity: a hash of service, region and URL. Travels in affinity tokens.
    pub id: u64,
    /// URL as configured, for people.
    pub url: Arc<str>,
    /// Whether it may be chosen.
    pub state: EndpointState,
    /// When it last came back from down or ejected; slow start counts from here. None: no ramp.
    pub returned_at: Option<Timestamp>,
}

/// One place where the service runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Region {
    /// Name, unique in the service.
    pub name: Arc<str>,
    /// Where it is.
    pub location: Location,
    /// Share among regions of equal nearness; 0 takes traffic only when nothing else can.
    pub weight: u32,
    /// Requests in flight that it is meant to hold (hard limit); none is no limit.
    pub capacity: Option<u32>,
    /// What policies can see.
    pub labels: BTreeMap<String, String>,
    /// The operator's wish.
    pub admin: Admin,
    /// Health derived from its endpoints (`Draining` when `admin` says so and it is not down).
    pub health: Health,
    /// Since when `health` holds.
    pub health_since: Timestamp,
    /// When the region last came back from down: failback and the ramp count from here.
    pub returned_at: Option<Timestamp>,
    /// Measured round trip from this PoP, when there is a measurement.
    pub rtt: Option<Duration>,
    /// Share (0 to 1) of exchanges that it gives to the next region because it fills up; follows its load at a limited
    /// pace (`strategy::spill`).
    pub spill: f64,
    /// Its origin servers.
    pub endpoints: Vec<Endpoint>,
}

/// How nearness is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Metric {
    /// Great-circle distance from the client; from the PoP when the client's place is unknown.
    #[default]
    ClientDistance,
    /// Measured round trip from this PoP.
    PopRtt,
}

/// How an endpoint is chosen inside a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Balance {
    /// The less loaded of two random endpoints (Mitzenmacher 2001).
    #[default]
    PowerOfTwo,
    /// The cheaper of two by peak-sensitive latency times load (Finagle's peak EWMA).
    PeakEwma,
}

/// What happens when a pinned region cannot serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AffinityMode {
    /// Pin anew and stay there.
    #[default]
    Sticky,
    /// Go elsewhere for now, come back when the region is well.
    Temporary,
    /// Refuse with 503.
    Strict,
}

/// How a service steers.
#[derive(Debug, Clone, PartialEq)]
pub struct Steering {
    /// How nearness is measured.
    pub metric: Metric,
    /// Regions whose distance is within this of the nearest count as equal, km.
    pub tie_band_km: f64,
    /// Regions whose round trip is within this of the nearest count as equal.
    pub tie_band_rtt: Duration,
    /// How an endpoint is chosen inside a region.
    pub balance: Balance,
    /// What happens when a pinned region cannot serve; none when the service has no affinity.
    pub affinity: Option<AffinityMode>,
    /// For `Temporary`: how long the pinned region must be healthy before a session returns to it.
    pub failback_after: Duration,
    /// Below this share of serving endpoints a region is degraded, and panic may choose among all of its endpoints that
    /// no probe has found down.
    pub panic_below: f64,
    /// Part of a region's capacity above which load begins to spill to the next region (0 to 1).
    pub spill_from: f64,
    /// How long an endpoint or region ramps up after it came back; zero is at once.
    pub slow_start: Duration,
    /// Attempts beyond the first.
    pub retries: u8,
}

/// All that steering knows of one service.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceTable {
    /// Name of the service.
    pub name: Arc<str>,
    /// Its regions; their position is the index used in fences and plans. At most `base::region_set::REGIONS_MAX`.
    pub regions: Vec<Region>,
    /// How it steers.
    pub steering: Steering,
    /// Where this PoP is: the client's stand-in when its place is unknown.
    pub pop: Location,
}

/// Load of one endpoint at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// Requests in flight from this PoP.
    pub in_flight: u32,
    /// Peak-sensitive moving average of time to first byte, microseconds; 0 before any traffic.
    pub latency_us: u32,
}

/// Where loads are read: atomics in the router, numbers in tests and replays.
pub trait Loads {
    /// Load of an endpoint, by region index and endpoint index in the service's table.
    fn endpoint(&self, region: usize, endpoint: usize) -> Load;
    /// Requests in flight in a whole region.
    fn region_in_flight(&self, region: usize) -> u32;
}
