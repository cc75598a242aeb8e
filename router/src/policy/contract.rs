//! The contract of `wit/policy.wit` as Rust types.
//!
//! Owns the mirror of its records and variants, in the forms that cost least: what goes in borrows, what comes out is
//! owned. wasmtime checks each of them against the component when it is loaded. No meaning here: `convert` has it.

use crate::base::Location;
use crate::steer::table::Health;
use wasmtime::component::{ComponentType, Lift, Lower};

/// Package of the contract.
pub(super) const PACKAGE: &str = "portolan:policy";
/// Version that this host links.
pub(super) const VERSION: (u64, u64, u64) = (0, 1, 0);
/// The same, as people write it.
pub(super) const VERSION_TEXT: &str = "0.1.0";

/// What is known of a candidate's health, in the order of the contract's `health`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ComponentType, Lower)]
#[component(enum)]
#[repr(u8)]
pub enum CandidateHealth {
    /// No evidence.
    #[component(name = "unknown")]
    Unknown,
    /// Enough endpoints serve.
    #[component(name = "healthy")]
    Healthy,
    /// Serves with fewer endpoints than it should have.
    #[component(name = "degraded")]
    Degraded,
    /// Keeps its sessions, takes no new ones.
    #[component(name = "draining")]
    Draining,
    /// Does not serve.
    #[component(name = "down")]
    Down,
}

impl From<Health> for CandidateHealth {
    fn from(health: Health) -> Self {
        match health {
            Health::Unknown => Self::Unknown,
            Health::Healthy => Self::Healthy,
            Health::Degraded => Self::Degraded,
            Health::Draining => Self::Draining,
            Health::Down => Self::Down,
        }
    }
}

/// A region that may serve the request, as a policy sees it: a row of the contract's `candidates`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// The region's number in the directory: `first_region` of the service plus its index in the service.
    pub region: u32,
    /// Its health.
    pub health: CandidateHealth,
    /// For how long it has been in this state, seconds.
    pub health_age_s: u32,
    /// Great-circle distance, km.
    pub distance_km: u32,
    /// Measured round trip from this PoP, microseconds; 0 is not measured.
    pub rtt_us: u32,
    /// Moving average of time to first byte, microseconds; 0 is no traffic yet.
    pub latency_us: u32,
    /// Requests in flight from this PoP.
    pub in_flight: u32,
    /// Configured weight.
    pub weight: u32,
}

/// Columns of the contract's `candidates`.
pub(super) const COLUMNS: usize = 8;

impl Candidate {
    /// Its row, in the order of the contract's `column`.
    pub(super) fn row(&self) -> [u32; COLUMNS] {
        [
            self.region,
            self.health as u32,
            self.health_age_s,
            self.distance_km,
            self.rtt_us,
            self.latency_us,
            self.in_flight,
            self.weight,
        ]
    }
}

/// Every candidate in one list of numbers, which wasmtime copies as a whole.
#[derive(Debug, Clone, Copy, ComponentType, Lower)]
#[component(record)]
pub(super) struct CandidatesRecord<'a> {
    pub(super) width: u32,
    pub(super) cells: &'a [u32],
}

#[derive(Debug, Clone, Copy, ComponentType, Lower)]
#[component(record)]
pub(super) struct LocationRecord {
    latitude: f64,
    longitude: f64,
}

impl From<Location> for LocationRecord {
    fn from(location: Location) -> Self {
        Self { latitude: location.latitude(), longitude: location.longitude() }
    }
}

#[derive(Debug, Clone, Copy, ComponentType, Lower)]
#[component(record)]
pub(super) struct RegionRecord<'a> {
    pub(super) id: u32,
    pub(super) service: &'a str,
    pub(super) name: &'a str,
    pub(super) labels: &'a [(String, String)],
    pub(super) location: LocationRecord,
    pub(super) capacity: u32,
}

#[derive(Debug, Clone, Copy, ComponentType, Lower)]
#[component(record)]
pub(super) struct PinRecord {
    pub(super) region: Option<u32>,
    #[component(name = "session-age-s")]
    pub(super) session_age_s: u32,
    #[component(name = "pin-age-s")]
    pub(super) pin_age_s: u32,
}

#[derive(Debug, Clone, Copy, ComponentType, Lower)]
#[component(record)]
pub(super) struct RequestRecord {
    #[component(name = "now-ms")]
    pub(super) now_ms: f64,
    pub(super) entropy: f64,
    pub(super) client: Option<LocationRecord>,
    pub(super) pin: Option<PinRecord>,
    pub(super) service: u32,
}

#[derive(Debug, Clone, Copy, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[allow(dead_code, reason = "made by the derived `Lift`, from the guest's number")]
pub(super) enum EditOp {
    #[component(name = "set")]
    Set,
    #[component(name = "add")]
    Add,
    #[component(name = "remove")]
    Remove,
}

#[derive(Debug, ComponentType, Lift)]
#[component(record)]
pub(super) struct EditRecord {
    pub(super) op: EditOp,
    pub(super) name: String,
    pub(super) value: Vec<u8>,
}

#[derive(Debug, ComponentType, Lift)]
#[component(record)]
pub(super) struct ReplyRecord {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
}

#[derive(Debug, ComponentType, Lift)]
#[component(record)]
pub(super) struct BindingRecord {
    pub(super) payload: Vec<u8>,
    #[component(name = "ttl-s")]
    pub(super) ttl_s: u32,
}

#[derive(Debug, ComponentType, Lift)]
#[component(variant)]
pub(super) enum PinActionVariant {
    #[component(name = "keep")]
    Keep,
    #[component(name = "hold")]
    Hold,
    #[component(name = "clear")]
    Clear,
    #[component(name = "bind")]
    Bind(BindingRecord),
}

#[derive(Debug, ComponentType, Lift)]
#[component(record)]
pub(super) struct CacheTermsRecord {
    pub(super) key: Option<String>,
    #[component(name = "ttl-s")]
    pub(super) ttl_s: Option<u32>,
}

#[derive(Debug, ComponentType, Lift)]
#[component(variant)]
pub(super) enum CacheActionVariant {
    #[component(name = "keep")]
    Keep,
    #[component(name = "terms")]
    Terms(CacheTermsRecord),
    #[component(name = "bypass")]
    Bypass,
}

#[derive(Debug, ComponentType, Lift)]
#[component(record)]
pub(super) struct PlanRecord {
    pub(super) order: Vec<u32>,
    pub(super) fence: Option<Vec<u32>>,
    pub(super) strict: bool,
    pub(super) pin: PinActionVariant,
    pub(super) cache: CacheActionVariant,
    pub(super) edits: Vec<EditRecord>,
    #[component(name = "timeout-ms")]
    pub(super) timeout_ms: u32,
    pub(super) ext: Vec<(String, Vec<u8>)>,
}

#[derive(Debug, ComponentType, Lift)]
#[component(variant)]
pub(super) enum VerdictVariant {
    #[component(name = "pass")]
    Pass,
    #[component(name = "route")]
    Route(PlanRecord),
    #[component(name = "respond")]
    Respond(ReplyRecord),
}

#[derive(Debug, ComponentType, Lift)]
#[component(record)]
pub(super) struct MetricRecord {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) labels: Vec<String>,
}

/// How an origin answered.
#[derive(Debug, Clone, Copy, ComponentType, Lower)]
#[component(record)]
pub(super) struct OutcomeRecord {
    pub(super) region: u32,
    pub(super) status: u16,
    pub(super) attempt: u32,
    #[component(name = "ttfb-us")]
    pub(super) ttfb_us: u32,
    #[component(name = "may-retry")]
    pub(super) may_retry: bool,
}

#[derive(Debug, ComponentType, Lift)]
#[component(record)]
pub(super) struct AmendmentRecord {
    pub(super) edits: Vec<EditRecord>,
    pub(super) pin: PinActionVariant,
}

#[derive(Debug, ComponentType, Lift)]
#[component(variant)]
pub(super) enum ReactionVariant {
    #[component(name = "pass")]
    Pass,
    #[component(name = "amend")]
    Amend(AmendmentRecord),
    #[component(name = "next")]
    Next,
}

#[derive(Debug, ComponentType, Lift)]
#[component(record)]
pub(super) struct ManifestRecord {
    pub(super) fields: Vec<String>,
    #[component(name = "response-fields")]
    pub(super) response_fields: Vec<String>,
    pub(super) buckets: Vec<String>,
    pub(super) metrics: Vec<MetricRecord>,
    pub(super) ext: Vec<(String, Vec<u8>)>,
}

/// What became of a region.
#[derive(Debug, Clone, Copy, ComponentType, Lower)]
#[component(record)]
pub(super) struct ChangeRecord {
    pub(super) region: u32,
    pub(super) before: CandidateHealth,
    pub(super) now: CandidateHealth,
    #[component(name = "since-ms")]
    pub(super) since_ms: f64,
}

/// Parameters of `watch`.
pub(super) type WatchParams<'a> = (f64, f64, &'a [ChangeRecord]);
/// Result of `watch`.
pub(super) type WatchResult = (u32,);
/// Parameters of `route`.
pub(super) type RouteParams<'a> = (RequestRecord, &'a [u8], CandidatesRecord<'a>);
/// Result of `route`.
pub(super) type RouteResult = (VerdictVariant,);
/// Parameters of `response`.
pub(super) type ResponseParams<'a> = (RequestRecord, OutcomeRecord, &'a [u8], &'a [u8]);
/// Result of `response`.
pub(super) type ResponseResult = (ReactionVariant,);
/// Parameters of `affinity`.
pub(super) type KeyParams<'a> = (RequestRecord, &'a [u8]);
/// Result of `affinity`.
pub(super) type KeyResult = (Option<Vec<u8>>,);
/// Parameters of `describe`.
pub(super) type DescribeParams<'a> = (&'a [u8],);
/// Result of `describe`.
pub(super) type DescribeResult = (Result<ManifestRecord, String>,);
/// Parameters of `init`.
pub(super) type InitParams<'a> = (&'a [u8], &'a [RegionRecord<'a>]);
/// Result of `init`.
pub(super) type InitResult = (Result<(), String>,);
