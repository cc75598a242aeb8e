//! Signs of life of an HTTP/2 connection.
//!
//! Owns when a connection counts as silent: no stream is open and nothing of an answer has left. Never closes anything itself.

use crate::base::clock::monotonic;
use crate::data::h1::Io;
use std::cell::Cell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A write of less is not taken for an answer's: PING, SETTINGS and WINDOW_UPDATE have 9 bytes of head and up to 8 more
/// (RFC 9113 sections 4.1 and 6), and a few may go at once.
const CONTROL_MAX: usize = 64;

/// What is under way on one connection, and when something of it last went on.
#[derive(Debug)]
pub(super) struct Life {
    /// Streams whose answer was not handed over whole.
    open: Cell<usize>,
    last: Cell<Instant>,
}

impl Life {
    pub(super) fn new() -> Self {
        Self { open: Cell::new(0), last: Cell::new(monotonic()) }
    }

    /// A stream was opened. It is open until the result is dropped.
    pub(super) fn open(self: &Rc<Self>) -> Open {
        self.open.set(self.open.get() + 1);
        self.sign();
        Open(Rc::clone(self))
    }

    /// Something happened.
    pub(super) fn sign(&self) {
        self.last.set(monotonic());
    }

    /// Returns when the connection was silent for this long.
    pub(super) async fn silent(&self, limit: Duration) {
        loop {
            let silent = if self.open.get() > 0 { Duration::ZERO } else { self.last.get().elapsed() };
            if silent >= limit {
                return;
            }
            tokio::time::sleep(limit - silent).await;
        }
    }
}

/// One stream that is open.
#[derive(Debug)]
pub(super) struct Open(Rc<Life>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get() - 1);
        self.0.sign();
    }
}

/// A socket whose larger writes are signs of life: answers leave the buffers of h2 long after their streams have ended.
#[derive(Debug)]
pub(super) struct Socket<T> {
    pub(super) io: T,
    pub(super) life: Rc<Life>,
}

impl<T> Socket<T> {
    fn wrote(&self, bytes: usize) -> Poll<io::Result<usize>> {
        if bytes >= CONTROL_MAX {
            self.life.sign();
        }
        Poll::Ready(Ok(bytes))
    }
}

impl<T: Io> AsyncRead for Socket<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<T: Io> AsyncWrite for Socket<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let bytes = ready!(Pin::new(&mut self.io).poll_write(cx, buf))?;
        self.wrote(bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, bufs))?;
        self.wrote(bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
