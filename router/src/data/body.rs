//! The one body type of the data plane: what a request brings, what an origin answers, what the router makes itself.
//! Owns the dispatch between transports and the exact-length rule that framing is chosen by. Never buffers, never
//! decides about retries. Used by both HTTP/1.1 codecs, by hyper for HTTP/2, and by everything that builds a response.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::h1::chunked::ChunkError;
use super::h1::incoming::RequestBody;
use super::h1::tunnel::Tunnel;
use super::h2;
use super::interim::Interim;
use super::upstream::incoming::ResponseBody;
use crate::files::FileBody;
use http_body_util::BodyExt;

/// Why a body ended without being complete. Whose fault it is follows from whose body it is.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The connection closed before the declared end (RFC 9112 section 8).
    #[error("the connection closed before the body was complete")]
    Truncated,
    /// The chunked coding or a trailer field was malformed.
    #[error("the body is malformed: {0}")]
    Malformed(#[from] ChunkError),
    /// The peer stalled for longer than the setting allows.
    #[error("no byte of the body came within the time allowed")]
    TimedOut,
    /// An upgraded connection was silent in both directions for longer than the setting allows.
    #[error("no byte moved through the upgraded connection within the time allowed")]
    Idle,
    /// More or fewer bytes than `content-length` promised.
    #[error("the body has a different length than its content-length of {declared} bytes")]
    Length {
        /// What the head promised, in bytes.
        declared: u64,
    },
    /// The handle outlived its exchange.
    #[error("the exchange of this body is over")]
    Abandoned,
    /// The socket failed.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    /// The HTTP/2 stream failed.
    #[error("the HTTP/2 stream failed: {0}")]
    Http2(#[source] ::h2::Error),
    /// The request body failed while the response was still being read, so the response cannot be trusted to end.
    #[error("the request body failed during the response: {0}")]
    Request(#[source] Box<BodyError>),
    /// A failure of a boxed body (a file, a cache entry).
    #[error("{0}")]
    Other(#[source] Box<dyn StdError + Send + Sync>),
}

impl BodyError {
    /// Whether, of a request body, it means that the client has gone.
    pub(super) fn is_departure(&self) -> bool {
        matches!(self, Self::Truncated | Self::Io(_) | Self::Http2(_))
    }
}

/// Sees a body pass. Dropping it without `end` means that the body was abandoned half way.
pub trait BodyWatch {
    /// A data frame of this many bytes was handed on.
    fn data(&mut self, bytes: usize);
    /// The body ended: completely, or with an error.
    fn end(&mut self, error: Option<&BodyError>);
}

type Boxed = Pin<Box<dyn http_body::Body<Data = Bytes, Error = BodyError>>>;

/// A request or response body. Not `Send`: it belongs to the worker whose connection it reads.
#[derive(Default)]
pub struct Body {
    kind: Kind,
    watch: Option<Box<dyn BodyWatch>>,
    /// Whether the watch was told of the end.
    ended: bool,
}

#[derive(Default)]
enum Kind {
    #[default]
    Empty,
    Full(Bytes),
    /// From an HTTP/1.1 client.
    Client(RequestBody),
    /// From an HTTP/1.1 origin.
    Origin(Box<ResponseBody>),
    /// From an HTTP/2 client.
    Http2(Box<h2::RequestBody>),
    Boxed(Boxed),
    /// No body: the two ends become a byte stream (101).
    Tunnel(Box<Tunnel>),
}

// It is moved a dozen times in each exchange: what is larger is boxed.
const _: () = assert!(size_of::<Body>() <= 64);

impl Body {
    /// No bytes at all.
    #[must_use]
    pub const fn empty() -> Self {
        Self { kind: Kind::Empty, watch: None, ended: false }
    }

    /// These bytes, with an exact length.
    #[must_use]
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        if bytes.is_empty() { Self::empty() } else { Kind::Full(bytes).into() }
    }

    /// Any other body: a file, a cache entry that is still filling.
    #[must_use]
    pub fn boxed(body: impl http_body::Body<Data = Bytes, Error = BodyError> + 'static) -> Self {
        Kind::Boxed(Box::pin(body)).into()
    }

    /// The body of a 101 response: what the upgraded connection will carry.
    #[must_use]
    pub fn tunnel(tunnel: Tunnel) -> Self {
        Kind::Tunnel(Box::new(tunnel)).into()
    }

    pub(crate) fn client(body: RequestBody) -> Self {
        Kind::Client(body).into()
    }

    pub(super) fn http2(body: h2::RequestBody) -> Self {
        Kind::Http2(Box::new(body)).into()
    }

    pub(crate) fn origin(body: ResponseBody) -> Self {
        Kind::Origin(Box::new(body)).into()
    }

    /// The same body, observed by `watch`. A watch that is already there is replaced.
    #[must_use]
    pub fn watched(mut self, watch: Box<dyn BodyWatch>) -> Self {
        self.watch = Some(watch);
        self
    }

    /// The tunnel of a 101 response, if this body is one; it leaves an empty body behind.
    pub fn take_tunnel(&mut self) -> Option<Tunnel> {
        match std::mem::take(&mut self.kind) {
            Kind::Tunnel(tunnel) => Some(*tunnel),
            other => {
                self.kind = other;
                None
            }
        }
    }

    /// What this body stood for ended like this: a tunnel that was taken out of it.
    pub(crate) fn broke_off(&mut self, error: &BodyError) {
        if let (Some(watch), false) = (&mut self.watch, self.ended) {
            self.ended = true;
            watch.end(Some(error));
        }
    }

    /// Where interim (1xx) responses to this request go; `None` when this is not the body of a client's request.
    pub(super) fn interim(&self) -> Option<Interim> {
        match &self.kind {
            Kind::Client(body) => Some(Interim::Http1(body.interim())),
            Kind::Http2(body) => Some(Interim::Http2(body.interim())),
            _ => None,
        }
    }

    /// All of the body when it is in memory: empty or full. Such a body can be sent more than once.
    #[must_use]
    pub fn as_bytes(&self) -> Option<Bytes> {
        match &self.kind {
            Kind::Full(bytes) => Some(bytes.clone()),
            Kind::Empty | Kind::Client(_) | Kind::Http2(_) if http_body::Body::is_end_stream(self) => {
                Some(Bytes::new())
            }
            _ => None,
        }
    }

    /// The exact number of data bytes still to come, when it is known.
    #[must_use]
    pub fn exact_len(&self) -> Option<u64> {
        http_body::Body::size_hint(self).exact()
    }
}

impl Body {
    fn tell(&mut self, frame: Option<&Result<Frame<Bytes>, BodyError>>) {
        let over = http_body::Body::is_end_stream(self);
        let Some(watch) = &mut self.watch else { return };
        match frame {
            Some(Ok(frame)) => watch.data(frame.data_ref().map_or(0, Bytes::len)),
            Some(Err(error)) if !self.ended => {
                self.ended = true;
                watch.end(Some(error));
            }
            _ => {}
        }
        if !self.ended && (over || frame.is_none()) {
            self.ended = true;
            watch.end(None);
        }
    }
}

impl Drop for Body {
    /// A body that had nothing (more) to give is complete, even if nobody polled it again.
    fn drop(&mut self) {
        if self.watch.is_some() && !self.ended {
            let over = http_body::Body::is_end_stream(self);
            if let (Some(watch), true) = (&mut self.watch, over) {
                watch.end(None);
            }
        }
    }
}

impl From<FileBody> for Body {
    fn from(file: FileBody) -> Self {
        match file {
            FileBody::Memory(bytes) => Self::full(bytes),
            FileBody::Pieces(_) => Self::boxed(file.map_err(BodyError::Io)),
        }
    }
}

impl From<Kind> for Body {
    fn from(kind: Kind) -> Self {
        Self { kind, watch: None, ended: false }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::full(bytes)
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let body = self.get_mut();
        let polled = match &mut body.kind {
            Kind::Empty | Kind::Tunnel(_) => Poll::Ready(None),
            Kind::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                body.kind = Kind::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Kind::Client(inner) => inner.poll_frame(cx),
            Kind::Origin(inner) => inner.poll_frame(cx),
            Kind::Http2(inner) => Pin::new(inner).poll_frame(cx),
            Kind::Boxed(inner) => inner.as_mut().poll_frame(cx),
        };
        if body.watch.is_some()
            && let Poll::Ready(frame) = &polled
        {
            body.tell(frame.as_ref());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Empty | Kind::Tunnel(_) => true,
            Kind::Full(bytes) => bytes.is_empty(),
            Kind::Client(inner) => inner.is_end_stream(),
            Kind::Origin(inner) => inner.is_end_stream(),
            Kind::Http2(inner) => inner.is_end_stream(),
            Kind::Boxed(inner) => inner.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Empty | Kind::Tunnel(_) => SizeHint::with_exact(0),
            Kind::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Client(inner) => inner.size_hint(),
            Kind::Origin(inner) => inner.size_hint(),
            Kind::Http2(inner) => inner.size_hint(),
            Kind::Boxed(inner) => inner.size_hint(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.kind {
            Kind::Empty => "empty",
            Kind::Full(_) => "full",
            Kind::Client(_) => "client",
            Kind::Origin(_) => "origin",
            Kind::Http2(_) => "http2",
            Kind::Boxed(_) => "boxed",
            Kind::Tunnel(_) => "tunnel",
        };
        f.debug_struct("Body").field("kind", &kind).field("exact_len", &self.exact_len()).finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::cell::RefCell;
    use std::rc::Rc;

    use http_body_util::BodyExt;

    use super::*;

    /// Writes down what it sees, its own end included.
    struct Note(Rc<RefCell<String>>);

    impl BodyWatch for Note {
        fn data(&mut self, bytes: usize) {
            self.0.borrow_mut().push_str(&format!("{bytes} "));
        }

        fn end(&mut self, error: Option<&BodyError>) {
            self.0.borrow_mut().push_str(if error.is_some() { "error " } else { "end " });
        }
    }

    impl Drop for Note {
        fn drop(&mut self) {
            self.0.borrow_mut().push_str("drop");
        }
    }

    /// Takes `frames` frames and drops the body; what the watch noted.
    fn watched(body: Body, frames: usize) -> String {
        let noted = Rc::default();
        let mut body = body.watched(Box::new(Note(Rc::clone(&noted))));
        let mut cx = Context::from_waker(std::task::Waker::noop());
        for _ in 0..frames {
            assert!(std::pin::pin!(body.frame()).poll(&mut cx).is_ready());
        }
        drop(body);
        noted.take()
    }

    fn two(last: Result<Frame<Bytes>, BodyError>) -> Body {
        Body::boxed(Frames(vec![last, Ok(Frame::data(Bytes::from_static(b"abc")))]))
    }

    /// These frames, last first.
    struct Frames(Vec<Result<Frame<Bytes>, BodyError>>);

    impl http_body::Body for Frames {
        type Data = Bytes;
        type Error = BodyError;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
            Poll::Ready(self.0.pop())
        }
    }

    #[test]
    fn a_watch_is_told_of_exactly_one_end() {
        let data = || Ok(Frame::data(Bytes::from_static(b"d")));
        assert_eq!(watched(Body::empty(), 0), "end drop");
        assert_eq!(watched(Body::empty(), 2), "end drop");
        assert_eq!(watched(Body::full("hello"), 0), "drop", "abandoned");
        assert_eq!(watched(Body::full("hello"), 1), "5 end drop");
        assert_eq!(watched(Body::full("hello"), 3), "5 end drop");
        assert_eq!(watched(two(data()), 2), "3 1 drop", "nobody asked whether there is more");
        assert_eq!(watched(two(data()), 3), "3 1 end drop");
        assert_eq!(watched(two(Err(BodyError::Truncated)), 2), "3 error drop");
    }

    #[test]
    fn lengths_are_exact_where_they_are_known() {
        assert_eq!(Body::empty().exact_len(), Some(0));
        assert_eq!(Body::full("hello").exact_len(), Some(5));
        assert_eq!(two(Err(BodyError::Truncated)).exact_len(), None);
        assert_eq!(Body::full("hello").as_bytes().unwrap(), "hello");
        assert!(two(Err(BodyError::Truncated)).as_bytes().is_none());
    }
}
