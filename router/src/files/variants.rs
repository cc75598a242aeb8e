//! Variants of files that came without: br, zstd and gzip, made once in the background.
//! Owns: which files are worth it, how hard to try, and the bound in bytes. Never: runs on a worker or changes an index in
//! place: it gives a new one.
//! Called by: the control plane, on a thread that may block, after an index was published.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_lc_rs::digest::{SHA256, digest};
use brotli::enc::BrotliEncoderParams;
use bytes::Bytes;

use super::Bundle;
use super::entry::{Content, Entry, Form};
use super::index::{Index, tag, whole};
use super::tree;
use crate::cache::coding::Encoding;

/// Larger files are left as they are: to hold one and its variants would take too much memory at once. Our choice.
const SOURCE_MAX: u64 = 16 << 20;
/// A variant is kept when it saves at least one part in this many.
const SAVES_PART: u64 = 20;
/// Brotli's quality: 10 and 11 take ten times as long for some percent less.
const BROTLI_QUALITY: i32 = 9;
/// Brotli's window, as a power of two: its default, 4 MiB.
const BROTLI_WINDOW: i32 = 22;
/// zstd's level: the last whose window stays below the 8 MiB that browsers take (RFC 9659) with room to spare.
const ZSTD_LEVEL: i32 = 15;

/// Variants that were made for one index.
#[derive(Debug)]
pub struct Variants {
    /// The index that they were made for.
    of: Arc<Index>,
    /// The same with them.
    index: Arc<Index>,
}

impl Bundle {
    /// Whether variants are still to be made.
    pub fn wants_variants(&self) -> bool {
        self.settings.compress && !self.index.has_variants
    }

    /// Makes what is missing, as far as memory allows, smallest files first. None when `stop` was set meanwhile. Blocks.
    pub fn make_variants(&self, stop: &AtomicBool) -> Option<Variants> {
        let (files, made) = self.index.in_memory();
        let mut room = self.settings.memory.saturating_sub(files + made);
        let mut entries: Vec<Arc<Entry>> = self.index.entries.to_vec();
        let mut order: Vec<usize> = (0..entries.len()).filter(|at| entries[*at].is_compressible).collect();
        order.sort_unstable_by_key(|at| entries[*at].plain.length);
        for at in order {
            let missing = Encoding::ALL.into_iter().filter(|encoding| entries[at].coded[*encoding as usize].is_none());
            let missing: Vec<Encoding> = missing.collect();
            // A file that is being replaced right now is not worth an error: the next index has it.
            let Ok(Some(plain)) = bytes_of(&entries[at]) else { continue };
            for encoding in missing {
                if stop.load(Ordering::Relaxed) {
                    return None;
                }
                let Some(form) = made_form(&plain, encoding).filter(|form| form.length <= room) else { continue };
                room -= form.length;
                self.meters.made(encoding.name());
                Arc::make_mut(&mut entries[at]).coded[encoding as usize] = Some(form);
            }
        }
        let index = Index { entries: entries.into(), has_variants: true, ..Index::clone(&self.index) };
        Some(Variants { of: Arc::clone(&self.index), index: Arc::new(index) })
    }

    /// The same bundle with these variants; none when it has another index by now.
    pub fn with_variants(&self, variants: &Variants) -> Option<Self> {
        let same = Arc::ptr_eq(&self.index, &variants.of);
        same.then(|| Self { index: Arc::clone(&variants.index), ..self.clone() })
    }
}

/// The plain bytes; none when there are too many.
fn bytes_of(entry: &Entry) -> io::Result<Option<Bytes>> {
    if entry.plain.length > SOURCE_MAX {
        return Ok(None);
    }
    match &entry.plain.content {
        Content::Memory(bytes) => Ok(Some(bytes.clone())),
        Content::Disk(disk) => whole(&tree::open(&disk.path, disk.stamp)?, disk.stamp).map(Some),
    }
}

/// A variant; none when it does not save enough, or the library fails, which memory does not.
fn made_form(plain: &[u8], encoding: Encoding) -> Option<Form> {
    let bytes = compressed(plain, encoding).ok()?;
    let (length, whole) = (bytes.len() as u64, plain.len() as u64);
    if length + whole / SAVES_PART > whole {
        return None;
    }
    let tag = tag(digest(&SHA256, &bytes).as_ref());
    Some(Form { tag, length, content: Content::Memory(bytes.into()), is_made: true })
}

fn compressed(plain: &[u8], encoding: Encoding) -> io::Result<Vec<u8>> {
    match encoding {
        Encoding::Brotli => {
            let mut params = BrotliEncoderParams { quality: BROTLI_QUALITY, ..BrotliEncoderParams::default() };
            params.lgwin = BROTLI_WINDOW;
            params.size_hint = plain.len();
            let mut bytes = Vec::with_capacity(plain.len() / 3);
            brotli::BrotliCompress(&mut &plain[..], &mut bytes, &params)?;
            Ok(bytes)
        }
        Encoding::Zstd => zstd::bulk::compress(plain, ZSTD_LEVEL),
        Encoding::Gzip => {
            let into = Vec::with_capacity(plain.len() / 3);
            let mut encoder = flate2::write::GzEncoder::new(into, flate2::Compression::best());
            encoder.write_all(plain)?;
            encoder.finish()
        }
    }
}
