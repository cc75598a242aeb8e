//! What is asked of origins for the cache.
//!
//! Owns the questions: the client's own, one whose answer serves others, and one for slices. Whether something is still good is
//! `renew`'s. Failover between regions has been tried before an answer comes here; what becomes of it is `admit`'s.

use super::Flow;
use super::admit::Refused;
use super::outcome::Outcome;
use crate::base::Timestamp;
use crate::cache::age::Times;
use crate::cache::fields;
use crate::cache::multipart;
use crate::cache::select::Forward as Why;
use crate::cache::slices::Slices;
use crate::cache::stored::{Fetched, Stored};
use crate::cache::{partial, stale, validate};
use crate::data::body::Body;
use crate::data::forward::{self, Fetched as Got, Server};
use crate::data::pin;
use crate::data::record::Record;
use crate::store::flights::Lead;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};

/// An origin's answer, and when it was asked for.
pub(super) struct Came {
    pub(super) response: Response<Body>,
    /// `Connection` took fields off it that it is judged by.
    pub(super) is_abridged: bool,
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

    /// Makes the piece that begins at `start` all that is there from `start` on: the rest follows. None when it cannot be joined
    /// to more.
    fn into_all_from(mut self, start: u64) -> Option<Self> {
        let (end, total) = partial::begun(start, self.status(), self.response.headers())?;
        let length = total.checked_sub(start)?;
        let all = HeaderValue::from_str(&multipart::content_range(&(start..total), total)).ok()?;
        if start == 0 {
            *self.response.status_mut() = StatusCode::OK;
            self.response.headers_mut().remove(header::CONTENT_RANGE);
        } else {
            self.response.headers_mut().insert(header::CONTENT_RANGE, all);
        }
        fields::strip_digests(self.response.headers_mut());
        self.response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        self.until = Some(end);
        Some(self)
    }

    /// Nobody answered, or only to say that it cannot.
    pub(super) fn is_failure(&self) -> bool {
        self.target.is_none() || stale::is_error(self.status())
    }
}

/// How the origin is asked for what is not stored, or not whole. Settled once for each look into the store.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// As the client asks, and nobody waits for it: what this key answers is known not to be stored.
    Apart,
    /// As the client asks.
    Own,
    /// For the whole, by GET and without the client's conditions: the answer serves others.
    Whole,
    /// For slices in the place of what the client wants.
    Slices(Slices),
}

impl Question {
    /// The slices, if it is for any.
    pub(super) fn slices(&self) -> Option<&Slices> {
        if let Self::Slices(slices) = self { Some(slices) } else { None }
    }
}

impl Flow<'_> {
    pub(super) async fn send(&self, mut request: Parts, body: Body, record: &mut Record) -> Came {
        let (era, requested) = (self.store().purges.era(), self.now());
        let method = request.method.clone();
        let is_own = method == self.request.method && validate::asks_alike(&request.headers, &self.request.headers);
        let outbound = self.context.outbound(&mut request, requested);
        let Got { response, is_abridged, target } = forward::fetch(outbound, self.plan, body, record).await;
        let times = Times { requested, received: self.now() };
        Came { response, is_abridged, method, is_own, target, times, era, until: None }
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
            is_abridged: came.is_abridged,
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
        self.take_in(lead, came, why).await
    }

    /// How the origin is asked: so that the answer can serve others, and in slices where the route has them. As the client asks
    /// when that is not to be, or is known to be in vain.
    pub(super) fn question(&self) -> Question {
        let (headers, settings, now) = (self.headers(), &self.cache().settings, self.now());
        if self.store().apart.holds(&self.key, now) {
            return Question::Apart;
        }
        if !validate::may_share(headers, settings) {
            return Question::Own;
        }
        let slices = Slices::of(headers, settings.slice).filter(|slices| {
            let can_be = self.request.method == Method::GET
                && slices.bytes() <= self.object_max()
                && !(self.goes_on_by_date() && headers.contains_key(header::RANGE));
            can_be && !self.store().unsliced.holds(&self.key, now)
        });
        match slices {
            Some(slices) => Question::Slices(slices),
            None if headers.contains_key(header::RANGE) => Question::Own,
            None => Question::Whole,
        }
    }

    /// What is not stored.
    pub(super) async fn fill(
        &self,
        lead: Option<Lead>,
        question: Question,
        why: Why,
        body: Body,
        record: &mut Record,
    ) -> Outcome {
        let mut request = self.request.clone();
        let slices = match question {
            Question::Slices(slices) => slices,
            Question::Apart | Question::Own => return self.fill_as_asked(lead, why, body, record).await,
            Question::Whole => {
                validate::ask_for_all(&mut request.headers);
                request.method = Method::GET;
                return self.fetch(lead, request, why, body, record).await;
            }
        };
        slices.ask_for(&mut request.headers);
        let came = self.send(request, body, record).await;
        if let Some((judged, came)) = self.in_slices(came, &slices) {
            return self.settle(lead, judged, came, why).await;
        }
        let mut request = self.request.clone();
        if !request.headers.contains_key(header::RANGE) {
            validate::ask_for_all(&mut request.headers);
        }
        self.fetch(lead, request, why, Body::empty(), record).await
    }

    /// What is not stored, as the client asks. A part of what the client may have in a coding of ours is not what it goes on with.
    async fn fill_as_asked(&self, lead: Option<Lead>, why: Why, body: Body, record: &mut Record) -> Outcome {
        let mut came = self.send(self.request.clone(), body, record).await;
        let judged = self.judge(&mut came);
        if judged.as_ref().is_ok_and(|stored| self.is_in_doubt(stored)) {
            let mut request = self.request.clone();
            validate::ask_for_whole(&mut request.headers);
            return self.fetch(lead, request, why, Body::empty(), record).await;
        }
        self.settle(lead, judged, came, why).await
    }

    /// What came for slices, judged: up to the end of the whole when the others are to follow. None when it does not answer the
    /// client, which has to be asked for then.
    fn in_slices(&self, mut came: Came, slices: &Slices) -> Option<(Result<Stored, Refused>, Came)> {
        let (status, received) = (came.status(), came.times.received);
        let is_part = status == StatusCode::PARTIAL_CONTENT;
        if came.target.is_none() || !(is_part || partial::is_refusal(status)) {
            return Some((self.judge(&mut came), came));
        }
        let all = match slices {
            Slices::From(first) => came.into_all_from(first.start),
            Slices::Around(_) | Slices::Last(_) => Some(came).filter(|_| is_part),
        };
        let found = all.and_then(|mut came| {
            let judged = self.judge(&mut came);
            judged.as_ref().is_ok_and(|stored| self.is_sliced(stored, received)).then_some((judged, came))
        });
        // A part of another state than the client has says nothing of the thing, nor does a place behind its end. Of nothing there
        // is no first slice, and yet a whole.
        let has = |name| self.headers().contains_key(name);
        let is_beyond = status == StatusCode::RANGE_NOT_SATISFIABLE && has(header::RANGE);
        if found.is_none() && !has(header::IF_RANGE) && !is_beyond {
            self.store().unsliced.note(&self.key, received);
        }
        found
    }

    /// The client's request as it is: the cache has no part in it. What it makes invalid is invalid all the same.
    pub(super) async fn bypass(&self, why: &'static str, body: Body, record: &mut Record) -> Outcome {
        let mut came = self.send(self.request.clone(), body, record).await;
        self.invalidate(&mut came);
        self.through(came, Why::Bypass).detail(why)
    }
}
