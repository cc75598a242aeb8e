//! Asks HTTP servers, in the hook `health` alone: the contract's `http`.
//!
//! A thin wrapper; natively the answers are those of [`crate::testing::serve`]. The operator grants what may be asked (`http` of the
//! policy in the configuration); anywhere but in [`crate::Watch::watch`] every request is [`Error::Unavailable`].

use std::time::Duration;

pub use crate::bindings::portolan::policy::http::Error;
use crate::bindings::portolan::policy::http::{Request as Ask, Response as Came};

#[cfg(target_arch = "wasm32")]
use crate::bindings::portolan::policy::http as host;
#[cfg(not(target_arch = "wasm32"))]
use crate::servers as host;

/// Asks for a document and waits for it.
pub fn get(url: &str) -> Result<Response, Error> {
    Request::get(url).fetch()
}

/// Asks all of these at the same time, at most 16, and waits for all; answers are in the order of the requests. One server that
/// is silent then costs the others nothing.
pub fn fetch_all(requests: impl IntoIterator<Item = Request>) -> Vec<Result<Response, Error>> {
    let asks: Vec<Ask> = requests.into_iter().map(|request| request.0).collect();
    host::fetch_all(&asks).into_iter().map(|came| came.map(Response)).collect()
}

/// A request to a server.
#[derive(Debug, Clone, PartialEq)]
pub struct Request(Ask);

impl Request {
    /// With this method, such as `POST`, to this URL.
    pub fn new(method: &str, url: &str) -> Self {
        Self(Ask {
            method: method.to_owned(),
            url: url.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout_ms: 0,
        })
    }

    /// A `GET` of this URL.
    pub fn get(url: &str) -> Self {
        Self::new("GET", url)
    }

    /// With one header more.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.0.headers.push((name.to_owned(), value.into()));
        self
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.0.body = body.into();
        self
    }

    /// Within this time, where it is shorter than what the operator allows.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.0.timeout_ms = u32::try_from(limit.as_millis().max(1)).unwrap_or(u32::MAX);
        self
    }

    /// Asks, and waits for the answer.
    pub fn fetch(&self) -> Result<Response, Error> {
        host::fetch(&self.0).map(Response)
    }
}

/// What a server answered, whatever its status.
#[derive(Debug, Clone, PartialEq)]
pub struct Response(pub(crate) Came);

impl Response {
    /// Its status.
    pub fn status(&self) -> u16 {
        self.0.status
    }

    /// Whether the status is one of success (2xx).
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.0.status)
    }

    /// The first header of this name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let found = self.0.headers.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_slice())
    }

    /// Its body.
    pub fn body(&self) -> &[u8] {
        &self.0.body
    }

    /// Its body without white space around it; none when it is not UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0.body).ok().map(str::trim)
    }
}
