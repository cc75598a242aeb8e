//! Stored responses on disk, below memory: what was pushed out of memory, what is too large for it, and what a restart
//! finds again.
//!
//! Owns the folder and the threads; every other file here owns one thing in it. Entries are written when they are stored,
//! to a log of blocks; the oldest block makes room. Whatever fails counts as not stored. No worker reads or writes a file:
//! it looks into the index, and puts a question to the threads. Read `log` for what lies on disk, `queue` for what may be
//! written, `ledger` for why a purge stays.
#![allow(clippy::disallowed_types, reason = "the handle of the writing thread, taken once at the end")]

pub mod block;
pub mod figures;
pub mod folder;
mod index;
pub(crate) mod ledger;
mod log;
mod queue;
pub mod readers;
pub(crate) mod record;
#[cfg(test)]
mod tests;
mod writer;

use super::entry::Entry;
use super::purge::{Mark, Name, Purges};
use crate::base::clock::monotonic;
use crate::cache::key::Key;
use crate::config::{CacheDisk, DISK_OBJECT_SHARE};
use block::{Place, Slice};
use bytes::Bytes;
use figures::{Fault, Figures};
use folder::OpenError;
use index::Index;
use ledger::{Ledger, Past};
use log::{Blocks, Log};
use queue::Queue;
use readers::{Readers, Unread};
use record::Found;
use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;
use writer::Writer;

pub use writer::PIECE_BYTES;

/// How long the end of the process waits for what is to be written.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// What a key has on disk.
#[derive(Debug)]
pub(super) enum Below {
    /// Nothing.
    Nothing,
    /// An entry that is not written yet.
    Waiting(Arc<Entry>),
    /// An entry, there.
    At(Place),
}

/// The tier.
#[derive(Debug)]
pub struct Disk {
    index: Arc<Index>,
    blocks: Arc<Blocks>,
    readers: Arc<Readers>,
    queue: Arc<Queue>,
    figures: Arc<Figures>,
    size: u64,
    writer: Mutex<Option<JoinHandle<()>>>,
    /// Open for as long as the folder is ours.
    _lock: File,
}

impl Disk {
    /// Opens the folder and finds what is stored in it; `queue_max` bytes may wait to be written.
    ///
    /// # Errors
    /// When the folder is not ours to use; an entry that is damaged is no error.
    pub fn open(settings: &CacheDisk, queue_max: u64, purges: &Arc<Purges>) -> Result<Self, OpenError> {
        let CacheDisk { path, size } = settings;
        let lock = folder::take(path)?;
        let system = |cause: io::Error| OpenError::System { path: path.clone(), cause };
        let figures = Arc::new(Figures::new(path.clone()));
        let (mut ledger, Past { mut marks, is_damaged }) = Ledger::open(path).map_err(system)?;
        let readers = Readers::start(Arc::clone(&figures)).map_err(system)?;
        let mut log = Log::new(path.clone(), *size, Arc::clone(&readers), Arc::clone(&figures));
        let seen = log.restore().map_err(system)?;
        let mut noted = marks.iter().map(Mark::era).max().unwrap_or_default();
        // What is stored has seen a purge that is not there any more.
        let is_short = seen > noted;
        if is_damaged || is_short {
            let how = if is_damaged { "damaged" } else { "the last are missing" };
            figures.failed(Fault::Corrupt, "the purges cannot be read, so everything on disk is dropped", &how);
            log.wipe().map_err(system)?;
            marks.push(Mark { name: Name::Forgotten, hard: seen.max(noted), soft: 0 });
        }
        purges.restore(&marks, seen);
        match ledger.rewrite(&purges.marks()) {
            Ok(()) => noted = purges.era(),
            // It goes on being written at its end.
            Err(error) => figures.failed(Fault::of(&error), "the purges cannot be written anew", &error),
        }
        let (blocks, index) = log.shared();
        let queue = Arc::new(Queue::new(queue_max, Arc::clone(&index), Arc::clone(&figures)));
        let writer = Writer {
            queue: Arc::clone(&queue),
            index: Arc::clone(&index),
            log,
            ledger,
            purges: Arc::clone(purges),
            figures: Arc::clone(&figures),
            paused: None,
            floor: if is_damaged || is_short { purges.era() } else { 0 },
            noted,
        };
        let thread = std::thread::Builder::new().name("cache-write".to_owned());
        let writer = Mutex::new(Some(thread.spawn(move || writer.run()).map_err(system)?));
        tracing::info!(folder = %path.display(), entries = index.entries(), "the cache on disk is open");
        Ok(Self { index, blocks, readers, queue, figures, size: *size, writer, _lock: lock })
    }

    /// The counters.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// Entries.
    pub fn entries(&self) -> u64 {
        self.index.entries()
    }

    /// Bytes that it may use.
    pub fn capacity(&self) -> u64 {
        self.size
    }

    /// The largest object that it takes, bytes.
    pub fn object_max(&self) -> u64 {
        self.size / DISK_OBJECT_SHARE
    }

    /// What a key has here.
    pub(super) fn below(&self, key: &Key) -> Below {
        let place = || self.index.find(index::name(key)).map(Below::At);
        let waiting = || self.queue.waiting(key).map(Below::Waiting);
        // Once more at the end: what waited may have been written meanwhile.
        place().or_else(waiting).or_else(place).unwrap_or(Below::Nothing)
    }

    /// Reads an entry where it was found. Its bodies stay where they are.
    pub(super) async fn recall(&self, key: &Key, place: Place) -> Option<Entry> {
        let reply = Slice::whole(&self.blocks.get(place.block)?, place).read();
        match reply.await.unwrap_or(Err(Unread::Gone)) {
            Ok(bytes) => match record::decode(&bytes, key, |id| self.blocks.get(id)) {
                Found::Entry(entry) => return Some(entry),
                Found::Other => return None,
                Found::Broken => self.figures.failed(Fault::Corrupt, "a record cannot be understood", &"malformed"),
            },
            Err(Unread::Failed) => {}
            Err(Unread::Gone | Unread::Busy) => return None,
        }
        self.queue.forget(key);
        None
    }

    /// Wants an entry written in the place of what its key had.
    pub(super) fn keep(&self, key: &Key, entry: Arc<Entry>) {
        self.queue.keep(key, entry);
    }

    /// Wants what a key has gone.
    pub(super) fn forget(&self, key: &Key) {
        self.queue.forget(key);
    }

    /// Writes a piece of a body; none when it cannot be.
    pub(super) async fn write(&self, pieces: Vec<Bytes>) -> Option<Slice> {
        self.queue.piece(pieces).await.ok().flatten()
    }

    /// Writes a purge, without waiting.
    pub(super) fn note(&self, mark: Mark) {
        self.queue.purge(mark, None);
    }

    /// Waits until the purges that are wanted written are, or not any more.
    pub(super) async fn noted(&self) {
        if let Some(told) = self.queue.noted() {
            // A writer that has ended writes nothing more.
            let _ = told.await;
        }
    }

    /// Writes a purge. False when a restart may undo it.
    pub(super) async fn purge(&self, mark: Mark) -> bool {
        let (acknowledged, told) = oneshot::channel();
        self.queue.purge(mark, Some(acknowledged));
        told.await.unwrap_or(false)
    }

    /// Writes what waits, and ends the threads.
    pub fn close(&self) {
        self.queue.close();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let until = monotonic() + CLOSE_PATIENCE;
        if let Some(writer) = writer {
            while !writer.is_finished() && monotonic() < until {
                std::thread::park_timeout(Duration::from_millis(1));
            }
            if !writer.is_finished() {
                tracing::warn!("the disk of the cache does not answer; what was to be written is left");
            } else if writer.join().is_err() {
                tracing::error!("the thread that writes the cache to disk ended with a panic");
            }
        }
        self.readers.close();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.close();
    }
}
