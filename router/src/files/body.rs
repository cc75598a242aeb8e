//! The body of a file answer: bytes in memory, or parts of an open file read piece by piece.
//! Owns: reading off the worker, one bounded piece at a time and one ahead. Never: holds more than two pieces of a file,
//! or mixes two states of it.
//! Called by: `files::answer`; polled by whatever writes the response.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::task::JoinHandle;

use super::tree::{self, Stamp};

/// One piece of a file.
const PIECE: u64 = 128 * 1024;

/// An open file, and what it was when it was indexed.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub file: Arc<File>,
    pub stamp: Stamp,
}

/// The body of a file answer.
#[derive(Debug)]
pub enum FileBody {
    /// All of it is there.
    Memory(Bytes),
    /// Some of it is still in a file, or it has several parts.
    Pieces(Pieces),
}

/// Segments one behind the other.
#[derive(Debug)]
pub struct Pieces {
    rest: VecDeque<Segment>,
    /// What is being read of a file, to go before the rest.
    ahead: Option<JoinHandle<io::Result<Bytes>>>,
    /// Bytes still to be handed on.
    left: u64,
}

/// One segment.
#[derive(Debug)]
pub(super) enum Segment {
    /// These bytes.
    Bytes(Bytes),
    /// A span of a file; never empty.
    Span(Source, Range<u64>),
}

impl FileBody {
    /// No bytes.
    pub(super) fn empty() -> Self {
        Self::Memory(Bytes::new())
    }

    /// Segments that are joined.
    pub(super) fn joined(segments: impl IntoIterator<Item = Segment>) -> Self {
        let rest: VecDeque<Segment> = segments.into_iter().collect();
        let left = rest.iter().map(Segment::length).sum();
        Self::Pieces(Pieces { rest, ahead: None, left })
    }

    /// The same; the first piece of a file is read at once, which blocks, so that a file that is gone is known before the head.
    pub(super) fn begun(segments: impl IntoIterator<Item = Segment>) -> io::Result<Self> {
        let mut rest: VecDeque<Segment> = segments.into_iter().collect();
        let first = rest.iter().position(|segment| matches!(segment, Segment::Span(..)));
        if let Some(first) = first
            && let Some((source, piece)) = next_piece(&mut rest, first)
        {
            rest.insert(first, Segment::Bytes(read(&source, piece)?));
        }
        match rest.make_contiguous() {
            [Segment::Bytes(bytes)] => Ok(Self::Memory(std::mem::take(bytes))),
            _ => Ok(Self::joined(rest)),
        }
    }

    /// Bytes still to be handed on.
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Pieces(pieces) => pieces.left,
        }
    }
}

impl Segment {
    fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Span(_, span) => span.end - span.start,
        }
    }
}

/// Takes the first piece off the span that stands there; none when none does.
fn next_piece(segments: &mut VecDeque<Segment>, at: usize) -> Option<(Source, Range<u64>)> {
    let Some(Segment::Span(source, span)) = segments.get_mut(at) else { return None };
    let piece = span.start..span.end.min(span.start.saturating_add(PIECE));
    let source = source.clone();
    span.start = piece.end;
    if span.is_empty() {
        segments.remove(at);
    }
    Some((source, piece))
}

/// These bytes, of the file as it was indexed: a body must not begin in one build and end in the next.
fn read(source: &Source, span: Range<u64>) -> io::Result<Bytes> {
    let length = usize::try_from(span.end - span.start).map_err(io::Error::other)?;
    let mut piece = vec![0; length];
    source.file.read_exact_at(&mut piece, span.start)?;
    tree::check(&source.file, source.stamp)?;
    Ok(piece.into())
}

impl Pieces {
    /// Hands on what comes next, and has what is behind it read meanwhile.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            if let Some(task) = &mut self.ahead {
                let read = ready!(Pin::new(task).poll(cx)).map_err(io::Error::other).flatten();
                self.ahead = None;
                match read {
                    Ok(bytes) => self.rest.push_front(Segment::Bytes(bytes)),
                    Err(error) => {
                        (self.left, self.rest) = (0, VecDeque::new());
                        return Poll::Ready(Some(Err(error)));
                    }
                }
            }
            let bytes = self.rest.pop_front_if(|next| matches!(next, Segment::Bytes(_)));
            if let Some((source, piece)) = next_piece(&mut self.rest, 0) {
                self.ahead = Some(tokio::task::spawn_blocking(move || read(&source, piece)));
            }
            if let Some(Segment::Bytes(bytes)) = bytes {
                self.left -= bytes.len() as u64;
                return Poll::Ready(Some(Ok(bytes)));
            }
            if self.ahead.is_none() {
                return Poll::Ready(None);
            }
        }
    }
}

impl http_body::Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.get_mut() {
            Self::Memory(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Memory(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Pieces(pieces) => pieces.poll_next(cx).map(|next| next.map(|next| next.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.length() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length())
    }
}
