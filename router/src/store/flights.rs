//! Requests for the same thing at the same time: one asks the origin, the others wait for what it learns.
//!
//! Owns who leads. A leader that goes away without a word hands over: the others look again, and the first of them leads. One that
//! is slow is joined by another, and no more. Over as soon as the answer of one is stored, or known not to be; never later than
//! their own time limits.
#![allow(clippy::disallowed_types, reason = "a table that only misses touch, in shards")]

use super::filling::Filling;
use crate::base::clock::monotonic;
use crate::cache::key::Key;
use std::collections::HashMap;
use std::collections::hash_map::Entry as Place;
use std::hash::BuildHasherDefault;
use std::hash::{BuildHasher, DefaultHasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
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

/// Who asks for a key, and those who wait for it.
#[derive(Debug)]
struct Flight {
    channel: watch::Sender<Stage>,
    /// When the last one began to ask.
    since: Instant,
}

impl Flight {
    fn is(&self, followed: &watch::Receiver<Stage>) -> bool {
        self.channel.subscribe().same_channel(followed)
    }
}

type Shard = HashMap<Key, Flight, BuildHasherDefault<DefaultHasher>>;

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
            Place::Occupied(place) => Role::Follow(place.get().channel.subscribe()),
            Place::Vacant(place) => {
                let flight = Flight { channel: watch::Sender::new(Stage::Asking), since: monotonic() };
                let lead = self.lead(key, &place.insert(flight).channel);
                Role::Lead(lead)
            }
        }
    }

    /// Who leads for this key, if somebody does.
    pub fn find(&self, key: &Key) -> Option<watch::Receiver<Stage>> {
        self.shard(key).get(key).map(|flight| flight.channel.subscribe())
    }

    /// Asks beside a leader who has said nothing for so long: one of those who wait each time, and whoever has an answer first has it
    /// for all of them.
    pub fn relieve(self: &Arc<Self>, key: &Key, followed: &watch::Receiver<Stage>, patience: Duration) -> Option<Lead> {
        let mut shard = self.shard(key);
        let flight = shard.get_mut(key).filter(|flight| flight.is(followed) && flight.since.elapsed() >= patience)?;
        flight.since = monotonic();
        Some(self.lead(key, &flight.channel))
    }

    /// Takes this flight out: who comes now leads anew. Who follows it already goes on.
    pub fn leave(&self, key: &Key, followed: &watch::Receiver<Stage>) {
        let mut shard = self.shard(key);
        if shard.get(key).is_some_and(|flight| flight.is(followed)) {
            shard.remove(key);
        }
    }

    fn lead(self: &Arc<Self>, key: &Key, channel: &watch::Sender<Stage>) -> Lead {
        Lead { flights: Arc::clone(self), key: key.clone(), sender: channel.clone(), last: Stage::Look }
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
        self.flights.leave(&self.key, &self.sender.subscribe());
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

    #[test]
    fn a_slow_leader_is_joined_by_one_at_a_time() {
        let flights = Arc::new(Flights::default());
        let slow = lead(&flights);
        let follower = flights.find(&key()).unwrap();
        let hour = Duration::from_secs(3600);
        assert!(flights.relieve(&key(), &follower, hour).is_none(), "it has time");
        let second = flights.relieve(&key(), &follower, Duration::ZERO).unwrap();
        assert!(flights.relieve(&key(), &follower, hour).is_none(), "the second has time of its own");
        drop(second);
        assert!(matches!(*follower.borrow(), Stage::Look), "who has an answer has it for all");
        let next = lead(&flights);
        drop(slow);
        assert!(flights.find(&key()).is_some(), "what comes late ends nobody else's flight");
        assert!(flights.relieve(&key(), &follower, Duration::ZERO).is_none(), "that is another flight");
        drop(next);
    }

    #[test]
    fn what_is_left_is_not_followed_any_more() {
        let flights = Arc::new(Flights::default());
        let purged = lead(&flights);
        let follower = flights.find(&key()).unwrap();
        flights.leave(&key(), &follower);
        let next = lead(&flights);
        flights.leave(&key(), &follower);
        drop(purged);
        assert!(flights.find(&key()).is_some());
        drop(next);
    }
}
