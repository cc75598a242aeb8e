//! The state of one client connection that its exchange's handles share: socket, buffers, and the body being received.
//! Owns reading ahead, 100-continue and the detection of a client that went away. Never calls the service, never frames a
//! response. Driven by `server`; `incoming` and `interim` reach it through [`Shared`]. No borrow is held across a poll
//! of anything that is not the socket.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::chunked::Step;
use super::decode::BodyDecoder;
use super::io::{Io, READ_MIN, ReadBuf};
use super::out::Out;
use crate::data::body::BodyError;

/// One connection, shared within its worker.
pub(crate) type Shared = Rc<RefCell<Connection<dyn Io>>>;

/// What a look at the client's side showed while something else was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The request body can go on.
    Progress,
    /// The client closed or reset the connection.
    Gone,
}

/// See the module's description.
pub(crate) struct Connection<T: ?Sized> {
    pub(crate) read: ReadBuf,
    pub(crate) out: Out,
    pub(crate) body: BodyDecoder,
    /// Counts exchanges, so that a handle of an earlier one cannot touch a later one.
    pub(crate) exchange: u32,
    /// The client waits for 100 before it sends the body.
    pub(crate) awaits_continue: bool,
    /// Interim responses may still be written: HTTP/1.1, and the final head has not been started.
    pub(crate) interim_open: bool,
    /// Why the request body cannot be read on.
    fault: Option<BodyFault>,
    waiting: Option<Waker>,
    pub(crate) io: T,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BodyFault {
    Closed,
    TimedOut,
    Broken,
}

impl<T: Io + 'static> Connection<T> {
    pub(crate) fn shared(io: T) -> Shared {
        Rc::new(RefCell::new(Self {
            read: ReadBuf::default(),
            out: Out::default(),
            body: BodyDecoder::Done,
            exchange: 0,
            awaits_continue: false,
            interim_open: false,
            fault: None,
            waiting: None,
            io,
        }))
    }
}

impl<T: Io + ?Sized> Connection<T> {
    /// Whether a request body handle waits for bytes.
    pub(crate) fn body_is_awaited(&self) -> bool {
        self.waiting.is_some()
    }

    /// Begins an exchange whose body is read by `body`.
    pub(crate) fn begin(&mut self, body: BodyDecoder, awaits_continue: bool, interim_open: bool) {
        self.end();
        self.body = body;
        self.awaits_continue = awaits_continue;
        self.interim_open = interim_open;
    }

    /// Ends the exchange for its handles.
    pub(crate) fn end(&mut self) {
        self.exchange = self.exchange.wrapping_add(1);
        self.fault = None;
        self.waiting = None;
        self.interim_open = false;
    }

    /// Ends the exchange for its handles; whether all of its request body was read.
    pub(crate) fn end_if_read(&mut self) -> bool {
        self.end();
        self.body.is_done()
    }

    /// Makes the request body fail because the client stalled.
    pub(crate) fn time_out_body(&mut self) {
        self.fault = Some(BodyFault::TimedOut);
        self.wake_body();
    }

    fn wake_body(&mut self) -> bool {
        self.waiting.take().map(Waker::wake).is_some()
    }

    /// Size of the request body still to come.
    pub(crate) fn body_size(&self) -> SizeHint {
        self.body.size_hint()
    }

    /// The next frame of the request body.
    pub(crate) fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            if let Some(fault) = self.fault {
                return Poll::Ready(Some(Err(match fault {
                    BodyFault::Closed => BodyError::Truncated,
                    BodyFault::TimedOut => BodyError::TimedOut,
                    BodyFault::Broken => BodyError::Abandoned,
                })));
            }
            match self.body.step(&mut self.read.bytes) {
                Ok(Step::Data(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Ok(Step::End(trailers)) => return Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers)))),
                Ok(Step::More) => {}
                Err(error) => {
                    self.fault = Some(BodyFault::Broken);
                    return Poll::Ready(Some(Err(error.into())));
                }
            }
            self.invite(cx);
            self.waiting = None;
            match self.read.poll_fill(&mut self.io, 1, cx) {
                Poll::Ready(Ok(0)) => self.fault = Some(BodyFault::Closed),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => {
                    self.fault = Some(BodyFault::Closed);
                    return Poll::Ready(Some(Err(error.into())));
                }
                Poll::Pending => {
                    self.waiting = Some(cx.waker().clone());
                    return Poll::Pending;
                }
            }
        }
    }

    /// Sends 100 when the body is wanted for the first time and the client holds it back.
    fn invite(&mut self, cx: &mut Context<'_>) {
        if std::mem::take(&mut self.awaits_continue) && self.interim_open && self.read.bytes.is_empty() {
            self.out.flat().extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            // A write error shows up again in `poll_watch`, which owns that verdict.
            let _ = self.out.poll_flush(&mut self.io, cx);
        }
    }

    /// Looks after the client while its request is worked on: flushes interim responses, reads ahead up to a bound, and
    /// notices when it leaves.
    pub(crate) fn poll_watch(&mut self, cx: &mut Context<'_>) -> Poll<Seen> {
        if self.interim_open
            && !self.out.is_empty()
            && matches!(self.out.poll_flush(&mut self.io, cx), Poll::Ready(Err(_)))
        {
            return Poll::Ready(Seen::Gone);
        }
        while self.read.bytes.len() < READ_MIN {
            match ready!(self.read.poll_fill(&mut self.io, 1, cx)) {
                Ok(1..) if self.wake_body() => return Poll::Ready(Seen::Progress),
                Ok(1..) => {}
                Ok(0) | Err(_) => {
                    self.fault = Some(BodyFault::Closed);
                    self.wake_body();
                    return Poll::Ready(Seen::Gone);
                }
            }
        }
        Poll::Pending
    }
}
