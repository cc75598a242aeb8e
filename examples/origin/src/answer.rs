//! Bodies and responses: the shapes every answer of the origin is made of.
//!
//! Owns the response body types and nothing of what they say. Never reads a request. Used by `api` and `switch`.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use serde_json::{Value, json};

/// Body of every answer; its error is that of the request's body, where that is what is sent back.
pub(crate) type Body = BoxBody<Bytes, hyper::Error>;

/// Largest chunk of a made-up body.
const CHUNK_BYTES: u64 = 64 * 1024;
static CHUNK: [u8; CHUNK_BYTES as usize] = [b'p'; CHUNK_BYTES as usize];

/// An answer in JSON.
pub(crate) fn json(status: StatusCode, value: &Value) -> Response<Body> {
    typed(status, "application/json", full(Bytes::from(value.to_string())))
}

/// An answer that says what was wrong.
pub(crate) fn error(status: StatusCode, message: &str) -> Response<Body> {
    json(status, &json!({ "error": message }))
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(full(Bytes::new()));
    *response.status_mut() = status;
    response
}

/// An answer of `count` bytes, made as they are sent.
pub(crate) fn made_up(count: u64) -> Response<Body> {
    let body = MadeUp { left: count }.map_err(|never| match never {}).boxed();
    typed(StatusCode::OK, "application/octet-stream", body)
}

/// An answer with a type and a body.
pub(crate) fn typed(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}

/// A body of known length that takes no memory.
struct MadeUp {
    left: u64,
}

impl HttpBody for MadeUp {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let count = self.left.min(CHUNK_BYTES);
        self.left -= count;
        let chunk = Bytes::from_static(&CHUNK[..usize::try_from(count).unwrap_or(CHUNK.len())]);
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
