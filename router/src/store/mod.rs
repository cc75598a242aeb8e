//! What the cache keeps: stored responses and their bytes, those that are arriving, and purges.
//!
//! Owns the tiers: memory and its bound, and below it a disk where the operator wants one. The rules of `cache` say what may
//! be kept and how it may be used, the flow in `data::cached` asks them. Shared by all workers; nothing here waits for an
//! origin, and what memory answers waits for nothing.

pub mod barren;
pub mod codings;
pub mod disk;
pub mod entry;
pub mod filling;
pub mod flights;
pub mod memory;
pub mod notes;
pub mod purge;
pub mod room;
pub mod segments;
#[cfg(test)]
mod tests;

use crate::base::Timestamp;
use crate::cache::address::Address;
use crate::cache::key::Key;
use crate::config::CacheDisk;
use barren::Barren;
use codings::Codings;
use disk::block::Place;
use disk::folder::OpenError;
use disk::readers::Unread;
use disk::{Below, Disk};
use entry::{Entry, Held};
use flights::Flights;
use memory::Memory;
use notes::Notes;
use purge::{Force, Purge, Purges, Standing};
use segments::{Piece, Run, Segments};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// How long is remembered that what a key answers is not stored (Varnish: `hit-for-miss`, 120 s).
const APART_TIME: Duration = Duration::from_secs(120);
/// How long a failed origin is not asked again for what may be served stale (nginx `fail_timeout` is 10 s).
const TROUBLE_TIME: Duration = Duration::from_secs(2);
/// The share of the memory that bodies may have while they arrive, beside what is stored.
const ARRIVING_SHARE: u64 = 4;
/// Bounds of what may wait to be written to disk; between them it is the share of arriving bodies.
const QUEUE_BYTES: (u64, u64) = (4 << 20, 64 << 20);
/// The largest body that is brought back from disk into memory; larger ones are read from disk each time.
const PROMOTED_MAX: u64 = 1 << 20;
/// How long the disk is waited for: by an arriving body before it is passed on without being stored, and by a change before what
/// it would change counts as gone.
const DISK_PATIENCE: Duration = Duration::from_secs(2);
/// How long an answer that made something invalid waits for that to be written. Our choice: many times what a disk takes that works.
const NOTE_PATIENCE: Duration = Duration::from_millis(200);
/// How often a change reads what the disk has, when that is another each time, before it counts as gone.
const READS_MAX: usize = 8;

/// Workers read the clock for themselves, and one may store what another looks up with a time from just before.
const AHEAD_MAX: Duration = Duration::from_secs(5);

/// Whether a response came later than now, for all that is known: the clock was set back since, while the process was down. How old
/// it is nobody knows, so that it must not be used without the origin's word.
fn is_ahead(held: &Held, now: Timestamp) -> bool {
    held.stored.received > now.plus(AHEAD_MAX) && !held.stored.is_invalid
}

/// Everything that is kept.
#[derive(Debug)]
pub struct Store {
    memory: Memory,
    disk: Option<Disk>,
    /// Who asks the origin for what.
    pub flights: Arc<Flights>,
    /// Purges.
    pub purges: Arc<Purges>,
    /// Keys whose answers are known not to be stored: asking for them need not wait for one another.
    pub apart: Notes,
    /// Folders of which nothing is stored.
    pub barren: Barren,
    /// Keys whose parts are known not to come in slices: they are asked for as clients want them.
    pub unsliced: Notes,
    /// Keys for which the origin failed a moment ago: they are served stale without asking it.
    pub troubles: Notes,
    /// Bytes of bodies that are arriving and will be stored.
    arriving: AtomicU64,
    /// Bytes of bodies that will not be stored, and that slow readers lack.
    lagging: AtomicU64,
}

impl Store {
    /// Memory alone, with room for so many bytes.
    pub fn new(capacity: u64) -> Self {
        Self::of(capacity, None, Arc::default())
    }

    /// Memory above a disk.
    ///
    /// # Errors
    /// When the folder is not ours to use.
    pub fn with_disk(capacity: u64, settings: &CacheDisk) -> Result<Self, OpenError> {
        let purges = Arc::default();
        let queue_max = (capacity / ARRIVING_SHARE).clamp(QUEUE_BYTES.0, QUEUE_BYTES.1);
        let disk = Disk::open(settings, queue_max, &purges)?;
        Ok(Self::of(capacity, Some(disk), purges))
    }

    fn of(capacity: u64, disk: Option<Disk>, purges: Arc<Purges>) -> Self {
        Self {
            memory: Memory::new(capacity),
            disk,
            flights: Arc::default(),
            purges,
            apart: Notes::new(APART_TIME),
            barren: Barren::new(APART_TIME),
            unsliced: Notes::new(APART_TIME),
            troubles: Notes::new(TROUBLE_TIME),
            arriving: AtomicU64::new(0),
            lagging: AtomicU64::new(0),
        }
    }

    /// The disk, where there is one.
    pub fn disk(&self) -> Option<&Disk> {
        self.disk.as_ref()
    }

    /// Writes what is to be written, before the process ends.
    pub fn close(&self) {
        if let Some(disk) = &self.disk {
            disk.close();
        }
    }

    /// The memory.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The variants under a key that no purge meant; what was purged softly is stale. Waits only for what is not in memory.
    pub async fn look(&self, key: &Key, address: &Address, now: Timestamp) -> Vec<Arc<Held>> {
        let entry = match self.memory.get(key) {
            Some(entry) => entry,
            None => match self.recall(key).await {
                Some(entry) => entry,
                None => return Vec::new(),
            },
        };
        let mut found = Vec::with_capacity(entry.variants().len());
        let mut gone = Vec::new();
        let mut aged = Vec::new();
        for held in entry.variants() {
            let (standing, era) = self.purges.standing(held.era(), address, &held.stored.tags);
            match standing {
                Standing::Untouched if is_ahead(held, now) => {
                    let mut stored = held.stored.clone();
                    stored.is_invalid = true;
                    let doubtful = Arc::new(held.renewed(stored, era));
                    aged.push((Arc::clone(held), Arc::clone(&doubtful)));
                    found.push(doubtful);
                }
                Standing::Untouched => {
                    held.checked(era);
                    found.push(Arc::clone(held));
                }
                Standing::Purged(Force::Hard) => gone.push(Arc::clone(held)),
                Standing::Purged(Force::Soft) => {
                    let mut stored = held.stored.clone();
                    stored.expire(now);
                    let stale = Arc::new(held.renewed(stored, era));
                    aged.push((Arc::clone(held), Arc::clone(&stale)));
                    found.push(stale);
                }
            }
        }
        if !gone.is_empty() || !aged.is_empty() {
            let age = |entry: Entry, (old, stale): &(_, _)| entry.replaced(old, stale);
            self.change(key, |entry| aged.iter().fold(entry.without(&gone), age)).await;
        }
        found
    }

    /// What the disk has under a key; it is in memory afterwards.
    async fn recall(&self, key: &Key) -> Option<Arc<Entry>> {
        let disk = self.disk.as_ref()?;
        let (entry, place) = match disk.below(key) {
            Below::Nothing => return None,
            Below::Waiting(entry) => (entry, None),
            Below::At(place) => (Arc::new(disk.recall(key, place).await?), Some(place)),
        };
        let is_so = || match disk.below(key) {
            Below::Nothing => false,
            Below::Waiting(now) => Arc::ptr_eq(&now, &entry),
            Below::At(now) => Some(now) == place,
        };
        self.memory.promote(key, &entry, is_so);
        Some(entry)
    }

    /// A response whose bytes can be read now. None when they cannot; when they are lost, it is not found again, or what is left
    /// of it is, where that is a part that can be completed.
    pub async fn ready(&self, key: &Key, held: &Arc<Held>) -> Option<Arc<Held>> {
        if held.body.is_here() {
            return Some(Arc::clone(held));
        }
        let read = if held.is_lost() { Err(Unread::Failed) } else { self.read(held).await };
        match read {
            Ok(None) => Some(Arc::clone(held)),
            Ok(Some(body)) => {
                let new = Arc::new(held.relocated(body));
                // On disk it is already.
                self.memory.adjust(key, |entry| entry.exchanged(held, &new));
                Some(new)
            }
            Err(Unread::Busy) => None,
            Err(Unread::Gone) => {
                match held.left() {
                    Some(left) => self.replace(key, held, Arc::new(left)).await,
                    None => self.drop_held(key, held).await,
                }
                None
            }
            Err(Unread::Failed) => {
                self.drop_held(key, held).await;
                None
            }
        }
    }

    /// Reads a small body whole. Of a large one only the beginning, so that it fails before the answer begins if it does.
    async fn read(&self, held: &Held) -> Result<Option<Segments>, Unread> {
        let _pins = held.body.pins().ok_or(Unread::Gone)?;
        let is_small = held.body.bytes() <= PROMOTED_MAX.min(self.memory.object_max());
        let runs = held.body.runs();
        let wanted = if is_small { runs } else { &runs[..1] };
        // All are asked for before one is waited for.
        let asked: Vec<_> = wanted
            .iter()
            .map(|run| match &run.piece {
                Piece::Here(_) => (run, None),
                Piece::Below(slice) => (run, Some(slice.read())),
            })
            .collect();
        let mut here = Vec::with_capacity(asked.len());
        for (run, reply) in asked {
            let Some(reply) = reply else {
                here.push(run.clone());
                continue;
            };
            let read = Run::new(run.start, Piece::Here(reply.await.unwrap_or(Err(Unread::Gone))?));
            // There it is already.
            read.copied(std::slice::from_ref(run));
            here.push(read);
        }
        Ok(is_small.then(|| Segments::of(here)))
    }

    /// Changes what is stored under a key, in all tiers. Waits only for what is on disk and not in memory: it is read first, so
    /// that what memory had no room for is changed and not forgotten.
    async fn change(&self, key: &Key, change: impl Fn(&Entry) -> Entry) {
        let mut read = None;
        for reads in 0..=READS_MAX {
            let below = || self.below(key, read.as_ref(), reads < READS_MAX);
            let then = |entry: Option<&Arc<Entry>>| match (&self.disk, entry) {
                (None, _) => {}
                (Some(disk), Some(entry)) => disk.keep(key, Arc::clone(entry)),
                (Some(disk), None) => disk.forget(key),
            };
            let Err((disk, place)) = self.memory.change(key, below, &change, then) else { return };
            let entry = tokio::time::timeout(DISK_PATIENCE, disk.recall(key, place)).await.unwrap_or_else(|_| {
                disk.figures().unread.fetch_add(1, Relaxed);
                None
            });
            read = Some((place, entry.map(Arc::new)));
        }
    }

    /// What the disk has under a key, if it is what was read; else where it is to be read, if it is.
    fn below(
        &self,
        key: &Key,
        read: Option<&(Place, Option<Arc<Entry>>)>,
        may_read: bool,
    ) -> Result<Option<Arc<Entry>>, (&Disk, Place)> {
        let Some(disk) = &self.disk else { return Ok(None) };
        match disk.below(key) {
            Below::Nothing => Ok(None),
            Below::Waiting(entry) => Ok(Some(entry)),
            Below::At(place) => match read.filter(|(at, _)| *at == place) {
                Some((_, entry)) => Ok(entry.clone()),
                None if may_read => Err((disk, place)),
                None => Ok(None),
            },
        }
    }

    /// Keeps a response.
    pub async fn keep(&self, key: &Key, held: Arc<Held>) {
        self.apart.forget(key);
        let joined_max = self.object_max();
        self.change(key, |entry| entry.with(Arc::clone(&held), joined_max)).await;
    }

    /// Keeps what came of a response that broke off: never in the place of one that is whole, which may still be good, or stand in
    /// for an origin that fails.
    pub async fn keep_rest(&self, key: &Key, held: Arc<Held>) {
        let joined_max = self.object_max();
        let kept = |entry: &Entry| {
            if entry.has_whole(&held) { entry.clone() } else { entry.with(Arc::clone(&held), joined_max) }
        };
        self.change(key, kept).await;
    }

    /// Puts a freshened response in the place of what it came from, if that is still there.
    pub async fn replace(&self, key: &Key, old: &Arc<Held>, new: Arc<Held>) {
        self.change(key, |entry| entry.replaced(old, &new)).await;
    }

    /// Weighs a response again, of whose bytes a coding was made.
    pub fn reweigh(&self, key: &Key, codings: &Arc<Codings>) {
        self.memory.adjust(key, |entry| entry.reweighed(codings));
    }

    /// Drops a response.
    pub async fn drop_held(&self, key: &Key, old: &Arc<Held>) {
        self.change(key, |entry| entry.without(std::slice::from_ref(old))).await;
    }

    /// Purges for an operator: in force on all workers when it returns, and for good. False when a restart may undo it,
    /// because the disk neither takes it nor gives up what it holds.
    pub async fn purge(&self, what: &Purge, force: Force) -> bool {
        let mark = self.purges.purge(what, force);
        match &self.disk {
            Some(disk) => disk.purge(mark).await,
            None => true,
        }
    }

    /// Purges what an answer makes invalid: in force at once, and written soon: see `noted`. The number of the purge.
    pub fn invalidate(&self, what: &Purge) -> u64 {
        let mark = self.purges.purge(what, Force::Hard);
        let era = mark.era();
        if let Some(disk) = &self.disk {
            disk.note(mark);
        }
        era
    }

    /// Waits until invalidations are written, so that the end of the process does not undo them; not for long.
    pub async fn noted(&self) {
        if let Some(disk) = &self.disk {
            let _ = tokio::time::timeout(NOTE_PATIENCE, disk.noted()).await;
        }
    }

    /// The largest object that is stored, bytes.
    pub fn object_max(&self) -> u64 {
        let below = self.disk.as_ref().map_or(0, Disk::object_max);
        self.memory.object_max().max(below)
    }
}
