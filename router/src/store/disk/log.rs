//! The blocks of the store on disk, one written after the other.
//!
//! Owns their files, which one is written to, and which makes room: the oldest whole, as in Traffic Server's cyclone. What
//! is asked for often is in memory meanwhile. Used by the writing thread alone; `Blocks` is what readers see of it.
#![allow(clippy::disallowed_types, reason = "the list of blocks: written when one begins, read when an entry is found")]

use super::block::{Block, Place};
use super::figures::Figures;
use super::index::{Index, LINE_BYTES, Line};
use super::readers::Readers;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, PoisonError, RwLock};

/// The store is as many blocks as this, unless they would be too small or too large.
const BLOCKS: u64 = 64;
/// Bounds of a block: an entry has to fit, and its places are 32 bits.
const BLOCK_BYTES: std::ops::RangeInclusive<u64> = (1 << 20)..=(2 << 30);
/// Blocks that made room and are still read may take this share beyond the size.
const PINNED_SHARE: u64 = 4;

/// The blocks that can be read.
#[derive(Debug, Default)]
pub(super) struct Blocks(RwLock<BTreeMap<u32, Arc<Block>>>);

impl Blocks {
    pub(super) fn get(&self, id: u32) -> Option<Arc<Block>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    fn insert(&self, block: Arc<Block>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(block.id(), block);
    }

    fn remove(&self, id: u32) -> Option<Arc<Block>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&id)
    }
}

/// The block that is written to.
#[derive(Debug)]
struct Current {
    block: Arc<Block>,
    lines: File,
}

/// The log.
#[derive(Debug)]
pub(super) struct Log {
    folder: PathBuf,
    size: u64,
    block_size: u64,
    blocks: Arc<Blocks>,
    index: Arc<Index>,
    readers: Arc<Readers>,
    figures: Arc<Figures>,
    /// The entries that were written to each block, by number.
    names: BTreeMap<u32, Vec<u64>>,
    /// Blocks that made room and may still be read: the last to let go of one closes its file, which must be this thread.
    retired: Vec<Arc<Block>>,
    /// Bytes of the blocks in the list.
    listed: u64,
    current: Option<Current>,
    next: u32,
}

fn block_path(folder: &Path, id: u32) -> PathBuf {
    folder.join(format!("{id:08x}.block"))
}

fn lines_path(folder: &Path, id: u32) -> PathBuf {
    folder.join(format!("{id:08x}.index"))
}

impl Log {
    /// An empty one.
    pub(super) fn new(folder: PathBuf, size: u64, readers: Arc<Readers>, figures: Arc<Figures>) -> Self {
        Self {
            folder,
            size,
            block_size: (size / BLOCKS).clamp(*BLOCK_BYTES.start(), *BLOCK_BYTES.end()),
            blocks: Arc::default(),
            index: Arc::new(Index::new()),
            readers,
            figures,
            names: BTreeMap::new(),
            retired: Vec::new(),
            listed: 0,
            current: None,
            next: 1,
        }
    }

    /// What readers see of it.
    pub(super) fn shared(&self) -> (Arc<Blocks>, Arc<Index>) {
        (Arc::clone(&self.blocks), Arc::clone(&self.index))
    }

    /// The largest record that is written.
    pub(super) fn record_max(&self) -> u64 {
        self.block_size / 4
    }

    /// Finds again what its folder holds. Returns the newest purge that something stored has seen.
    pub(super) fn restore(&mut self) -> io::Result<u64> {
        let mut ids = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(".block"));
            ids.extend(id.and_then(|id| u32::from_str_radix(id, 16).ok()));
        }
        ids.sort_unstable();
        let mut era = 0;
        for id in ids {
            era = self.restore_block(id)?.max(era);
            self.next = id.saturating_add(1);
        }
        while self.listed > self.size && !self.names.is_empty() {
            self.evict_oldest()?;
        }
        Ok(era)
    }

    fn restore_block(&mut self, id: u32) -> io::Result<u64> {
        let open = |path: PathBuf| OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let file = open(block_path(&self.folder, id))?;
        let lines = open(lines_path(&self.folder, id))?;
        let length = file.metadata()?.len();
        let (mut names, mut era, mut bytes) = (Vec::new(), 0, [0; LINE_BYTES]);
        let mut reader = BufReader::new(&lines);
        while reader.read_exact(&mut bytes).is_ok() {
            // Behind a torn line nothing can be trusted to be in its place.
            let Some(line) = Line::from_bytes(&bytes) else { break };
            era = era.max(line.era);
            names.push(line.name);
            self.index.remove(line.name);
            if line.length > 0 && u64::from(line.offset) + u64::from(line.length) <= length {
                let Line { offset, length, sum, .. } = line;
                self.index.insert(line.name, Place { block: id, offset, length, sum });
            }
        }
        lines.set_len((names.len() * LINE_BYTES) as u64)?;
        let block = Arc::new(Block::new(id, file, length, Arc::clone(&self.readers)));
        self.listed += length + (names.len() * LINE_BYTES) as u64;
        self.names.insert(id, names);
        self.blocks.insert(Arc::clone(&block));
        self.current = Some(Current { block, lines });
        Ok(era)
    }

    /// Writes bytes somewhere.
    ///
    /// # Errors
    /// When the system refuses; `WouldBlock` when blocks that are still read take the room.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<(Arc<Block>, Place)> {
        let fits = |current: &Current| current.block.length() + bytes.len() as u64 <= self.block_size;
        let block = match &self.current {
            Some(current) if fits(current) => Arc::clone(&current.block),
            _ => self.begin()?,
        };
        let place = block.append(bytes)?;
        self.listed += bytes.len() as u64;
        Ok((block, place))
    }

    /// Notes that an entry was written to its place, or, without one, that what the key had is gone.
    pub(super) fn note(&mut self, name: u64, place: Option<Place>, era: u64) -> io::Result<()> {
        let (offset, length, sum) = place.map_or((0, 0, 0), |place| (place.offset, place.length, place.sum));
        let Some(current) = &self.current else { return Ok(()) };
        if place.is_some_and(|place| place.block != current.block.id()) {
            return Err(io::Error::other("its block is not the one that is written to"));
        }
        let names = self.names.entry(current.block.id()).or_default();
        let at = (names.len() * LINE_BYTES) as u64;
        current.lines.write_all_at(&Line { name, offset, length, sum, era }.to_bytes(), at)?;
        names.push(name);
        self.listed += LINE_BYTES as u64;
        Ok(())
    }

    fn begin(&mut self) -> io::Result<Arc<Block>> {
        self.current = None;
        self.close_retired();
        while self.listed + self.block_size > self.size && !self.names.is_empty() {
            self.evict_oldest()?;
        }
        if self.figures.bytes.load(Relaxed) + self.block_size > self.size + self.size / PINNED_SHARE {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let id = self.next;
        // Counted up first: files of an attempt that failed half way stay behind.
        self.next = id.checked_add(1).ok_or(io::ErrorKind::FileTooLarge)?;
        let create = |path: PathBuf| OpenOptions::new().read(true).write(true).create_new(true).open(path);
        let file = create(block_path(&self.folder, id))?;
        let lines = create(lines_path(&self.folder, id))?;
        let block = Arc::new(Block::new(id, file, 0, Arc::clone(&self.readers)));
        self.names.insert(id, Vec::new());
        self.blocks.insert(Arc::clone(&block));
        self.current = Some(Current { block: Arc::clone(&block), lines });
        Ok(block)
    }

    /// Makes room: the oldest block is not found any more, and its files are unlinked.
    pub(super) fn evict_oldest(&mut self) -> io::Result<()> {
        let Some((id, names)) = self.names.pop_first() else { return Ok(()) };
        if self.current.as_ref().is_some_and(|current| current.block.id() == id) {
            self.current = None;
        }
        let block = self.blocks.remove(id);
        let length = block.as_ref().map_or(0, |block| block.length());
        self.listed = self.listed.saturating_sub(length + (names.len() * LINE_BYTES) as u64);
        self.retired.extend(block);
        let gone = names.iter().filter(|name| self.index.remove_if(**name, |place| place.block == id)).count();
        self.figures.evictions.fetch_add(gone as u64, Relaxed);
        // The lines first: without them the block is not looked into after a restart.
        unlink(&lines_path(&self.folder, id))?;
        unlink(&block_path(&self.folder, id))?;
        self.close_retired();
        Ok(())
    }

    /// Closes the files of those that nobody reads any more.
    pub(super) fn close_retired(&mut self) {
        self.retired.retain(|block| Arc::strong_count(block) > 1);
    }

    /// Drops everything.
    ///
    /// # Errors
    /// When a file could not be unlinked; what it holds would be found after a restart.
    pub(super) fn wipe(&mut self) -> io::Result<()> {
        let mut result = Ok(());
        while !self.names.is_empty() {
            result = self.evict_oldest().and(result);
        }
        result
    }

    /// Writes to no block that an error may have hurt.
    pub(super) fn abandon(&mut self) {
        self.current = None;
    }
}

fn unlink(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
