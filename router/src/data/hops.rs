//! Requests whose way ends here, wherever a route would lead.
//!
//! Owns `Max-Forwards` (RFC 9110 section 7.6.2), which OPTIONS and TRACE count down at each hop, and `OPTIONS *`, which is about
//! the server and no resource of it (section 9.3.7). Called by `exchange` before it asks `decide`.

use super::body::Body;
use super::respond;
use crate::base::units::digits;
use http::header::{HeaderMap, HeaderValue, MAX_FORWARDS};
use http::request::Parts;
use http::{Method, Response, StatusCode};

/// The answer to a request that goes no further, and its word for the record; the others are counted down.
pub(super) fn end(parts: &mut Parts) -> Option<(Response<Body>, &'static str)> {
    if parts.method != Method::OPTIONS && parts.method != Method::TRACE {
        return None;
    }
    let ended = match left(&parts.headers) {
        Some(0) => Some("max-forwards"),
        left => {
            if let Some(left) = left {
                parts.headers.insert(MAX_FORWARDS, HeaderValue::from(left - 1));
            }
            (parts.uri.path() == "*").then_some("asterisk")
        }
    }?;
    let response = if parts.method == Method::OPTIONS {
        Response::new(Body::empty())
    } else {
        // What it would send back may be what its client must not see.
        respond::text(StatusCode::NOT_IMPLEMENTED, "TRACE is not supported")
    };
    Some((response, ended))
}

/// How often a request may still be forwarded; none when it does not say, or nothing readable.
fn left(headers: &HeaderMap) -> Option<u64> {
    let mut lines = headers.get_all(MAX_FORWARDS).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return None };
    digits(line.as_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use http::Request;

    #[test]
    fn rfc9110_7_6_2_forwards_are_counted_down() {
        for (method, target, given, expected) in [
            ("OPTIONS", "/", &["5"][..], Ok(&["4"][..])),
            ("TRACE", "/", &["1"], Ok(&["0"])),
            ("OPTIONS", "/", &["99999999999999999999999"], Ok(&["18446744073709551614"])),
            ("OPTIONS", "/", &[], Ok(&[])),
            ("OPTIONS", "/", &["-1"], Ok(&["-1"])),
            ("OPTIONS", "/", &["0", "0"], Ok(&["0", "0"])),
            ("GET", "/", &["0"], Ok(&["0"])),
            ("OPTIONS", "/", &["0"], Err((200, "max-forwards"))),
            ("TRACE", "/", &["000"], Err((501, "max-forwards"))),
            ("OPTIONS", "*", &[], Err((200, "asterisk"))),
        ] {
            let request = given.iter().fold(Request::builder().method(method).uri(target), |request, value| {
                request.header(MAX_FORWARDS, *value)
            });
            let (mut parts, ()) = request.body(()).unwrap().into_parts();
            let ended = end(&mut parts).map(|(response, word)| (response.status().as_u16(), word));
            let left: Vec<_> =
                parts.headers.get_all(MAX_FORWARDS).iter().map(|value| value.to_str().unwrap()).collect();
            match expected {
                Ok(expected) => assert_eq!((left.as_slice(), ended), (expected, None), "{method} {target} {given:?}"),
                Err(expected) => assert_eq!(ended, Some(expected), "{method} {target} {given:?}"),
            }
        }
    }
}
