//! What becomes of an origin's answer.
//!
//! Owns its way: what it makes invalid, whether it is admitted, how it is kept and what the client gets of it meanwhile.

use super::Flow;
use super::ask::Came;
use super::fill::Fill;
use super::outcome::Outcome;
use super::reading::{self, Source};
use super::rest::{Piece, Rest};
use crate::base::Timestamp;
use crate::cache::answer::{Content, passed, strip_internal};
use crate::cache::key::Key;
use crate::cache::select::{self, Forward as Why};
use crate::cache::stale;
use crate::cache::storable::{self, Refusal};
use crate::cache::stored::{Extent, Stored};
use crate::cache::{compress, invalidate, partial, tags};
use crate::data::body::Body;
use crate::store::barren::{self, Barren};
use crate::store::entry::Held;
use crate::store::filling::Filling;
use crate::store::flights::Lead;
use crate::store::purge::{Purge, Standing};
use crate::store::segments::Segments;
use http::header::{AGE, HeaderMap};
use http::{Method, Response, StatusCode};
use std::sync::Arc;
use std::time::Duration;

/// Why an answer is not kept.
pub(super) struct Refused {
    /// For the client and the record.
    word: &'static str,
    /// It is about what the request says of itself.
    is_of_request: bool,
}

impl Refused {
    /// Whoever asks for the same would meet it too.
    fn for_all(word: &'static str) -> Self {
        Self { word, is_of_request: false }
    }
}

impl Flow<'_> {
    pub(super) fn object_max(&self) -> u64 {
        self.cache().object_max.min(self.store().object_max())
    }

    /// Admits an answer, or passes it on.
    pub(super) async fn take_in(&self, lead: Option<Lead>, mut came: Came, why: Why) -> Outcome {
        let judged = self.judge(&mut came);
        self.settle(lead, judged, came, why).await
    }

    /// Whether an answer is admitted, or why not. What it makes invalid is so from now on.
    pub(super) fn judge(&self, came: &mut Came) -> Result<Stored, Refused> {
        self.invalidate(came);
        let admitted = match came.method {
            _ if came.target.is_none() => Err(Refused::for_all("origin-failed")),
            Method::HEAD => Err(Refused::for_all("head")),
            _ => storable::admit(&self.fetched(came), &self.cache().settings).map_err(|refusal| {
                self.remember(refusal, came);
                Refused { word: refusal.word(), is_of_request: refusal.is_of_request() }
            }),
        };
        let stored = admitted?;
        if self.fits(&stored) {
            return Ok(stored);
        }
        if matches!(stored.extent, Extent::Whole(_)) {
            self.store().apart.note(&self.key, came.times.received);
        }
        Err(Refused::for_all("too-large"))
    }

    /// Notes who else would meet a refusal, so that they do not wait for one another. An origin that fails will answer otherwise.
    fn remember(&self, refusal: Refusal, came: &Came) {
        let now = came.times.received;
        if refusal == Refusal::Authorization {
            self.store().apart.note(&self.key.authorized(), now);
        }
        if !refusal.is_of_others(came.status()) || stale::is_error(came.status()) {
            return;
        }
        self.store().apart.note(&self.key, now);
        if came.status().is_success() {
            self.note_folder(Barren::note, now);
        }
    }

    /// Keeps an answer that is admitted, and passes on one that is not.
    pub(super) async fn settle(
        &self,
        lead: Option<Lead>,
        judged: Result<Stored, Refused>,
        came: Came,
        why: Why,
    ) -> Outcome {
        match judged {
            Ok(stored) if self.would_lose(&stored).await => self.through(came, why).detail("part"),
            Ok(stored) => self.keep(lead, stored, came, why).await,
            Err(refused) => {
                // What is about this request alone says nothing of the others: they look again, and one of them leads.
                if let Some(lead) = lead.filter(|_| !refused.is_of_request) {
                    lead.apart();
                }
                self.through(came, why).detail(refused.word)
            }
        }
    }

    /// Whether more would be lost by keeping a part than is gained: the whole that it would come in the place of is fresh, or can be
    /// confirmed where the part can never be completed. Not when the part shows that the whole is of the past.
    async fn would_lose(&self, stored: &Stored) -> bool {
        if matches!(stored.extent, Extent::Whole(_)) {
            return false;
        }
        let now = self.now();
        let is_worth_more = |old: &Stored| {
            let is_whole = old.variant == stored.variant && matches!(old.extent, Extent::Whole(_));
            let is_past = partial::are_of_two_states(old, stored);
            is_whole && !is_past && (old.is_fresh(now) || !partial::is_joinable(stored))
        };
        self.store().look(&self.key, &self.address, now).await.iter().any(|held| is_worth_more(&held.stored))
    }

    /// Whether a response is not too large to be kept.
    pub(super) fn fits(&self, stored: &Stored) -> bool {
        match stored.extent {
            Extent::Whole(length) => length.is_none_or(|length| length <= self.object_max()),
            Extent::Parts { ref held, .. } => held.iter().all(|span| span.end - span.start <= self.object_max()),
        }
    }

    /// Whether what came for slices answers the client: it has to hold what the client wants, and to be of a state that other
    /// slices can be joined to.
    pub(super) fn is_sliced(&self, stored: &Stored, now: Timestamp) -> bool {
        partial::is_joinable(stored) && self.suffices(stored, now)
    }

    /// Whether a response holds what the client wants.
    fn suffices(&self, stored: &Stored, now: Timestamp) -> bool {
        select::suffices(&self.asked(), stored, now, &self.cache().settings)
    }

    /// Passes an answer on without keeping it.
    pub(super) fn through(&self, came: Came, why: Why) -> Outcome {
        let (said, now) = (came.status(), came.times.received);
        let Came { response, target, is_own, .. } = came;
        let response = self.as_it_came(response, is_own, now);
        self.pinned(Outcome::forwarded(response, why).origin_said(said), target, now)
    }

    /// An answer as the origin gives it. When it was not asked as the client asks, it did not see the client's conditions.
    fn as_it_came(&self, mut response: Response<Body>, is_own: bool, now: Timestamp) -> Response<Body> {
        if is_own {
            strip_internal(response.headers_mut());
            return response;
        }
        let (head, body) = response.into_parts();
        let made = passed(&self.asked(), head.status, head.headers, now);
        let mut response = Response::new(if made.content == Content::Nothing { Body::empty() } else { body });
        *response.status_mut() = made.status;
        *response.headers_mut() = made.headers;
        response
    }

    /// Notes of the folder whether anything of it is stored.
    fn note_folder(&self, note: impl FnOnce(&Barren, &Key, Timestamp), now: Timestamp) {
        if let Some(folder) = barren::folder_of(&self.address) {
            note(&self.store().barren, &folder, now);
        }
    }

    async fn keep(&self, lead: Option<Lead>, stored: Stored, came: Came, why: Why) -> Outcome {
        self.note_folder(Barren::bears, came.times.received);
        let said = if came.until.is_some() { StatusCode::PARTIAL_CONTENT } else { came.status() };
        let Came { response, is_abridged, method, is_own, target, times, era, until } = came;
        let is_first_piece = until.is_some() && until != stored.length();
        let (mut head, body) = response.into_parts();
        let (ttl, now) = (stored.ttl_s(times.received), times.received);
        let start = stored.extent.start();
        let (source, stored) = match body.as_bytes().filter(|_| !is_first_piece) {
            Some(bytes) => {
                let Some(stored) = partial::arrived(stored.clone(), bytes.len() as u64) else {
                    let response = Response::from_parts(head, body);
                    let came = Came { response, is_abridged, method, is_own, target, times, era, until };
                    return self.through(came, why);
                };
                let held = Arc::new(Held::new(stored.clone(), Segments::gathered(start, &[bytes]), era));
                self.store().keep(&self.key, Arc::clone(&held)).await;
                drop(lead);
                self.plan.service.metrics.fills.seconds.observe(Duration::ZERO);
                (Source::Held(held), stored)
            }
            None => {
                let filling = Arc::new(Filling::new(stored.clone(), start, era));
                let end = partial::end_of(&stored).filter(|_| method == Method::GET);
                let slice = until.map_or(0, |_| self.cache().settings.slice);
                let rest = end.map(|end| Box::new(self.rest(end, slice, target.as_ref())));
                let piece = Piece { body, end: until.or(end).unwrap_or(u64::MAX) };
                (self.pour_in(lead, filling, piece, rest), stored)
            }
        };
        let response = match &stored.extent {
            Extent::Whole(_) if method == Method::GET => self.firsthand(&stored, source, &head.headers, now),
            // The client's part of the slices around it, or of a newer state.
            Extent::Parts { .. } if !is_own && self.suffices(&stored, now) && !self.falls(&stored, &source, now) => {
                self.firsthand(&stored, source, &head.headers, now)
            }
            // An origin may send less of a range than is asked for (RFC 9110 section 15.3.7).
            extent => {
                if self.may_be_coded(&stored) {
                    compress::vary(&mut head.headers);
                }
                let end = match extent {
                    Extent::Whole(length) => *length,
                    Extent::Parts { held, .. } => held.iter().next().map(|span| span.end),
                };
                self.as_it_came(Response::from_parts(head, reading::span(source, start, end)), is_own, now)
            }
        };
        let outcome = Outcome::forwarded(response, why).origin_said(said);
        // Of one that does not say how long it is nobody knows yet; where the last was too large, this one will be.
        let is_doubtful = stored.extent == Extent::Whole(None) && self.store().apart.holds(&self.key, now);
        let outcome = if is_doubtful { outcome } else { outcome.stored(ttl) };
        self.pinned(outcome, target, now)
    }

    /// The answer to the one who had the origin asked, made of what is stored and of what is for that one alone. `Age` would say
    /// that the origin has not been asked (RFC 9111 section 5.1): it is there when the origin says one itself.
    pub(super) fn firsthand(
        &self,
        stored: &Stored,
        source: Source,
        came: &HeaderMap,
        now: Timestamp,
    ) -> Response<Body> {
        let mut response = self.response(&stored.with_own(came), source, now);
        if !came.contains_key(AGE) {
            response.headers_mut().remove(AGE);
        }
        response
    }

    /// Has a body brought into the store by a task of its own, whoever of the clients stays.
    pub(super) fn pour_in(
        &self,
        lead: Option<Lead>,
        filling: Arc<Filling>,
        piece: Piece,
        rest: Option<Box<Rest>>,
    ) -> Source {
        if let Some(lead) = &lead {
            lead.filling(&filling);
        }
        let (store, key, object_max) = (Arc::clone(self.store()), self.key.clone(), self.object_max());
        let address = self.address.clone();
        let source = Source::Filling(Arc::clone(&filling));
        let seconds = self.plan.service.metrics.fills.seconds.clone();
        tokio::task::spawn_local(Fill { store, key, address, filling, piece, rest, lead, object_max, seconds }.run());
        source
    }

    /// Purges what a request with effects makes invalid. What the answer itself brings is newer than that, unless another
    /// purge meant it while it was on its way, or came in between.
    pub(super) fn invalidate(&self, came: &mut Came) {
        let (method, headers) = (&self.request.method, came.response.headers());
        if came.target.is_none() {
            return;
        }
        let parameters = &self.cache().parameters;
        let urls = invalidate::addresses(method, &self.address, came.status(), headers, parameters);
        let urls = urls.into_iter().map(Purge::Url);
        let groups = tags::invalidated(method, &self.address, headers).into_iter().map(Purge::Tag);
        let own: Vec<Purge> = urls.chain(groups).collect();
        if own.is_empty() {
            return;
        }
        let purges = &self.store().purges;
        let names = tags::of(&self.address, headers).unwrap_or_default();
        let (standing, mut last) = purges.standing(came.era, &self.address, &names);
        let mut is_current = standing == Standing::Untouched;
        for purge in own {
            let era = self.store().invalidate(&purge);
            is_current &= era == last + 1;
            last = era;
        }
        if is_current {
            came.era = last;
        }
    }
}
