//! Requests for the same thing at the same time: one asks the origin, the others wait for what it learns.
//!
//! Owns who leads. A leader that goes away without a word hands over: the others look again, and the first of them leads. Over
//! as soon as the answer is stored, or known not to be; never later than the leader's own time limits.
#![allow(clippy::disallowed_types, reason = "a table that only misses touch, in shards")]

use super::filling::Filling;
use crate::cache::key::Key;
use std::collections::HashMap;
use std::collections::hash_map::Entry as Place;
use std::hash::BuildHasherDefault;
use std::hash::{BuildHasher, DefaultHasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

const SHARDS: usize = 32;

/// What the leader has learned.
#[derive(Debug, Clone)]
pub enum Stage {
    /// Nothing yet.
    Asking,
    /// The answer may be stored; its body is arriving.
    Filling(Arc<Filling>),
    /// Look again: it is stored now, or the leader left.
    Look,
    /// It is nothing for others: everyone asks for itself.
    Apart,
}

type Shard = HashMap<Key, watch::Receiver<Stage>, BuildHasherDefault<DefaultHasher>>;

/// The requests under way.
#[derive(Debug, Default)]
pub struct Flights {
    shards: [Mutex<Shard>; SHARDS],
}

/// What a request is to do.
#[derive(Debug)]
pub enum Role {
    /// Ask the origin.
    Lead(Lead),
    /// Wait.
    Follow(watch::Receiver<Stage>),
}

impl Flights {
    /// Leads for this key, or follows who leads already.
    pub fn enter(self: &Arc<Self>, key: &Key) -> Role {
        match self.shard(key).entry(key.clone()) {
            Place::Occupied(place) => Role::Follow(place.get().clone()),
            Place::Vacant(place) => {
                let (sender, receiver) = watch::channel(Stage::Asking);
                place.insert(receiver);
                Role::Lead(Lead { flights: Arc::clone(self), key: key.clone(), sender, last: Stage::Look })
            }
        }
    }

    /// Who leads for this key, if somebody does.
    pub fn find(&self, key: &Key) -> Option<watch::Receiver<Stage>> {
        self.shard(key).get(key).cloned()
    }

    fn shard(&self, key: &Key) -> MutexGuard<'_, Shard> {
        let place = BuildHasherDefault::<DefaultHasher>::default().hash_one(key) as usize % SHARDS;
        self.shards[place].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leads. Dropped, it lets the others look again: what they want is stored by then, or the first of them leads.
#[derive(Debug)]
pub struct Lead {
    flights: Arc<Flights>,
    key: Key,
    sender: watch::Sender<Stage>,
    /// What the others are told at the end.
    last: Stage,
}

impl Lead {
    /// The body is arriving: followers read along, and so does who comes now.
    pub fn filling(&self, filling: &Arc<Filling>) {
        self.sender.send_replace(Stage::Filling(Arc::clone(filling)));
    }

    /// Everyone for itself.
    pub fn apart(mut self) {
        self.last = Stage::Apart;
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        // First out of the table, so that nobody who looks again finds this flight.
        self.flights.shard(&self.key).remove(&self.key);
        self.sender.send_replace(self.last.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::address::Address;

    fn key() -> Key {
        Key::of(&Address::of("http", "a", "/", None).unwrap(), &[]).unwrap()
    }

    fn lead(flights: &Arc<Flights>) -> Lead {
        match flights.enter(&key()) {
            Role::Lead(lead) => lead,
            Role::Follow(_) => panic!("somebody leads already"),
        }
    }

    #[test]
    fn one_leads_and_hands_over_when_it_leaves() {
        let flights = Arc::new(Flights::default());
        let first = lead(&flights);
        let Role::Follow(follower) = flights.enter(&key()) else { panic!("two lead") };
        assert!(matches!(*follower.borrow(), Stage::Asking));
        drop(first);
        assert!(matches!(*follower.borrow(), Stage::Look));
        let second = lead(&flights);
        assert!(flights.find(&key()).is_some());
        second.apart();
        assert!(flights.find(&key()).is_none());
        let third = lead(&flights);
        let Role::Follow(follower) = flights.enter(&key()) else { panic!("two lead") };
        third.apart();
        assert!(matches!(*follower.borrow(), Stage::Apart));
    }
}
