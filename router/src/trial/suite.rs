//! The text of a cases file.
//!
//! Owns its keys and what they stand for when they are left out. Reads a whole file or says where it is wrong; what the
//! values mean for steering is `stage`'s and `play`'s. A random world is written in the same form, so that it can be
//! put into a file. docs/policies.md is the guide.

mod kept;
mod watch;

use crate::base::Ordered;
pub(super) use kept::Kept;
use serde::de::Deserializer;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
pub(super) use watch::{Server, ServerAnswer, Watch};

/// Name of the file in a policy's folder.
const FILE: &str = "cases.toml";

/// Cases of one policy, with the world that they share.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// The component; in the file its path is relative to it.
    pub component: PathBuf,
    /// Configuration of the policy, for cases that have none of their own.
    #[serde(default)]
    pub config: toml::Table,
    /// Limits of the policy, as in the router's configuration.
    pub limits: Option<toml::Table>,
    /// How long an instance is used, as in the router's configuration; not from the file, but from who measures.
    #[serde(skip)]
    pub isolation: String,
    /// Buckets that the policy is granted, as in the router's configuration.
    pub kv: Option<toml::Table>,
    /// What the policy may ask of servers, as in the router's configuration. Nothing is asked for real: cases have the answers.
    pub http: Option<toml::Table>,
    /// Settings of the service, as in the router's configuration; without `affinity` it has one.
    #[serde(default)]
    pub service: toml::Table,
    /// Regions, nearest first.
    pub regions: Ordered<String, Region>,
    /// The cases.
    #[serde(default, rename = "case")]
    pub cases: Vec<Case>,
}

/// A region as the router's configuration has it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Region {
    /// Weight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
    /// Requests in flight it is meant to hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// Where it is; left out, 500 km further from the PoP than the one before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// A place in degrees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Location {
    pub latitude: f64,
    pub longitude: f64,
}

/// One request and what must come of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// Method and path: `GET /cart?a=1`; left out, `GET /`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// Host; left out, `shop.example`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The verdict in one line; for an answer of the policy's own its status is enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<String>,
    /// The session's own key; empty when the policy gives none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// How an origin answers, for a policy that hears answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
    /// What the policy makes of it, in one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heard: Option<String>,
    /// What is kept afterwards in the buckets that are named: nothing else is in them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keeps: Option<BTreeMap<String, BTreeMap<String, Kept>>>,
    /// Region that serves, or `refused: WHY`, when the host has judged the verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub served: Option<String>,
    /// The policy refuses its configuration, in words that contain these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refuses: Option<String>,
    /// Entropy of the request, in [0, 1); left out, a half.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entropy: Option<f64>,
    /// Configuration of the policy for this case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<toml::Table>,
    /// Request headers; a list is several lines, and `\xHH` is one byte.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Lines>,
    /// What the policy keeps when it is asked: bucket, key, value. A number is one that `add` adds to; `\xHH` is one byte.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub kv: BTreeMap<String, BTreeMap<String, Kept>>,
    /// The policy's background instance is called, before the request if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watch: Option<Watch>,
    /// The client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<Client>,
    /// The session's pin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin: Option<Pin>,
    /// States of regions; those that are not named are healthy.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub regions: BTreeMap<String, State>,
}

impl Case {
    /// Whether there is a request: always, unless the background instance is called and nothing is said of any.
    pub fn has_request(&self) -> bool {
        let said = [&self.request, &self.expect, &self.key, &self.heard, &self.served];
        self.watch.is_none() || self.answer.is_some() || said.into_iter().any(Option::is_some)
    }
}

/// How an origin answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Which region answers; left out, the one that the plan begins with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Which attempt it is.
    #[serde(default = "first")]
    pub attempt: u32,
    /// From the begin of the attempt to the head of the answer.
    #[serde(default = "soon")]
    pub ttfb: Span,
    /// Its headers, as those of the request.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Lines>,
}

fn first() -> u32 {
    1
}

fn soon() -> Span {
    Span(Duration::from_millis(20))
}

/// Values of one header.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged, expecting = "a text, or a list of texts")]
pub enum Lines {
    /// One line.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl Lines {
    /// The lines, as written.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(line) => std::slice::from_ref(line),
            Self::Several(lines) => lines,
        }
        .iter()
        .map(String::as_str)
    }
}

/// What is known of the client. Nothing is looked up.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "the fields `client.*` of the contract")]
pub struct Client {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<std::net::IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asn: Option<u32>,
    /// Left out, distances are measured from the PoP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

/// A session's pin: a region's name alone, or all of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged, expecting = "the name of a region, or a table with region, payload, age and session_age")]
pub enum Pin {
    /// To this region, ten minutes ago, with nothing stored.
    Region(String),
    /// All of it.
    Whole(WholePin),
}

/// A session's pin with all that can be said of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WholePin {
    /// Name of the region, also of one that is not configured.
    pub region: String,
    /// What the policy stored.
    #[serde(default)]
    pub payload: String,
    /// Since it was pinned there.
    #[serde(default = "ten_minutes")]
    pub age: Span,
    /// Since the session was first pinned; left out, the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_age: Option<Span>,
}

impl Pin {
    /// All of it.
    pub fn whole(&self) -> WholePin {
        match self {
            Self::Whole(pin) => pin.clone(),
            Self::Region(region) => {
                WholePin { region: region.clone(), payload: String::new(), age: ten_minutes(), session_age: None }
            }
        }
    }
}

fn ten_minutes() -> Span {
    Span(Duration::from_secs(600))
}

/// State of a region: its health alone, or all of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "unknown, healthy, degraded, draining, down or off, or a table with health, age, in_flight, latency and rtt"
)]
pub enum State {
    /// This for an hour.
    Health(Health),
    /// All of it.
    Whole(WholeState),
}

/// State of a region with all that can be said of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WholeState {
    /// Its health.
    pub health: Health,
    /// Since when; left out, an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age: Option<Span>,
    /// Requests in flight.
    pub in_flight: u32,
    /// Moving average of time to first byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<Span>,
    /// Measured round trip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtt: Option<Span>,
}

impl State {
    /// All of it.
    pub fn whole(&self) -> WholeState {
        match self {
            Self::Whole(state) => state.clone(),
            Self::Health(health) => WholeState { health: *health, ..WholeState::default() },
        }
    }
}

/// Health of a region, or that the operator switched it off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the words of the contract")]
pub enum Health {
    Unknown,
    #[default]
    Healthy,
    Degraded,
    Draining,
    Down,
    Off,
}

/// A span of time as people write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        crate::base::units::duration(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_micros() {
            us if us % 1_000_000 == 0 => serializer.collect_str(&format_args!("{}s", us / 1_000_000)),
            us => serializer.collect_str(&format_args!("{us}us")),
        }
    }
}

/// Why a cases file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SuiteError {
    /// It cannot be read.
    #[error("cannot read {0}: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// It is not what a cases file looks like.
    #[error("{0}: {1}")]
    Wrong(PathBuf, String),
}

impl Suite {
    /// Reads a cases file, or `cases.toml` in a folder.
    ///
    /// # Errors
    /// When it cannot be read, is not TOML, or has keys or values that mean nothing; with the place.
    pub fn load(path: &Path) -> Result<Self, SuiteError> {
        let file = if path.is_dir() { path.join(FILE) } else { path.to_owned() };
        let text = std::fs::read_to_string(&file).map_err(|error| SuiteError::Unreadable(file.clone(), error))?;
        Self::parse(&text, file.parent().unwrap_or(Path::new(""))).map_err(|wrong| SuiteError::Wrong(file, wrong))
    }

    /// Reads the text of a cases file that lies in `folder`.
    ///
    /// # Errors
    /// What is wrong with it, with the place.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, String> {
        let mut suite: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        suite.component = folder.join(&suite.component);
        if suite.regions.0.is_empty() {
            return Err("it has no regions: a policy chooses among at least one".to_owned());
        }
        for case in &suite.cases {
            let says = [&case.expect, &case.key, &case.heard, &case.served, &case.refuses];
            // That a background instance does not fail is something.
            if !says.into_iter().any(Option::is_some) && case.keeps.is_none() && case.watch.is_none() {
                let accepted = "expect, key, heard, keeps, watch, served or refuses";
                return Err(format!("case {:?} expects nothing; accepted: {accepted}", case.name));
            }
            let known = |name: &String| suite.regions.0.iter().any(|(region, _)| region == name);
            let before = case.watch.iter().filter_map(|watch| watch.before.as_ref()).flat_map(BTreeMap::keys);
            if let Some(stranger) = case.regions.keys().chain(before).find(|name| !known(name)) {
                return Err(format!("case {:?} gives a state to {stranger:?}, which is no region here", case.name));
            }
        }
        Ok(suite)
    }
}
