//! A connection that stopped being HTTP: the origin's side of a 101, and the copying between it and the client.
//! Owns bytes that were read past the head, and knows how many have passed; never looks at them. Made by `upstream`, run by
//! the client connection.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::io::Io;

/// The origin's end of an upgraded connection.
pub struct Tunnel {
    early: Bytes,
    io: Box<dyn Io>,
    idle: Duration,
    moved: Rc<Cell<u64>>,
}

impl Tunnel {
    /// `early` was read behind the 101 head and comes out first. It may be silent in both directions for `idle`.
    #[must_use]
    pub fn new(io: Box<dyn Io>, early: Bytes, idle: Duration) -> Self {
        Self { early, io, idle, moved: Rc::default() }
    }

    /// How long no byte may move.
    pub(crate) fn idle(&self) -> Duration {
        self.idle
    }

    /// Bytes that have moved from and to the origin; goes on counting.
    pub(crate) fn moved(&self) -> Rc<Cell<u64>> {
        Rc::clone(&self.moved)
    }

    fn count(&self, bytes: usize) {
        self.moved.set(self.moved.get().wrapping_add(bytes as u64));
    }
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tunnel").field("early", &self.early.len()).finish_non_exhaustive()
    }
}

impl AsyncRead for Tunnel {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        if self.early.is_empty() {
            ready!(Pin::new(&mut self.io).poll_read(cx, into))?;
        } else {
            let take = self.early.len().min(into.remaining());
            into.put_slice(&self.early[..take]);
            self.early.advance(take);
        }
        self.count(into.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write(cx, bytes))?;
        self.count(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
