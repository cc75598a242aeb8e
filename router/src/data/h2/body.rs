//! The body of an HTTP/2 request.
//!
//! Owns the longest silence of the client inside it, as HTTP/1.1 has: hyper's pings are answered by a client that sends nothing.

use crate::data::body::BodyError;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// Longest silence that is waited for (nginx `client_body_timeout`: 60 s).
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// A request body that does not stall.
#[derive(Debug)]
pub(in crate::data) struct RequestBody {
    incoming: Incoming,
    /// Runs while a byte is waited for.
    silence: Option<Pin<Box<Sleep>>>,
}

impl RequestBody {
    pub(in crate::data) fn new(incoming: Incoming) -> Self {
        Self { incoming, silence: None }
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.incoming).poll_frame(cx).map_err(BodyError::Http2);
        if polled.is_ready() {
            self.silence = None;
            return polled;
        }
        let silence = self.silence.get_or_insert_with(|| Box::pin(sleep(SILENCE_MAX)));
        silence.as_mut().poll(cx).map(|()| Some(Err(BodyError::TimedOut)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
