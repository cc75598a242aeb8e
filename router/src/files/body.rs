//! The body of a file answer: nothing, bytes in memory, or a part of an open file read piece by piece.
//! Owns: reading off the worker, one bounded piece at a time and one ahead. Never: holds more than two pieces of a file,
//! or mixes two states of it.
//! Called by: `files::answer`; polled by whatever writes the response.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

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
pub struct FileBody {
    state: State,
    /// Bytes still to be handed on.
    left: u64,
}

#[derive(Debug)]
enum State {
    Whole(Bytes),
    Piece { bytes: Bytes, source: Source, at: u64 },
    Reading { source: Source, at: u64, task: JoinHandle<io::Result<Bytes>> },
    Over,
}

impl FileBody {
    /// No bytes.
    pub(super) fn empty() -> Self {
        Self { state: State::Over, left: 0 }
    }

    /// Bytes that are in memory.
    pub(super) fn whole(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { left: bytes.len() as u64, state: State::Whole(bytes) }
    }

    /// All of the body when it is in memory.
    ///
    /// # Errors
    /// The body itself, when it is still to be read from a file.
    pub fn into_bytes(self) -> Result<Bytes, Self> {
        match self.state {
            State::Whole(bytes) => Ok(bytes),
            State::Over => Ok(Bytes::new()),
            _ => Err(self),
        }
    }

    /// Bytes still to be handed on.
    pub(super) fn length(&self) -> u64 {
        self.left
    }

    /// A part of a file; its first piece is read at once, which blocks, so that a file that is gone is known before the head.
    pub(super) fn part(source: Source, part: Range<u64>) -> io::Result<Self> {
        let left = part.end - part.start;
        let bytes = read(&source, part.start, left.min(PIECE))?;
        if bytes.len() as u64 == left {
            return Ok(Self::whole(bytes));
        }
        Ok(Self { state: State::Piece { bytes, source, at: part.start }, left })
    }
}

/// Exactly `length` bytes, of the file as it was indexed: a body must not begin in one build and end in the next.
fn read(source: &Source, at: u64, length: u64) -> io::Result<Bytes> {
    let length = usize::try_from(length).map_err(io::Error::other)?;
    let mut piece = vec![0; length];
    source.file.read_exact_at(&mut piece, at)?;
    tree::check(&source.file, source.stamp)?;
    Ok(piece.into())
}

impl http_body::Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let body = self.get_mut();
        loop {
            match std::mem::replace(&mut body.state, State::Over) {
                State::Over => return Poll::Ready(None),
                State::Whole(bytes) => {
                    body.left = 0;
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                State::Piece { bytes, source, at } => {
                    body.left -= bytes.len() as u64;
                    let at = at + bytes.len() as u64;
                    if body.left > 0 {
                        let (from, length) = (source.clone(), body.left.min(PIECE));
                        let task = tokio::task::spawn_blocking(move || read(&from, at, length));
                        body.state = State::Reading { source, at, task };
                    }
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                State::Reading { source, at, mut task } => {
                    let Poll::Ready(done) = Pin::new(&mut task).poll(cx) else {
                        body.state = State::Reading { source, at, task };
                        return Poll::Pending;
                    };
                    match done.map_err(io::Error::other).flatten() {
                        Ok(bytes) => body.state = State::Piece { bytes, source, at },
                        Err(error) => {
                            body.left = 0;
                            return Poll::Ready(Some(Err(error)));
                        }
                    }
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
