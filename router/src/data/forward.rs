//! Forwarding: the plan's targets in order, until one answers.
//!
//! Owns attempts, the retry rule, deadlines, and what a session's move tells the origin. Never asks where to go: the plan
//! is settled, and a policy that wants another region than the one that answered gets the plan's next. A retry happens only
//! when the same bytes can be sent again and, for methods that may have effects (RFC 9110, section 9.2.2), when nothing had
//! been sent.

mod walk;

use super::body::Body;
use super::cohort;
use super::connection::Connection;
use super::core::Core;
use super::h1::buffers;
use super::h1::encode::write_field;
use super::headers::{self, Hop, Survey};
use super::interim::Interim;
use super::pin;
use super::preface;
use super::record::{Record, Served};
use super::replay::Replay;
use super::respond;
use super::upstream::{Answered, FailureKind, Outgoing, SendFailure, Timeouts};
use crate::base::{Timestamp, clock};
use crate::decide::Forward;
use crate::decide::facts::{Client, Scheme};
use crate::snapshot::origin::Origin;
use crate::snapshot::stats::Outcome;
use crate::snapshot::{Endpoint, Service, Snapshot};
use crate::steer::plan::Target;
use crate::steer::verdict::{Edit, PinAction};
use http::header::{self, HeaderValue};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Response, StatusCode, Uri, Version};
use std::sync::Arc;
use std::time::{Duration, Instant};
use walk::Walked;

/// What an exchange brings to its forwarding.
pub(super) struct Outbound<'a> {
    pub(super) core: &'a Core,
    pub(super) connection: &'a Connection,
    pub(super) snapshot: &'a Snapshot,
    pub(super) client: &'a Client,
    /// What the request's fields are like.
    pub(super) survey: Survey,
    /// The client's own scheme.
    pub(super) scheme: Scheme,
    pub(super) parts: &'a mut Parts,
    pub(super) now: Timestamp,
}

/// How one attempt ended; responses with the time to their head.
enum Attempt {
    Answered(Response<Body>, Duration),
    /// A response that says that the origin, or something before it, is unwell (502, 503, 504).
    Unwell(Response<Body>, Duration),
    Failed(SendFailure),
    /// The endpoint's name has no address.
    Unresolved,
}

/// Gets the answer for a client, with the pin that its session is to have.
pub(super) async fn forward(
    outbound: Outbound<'_>,
    plan: &Forward<'_>,
    body: Body,
    record: &mut Record,
) -> Response<Body> {
    let (snapshot, scheme, now) = (outbound.snapshot, outbound.scheme, outbound.now);
    let Fetched { mut response, target, .. } = fetch(outbound, plan, body, record).await;
    if let Some(server) = &target {
        pin::write(snapshot, plan, server, now, scheme, response.headers_mut());
    }
    response
}

/// What came of walking a plan.
pub(super) struct Fetched {
    /// The origin's response without the fields of its hop, or the router's own words.
    pub(super) response: Response<Body>,
    /// Of these fields were some that a cache judges it by.
    pub(super) is_abridged: bool,
    /// Who gave it; none when nobody did.
    pub(super) target: Option<Server>,
}

/// Who gave an answer, and what policies said of the session's pin when they heard it.
#[derive(Debug, Clone)]
pub(super) struct Server {
    pub(super) target: Target,
    pub(super) pin: PinAction,
}

/// Walks the plan's targets. What comes back is as any client may have it: nothing of a session is in it.
pub(super) async fn fetch(outbound: Outbound<'_>, plan: &Forward<'_>, body: Body, record: &mut Record) -> Fetched {
    let (core, now) = (outbound.core, outbound.now);
    let service = plan.service;
    record.service = Some(Arc::clone(service));
    record.moved = plan.plan.moved;
    let (head, added) = prepare(outbound, record, &plan.edits);
    core.deposit(service, now);
    let mut exchange = Exchange {
        core,
        service,
        head,
        shared: added.len(),
        added,
        interim: body.interim(),
        replay: Replay::new(body, service.spec.retry.body_max),
        deadline: record.started() + service.spec.timeout.total.min(plan.timeout.unwrap_or(Duration::MAX)),
    };
    let Walked { response, target, amendment } = exchange.walk(plan, record).await;
    buffers::give_headers(std::mem::take(&mut exchange.head.headers));
    buffers::give_write(exchange.added);
    let (mut response, mut is_abridged) = (response, false);
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        if Survey::of(response.headers()).hop_by_hop {
            is_abridged = headers::is_abridged(response.headers());
            headers::strip_hop_by_hop(response.headers_mut());
        }
    } else if let Some(protocol) = response.headers().get(header::UPGRADE).cloned() {
        headers::strip_hop_by_hop(response.headers_mut());
        headers::set_upgrade(response.headers_mut(), protocol);
    }
    if let (Some(moved), Some(_)) = (record.moved, target) {
        service.metrics.sessions_moved.count(moved.as_str());
    }
    for edit in &amendment.edits {
        edit.apply(response.headers_mut());
    }
    let target = target.map(|target| Server { target, pin: amendment.pin });
    Fetched { response, is_abridged, target }
}

/// Makes the head that every attempt shares, and the encoded fields that go into it as they are.
fn prepare<'a>(outbound: Outbound<'a>, record: &Record, edits: &[Edit]) -> (&'a mut Parts, Vec<u8>) {
    let Outbound { core, connection, snapshot, client, survey, parts, .. } = outbound;
    let names = core.names(snapshot);
    let via = if parts.version == Version::HTTP_2 { &names.via_2 } else { &names.via_1_1 };
    let hop = Hop {
        client,
        peer_node: &connection.peer_node,
        peer_text: &connection.peer_text,
        scheme: connection.scheme,
        pop: &names.pop,
        via,
    };
    let mut added = buffers::take_write();
    if preface::serves(survey, edits) {
        let host = parts.headers.get(header::HOST);
        added.extend_from_slice(&connection.preface(snapshot, parts.version, host, &hop));
        write_field(&mut added, &headers::X_REQUEST_ID, record.request_id.as_bytes());
    } else {
        headers::add_forwarding(&mut parts.headers, &hop);
        parts.headers.insert(headers::X_REQUEST_ID, record.request_id.clone());
    }
    for edit in edits {
        edit.apply(&mut parts.headers);
    }
    if parts.uri.authority().is_some() || parts.uri.path_and_query().is_none() {
        let target = parts.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        parts.uri = Uri::from(target);
    }
    parts.version = Version::HTTP_11;
    (parts, added)
}

/// What all attempts of one exchange share.
struct Exchange<'a> {
    core: &'a Core,
    service: &'a Arc<Service>,
    /// The request's head.
    head: &'a mut Parts,
    /// Encoded fields: first the `shared` bytes that every attempt sends, then those of the present attempt.
    added: Vec<u8>,
    shared: usize,
    interim: Option<Interim>,
    replay: Replay,
    deadline: Instant,
}

impl Exchange<'_> {
    /// The retry rule.
    fn may_retry(&self, nothing_sent: bool) -> bool {
        self.can_repeat(nothing_sent) && self.granted()
    }

    /// Whether the same request can be sent once more.
    fn can_repeat(&self, nothing_sent: bool) -> bool {
        let same_bytes = self.replay.can_replay();
        let repeatable = nothing_sent || self.head.method.is_idempotent();
        let in_time = clock::monotonic() < self.deadline;
        same_bytes && repeatable && in_time && !self.replay.client_failed()
    }

    /// Whether the budget has a retry left; takes it.
    fn granted(&self) -> bool {
        let granted = self.core.withdraw(self.service, self.core.clock.now());
        if !granted {
            self.service.metrics.retries.count("over-budget");
        }
        granted
    }

    async fn attempt(&mut self, plan: &Forward<'_>, target: Target, record: &mut Record) -> Attempt {
        let endpoint = self.service.endpoints.get(usize::from(target.region));
        let Some(endpoint) = endpoint.and_then(|all| all.get(usize::from(target.endpoint))) else {
            return Attempt::Unresolved;
        };
        let Some(origin) = &endpoint.origin else {
            self.failed(endpoint, "unresolved");
            return Attempt::Unresolved;
        };
        let served = Served { region: target.region.into(), endpoint: target.endpoint.into(), reason: target.reason };
        record.served = Some(served);
        self.address(plan, target, record);
        let in_flight = endpoint.stats.begin();
        // The first attempt begins with the exchange; deciding takes microseconds.
        let started = if record.attempts == 1 { record.started() } else { clock::monotonic() };
        match self.send(origin, started).await {
            Err(failure) => {
                if matches!(failure.kind, FailureKind::RequestBody(_)) {
                    endpoint.stats.observe(Outcome::Neutral);
                } else {
                    self.failed(endpoint, respond::failure_word(&failure));
                }
                Attempt::Failed(failure)
            }
            Ok(Answered { response, came }) => {
                record.hold(in_flight);
                record.refused = None;
                record.head_came(came);
                let ttfb = came.saturating_duration_since(started);
                endpoint.stats.observe_latency(ttfb);
                if is_gateway_failure(response.status()) {
                    self.failed(endpoint, "gateway-status");
                    return Attempt::Unwell(response, ttfb);
                }
                endpoint.stats.observe(Outcome::Success);
                Attempt::Answered(response, ttfb)
            }
        }
    }

    /// Limits of one attempt: its own, and what is left of the whole.
    fn timeouts(&self, now: Instant) -> Timeouts {
        let left = self.deadline.saturating_duration_since(now);
        let limits = self.service.spec.timeout;
        Timeouts {
            connect: limits.connect.min(left),
            response: limits.response.min(left),
            body: Some(limits.idle),
            tunnel: limits.tunnel,
        }
    }

    async fn send(&self, origin: &Origin, now: Instant) -> Result<Answered, SendFailure> {
        // The attempt is counted already, so what others decide meanwhile takes it into account.
        cohort::step_back().await;
        let timeouts = self.timeouts(now);
        let interim = self.interim.as_ref();
        let outgoing = Outgoing { head: self.head, added: &self.added, timeouts: &timeouts, interim, now };
        self.core.pool.send(origin, &outgoing, self.replay.attempt()).await
    }

    /// Tells the origin what it was taken for, and that the session comes from elsewhere.
    fn address(&mut self, plan: &Forward<'_>, target: Target, record: &Record) {
        self.added.truncate(self.shared);
        if let Some(region) = self.service.table.regions.get(usize::from(target.region)) {
            write_field(&mut self.added, &headers::PORTOLAN_REGION, region.name.as_bytes());
        }
        let elsewhere = plan.pin.as_ref().filter(|pin| pin.region != Some(target.region));
        if let Some((pin, reason)) = elsewhere.zip(record.moved) {
            let text = format!("from={}; reason={}", pin.region_name, reason.as_str());
            // The pin's region may have been configured elsewhere: what is no field value is not sent.
            if HeaderValue::from_str(&text).is_ok() {
                write_field(&mut self.added, &headers::SESSION_MOVED, text.as_bytes());
            }
        }
    }

    /// Notes a failed attempt; a run of them alarms the conductor.
    fn failed(&self, endpoint: &Endpoint, kind: &str) {
        let run = endpoint.stats.observe(Outcome::Failure);
        self.service.metrics.attempt_failures.count(kind);
        if self.service.spec.health.ejection.is_some_and(|ejection| run == ejection.consecutive) {
            self.core.alarms.raise(endpoint.id);
        }
    }
}

/// Answers that say that the way to the application is broken, not that the request was wrong.
fn is_gateway_failure(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
}
