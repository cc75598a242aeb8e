//! Why an attempt brought no response, in the terms that retry and blame are decided by.
//! Owns the facts only; the exchange decides what follows from them.

use std::fmt;
use std::io;

use crate::data::body::{Body, BodyError};
use crate::data::h1::HeadError;

/// How far a request got before its attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sent {
    /// Not a byte was written: the origin cannot have seen the request.
    Nothing,
    /// The head, or a part of it, was written; the body was not asked for, or is in memory.
    Head,
    /// The body was asked for bytes that cannot be had again.
    Body,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum FailureKind {
    /// The connection could not be made.
    #[error("cannot connect: {0}")]
    Connect(#[source] io::Error),
    /// Connecting, the TLS handshake included, took too long.
    #[error("connecting took too long")]
    ConnectTimeout,
    /// The TLS handshake failed.
    #[error("the TLS handshake failed: {0}")]
    Tls(#[source] io::Error),
    /// The connection failed while the request was written or the response awaited.
    #[error("the connection failed: {0}")]
    Reset(#[source] io::Error),
    /// The origin closed the connection without a response.
    #[error("the origin closed the connection without a response")]
    Closed,
    /// No response head came in time after the request was sent, or the origin stopped taking the request.
    #[error("no response within the time allowed")]
    ResponseTimeout,
    /// The response head was malformed or contradicted itself.
    #[error("the origin sent an invalid response: {0}")]
    BadResponse(#[from] HeadError),
    /// 101 without having been asked to switch protocols.
    #[error("the origin switched protocols without having been asked")]
    UnexpectedUpgrade,
    /// Interim responses without end.
    #[error("the origin sent too many interim responses")]
    InterimFlood,
    /// The request body failed: the client's fault.
    #[error("the request body failed: {0}")]
    RequestBody(#[source] BodyError),
}

/// A failed attempt.
pub struct SendFailure {
    /// What went wrong.
    pub kind: FailureKind,
    /// How far the request got.
    pub sent: Sent,
    /// The request's body, when it can be sent again byte for byte: it is in memory, or was not asked for anything.
    pub body: Option<Body>,
}

impl fmt::Debug for SendFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let repeatable = self.body.is_some();
        f.debug_struct("SendFailure")
            .field("kind", &self.kind)
            .field("sent", &self.sent)
            .field("repeatable", &repeatable)
            .finish()
    }
}

impl fmt::Display for SendFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl std::error::Error for SendFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.kind.source()
    }
}
