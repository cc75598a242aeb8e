//! Waiting for another request that asks for the same (request collapsing).
//!
//! Owns who may lead, how long one waits, and what a follower can take of what is arriving. A follower that cannot use the
//! answer asks for itself, at once.

use super::Flow;
use super::ask::Question;
use super::outcome::Outcome;
use super::reading::Source;
use crate::cache::select::{Choice, Forward as Why, select};
use crate::cache::slices::Slices;
use crate::cache::validate;
use crate::store::barren;
use crate::store::filling::Filling;
use crate::store::flights::{Lead, Role, Stage};
use http::Method;
use http::header::RANGE;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Longest wait for another request's answer (nginx `proxy_cache_lock_timeout`: 5 s).
const WAIT: Duration = Duration::from_secs(5);

/// What a request does next.
pub(super) enum Turn {
    /// Asks the origin, and others wait for it.
    Lead(Lead),
    /// Asks the origin for itself.
    Alone,
    /// Looks into the store again.
    Again,
    /// Was served with what is arriving.
    Served(Box<Outcome>),
}

/// What a request can have of what is arriving.
enum Along {
    Served(Box<Outcome>),
    /// Some of what it wants: the rest is asked for when that is stored.
    Some,
    Nothing,
}

impl Flow<'_> {
    /// Whether to ask or to wait; waits. `question` is what the origin will be asked; none for whether what is stored is good.
    pub(super) async fn turn(&self, may_wait: bool, question: Option<&Question>) -> Turn {
        let by_get = self.request.method == Method::GET || question == Some(&Question::Whole);
        if !self.cache().collapse || !may_wait || !by_get {
            return Turn::Alone;
        }
        let is_in_vain = match question {
            None => self.store().apart.holds(&self.key, self.now()),
            Some(Question::Apart) => true,
            Some(_) => self.is_barren(),
        };
        if is_in_vain {
            return Turn::Alone;
        }
        // One that asks with its own conditions, or for a part, may get an answer that is nothing for others.
        let is_for_all = match question {
            None | Some(Question::Whole) => true,
            Some(Question::Apart | Question::Own) => validate::is_for_all(&self.request.headers),
            Some(Question::Slices(_)) => !self.headers().contains_key(RANGE),
        };
        let (flights, slices) = (&self.store().flights, question.and_then(Question::slices));
        let role = if is_for_all {
            Some(flights.enter(&self.key))
        } else {
            let for_slices = || slices.map(|slices| flights.enter(&self.key.slice(slices.place())));
            let near = flights.find(&self.key).filter(|flight| !self.is_far(&flight.borrow(), slices));
            near.map(Role::Follow).or_else(for_slices)
        };
        match role {
            None => Turn::Alone,
            Some(Role::Lead(lead)) => Turn::Lead(lead),
            Some(Role::Follow(flight)) => {
                tokio::time::timeout(WAIT, self.follow(flight, slices)).await.unwrap_or(Turn::Alone)
            }
        }
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

    async fn follow(&self, mut flight: watch::Receiver<Stage>, slices: Option<&Slices>) -> Turn {
        let _waiting = self.plan.service.metrics.fills.waits();
        loop {
            let stage = flight.borrow_and_update().clone();
            match stage {
                Stage::Asking => {}
                Stage::Look => return Turn::Again,
                Stage::Apart => return Turn::Alone,
                Stage::Filling(_) if self.is_far(&stage, slices) => return Turn::Again,
                Stage::Filling(filling) => match self.read_along(&filling) {
                    Along::Served(outcome) => return Turn::Served(outcome),
                    Along::Nothing => return Turn::Alone,
                    Along::Some => {}
                },
            }
            if flight.changed().await.is_err() {
                return Turn::Again;
            }
        }
    }

    /// An answer made of what is arriving, if it fits this request.
    fn read_along(&self, filling: &Arc<Filling>) -> Along {
        let (now, settings) = (self.now(), &self.cache().settings);
        let asked = self.asked();
        // Until the answer reads it: the leader may be on another worker, and let go at any moment.
        let Some(_hold) = filling.hold(filling.stored.extent.start()) else { return Along::Nothing };
        match select(&asked, [&filling.stored], now, settings) {
            Choice::Fresh { .. } => {
                let response = self.response(&filling.stored, Source::Filling(Arc::clone(filling)), now);
                Along::Served(Box::new(Outcome::forwarded(response, Why::UrlMiss).collapsed(true)))
            }
            Choice::Complete { .. } => Along::Some,
            _ => Along::Nothing,
        }
    }
}
