//! Whether what is stored is still good.
//!
//! Owns the question, what a 304 (RFC 9111 section 4.3.4) and the answer to a HEAD (section 4.3.5) change of what is stored, and
//! what the client gets then. What comes in its place is `admit`'s.

use super::Flow;
use super::ask::Came;
use super::outcome::Outcome;
use super::reading::Source;
use crate::base::Timestamp;
use crate::cache::freshen::{self, HeadEffect};
use crate::cache::select::Forward as Why;
use crate::cache::storable::Refusal;
use crate::cache::stored::{Fetched, Stored};
use crate::cache::{storable, validate};
use crate::data::body::Body;
use crate::data::record::Record;
use crate::store::entry::Held;
use crate::store::filling::Filling;
use crate::store::flights::Lead;
use http::{Method, Response, StatusCode};
use std::sync::Arc;

impl Flow<'_> {
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
        if came.is_failure() {
            self.store().troubles.note(&self.key, now);
            if self.may_stand_in(&held[index], now)
                && let Some(held) = self.store().ready(&self.key, &held[index]).await
            {
                drop(lead);
                return self.hit(&held, now).detail("origin-failed");
            }
        }
        if !is_get {
            return self.by_head(held, index, came, why).await;
        }
        let freshened = match said {
            StatusCode::NOT_MODIFIED => self.freshen(held, index, &came).await,
            StatusCode::PARTIAL_CONTENT if !validate::goes_on(self.headers(), came.response.headers(), now) => None,
            _ => return self.replace(lead, &held[index], came, why).await,
        };
        let ready = match &freshened {
            Some((fresh, _)) => self.store().ready(&self.key, fresh).await,
            None => None,
        };
        let (Some(fresh), Some((_, kept))) = (ready, freshened) else {
            // It is about a state that is not held, or not any more, or a part of one that the client does not go on with: once
            // more, without conditions.
            let mut request = self.request.clone();
            validate::ask_for_all(&mut request.headers);
            let came = self.send(request, Body::empty(), record).await;
            return self.replace(lead, &held[index], came, why).await;
        };
        drop(lead);
        let ttl = fresh.stored.ttl_s(now);
        let source = Source::Held(Arc::clone(&fresh));
        let response = self.firsthand(&fresh.stored, source, came.response.headers(), now);
        let outcome = Outcome::forwarded(response, why).origin_said(said);
        let outcome = match kept {
            Ok(()) => outcome.stored(ttl),
            Err(refusal) => outcome.detail(refusal.word()),
        };
        self.pinned(outcome, came.target, now)
    }

    /// Takes in what comes in the place of what was asked about. That is dropped when this is not kept, so that it does not come
    /// back; not for what one client is answered about itself.
    async fn replace(&self, lead: Option<Lead>, old: &Arc<Held>, mut came: Came, why: Why) -> Outcome {
        let judged = self.judge(&mut came);
        let is_said_to_all = validate::may_share(self.headers(), &self.cache().settings);
        if judged.is_err() && came.target.is_some() && is_said_to_all && freshen::replaces(came.status()) {
            self.store().drop_held(&self.key, old).await;
        }
        self.settle(lead, judged, came, why).await
    }

    /// Makes newer what a 304 is about. The response that was asked about, as it is now, and why that is not kept, if so; none when
    /// the 304 is about another.
    async fn freshen(&self, held: &[Arc<Held>], index: usize, came: &Came) -> Option<(Arc<Held>, Result<(), Refusal>)> {
        let stored = held.iter().map(|held| &held.stored);
        let (asked, settings) = (self.asked(), &self.cache().settings);
        let meant = freshen::meant(&asked, came.response.headers(), stored, index, came.times.received, settings);
        let mut answer = None;
        for place in &meant {
            let old = &held[*place];
            // A purge since it was looked up means its bytes, whatever the origin says of them.
            let newer = |stored: Stored| Arc::new(old.renewed(stored, old.era()));
            let fresh = match freshen::freshened(&old.stored, &self.fetched(came), settings) {
                Ok(stored) => {
                    let fresh = newer(stored);
                    self.store().replace(&self.key, old, Arc::clone(&fresh)).await;
                    (fresh, Ok(()))
                }
                Err(refused) => {
                    let (refusal, stored) = *refused;
                    if !refusal.is_of_request() {
                        self.store().drop_held(&self.key, old).await;
                    }
                    (newer(stored), Err(refusal))
                }
            };
            if *place == index || answer.is_none() {
                answer = Some(fresh);
            }
        }
        answer
    }

    /// What the answer to a HEAD says of what is stored (RFC 9111 section 4.3.5). The client is told what a GET would be (RFC 9110
    /// section 9.3.2).
    async fn by_head(&self, held: &[Arc<Held>], index: usize, came: Came, why: Why) -> Outcome {
        let (now, said, settings) = (came.times.received, came.status(), &self.cache().settings);
        let asked = self.asked();
        let mut told = None;
        for (place, old) in held.iter().enumerate() {
            let effect = freshen::by_head(&asked, said, came.response.headers(), &old.stored, now, settings);
            let new = match effect {
                HeadEffect::None => continue,
                HeadEffect::Expire => {
                    let mut stored = old.stored.clone();
                    stored.expire(now);
                    Ok(stored)
                }
                HeadEffect::Update => freshen::freshened(&old.stored, &self.fetched(&came), settings),
            };
            match new {
                Ok(stored) => {
                    let new = Arc::new(old.renewed(stored, old.era()));
                    self.store().replace(&self.key, old, Arc::clone(&new)).await;
                    if place == index && effect == HeadEffect::Update {
                        let source = Source::Held(Arc::clone(&new));
                        told = Some(self.firsthand(&new.stored, source, came.response.headers(), now));
                    }
                }
                Err(refused) if refused.0.is_of_request() => {}
                Err(_) => self.store().drop_held(&self.key, old).await,
            }
        }
        match told.or_else(|| self.as_kept(&came, now)) {
            Some(response) => self.pinned(Outcome::forwarded(response, why).origin_said(said), came.target, now),
            None => self.through(came, why),
        }
    }

    /// The answer to a HEAD about what a GET would have brought into the cache, and which other clients get in other codings; none
    /// of anything else.
    fn as_kept(&self, came: &Came, now: Timestamp) -> Option<Response<Body>> {
        let by_get = Fetched { method: &Method::GET, ..self.fetched(came) };
        let stored = storable::admit(&by_get, &self.cache().settings).ok()?;
        let is_coded = came.target.is_some() && self.fits(&stored) && self.may_be_coded(&stored);
        is_coded.then(|| {
            let nothing = Arc::new(Filling::new(stored.clone(), 0, came.era));
            self.firsthand(&stored, Source::Filling(nothing), came.response.headers(), now)
        })
    }
}
