//! The life of a request, top to bottom. Read this file first.
//!
//! An exchange pins the newest snapshot, finds out who the client is, opens its record and asks `decide`. Then it
//! answers by itself, serves a file, or forwards: only `forward` awaits an origin. It never decides where a request
//! goes, and a retry never asks again: the plan holds its alternatives. Only an exchange for which every region is full
//! asks again, after a wait in the `queue` and before anything was sent.

use super::body::Body;
use super::cached;
use super::cached::stranded::{self, Strand};
use super::connection::Connection;
use super::core::Core;
use super::forward::{self, Outbound};
use super::headers::{self, Survey};
use super::hops;
use super::queue;
use super::record::Record;
use super::respond;
use crate::base::Timestamp;
use crate::decide::facts::{Client, Facts, Scheme};
use crate::decide::{AskPolicy, Decision, Refusal, decide};
use crate::policy::{Ask, Noted, PolicyFailure};
use crate::snapshot::comparison::{Compared, Comparisons};
use crate::snapshot::{PolicyUse, Service, Snapshot};
use crate::steer::verdict::{SessionKey, Verdict};
use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, Version};
use std::borrow::Cow;
use std::fmt::Write;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// One request to its response.
// Not an `async fn`, which would hold the request twice, as its argument and as its parts: an exchange is copied to its
// place in memory with all the room that it may come to need.
pub(super) fn exchange<'a>(
    core: &'a Rc<Core>,
    connection: &'a Rc<Connection>,
    request: Request<Body>,
) -> impl Future<Output = Response<Body>> + use<'a> {
    let (mut parts, body) = request.into_parts();
    async move {
        let snapshot = core.snapshot();
        let survey = Survey::of(&parts.headers);
        let client = connection.client(&snapshot, &parts.headers);
        let request_id = request_id(core, &client, survey, &parts);
        let mut record = Record::open(request_id, client.ip, &parts);
        let wants = if survey.told { Wants::of(&parts, &client) } else { Wants::default() };
        let version = parts.version;
        let asked = Asked { core, connection, snapshot: &snapshot, client: &client, survey };
        let mut response = answer(&asked, &mut parts, body, &mut record).await;
        finish(core, &snapshot, &mut response, version, &wants, &record);
        record.answered(response.status());
        response.map(|body| body.watched(record))
    }
}

/// Who asks, and in what state of things.
pub(super) struct Asked<'a> {
    pub(super) core: &'a Rc<Core>,
    pub(super) connection: &'a Rc<Connection>,
    pub(super) snapshot: &'a Arc<Snapshot>,
    pub(super) client: &'a Rc<Client>,
    pub(super) survey: Survey,
}

impl<'a> Asked<'a> {
    /// The client's scheme.
    pub(super) fn scheme(&self, parts: &Parts) -> Scheme {
        let own = self.connection.scheme;
        if self.survey.told { scheme_of(own, self.client, parts) } else { own }
    }

    /// Asks `decide` at this moment.
    pub(super) fn decide(&self, parts: &Parts, now: Timestamp) -> Decision<'a> {
        let facts = Facts {
            method: &parts.method,
            scheme: self.scheme(parts),
            host: &host_of(parts),
            path: path_of(parts),
            query: parts.uri.query(),
            headers: &parts.headers,
            client: self.client,
            now,
            seed: self.core.seed(),
            loads: None,
            proven: Some(&self.connection.proven),
        };
        let mut warm = Warm { core: self.core, took: Duration::ZERO };
        match &self.core.recorder {
            None => decide(self.snapshot, &facts, &mut warm, None),
            Some(recorder) => recorder.decide(self.snapshot, &facts, &mut warm),
        }
    }
}

impl Asked<'_> {
    /// What the forwarding of this request needs to know.
    pub(super) fn outbound<'o>(&'o self, parts: &'o mut Parts, now: Timestamp) -> Outbound<'o> {
        let Asked { core, connection, snapshot, client, survey } = *self;
        Outbound { core, connection, snapshot, client, survey, scheme: self.scheme(parts), parts, now }
    }
}

/// Decides, and does what was decided.
async fn answer(asked: &Asked<'_>, parts: &mut Parts, body: Body, record: &mut Record) -> Response<Body> {
    let Asked { core, snapshot, survey, .. } = *asked;
    if survey.told && headers::is_loop(&parts.headers, &snapshot.pop) {
        record.refused = Some("loop");
        return respond::text(StatusCode::LOOP_DETECTED, "this request came through this PoP before");
    }
    // We are no proxy that clients choose (RFC 9110, section 9.3.6), and an origin might think itself at the end of a tunnel.
    if parts.method == Method::CONNECT {
        record.refused = Some("connect");
        return respond::text(StatusCode::NOT_IMPLEMENTED, "CONNECT is not supported");
    }
    if let Some((response, word)) = hops::end(parts) {
        record.refused = Some(word);
        return response;
    }
    // Before anybody looks at it: what `Connection` names does not reach the origin, so nothing may be chosen or stored by it.
    if survey.hop_by_hop {
        headers::end_hop(&mut parts.headers);
    }
    let now = core.clock.now();
    let mut decision = asked.decide(parts, now);
    if is_full(&decision) {
        // What is stored needs no room.
        if let Decision::Stranded(plan, _) = &decision {
            let stored = stranded::serve(asked, plan, parts, &body, Strand::Full, record);
            if let Some(response) = Box::pin(stored).await {
                return response;
            }
        }
        // Boxed: waiting is rare and must not make every exchange larger.
        decision = Box::pin(wait_for_room(asked, parts, decision, record)).await;
    }
    // Looked at by reference: a plan is large, and would be copied from future to future.
    match &decision {
        Decision::Forward(plan) => match plan.cache {
            None => forward::forward(asked.outbound(parts, now), plan, body, record).await,
            // Boxed: a hit ends before it grows, and what is not cached should not carry its size.
            Some(cache) => Box::pin(cached::serve(asked, plan, cache, parts, body, record)).await,
        },
        Decision::Files(bundle) => bundle.respond(parts, path_of(parts), now, core.seed()).await.map(Body::from),
        Decision::Reply(service, reply) => {
            record.service = Some(Arc::clone(service));
            record.refused = Some("policy-reply");
            respond::reply(reply.clone())
        }
        Decision::Stranded(plan, why) => {
            let stored = stranded::serve(asked, plan, parts, &body, Strand::Over, record);
            let stored = Box::pin(stored).await;
            stored.unwrap_or_else(|| refuse(Some(plan.service), &Refusal::NoTarget(*why), record))
        }
        Decision::Refuse(service, refusal) => refuse(*service, refusal, record),
    }
}

/// Answers that it cannot be served.
fn refuse(service: Option<&Arc<Service>>, refusal: &Refusal, record: &mut Record) -> Response<Body> {
    let (response, word) = respond::refusal(refusal);
    record.refused = Some(word);
    if let Some(service) = service {
        service.metrics.no_target.count(word);
        record.service = Some(Arc::clone(service));
    }
    response
}

/// Whether every region that may serve is full.
pub(super) fn is_full(decision: &Decision<'_>) -> bool {
    decision.no_target().is_some_and(|why| !why.full().is_empty())
}

/// Waits for room in the regions that are full, and decides again.
pub(super) async fn wait_for_room<'a>(
    asked: &Asked<'a>,
    parts: &Parts,
    decision: Decision<'a>,
    record: &mut Record,
) -> Decision<'a> {
    let Some((service, why)) = decision.service().zip(decision.no_target()) else { return decision };
    let before = record.started().elapsed();
    // Whoever leaves while it waits is recorded as one of this service.
    record.service = Some(Arc::clone(service));
    let again = || asked.decide(parts, asked.core.clock.now());
    let left = service.spec.timeout.total.saturating_sub(before);
    let waited = queue::wait(service, why.full(), left, again).await;
    record.queued = Some(record.started().elapsed().saturating_sub(before));
    waited.unwrap_or(decision)
}

/// The worker's warm instances, as `decide` asks them.
struct Warm<'a> {
    core: &'a Core,
    took: Duration,
}

impl AskPolicy for Warm<'_> {
    fn ask(&mut self, policy: &PolicyUse, ask: &Ask<'_>) -> Result<Verdict, PolicyFailure> {
        let (verdict, took) = self.core.ask(policy, ask);
        self.took = took;
        verdict
    }

    fn key(&mut self, policy: &PolicyUse, ask: &Ask<'_>) -> Result<Option<SessionKey>, PolicyFailure> {
        let (key, took) = self.core.key(policy, ask);
        self.took = took;
        key
    }

    fn took(&self) -> Duration {
        self.took
    }

    fn noted(&mut self) -> Noted {
        self.core.noted()
    }

    fn compared(&mut self, with: &Comparisons, compared: &Compared) {
        with.count(compared);
    }
}

/// What the client asked to be told.
#[derive(Default)]
struct Wants {
    timing: bool,
    decision: bool,
}

impl Wants {
    fn of(parts: &Parts, client: &Client) -> Self {
        Self {
            timing: parts.headers.contains_key(&headers::PORTOLAN_TIMING),
            decision: client.trusted && parts.headers.contains_key(&headers::PORTOLAN_DECISION),
        }
    }
}

/// Adds what every answer carries.
fn finish(
    core: &Core,
    snapshot: &Snapshot,
    response: &mut Response<Body>,
    version: Version,
    wants: &Wants,
    record: &Record,
) {
    let names = core.names(snapshot);
    // RFC 9110, section 7.6.3: the version is the one in which this hop received the message.
    let via = if record.served.is_some() || version != Version::HTTP_2 { &names.via_1_1 } else { &names.via_2 };
    let upgraded = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    let head = response.headers_mut();
    head.append(header::VIA, via.clone());
    head.insert(headers::X_REQUEST_ID, record.request_id.clone());
    // A PoP that drains sends its clients elsewhere. HTTP/2 has its own way to say so, and takes the field off.
    if snapshot.draining && !upgraded {
        head.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if wants.timing {
        let micros = record.started().elapsed().as_micros();
        let text = format!("portolan;dur={}.{:03}", micros / 1000, micros % 1000);
        if let Ok(value) = HeaderValue::from_str(&text) {
            head.append("server-timing", value);
        }
    }
    if wants.decision
        && let Ok(value) = HeaderValue::from_str(&decision_text(record))
    {
        head.insert(headers::PORTOLAN_DECISION, value);
    }
}

/// The decision header's text.
fn decision_text(record: &Record) -> String {
    let mut text = String::new();
    if let (Some(service), Some(served)) = (&record.service, record.served) {
        let region = service.table.regions.get(served.region).map_or("-", |region| &*region.name);
        let _ = write!(text, "service={}; region={region}; reason={}", service.table.name, served.reason.as_str());
    }
    if let Some(moved) = record.moved {
        let _ = write!(text, "; moved={}", moved.as_str());
    }
    if let Some(word) = record.refused {
        let separator = if text.is_empty() { "" } else { "; " };
        let _ = write!(text, "{separator}refused={word}");
    }
    let _ = write!(text, "; attempts={}", record.attempts);
    text
}

/// The id a trusted peer gave, else a new one.
fn request_id(core: &Core, client: &Client, survey: Survey, parts: &Parts) -> HeaderValue {
    let may_say = client.trusted && survey.told;
    let given = may_say.then(|| parts.headers.get(&headers::X_REQUEST_ID)).flatten().filter(|id| id.len() <= 128);
    given.cloned().unwrap_or_else(|| core.request_id())
}

/// Host without port, lower case; from the target when it names one (RFC 9112, section 3.2.2).
fn host_of(parts: &Parts) -> Cow<'_, str> {
    let named = parts.uri.host().map(str::as_bytes);
    let field = parts.headers.get(header::HOST).map(HeaderValue::as_bytes);
    let whole = named.or(field).unwrap_or_default();
    let port = whole.iter().rposition(|byte| *byte == b':').filter(|at| !whole[*at..].contains(&b']'));
    let mut text = String::from_utf8_lossy(port.map_or(whole, |at| &whole[..at]));
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        text.to_mut().make_ascii_lowercase();
    }
    text
}

/// The client's scheme; a trusted proxy in front may have ended its TLS.
fn scheme_of(own: Scheme, client: &Client, parts: &Parts) -> Scheme {
    match parts.headers.get(&headers::X_FORWARDED_PROTO).filter(|_| client.trusted) {
        Some(proto) if proto.as_bytes().eq_ignore_ascii_case(b"https") => Scheme::Https,
        Some(proto) if proto.as_bytes().eq_ignore_ascii_case(b"http") => Scheme::Http,
        _ => own,
    }
}

/// The path; `*` and authority targets have none.
fn path_of(parts: &Parts) -> &str {
    match parts.uri.path() {
        "" => "/",
        path => path,
    }
}
