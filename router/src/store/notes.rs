//! Keys that something was noted about, each for a time.
//!
//! Owns the bound and the time; what the note means is its owner's. Never keeps a key from being asked for. Keys are known by a hash
//! that nobody outside can foretell: clients choose them, and a flood of long ones is to take no memory.
#![allow(clippy::disallowed_types, reason = "a seed that differs between runs is what is wanted here")]

use crate::base::Timestamp;
use crate::cache::key::Key;
use quick_cache::sync::Cache;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Keys that are remembered.
const KEYS_MAX: usize = 65_536;

/// Keys, and until when the note about them holds.
#[derive(Debug)]
pub struct Notes {
    keys: Cache<u64, Timestamp>,
    hasher: RandomState,
    holds: Duration,
}

impl Notes {
    /// Notes that hold for so long.
    pub(super) fn new(holds: Duration) -> Self {
        Self { keys: Cache::new(KEYS_MAX), hasher: RandomState::new(), holds }
    }

    /// Notes a key.
    pub fn note(&self, key: &Key, now: Timestamp) {
        self.keys.insert(self.hasher.hash_one(key), now.plus(self.holds));
    }

    /// Whether it is noted.
    pub fn holds(&self, key: &Key, now: Timestamp) -> bool {
        self.keys.get(&self.hasher.hash_one(key)).is_some_and(|until| until > now)
    }

    /// The note does not hold any more.
    pub fn forget(&self, key: &Key) {
        self.keys.remove(&self.hasher.hash_one(key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::address::Address;

    #[test]
    fn a_note_holds_for_its_time() {
        let key = |path| Key::of(&Address::of("http", "a", path, None).unwrap(), &[]).unwrap();
        let (one, other) = (key("/1"), key("/2"));
        let notes = Notes::new(Duration::from_secs(2));
        notes.note(&one, Timestamp(1000));
        for (key, at, expected) in [(&one, 1000, true), (&one, 2999, true), (&one, 3000, false), (&other, 1000, false)]
        {
            assert_eq!(notes.holds(key, Timestamp(at)), expected, "{at}");
        }
        notes.forget(&one);
        assert!(!notes.holds(&one, Timestamp(1000)));
    }
}
