//! A request on its way to the origin: head, then body at the pace of both sides. Owns the hold for 100-continue.
//! Never reads. Driven by the attempt, and by the response body when the origin answers before the request is complete.

use std::io;
use std::task::{Context, Poll, ready};

use http::header::CONTENT_LENGTH;
use http::{Method, request};

use crate::data::body::{Body, BodyError};
use crate::data::h1::encode::{WireLength, write_request};
use crate::data::h1::fields::parse_length;
use crate::data::h1::io::Io;
use crate::data::h1::out::Out;
use crate::data::h1::sending::{Sending, Wire};

/// Why a request could not be sent on.
pub(crate) enum PumpError {
    /// The origin's side failed. A response may have come all the same.
    Write(io::Error),
    /// The request body failed.
    Body(BodyError),
}

/// See the module's description.
pub(crate) struct Pump {
    out: Out,
    sending: Sending,
    /// The body waits for 100.
    pub(crate) held: bool,
}

impl Pump {
    /// A request with its head already encoded. `hold`: the body waits for 100.
    pub(crate) fn new(parts: &request::Parts, added: &[u8], body: Body, hold: bool) -> Self {
        let (wire, length) = framing(parts, &body);
        let mut out = Out::default();
        write_request(out.flat(), parts, added, length);
        let sending = Sending::new(body, wire);
        let held = hold && !sending.is_done();
        Self { out, sending, held }
    }

    /// Sends on. Ready when all was written.
    pub(crate) fn poll<T: Io + ?Sized>(&mut self, io: &mut T, cx: &mut Context<'_>) -> Poll<Result<(), PumpError>> {
        loop {
            let starved = self.held || self.sending.fill(&mut self.out, cx).map_err(PumpError::Body)?;
            ready!(self.out.poll_flush(io, cx)).map_err(PumpError::Write)?;
            if self.sending.is_done() {
                self.out.release();
                return Poll::Ready(Ok(()));
            }
            if starved {
                return Poll::Pending;
            }
        }
    }

    /// Bytes that the origin has not taken yet.
    pub(crate) fn is_blocked(&self) -> bool {
        !self.out.is_empty()
    }

    /// Bytes that the origin has taken.
    pub(crate) fn written(&self) -> u64 {
        self.out.total()
    }

    pub(crate) fn body_is_touched(&self) -> bool {
        self.sending.is_touched()
    }

    /// The body, if nothing was taken from it.
    pub(crate) fn into_untouched(self) -> Option<Body> {
        self.sending.into_untouched()
    }
}

fn framing(parts: &request::Parts, body: &Body) -> (Wire, WireLength) {
    let declared = || parts.headers.get(CONTENT_LENGTH).and_then(|value| parse_length(value.as_bytes()).ok());
    match body.exact_len().or_else(declared) {
        // A method that usually has a body says that this one is empty (RFC 9110 section 8.6).
        Some(0) if matches!(parts.method, Method::POST | Method::PUT | Method::PATCH) => {
            (Wire::Nothing, WireLength::Exact(0))
        }
        Some(0) => (Wire::Nothing, WireLength::Unstated),
        Some(length) => (Wire::Exact(length), WireLength::Exact(length)),
        None => (Wire::Chunked, WireLength::Chunked),
    }
}
