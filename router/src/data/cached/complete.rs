//! The part that is missing of a response that is held in parts.
//!
//! Owns asking for it and joining it to what is held. A part that is not what it says is no part.

use super::Flow;
use super::outcome::Outcome;
use crate::cache::partial;
use crate::cache::select::Forward as Why;
use crate::cache::slices;
use crate::cache::stored::{Extent, Stored};
use crate::data::body::Body;
use crate::data::record::Record;
use crate::data::respond;
use crate::store::entry::Held;
use crate::store::flights::Lead;
use crate::store::segments::Segments;
use bytes::Bytes;
use http::StatusCode;
use http_body_util::BodyExt;
use std::ops::Range;
use std::sync::Arc;

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
        let mut request = self.request.clone();
        partial::ask_for(&mut request.headers, &held.stored, &span);
        let mut came = self.send(request, body, record).await;
        let joined = partial::joined(&held.stored, &span, &self.fetched(&came), &self.cache().settings);
        let Some(stored) = joined.filter(|_| span.end - span.start <= self.store().memory().object_max()) else {
            // A part of another state is not what the client wants; a whole is.
            if came.status() == StatusCode::PARTIAL_CONTENT {
                return self.fetch(lead, self.request.clone(), Why::Partial, Body::empty(), record).await;
            }
            return self.take_in(lead, came, Why::Partial);
        };
        let Some(pieces) = exactly(came.response.body_mut(), span.end - span.start).await else {
            self.store().drop_held(&self.key, held);
            let words = "the origin sent another part than it announced";
            return Outcome::forwarded(respond::text(StatusCode::BAD_GATEWAY, words), Why::Partial);
        };
        let now = self.now();
        let body = held.body.with(&Segments::gathered(span.start, &pieces));
        let whole = Arc::new(Held::new(stored, body, came.era));
        self.store().replace(&self.key, held, Arc::clone(&whole));
        let Some(whole) = self.store().ready(&self.key, &whole).await else {
            return self.fetch(lead, self.request.clone(), Why::Partial, Body::empty(), record).await;
        };
        drop(lead);
        let ttl = whole.stored.ttl_s(now);
        let outcome = Outcome::forwarded(self.answer_with(&whole, now), Why::Partial).origin_said(came.status());
        self.pinned(outcome.stored(ttl), came.target, now)
    }

    /// What is missing of the slices around a span.
    fn slices_of(&self, stored: &Stored, span: Range<u64>) -> Range<u64> {
        let Extent::Parts { total, held } = &stored.extent else { return span };
        let around = slices::around_span(&span, self.cache().settings.slice, *total);
        let missing = held.missing(&around).unwrap_or_else(|| span.clone());
        if missing.end - missing.start <= self.store().memory().object_max() { missing } else { span }
    }
}

/// So many bytes of a body; none when it has fewer, or more, of which no more than one piece is read.
async fn exactly(body: &mut Body, length: u64) -> Option<Vec<Bytes>> {
    let mut pieces = Vec::new();
    let mut left = length;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else { continue };
        left = left.checked_sub(data.len() as u64)?;
        pieces.push(data);
    }
    (left == 0).then_some(pieces)
}
