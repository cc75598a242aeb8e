//! One bucket: entries by key, with quotas and lifetimes.
//!
//! Owns the shards, the accounts of entries and bytes, and expiry. All workers share it. A lock is held for one operation on one
//! shard: a look-up in a tree and a swap of a pointer, nothing that waits; docs/adr/0022-policy-kv.md says why a lock is right
//! here. Time is an argument. What changes an entry goes through `Shard::put` and `Shard::take` alone.
#![allow(clippy::disallowed_types, reason = "held for one look-up in one of many shards: docs/adr/0022-policy-kv.md")]

use crate::base::{Timestamp, hash};
use crate::config::BucketQuota;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Parts with a lock of their own: many more than there are workers.
const SHARDS: usize = 64;
/// Longest key, bytes.
const KEY_MAX: usize = 256;
/// What an entry takes besides its key and value, bytes: about what the trees keep for it.
const ENTRY_BYTES: u64 = 96;
/// Expired entries that one write removes at most, so that no call pays for a great many.
const SWEEP_MAX: usize = 8;

/// Why nothing was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KvError {
    /// No such bucket in the manifest.
    NoBucket,
    /// The key or the value is longer than it may be.
    TooLarge,
    /// The bucket has as many entries or bytes as it may have.
    OverQuota,
    /// The value is not a number that `add` could add to.
    NotANumber,
    /// There is no keeping things now.
    Unavailable,
}

impl KvError {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::NoBucket, Self::TooLarge, Self::OverQuota, Self::NotANumber, Self::Unavailable];

    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoBucket => "no-bucket",
            Self::TooLarge => "too-large",
            Self::OverQuota => "over-quota",
            Self::NotANumber => "not-a-number",
            Self::Unavailable => "unavailable",
        }
    }
}

/// A bucket.
#[derive(Debug)]
pub struct Bucket {
    shards: Box<[Mutex<Shard>]>,
    account: Account,
    refused: AtomicU64,
    expired: AtomicU64,
}

/// The figures of a bucket at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BucketCounts {
    /// Entries.
    pub entries: u64,
    /// What they take, bytes.
    pub bytes: u64,
    /// Writes refused for a quota.
    pub refused: u64,
    /// Entries whose time was over.
    pub expired: u64,
}

/// Entries and bytes of all shards.
#[derive(Debug, Default)]
struct Account {
    entries: AtomicU64,
    bytes: AtomicU64,
}

#[derive(Debug, Default)]
struct Shard {
    entries: BTreeMap<Arc<[u8]>, Entry>,
    /// Those that end, by when.
    ends: BTreeSet<(Timestamp, Arc<[u8]>)>,
}

#[derive(Debug, Clone)]
struct Entry {
    value: Arc<[u8]>,
    until: Option<Timestamp>,
}

/// A bucket as a policy may use it.
#[derive(Debug, Clone)]
pub(in crate::policy) struct Granted {
    pub(in crate::policy) name: Arc<str>,
    pub(in crate::policy) bucket: Arc<Bucket>,
    pub(in crate::policy) quota: BucketQuota,
}

impl Default for Bucket {
    fn default() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, account: Account::default(), refused: AtomicU64::new(0), expired: AtomicU64::new(0) }
    }
}

impl Bucket {
    /// Its figures now.
    pub fn counts(&self) -> BucketCounts {
        BucketCounts {
            entries: self.account.entries.load(Relaxed),
            bytes: self.account.bytes.load(Relaxed),
            refused: self.refused.load(Relaxed),
            expired: self.expired.load(Relaxed),
        }
    }

    /// Removes what ended before `now`. Called from time to time, off the data plane, so that what nobody touches goes too.
    pub fn sweep(&self, now: Timestamp) {
        for shard in &self.shards {
            // Piece by piece, so that no worker waits for all of it.
            while self.expire(&mut lock(shard), now, SWEEP_MAX) == SWEEP_MAX {}
        }
    }

    /// Removes everything.
    pub fn clear(&self) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            while let Some(key) = shard.entries.keys().next().cloned() {
                shard.take(&key, &self.account);
            }
        }
    }

    /// What is in it: key, value, and how long it lasts; none is for good.
    pub fn entries(&self, now: Timestamp) -> Vec<(Vec<u8>, Vec<u8>, Option<Duration>)> {
        let one = |(key, entry): (&Arc<[u8]>, &Entry)| match entry.until {
            Some(until) if until <= now => None,
            until => Some((key.to_vec(), entry.value.to_vec(), until.map(|until| until.since(now)))),
        };
        self.shards.iter().flat_map(|shard| lock(shard).entries.iter().filter_map(one).collect::<Vec<_>>()).collect()
    }

    fn shard(&self, key: &[u8]) -> MutexGuard<'_, Shard> {
        let index = hash::of(&[key]) as usize % self.shards.len();
        lock(&self.shards[index])
    }

    /// Removes up to `most` ended entries of a shard; how many there were.
    fn expire(&self, shard: &mut Shard, now: Timestamp, most: usize) -> usize {
        let mut gone = 0;
        while gone < most {
            let Some((_, key)) = shard.ends.first().filter(|(until, _)| *until <= now).cloned() else { break };
            shard.take(&key, &self.account);
            gone += 1;
        }
        self.expired.fetch_add(gone as u64, Relaxed);
        gone
    }
}

/// Nothing under a shard's lock can leave it half changed, so a poisoned lock is as good as any.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shard {
    /// The entry of a key, unless its time is over.
    fn find(&self, key: &[u8], now: Timestamp) -> Option<&Entry> {
        self.entries.get(key).filter(|entry| entry.until.is_none_or(|until| now < until))
    }

    /// Removes a key.
    fn take(&mut self, key: &[u8], account: &Account) -> Option<Entry> {
        let (key, entry) = self.entries.remove_entry(key)?;
        account.entries.fetch_sub(1, Relaxed);
        account.bytes.fetch_sub(size(&key, &entry.value), Relaxed);
        if let Some(until) = entry.until {
            self.ends.remove(&(until, key));
        }
        Some(entry)
    }

    /// Puts an entry in place of what is there, when the quota has room for it.
    fn put(&mut self, key: &[u8], entry: Entry, account: &Account, quota: BucketQuota) -> Result<(), KvError> {
        let (new, bytes) = (!self.entries.contains_key(key), size(key, &entry.value));
        let old = self.entries.get(key).map_or(0, |old| size(key, &old.value));
        // Reserved first and given back where it is too much, so that two shards cannot take the same room.
        let entries = account.entries.fetch_add(u64::from(new), Relaxed) + u64::from(new);
        let total = account.bytes.fetch_add(bytes, Relaxed) + bytes;
        if (new && entries > quota.entries) || (bytes > old && total - old > quota.bytes) {
            account.entries.fetch_sub(u64::from(new), Relaxed);
            account.bytes.fetch_sub(bytes, Relaxed);
            return Err(KvError::OverQuota);
        }
        account.bytes.fetch_sub(old, Relaxed);
        let key: Arc<[u8]> = key.into();
        if let Some(until) = entry.until {
            self.ends.insert((until, Arc::clone(&key)));
        }
        let before = self.entries.insert(Arc::clone(&key), entry.clone()).and_then(|before| before.until);
        if let Some(before) = before.filter(|before| Some(*before) != entry.until) {
            self.ends.remove(&(before, key));
        }
        Ok(())
    }
}

fn size(key: &[u8], value: &[u8]) -> u64 {
    ENTRY_BYTES + key.len() as u64 + value.len() as u64
}

impl Granted {
    /// The value of a key.
    pub(in crate::policy) fn get(&self, key: &[u8], now: Timestamp) -> Option<Arc<[u8]>> {
        self.bucket.shard(key).find(key, now).map(|entry| Arc::clone(&entry.value))
    }

    /// Sets a key, for `ttl_ms` milliseconds; 0 is for good.
    pub(in crate::policy) fn set(&self, key: &[u8], value: &[u8], ttl_ms: u32, now: Timestamp) -> Result<(), KvError> {
        self.write(key, now, |_| Ok(Some(Entry { value: value.into(), until: end(now, ttl_ms) }))).map(|_| ())
    }

    /// Sets a key that has this value (none: that is not there); whether it had.
    pub(in crate::policy) fn replace(
        &self,
        key: &[u8],
        expected: Option<&[u8]>,
        value: &[u8],
        ttl_ms: u32,
        now: Timestamp,
    ) -> Result<bool, KvError> {
        let written = self.write(key, now, |found| {
            let same = found.map(|entry| &*entry.value) == expected;
            Ok(same.then(|| Entry { value: value.into(), until: end(now, ttl_ms) }))
        })?;
        Ok(written.is_some())
    }

    /// Adds to a number; one that is not there begins at 0 and lasts `ttl_ms` from then on.
    pub(in crate::policy) fn add(&self, key: &[u8], delta: i64, ttl_ms: u32, now: Timestamp) -> Result<i64, KvError> {
        let mut sum = delta;
        self.write(key, now, |found| {
            let until = found.map_or_else(|| end(now, ttl_ms), |entry| entry.until);
            if let Some(entry) = found {
                let number = entry.value.first_chunk().filter(|_| entry.value.len() == 8);
                sum = i64::from_le_bytes(*number.ok_or(KvError::NotANumber)?).saturating_add(delta);
            }
            Ok(Some(Entry { value: sum.to_le_bytes().as_slice().into(), until }))
        })?;
        Ok(sum)
    }

    /// Removes a key; whether it was there.
    pub(in crate::policy) fn delete(&self, key: &[u8], now: Timestamp) -> bool {
        let mut shard = self.bucket.shard(key);
        let was = shard.find(key, now).is_some();
        shard.take(key, &self.bucket.account);
        was
    }

    /// The one way in which an entry comes to be: `make` sees what is there, and says what shall be; none is no change.
    fn write(
        &self,
        key: &[u8],
        now: Timestamp,
        make: impl FnOnce(Option<&Entry>) -> Result<Option<Entry>, KvError>,
    ) -> Result<Option<()>, KvError> {
        if key.len() > KEY_MAX {
            return Err(KvError::TooLarge);
        }
        let mut shard = self.bucket.shard(key);
        let _ = self.bucket.expire(&mut shard, now, SWEEP_MAX);
        let Some(entry) = make(shard.find(key, now))? else { return Ok(None) };
        let put = if entry.value.len() as u64 > self.quota.value {
            Err(KvError::TooLarge)
        } else {
            shard.put(key, entry, &self.bucket.account, self.quota)
        };
        if put.is_err() {
            self.bucket.refused.fetch_add(1, Relaxed);
        }
        put.map(Some)
    }
}

fn end(now: Timestamp, ttl_ms: u32) -> Option<Timestamp> {
    (ttl_ms > 0).then(|| Timestamp(now.0.saturating_add(u64::from(ttl_ms))))
}
