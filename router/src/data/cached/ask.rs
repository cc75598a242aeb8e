//! What is asked of origins for the cache.
//!
//! Owns two questions (the client's own, is it still good) and what a 304 and the answer to a HEAD change. Failover between
//! regions has been tried before an answer comes here; what becomes of it is `admit`'s.

use super::Flow;
use super::outcome::Outcome;
use crate::base::Timestamp;
use crate::cache::age::Times;
use crate::cache::freshen::{self, HeadEffect};
use crate::cache::select::Forward as Why;
use crate::cache::stored::{Fetched, Stored};
use crate::cache::{partial, slices, stale, validate};
use crate::data::body::Body;
use crate::data::forward::{self, Fetched as Got, Server};
use crate::data::pin;
use crate::data::record::Record;
use crate::store::entry::Held;
use crate::store::flights::Lead;
use http::request::Parts;
use http::{Method, Response, StatusCode, header};
use std::ops::Range;
use std::sync::Arc;

/// An origin's answer, and when it was asked for.
pub(super) struct Came {
    pub(super) response: Response<Body>,
    /// The method that it was asked for by.
    pub(super) method: Method,
    /// It was asked for as the client did: by its method and under its conditions.
    pub(super) is_own: bool,
    /// Who gave it; none when nobody did.
    pub(super) target: Option<Server>,
    pub(super) times: Times,
    /// The last purge before it was asked for.
    pub(super) era: u64,
    /// Where its body ends, when it was asked for as the first piece of what the head announces.
    pub(super) until: Option<u64>,
}

impl Came {
    pub(super) fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// Makes the first piece of what `total` bytes are the whole: the rest follows. None when it cannot be joined to more.
    fn into_whole(mut self) -> Option<Self> {
        let (end, total) = partial::begun(self.status(), self.response.headers())?;
        *self.response.status_mut() = StatusCode::OK;
        let headers = self.response.headers_mut();
        headers.remove(header::CONTENT_RANGE);
        headers.insert(header::CONTENT_LENGTH, total.into());
        self.until = Some(end);
        Some(self)
    }

    /// Nobody answered, or only to say that it cannot.
    fn is_failure(&self) -> bool {
        self.target.is_none() || stale::is_error(self.status())
    }
}

impl Flow<'_> {
    pub(super) async fn send(&self, mut request: Parts, body: Body, record: &mut Record) -> Came {
        let (era, requested) = (self.store().purges.era(), self.now());
        let method = request.method.clone();
        let is_own = method == self.request.method && validate::asks_alike(&request.headers, &self.request.headers);
        let outbound = self.context.outbound(&mut request, requested);
        let Got { response, target } = forward::fetch(outbound, self.plan, body, record).await;
        Came { response, method, is_own, target, times: Times { requested, received: self.now() }, era, until: None }
    }

    /// Writes the session's pin into an answer that an origin gave.
    pub(super) fn pinned(&self, mut outcome: Outcome, target: Option<Server>, now: Timestamp) -> Outcome {
        if let Some(target) = &target {
            let scheme = self.context.scheme(self.request);
            pin::write(self.context.snapshot, self.plan, target, now, scheme, outcome.response.headers_mut());
        }
        outcome
    }

    pub(super) fn fetched<'r>(&'r self, came: &'r Came) -> Fetched<'r> {
        Fetched {
            method: &came.method,
            address: &self.address,
            request: self.headers(),
            has_body: self.has_body,
            status: came.status(),
            headers: came.response.headers(),
            times: came.times,
        }
    }

    /// This request; the answer may serve others.
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

    /// What is not stored is asked for so that the answer can serve others: by GET, and whole. As the client asks when that
    /// is not to be, or is known to be in vain.
    pub(super) async fn fill(&self, lead: Option<Lead>, why: Why, body: Body, record: &mut Record) -> Outcome {
        let mut request = self.request.clone();
        if let Some(span) = self.slices() {
            slices::ask_for(&mut request.headers, &span);
            let mut came = self.send(request, body, record).await;
            let judged = self.judge(&mut came);
            if self.is_sliced(&came, judged.as_ref().ok()) {
                return self.settle(lead, judged, came, why);
            }
            self.store().unsliced.note(&self.key, came.times.received);
            drop(came);
            return self.fetch(lead, self.request.clone(), why, Body::empty(), record).await;
        }
        if let Some(first) = self.first_slice() {
            slices::ask_for(&mut request.headers, &first);
            let came = self.send(request, body, record).await;
            return match self.in_slices(came) {
                Some((judged, came)) => self.settle(lead, judged, came, why),
                None => {
                    let mut request = self.request.clone();
                    validate::ask_for_all(&mut request.headers);
                    self.fetch(lead, request, why, Body::empty(), record).await
                }
            };
        }
        if self.widens() {
            validate::ask_for_all(&mut request.headers);
            request.method = Method::GET;
        }
        self.fetch(lead, request, why, body, record).await
    }

    /// The slices that are asked for in place of the client's part, where the route has slices.
    pub(super) fn slices(&self) -> Option<Range<u64>> {
        let settings = &self.cache().settings;
        let span = slices::around(self.headers(), settings.slice)?;
        if self.request.method != Method::GET || !validate::may_share(self.headers(), settings) {
            return None;
        }
        let (now, store) = (self.now(), self.store());
        let in_vain = store.unsliced.holds(&self.key, now) || store.apart.holds(&self.key, now);
        (!in_vain && span.end - span.start <= self.object_max()).then_some(span)
    }

    /// The first slice of something that is wanted whole, where the route has slices.
    fn first_slice(&self) -> Option<Range<u64>> {
        let slice = self.cache().settings.slice;
        if slice == 0 || self.request.method != Method::GET || self.store().unsliced.holds(&self.key, self.now()) {
            return None;
        }
        self.widens().then_some(0..slice)
    }

    /// What came for the first slice, as the beginning of the whole where it is that. None when it is a part that nothing can
    /// be joined to, or that is not kept: the whole has to be asked for.
    fn in_slices(&self, came: Came) -> Option<(Result<Stored, &'static str>, Came)> {
        let is_part = matches!(came.status(), StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE);
        if came.target.is_none() || !is_part {
            let mut came = came;
            return Some((self.judge(&mut came), came));
        }
        let received = came.times.received;
        let whole = came.into_whole().and_then(|mut came| Some((Ok(self.judge(&mut came).ok()?), came)));
        if whole.is_none() {
            self.store().unsliced.note(&self.key, received);
        }
        whole
    }

    pub(super) fn widens(&self) -> bool {
        let is_apart = self.store().apart.holds(&self.key, self.now());
        !is_apart && validate::widens(self.headers(), &self.cache().settings)
    }

    /// The client's request as it is; a policy wants the cache to have no part in it. What it makes invalid is invalid all
    /// the same.
    pub(super) async fn bypass(&self, body: Body, record: &mut Record) -> Outcome {
        let mut came = self.send(self.request.clone(), body, record).await;
        self.invalidate(&mut came);
        self.through(came, Why::Bypass).detail("policy")
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
            let newer = |stored: Stored| Arc::new(old.renewed(stored, came.era));
            let fresh = match freshen::freshened(&old.stored, &self.fetched(came), &self.cache().settings) {
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
                HeadEffect::Update => freshen::freshened(&old.stored, &self.fetched(&came), &self.cache().settings),
            };
            match new {
                Ok(stored) => {
                    self.store().replace(&self.key, old, Arc::new(old.renewed(stored, came.era)));
                }
                Err(_) => self.store().drop_held(&self.key, old),
            }
        }
        self.through(came, why)
    }

    /// In the background: is what is stored still good?
    pub(super) async fn revalidate(&self, lead: Lead, record: &mut Record) -> Outcome {
        let held = self.store().look(&self.key, &self.address, self.now()).await;
        let asked = self.asked();
        let place = held.iter().rposition(|held| held.stored.variant.matches(asked.headers, &self.cache().settings));
        match place {
            Some(index) => self.validate(Some(lead), &held, index, Why::Stale, Body::empty(), record).await,
            None => self.fetch(Some(lead), self.request.clone(), Why::Stale, Body::empty(), record).await,
        }
    }
}
