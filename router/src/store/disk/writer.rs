//! The one thread that writes to disk.
//!
//! Owns what is done when the disk fails: what was to be written is not stored there, and for a moment nothing else is
//! tried. A purge that cannot be written ends everything on disk, so that no restart undoes it.

use super::block::Slice;
use super::figures::{Fault, Figures};
use super::index::{self, Index};
use super::ledger::Ledger;
use super::log::Log;
use super::queue::{Job, Purging, Queue};
use super::record;
use crate::base::clock::monotonic;
use crate::cache::key::Key;
use crate::store::entry::{Entry, Held};
use crate::store::purge::{Mark, Name, Purges};
use crate::store::segments::{Piece, Run, Segments};
use bytes::{Bytes, BytesMut};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// Bytes of a body that are written and read at once, and have a checksum.
pub const PIECE_BYTES: usize = 128 * 1024;
/// After an error, before anything else is written.
const PAUSE: Duration = Duration::from_secs(1);

/// The thread's state.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) queue: Arc<Queue>,
    pub(super) index: Arc<Index>,
    pub(super) log: Log,
    pub(super) ledger: Ledger,
    pub(super) purges: Arc<Purges>,
    pub(super) figures: Arc<Figures>,
    /// Nothing is written before.
    pub(super) paused: Option<Instant>,
    /// What was asked for before this purge is not written: the purge itself could not be.
    pub(super) floor: u64,
    /// The last purge that is in the ledger. What has seen a later one is not written before that is.
    pub(super) noted: u64,
}

impl Writer {
    /// Writes until the queue is closed and empty.
    pub(super) fn run(mut self) {
        while let Some(job) = self.queue.next() {
            match job {
                Job::Purges(purging) => self.purge(purging),
                Job::Removal(name) => {
                    let done = self.log.note(name, None, 0);
                    self.check(done);
                }
                Job::Piece(pieces, written) => {
                    let slice = self.piece(&pieces);
                    // Whoever wanted it may be gone.
                    let _ = written.send(slice);
                }
                Job::Entry(key, entry) => self.entry(&key, &entry),
            }
        }
    }

    fn is_paused(&self) -> bool {
        self.paused.is_some_and(|until| monotonic() < until)
    }

    /// Notes what went wrong; what came of it otherwise.
    fn check<T>(&mut self, done: io::Result<T>) -> Option<T> {
        let error = match done {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        self.paused = Some(monotonic() + PAUSE);
        // Readers hold on to what made room; that passes.
        if error.kind() == io::ErrorKind::WouldBlock {
            return None;
        }
        let fault = Fault::of(&error);
        self.figures.failed(fault, "a write failed", &error);
        self.log.abandon();
        if fault == Fault::Full {
            // The device holds less than it was said to: so does the store.
            let _ = self.log.evict_oldest();
        }
        None
    }

    fn piece(&mut self, pieces: &[Bytes]) -> Option<Slice> {
        if self.is_paused() {
            return None;
        }
        let done = match pieces {
            [piece] => self.log.append(piece),
            pieces => {
                let mut joined = BytesMut::new();
                pieces.iter().for_each(|piece| joined.extend_from_slice(piece));
                self.log.append(&joined)
            }
        };
        self.check(done).map(|(block, place)| Slice::whole(&block, place))
    }

    fn entry(&mut self, key: &Key, entry: &Entry) {
        let written = if self.is_paused() { None } else { self.written(key, entry) };
        match written {
            Some(()) => self.figures.writes.fetch_add(1, Relaxed),
            None => self.figures.dropped.fetch_add(1, Relaxed),
        };
    }

    fn written(&mut self, key: &Key, entry: &Entry) -> Option<()> {
        let mut variants: Vec<(Arc<Held>, Vec<Run>)> = Vec::with_capacity(entry.variants().len());
        let floor = self.floor;
        for held in entry.variants().iter().filter(|held| held.era() >= floor) {
            let home = self.home(&held.body);
            variants.push((Arc::clone(held), self.check(home)?));
        }
        let era = variants.iter().map(|(held, _)| held.era()).max()?;
        let bytes = record::encode(key, &variants);
        if bytes.len() as u64 > self.log.record_max() {
            return None;
        }
        let done = self.log.append(&bytes);
        let (_, place) = self.check(done)?;
        // A purge that could not be written meanwhile dropped what was written of this.
        if !self.knows(era) || self.floor != floor {
            return None;
        }
        let name = index::name(key);
        if self.queue.found(name, || self.index.insert(name, place)) {
            let noted = self.log.note(name, Some(place), era);
            self.check(noted)?;
        }
        Some(())
    }

    /// Where a body lies on disk; what does not yet is written.
    fn home(&mut self, body: &Segments) -> io::Result<Vec<Run>> {
        let mut runs = Vec::with_capacity(body.runs().len());
        for run in body.runs() {
            match &run.piece {
                Piece::Below(_) => runs.push(run.clone()),
                Piece::Here(bytes) => runs.extend(self.settle(run, bytes)?),
            }
        }
        Ok(runs)
    }

    /// Writes those bytes of a run in memory that have no copy.
    fn settle(&mut self, run: &Run, bytes: &[u8]) -> io::Result<Vec<Run>> {
        let (mut home, mut left, mut at) = (Vec::new(), bytes, run.start);
        for copy in run.copies() {
            // Both are places inside the run, whose length is a usize.
            let (new, rest) = left.split_at((copy.start - at) as usize);
            home.extend(self.write(at, new)?);
            left = &rest[copy.piece.length() as usize..];
            at = copy.end();
            home.push(copy);
        }
        home.extend(self.write(at, left)?);
        run.copied(&home);
        Ok(home)
    }

    fn write(&mut self, mut start: u64, bytes: &[u8]) -> io::Result<Vec<Run>> {
        let mut runs = Vec::with_capacity(bytes.len().div_ceil(PIECE_BYTES));
        for piece in bytes.chunks(PIECE_BYTES) {
            self.purge_first();
            let (block, place) = self.log.append(piece)?;
            runs.push(Run::new(start, Piece::Below(Slice::whole(&block, place))));
            start += piece.len() as u64;
        }
        Ok(runs)
    }

    /// Purges wait for one piece of a body, and not for all that is written before them.
    fn purge_first(&mut self) {
        if let Some(purging) = self.queue.purges() {
            self.purge(purging);
        }
    }

    /// Whether the ledger has this purge: an entry that has seen one which it lacks would tell the next start of damage.
    fn knows(&mut self, era: u64) -> bool {
        self.purge_first();
        if self.noted < era && self.noted < self.floor {
            self.note_floor();
        }
        self.noted >= era
    }

    fn purge(&mut self, Purging { marks, acknowledged, noted }: Purging) {
        let is_kept = marks.is_empty() || self.record(&marks, !acknowledged.is_empty());
        for waiter in acknowledged.into_iter().chain(noted) {
            let _ = waiter.send(is_kept);
        }
        if self.ledger.is_long() {
            let done = self.ledger.rewrite(&self.purges.marks());
            self.check(done);
        }
    }

    /// Writes in one line that what is older than the floor is purged; tried again before anything newer is stored.
    fn note_floor(&mut self) {
        let mark = Mark { name: Name::Forgotten, hard: self.floor, soft: 0 };
        if self.ledger.append(&[mark], true).is_ok() {
            self.noted = self.noted.max(self.floor);
        }
    }

    /// Whether no restart will undo these purges.
    fn record(&mut self, marks: &[Mark], is_durable: bool) -> bool {
        let error = match self.ledger.append(marks, is_durable) {
            Ok(()) => {
                self.noted = marks.iter().map(Mark::era).fold(self.noted, u64::max);
                return true;
            }
            Err(error) => error,
        };
        self.figures.failed(Fault::of(&error), "a purge cannot be written, so everything on disk is dropped", &error);
        self.floor = self.purges.era();
        match self.log.wipe() {
            Ok(()) => {
                self.note_floor();
                true
            }
            Err(error) => {
                self.figures.failed(Fault::of(&error), "what was purged cannot be dropped", &error);
                false
            }
        }
    }
}
