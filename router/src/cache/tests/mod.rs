//! The rules asked together. What one file decides alone is tested beside it.

mod answering;
mod compressing;
mod freshening;
mod model;
mod parts;
mod properties;
mod scenarios;
mod selecting;
mod storing;

use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};

use super::address::Address;
use super::age::Times;
use super::settings::Settings;
use super::storable::{self, Refusal};
use super::stored::{Fetched, Stored};
use crate::base::Timestamp;

/// Sun, 06 Nov 1994 08:49:37 GMT
const START: Timestamp = Timestamp(784_111_777_000);
const DATE: (&str, &str) = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
const DAY_AGO: &str = "Sat, 05 Nov 1994 08:49:37 GMT";

pub(super) type Fields<'a> = &'a [(&'static str, &'a str)];

fn headers(fields: Fields<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn after(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

fn address() -> Address {
    Address::of("https", "a", "/b", Some("c")).unwrap()
}

/// An answer of the origin at `START`.
pub(super) struct Case {
    method: Method,
    request: HeaderMap,
    has_body: bool,
    status: u16,
    pub(super) response: HeaderMap,
    is_abridged: bool,
    at: Timestamp,
}

impl Case {
    pub(super) fn new(request: Fields<'_>, status: u16, response: Fields<'_>) -> Self {
        let (request, response) = (headers(request), headers(response));
        Self { method: Method::GET, request, has_body: false, status, response, is_abridged: false, at: START }
    }

    fn ok(response: Fields<'_>) -> Self {
        Self::new(&[], 200, response)
    }

    fn with<R>(&self, read: impl FnOnce(&Fetched<'_>) -> R) -> R {
        read(&Fetched {
            method: &self.method,
            address: &address(),
            request: &self.request,
            has_body: self.has_body,
            status: StatusCode::from_u16(self.status).unwrap(),
            headers: &self.response,
            is_abridged: self.is_abridged,
            times: Times { requested: self.at, received: self.at },
        })
    }

    pub(super) fn admit(&self, settings: &Settings) -> Result<Stored, Refusal> {
        self.with(|fetched| storable::admit(fetched, settings))
    }

    fn stored(&self) -> Stored {
        self.admit(&Settings::default()).unwrap()
    }
}
