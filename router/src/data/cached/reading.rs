//! A response body that is read out of the store: whole or in parts, stored or still arriving.
//!
//! Owns where a reader is. Never copies bytes; what is arriving, or lies on disk, is waited for. The body of a small stored
//! response is handed on as it is.

use crate::cache::answer::{Answer, Content};
use crate::data::body::{Body, BodyError};
use crate::store::disk::block::Block;
use crate::store::disk::readers::{Reply, Unread};
use crate::store::entry::Held;
use crate::store::filling::{Broken, Filling};
use crate::store::segments::{self, Segments};
use bytes::Bytes;
use http::Response;
use http_body::{Frame, SizeHint};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Where bytes come from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// What is stored.
    Held(Arc<Held>),
    /// What is arriving.
    Filling(Arc<Filling>),
    /// What was made of it.
    Coded(Arc<Segments>),
}

impl Source {
    /// The bytes, when all are there and lie together.
    fn whole(&self) -> Option<Bytes> {
        match self {
            Self::Held(held) => held.body.whole(),
            Self::Coded(bytes) => bytes.whole(),
            Self::Filling(_) => None,
        }
    }
}

/// One thing to send.
#[derive(Debug)]
enum Piece {
    /// These bytes.
    Ready(Bytes),
    /// Those from `at` to `end` of the source; to its end when that is not known.
    Span { at: u64, end: Option<u64> },
}

/// Makes the response of an answer; `length` is that of the whole representation, when known.
pub(super) fn response(answer: Answer, source: Source, length: Option<u64>) -> Response<Body> {
    let body = match answer.content {
        Content::Nothing => Body::empty(),
        Content::Whole => span(source, 0, length),
        Content::Part(part) => span(source, part.start, Some(part.end)),
        Content::Parts(plan) => {
            let mut pieces = VecDeque::with_capacity(plan.parts.len() * 2 + 1);
            for part in plan.parts {
                pieces.push_back(Piece::Ready(part.head.into()));
                pieces.push_back(Piece::Span { at: part.span.start, end: Some(part.span.end) });
            }
            pieces.push_back(Piece::Ready(plan.end.into()));
            Body::boxed(Reading::new(source, pieces))
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}

/// One span of a source.
pub(super) fn span(source: Source, at: u64, end: Option<u64>) -> Body {
    if let Some(whole) = source.whole() {
        let clamped = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(whole.len());
        let (from, to) = (clamped(at), clamped(end.unwrap_or(u64::MAX)));
        return Body::full(whole.slice(from..to.max(from)));
    }
    Body::boxed(Reading::new(source, VecDeque::from([Piece::Span { at, end }])))
}

/// A body being read.
struct Reading {
    source: Source,
    /// The reader's number, where the source counts them.
    reader: u64,
    pieces: VecDeque<Piece>,
    /// What is being read from disk.
    reading: Option<Reply>,
    /// Keeps what is on disk there until it is read.
    _pins: Vec<Arc<Block>>,
}

impl Reading {
    fn new(source: Source, pieces: VecDeque<Piece>) -> Self {
        let first = pieces.iter().find_map(|piece| if let Piece::Span { at, .. } = piece { Some(*at) } else { None });
        let (reader, pins) = match &source {
            // Without them, reading what made room says so.
            Source::Held(held) => (0, held.body.pins().unwrap_or_default()),
            Source::Coded(_) => (0, Vec::new()),
            Source::Filling(filling) => (filling.join(first.unwrap_or(0)), Vec::new()),
        };
        Self { source, reader, pieces, reading: None, _pins: pins }
    }

    fn poll_at(&mut self, at: u64, end: u64, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BodyError>> {
        if self.reading.is_none() {
            let piece = match &self.source {
                Source::Held(held) => held.body.at(at, end),
                Source::Coded(bytes) => bytes.at(at, end),
                Source::Filling(filling) => match filling.poll_at(self.reader, at, end, cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(piece)) => piece,
                    Poll::Ready(Err(Broken::Origin(why))) => {
                        return Poll::Ready(Err(BodyError::Other(format!("the origin failed: {why}").into())));
                    }
                    Poll::Ready(Err(Broken::Passed)) => {
                        return Poll::Ready(Err(BodyError::Other("the bytes are not kept any more".into())));
                    }
                },
            };
            match piece {
                Some(segments::Piece::Here(bytes)) => return Poll::Ready(Ok(Some(bytes))),
                Some(segments::Piece::Below(slice)) => self.reading = Some(slice.read()),
                None => return Poll::Ready(Ok(None)),
            }
        }
        let Some(reading) = &mut self.reading else { return Poll::Pending };
        let Poll::Ready(read) = Pin::new(reading).poll(cx) else { return Poll::Pending };
        self.reading = None;
        let read = read.unwrap_or(Err(Unread::Gone));
        if let (Err(Unread::Failed | Unread::Gone), Source::Held(held)) = (&read, &self.source) {
            held.lose();
        }
        Poll::Ready(read.map(Some).map_err(|unread| BodyError::Other(unread.into())))
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if let Source::Filling(filling) = &self.source {
            filling.leave(self.reader);
        }
    }
}

impl http_body::Body for Reading {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        loop {
            let (at, end) = match this.pieces.front_mut() {
                None => return Poll::Ready(None),
                Some(Piece::Ready(bytes)) => {
                    let bytes = std::mem::take(bytes);
                    this.pieces.pop_front();
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Some(Piece::Span { at, end }) if end.is_some_and(|end| *at >= end) => {
                    this.pieces.pop_front();
                    continue;
                }
                Some(Piece::Span { at, end }) => (*at, *end),
            };
            match this.poll_at(at, end.unwrap_or(u64::MAX), cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(Ok(None)) if end.is_none() => {
                    this.pieces.pop_front();
                }
                // Fewer bytes than were promised.
                Poll::Ready(Ok(None)) => return Poll::Ready(Some(Err(BodyError::Truncated))),
                Poll::Ready(Ok(Some(bytes))) => {
                    if let Some(Piece::Span { at, .. }) = this.pieces.front_mut() {
                        *at += bytes.len() as u64;
                    }
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.iter().all(|piece| matches!(piece, Piece::Span { at, end: Some(end) } if at >= end))
    }

    fn size_hint(&self) -> SizeHint {
        let length = |piece: &Piece| match piece {
            Piece::Ready(bytes) => Some(bytes.len() as u64),
            Piece::Span { at, end } => end.map(|end| end.saturating_sub(*at)),
        };
        let total = self.pieces.iter().map(length).sum::<Option<u64>>();
        total.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}
