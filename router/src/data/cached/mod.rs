//! The flow of a request through the cache: look, and answer, ask the origin, or wait for who asks already.
//!
//! Owns the order of things; every question is put to the rules in `cache`, every byte is kept by `store`. Runs after
//! `decide`: a policy has its say about each request, also about one that is answered from memory. A cache that fails is a
//! miss. Read `Flow::run` first; `ask`, `renew` and `complete` have the questions to origins, `admit` what
//! becomes of answers, `ranges` what several of them are, `code` which bytes a client gets, `follow` those who wait, `refresh` what
//! happens later, `stranded` what is done when no region can serve.

mod admit;
mod ask;
mod code;
mod complete;
mod encoder;
mod fill;
mod follow;
mod outcome;
mod ranges;
mod reading;
mod refresh;
mod renew;
mod rest;
mod running;
pub(super) mod stranded;

use super::body::Body;
use super::exchange::Asked as Context;
use super::forward;
use super::record::Record;
use crate::base::Timestamp;
use crate::cache::address::Address;
use crate::cache::key::{Key, strip_unkeyed};
use crate::cache::select::{Asked, Choice, Forward as Why};
use crate::cache::stored::Stored;
use crate::cache::{hints, invalidate, select, stale, validate, wishes};
use crate::config::Cache;
use crate::decide::{Forward, caching};
use crate::store::Store;
use crate::store::entry::Held;
use ask::Question;
use follow::{Patience, Turn};
use http::header::{self, HeaderMap};
use http::request::Parts;
use http::{Response, StatusCode};
use outcome::Outcome;
use reading::Source;
use std::sync::Arc;

/// How often a request looks again before it asks for itself.
const ROUNDS_MAX: usize = 4;

/// One request on its way through the cache.
struct Flow<'a> {
    context: &'a Context<'a>,
    plan: &'a Forward<'a>,
    /// The operator's settings; `told` stands in their place where policies give a lifetime.
    given: &'a Cache,
    told: Option<Box<Cache>>,
    /// The request as the client sent it, without what is not in the key and must not reach the origin.
    request: &'a Parts,
    /// Its fields with what policies edit, where they do: what `Vary` names is looked up here.
    seen: Option<Box<HeaderMap>>,
    has_body: bool,
    address: Address,
    key: Key,
}

/// Answers a request of a service that has a cache.
pub(super) async fn serve(
    context: &Context<'_>,
    plan: &Forward<'_>,
    cache: &Cache,
    parts: &mut Parts,
    body: Body,
    record: &mut Record,
) -> Response<Body> {
    let Some(found) = found_by(context, plan, cache, parts) else {
        let now = context.core.clock.now();
        return forward::forward(context.outbound(parts, now), plan, body, record).await;
    };
    record.service = Some(Arc::clone(plan.service));
    let passes_by = found.passes_by;
    let flow = Flow::new(context, plan, cache, parts, &body, found);
    let outcome = match passes_by {
        Some(why) => flow.bypass(why, body, record).await,
        None => flow.answer(body, record).await,
    };
    if !invalidate::is_safe(&parts.method) {
        context.core.store.noted().await;
    }
    close(context, plan, outcome, record)
}

/// What a request is found by.
struct Found {
    address: Address,
    key: Key,
    /// Why nothing is looked up or stored for it, if so. What it makes invalid is invalid all the same.
    passes_by: Option<&'static str>,
}

/// What a request is found by; none for a URL that no key can be made of.
fn found_by(context: &Context<'_>, plan: &Forward<'_>, cache: &Cache, parts: &mut Parts) -> Option<Found> {
    let address = tidy(context, parts, cache)?;
    let say = plan.cache_say.as_deref();
    let key = caching::key(&address, &parts.headers, context.client, cache, say);
    let passes_by = if parts.headers.contains_key(header::UPGRADE) {
        Some("upgrade")
    } else if say.is_some_and(|say| say.bypass) {
        Some("policy")
    } else {
        key.is_none().then_some("long-key")
    };
    let key = key.or_else(|| Key::of(&address, &[]))?;
    Some(Found { address, key, passes_by })
}

/// Says what was done: in the answer, the record and the counters.
fn close(context: &Context<'_>, plan: &Forward<'_>, outcome: Outcome, record: &mut Record) -> Response<Body> {
    let Outcome { mut response, status } = outcome;
    let word = outcome::word(&status);
    record.cache = Some(word);
    plan.service.metrics.cache.count(word);
    status.add_to(response.headers_mut(), &context.snapshot.pop);
    response
}

/// The address of a request; what does not count or is not keyed is taken out of it for the origin too.
fn tidy(context: &Context<'_>, parts: &mut Parts, cache: &Cache) -> Option<Address> {
    if context.survey.unkeyed {
        strip_unkeyed(&mut parts.headers, &cache.key_headers);
    }
    ranges::tidy(parts, cache);
    caching::address(context.scheme(parts), parts, cache)
}

impl<'a> Flow<'a> {
    /// A request that is found by this.
    fn new(
        context: &'a Context<'a>,
        plan: &'a Forward<'a>,
        given: &'a Cache,
        request: &'a Parts,
        body: &Body,
        Found { address, key, .. }: Found,
    ) -> Self {
        let told = caching::told(given, plan.cache_say.as_deref());
        let seen = caching::seen(&request.headers, &plan.edits);
        let has_body = body.as_bytes().is_none_or(|bytes| !bytes.is_empty());
        Self { context, plan, given, told, request, seen, has_body, address, key }
    }
}

impl Flow<'_> {
    fn cache(&self) -> &Cache {
        self.told.as_deref().unwrap_or(self.given)
    }

    fn store(&self) -> &Arc<Store> {
        &self.context.core.store
    }

    fn now(&self) -> Timestamp {
        self.context.core.clock.now()
    }

    fn asked(&self) -> Asked<'_> {
        Asked { method: &self.request.method, headers: self.headers(), has_body: self.has_body }
    }

    /// The request's fields as the origin sees them.
    fn headers(&self) -> &HeaderMap {
        self.seen.as_deref().unwrap_or(&self.request.headers)
    }

    /// What the rules say of what is stored.
    fn choose(&self, held: &[Arc<Held>], now: Timestamp) -> Choice {
        select::select(&self.asked(), held.iter().map(|held| &held.stored), now, &self.cache().settings)
    }

    /// From look-up to answer.
    async fn run(&self, body: Body, record: &mut Record) -> Outcome {
        let (mut waited, mut after) = (None, None);
        for round in 0.. {
            let now = self.now();
            let held = self.store().look(&self.key, &self.address, now).await;
            let (why, index, span) = match self.choose(&held, now) {
                Choice::Fresh { index } => match self.store().ready(&self.key, &held[index]).await {
                    Some(held) => return self.hit(&held, now).after(waited),
                    // What is lost is not found again; of a disk that is busy nobody knows when it will not be.
                    None if round < ROUNDS_MAX => continue,
                    None => (Why::UrlMiss, None, None),
                },
                Choice::Stale { index, refresh } => match self.store().ready(&self.key, &held[index]).await {
                    Some(stale) => {
                        if refresh {
                            self.refresh(&held, now);
                        }
                        return self.hit(&stale, now);
                    }
                    None if round < ROUNDS_MAX => continue,
                    None => (Why::Stale, None, None),
                },
                Choice::Unavailable => return Outcome::unavailable(),
                Choice::Miss(why @ (Why::Method | Why::Bypass)) => {
                    return self.fetch(None, self.request.clone(), why, body, record).await;
                }
                Choice::Miss(why) => (why, None, None),
                Choice::Validate { index, why } => (why, Some(index), None),
                Choice::Complete { index, span } => (Why::Partial, Some(index), Some(span)),
            };
            if let Some(stand_in) = index.filter(|_| why == Why::Stale).map(|index| &held[index])
                && let Some(outcome) = self.spare_origin(stand_in, now).await
            {
                return outcome;
            }
            if let Some(page) = index.filter(|_| span.is_none() && round == 0) {
                self.hint(&held[page].stored, &body);
            }
            let validates = index.filter(|_| span.is_none()).map(|index| &held[index].stored);
            let question = validates.is_none().then(|| self.question());
            let turn = match after.take() {
                Some(lead) => Turn::Ask(lead),
                None => {
                    let patience = self.patience(validates, round, waited.is_some());
                    let left = self.plan.service.spec.timeout.total.saturating_sub(record.started().elapsed());
                    self.turn(patience, &held, question.as_ref(), left).await
                }
            };
            let lead = match turn {
                Turn::Again => {
                    waited = Some(why);
                    continue;
                }
                // What was looked up before it waited may have been purged since.
                Turn::AskAfter(lead) => {
                    (waited, after) = (Some(why), Some(lead));
                    continue;
                }
                Turn::Served(response) => return Outcome::forwarded(*response, why).collapsed(why),
                Turn::Ask(lead) => lead,
            };
            return match (index, span, question) {
                (Some(index), Some(span), _) => self.complete(lead, &held[index], span, body, record).await,
                (Some(index), None, _) => self.validate(lead, &held, index, why, body, record).await,
                (None, _, question) => self.fill(lead, question.unwrap_or(Question::Own), why, body, record).await,
            };
        }
        Outcome::unavailable()
    }

    /// What a request gives for waiting for others, and others for it; `validates` is what it would ask about.
    fn patience(&self, validates: Option<&Stored>, round: usize, has_waited: bool) -> Patience {
        let (headers, settings) = (self.headers(), &self.cache().settings);
        if !validate::may_share(headers, settings) {
            // Its answer is hardly for others, nor that of another for it.
            let is_known =
                has_waited || wishes::read(headers, settings).no_store || self.is_apart(&self.key.authorized());
            return if is_known { Patience::None } else { Patience::Waits };
        }
        // What cannot be used unasked is not waited for.
        let is_of_use = validates.map_or_else(
            || select::takes_arrived(headers, settings),
            |stored| select::serves_confirmed(&self.asked(), stored, settings),
        );
        if round < ROUNDS_MAX && is_of_use { Patience::Waits } else { Patience::Leads }
    }

    /// Tells a client that has to wait what the stored page links to.
    fn hint(&self, page: &Stored, body: &Body) {
        if self.cache().early_hints
            && let Some(interim) = body.interim()
            && let Some(links) = hints::of(&self.request.headers, page)
        {
            interim.send(StatusCode::EARLY_HINTS, &HeaderMap::from_iter([(header::LINK, links)]));
        }
    }

    /// Has what is stale asked for, unless the origin failed a moment ago.
    fn refresh(&self, held: &[Arc<Held>], now: Timestamp) {
        let asks = !self.store().troubles.holds(&self.key, now);
        if let Some(lane) = self.lane(held).filter(|_| asks) {
            refresh::start(self.context, self.request, &self.key, &lane);
        }
    }

    /// What is stale, without asking an origin that failed a moment ago.
    async fn spare_origin(&self, stale: &Arc<Held>, now: Timestamp) -> Option<Outcome> {
        if !self.store().troubles.holds(&self.key, now) || !self.may_stand_in(stale, now) {
            return None;
        }
        let held = self.store().ready(&self.key, stale).await?;
        Some(self.hit(&held, now).detail("origin-failed"))
    }

    /// Whether a stale response may be served because the origin failed.
    fn may_stand_in(&self, held: &Held, now: Timestamp) -> bool {
        let settings = &self.cache().settings;
        stale::on_error(&held.stored, now, &wishes::read(&self.request.headers, settings), settings)
    }

    /// An answer from memory.
    fn hit(&self, held: &Arc<Held>, now: Timestamp) -> Outcome {
        let ttl = held.stored.ttl_s(now);
        Outcome::hit(self.answer_with(held, now), ttl)
    }

    fn answer_with(&self, held: &Arc<Held>, now: Timestamp) -> Response<Body> {
        self.response(&held.stored, Source::Held(Arc::clone(held)), now)
    }
}
