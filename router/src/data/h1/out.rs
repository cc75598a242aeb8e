//! What waits to be written to one socket: flat bytes (heads, small frames), then at most one large frame, then its
//! chunk ending. All three leave in one `writev`. Owns order and partial writes; never frames anything itself.
//! Used by client connections and by the request pump of upstream connections.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

use super::buffers;
use super::io::{Io, poll_write_slices};

/// Frames up to this size are copied next to the head: cheaper than another `iovec`.
const COPY_MAX: usize = 4 * 1024;
/// Flat bytes that may gather before they are written.
const GATHER_MAX: usize = 16 * 1024;

/// The write side of one connection.
#[derive(Default)]
pub(crate) struct Out {
    flat: Vec<u8>,
    written: usize,
    large: Bytes,
    tail: &'static [u8],
    /// Bytes handed to the transport that it may still buffer (TLS).
    unflushed: bool,
    /// All bytes ever taken by the transport: a stalled peer is one for which this stands still.
    total: u64,
}

impl Out {
    pub(crate) fn is_empty(&self) -> bool {
        self.written == self.flat.len() && self.large.is_empty() && self.tail.is_empty() && !self.unflushed
    }

    /// Whether more may be put in before a write.
    pub(crate) fn has_room(&self) -> bool {
        self.large.is_empty() && self.tail.is_empty() && self.flat.len() - self.written < GATHER_MAX
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The flat bytes, to append to. Only while [`Self::has_room`].
    pub(crate) fn flat(&mut self) -> &mut Vec<u8> {
        debug_assert!(self.large.is_empty() && self.tail.is_empty(), "flat bytes after a large frame");
        if self.flat.capacity() == 0 {
            self.flat = buffers::take_write();
        }
        &mut self.flat
    }

    /// Appends a frame, and the bytes that must follow it. Only while [`Self::has_room`].
    pub(crate) fn push(&mut self, data: Bytes, tail: &'static [u8]) {
        if data.len() <= COPY_MAX {
            let flat = self.flat();
            flat.extend_from_slice(&data);
            flat.extend_from_slice(tail);
        } else {
            self.large = data;
            self.tail = tail;
        }
    }

    /// Writes until nothing is left.
    pub(crate) fn poll_flush<T: Io + ?Sized>(&mut self, io: &mut T, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let flat = &self.flat[self.written..];
            let taken = match (flat.is_empty(), self.large.is_empty() && self.tail.is_empty()) {
                (true, true) => break,
                (false, true) => ready!(poll_write_slices(io, &[IoSlice::new(flat)], cx))?,
                _ => {
                    let slices = [IoSlice::new(flat), IoSlice::new(&self.large), IoSlice::new(self.tail)];
                    let first = slices.iter().position(|slice| !slice.is_empty()).unwrap_or(0);
                    ready!(poll_write_slices(io, &slices[first..], cx))?
                }
            };
            self.advance(taken);
        }
        if self.unflushed {
            ready!(AsyncWrite::poll_flush(Pin::new(&mut *io), cx))?;
            self.unflushed = false;
        }
        self.flat.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }

    fn advance(&mut self, mut taken: usize) {
        self.total += taken as u64;
        self.unflushed = true;
        let flat = taken.min(self.flat.len() - self.written);
        self.written += flat;
        taken -= flat;
        let large = taken.min(self.large.len());
        self.large.advance(large);
        if self.large.is_empty() {
            // Lets the read buffer that the frame was cut from be reclaimed.
            self.large = Bytes::new();
        }
        self.tail = &self.tail[(taken - large).min(self.tail.len())..];
    }

    /// Gives the flat buffer back to the worker while there is nothing to write.
    pub(crate) fn release(&mut self) {
        if self.is_empty() {
            self.written = 0;
            buffers::give_write(std::mem::take(&mut self.flat));
        }
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        buffers::give_write(std::mem::take(&mut self.flat));
    }
}
