//! Entity tags of files.
//! Owns: the hash of the content and the memo that saves computing it again. Never: compares tags (`condition` does).
//! Called by: `files::answer`, on a thread that may block.
//!
//! A tag is the content's hash, not its time and inode: every PoP that serves the same bundle gives the same tag, also
//! after a deployment that rewrote the file unchanged, so browsers keep what they have.
#![allow(clippy::disallowed_types, reason = "the memo is locked on blocking threads only, for a map look-up")]

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest::{Context, SHA256};

use crate::base::Timestamp;

/// Files remembered. A bundle has some hundreds; beyond this the memo starts again.
const REMEMBERED_MAX: usize = 4_096;
/// Beyond this, hashing takes longer than a client should wait for its first byte: a weak tag of length and time.
const HASHED_MAX: u64 = 64 * 1024 * 1024;
/// A file written within this time may be written again without its stamp changing: its tag is not remembered.
const RACY_MS: u64 = 2_000;

/// Tells one state of a file from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified_s: i64,
    modified_ns: i64,
    length: u64,
    inode: u64,
    device: u64,
}

/// The memo. Locked only on blocking threads, never on a worker.
#[derive(Debug, Default)]
pub(super) struct Tags {
    known: Mutex<HashMap<PathBuf, (Stamp, String)>>,
}

impl Tags {
    /// The tag of an open file, quoted. Reads the whole file when it is not remembered.
    pub(super) fn of(&self, path: &Path, file: &File, state: &Metadata, now: Timestamp) -> io::Result<String> {
        let length = state.len();
        if length > HASHED_MAX {
            return Ok(format!("W/\"{length:x}-{:x}.{:x}\"", state.mtime(), state.mtime_nsec()));
        }
        let stamp = Stamp {
            modified_s: state.mtime(),
            modified_ns: state.mtime_nsec(),
            length,
            inode: state.ino(),
            device: state.dev(),
        };
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((remembered, tag)) = known().get(path)
            && *remembered == stamp
        {
            return Ok(tag.clone());
        }
        let tag = hashed(file, length)?;
        let modified_ms = u64::try_from(stamp.modified_s).unwrap_or(0).saturating_mul(1000);
        if modified_ms.saturating_add(RACY_MS) < now.0 {
            let mut known = known();
            if known.len() >= REMEMBERED_MAX {
                known.clear();
            }
            known.insert(path.to_owned(), (stamp, tag.clone()));
        }
        Ok(tag)
    }

    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// The first 128 bits of SHA-256: no two files of a bundle share them.
fn hashed(file: &File, length: u64) -> io::Result<String> {
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; 64 * 1024];
    let mut at = 0;
    while at < length {
        let read = file.read_at(&mut buffer, at)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        context.update(&buffer[..read]);
        at += read as u64;
    }
    let mut tag = String::with_capacity(34);
    tag.push('"');
    for byte in &context.finish().as_ref()[..16] {
        write!(tag, "{byte:02x}").map_err(io::Error::other)?;
    }
    tag.push('"');
    Ok(tag)
}
