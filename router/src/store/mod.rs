//! What the cache keeps: stored responses and their bytes, those that are arriving, and purges.
//!
//! Owns memory and its bound; the rules of `cache` say what may be kept and how it may be used, the flow in
//! `data::cached` asks them. Shared by all workers; nothing here waits for an origin.

pub mod codings;
pub mod entry;
pub mod filling;
pub mod flights;
pub mod memory;
pub mod notes;
pub mod purge;
pub mod segments;
#[cfg(test)]
mod tests;

use crate::base::Timestamp;
use crate::cache::address::Address;
use crate::cache::key::Key;
use codings::Codings;
use entry::Held;
use flights::Flights;
use memory::Memory;
use notes::Notes;
use purge::{Force, Purge, Purges, Standing};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// How long is remembered that what a key answers is not stored (Varnish: `hit-for-miss`, 120 s).
const APART_TIME: Duration = Duration::from_secs(120);
/// How long a failed origin is not asked again for what may be served stale (nginx `fail_timeout` is 10 s).
const TROUBLE_TIME: Duration = Duration::from_secs(2);
/// The share of the memory that bodies may have while they arrive, beside what is stored.
const ARRIVING_SHARE: u64 = 4;

/// Everything that is kept.
#[derive(Debug)]
pub struct Store {
    memory: Memory,
    /// Who asks the origin for what.
    pub flights: Arc<Flights>,
    /// Purges.
    pub purges: Purges,
    /// Keys whose answers are known not to be stored: asking for them need not wait for one another.
    pub apart: Notes,
    /// Keys for which the origin failed a moment ago: they are served stale without asking it.
    pub troubles: Notes,
    /// Bytes of bodies that are arriving and will be stored.
    arriving: AtomicU64,
}

impl Store {
    /// With room for so many bytes.
    pub fn new(capacity: u64) -> Self {
        Self {
            memory: Memory::new(capacity),
            flights: Arc::default(),
            purges: Purges::default(),
            apart: Notes::new(APART_TIME),
            troubles: Notes::new(TROUBLE_TIME),
            arriving: AtomicU64::new(0),
        }
    }

    /// The memory.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The variants under a key that no purge meant; what was purged softly is stale. Waits only for what is not in memory.
    pub async fn look(&self, key: &Key, address: &Address, now: Timestamp) -> Vec<Arc<Held>> {
        let Some(entry) = self.memory.get(key) else { return Vec::new() };
        let mut found = Vec::with_capacity(entry.variants().len());
        let mut gone = Vec::new();
        let mut aged = Vec::new();
        for held in entry.variants() {
            let (standing, era) = self.purges.standing(held.era(), address, &held.stored.tags);
            match standing {
                Standing::Untouched => {
                    held.checked(era);
                    found.push(Arc::clone(held));
                }
                Standing::Purged(Force::Hard) => gone.push(Arc::clone(held)),
                Standing::Purged(Force::Soft) => {
                    let mut stored = held.stored.clone();
                    stored.expire(now);
                    let stale = Arc::new(held.renewed(stored, era));
                    gone.push(Arc::clone(held));
                    aged.push(Arc::clone(&stale));
                    found.push(stale);
                }
            }
        }
        if !gone.is_empty() {
            self.memory
                .change(key, |entry| aged.into_iter().fold(entry.without(&gone), |entry, held| entry.with(held)));
        }
        found
    }

    /// A response whose bytes can be read now; none when they are lost, and then it is not found again.
    pub async fn ready(&self, _key: &Key, held: &Arc<Held>) -> Option<Arc<Held>> {
        Some(Arc::clone(held))
    }

    /// Keeps a response.
    pub fn keep(&self, key: &Key, held: Arc<Held>) {
        self.apart.forget(key);
        self.memory.put(key, held);
    }

    /// Puts a freshened response in the place of what it came from, if that is still there.
    pub fn replace(&self, key: &Key, old: &Arc<Held>, new: Arc<Held>) {
        self.memory.change(key, |entry| {
            let is_there = entry.variants().iter().any(|held| Arc::ptr_eq(held, old));
            let rest = entry.without(std::slice::from_ref(old));
            if is_there { rest.with(new) } else { rest }
        });
    }

    /// Weighs a response again, of whose bytes a coding was made.
    pub fn reweigh(&self, key: &Key, codings: &Arc<Codings>) {
        self.memory.change(key, |entry| entry.reweighed(codings));
    }

    /// Drops a response.
    pub fn drop_held(&self, key: &Key, old: &Arc<Held>) {
        self.memory.change(key, |entry| entry.without(std::slice::from_ref(old)));
    }

    /// Purges for an operator: in force on all workers, and for good, when it returns.
    pub async fn purge(&self, what: &Purge, force: Force) {
        self.purges.purge(what, force);
    }

    /// The largest object that is stored, bytes.
    pub fn object_max(&self) -> u64 {
        self.memory.object_max()
    }

    /// Room for a body that is arriving.
    pub fn room(self: &Arc<Self>) -> Room {
        Room { store: Arc::clone(self), taken: 0 }
    }
}

/// Bytes that one arriving body takes; given back when it is dropped.
#[derive(Debug)]
pub struct Room {
    store: Arc<Store>,
    taken: u64,
}

impl Room {
    /// Takes more; false when all arriving bodies together have their share already.
    pub fn take(&mut self, bytes: u64) -> bool {
        self.taken += bytes;
        self.store.arriving.fetch_add(bytes, Relaxed) + bytes <= self.store.memory.capacity() / ARRIVING_SHARE
    }

    /// Gives all of it back.
    pub fn give_back(&mut self) {
        self.store.arriving.fetch_sub(std::mem::take(&mut self.taken), Relaxed);
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.give_back();
    }
}
