//! The way of interim (1xx) responses, such as 103, to a client of either version of HTTP (RFC 9110 section 15.2).
//! Owns the dispatch alone. `upstream` passes on what origins say before they answer, and the cache its hints.

use http::{HeaderMap, StatusCode};

use super::{h1, h2};

/// Takes interim responses for one request until its final response begins; later ones are dropped.
#[derive(Clone)]
pub(crate) enum Interim {
    /// Of HTTP/1.1.
    Http1(h1::Interim),
    /// Of HTTP/2.
    Http2(h2::Interim),
}

impl Interim {
    /// Queues an interim response: never 100, which is the connection's own, nor 101, the end of HTTP.
    pub(super) fn send(&self, status: StatusCode, headers: &HeaderMap) {
        if !status.is_informational() || status.as_u16() <= 101 {
            return;
        }
        match self {
            Self::Http1(interim) => interim.send(status, headers),
            Self::Http2(interim) => interim.send(status, headers),
        }
    }
}
