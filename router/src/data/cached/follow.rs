//! Waiting for another request that asks for the same (request collapsing).
//!
//! Owns who may lead, how long one waits, and what a follower can take of what is arriving. A follower that cannot use the
//! answer asks for itself, at once.

use super::Flow;
use super::ask::Question;
use super::reading::Source;
use crate::cache::key::Key;
use crate::cache::select::{Choice, select};
use crate::cache::slices::Slices;
use crate::cache::stored::Extent;
use crate::cache::validate;
use crate::cache::vary::Variant;
use crate::data::body::Body;
use crate::store::barren;
use crate::store::entry::Held;
use crate::store::filling::Filling;
use crate::store::flights::{Lead, Role, Stage};
use http::header::{HeaderName, RANGE};
use http::{Method, Response};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Longest wait for another request's answer before one more asks (nginx `proxy_cache_lock_age`: 5 s).
const WAIT: Duration = Duration::from_secs(5);

/// Whether a request waits for others, and others for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// Both.
    Waits,
    /// It asks at once; others wait for it, when they do not wait for another.
    Leads,
    /// Neither.
    None,
}

/// What a request does next.
pub(super) enum Turn {
    /// Asks the origin; when it leads, others wait for it.
    Ask(Option<Lead>),
    /// The same, after it has waited.
    AskAfter(Option<Lead>),
    /// Looks into the store again.
    Again,
    /// Was served with what is arriving.
    Served(Box<Response<Body>>),
}

/// What a request can have of what is arriving.
enum Along {
    Served(Box<Response<Body>>),
    /// Some of what it wants: the rest is asked for when that is stored.
    Some,
    Nothing,
}

impl Flow<'_> {
    /// Whether to ask or to wait; waits, as long as there is time `left`. `held` is what is stored; `question` is what the origin
    /// will be asked, none for whether that is good.
    pub(super) async fn turn(
        &self,
        patience: Patience,
        held: &[Arc<Held>],
        question: Option<&Question>,
        left: Duration,
    ) -> Turn {
        let by_get = self.request.method == Method::GET || question == Some(&Question::Whole);
        if !self.cache().collapse || patience == Patience::None || !by_get {
            return Turn::Ask(None);
        }
        let is_in_vain = match question {
            None => self.is_apart(&self.key),
            Some(Question::Apart) => true,
            Some(_) => self.is_barren(),
        };
        if is_in_vain {
            return Turn::Ask(None);
        }
        // One that asks with its own conditions, or for a part, may get an answer that is nothing for others.
        let is_for_all = match question {
            None | Some(Question::Whole) => true,
            Some(Question::Apart | Question::Own) => validate::is_for_all(&self.request.headers),
            Some(Question::Slices(_)) => !self.headers().contains_key(RANGE),
        };
        let (flights, slices) = (&self.store().flights, question.and_then(Question::slices));
        let Some(lane) = self.lane(held) else { return Turn::Ask(None) };
        // What is arriving says what answers vary on before it is stored.
        let Some(lane) = self.lane_beside(lane) else { return Turn::Ask(None) };
        let lane = &*lane;
        let part = slices.map(|slices| lane.slice(slices.place()));
        let (at, role, may_lead) = if is_for_all {
            (lane, flights.enter(lane), true)
        } else if let Some(near) = flights.find(lane).filter(|flight| !self.is_far(&flight.borrow(), slices)) {
            (lane, Role::Follow(near), false)
        } else if let Some(part) = &part {
            (part, flights.enter(part), true)
        } else {
            return Turn::Ask(None);
        };
        match role {
            Role::Lead(lead) => Turn::Ask(Some(lead)),
            Role::Follow(_) if patience == Patience::Leads => Turn::Ask(None),
            Role::Follow(flight) => {
                let followed = self.follow(flight, at, may_lead, slices);
                tokio::time::timeout(left, followed).await.unwrap_or(Turn::AskAfter(None))
            }
        }
    }

    /// Whether those whom this key stands for are known to get nothing that is stored.
    pub(super) fn is_apart(&self, key: &Key) -> bool {
        self.store().apart.holds(key, self.now())
    }

    /// What those wait for one another by who want the same: by what is stored it is known what answers vary on. None when what
    /// the request says in that is too long: then its answer is for nobody else.
    pub(super) fn lane(&self, held: &[Arc<Held>]) -> Option<Cow<'_, Key>> {
        let names = held.last().map(|newest| newest.stored.variant.names()).filter(|names| !names.is_empty());
        names.map_or(Some(Cow::Borrowed(&self.key)), |names| self.lane_of(names))
    }

    fn lane_of(&self, names: &[HeaderName]) -> Option<Cow<'_, Key>> {
        let variant = Variant::of(names.to_vec(), self.headers(), &self.cache().settings)?;
        Some(Cow::Owned(self.key.variant(variant.values())))
    }

    /// The lane of those who want the same, where another variant is arriving in this one.
    fn lane_beside<'b>(&'b self, lane: Cow<'b, Key>) -> Option<Cow<'b, Key>> {
        let Some(flight) = self.store().flights.find(&lane) else { return Some(lane) };
        let stage = flight.borrow().clone();
        match stage {
            Stage::Filling(filling) if self.is_other(&filling) => self.lane_of(filling.stored.variant.names()),
            _ => Some(lane),
        }
    }

    /// Whether what is arriving is the variant of other requests.
    fn is_other(&self, filling: &Filling) -> bool {
        !filling.stored.variant.matches(self.headers(), &self.cache().settings)
    }

    /// Whether nothing beside what is asked for is stored: then this will hardly be, and waiting for one request only holds up
    /// the others.
    fn is_barren(&self) -> bool {
        barren::folder_of(&self.address).is_some_and(|folder| self.store().barren.holds(&folder, self.now()))
    }

    /// Whether what is arriving will not come to this client's slice soon: then that is asked for beside it.
    fn is_far(&self, stage: &Stage, slices: Option<&Slices>) -> bool {
        let Stage::Filling(filling) = stage else { return false };
        let start = slices.and_then(|slices| slices.start(filling.stored.length()));
        start.is_some_and(|start| filling.end().saturating_add(self.cache().settings.slice) < start)
    }

    /// Follows the flight of a key. When its leader is slow, one of those who wait asks as well, if that `may_lead`.
    async fn follow(
        &self,
        mut flight: watch::Receiver<Stage>,
        key: &Key,
        may_lead: bool,
        slices: Option<&Slices>,
    ) -> Turn {
        let _waiting = self.plan.service.metrics.fills.waits();
        let flights = &self.store().flights;
        loop {
            let stage = flight.borrow_and_update().clone();
            let may_lead = may_lead && matches!(stage, Stage::Asking);
            match &stage {
                Stage::Asking => {}
                Stage::Look => return Turn::Again,
                Stage::Apart => return Turn::AskAfter(None),
                Stage::Filling(filling) if filling.is_purged(&self.store().purges, &self.address) => {
                    // The next one to look leads anew.
                    flights.leave(key, &flight);
                    return Turn::Again;
                }
                Stage::Filling(_) if self.is_far(&stage, slices) => return Turn::Again,
                // There is another lane for who wants what this one does.
                Stage::Filling(filling) if self.is_other(filling) => return Turn::Again,
                Stage::Filling(filling) => match self.read_along(filling) {
                    Along::Served(response) => return Turn::Served(response),
                    Along::Nothing => return Turn::AskAfter(None),
                    Along::Some => {}
                },
            }
            match tokio::time::timeout(WAIT, flight.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Turn::Again,
                Err(_) if !may_lead => return Turn::AskAfter(None),
                Err(_) => {
                    if let Some(lead) = flights.relieve(key, &flight, WAIT) {
                        return Turn::AskAfter(Some(lead));
                    }
                }
            }
        }
    }

    /// An answer made of what is arriving, if it fits this request.
    fn read_along(&self, filling: &Arc<Filling>) -> Along {
        let (now, settings) = (self.now(), &self.cache().settings);
        let asked = self.asked();
        // Until the answer reads it: the leader may be on another worker, and let go at any moment.
        let Some(_hold) = filling.hold(filling.stored.extent.start()) else { return Along::Nothing };
        let source = Source::Filling(Arc::clone(filling));
        let is_part = matches!(filling.stored.extent, Extent::Parts { .. });
        match select(&asked, [&filling.stored], now, settings) {
            Choice::Fresh { .. } if is_part && self.falls(&filling.stored, &source, now) => Along::Nothing,
            Choice::Fresh { .. } if self.is_in_doubt(&filling.stored) => Along::Nothing,
            Choice::Fresh { .. } => Along::Served(Box::new(self.response(&filling.stored, source, now))),
            Choice::Complete { .. } => Along::Some,
            _ => Along::Nothing,
        }
    }
}
