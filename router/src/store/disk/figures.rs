//! What the tier on disk did, counted, and its errors, told.
//!
//! Owns the counters and how often an error is logged: one line for each kind in a while, however many requests meet it.
#![allow(clippy::disallowed_types, reason = "taken when an error is logged, never for a request that goes well")]

use crate::base::clock::monotonic;
use std::fmt::Display;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two lines about the same kind of error.
const QUIET: Duration = Duration::from_secs(10);

/// What went wrong with the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No room is left on the device.
    Full,
    /// The system refused to read or to write.
    Io,
    /// What was read is not what was written.
    Corrupt,
}

impl Fault {
    /// All kinds, in the order of their counters.
    pub const ALL: [Self; 3] = [Self::Full, Self::Io, Self::Corrupt];

    /// The kind of a system's error.
    pub(super) fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => Self::Corrupt,
            _ => Self::Io,
        }
    }

    /// Its word in metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Io => "io",
            Self::Corrupt => "corrupt",
        }
    }
}

/// Counters; all since the start but for `bytes`, `queued` and `waiting`.
#[derive(Debug)]
pub struct Figures {
    folder: PathBuf,
    /// Bytes in files, also in those that are unlinked and still read.
    pub bytes: AtomicU64,
    /// Pieces read.
    pub reads: AtomicU64,
    /// Entries written.
    pub writes: AtomicU64,
    /// Entries that were not written: the queue was full, or the disk had failed a moment ago.
    pub dropped: AtomicU64,
    /// Reads that were not done: too many were waiting.
    pub busy: AtomicU64,
    /// Entries that were forgotten, because what a change would have changed could not be read in time.
    pub unread: AtomicU64,
    /// Bytes waiting to be written.
    pub queued: AtomicU64,
    /// Reads waiting to be done.
    pub waiting: AtomicU64,
    /// Entries that made room.
    pub evictions: AtomicU64,
    errors: [AtomicU64; 3],
    told: Mutex<[Option<Instant>; 3]>,
}

impl Figures {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            bytes: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            busy: AtomicU64::new(0),
            unread: AtomicU64::new(0),
            queued: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
            evictions: AtomicU64::new(0),
            errors: Default::default(),
            told: Mutex::new([None; 3]),
        }
    }

    /// Errors of a kind.
    pub fn errors(&self, fault: Fault) -> u64 {
        self.errors[fault as usize].load(Relaxed)
    }

    /// Counts an error, and logs it unless one of its kind was logged a moment ago.
    pub(super) fn failed(&self, fault: Fault, doing: &str, error: &dyn Display) {
        self.errors[fault as usize].fetch_add(1, Relaxed);
        let now = monotonic();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let last = &mut told[fault as usize];
        if last.is_none_or(|last| now.duration_since(last) >= QUIET) {
            *last = Some(now);
            let (folder, kind) = (self.folder.display(), fault.word());
            tracing::warn!(%folder, kind, %error, "the cache on disk: {doing}; what is concerned counts as not stored");
        }
    }
}
