//! The parts of a request's head that go by a name: headers, cookies, parameters of the query.
//!
//! Owns their names in a manifest and how each is found. Borrows wherever it can; only a header that stands several times is
//! joined. Called by `decide` for what is passed with a call, and by `view` for what is looked up during one.

use crate::steer::affinity::cookie::pairs;
use http::header::COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::borrow::Cow;
use std::fmt;

/// A part of a request's head.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Part {
    /// A header: its lines, joined.
    Header(HeaderName),
    /// A cookie.
    Cookie(Box<str>),
    /// A parameter of the query.
    QueryParameter(Box<str>),
}

impl Part {
    /// The part of a name in a manifest, such as `header:x-tenant`.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name.split_once(':')? {
            (_, "") => return None,
            ("header", header) => Self::Header(HeaderName::from_bytes(header.as_bytes()).ok()?),
            ("cookie", cookie) => Self::Cookie(cookie.into()),
            ("query", parameter) => Self::QueryParameter(parameter.into()),
            _ => return None,
        })
    }

    /// Whether it is found in the query.
    pub(super) fn is_of_query(&self) -> bool {
        matches!(self, Self::QueryParameter(_))
    }

    /// Its value; none where the request has no such part.
    pub fn find<'a>(&self, headers: &'a HeaderMap, query: Option<&'a str>) -> Option<Cow<'a, [u8]>> {
        match self {
            Self::Header(name) => header(headers, name),
            Self::Cookie(name) => cookie(headers, name.as_bytes()).map(Cow::Borrowed),
            Self::QueryParameter(name) => parameter(query?, name).map(|value| Cow::Borrowed(value.as_bytes())),
        }
    }
}

/// As a manifest names it.
impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Cookie(name) => write!(f, "cookie:{name}"),
            Self::QueryParameter(name) => write!(f, "query:{name}"),
        }
    }
}

/// A header's value; several lines are joined with `, ` (RFC 9110, section 5.3).
pub fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Cow<'a, [u8]>> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next()?.as_bytes();
    let mut joined = Cow::Borrowed(first);
    for line in lines {
        let bytes = joined.to_mut();
        bytes.extend_from_slice(b", ");
        bytes.extend_from_slice(line.as_bytes());
    }
    Some(joined)
}

/// The first cookie of that name (RFC 6265, section 5.4 leaves the order to the client).
fn cookie<'a>(headers: &'a HeaderMap, name: &[u8]) -> Option<&'a [u8]> {
    let lines = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes);
    lines.flat_map(pairs).find_map(|pair| pair.strip_prefix(name)?.strip_prefix(b"="))
}

/// The first query parameter of that name, as sent (not decoded).
fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').find_map(|pair| match pair.split_once('=') {
        Some((key, value)) => (key == name).then_some(value),
        None => (pair == name).then_some(""),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_cookies_and_parameters_by_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("xsid=1; sid=2;other=3"));
        headers.append(COOKIE, HeaderValue::from_static("late=4"));
        assert_eq!(cookie(&headers, b"sid"), Some(&b"2"[..]));
        assert_eq!(cookie(&headers, b"late"), Some(&b"4"[..]));
        assert_eq!(cookie(&headers, b"si"), None);
        assert_eq!(parameter("a=1&lang=de&lang=fr&flag", "lang"), Some("de"));
        assert_eq!(parameter("a=1&flag", "flag"), Some(""));
        assert_eq!(parameter("a=1", "la"), None);
    }

    #[test]
    fn repeated_headers_are_not_lost() {
        let mut headers = HeaderMap::new();
        headers.append("x-tenant", HeaderValue::from_static("a"));
        headers.append("x-tenant", HeaderValue::from_bytes(b"\xff").unwrap_or(HeaderValue::from_static("?")));
        let name = HeaderName::from_static("x-tenant");
        assert_eq!(header(&headers, &name).as_deref(), Some(&b"a, \xff"[..]));
    }
}
