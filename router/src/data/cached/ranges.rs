//! Requests for ranges that are not what they seem: for several at once, and for one of bytes that nobody can name.
//!
//! Owns what of a set of ranges an origin may be asked for, bringing in the missing ones of several one after the other, as if each
//! were asked for alone, and who must be sent the whole instead of a range. The answer is made of what is stored then.

use super::outcome::Outcome;
use super::{Flow, Found};
use crate::cache::coding;
use crate::cache::compress;
use crate::cache::range::{self, Tidied};
use crate::cache::select::{Choice, Forward as Why};
use crate::cache::slices::Slices;
use crate::cache::stored::{Extent, Stored};
use crate::cache::validate;
use crate::config::Cache;
use crate::data::body::Body;
use crate::data::cached::refresh;
use crate::data::record::Record;
use crate::store::flights::Stage;
use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use std::time::Duration;

/// Bytes that several ranges may want to be brought in one by one, before their answer begins: PDF readers and package managers
/// want kilobytes. Our choice: a second at 64 Mbit/s.
const GATHERED_MAX: u64 = 8 << 20;
/// Longest wait for the end of the slice around a range that has come. Our choice.
const WAIT: Duration = Duration::from_secs(5);

/// A range that is missing of several.
#[derive(PartialEq, Eq)]
struct Lack {
    range: HeaderValue,
    /// Others of the same thing are held.
    is_known: bool,
}

/// Leaves of the ranges that a request asks for what an origin may be asked for.
pub(super) fn tidy(parts: &mut Parts, cache: &Cache) {
    if parts.method != Method::GET {
        return;
    }
    match range::tidied(&parts.headers, cache.settings.range_parts_max) {
        Tidied::Alike => {}
        Tidied::Instead(value) => drop(parts.headers.insert(header::RANGE, value)),
        Tidied::Whole => validate::ask_for_whole(&mut parts.headers),
    }
}

impl Flow<'_> {
    /// Answers a request, for several ranges when each is there.
    pub(super) async fn answer(&self, body: Body, record: &mut Record) -> Outcome {
        if !self.headers().contains_key(header::RANGE) {
            return self.run(body, record).await;
        }
        if self.goes_on_by_date() {
            let held = self.store().look(&self.key, &self.address, self.now()).await;
            if held.iter().any(|held| self.is_in_doubt(&held.stored)) {
                let mut request = refresh::copy(self.request);
                validate::ask_for_whole(&mut request.headers);
                return self.with(&request).run(body, record).await;
            }
        }
        let has_gathered = self.gather(record).await;
        let outcome = self.run(body, record).await;
        if has_gathered { outcome.gathered() } else { outcome }
    }

    /// This request with another head.
    fn with<'b>(&'b self, request: &'b Parts) -> Flow<'b> {
        let found = Found { address: self.address.clone(), key: self.key.clone(), passes_by: None };
        Flow::new(self.context, self.plan, self.given, request, &Body::empty(), found)
    }

    /// Whether the client takes codings, and goes on under a date: what it has may be in a coding of ours, which has the date of
    /// the plain bytes (RFC 9110 section 8.8.2.2).
    pub(super) fn goes_on_by_date(&self) -> bool {
        self.cache().compress.is_some()
            && compress::is_range_by_date(&self.request.headers)
            && coding::accepted(&self.request.headers).next().is_some()
    }

    /// Whether a client that goes on by a date cannot be sent a part of this.
    pub(super) fn is_in_doubt(&self, stored: &Stored) -> bool {
        self.goes_on_by_date() && matches!(stored.extent, Extent::Parts { .. }) && self.may_be_coded(stored)
    }

    /// Brings in what is missing of several ranges. Whether anything was asked for.
    async fn gather(&self, record: &mut Record) -> bool {
        let Some(spans) = range::spans(self.headers()).filter(|_| self.request.method == Method::GET) else {
            return false;
        };
        let bytes = spans.iter().fold(0, |sum: u64, span| sum.saturating_add(span.end - span.start));
        if bytes > GATHERED_MAX.min(self.object_max()) {
            return false;
        }
        let mut last = None;
        // Each brings in what one range lacks; the last look finds that nothing does.
        for _ in 0..=spans.len() {
            let next = self.lacking().await;
            let Some(lack) = next.as_ref().filter(|_| next != last) else { break };
            if !self.bring(lack, record).await {
                return last.is_some();
            }
            last = next;
        }
        last.is_some()
    }

    /// The first range that is missing and can be asked for alone.
    async fn lacking(&self) -> Option<Lack> {
        let now = self.now();
        let held = self.store().look(&self.key, &self.address, now).await;
        match self.choose(&held, now) {
            Choice::Complete { span, .. } => range::of_span(&span).map(|range| Lack { range, is_known: true }),
            Choice::Miss(Why::UrlMiss | Why::VaryMiss) if self.cache().settings.slice > 0 => {
                let first = range::spans(self.headers())?.first().and_then(range::of_span);
                first.map(|range| Lack { range, is_known: false })
            }
            _ => None,
        }
    }

    /// Asks for one range as a client would, and waits until it is stored. False when that is not to be.
    async fn bring(&self, lack: &Lack, record: &mut Record) -> bool {
        let mut request = refresh::copy(self.request);
        request.headers.insert(header::RANGE, lack.range.clone());
        for name in [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE] {
            request.headers.remove(name);
        }
        let flow = self.with(&request);
        // Of what is not known, only what will be kept is worth a request of its own.
        if !lack.is_known && flow.question().slices().is_none() {
            return false;
        }
        let outcome = Box::pin(flow.run(Body::empty(), record)).await;
        if outcome.response.status() != StatusCode::PARTIAL_CONTENT {
            return false;
        }
        let mut body = outcome.response.into_body();
        while let Some(frame) = body.frame().await {
            if frame.is_err() {
                return false;
            }
        }
        drop(body);
        if let Some(slices) = Slices::of(flow.headers(), self.cache().settings.slice) {
            let held = self.store().look(&self.key, &self.address, self.now()).await;
            let lane = self.lane(&held).map(|lane| lane.slice(slices.place()));
            if let Some(mut flight) = lane.and_then(|lane| self.store().flights.find(&lane)) {
                let is_over = |stage: &Stage| matches!(stage, Stage::Look | Stage::Apart);
                // Without an end, what is missing is found to be missing.
                drop(tokio::time::timeout(WAIT, flight.wait_for(is_over)).await);
            }
        }
        true
    }
}
