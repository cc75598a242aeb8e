//! The record of one exchange: what was decided, what came of it. Closed once, also when the client leaves.
//!
//! Owns the facts of the access line and the counters of the exchange. It travels with the exchange, then with the
//! response body, and is closed by its drop: so an aborted download is recorded exactly once, like any other.

use super::body::{BodyError, BodyWatch};
use crate::base::clock;
use crate::snapshot::Service;
use crate::snapshot::stats::InFlight;
use crate::steer::plan::MoveReason;
use crate::steer::reason::Reason;
use http::header::{HOST, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode, Uri};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The target of the access line; `--log portolan::access=off` silences it.
pub(super) const ACCESS: &str = "portolan::access";

/// Where an exchange was served.
#[derive(Debug, Clone, Copy)]
pub(super) struct Served {
    /// Index of the region in the service.
    pub(super) region: usize,
    /// Index of the endpoint in the region.
    pub(super) endpoint: usize,
    /// Why that region.
    pub(super) reason: Reason,
}

/// What an access line says of the request.
#[derive(Debug)]
struct Asked {
    method: Method,
    uri: Uri,
    host: Option<HeaderValue>,
}

/// The record of one exchange.
#[derive(Debug)]
pub(super) struct Record {
    started: Instant,
    /// Identity of the request.
    pub(super) request_id: HeaderValue,
    /// Client address.
    pub(super) client: IpAddr,
    /// What was asked, when access lines are written.
    asked: Option<Asked>,
    /// The service, once routed.
    pub(super) service: Option<Arc<Service>>,
    /// Who served.
    pub(super) served: Option<Served>,
    /// Attempts made.
    pub(super) attempts: u8,
    /// Why the session was moved.
    pub(super) moved: Option<MoveReason>,
    /// How long it waited for room, when every region was full.
    pub(super) queued: Option<Duration>,
    /// What the cache did.
    pub(super) cache: Option<&'static str>,
    /// Why the router answered by itself.
    pub(super) refused: Option<&'static str>,
    /// Time to the head of the response.
    head_took: Option<Duration>,
    status: Option<StatusCode>,
    bytes: u64,
    complete: bool,
    has_left: bool,
    error: Option<String>,
    in_flight: Option<InFlight>,
}

impl Record {
    /// Opens a record.
    pub(super) fn open(request_id: HeaderValue, client: IpAddr, parts: &Parts) -> Box<Self> {
        let asked = tracing::enabled!(target: ACCESS, tracing::Level::INFO).then(|| Asked {
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            host: parts.headers.get(HOST).cloned(),
        });
        Box::new(Self {
            started: clock::monotonic(),
            request_id,
            client,
            asked,
            service: None,
            served: None,
            attempts: 0,
            moved: None,
            queued: None,
            cache: None,
            refused: None,
            head_took: None,
            status: None,
            bytes: 0,
            complete: false,
            has_left: false,
            error: None,
            in_flight: None,
        })
    }

    /// When the exchange began.
    pub(super) fn started(&self) -> Instant {
        self.started
    }

    /// Notes when an origin's response head came.
    pub(super) fn head_came(&mut self, at: Instant) {
        self.head_took = Some(at.saturating_duration_since(self.started));
    }

    /// Notes that the client left before its request was whole: whatever is answered, nobody reads it, and nothing was wrong with the
    /// request (nginx logs 499 then, Envoy no status).
    pub(super) fn client_left(&mut self, error: &BodyError) {
        self.has_left = true;
        self.error = Some(error.to_string());
    }

    /// Notes the response; counters of the exchange are written here.
    pub(super) fn answered(&mut self, status: StatusCode) {
        if self.has_left {
            return;
        }
        let took = *self.head_took.get_or_insert_with(|| self.started.elapsed());
        self.status = Some(status);
        if let Some(service) = &self.service {
            service.metrics.exchange_seconds.observe(took);
            let region = self.served.map_or(service.region_metrics.len() - 1, |served| served.region);
            if let Some(metrics) = service.region_metrics.get(region) {
                metrics.count(status);
            }
        }
    }

    /// Keeps the endpoint's in-flight count up until the response body has ended.
    pub(super) fn hold(&mut self, in_flight: InFlight) {
        self.in_flight = Some(in_flight);
    }

    fn region_name(&self) -> &str {
        let region = self
            .service
            .as_deref()
            .zip(self.served)
            .and_then(|(service, served)| service.table.regions.get(served.region).map(|region| &*region.name));
        region.unwrap_or("-")
    }

    fn endpoint_url(&self) -> &str {
        let endpoint = self.service.as_deref().zip(self.served).and_then(|(service, served)| {
            service.endpoints.get(served.region)?.get(served.endpoint).map(|endpoint| &*endpoint.spec.url)
        });
        endpoint.unwrap_or("-")
    }

    fn write(&self, asked: &Asked) {
        let micros = |took: Duration| u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        tracing::info!(
            target: ACCESS,
            request_id = self.request_id.to_str().unwrap_or("-"),
            client = %self.client,
            method = asked.method.as_str(),
            host = asked.host.as_ref().and_then(|host| host.to_str().ok()).unwrap_or("-"),
            path = asked.uri.path(),
            status = self.status.map_or(0, |status| status.as_u16()),
            bytes = self.bytes,
            service = self.service.as_ref().map_or("-", |service| &*service.table.name),
            region = self.region_name(),
            endpoint = self.endpoint_url(),
            reason = self.served.map_or("-", |served| served.reason.as_str()),
            attempts = self.attempts,
            moved = self.moved.map_or("-", MoveReason::as_str),
            queued_us = self.queued.map_or(0, micros),
            cache = self.cache.unwrap_or("-"),
            refused = self.refused.unwrap_or("-"),
            complete = self.complete,
            error = self.error.as_deref().unwrap_or("-"),
            head_us = self.head_took.map_or(0, micros),
            total_us = micros(self.started.elapsed()),
            "exchange"
        );
    }
}

impl BodyWatch for Record {
    fn data(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    fn end(&mut self, error: Option<&BodyError>) {
        if !self.has_left {
            self.complete = error.is_none();
            self.error = error.map(ToString::to_string);
        }
        self.in_flight = None;
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if self.status.is_none()
            && let Some(metrics) = self.service.as_ref().and_then(|service| service.region_metrics.last())
        {
            metrics.aborted();
        }
        if let Some(asked) = &self.asked {
            self.write(asked);
        }
    }
}
