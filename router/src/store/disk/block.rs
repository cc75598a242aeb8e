//! A file of the log on disk, and bytes in it.
//!
//! Owns the file, which is written from its beginning to its end and never changed, and the checksum of everything that is
//! read. A block that made room is unlinked; who still reads it has it open, and its bytes count until it is closed.

use super::figures::Fault;
use super::readers::{Readers, Reply};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};

/// Where bytes lie, and their checksum (CRC-32).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The block's number.
    pub block: u32,
    /// Where in the block they begin.
    pub offset: u32,
    /// How many there are.
    pub length: u32,
    /// Their checksum.
    pub sum: u32,
}

/// An open block.
#[derive(Debug)]
pub struct Block {
    id: u32,
    file: File,
    length: AtomicU64,
    readers: Arc<Readers>,
}

impl Block {
    /// A file that holds so many bytes already.
    pub(super) fn new(id: u32, file: File, length: u64, readers: Arc<Readers>) -> Self {
        readers.figures().bytes.fetch_add(length, Relaxed);
        Self { id, file, length: AtomicU64::new(length), readers }
    }

    /// Its number; a later block has a larger one.
    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// Bytes in it.
    pub(super) fn length(&self) -> u64 {
        self.length.load(Relaxed)
    }

    /// Writes at its end. Called by one thread only. What fails leaves no trace: the next write begins at the same place.
    pub(super) fn append(&self, bytes: &[u8]) -> io::Result<Place> {
        let offset = self.length();
        let narrow = |number: u64| u32::try_from(number).map_err(|_| io::ErrorKind::FileTooLarge);
        let place = Place {
            block: self.id,
            offset: narrow(offset)?,
            length: narrow(bytes.len() as u64)?,
            sum: crc32fast::hash(bytes),
        };
        self.file.write_all_at(bytes, offset)?;
        self.length.store(offset + bytes.len() as u64, Relaxed);
        self.readers.figures().bytes.fetch_add(bytes.len() as u64, Relaxed);
        Ok(place)
    }

    /// Reads, and compares the checksum. Blocks: for threads that read.
    pub(super) fn read(&self, place: Place) -> Result<Bytes, (Fault, io::Error)> {
        let mut bytes = vec![0; place.length as usize];
        self.file.read_exact_at(&mut bytes, u64::from(place.offset)).map_err(|error| (Fault::of(&error), error))?;
        if crc32fast::hash(&bytes) != place.sum {
            let what = format!("block {} at {}: the checksum differs", self.id, place.offset);
            return Err((Fault::Corrupt, io::Error::new(io::ErrorKind::InvalidData, what)));
        }
        Ok(bytes.into())
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.readers.figures().bytes.fetch_sub(self.length(), Relaxed);
    }
}

/// Bytes on disk: some of what was written at once. Does not keep its block from making room.
#[derive(Debug, Clone)]
pub struct Slice {
    block: Weak<Block>,
    place: Place,
    from: u32,
    to: u32,
}

impl Slice {
    /// All bytes of a place.
    pub(super) fn whole(block: &Arc<Block>, place: Place) -> Self {
        Self { block: Arc::downgrade(block), place, from: 0, to: place.length }
    }

    /// Some bytes of a place; none when it does not hold them.
    pub(super) fn part(block: &Arc<Block>, place: Place, from: u32, to: u32) -> Option<Self> {
        (from < to && to <= place.length).then(|| Self { block: Arc::downgrade(block), place, from, to })
    }

    /// Where they lie: the place, and which bytes of it.
    pub(crate) fn place(&self) -> (Place, u32, u32) {
        (self.place, self.from, self.to)
    }

    /// How many there are.
    pub fn length(&self) -> u64 {
        u64::from(self.to - self.from)
    }

    /// Those from `from` to `to`, both inside of it.
    #[must_use]
    pub fn cut(&self, from: u64, to: u64) -> Self {
        // Both are at most its length, which is no more than a u32 holds.
        Self { from: self.from + from as u32, to: self.from + to as u32, ..self.clone() }
    }

    /// The block, to keep it readable for as long as it is held; none when it made room.
    pub fn pin(&self) -> Option<Arc<Block>> {
        self.block.upgrade()
    }

    /// Reads them on another thread.
    pub fn read(&self) -> Reply {
        match self.pin() {
            Some(block) => {
                let readers = Arc::clone(&block.readers);
                readers.read(block, self.place, self.from as usize..self.to as usize)
            }
            None => super::readers::gone(),
        }
    }
}
