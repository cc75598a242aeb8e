//! The part that is missing of a response that is held in parts.
//!
//! Owns asking for it and joining it to what is held. A part that is not what it says is no part.

use super::Flow;
use super::ask::Came;
use super::fill::Cut;
use super::outcome::Outcome;
use super::reading::{self, Source};
use super::rest::Piece;
use crate::cache::partial::{self, Continued};
use crate::cache::select::{self, Forward as Why};
use crate::cache::slices;
use crate::cache::spans::Spans;
use crate::cache::storable;
use crate::cache::stored::{Extent, Stored};
use crate::data::body::Body;
use crate::data::record::Record;
use crate::data::respond;
use crate::store::entry::Held;
use crate::store::filling::Filling;
use crate::store::flights::Lead;
use crate::store::segments::Segments;
use bytes::Bytes;
use http::StatusCode;
use http_body_util::BodyExt;
use std::ops::Range;
use std::sync::Arc;

/// Bytes that are read before the answer begins, so that their failure is an answer of its own; with more, the answer begins
/// with what is held. Our choice: what a client waits for anyway.
const AT_ONCE: u64 = 64 << 10;

/// See `Flow::wanted`.
enum Wanted {
    /// Before the answer begins.
    Soon,
    /// This span, while it is sent.
    AsItComes(Range<u64>),
    /// As the client asks: it is not joined to what is held.
    Unkept,
}

impl Flow<'_> {
    /// The part that is missing of one that is held in parts.
    pub(super) async fn complete(
        &self,
        lead: Option<Lead>,
        held: &Arc<Held>,
        span: Range<u64>,
        body: Body,
        record: &mut Record,
    ) -> Outcome {
        let span = self.slices_of(&held.stored, span);
        match self.wanted(&held.stored, &span) {
            Wanted::Soon => {}
            Wanted::AsItComes(wanted) => return self.go_on(lead, held, wanted, body, record).await,
            Wanted::Unkept => return self.fetch(lead, self.request.clone(), Why::Partial, body, record).await,
        }
        let mut request = self.request.clone();
        partial::ask_for(&mut request.headers, &held.stored, &span);
        let mut came = self.send(request, body, record).await;
        let joined = partial::joined(&held.stored, &span, &self.fetched(&came), &self.cache().settings);
        let Some(stored) = joined else {
            return self.other_state(lead, held, came, record).await;
        };
        let pieces = match exactly(came.response.body_mut(), span.end - span.start).await {
            Ok(pieces) => pieces,
            Err(cut) => return self.once_more(lead, held, &cut, record).await,
        };
        let now = self.now();
        let body = held.body.with(&Segments::gathered(span.start, &pieces));
        let whole = Arc::new(Held::new(stored, body, held.era().min(came.era)));
        self.store().replace(&self.key, held, Arc::clone(&whole)).await;
        let Some(whole) = self.store().ready(&self.key, &whole).await else {
            return self.fetch(lead, self.request.clone(), Why::Partial, Body::empty(), record).await;
        };
        drop(lead);
        let ttl = whole.stored.ttl_s(now);
        let source = Source::Held(Arc::clone(&whole));
        let response = self.firsthand(&whole.stored, source, came.response.headers(), now);
        let outcome = Outcome::forwarded(response, Why::Partial).origin_said(came.status());
        self.pinned(outcome.stored(ttl), came.target, now)
    }

    /// How what is missing is brought in for the client.
    fn wanted(&self, stored: &Stored, missing: &Range<u64>) -> Wanted {
        // Several ranges come one by one, or as the origin gives them (`ranges`).
        let Some(wanted) = select::span(&self.asked(), stored, self.now(), &self.cache().settings) else {
            return Wanted::Unkept;
        };
        let settings = &self.cache().settings;
        if storable::as_asked(self.headers(), &stored.ruling.directives, settings).is_err() {
            return Wanted::Unkept;
        }
        if missing.end - missing.start <= AT_ONCE {
            Wanted::Soon
        } else if wanted.end - wanted.start <= self.object_max() {
            Wanted::AsItComes(wanted)
        } else {
            Wanted::Unkept
        }
    }

    /// Bytes that the slices of what is fetched have: whatever goes on to the end comes slice by slice, what does not at once.
    fn slice_for(&self, wanted: &Range<u64>, total: u64) -> u64 {
        if wanted.end == total { self.cache().settings.slice } else { 0 }
    }

    /// From where to where what the client wants is filled: with the slices around it, and without those held before it.
    fn filled(&self, wanted: &Range<u64>, spans: &Spans, total: u64) -> Range<u64> {
        let around = slices::around_span(wanted, self.cache().settings.slice, total);
        let around = if around.end - around.start <= self.object_max() { around } else { wanted.clone() };
        let is_held = spans.held_until(wanted.start).is_some();
        if is_held { wanted.start..around.end } else { around }
    }

    /// A span of what is held in parts: what is held of it is sent while the rest is fetched.
    async fn go_on(
        &self,
        lead: Option<Lead>,
        held: &Arc<Held>,
        wanted: Range<u64>,
        body: Body,
        record: &mut Record,
    ) -> Outcome {
        let Extent::Parts { total, held: spans } = &held.stored.extent else { return Outcome::unavailable() };
        let (slice, all) = (self.slice_for(&wanted, *total), self.filled(&wanted, spans, *total));
        let at = spans.held_until(all.start).unwrap_or(all.start);
        let span = spans.gap(at, slices::end_after(at, slice, all.end));
        let mut request = self.request.clone();
        partial::ask_for(&mut request.headers, &held.stored, &span);
        let came = self.send(request, body, record).await;
        let (status, now) = (came.status(), came.times.received);
        let continued = partial::continued(&held.stored, &span, status, came.response.headers());
        let part = partial::as_span(&held.stored, &all, &self.fetched(&came), &self.cache().settings);
        let ready = self.store().ready(&self.key, held).await;
        let (Continued::Until(end), Some(stored), Some(held)) = (continued, part, ready) else {
            return self.other_state(lead, held, came, record).await;
        };
        let era = held.era().min(came.era);
        let (head, body) = came.response.into_parts();
        let next = Piece { body, end };
        let rest = self.rest(all.end, slice, came.target.as_ref());
        let (piece, rest) = if at == all.start {
            (next, rest)
        } else {
            (Piece { body: reading::span(Source::Held(held), all.start, Some(at)), end: at }, rest.with(at, next))
        };
        let filling = Arc::new(Filling::new(stored.clone(), all.start, era));
        let source = self.pour_in(lead, filling, piece, Some(Box::new(rest)));
        let response = self.firsthand(&stored, source, &head.headers, now);
        let outcome = Outcome::forwarded(response, Why::Partial).origin_said(status);
        self.pinned(outcome.stored(stored.ttl_s(now)), came.target, now)
    }

    /// What does not fit what is held: neither a part of another state nor a refusal of a range that the client did not ask for
    /// is what it wants, a whole is. Where a range is refused, what is held is of a state that is no more.
    async fn other_state(&self, lead: Option<Lead>, held: &Arc<Held>, came: Came, record: &mut Record) -> Outcome {
        let is_refused = came.target.is_some() && partial::is_refusal(came.status());
        if is_refused {
            self.store().drop_held(&self.key, held).await;
        }
        if is_refused || came.status() == StatusCode::PARTIAL_CONTENT {
            return self.fetch(lead, self.request.clone(), Why::Partial, Body::empty(), record).await;
        }
        self.take_in(lead, came, Why::Partial).await
    }

    /// What was to complete a part has no end: after a break the client's own request may have one, when the retry budget allows.
    /// An origin that says one thing and sends another is not asked again, and what it said before is not trusted.
    async fn once_more(&self, lead: Option<Lead>, held: &Arc<Held>, cut: &Cut, record: &mut Record) -> Outcome {
        let words = if matches!(cut, Cut::Wrong) {
            self.store().drop_held(&self.key, held).await;
            "the origin sent another part than it announced"
        } else if self.context.core.withdraw(self.plan.service, self.now()) {
            return self.fetch(lead, self.request.clone(), Why::Partial, Body::empty(), record).await;
        } else {
            self.plan.service.metrics.retries.count("over-budget");
            "the origin's answer broke off"
        };
        Outcome::forwarded(respond::text(StatusCode::BAD_GATEWAY, words), Why::Partial)
    }

    /// What is missing of the slices around a span.
    fn slices_of(&self, stored: &Stored, span: Range<u64>) -> Range<u64> {
        let Extent::Parts { total, held } = &stored.extent else { return span };
        let around = slices::around_span(&span, self.cache().settings.slice, *total);
        let missing = held.missing(&around).unwrap_or_else(|| span.clone());
        if missing.end - missing.start <= self.store().memory().object_max() { missing } else { span }
    }
}

/// So many bytes of a body.
///
/// # Errors
/// When it breaks, or has fewer or more, of which no more than one piece is read.
async fn exactly(body: &mut Body, length: u64) -> Result<Vec<Bytes>, Cut> {
    let mut pieces = Vec::new();
    let mut left = length;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Cut::Origin(error.to_string().into()))?;
        let Ok(data) = frame.into_data() else { continue };
        left = left.checked_sub(data.len() as u64).ok_or(Cut::Wrong)?;
        pieces.push(data);
    }
    if left == 0 { Ok(pieces) } else { Err(Cut::Wrong) }
}
