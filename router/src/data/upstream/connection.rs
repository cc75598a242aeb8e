//! One connection to an origin: the stream, its read buffer, its timer. Owns the gauge of open connections by existing.
//! Never frames or parses. Lives in the pool, in an attempt, in a response body, or as the end of a tunnel.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf as IoBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::pool::Counters;
use crate::data::h1::deadline::Deadline;
use crate::data::h1::io::{Io, ReadBuf};
use crate::snapshot::origin::Origin;

/// Plain or TLS.
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// See the module's description.
pub(crate) struct OriginConnection {
    pub(crate) stream: Stream,
    pub(crate) read: ReadBuf,
    pub(crate) timer: Deadline,
    pub(crate) origin: Origin,
    _open: Open,
}

/// Counts one open connection for as long as it lives.
struct Open(Rc<Counters>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get() - 1);
    }
}

impl OriginConnection {
    pub(crate) fn new(stream: Stream, origin: Origin, counters: &Rc<Counters>) -> Self {
        counters.open.set(counters.open.get() + 1);
        counters.created.set(counters.created.get() + 1);
        let open = Open(counters.clone());
        Self { stream, read: ReadBuf::default(), timer: Deadline::default(), origin, _open: open }
    }

    /// Whether nothing happened on the idle connection: no end, no bytes. Anything else makes it unusable.
    pub(crate) fn is_quiet(&mut self, cx: &mut Context<'_>) -> bool {
        self.read.poll_fill(&mut self.stream, 1, cx).is_pending()
    }

    /// Asks the kernel, past the runtime's possibly old knowledge, whether the origin has closed or sent anything.
    /// A system call more: only for requests that cannot be repeated if the connection turns out to be stale.
    pub(crate) fn is_quiet_now(&self) -> bool {
        let tcp = match &self.stream {
            Stream::Plain(tcp) => tcp,
            Stream::Tls(tls) => tls.get_ref().0,
        };
        let peeked = socket2::SockRef::from(tcp).peek(&mut [MaybeUninit::uninit()]);
        matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

macro_rules! delegate {
    ($self:ident, $method:ident, $($argument:expr),*) => {
        match $self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).$method($($argument),*),
            Stream::Tls(stream) => Pin::new(stream).$method($($argument),*),
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut IoBuf<'_>) -> Poll<io::Result<()>> {
        delegate!(self, poll_read, cx, into)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        delegate!(self, poll_write, cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        delegate!(self, poll_write_vectored, cx, slices)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, poll_flush, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, poll_shutdown, cx)
    }
}

impl Io for Stream {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Plain(tcp) => tcp.poll_readable(cx),
            // It may hold bytes that the socket has given already.
            Self::Tls(_) => Poll::Ready(()),
        }
    }
}

/// As the end of a tunnel, where the read buffer has been emptied already.
impl AsyncRead for OriginConnection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut IoBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, into)
    }
}

impl AsyncWrite for OriginConnection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

impl Io for OriginConnection {}
