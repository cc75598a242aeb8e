//! What the codec needs of a socket, and the one way it reads from it.
//! Owns the read buffer's growth (16 to 64 KiB while a body streams) and its return when idle; never parses.
//! Used by client connections and by upstream connections.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;

use super::buffers;

/// The smallest and the largest read, in bytes. 16 KiB is one TLS record; beyond 64 KiB reads stop paying.
pub const READ_MIN: usize = 16 * 1024;
/// See [`READ_MIN`].
pub const READ_MAX: usize = 64 * 1024;

/// A byte stream that can also be cut off, so that a peer never takes an abort for an orderly end.
pub trait Io: AsyncRead + AsyncWrite + Unpin {
    /// Makes the close that follows a reset instead of an orderly end, where the transport has that difference.
    fn cut(&mut self) {}

    /// Pending when a read would be, told without a buffer; ready when only a read can tell.
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        let _ = cx;
        Poll::Ready(())
    }
}

impl Io for TcpStream {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        // What is wrong with the socket, the read says.
        self.poll_read_ready(cx).map(drop)
    }

    fn cut(&mut self) {
        // Best effort: the socket may be gone already, which is the same to the peer.
        let _ = self.set_zero_linger();
    }
}

impl<T: Io> Io for tokio_rustls::server::TlsStream<T> {
    fn cut(&mut self) {
        self.get_mut().0.cut();
    }
}

impl<T: Io> Io for tokio_rustls::client::TlsStream<T> {
    fn cut(&mut self) {
        self.get_mut().0.cut();
    }
}

impl Io for tokio::io::DuplexStream {}

/// A read buffer that grows while reads fill it and goes back to the worker's pool when it is empty and idle.
#[derive(Default)]
pub(crate) struct ReadBuf {
    pub(crate) bytes: BytesMut,
    /// The room of the next read, in bytes.
    target: usize,
}

impl ReadBuf {
    /// Reads once, into at least `min_room` bytes of room. `Ok(0)` is the end of the stream.
    /// A pending read with nothing buffered keeps no memory.
    pub(crate) fn poll_fill<T: Io + ?Sized>(
        &mut self,
        io: &mut T,
        min_room: usize,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if io.poll_readable(cx).is_pending() {
            self.release();
            return Poll::Pending;
        }
        self.make_room(min_room);
        let room = self.bytes.capacity() - self.bytes.len();
        let polled = {
            let read = pin!(io.read_buf(&mut self.bytes));
            Future::poll(read, cx)
        };
        match polled {
            Poll::Pending => {
                self.release();
                Poll::Pending
            }
            Poll::Ready(Ok(read)) => {
                if read == room {
                    self.target = (self.target * 2).clamp(READ_MIN, READ_MAX);
                } else if read < self.target / 4 {
                    self.target = (self.target / 2).max(READ_MIN);
                }
                Poll::Ready(Ok(read))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
        }
    }

    fn make_room(&mut self, min_room: usize) {
        if self.bytes.capacity() == 0 {
            self.target = self.target.max(READ_MIN);
            self.bytes = buffers::take_read(self.target);
        }
        let room = self.bytes.capacity() - self.bytes.len();
        // An empty buffer moves back to its start, or grows: what streams is read in large pieces.
        if room < min_room.max(1) || (self.bytes.is_empty() && room <= self.target / 2) {
            self.bytes.reserve(self.target.max(min_room));
        }
    }

    /// Gives an empty buffer back to the worker's pool.
    pub(crate) fn release(&mut self) {
        if self.bytes.is_empty() && self.bytes.capacity() > 0 {
            buffers::give_read(std::mem::take(&mut self.bytes));
        }
    }
}

impl Drop for ReadBuf {
    fn drop(&mut self) {
        if self.bytes.capacity() > 0 {
            buffers::give_read(std::mem::take(&mut self.bytes));
        }
    }
}

/// One write of these slices; `Ready(Ok(n))` with the bytes that were taken, never zero.
pub(crate) fn poll_write_slices<T: Io + ?Sized>(
    mut io: &mut T,
    slices: &[io::IoSlice<'_>],
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let written = match slices {
        [one] => ready!(Pin::new(&mut io).poll_write(cx, one))?,
        many => ready!(Pin::new(&mut io).poll_write_vectored(cx, many))?,
    };
    if written == 0 { Poll::Ready(Err(io::ErrorKind::WriteZero.into())) } else { Poll::Ready(Ok(written)) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use tokio::io::AsyncWriteExt;

    /// Sizes of all reads of a stream of `len` bytes, each of which is taken out as soon as it was read.
    async fn reads(len: usize) -> Vec<usize> {
        let (mut near, mut far) = tokio::io::duplex(len);
        far.write_all(&vec![b'x'; len]).await.unwrap();
        drop(far);
        let (mut buffer, mut sizes) = (ReadBuf::default(), Vec::new());
        loop {
            match std::future::poll_fn(|cx| buffer.poll_fill(&mut near, 1, cx)).await.unwrap() {
                0 => return sizes,
                size => sizes.push(size),
            }
            drop(buffer.bytes.split().freeze());
        }
    }

    #[tokio::test]
    async fn reads_grow_while_a_body_streams() {
        let sizes = reads(400 * 1024).await;
        assert_eq!(sizes[..4], [READ_MIN, 2 * READ_MIN, READ_MAX, READ_MAX]);
        assert_eq!(sizes.iter().sum::<usize>(), 400 * 1024);
    }
}
