//! A body being written: frames in, framed bytes into the write buffer, and the rule that a broken body never ends
//! well-formed. Never touches a socket. Used for responses to clients and for requests to origins.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Body as _;

use super::chunked::{CHUNK_END, CHUNK_END_AND_LAST, LAST_CHUNK, write_size, write_trailers};
use super::out::Out;
use crate::data::body::{Body, BodyError};

/// How the body is put on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    /// No body at all.
    Nothing,
    /// Exactly this many bytes are left to write.
    Exact(u64),
    Chunked,
    UntilClose,
}

/// A body on its way out.
pub(crate) struct Sending {
    body: Body,
    wire: Wire,
    done: bool,
    touched: bool,
}

impl Sending {
    pub(crate) fn new(body: Body, wire: Wire) -> Self {
        let done = matches!(wire, Wire::Nothing | Wire::Exact(0));
        Self { body, wire, done, touched: false }
    }

    /// Whether all of the body, its end included, is in the write buffer or beyond.
    pub(crate) fn is_done(&self) -> bool {
        self.done
    }

    /// The body, if nothing was taken from it.
    pub(crate) fn into_untouched(self) -> Option<Body> {
        Some(self.body).filter(|_| !self.touched)
    }

    /// Whether the body was asked for a frame.
    pub(crate) fn is_touched(&self) -> bool {
        self.touched
    }

    /// Moves frames into `out` while it has room. `Ok(true)` when the body has nothing to give at the moment, or no more.
    pub(crate) fn fill(&mut self, out: &mut Out, cx: &mut Context<'_>) -> Result<bool, BodyError> {
        while !self.done && out.has_room() {
            if self.body.is_end_stream() {
                self.finish(out)?;
                break;
            }
            self.touched = true;
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Pending => return Ok(true),
                Poll::Ready(None) => self.finish(out)?,
                Poll::Ready(Some(frame)) => match frame?.into_data() {
                    Ok(data) => self.data(out, data)?,
                    Err(frame) => {
                        if let (Wire::Chunked, Ok(trailers)) = (self.wire, frame.into_trailers()) {
                            write_trailers(out.flat(), &trailers);
                            self.done = true;
                        }
                    }
                },
            }
        }
        Ok(self.done)
    }

    fn data(&mut self, out: &mut Out, data: Bytes) -> Result<(), BodyError> {
        if data.is_empty() {
            return Ok(());
        }
        match &mut self.wire {
            Wire::Nothing => {}
            Wire::UntilClose => out.push(data, b""),
            Wire::Exact(left) => {
                let len = data.len() as u64;
                *left = left.checked_sub(len).ok_or(BodyError::Length { declared: *left })?;
                out.push(data, b"");
                self.done = *left == 0 && self.body.is_end_stream();
            }
            Wire::Chunked => {
                write_size(out.flat(), data.len());
                self.done = self.body.is_end_stream();
                out.push(data, if self.done { CHUNK_END_AND_LAST } else { CHUNK_END });
            }
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Out) -> Result<(), BodyError> {
        match self.wire {
            Wire::Exact(left) if left > 0 => return Err(BodyError::Length { declared: left }),
            Wire::Chunked => out.flat().extend_from_slice(LAST_CHUNK),
            _ => {}
        }
        self.done = true;
        Ok(())
    }
}
