//! What the cache did with a request, for its answer, the access line and the counters.

use crate::cache::select::Forward as Why;
use crate::cache::status::CacheStatus;
use crate::data::body::Body;
use crate::data::respond;
use http::{Response, StatusCode};

/// An answer, and how it came about.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) response: Response<Body>,
    pub(super) status: CacheStatus<'static>,
}

impl Outcome {
    pub(super) fn hit(response: Response<Body>, ttl_s: i64) -> Self {
        Self { response, status: CacheStatus { is_hit: true, ttl_s: Some(ttl_s), ..CacheStatus::default() } }
    }

    pub(super) fn forwarded(response: Response<Body>, why: Why) -> Self {
        Self { response, status: CacheStatus { forward: Some(why), ..CacheStatus::default() } }
    }

    /// The client wanted what is stored or nothing (RFC 9111 section 5.2.1.7).
    pub(super) fn unavailable() -> Self {
        let response = respond::text(StatusCode::GATEWAY_TIMEOUT, "nothing is stored that answers this request");
        Self { response, status: CacheStatus { detail: Some("only-if-cached"), ..CacheStatus::default() } }
    }

    /// It waited for what another request brought, and would have been forwarded for this reason: then it is no hit (RFC 9211
    /// section 2).
    pub(super) fn collapsed(mut self, why: Why) -> Self {
        self.status = CacheStatus { is_hit: false, forward: Some(why), is_collapsed: true, ..self.status };
        self
    }

    /// The same, if it waited at all.
    pub(super) fn after(self, waited: Option<Why>) -> Self {
        if let Some(why) = waited { self.collapsed(why) } else { self }
    }

    /// What it is made of was asked for before, piece by piece.
    pub(super) fn gathered(mut self) -> Self {
        if std::mem::take(&mut self.status.is_hit) {
            self.status.forward = Some(Why::Partial);
            self.status.is_stored = true;
        }
        self
    }

    pub(super) fn detail(mut self, detail: &'static str) -> Self {
        self.status.detail = Some(detail);
        self
    }

    pub(super) fn origin_said(mut self, status: StatusCode) -> Self {
        self.status.forward_status = (status != self.response.status()).then_some(status);
        self
    }

    pub(super) fn stored(mut self, ttl_s: i64) -> Self {
        self.status.is_stored = true;
        self.status.ttl_s = Some(ttl_s);
        self
    }
}

/// The word that the outcome is counted and logged by.
pub(super) fn word(status: &CacheStatus<'_>) -> &'static str {
    match status {
        CacheStatus { is_collapsed: true, .. } => "collapsed",
        CacheStatus { is_hit: true, ttl_s: Some(..0), .. } => "stale",
        CacheStatus { is_hit: true, .. } => "hit",
        CacheStatus { forward: Some(Why::Stale | Why::Request), .. } => "revalidated",
        CacheStatus { forward: Some(why), .. } => why.word(),
        _ => "unavailable",
    }
}
