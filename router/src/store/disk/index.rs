//! Where on disk the entry of each key lies.
//!
//! Owns the table in memory, by the hash of the key in shards, and the lines by which it is found again after a restart:
//! each block has a file of them beside it, in the order in which they were written. A later line of a key counts.
#![allow(clippy::disallowed_types, reason = "a table in shards that only requests ask that memory cannot answer")]

use super::block::Place;
use crate::base::hash;
use crate::cache::key::Key;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

const SHARDS: usize = 64;
/// Bytes of a line.
pub(super) const LINE_BYTES: usize = 32;

/// The name of a key here; the entry itself says whose it is.
pub(super) fn name(key: &Key) -> u64 {
    hash::of(&[key.as_bytes()])
}

type Shard = HashMap<u64, Place, BuildHasherDefault<DefaultHasher>>;

/// The table.
#[derive(Debug)]
pub(super) struct Index {
    shards: [Mutex<Shard>; SHARDS],
    entries: AtomicU64,
}

impl Index {
    pub(super) fn new() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), entries: AtomicU64::new(0) }
    }

    pub(super) fn entries(&self) -> u64 {
        self.entries.load(Relaxed)
    }

    pub(super) fn find(&self, name: u64) -> Option<Place> {
        self.shard(name).get(&name).copied()
    }

    pub(super) fn insert(&self, name: u64, place: Place) {
        if self.shard(name).insert(name, place).is_none() {
            self.entries.fetch_add(1, Relaxed);
        }
    }

    /// Takes it out; whether it was there.
    pub(super) fn remove(&self, name: u64) -> bool {
        self.remove_if(name, |_| true)
    }

    /// Takes it out if what it says is so.
    pub(super) fn remove_if(&self, name: u64, is_meant: impl FnOnce(&Place) -> bool) -> bool {
        let mut shard = self.shard(name);
        let is_there = shard.get(&name).is_some_and(is_meant);
        if is_there {
            shard.remove(&name);
            self.entries.fetch_sub(1, Relaxed);
        }
        is_there
    }

    fn shard(&self, name: u64) -> MutexGuard<'_, Shard> {
        self.shards[name as usize % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line: an entry was written there, or what the key had is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) name: u64,
    /// Where it lies in the line's block: offset, length and checksum; of length 0 when it is gone.
    pub(super) offset: u32,
    pub(super) length: u32,
    pub(super) sum: u32,
    /// The newest purge that one of its responses has seen.
    pub(super) era: u64,
}

impl Line {
    pub(super) fn to_bytes(self) -> [u8; LINE_BYTES] {
        let mut bytes = [0; LINE_BYTES];
        bytes[..8].copy_from_slice(&self.name.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.offset.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.length.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.sum.to_le_bytes());
        bytes[20..28].copy_from_slice(&self.era.to_le_bytes());
        let sum = crc32fast::hash(&bytes[..28]);
        bytes[28..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// None when the checksum differs: it was torn, or the disk lies.
    pub(super) fn from_bytes(bytes: &[u8; LINE_BYTES]) -> Option<Self> {
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 4)) << 32;
        (crc32fast::hash(&bytes[..28]) == word(28)).then(|| Self {
            name: long(0),
            offset: word(8),
            length: word(12),
            sum: word(16),
            era: long(20),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_back_and_a_changed_one_does_not() {
        let line = Line { name: u64::MAX - 5, offset: 7, length: 1 << 31, sum: 0xdead_beef, era: 1 << 40 };
        let bytes = line.to_bytes();
        assert_eq!(Line::from_bytes(&bytes), Some(line));
        for place in 0..LINE_BYTES {
            let mut changed = bytes;
            changed[place] ^= 1;
            assert_eq!(Line::from_bytes(&changed), None, "{place}");
        }
        assert_eq!(Line::from_bytes(&[0; LINE_BYTES]), None, "a hole in a file is no line");
    }

    #[test]
    fn what_was_replaced_is_not_taken_out_with_its_block() {
        let index = Index::new();
        let place = |block| Place { block, offset: 0, length: 1, sum: 0 };
        index.insert(1, place(1));
        index.insert(1, place(2));
        assert!(!index.remove_if(1, |place| place.block == 1));
        assert_eq!((index.find(1), index.entries()), (Some(place(2)), 1));
        assert!(index.remove(1) && !index.remove(1));
        assert_eq!(index.entries(), 0);
    }
}
