//! Stored responses in memory, bounded by bytes.
//!
//! Owns admission and eviction, which are quick_cache's (a relative of S3-FIFO: one pass over many objects does not push
//! out those that are asked for), and changes to an entry, one at a time. Shards are locked for as long as a look-up takes.
#![allow(clippy::disallowed_types, reason = "changes to one key are put in order; readers take no such lock")]

use super::entry::Entry;
use crate::cache::key::Key;
use crate::config::MEMORY_OBJECT_SHARE;
use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The mean size of a cached object for which room in the index is set aside; the index grows when they are smaller.
const OBJECT_BYTES_MEAN: u64 = 16 * 1024;
/// Locks for changes.
const STRIPES: usize = 64;

/// Weighs what an entry takes.
#[derive(Debug, Clone, Copy)]
struct Bytes;

impl Weighter<Key, Arc<Entry>> for Bytes {
    fn weight(&self, key: &Key, entry: &Arc<Entry>) -> u64 {
        entry.weight(key.as_bytes().len())
    }
}

/// What one insertion put out: what made room, and the entry that it replaced. Dropped without the shard's lock.
#[derive(Debug, Clone, Copy)]
struct Outgoing;

impl quick_cache::Lifecycle<Key, Arc<Entry>> for Outgoing {
    type RequestState = Vec<(Key, Arc<Entry>)>;

    fn begin_request(&self) -> Self::RequestState {
        Vec::new()
    }

    fn on_evict(&self, out: &mut Self::RequestState, key: Key, entry: Arc<Entry>) {
        out.push((key, entry));
    }
}

/// The memory.
pub struct Memory {
    cache: Cache<Key, Arc<Entry>, Bytes, DefaultHashBuilder, Outgoing>,
    evictions: AtomicU64,
    stripes: [Mutex<()>; STRIPES],
    hasher: DefaultHashBuilder,
    capacity: u64,
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").field("entries", &self.cache.len()).field("bytes", &self.cache.weight()).finish()
    }
}

impl Memory {
    /// With room for so many bytes, objects, fields and index together.
    pub fn new(capacity: u64) -> Self {
        let hasher = DefaultHashBuilder::default();
        let items = usize::try_from(capacity / OBJECT_BYTES_MEAN).unwrap_or(usize::MAX).max(64);
        // As many shards as leave room for the largest object in each of them.
        let options = OptionsBuilder::new()
            .estimated_items_capacity(items)
            .weight_capacity(capacity)
            .shards((MEMORY_OBJECT_SHARE / 2) as usize)
            .build();
        let cache = match options {
            Ok(options) => Cache::with_options(options, Bytes, hasher.clone(), Outgoing),
            Err(_) => Cache::with(items, capacity, Bytes, hasher.clone(), Outgoing),
        };
        let evictions = AtomicU64::new(0);
        Self { cache, evictions, stripes: std::array::from_fn(|_| Mutex::new(())), hasher, capacity }
    }

    /// What is stored under a key.
    pub fn get(&self, key: &Key) -> Option<Arc<Entry>> {
        self.cache.get(key)
    }

    /// Changes what is stored under a key; an entry without variants is taken out. `below` says what that is where memory has
    /// nothing, or why it cannot: then nothing is changed. `then` is told what is stored now, before anybody else can change it.
    pub(super) fn change<E>(
        &self,
        key: &Key,
        below: impl FnOnce() -> Result<Option<Arc<Entry>>, E>,
        change: impl FnOnce(&Entry) -> Entry,
        then: impl FnOnce(Option<&Arc<Entry>>),
    ) -> Result<(), E> {
        let _in_order = self.stripe(key);
        let old = match self.cache.peek(key) {
            Some(old) => Some(old),
            None => below()?,
        };
        let new = change(old.as_deref().unwrap_or(&Entry::default()));
        if new.variants().is_empty() {
            self.cache.remove(key);
            then(None);
        } else {
            let new = Arc::new(new);
            self.insert(key, Arc::clone(&new));
            then(Some(&new));
        }
        Ok(())
    }

    /// Changes what is in memory under a key, if anything is: it stays the same response, and no tier below has to know.
    pub(super) fn adjust(&self, key: &Key, change: impl FnOnce(&Entry) -> Entry) {
        let _in_order = self.stripe(key);
        if let Some(old) = self.cache.peek(key) {
            self.insert(key, Arc::new(change(&old)));
        }
    }

    /// Puts in what was found elsewhere, unless something is there, or it is not so any more.
    pub(super) fn promote(&self, key: &Key, entry: &Arc<Entry>, is_so: impl FnOnce() -> bool) {
        let _in_order = self.stripe(key);
        if self.cache.peek(key).is_none() && is_so() {
            self.insert(key, Arc::clone(entry));
        }
    }

    fn insert(&self, key: &Key, entry: Arc<Entry>) {
        let out = self.cache.insert_with_lifecycle(key.clone(), entry);
        let pushed_out = out.iter().filter(|(other, _)| other != key).count();
        self.evictions.fetch_add(pushed_out as u64, Relaxed);
    }

    fn stripe(&self, key: &Key) -> MutexGuard<'_, ()> {
        let place = self.hasher.hash_one(key) as usize % STRIPES;
        self.stripes[place].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The largest object that it takes, bytes.
    pub fn object_max(&self) -> u64 {
        self.capacity / MEMORY_OBJECT_SHARE
    }

    /// Entries.
    pub fn entries(&self) -> usize {
        self.cache.len()
    }

    /// Bytes in use.
    pub fn bytes(&self) -> u64 {
        self.cache.weight()
    }

    /// Bytes that it may use.
    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Entries that were pushed out.
    pub fn evictions(&self) -> u64 {
        self.evictions.load(Relaxed)
    }
}
