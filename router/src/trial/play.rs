//! Plays one case: poses its request, lets `decide` decide, and compares.
//!
//! Owns what a case's request becomes (facts, headers, a signed token), the listening in on what the policy said, and
//! what counts as held. Called by the tests of a suite, by `random` and by `sample`.

use super::hearing::PosedAnswer;
use super::keep;
use super::stage::{IN_FLIGHT_MAX, NOW, Stage, StageError, millis, policy_of};
use super::suite::{self, Case, Lines, Suite};
use super::watch;
use crate::base::{CountryCode, Location, Timestamp, clock};
use crate::decide::facts::{Client, Facts, Scheme};
use crate::decide::{AskPolicy, Decision, decide, words};
use crate::geo::{self, Place, PlaceSource};
use crate::policy::{Ask, Compiled, PolicyFailure, RegionDirectory, WarmPool};
use crate::snapshot::stats::InFlight;
use crate::snapshot::{PolicyUse, Service, Snapshot};
use crate::steer::affinity::{Token, cookie};
use crate::steer::verdict::{SessionKey, Verdict};
use bytes::Bytes;
use http::header::COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

/// The host of requests that name none.
const HOST: &str = "shop.example";
/// The client's address when a case names none (RFC 5737).
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
/// Ties fall the same way in every run.
const SEED: u64 = 7;

/// A case and what came of it.
#[derive(Debug)]
pub struct Tried {
    /// Name of the case.
    pub name: String,
    /// What did not hold, for people; none when all did.
    pub wrong: Option<String>,
}

/// What came of one request.
#[derive(Debug)]
pub struct Played {
    /// What the policy said; none when it was not asked.
    pub said: Option<Result<Verdict, PolicyFailure>>,
    /// The same in one line.
    pub text: String,
    /// The session's own key that it gave; empty when it gave none.
    pub key: String,
    /// What it made of the origin's answer, in one line; empty when there is none.
    pub heard: String,
    /// Who serves, in one line.
    pub served: String,
    /// How long the policy took, the host's part included.
    pub took: Duration,
    /// The session's token as it is afterwards; none when it has none.
    pub token: Option<Token>,
}

/// Plays every case of a suite.
pub fn run(compiled: &Compiled, suite: &Suite) -> Vec<Tried> {
    let mut stages: Vec<(toml::Table, Result<Stage, StageError>)> = Vec::new();
    let mut pool = WarmPool::new();
    let tried = suite.cases.iter().map(|case| {
        let config = case.config.as_ref().unwrap_or(&suite.config);
        let known = stages.iter().position(|(of, _)| of == config);
        let index = known.unwrap_or_else(|| {
            stages.push((config.clone(), Stage::new(compiled, suite, config, &suite.regions)));
            stages.len() - 1
        });
        Tried { name: case.name.clone(), wrong: judge(&stages[index].1, &mut pool, case).err() }
    });
    tried.collect()
}

/// Whether a case holds; the error is for people.
fn judge(stage: &Result<Stage, StageError>, pool: &mut WarmPool, case: &Case) -> Result<(), String> {
    let stage = match (stage, &case.refuses) {
        (Ok(_), Some(words)) => return Err(differ("refuses", words, "it accepts the configuration")),
        (Ok(stage), None) => stage,
        (Err(error), Some(words)) => {
            let refusal = error.refusal().unwrap_or_default();
            let held = refusal.contains(words.as_str());
            return if held { Ok(()) } else { Err(differ("refuses", words, &error.to_string())) };
        }
        (Err(error), None) => return Err(format!("the policy was not loaded: {error}")),
    };
    let scene = Scene::new(stage, case, None)?;
    let mut wrong = Vec::new();
    if let Some(watch) = &case.watch {
        watch::judge(stage, case, watch, &mut wrong)?;
    }
    if case.has_request() {
        compare(case, &scene.ask(pool, NOW), &mut wrong);
    }
    if let Some((expected, policy)) = case.keeps.as_ref().zip(stage.policy()) {
        wrong.extend(keep::held(policy.kv(), expected, NOW).err());
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// Compares what came of a case's request, and adds what is wrong with it.
fn compare(case: &Case, played: &Played, wrong: &mut Vec<String>) {
    if let Some(expected) = case.expect.as_deref().map(str::trim_end) {
        let status = matches!(played.said, Some(Ok(Verdict::Respond(_)))).then(|| played.text.split(' ').next());
        if played.text != expected && status.flatten() != Some(expected) {
            wrong.push(differ("expect", expected, &played.text));
        }
    }
    if let Some(expected) = case.key.as_deref().filter(|expected| *expected != played.key) {
        wrong.push(differ("key", expected, &played.key));
    }
    if let Some(expected) = case.heard.as_deref().filter(|expected| *expected != played.heard) {
        wrong.push(differ("heard", expected, &played.heard));
    }
    if let Some(expected) = case.served.as_deref().filter(|expected| *expected != played.served) {
        wrong.push(differ("served", expected, &played.served));
    }
}

/// Two lines below each other, with a mark where they part.
pub(super) fn differ(what: &str, expected: &str, got: &str) -> String {
    let same = expected.chars().zip(got.chars()).take_while(|(a, b)| a == b).count();
    let show = |text: &str| text.escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'");
    let mark = if same == 0 { String::new() } else { format!("\n  {:9}{}^", "", " ".repeat(same)) };
    format!("  {what:9}{}\n  {:9}{}{mark}", show(expected), "got", show(got))
}

/// A case's request in its world, ready to be decided as often as wanted.
#[derive(Debug)]
pub struct Scene {
    snapshot: Arc<Snapshot>,
    posed: Posed,
    answer: Option<PosedAnswer>,
    entropy: f64,
    /// What the policy keeps whenever the scene is played.
    kept: keep::Before,
    /// Requests in flight elsewhere, as long as the scene lasts.
    _busy: Vec<InFlight>,
}

impl Scene {
    /// Sets a case up. `token` takes the place of its pin.
    ///
    /// # Errors
    /// When a value of the case means nothing; for people.
    pub fn new(stage: &Stage, case: &Case, token: Option<&Token>) -> Result<Self, String> {
        let snapshot = stage.snapshot(case);
        let service = snapshot.services.first().ok_or("the world has no service")?;
        let busy = load(service, case)?;
        let posed = Posed::new(&snapshot, service, case, token)?;
        let entropy = case.entropy.unwrap_or(0.5);
        if !(0.0..1.0).contains(&entropy) {
            return Err(format!("entropy = {entropy}; accepted: from 0 to below 1"));
        }
        let kept = keep::Before::of(case);
        if let Some(policy) = stage.policy() {
            kept.reset(policy.kv(), NOW)?;
        }
        let answer = case.answer.as_ref().map(|answer| PosedAnswer::new(service, answer)).transpose()?;
        Ok(Self { posed, answer, entropy, kept, _busy: busy, snapshot })
    }

    /// The regions as the policy's instances know them.
    pub(super) fn directory(&self) -> Option<&Arc<RegionDirectory>> {
        policy_of(&self.snapshot).map(|policy| &policy.directory)
    }

    /// Decides with a recorder beside.
    #[cfg(test)]
    pub(super) fn record(&self, recorder: &crate::recording::recorder::Recorder, ask: &mut dyn AskPolicy, seed: u64) {
        let facts = Facts { seed, ..self.posed.facts(NOW) };
        recorder.decide(&self.snapshot, &facts, ask);
    }

    /// Decides. Whatever was kept before is forgotten for what the case says.
    pub fn play(&self, pool: &mut WarmPool, now: Timestamp) -> Played {
        if let Some(policy) = policy_of(&self.snapshot) {
            // It had room for all of it when the scene was made.
            let _ = self.kept.reset(policy.loaded.kv(), NOW);
        }
        self.ask(pool, now)
    }

    /// Decides by what the policy keeps at this moment.
    pub(super) fn ask(&self, pool: &mut WarmPool, now: Timestamp) -> Played {
        let Self { snapshot, posed, .. } = self;
        let mut listener =
            Listener { pool, entropy: self.entropy, said: None, key: String::new(), took: Duration::ZERO };
        let decision = decide(snapshot, &posed.facts(now), &mut listener, None);
        let Listener { pool, said, key, took, .. } = listener;
        let heard = self.answer.as_ref().map(|answer| answer.heard(&decision, pool));
        let service = snapshot.services.first();
        let text = said.as_ref().zip(service).map(|(said, service)| words::said(said, service));
        let text = text.unwrap_or_else(|| "not asked".to_owned());
        Played {
            text,
            key,
            heard: heard.unwrap_or_default(),
            served: words::served(&decision),
            took,
            token: after(&decision, now),
            said,
        }
    }
}

/// The session's token after the exchange.
fn after(decision: &Decision<'_>, now: Timestamp) -> Option<Token> {
    let Decision::Forward(forward) = decision else { return None };
    if forward.plan.pin == crate::steer::plan::PinWrite::Clear {
        return None;
    }
    let target = forward.plan.targets.first()?;
    forward.token_after(&forward.plan.pin, *target, now).or_else(|| forward.token.clone())
}

/// Listens in on what a policy says.
struct Listener<'a> {
    pool: &'a mut WarmPool,
    entropy: f64,
    said: Option<Result<Verdict, PolicyFailure>>,
    key: String,
    took: Duration,
}

impl AskPolicy for Listener<'_> {
    fn ask(&mut self, policy: &PolicyUse, ask: &Ask<'_>) -> Result<Verdict, PolicyFailure> {
        let ask = Ask { entropy: self.entropy, ..*ask };
        let begun = clock::monotonic();
        let said = self.pool.route(&policy.loaded, &policy.directory, &ask);
        self.took += begun.elapsed();
        // One case's failure must not keep the next from being asked.
        policy.loaded.quarantine().recovered();
        self.said = Some(said.clone());
        said
    }

    fn key(&mut self, policy: &PolicyUse, ask: &Ask<'_>) -> Result<Option<SessionKey>, PolicyFailure> {
        let ask = Ask { entropy: self.entropy, ..*ask };
        let begun = clock::monotonic();
        let key = self.pool.key(&policy.loaded, &policy.directory, &ask);
        self.took += begun.elapsed();
        policy.loaded.quarantine().recovered();
        match &key {
            Ok(key) => self.key = words::key(key.as_ref()),
            // What a policy fails at is what it said.
            Err(failure) => self.said = Some(Err(failure.clone())),
        }
        key
    }
}

/// Counts the requests in flight that a case's states have, until the guards are dropped.
fn load(service: &Service, case: &Case) -> Result<Vec<InFlight>, String> {
    let mut busy = Vec::new();
    for (region, endpoints) in service.table.regions.iter().zip(&service.endpoints) {
        let Some(state) = case.regions.get(&*region.name).map(suite::State::whole) else { continue };
        let Some(stats) = endpoints.first().map(|endpoint| &endpoint.stats) else { continue };
        if state.in_flight > IN_FLIGHT_MAX {
            return Err(format!("in_flight = {}; accepted: up to {IN_FLIGHT_MAX}", state.in_flight));
        }
        busy.extend((0..state.in_flight).map(|_| stats.begin()));
        if let Some(latency) = state.latency {
            stats.observe_latency(latency.0);
        }
    }
    Ok(busy)
}

/// A request as `decide` reads it.
#[derive(Debug)]
struct Posed {
    method: Method,
    host: String,
    uri: Uri,
    headers: HeaderMap,
    client: Client,
}

impl Posed {
    fn facts(&self, now: Timestamp) -> Facts<'_> {
        Facts {
            method: &self.method,
            scheme: Scheme::Http,
            host: &self.host,
            path: self.uri.path(),
            query: self.uri.query(),
            headers: &self.headers,
            client: &self.client,
            now,
            seed: SEED,
            loads: None,
            proven: None,
        }
    }

    fn new(snapshot: &Snapshot, service: &Service, case: &Case, token: Option<&Token>) -> Result<Self, String> {
        let line = case.request.as_deref().unwrap_or("GET /");
        let wrong = || format!("request = {line:?}; accepted: METHOD PATH, such as \"GET /cart?a=1\"");
        let (method, path) = line.split_once(' ').ok_or_else(wrong)?;
        let mut headers = headers(&case.headers)?;
        let pin = case.pin.as_ref().filter(|_| token.is_none()).map(pinned);
        if let Some(token) = token.or(pin.as_ref()) {
            headers.append(COOKIE, carried(snapshot, service, token)?);
        }
        Ok(Self {
            method: method.parse().map_err(|_| wrong())?,
            host: case.host.as_deref().unwrap_or(HOST).to_ascii_lowercase(),
            uri: path.parse::<Uri>().ok().filter(|uri| uri.path().starts_with('/')).ok_or_else(wrong)?,
            headers,
            client: client(case)?,
        })
    }
}

/// The headers of a request or an answer.
pub(super) fn headers(lines: &BTreeMap<String, Lines>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, lines) in lines {
        let parsed: HeaderName = name.parse().map_err(|_| format!("{name:?} is not a header name"))?;
        for line in lines.iter() {
            let value = HeaderValue::from_bytes(&octets(line));
            headers.append(&parsed, value.map_err(|_| format!("{line:?} is no value of a header ({name})"))?);
        }
    }
    Ok(headers)
}

/// The bytes of a text in which `\xHH` stands for one.
pub(super) fn octets(text: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\x") {
        octets.extend_from_slice(before.as_bytes());
        match after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(octet) => {
                octets.push(octet);
                rest = &after[2..];
            }
            None => {
                octets.extend_from_slice(b"\\x");
                rest = after;
            }
        }
    }
    octets.extend_from_slice(rest.as_bytes());
    octets
}

fn client(case: &Case) -> Result<Client, String> {
    let said = case.client.clone().unwrap_or_default();
    let mut place = Place::unknown(PlaceSource::Override);
    if let Some(text) = &said.country {
        let country = CountryCode::from_bytes(text.as_bytes());
        let country = country.ok_or_else(|| format!("country = {text:?}; accepted: two letters, such as \"DE\""))?;
        place.country = Some(country);
        place.continent = geo::country(country).map(|country| country.continent);
    }
    if let Some(at) = said.location {
        let location = Location::new(at.latitude, at.longitude);
        place.location = Some(location.ok_or("location: no such place on the globe")?);
    }
    place.region = said.region.map(Into::into);
    place.city = said.city.map(Into::into);
    place.asn = said.asn;
    Ok(Client::new(said.ip.unwrap_or(ADDRESS), place, false))
}

fn pinned(pin: &suite::Pin) -> Token {
    let pin = pin.whole();
    let ago = |span: suite::Span| Timestamp(NOW.0.saturating_sub(millis(span.0)));
    Token {
        region: Arc::from(pin.region),
        endpoint: None,
        session_started: ago(pin.session_age.unwrap_or(pin.age)),
        pinned_at: ago(pin.age),
        last_used: NOW,
        ttl: None,
        payload: Bytes::from(octets(&pin.payload)),
        cohort: None,
    }
}

/// The cookie that carries a token.
fn carried(snapshot: &Snapshot, service: &Service, token: &Token) -> Result<HeaderValue, String> {
    let affinity = service.spec.affinity.as_ref().ok_or("a pin, but the service has no affinity")?;
    let text = snapshot.keys.encode(token, &service.table.name).map_err(|error| format!("pin: {error}"))?;
    let line = format!("{}={text}", cookie::name(&affinity.cookie, affinity.secure));
    HeaderValue::from_str(&line).map_err(|_| "pin: the token is no cookie".to_owned())
}
