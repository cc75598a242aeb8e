//! The body of a file answer: nothing, bytes in memory, or a part of an open file read piece by piece.
//! Owns: reading off the worker, one bounded piece at a time. Never: holds more than one piece of a large file.
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

/// Up to this size a file is one piece, read before the head is sent: most of a bundle's files.
pub(super) const WHOLE_MAX: u64 = 256 * 1024;
/// How much of a larger file is in memory at a time.
const PIECE: u64 = 128 * 1024;

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
    Idle { file: Arc<File>, at: u64 },
    Reading { file: Arc<File>, at: u64, task: JoinHandle<io::Result<Bytes>> },
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

    /// A part of an open file. Blocks when it is small: then it is read at once.
    pub(super) fn part(file: File, part: Range<u64>) -> io::Result<Self> {
        let left = part.end - part.start;
        if left <= WHOLE_MAX {
            return read(&file, part.start, left).map(Self::whole);
        }
        Ok(Self { state: State::Idle { file: Arc::new(file), at: part.start }, left })
    }
}

/// Exactly `length` bytes. A file that has become shorter is an error: the length is promised in the head already.
fn read(file: &File, at: u64, length: u64) -> io::Result<Bytes> {
    let length = usize::try_from(length).map_err(io::Error::other)?;
    let mut piece = vec![0; length];
    file.read_exact_at(&mut piece, at)?;
    Ok(piece.into())
}

impl http_body::Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let body = self.get_mut();
        if body.left == 0 {
            body.state = State::Over;
        }
        loop {
            match std::mem::replace(&mut body.state, State::Over) {
                State::Over => return Poll::Ready(None),
                State::Whole(bytes) => {
                    body.left = 0;
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                State::Idle { file, at } => {
                    let (source, length) = (Arc::clone(&file), body.left.min(PIECE));
                    let task = tokio::task::spawn_blocking(move || read(&source, at, length));
                    body.state = State::Reading { file, at, task };
                }
                State::Reading { file, at, mut task } => {
                    let Poll::Ready(done) = Pin::new(&mut task).poll(cx) else {
                        body.state = State::Reading { file, at, task };
                        return Poll::Pending;
                    };
                    let piece = match done.map_err(io::Error::other).flatten() {
                        Ok(piece) => piece,
                        Err(error) => {
                            body.left = 0;
                            return Poll::Ready(Some(Err(error)));
                        }
                    };
                    body.left -= piece.len() as u64;
                    body.state = State::Idle { file, at: at + piece.len() as u64 };
                    return Poll::Ready(Some(Ok(Frame::data(piece))));
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
