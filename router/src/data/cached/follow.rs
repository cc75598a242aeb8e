//! Waiting for another request that asks for the same (request collapsing).
//!
//! Owns who may lead, how long one waits, and what a follower can take of what is arriving. A follower that cannot use the
//! answer asks for itself, at once.

use super::Flow;
use super::outcome::Outcome;
use super::reading::Source;
use crate::cache::select::{Choice, Forward as Why, select};
use crate::cache::validate;
use crate::store::barren;
use crate::store::filling::Filling;
use crate::store::flights::{Lead, Role, Stage};
use http::Method;
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

impl Flow<'_> {
    /// Whether to ask or to wait; waits. `validates`: the question to the origin will be whether what is stored is good.
    pub(super) async fn turn(&self, may_wait: bool, validates: bool) -> Turn {
        let widens = !validates && self.widens();
        if !self.cache().collapse || !may_wait || !(self.request.method == Method::GET || widens) {
            return Turn::Alone;
        }
        if self.store().apart.holds(&self.key, self.now()) || !validates && self.is_barren() {
            return Turn::Alone;
        }
        // One that asks with its own conditions, or for a part, may get an answer that is nothing for others.
        let role = if validates || widens || validate::is_for_all(&self.request.headers) {
            Some(self.store().flights.enter(&self.key))
        } else {
            let flights = &self.store().flights;
            let for_slices = || self.slices().map(|span| flights.enter(&self.key.slice(span.start)));
            let near = flights.find(&self.key).filter(|flight| !self.is_far(&flight.borrow()));
            near.map(Role::Follow).or_else(for_slices)
        };
        match role {
            None => Turn::Alone,
            Some(Role::Lead(lead)) => Turn::Lead(lead),
            Some(Role::Follow(flight)) => tokio::time::timeout(WAIT, self.follow(flight)).await.unwrap_or(Turn::Alone),
        }
    }

    /// Whether nothing beside what is asked for is stored: then this will hardly be, and waiting for one request only holds up
    /// the others.
    fn is_barren(&self) -> bool {
        barren::folder_of(&self.address).is_some_and(|folder| self.store().barren.holds(&folder, self.now()))
    }

    /// Whether what is arriving will not come to this client's slice soon: then that is asked for beside it.
    fn is_far(&self, stage: &Stage) -> bool {
        match (stage, self.slices()) {
            (Stage::Filling(filling), Some(span)) => {
                filling.end().saturating_add(self.cache().settings.slice) < span.start
            }
            _ => false,
        }
    }

    async fn follow(&self, mut flight: watch::Receiver<Stage>) -> Turn {
        let _waiting = self.plan.service.metrics.fills.waits();
        loop {
            let stage = flight.borrow_and_update().clone();
            match stage {
                Stage::Asking => {
                    if flight.changed().await.is_err() {
                        return Turn::Again;
                    }
                }
                Stage::Look => return Turn::Again,
                Stage::Apart => return Turn::Alone,
                Stage::Filling(_) if self.is_far(&stage) => return Turn::Again,
                Stage::Filling(filling) => {
                    return self.read_along(&filling).map_or(Turn::Alone, |outcome| Turn::Served(Box::new(outcome)));
                }
            }
        }
    }

    /// An answer made of what is arriving, if it fits this request.
    fn read_along(&self, filling: &Arc<Filling>) -> Option<Outcome> {
        let (now, settings) = (self.now(), &self.cache().settings);
        let asked = self.asked();
        // Until the answer reads it: the leader may be on another worker, and let go at any moment.
        let _hold = filling.hold(filling.stored.extent.start())?;
        if select(&asked, [&filling.stored], now, settings) != (Choice::Fresh { index: 0 }) {
            return None;
        }
        let response = self.response(&filling.stored, Source::Filling(Arc::clone(filling)), now);
        Some(Outcome::forwarded(response, Why::UrlMiss).collapsed(true))
    }
}
