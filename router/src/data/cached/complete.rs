//! The part that is missing of a response that is held in parts.
//!
//! Owns asking for it and joining it to what is held. A part that is not what it says is no part.

use super::Flow;
use super::outcome::Outcome;
use crate::cache::partial;
use crate::cache::select::Forward as Why;
use crate::data::body::Body;
use crate::data::record::Record;
use crate::store::entry::Held;
use crate::store::flights::Lead;
use crate::store::segments::Segments;
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
        let mut request = self.request.clone();
        partial::ask_for(&mut request.headers, &held.stored, &span);
        let mut came = self.send(request, body, record).await;
        let joined = partial::joined(&held.stored, &self.fetched(&came), &self.cache.settings);
        let Some(stored) = joined.filter(|_| span.end - span.start <= self.object_max()) else {
            // A part of another state is not what the client wants; a whole is.
            if came.status() == StatusCode::PARTIAL_CONTENT {
                return self.fetch(lead, self.request.clone(), Why::Partial, Body::empty(), record).await;
            }
            return self.take_in(lead, came, Why::Partial);
        };
        let mut pieces = Vec::new();
        let mut bytes = 0;
        while let Some(Ok(frame)) = came.response.body_mut().frame().await {
            if let Ok(data) = frame.into_data() {
                bytes += data.len() as u64;
                pieces.push(data);
            }
        }
        let now = self.now();
        if bytes != span.end - span.start {
            self.store().drop_held(&self.key, held);
            let words = "the origin sent another part than it announced";
            let response = crate::data::respond::text(StatusCode::BAD_GATEWAY, words);
            return Outcome::forwarded(response, Why::Partial);
        }
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
}
