//! The lines of a record.
//!
//! Owns their form: JSON, one object for each line, told apart by its only key. The first line says whose record it is and in
//! which version; a world is what was known of a service; a decision names its world and has all that it was made from. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};

/// Version of the form.
pub const VERSION: u32 = 1;

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Line {
    /// The first.
    PortolanRecord(Head),
    /// What was known of a service.
    World(Box<World>),
    /// A decision.
    Decision(Box<Decided>),
}

/// Whose record it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// Version of the form.
    pub version: u32,
    /// Share of decisions that are in it.
    pub share: Exact,
    /// Fields that are not in it.
    pub redacted: Vec<String>,
}

/// What was known of a service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are those of `ServiceTable` and of the configuration; `_us` is microseconds")]
pub struct World {
    pub id: u64,
    pub pop: String,
    pub place: Place,
    pub service: String,
    pub fence: Vec<u8>,
    pub affinity: Option<Affinity>,
    pub steering: Steering,
    pub policies: Vec<Policy>,
    pub regions: Vec<Region>,
    /// Fields that policies declared: those that a request does not have are in none of its decisions. None in an old record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<BTreeSet<String>>,
}

/// Latitude and longitude.
pub type Place = (Exact, Exact);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "as in the configuration")]
pub struct Affinity {
    pub idle_us: u64,
    pub lifetime_us: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "as in `steer::table::Steering`")]
pub struct Steering {
    pub metric: String,
    pub balance: String,
    pub affinity: Option<String>,
    pub tie_band_km: Exact,
    pub tie_band_rtt_us: u64,
    pub failback_us: u64,
    pub panic_below: Exact,
    pub spill_from: Exact,
    pub slow_start_us: u64,
}

/// A policy that acted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "as in the configuration")]
pub struct Policy {
    pub name: String,
    pub digest: String,
    pub config: String,
    pub rejects: bool,
    pub memory: u64,
    /// Set when it acted for a share of the sessions only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
}

/// For whom a policy acted that was given to a share of the sessions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rollout {
    /// Share of the sessions.
    pub share: Exact,
    /// Name of the policy that kept the others.
    pub before: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "as in `steer::table::Region`; times are milliseconds since 1970")]
pub struct Region {
    pub name: String,
    pub place: Place,
    pub weight: u32,
    pub capacity: Option<u32>,
    pub labels: BTreeMap<String, String>,
    pub admin: String,
    pub health: String,
    pub since: u64,
    pub returned_at: Option<u64>,
    pub rtt_us: Option<u64>,
    pub spill: Exact,
    pub endpoints: Vec<Endpoint>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "as in `steer::table::Endpoint`")]
pub struct Endpoint {
    pub id: u64,
    pub state: String,
    pub returned_at: Option<u64>,
}

/// A decision and what it was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decided {
    /// The world.
    pub world: u64,
    /// Milliseconds since 1970.
    pub now: u64,
    /// The dice.
    pub seed: u64,
    /// Fields that policies declared and the request had.
    pub fields: BTreeMap<String, Octets>,
    /// Fields that it had and that are not written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redacted: Vec<String>,
    /// Where distances are measured from.
    pub client: Option<Place>,
    /// The session.
    pub session: Option<Session>,
    /// In flight and latency in microseconds of each endpoint of each region.
    pub loads: Vec<Vec<(u32, u32)>>,
    /// What policies said, in order, shadows behind them.
    pub said: Vec<(String, Said)>,
    /// What a policy's key for the session settled; none where it gave none, and nothing where it failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<(String, Option<u64>)>,
    /// Policies that acted here and are given to a share of the sessions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rollouts: Vec<String>,
    /// What policies read and wrote of what they keep, hook by hook.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<Kept>,
    /// Region, `(answered)` or `(refused)`.
    pub served: String,
    /// Region and endpoint of each target, by index.
    pub targets: Vec<(u8, u16)>,
}

/// What one policy did with what it keeps, in one call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// The policy.
    pub policy: String,
    /// `route` or `affinity`.
    pub hook: String,
    /// In order, without those of redacted buckets.
    pub calls: Vec<KvCall>,
    /// There were more of them than are recorded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

/// One call of `kv`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "as in `policy::KvCall`")]
pub struct KvCall {
    pub bucket: String,
    pub key: Octets,
    pub ask: KvAsk,
    pub answer: KvSaid,
}

/// What was done with a key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "as in wit/policy.wit")]
pub enum KvAsk {
    Get,
    Set { value: Octets, ttl_ms: u32 },
    Replace { expected: Option<Octets>, value: Octets, ttl_ms: u32 },
    Add { delta: i64, ttl_ms: u32 },
    Delete,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "as in `policy::KvAnswer`; an error is the word of wit/policy.wit")]
pub enum KvSaid {
    Value(Option<Octets>),
    Done,
    Whether(bool),
    Sum(i64),
    Error(String),
}

/// A session's token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "as in `steer::affinity::Token`")]
pub struct Session {
    pub region: String,
    pub endpoint: Option<u64>,
    pub started: u64,
    pub pinned_at: u64,
    pub last_used: u64,
    pub ttl_us: Option<u64>,
    pub payload: Octets,
}

/// What a policy said, as far as it decides where an exchange goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// No opinion.
    Pass,
    /// A plan.
    Route(Advised),
    /// An answer of its own, by status.
    Respond(u16),
    /// None; why, in a word.
    Failed(String),
}

/// A plan. Regions are indices of the world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "as in `steer::verdict::Advice`")]
pub struct Advised {
    pub order: Vec<u8>,
    pub fence: Option<Vec<u8>>,
    pub strict: bool,
    pub pin: PinSaid,
}

/// What becomes of the pin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "as in `steer::verdict::PinAction`")]
pub enum PinSaid {
    Keep,
    Hold,
    Clear,
    Bind,
}

/// A number that is read back as it was written, to the bit: as text, in the shortest form that means it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exact(pub f64);

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:?}", self.0))
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
        number.map(Self).ok_or_else(|| serde::de::Error::custom(format!("{text:?} is not a number")))
    }
}

/// Bytes: as text where they are text, else base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Octets(pub Vec<u8>);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Shown {
    Text(String),
    Base64 { base64: String },
}

impl Serialize for Octets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => Shown::Base64 { base64: STANDARD.encode(&self.0) }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Shown::deserialize(deserializer)? {
            Shown::Text(text) => Ok(Self(text.into_bytes())),
            Shown::Base64 { base64 } => STANDARD.decode(base64).map(Self).map_err(serde::de::Error::custom),
        }
    }
}
