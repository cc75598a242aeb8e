//! Replays a record: every decision again, with another policy in the place of one that decided.
//!
//! Owns how a recorded decision becomes what `decide` reads. The other policies say what they said then; the host's part is
//! the router's own. What a policy keeps comes from the record, and nothing is kept. The same record and component give the
//! same report, to the byte.

use super::report::Report;
use super::stage::parts;
use crate::base::{CountryCode, RegionSet, Timestamp};
use crate::decide::facts::{Client, Facts, Scheme};
use crate::decide::{AskPolicy, decide, fields};
use crate::geo::{self, PlaceSource};
use crate::metrics::Metrics;
use crate::policy::{Ask, Compiled, Field, KvCall, Loaded, PolicyFailure, Reads, RegionDirectory, WarmPool};
use crate::recording::line::{Decided, Line, Session, World};
use crate::recording::reader::{Lines, ReadError};
use crate::recording::recorder::{AFFINITY, ROUTE};
use crate::recording::writer::WORLDS_MAX;
use crate::recording::{kept, said, world};
use crate::snapshot::build::{Inputs, policy_regions};
use crate::snapshot::comparison::Place;
use crate::snapshot::{PolicyUse, Snapshot};
use crate::steer::affinity::{Token, cookie};
use crate::steer::frozen::Frozen;
use crate::steer::table::Load;
use crate::steer::verdict::{SessionKey, Verdict};
use bytes::Bytes;
use http::header::COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

/// The client's address where it is not recorded (RFC 5737).
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// What is replayed.
#[derive(Debug)]
pub struct Replay<'a> {
    /// The component.
    pub compiled: &'a Compiled,
    /// Name of the policy in whose place it stands; none where every service has one only.
    pub replaces: Option<&'a str>,
    /// Its configuration, JSON; none is that of the policy that it replaces.
    pub config: Option<String>,
    /// Takes what stands before the first damaged line, instead of refusing the record.
    pub whole_lines: bool,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The record.
    #[error(transparent)]
    Record(#[from] ReadError),
    /// The policy.
    #[error("{0}")]
    Policy(String),
}

/// Replays a record.
///
/// # Errors
/// When the record is damaged, or the policy does not load in one of its worlds.
pub fn replay(mut lines: Lines, replay: &Replay<'_>) -> Result<Report, ReplayError> {
    let mut report = Report::new(&replay.compiled.digest().to_string(), lines.head());
    let mut worlds: VecDeque<Restored> = VecDeque::new();
    let mut pool = WarmPool::new();
    while let Some(line) = lines.next() {
        let step = line.map_err(ReplayError::from).and_then(|line| match line {
            Line::World(world) => {
                let restored = Restored::of(&world, replay, &lines)?;
                report.world(&world, restored.replaced.as_deref());
                if worlds.len() == WORLDS_MAX {
                    worlds.pop_front();
                }
                worlds.push_back(restored);
                Ok(())
            }
            Line::Decision(decided) => {
                let known = worlds.iter().rev().find(|world| world.line.id == decided.world);
                let known = known.ok_or_else(|| lines.damaged("a decision in a world that is not there"))?;
                let again = known.decide(&decided, &mut pool).map_err(|what| lines.damaged(what))?;
                report.decision(&known.line, &decided, &again);
                Ok(())
            }
            Line::PortolanRecord(_) => Err(lines.damaged("another record begins here").into()),
        });
        match step {
            Err(ReplayError::Record(error)) if replay.whole_lines => {
                report.damage = Some(error.to_string());
                break;
            }
            step => step?,
        }
    }
    Ok(report)
}

/// What came of a decision when it was made again.
#[derive(Debug)]
pub(super) struct Again {
    /// Region, `(answered)` or `(refused)`.
    pub(super) served: String,
    /// Whether the new policy was asked, and why it said nothing.
    pub(super) failed: Option<&'static str>,
    /// The region of the recorded decision lies outside the fence that the new policy set.
    pub(super) outside_before: bool,
    /// The session's own key is not the recorded one.
    pub(super) other_key: bool,
    /// What the new policy read that the record does not have: names of fields, `kv:` and names of buckets.
    pub(super) unknown: BTreeSet<String>,
}

/// A world, ready to decide in.
struct Restored {
    line: World,
    snapshot: Arc<Snapshot>,
    /// The policy that is replaced; none when this service does not ask it.
    replaced: Option<String>,
}

impl Restored {
    fn of(line: &World, replay: &Replay<'_>, lines: &Lines) -> Result<Self, ReplayError> {
        let (mut live, known) = world::restored(line).map_err(|what| lines.damaged(what))?;
        let replaced = replaced(line, replay.replaces)?;
        let mut policies: Vec<Arc<Loaded>> = Vec::new();
        if let Some(index) = replaced {
            if let (Some(config), Some(policy)) = (&replay.config, live.policies.get_mut(index)) {
                policy.config = config.as_bytes().into();
            }
            let directory = RegionDirectory { generation: 0, regions: policy_regions(&live, index) };
            let wrong = |fault| ReplayError::Policy(format!("in service {:?}: the policy {fault}", line.service));
            let load = || Loaded::to_replay(replay.compiled, &live.policies[index], &directory).map_err(wrong);
            let asked = Arc::new(load()?);
            // What the others said is in the record; they only need a place in the chain.
            let other = Arc::new(load()?.standing_in());
            let stands = |at| if at == index { &asked } else { &other };
            policies = (0..live.policies.len()).map(|at| Arc::clone(stands(at))).collect();
        } else {
            // Nobody is asked here; the host decides as it did.
            live.policies.clear();
            live.services.iter_mut().for_each(|service| service.policies.clear());
        }
        let parts = parts(&live, policies.into()).ok_or_else(|| ReplayError::Policy("no key for tokens".to_owned()))?;
        let inputs = Inputs {
            generation: 1,
            now: Timestamp::default(),
            live: &live,
            parts: &parts,
            known: &known,
            draining: false,
            metrics: &Metrics::new(),
        };
        let name = replaced.and_then(|index| line.policies.get(index)).map(|policy| policy.name.clone());
        Ok(Self { line: line.clone(), snapshot: Snapshot::build(&inputs, None), replaced: name })
    }

    /// Makes a decision again.
    fn decide(&self, decided: &Decided, pool: &mut WarmPool) -> Result<Again, String> {
        let posed = Posed::of(self, decided)?;
        let unknown = BTreeSet::new();
        let mut asked = Asked { world: self, decided, pool, failed: None, fence: None, key: None, unknown };
        let decision = decide(&self.snapshot, &posed.facts(decided), &mut asked, None);
        let Asked { failed, fence, key, unknown, .. } = asked;
        let service = self.snapshot.services.first().ok_or("no service")?;
        let region = service.table.regions.iter().position(|region| *region.name == *decided.served);
        let both_served = region.is_some() && matches!(decision.place(), Place::Region(_));
        let recorded = self.replaced.as_deref().and_then(|replaced| recorded_key(decided, replaced));
        Ok(Again {
            served: service.place_word(decision.place()).to_owned(),
            failed,
            other_key: both_served && key != recorded,
            unknown,
            outside_before: region.zip(fence).is_some_and(|(region, fence)| !fence.contains(region)),
        })
    }
}

/// What a policy's key settled in a decision; none where it gave none.
fn recorded_key(decided: &Decided, policy: &str) -> Option<u64> {
    decided.keys.iter().find(|(name, _)| name == policy).and_then(|(_, key)| *key)
}

/// Index of the policy that is replaced in a world.
fn replaced(line: &World, name: Option<&str>) -> Result<Option<usize>, ReplayError> {
    let names = line.policies.iter().map(|policy| policy.name.as_str());
    match (name, line.policies.len()) {
        (Some(name), _) => Ok(names.clone().position(|other| other == name)),
        (None, 0) => Ok(None),
        (None, 1) => Ok(Some(0)),
        (None, _) => {
            let names = names.collect::<Vec<_>>().join(", ");
            let text = format!("service {:?} asks several policies ({names}); name one with --replaces", line.service);
            Err(ReplayError::Policy(text))
        }
    }
}

/// The new policy is asked, the others say what they said.
struct Asked<'a> {
    world: &'a Restored,
    decided: &'a Decided,
    pool: &'a mut WarmPool,
    failed: Option<&'static str>,
    fence: Option<RegionSet>,
    /// What the new policy's key settles.
    key: Option<u64>,
    unknown: BTreeSet<String>,
}

impl Asked<'_> {
    /// What the policy that was replaced read of what it keeps at this hook.
    fn kept(&self, hook: &str) -> Arc<[KvCall]> {
        let replaced = self.world.replaced.as_deref();
        let here = self.decided.kept.iter().find(|kept| kept.hook == hook && Some(kept.policy.as_str()) == replaced);
        here.into_iter().flat_map(|kept| &kept.calls).map(kept::again).collect()
    }

    /// Notes what was read, passed or looked up, that the record does not have.
    fn miss(&mut self, policy: &PolicyUse) {
        let noted = self.pool.noted();
        self.unknown.extend(noted.unknown.iter().map(|bucket| format!("kv:{bucket}")));
        let Some(recorded) = &self.world.line.fields else { return };
        let declared = &policy.loaded.manifest().fields;
        let looked_up = |place: usize| noted.lookups.iter().any(|(at, _)| *at as usize == place);
        for (place, (field, name)) in declared.iter().zip(fields::recorded(declared)).enumerate() {
            let is_read = !matches!(field, Field::Lazy(_)) || looked_up(place);
            // The PoP is the world's.
            if is_read && *field != Field::Pop && !recorded.contains(&name) {
                self.unknown.insert(name);
            }
        }
    }
}

impl AskPolicy for Asked<'_> {
    fn ask(&mut self, policy: &PolicyUse, ask: &Ask<'_>) -> Result<Verdict, PolicyFailure> {
        if !acted(self.world, self.decided, &policy.name) {
            return Ok(Verdict::Pass);
        }
        if self.world.replaced.as_deref() != Some(&*policy.name) {
            let regions = self.world.line.regions.len();
            let heard = self.decided.said.iter().find(|(name, _)| **name == *policy.name);
            // Behind an answer nobody was asked.
            return heard.map_or(Ok(Verdict::Pass), |(_, said)| said::again(said, regions));
        }
        let kept = self.kept(ROUTE);
        let said = self.pool.route(&policy.loaded, &policy.directory, &Ask { reads: Reads::Given(&kept), ..*ask });
        self.miss(policy);
        // One failure must not keep it from being asked again.
        policy.loaded.quarantine().recovered();
        match &said {
            Ok(Verdict::Route(advice)) => self.fence = advice.fence,
            Ok(_) => {}
            Err(failure) => self.failed = Some(failure.as_str()),
        }
        said
    }

    fn key(&mut self, policy: &PolicyUse, ask: &Ask<'_>) -> Result<Option<SessionKey>, PolicyFailure> {
        // One that did not act may be in the record all the same, for it was compared.
        if !acted(self.world, self.decided, &policy.name) {
            return Ok(None);
        }
        if self.world.replaced.as_deref() != Some(&*policy.name) {
            return Ok(recorded_key(self.decided, &policy.name).map(SessionKey::settled));
        }
        let kept = self.kept(AFFINITY);
        let key = self.pool.key(&policy.loaded, &policy.directory, &Ask { reads: Reads::Given(&kept), ..*ask });
        self.miss(policy);
        policy.loaded.quarantine().recovered();
        match &key {
            Ok(key) => self.key = key.as_ref().map(|key| key.seed(&self.world.line.service)),
            Err(failure) => self.failed = Some(failure.as_str()),
        }
        key
    }
}

/// Whether a policy acted in a decision: while one is given to a share of the sessions, it or the one that it replaces does.
fn acted(world: &Restored, decided: &Decided, policy: &str) -> bool {
    let took = |name: &str| decided.rollouts.iter().any(|other| other == name);
    world.line.policies.iter().all(|other| match &other.rollout {
        Some(_) if other.name == policy => took(policy),
        Some(rollout) if rollout.before.as_deref() == Some(policy) => !took(&other.name),
        _ => true,
    })
}

/// A request as `decide` reads it.
struct Posed {
    method: Method,
    scheme: Scheme,
    host: String,
    path: String,
    query: Option<String>,
    headers: HeaderMap,
    client: Client,
    loads: Frozen,
}

impl Posed {
    fn of(world: &Restored, decided: &Decided) -> Result<Self, String> {
        let text = |name: &str| decided.fields.get(name).map(|value| String::from_utf8_lossy(&value.0).into_owned());
        let scheme = if text("scheme").as_deref() == Some("https") { Scheme::Https } else { Scheme::Http };
        let mut headers = headers(decided);
        if let Some(session) = &decided.session {
            headers.append(COOKIE, carried(world, session, scheme)?);
        }
        let parameters = decided.fields.iter().filter_map(|(name, value)| {
            Some(format!("{}={}", name.strip_prefix("query:")?, String::from_utf8_lossy(&value.0)))
        });
        let parameters = parameters.collect::<Vec<_>>().join("&");
        let load = |(in_flight, latency_us): &(u32, u32)| Load { in_flight: *in_flight, latency_us: *latency_us };
        let loads = decided.loads.iter().map(|region| region.iter().map(load).collect());
        Ok(Self {
            method: text("method").and_then(|method| method.parse().ok()).unwrap_or(Method::GET),
            scheme,
            host: text("host").unwrap_or_default(),
            path: text("path").filter(|path| path.starts_with('/')).unwrap_or_else(|| "/".to_owned()),
            query: text("query").or_else(|| (!parameters.is_empty()).then_some(parameters)),
            headers,
            client: client(decided, text)?,
            loads: Frozen(loads.collect()),
        })
    }

    fn facts<'a>(&'a self, decided: &Decided) -> Facts<'a> {
        Facts {
            method: &self.method,
            scheme: self.scheme,
            host: &self.host,
            path: &self.path,
            query: self.query.as_deref(),
            headers: &self.headers,
            client: &self.client,
            now: Timestamp(decided.now),
            seed: decided.seed,
            loads: Some(&self.loads),
            proven: None,
        }
    }
}

/// Headers and cookies that policies declared.
fn headers(decided: &Decided) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in &decided.fields {
        if let Some(name) = name.strip_prefix("header:").and_then(|name| name.parse::<HeaderName>().ok())
            && let Ok(value) = HeaderValue::from_bytes(&value.0)
        {
            headers.append(name, value);
        }
    }
    let whole = headers.contains_key(COOKIE);
    let cookies = decided.fields.iter().filter_map(|(name, value)| Some((name.strip_prefix("cookie:")?, value)));
    for (name, value) in cookies.filter(|_| !whole) {
        let pair = [name.as_bytes(), b"=", &value.0].concat();
        headers.extend(HeaderValue::from_bytes(&pair).ok().map(|pair| (COOKIE, pair)));
    }
    headers
}

fn client(decided: &Decided, text: impl Fn(&str) -> Option<String>) -> Result<Client, String> {
    let mut place = geo::Place::unknown(PlaceSource::Pop);
    place.location = decided.client.map(world::location).transpose()?;
    place.country = text("client.country").and_then(|code| CountryCode::from_bytes(code.as_bytes()));
    place.continent = text("client.continent").and_then(|code| code.as_bytes().try_into().ok());
    place.region = text("client.region").map(Into::into);
    place.city = text("client.city").map(Into::into);
    place.asn = text("client.asn").and_then(|number| number.parse().ok());
    let ip = text("client.ip").and_then(|ip| ip.parse().ok()).unwrap_or(ADDRESS);
    Ok(Client::new(ip, place, false))
}

/// The cookie that carries a recorded session, signed with a key of this process.
fn carried(world: &Restored, session: &Session, scheme: Scheme) -> Result<HeaderValue, String> {
    let service = world.snapshot.services.first().ok_or("no service")?;
    let affinity = service.spec.affinity.as_ref().ok_or("a session, but the service has no affinity")?;
    let token = Token {
        region: session.region.as_str().into(),
        endpoint: session.endpoint,
        session_started: Timestamp(session.started),
        pinned_at: Timestamp(session.pinned_at),
        last_used: Timestamp(session.last_used),
        ttl: session.ttl_us.map(Duration::from_micros),
        payload: Bytes::from(session.payload.0.clone()),
        cohort: None,
    };
    let text = world.snapshot.keys.encode(&token, &service.table.name).map_err(|error| error.to_string())?;
    let name = cookie::name(&affinity.cookie, affinity.secure || scheme == Scheme::Https);
    HeaderValue::from_str(&format!("{name}={text}")).map_err(|_| "the session's token is no cookie".to_owned())
}
