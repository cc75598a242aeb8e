//! A request body that can be sent again.
//!
//! Owns the copy of what an attempt has taken from the client's body, up to a limit. The exchange asks `can_replay`
//! before a retry; over the limit the copy is given up and the body passes once. Never reads ahead of the attempt.

use super::body::{Body, BodyError};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// The body of one exchange, to be handed to one attempt after another.
pub(super) enum Replay {
    /// All of it is in memory, or there is none.
    Whole(Bytes),
    /// It comes from the client, piece by piece.
    Passing(Rc<RefCell<State>>),
}

pub(super) struct State {
    source: Body,
    /// Data frames taken from the source so far, as long as they fit.
    kept: Vec<Bytes>,
    kept_bytes: usize,
    limit: usize,
    /// Frames were taken that are not kept (too large, or trailers).
    passed: bool,
    failed: bool,
}

impl Replay {
    /// Wraps a client's body; up to `limit` bytes of it are kept.
    pub(super) fn new(source: Body, limit: usize) -> Self {
        if let Some(bytes) = source.as_bytes() {
            return Self::Whole(bytes);
        }
        let state = State { source, kept: Vec::new(), kept_bytes: 0, limit, passed: false, failed: false };
        Self::Passing(Rc::new(RefCell::new(state)))
    }

    /// The body for the next attempt: what was kept, then what is still to come.
    pub(super) fn attempt(&self) -> Body {
        match self {
            Self::Whole(bytes) => Body::full(bytes.clone()),
            Self::Passing(shared) => {
                let state = shared.borrow();
                let again: VecDeque<Bytes> = state.kept.iter().cloned().collect();
                Body::boxed(Attempt { shared: Rc::clone(shared), again, again_bytes: state.kept_bytes })
            }
        }
    }

    /// Whether another attempt would send the same bytes.
    pub(super) fn can_replay(&self) -> bool {
        match self {
            Self::Whole(_) => true,
            Self::Passing(shared) => {
                let state = shared.borrow();
                !state.passed && !state.failed
            }
        }
    }

    /// Whether the client's own body failed: no retry can help.
    pub(super) fn client_failed(&self) -> bool {
        matches!(self, Self::Passing(shared) if shared.borrow().failed)
    }
}

impl State {
    fn keep(&mut self, frame: &Frame<Bytes>) {
        match frame.data_ref() {
            Some(data) if !self.passed && self.kept_bytes + data.len() <= self.limit => {
                self.kept_bytes += data.len();
                self.kept.push(data.clone());
            }
            _ => {
                self.passed = true;
                self.kept = Vec::new();
                self.kept_bytes = 0;
            }
        }
    }
}

struct Attempt {
    shared: Rc<RefCell<State>>,
    again: VecDeque<Bytes>,
    again_bytes: usize,
}

impl http_body::Body for Attempt {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(data) = self.again.pop_front() {
            self.again_bytes -= data.len();
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        let mut state = self.shared.borrow_mut();
        let polled = Pin::new(&mut state.source).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => state.keep(frame),
            Poll::Ready(Some(Err(_))) => state.failed = true,
            _ => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.again.is_empty() && http_body::Body::is_end_stream(&self.shared.borrow().source)
    }

    fn size_hint(&self) -> SizeHint {
        let rest = http_body::Body::size_hint(&self.shared.borrow().source);
        let again = self.again_bytes as u64;
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(again));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(again));
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use http_body_util::BodyExt;

    /// A body in several frames.
    struct Frames(VecDeque<Frame<Bytes>>);

    impl http_body::Body for Frames {
        type Data = Bytes;
        type Error = BodyError;
        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
            Poll::Ready(self.0.pop_front().map(Ok))
        }
    }

    fn frames(parts: &[&'static str]) -> Body {
        Body::boxed(Frames(parts.iter().map(|part| Frame::data(Bytes::from_static(part.as_bytes()))).collect()))
    }

    async fn text(body: Body) -> Bytes {
        body.collect().await.unwrap().to_bytes()
    }

    #[tokio::test]
    async fn an_attempt_that_took_part_of_a_small_body_can_be_repeated() {
        let replay = Replay::new(frames(&["one ", "two ", "three"]), 64);
        let mut first = replay.attempt();
        first.frame().await.unwrap().unwrap();
        first.frame().await.unwrap().unwrap();
        drop(first);
        assert!(replay.can_replay());
        assert_eq!(text(replay.attempt()).await, "one two three");
        assert_eq!(text(replay.attempt()).await, "one two three", "and again");
    }

    #[tokio::test]
    async fn over_the_limit_it_passes_once() {
        let replay = Replay::new(frames(&["12345678", "9"]), 8);
        assert_eq!(text(replay.attempt()).await, "123456789");
        assert!(!replay.can_replay());
    }

    #[tokio::test]
    async fn bodies_in_memory_are_simply_repeated() {
        let replay = Replay::new(Body::full("abc"), 0);
        for _ in 0..3 {
            let body = replay.attempt();
            assert_eq!(body.exact_len(), Some(3));
            assert_eq!(text(body).await, "abc");
        }
        assert!(replay.can_replay());
    }
}
