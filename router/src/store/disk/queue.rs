//! What is to be written to disk.
//!
//! Owns the order, the bound, and that only the newest entry of a key is ever written: one that is replaced or dropped
//! while it waits, or while it is being written, is not found on disk afterwards. Purges go first.
#![allow(
    clippy::disallowed_types,
    reason = "a queue between workers and the writing thread, held to put in or take out one"
)]

use super::figures::Figures;
use super::index::{self, Index};
use crate::cache::key::Key;
use crate::store::entry::Entry;
use crate::store::purge::{Mark, Name};
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

use super::block::Slice;

/// Things that may wait.
const JOBS_MAX: usize = 65_536;
/// Purges that may wait; more are written as one that means all that is older.
const MARKS_MAX: usize = 4096;

/// Bytes were written, and where; none when they could not be.
pub(super) type Written = oneshot::Sender<Option<Slice>>;

/// One thing to do.
#[derive(Debug)]
pub(super) enum Job {
    /// Purges.
    Purges(Purging),
    /// An entry.
    Entry(Key, Arc<Entry>),
    /// What a key of this name had is gone.
    Removal(u64),
    /// A piece of a body whose entry comes later.
    Piece(Vec<Bytes>, Written),
}

/// Purges, and who waits for them.
#[derive(Debug, Default)]
pub(super) struct Purging {
    pub(super) marks: Vec<Mark>,
    /// Until they are on the device.
    pub(super) acknowledged: Vec<oneshot::Sender<bool>>,
    /// Until they are written.
    pub(super) noted: Vec<oneshot::Sender<bool>>,
}

#[derive(Debug)]
enum Waiting {
    Entry(Key),
    Removal(u64),
    Piece(Vec<Bytes>, Written),
}

#[derive(Debug, Default)]
struct State {
    purging: Purging,
    /// Purges that were taken out are being written.
    is_noting: bool,
    order: VecDeque<Waiting>,
    entries: HashMap<Key, Arc<Entry>, BuildHasherDefault<DefaultHasher>>,
    bytes: u64,
    /// The entry that is being written, until it is out of date: its name, its key and itself.
    writing: Option<(u64, Key, Arc<Entry>)>,
    is_closed: bool,
}

/// The queue.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    bytes_max: u64,
    index: Arc<Index>,
    figures: Arc<Figures>,
}

fn weight(entry: &Entry) -> u64 {
    entry.weight(0)
}

fn length(pieces: &[Bytes]) -> u64 {
    pieces.iter().map(|piece| piece.len() as u64).sum()
}

impl Queue {
    pub(super) fn new(bytes_max: u64, index: Arc<Index>, figures: Arc<Figures>) -> Self {
        Self { state: Mutex::default(), wake: Condvar::new(), bytes_max, index, figures }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wants an entry written, in the place of what its key had.
    pub(super) fn keep(&self, key: &Key, entry: Arc<Entry>) {
        let mut state = self.state();
        self.outdate(&mut state, key);
        let bytes = weight(&entry);
        if state.order.len() >= JOBS_MAX || state.bytes + bytes > self.bytes_max || state.is_closed {
            self.figures.dropped.fetch_add(1, Relaxed);
            return;
        }
        state.bytes += bytes;
        state.entries.insert(key.clone(), entry);
        state.order.push_back(Waiting::Entry(key.clone()));
        self.changed(state);
    }

    /// Wants what the key had gone.
    pub(super) fn forget(&self, key: &Key) {
        let mut state = self.state();
        self.outdate(&mut state, key);
    }

    /// The entry of a key that waits to be written, or is being written.
    pub(super) fn waiting(&self, key: &Key) -> Option<Arc<Entry>> {
        let state = self.state();
        let writing = || state.writing.as_ref().filter(|(_, other, _)| other == key).map(|(_, _, entry)| entry);
        state.entries.get(key).or_else(writing).cloned()
    }

    /// What the key has on disk, or will have, is not to be found any more.
    fn outdate(&self, state: &mut State, key: &Key) {
        let name = index::name(key);
        state.writing.take_if(|(other, ..)| *other == name);
        if let Some(entry) = state.entries.remove(key) {
            state.bytes -= weight(&entry);
        }
        // After a restart it would be found again; when the queue is full it may be, for it is no purge.
        if self.index.remove(name) && state.order.len() < JOBS_MAX {
            state.order.push_back(Waiting::Removal(name));
        }
    }

    /// Wants a piece of a body written.
    pub(super) fn piece(&self, pieces: Vec<Bytes>) -> oneshot::Receiver<Option<Slice>> {
        let (written, told) = oneshot::channel();
        let mut state = self.state();
        let bytes = length(&pieces);
        // One that is not taken in drops its sender.
        if state.order.len() < JOBS_MAX && state.bytes + bytes <= self.bytes_max && !state.is_closed {
            state.bytes += bytes;
            state.order.push_back(Waiting::Piece(pieces, written));
            self.changed(state);
        } else {
            self.figures.dropped.fetch_add(1, Relaxed);
        }
        told
    }

    /// Wants a purge written; `acknowledged` is told when it is on the device.
    pub(super) fn purge(&self, mark: Mark, acknowledged: Option<oneshot::Sender<bool>>) {
        let mut state = self.state();
        let marks = &mut state.purging.marks;
        if marks.len() >= MARKS_MAX {
            let newest = marks.iter().map(Mark::era).max().unwrap_or_default().max(mark.era());
            *marks = vec![Mark { name: Name::Forgotten, hard: newest, soft: 0 }];
        } else {
            marks.push(mark);
        }
        state.purging.acknowledged.extend(acknowledged);
        self.changed(state);
    }

    /// Tells when the purges that are wanted written are; none when all are.
    pub(super) fn noted(&self) -> Option<oneshot::Receiver<bool>> {
        let mut state = self.state();
        if state.purging.marks.is_empty() && !state.is_noting {
            return None;
        }
        let (noted, told) = oneshot::channel();
        state.purging.noted.push(noted);
        self.changed(state);
        Some(told)
    }

    /// The purges to write now, before anything else.
    pub(super) fn purges(&self) -> Option<Purging> {
        Self::take_purges(&mut self.state())
    }

    fn take_purges(state: &mut State) -> Option<Purging> {
        state.is_noting = !state.purging.marks.is_empty();
        (state.is_noting || !state.purging.noted.is_empty()).then(|| std::mem::take(&mut state.purging))
    }

    fn changed(&self, state: MutexGuard<'_, State>) {
        self.figures.queued.store(state.bytes, Relaxed);
        drop(state);
        self.wake.notify_one();
    }

    /// No more is taken in; what waits is still written.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        self.changed(state);
    }

    /// Waits for the next thing to do; none after the end.
    pub(super) fn next(&self) -> Option<Job> {
        let mut state = self.state();
        loop {
            if let Some(job) = self.take(&mut state) {
                self.figures.queued.store(state.bytes, Relaxed);
                return Some(job);
            }
            if state.is_closed {
                return None;
            }
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn take(&self, state: &mut State) -> Option<Job> {
        // What was being written is on disk by now, or could not be written.
        state.writing = None;
        if let Some(purging) = Self::take_purges(state) {
            return Some(Job::Purges(purging));
        }
        while let Some(waiting) = state.order.pop_front() {
            match waiting {
                // A newer entry went ahead, in the place in the order of one that it replaced.
                Waiting::Removal(name) if self.index.find(name).is_some() => {}
                Waiting::Removal(name) => return Some(Job::Removal(name)),
                Waiting::Piece(pieces, written) => {
                    state.bytes -= length(&pieces);
                    return Some(Job::Piece(pieces, written));
                }
                Waiting::Entry(key) => {
                    // One that was replaced waits a second time, further behind; the first finds the newest.
                    let Some(entry) = state.entries.remove(&key) else { continue };
                    state.bytes -= weight(&entry);
                    state.writing = Some((index::name(&key), key.clone(), Arc::clone(&entry)));
                    return Some(Job::Entry(key, entry));
                }
            }
        }
        None
    }

    /// An entry was written: does what makes it found, unless it is out of date. Whether it was.
    pub(super) fn found(&self, name: u64, publish: impl FnOnce()) -> bool {
        let mut state = self.state();
        let is_newest = state.writing.take().is_some_and(|(other, ..)| other == name);
        if is_newest {
            publish();
        }
        is_newest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::disk::block::Place;
    use crate::store::tests::{key, stored};
    use std::path::PathBuf;

    #[test]
    fn the_removal_of_an_older_entry_does_not_follow_a_newer_one() {
        let index = Arc::new(Index::new());
        let queue = Queue::new(1 << 20, Arc::clone(&index), Arc::new(Figures::new(PathBuf::new())));
        let key = key("/a");
        let name = index::name(&key);
        let entry = || {
            let held = crate::store::entry::Held::new(stored(&[], "en"), Default::default(), 0);
            Arc::new(Entry::of(vec![Arc::new(held)]))
        };
        // Two wait for one place in the order each; the first to be taken is the newest.
        queue.keep(&key, entry());
        queue.keep(&key, entry());
        assert!(matches!(queue.next(), Some(Job::Entry(..))));
        assert!(queue.found(name, || index.insert(name, Place { block: 1, offset: 0, length: 1, sum: 0 })));
        // What is on disk now is replaced, and the newer entry is taken where the older one stood.
        queue.keep(&key, entry());
        assert!(queue.waiting(&key).is_some());
        assert!(matches!(queue.next(), Some(Job::Entry(..))));
        assert!(queue.waiting(&key).is_some(), "it is being written");
        assert!(queue.found(name, || index.insert(name, Place { block: 1, offset: 1, length: 1, sum: 0 })));
        queue.close();
        assert!(queue.waiting(&key).is_none());
        assert!(queue.next().is_none(), "a removal would take the newest out at the next start");
        queue.forget(&key);
        assert!(matches!(queue.next(), Some(Job::Removal(gone)) if gone == name));
    }
}
