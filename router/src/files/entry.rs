//! A file as the index knows it: what its answers say, and where its bytes are.
//! Owns: the forms of a file (plain, and one for each coding). Never: reads files or chooses a form for a request.
//! Called by: `index` and `variants` make them, `answer` reads them.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;

use super::tree::Stamp;
use crate::cache::coding::Encoding;

/// A file on the disk.
#[derive(Debug)]
pub(super) struct Disk {
    /// Where it really is.
    pub path: PathBuf,
    pub stamp: Stamp,
    /// Kept open, so that it can be read after it was taken away.
    pub held: Option<Arc<File>>,
}

/// Where bytes are.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Memory(Bytes),
    Disk(Arc<Disk>),
}

/// The bytes of a file in one coding.
#[derive(Debug, Clone)]
pub(super) struct Form {
    /// Strong: the hash of the bytes.
    pub tag: HeaderValue,
    pub length: u64,
    pub content: Content,
    /// Made here, not found beside the file.
    pub is_made: bool,
}

impl Form {
    /// Bytes held in memory.
    pub(super) fn in_memory(&self) -> u64 {
        if matches!(self.content, Content::Memory(_)) { self.length } else { 0 }
    }

    /// A file kept open for it.
    pub(super) fn holds_file(&self) -> bool {
        matches!(&self.content, Content::Disk(disk) if disk.held.is_some())
    }
}

/// A file in all of its forms.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub content_type: HeaderValue,
    pub cache_control: HeaderValue,
    /// Its name may change with its content: pages of its build ask for it after the next came.
    pub is_kept: bool,
    /// Last change of the plain file, seconds since 1970, and the same as a date.
    pub modified: Option<(u64, HeaderValue)>,
    /// What it needs is named beforehand.
    pub link: Option<HeaderValue>,
    /// Worth compressing, by its type.
    pub is_compressible: bool,
    pub plain: Form,
    /// By `Encoding as usize`.
    pub coded: [Option<Form>; Encoding::ALL.len()],
}

impl Entry {
    /// Whether the answer depends on `Accept-Encoding`, now or once variants are made.
    pub(super) fn varies(&self) -> bool {
        self.is_compressible || self.coded.iter().any(Option::is_some)
    }

    /// All forms.
    pub(super) fn forms(&self) -> impl Iterator<Item = &Form> {
        std::iter::once(&self.plain).chain(self.coded.iter().flatten())
    }

    /// Whether its bytes can be had without its name on the disk.
    pub(super) fn outlives_its_name(&self) -> bool {
        self.plain.holds_file() || matches!(self.plain.content, Content::Memory(_))
    }
}
