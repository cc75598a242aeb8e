//! What of a file an answer has: all, one span, or several with fields between them (RFC 9110 section 14.6).
//! Owns: how these become a body. Never: decides which: `cache::range` does.
//! Called by: `files::answer`.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::body::{FileBody, Segment, Source};
use super::entry::Disk;
use super::tree;
use crate::cache::multipart::Multipart;

/// What of a file an answer has.
pub(super) enum Parts {
    /// One span of it, or all.
    One(Range<u64>),
    /// Several, with fields between them.
    Several(Multipart),
}

impl Parts {
    /// Bytes of the body.
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::One(span) => span.end - span.start,
            Self::Several(several) => several.length,
        }
    }

    /// The body, of content that is in memory.
    pub(super) fn of_bytes(self, content: &Bytes) -> FileBody {
        match self {
            Self::One(span) => FileBody::Memory(within(content, span)),
            several => FileBody::joined(several.segments(|span| Segment::Bytes(within(content, span)))),
        }
    }

    /// The body, of content that is on disk. Opens the file and reads its first piece, which blocks.
    ///
    /// # Errors
    /// The system's, and a stale handle when the file is not the one that was indexed.
    pub(super) fn of_file(self, disk: &Disk) -> io::Result<FileBody> {
        let file = disk.held.clone().map_or_else(|| tree::open(&disk.path, disk.stamp).map(Arc::new), Ok)?;
        let source = Source { file, stamp: disk.stamp };
        FileBody::begun(self.segments(|span| Segment::Span(source.clone(), span)))
    }

    fn segments(self, span: impl Fn(Range<u64>) -> Segment) -> Vec<Segment> {
        let several = match self {
            Self::One(part) => return vec![span(part)],
            Self::Several(several) => several,
        };
        let parts = several.parts.into_iter().flat_map(|part| [Segment::Bytes(part.head.into()), span(part.span)]);
        parts.chain([Segment::Bytes(several.end.into())]).collect()
    }
}

/// A span of bytes, whose length is a `usize`.
fn within(content: &Bytes, span: Range<u64>) -> Bytes {
    content.slice(usize::try_from(span.start).unwrap_or(0)..usize::try_from(span.end).unwrap_or(content.len()))
}
