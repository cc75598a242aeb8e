//! What is asked of origins for the cache, and what becomes of their answers.
//!
//! Owns the three questions (the client's own, is it still good, the missing part) and the way of an answer: invalidation, admission, keeping. Failover between regions has been tried before an answer comes here.

use super::Flow;
use super::fill::Fill;
use super::outcome::Outcome;
use super::reading::{self, Source};
use crate::base::Timestamp;
use crate::cache::age::Times;
use crate::cache::answer::strip_internal;
use crate::cache::freshen::{self, HeadEffect};
use crate::cache::select::Forward as Why;
use crate::cache::storable::{self, Refusal};
use crate::cache::stored::{Extent, Fetched, Stored};
use crate::cache::{invalidate, partial, stale, tags, validate};
use crate::data::body::Body;
use crate::data::forward::{self, Fetched as Got};
use crate::data::pin;
use crate::data::record::Record;
use crate::steer::plan::Target;
use crate::store::entry::Held;
use crate::store::filling::Filling;
use crate::store::flights::Lead;
use crate::store::purge::{Force, Purge};
use crate::store::segments::Segments;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body_util::BodyExt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// An origin's answer, and when it was asked for.
struct Came {
    response: Response<Body>,
    target: Option<Target>,
    times: Times,
    /// The last purge before it was asked for.
    era: u64,
}

impl Came {
    fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// Nobody answered, or only to say that it cannot.
    fn is_failure(&self) -> bool {
        self.target.is_none() || stale::is_error(self.status())
    }
}

impl Flow<'_> {
    async fn send(&self, mut request: Parts, body: Body, record: &mut Record) -> Came {
        let (era, requested) = (self.store().purges.era(), self.now());
        let outbound = self.context.outbound(&mut request, requested);
        let Got { response, target } = forward::fetch(outbound, self.plan, body, record).await;
        Came { response, target, times: Times { requested, received: self.now() }, era }
    }

    /// Writes the session's pin into an answer that an origin gave.
    fn pinned(&self, mut outcome: Outcome, target: Option<Target>, now: Timestamp) -> Outcome {
        if let Some(target) = target {
            let scheme = self.context.scheme(self.request);
            pin::write(self.context.snapshot, self.plan, target, now, scheme, outcome.response.headers_mut());
        }
        outcome
    }

    fn fetched<'r>(&'r self, came: &'r Came) -> Fetched<'r> {
        Fetched {
            method: &self.request.method,
            address: &self.address,
            request: &self.request.headers,
            has_body: self.has_body,
            status: came.status(),
            headers: came.response.headers(),
            times: came.times,
        }
    }

    /// The client's request as it is; the answer may serve others.
    pub(super) async fn fetch(
        &self,
        lead: Option<Lead>,
        request: Parts,
        why: Why,
        body: Body,
        record: &mut Record,
    ) -> Outcome {
        let came = self.send(request, body, record).await;
        self.take_in(lead, came, why)
    }

    /// Is this one still good?
    pub(super) async fn validate(
        &self,
        lead: Option<Lead>,
        held: &[Arc<Held>],
        index: usize,
        why: Why,
        body: Body,
        record: &mut Record,
    ) -> Outcome {
        let is_get = self.request.method == Method::GET;
        let mut request = self.request.clone();
        if is_get {
            validate::ask_about(&mut request.headers, &held[index].stored);
        } else {
            validate::ask_for_all(&mut request.headers);
        }
        let came = self.send(request, body, record).await;
        let (now, said) = (self.now(), came.status());
        if came.is_failure()
            && self.may_stand_in(&held[index], now)
            && let Some(held) = self.store().ready(&self.key, &held[index]).await
        {
            self.store().troubles.note(&self.key, now);
            drop(lead);
            return self.hit(&held, now).detail("origin-failed");
        }
        if !is_get {
            return self.by_head(held, came, why);
        }
        if said != StatusCode::NOT_MODIFIED {
            return self.take_in(lead, came, why);
        }
        let fresh = match self.freshen(held, index, &came) {
            Some(fresh) => self.store().ready(&self.key, &fresh).await,
            None => None,
        };
        let Some(fresh) = fresh else {
            // It is about a state that is not held, or not any more: once more, without conditions.
            let mut request = self.request.clone();
            validate::ask_for_all(&mut request.headers);
            return self.fetch(lead, request, why, Body::empty(), record).await;
        };
        drop(lead);
        let ttl = fresh.stored.ttl_s(now);
        let outcome = Outcome::forwarded(self.answer_with(&fresh, now), why).origin_said(said).stored(ttl);
        self.pinned(outcome, came.target, now)
    }

    /// Makes newer what a 304 is about. The response that was asked about, as it is now; none when the 304 is about another.
    fn freshen(&self, held: &[Arc<Held>], index: usize, came: &Came) -> Option<Arc<Held>> {
        let stored = held.iter().map(|held| &held.stored);
        let meant = freshen::meant(came.response.headers(), stored, index, came.times.received);
        let mut answer = None;
        for place in &meant {
            let old = &held[*place];
            let newer = |stored: Stored| Arc::new(Held::new(stored, old.body.clone(), came.era));
            let fresh = match freshen::freshened(&old.stored, &self.fetched(came), &self.cache.settings) {
                Ok(stored) => {
                    let fresh = newer(stored);
                    self.store().replace(&self.key, old, Arc::clone(&fresh));
                    fresh
                }
                Err(refused) => {
                    let (refusal, stored) = *refused;
                    if !refusal.is_of_request() {
                        self.store().drop_held(&self.key, old);
                    }
                    newer(stored)
                }
            };
            if *place == index || answer.is_none() {
                answer = Some(fresh);
            }
        }
        answer
    }

    /// What the answer to a HEAD says of what is stored (RFC 9111 section 4.3.5).
    fn by_head(&self, held: &[Arc<Held>], came: Came, why: Why) -> Outcome {
        let now = came.times.received;
        for old in held {
            let new = match freshen::by_head(came.status(), came.response.headers(), &old.stored, now) {
                HeadEffect::None => continue,
                HeadEffect::Expire => {
                    let mut stored = old.stored.clone();
                    stored.expire(now);
                    Ok(stored)
                }
                HeadEffect::Update => freshen::freshened(&old.stored, &self.fetched(&came), &self.cache.settings),
            };
            match new {
                Ok(stored) => {
                    self.store().replace(&self.key, old, Arc::new(Held::new(stored, old.body.clone(), came.era)));
                }
                Err(_) => self.store().drop_held(&self.key, old),
            }
        }
        self.through(came, why)
    }

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

    fn object_max(&self) -> u64 {
        self.cache.object_max.min(self.store().object_max())
    }

    /// Admits an answer, or passes it on.
    fn take_in(&self, lead: Option<Lead>, mut came: Came, why: Why) -> Outcome {
        if self.invalidate(&came) {
            // What this answer makes invalid came before it.
            came.era = self.store().purges.era();
        }
        let admitted = match self.request.method {
            _ if came.target.is_none() => Err("origin-failed"),
            Method::HEAD => Err("head"),
            _ => storable::admit(&self.fetched(&came), &self.cache.settings).map_err(|refusal| {
                if !refusal.is_of_request() && refusal != Refusal::Part {
                    self.store().apart.note(&self.key, came.times.received);
                }
                refusal.word()
            }),
        };
        let fits = |stored: &Stored| match stored.extent {
            Extent::Whole(length) => length.is_none_or(|length| length <= self.object_max()),
            Extent::Parts { ref held, .. } => held.iter().all(|span| span.end - span.start <= self.object_max()),
        };
        match admitted.and_then(|stored| if fits(&stored) { Ok(stored) } else { Err("too-large") }) {
            Ok(stored) => self.keep(lead, stored, came, why),
            Err(word) => {
                if let Some(lead) = lead {
                    lead.apart();
                }
                self.through(came, why).detail(word)
            }
        }
    }

    /// Passes an answer on without keeping it.
    fn through(&self, came: Came, why: Why) -> Outcome {
        let Came { mut response, target, times, .. } = came;
        strip_internal(response.headers_mut());
        self.pinned(Outcome::forwarded(response, why), target, times.received)
    }

    fn keep(&self, lead: Option<Lead>, stored: Stored, came: Came, why: Why) -> Outcome {
        let Came { response, target, times, era } = came;
        let (mut head, body) = response.into_parts();
        let (ttl, now) = (stored.ttl_s(times.received), times.received);
        let start = match &stored.extent {
            Extent::Parts { held, .. } => held.iter().next().map_or(0, |span| span.start),
            Extent::Whole(_) => 0,
        };
        let (source, stored) = match body.as_bytes() {
            Some(bytes) => {
                let Some(stored) = partial::arrived(stored.clone(), bytes.len() as u64) else {
                    let came = Came { response: Response::from_parts(head, body), target, times, era };
                    return self.through(came, why);
                };
                let held = Arc::new(Held::new(stored.clone(), Segments::gathered(start, &[bytes]), era));
                self.store().keep(&self.key, Arc::clone(&held));
                drop(lead);
                self.plan.service.metrics.fills.seconds.observe(Duration::ZERO);
                (Source::Held(held), stored)
            }
            None => {
                let filling = Arc::new(Filling::new(stored.clone(), start, era));
                if let Some(lead) = &lead {
                    lead.filling(&filling);
                }
                let (store, key, object_max) = (Arc::clone(self.store()), self.key.clone(), self.object_max());
                let source = Source::Filling(Arc::clone(&filling));
                let seconds = self.plan.service.metrics.fills.seconds.clone();
                tokio::task::spawn_local(Fill { store, key, filling, body, lead, object_max, seconds }.run());
                (source, stored)
            }
        };
        let response = match &stored.extent {
            Extent::Whole(_) if self.request.method == Method::GET => self.response(&stored, source, now),
            extent => {
                strip_internal(&mut head.headers);
                let end = match extent {
                    Extent::Whole(length) => *length,
                    Extent::Parts { held, .. } => held.iter().next().map(|span| span.end),
                };
                Response::from_parts(head, reading::span(source, start, end))
            }
        };
        self.pinned(Outcome::forwarded(response, why).stored(ttl), target, now)
    }

    /// Purges what a request with effects makes invalid; whether there was anything.
    fn invalidate(&self, came: &Came) -> bool {
        let (method, headers) = (&self.request.method, came.response.headers());
        if came.target.is_none() {
            return false;
        }
        let before = self.store().purges.era();
        for address in invalidate::addresses(method, &self.address, came.status(), headers) {
            self.store().purges.purge(&Purge::Url(address), Force::Hard);
        }
        for tag in tags::invalidated(method, &self.address, headers) {
            self.store().purges.purge(&Purge::Tag(tag), Force::Hard);
        }
        self.store().purges.era() != before
    }

    /// In the background: is what is stored still good?
    pub(super) async fn revalidate(&self, lead: Lead, record: &mut Record) -> Outcome {
        let held = self.store().look(&self.key, &self.address, self.now()).await;
        let asked = self.asked();
        let place = held.iter().rposition(|held| held.stored.variant.matches(asked.headers, &self.cache.settings));
        match place {
            Some(index) => self.validate(Some(lead), &held, index, Why::Stale, Body::empty(), record).await,
            None => self.fetch(Some(lead), self.request.clone(), Why::Stale, Body::empty(), record).await,
        }
    }
}
