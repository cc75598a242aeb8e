//! The body of an HTTP/2 request.
//!
//! Owns the window that goes back to the client for what was read, `100 Continue`, and the longest silence inside a body, as
//! HTTP/1.1 has. A client that resets its stream has not sent all of it, whatever reason it gives.

use super::interim::Interim;
use crate::data::body::BodyError;
use bytes::Bytes;
use h2::RecvStream;
use http::header::{CONTENT_LENGTH, EXPECT, HeaderMap};
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// A request body that does not stall.
pub(in crate::data) struct RequestBody {
    incoming: RecvStream,
    interim: Interim,
    /// Whether the client waits to be told that its body is wanted (RFC 9110 section 10.1.1).
    is_held: bool,
    is_read: bool,
    /// Bytes still to come, where the client said how many; h2 holds it to that.
    left: Option<u64>,
    /// Longest silence that is waited for.
    timeout: Duration,
    /// Runs while a byte is waited for.
    silence: Option<Pin<Box<Sleep>>>,
}

impl RequestBody {
    pub(super) fn new(incoming: RecvStream, headers: &HeaderMap, interim: Interim, timeout: Duration) -> Self {
        let is_held =
            headers.get(EXPECT).is_some_and(|expects| expects.as_bytes().eq_ignore_ascii_case(b"100-continue"));
        let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let left = if incoming.is_end_stream() { Some(0) } else { length };
        Self { incoming, interim, is_held, is_read: false, left, timeout, silence: None }
    }

    pub(in crate::data) fn interim(&self) -> Interim {
        self.interim.clone()
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        if !self.is_read {
            if let Some(data) = ready!(self.incoming.poll_data(cx)) {
                let data = data?;
                self.incoming.flow_control().release_capacity(data.len())?;
                self.left = self.left.map(|left| left.saturating_sub(data.len() as u64));
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
            self.is_read = true;
        }
        let trailers = ready!(self.incoming.poll_trailers(cx))?;
        Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = self.poll_data(cx);
        if polled.is_ready() {
            self.silence = None;
            return polled.map_err(BodyError::Http2);
        }
        if std::mem::take(&mut self.is_held) {
            self.interim.invite();
        }
        let timeout = self.timeout;
        let silence = self.silence.get_or_insert_with(|| Box::pin(sleep(timeout)));
        silence.as_mut().poll(cx).map(|()| Some(Err(BodyError::TimedOut)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
