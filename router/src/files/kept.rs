//! Assets of builds before: pages that are open still ask for them.
//! Owns: which are kept, for how long, and within which bounds: only names that may carry a hash, as many bytes in memory as the
//! bundle itself may use, as many open files. Never: stands before what the build in use has. Called by: `load`. Pure.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::entry::{Entry, Form};
use super::index::{HELD_MAX, Index};
use crate::base::Timestamp;

/// Assets by name, each with the time at which it goes.
#[derive(Debug, Default)]
pub(super) struct Kept {
    assets: HashMap<Box<[u8]>, (Arc<Entry>, Timestamp)>,
}

impl Kept {
    /// What is kept once `now` serves in place of `before`, whose own assets stay for `keep`.
    pub(super) fn after(before: (&Index, &Self), now: (&Index, Timestamp), keep: Duration, memory: u64) -> Self {
        let (index, at) = now;
        let until = at.plus(keep);
        let entries = before.0.tree.files.iter().zip(before.0.entries.iter());
        let left = entries.map(|(file, entry)| (file.name.as_slice(), entry, until));
        let earlier = before.1.assets.iter().map(|(name, (entry, ends))| (&**name, entry, until.min(*ends)));
        let mut wanted: Vec<_> = left
            .chain(earlier)
            .filter(|(name, entry, ends)| {
                *ends > at && entry.is_kept && entry.outlives_its_name() && index.file(name).is_none()
            })
            .collect();
        // The newest first: more pages of that build are open.
        wanted.sort_by_key(|(name, _, ends)| (std::cmp::Reverse(*ends), *name));
        let mut kept = Self::default();
        let (mut bytes, mut held) = (0, 0);
        for (name, entry, ends) in wanted {
            let (more, files) = (in_memory(entry), entry.forms().filter(|form| form.holds_file()).count());
            if bytes + more <= memory && held + files <= HELD_MAX {
                bytes += more;
                held += files;
                kept.assets.entry(name.into()).or_insert_with(|| (Arc::clone(entry), ends));
            }
        }
        kept
    }

    /// The asset of a name.
    pub(super) fn file(&self, name: &[u8], now: Timestamp) -> Option<&Arc<Entry>> {
        self.assets.get(name).filter(|(_, ends)| now < *ends).map(|(entry, _)| entry)
    }

    /// Without what has gone by; none when nothing has.
    pub(super) fn without_gone(&self, now: Timestamp) -> Option<Self> {
        if self.assets.values().all(|(_, ends)| now < *ends) {
            return None;
        }
        let mut assets = self.assets.clone();
        assets.retain(|_, (_, ends)| now < *ends);
        Some(Self { assets })
    }

    /// How many.
    pub(super) fn count(&self) -> usize {
        self.assets.len()
    }

    /// Bytes in memory.
    pub(super) fn in_memory(&self) -> u64 {
        self.assets.values().map(|(entry, _)| in_memory(entry)).sum()
    }
}

fn in_memory(entry: &Entry) -> u64 {
    entry.forms().map(Form::in_memory).sum()
}
