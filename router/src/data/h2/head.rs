//! The head of an HTTP/2 request as one of HTTP/1.1 would be, so that all behind it look at the same; and that of the answer as
//! HTTP/2 has it.
//!
//! Owns the host (RFC 9113 section 8.3.1): one, well formed, and that of `:authority`, by which routes and keys go; the cookie,
//! which clients send in crumbs (section 8.2.3); and the fields that HTTP/2 does not have, or that a codec adds.

use crate::data::body::Body;
use crate::data::h1::date::write_date;
use crate::data::h1::fields::is_host;
use crate::data::headers::{Survey, strip_hop_by_hop};
use http::header::{CONTENT_LENGTH, COOKIE, DATE, HOST, HeaderValue, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Method, StatusCode, response};
use http_body::Body as _;

/// Makes a head so.
///
/// # Errors
/// Why it is malformed, for people.
pub(super) fn unify(parts: &mut Parts) -> Result<(), &'static str> {
    check_path(parts)?;
    let mut fields = parts.headers.get_all(HOST).iter();
    let field = fields.next();
    if fields.next().is_some() {
        return Err("more than one host header");
    }
    let named = parts.uri.authority().map(|authority| authority.as_str().as_bytes());
    let (Some(host), other) = (named.or(field.map(HeaderValue::as_bytes)), named.and(field)) else {
        return Err("neither :authority nor a host header");
    };
    if !is_host(host) {
        return Err("the host is not host[:port]");
    }
    if other.is_some_and(|other| !other.as_bytes().eq_ignore_ascii_case(host)) {
        return Err("the host header says another host than :authority");
    }
    let host = HeaderValue::from_bytes(host).map_err(|_| "the host is not host[:port]")?;
    parts.headers.insert(HOST, host);
    join_cookies(parts);
    Ok(())
}

/// The path is the target of a request line towards the origin (RFC 9113 section 8.3.1), and what HTTP/1.1 refuses there is refused.
fn check_path(parts: &Parts) -> Result<(), &'static str> {
    let target = parts.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    if !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("the path has bytes that no URI has");
    }
    if target == "*" && parts.method != Method::OPTIONS { Err("only OPTIONS may ask for *") } else { Ok(()) }
}

fn join_cookies(parts: &mut Parts) {
    let crumbs: Vec<&[u8]> = parts.headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() > 1
        && let Ok(cookie) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..]))
    {
        parts.headers.insert(COOKIE, cookie);
    }
}

/// Makes the head of an answer one of HTTP/2.
pub(super) fn finish(parts: &mut response::Parts, body: &Body) {
    let headers = &mut parts.headers;
    // RFC 9113 section 8.2.2.
    if Survey::of(headers).hop_by_hop {
        strip_hop_by_hop(headers);
    }
    headers.remove(TRANSFER_ENCODING);
    if parts.status == StatusCode::NO_CONTENT {
        // It has none (RFC 9110 section 8.6), and clients take the whole stream for malformed.
        headers.remove(CONTENT_LENGTH);
    } else if let Some(length) = body.exact_len().filter(|_| !body.is_end_stream()) {
        headers.entry(CONTENT_LENGTH).or_insert_with(|| length.into());
    }
    if !headers.contains_key(DATE) {
        let mut date = Vec::new();
        write_date(&mut date);
        if let Ok(date) = HeaderValue::try_from(date) {
            headers.insert(DATE, date);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use http::Request;

    fn unified(uri: &str, fields: &[(&str, &str)]) -> Result<(String, Vec<String>), &'static str> {
        let request = fields.iter().fold(Request::get(uri), |request, (name, value)| request.header(*name, *value));
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        unify(&mut parts)?;
        let texts = |name| parts.headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned());
        Ok((texts(HOST).collect::<Vec<_>>().join(" and "), texts(COOKIE).collect()))
    }

    #[test]
    fn rfc9113_8_3_1_one_host() {
        let other = Err("the host header says another host than :authority");
        let wrong = Err("the host is not host[:port]");
        for (uri, hosts, expected) in [
            ("https://a.example/", &[][..], Ok("a.example")),
            ("https://a.example:444/", &["A.example:444"], Ok("a.example:444")),
            ("/", &["a.example"], Ok("a.example")),
            ("https://a.example/", &["b.example"], other),
            ("https://a.example/", &[""], other),
            ("https://a.example/", &["a.example", "a.example"], Err("more than one host header")),
            ("/", &[], Err("neither :authority nor a host header")),
            ("/", &[""], wrong),
            ("/", &["a b"], wrong),
            ("https://u:p@a.example/", &[], wrong),
        ] {
            let fields: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
            assert_eq!(unified(uri, &fields).map(|(host, _)| host), expected.map(str::to_owned), "{uri} {hosts:?}");
        }
    }

    #[test]
    fn rfc9113_8_3_1_a_path_is_of_a_uri() {
        let checked = |method: &str, path: &'static [u8]| {
            let path = PathAndQuery::from_maybe_shared(path).unwrap();
            let uri = http::Uri::builder().scheme("https").authority("a.example").path_and_query(path).build().unwrap();
            let (mut parts, ()) = Request::builder().method(method).uri(uri).body(()).unwrap().into_parts();
            unify(&mut parts)
        };
        assert_eq!(checked("GET", b"/a%C3%A4?b=c"), Ok(()));
        assert_eq!(checked("GET", b"/\xc3\xa4"), Err("the path has bytes that no URI has"));
        assert_eq!(checked("GET", b"/?\xc3\xa4"), Err("the path has bytes that no URI has"));
        assert_eq!(checked("OPTIONS", b"*"), Ok(()));
        assert_eq!(checked("GET", b"*"), Err("only OPTIONS may ask for *"));
    }

    #[test]
    fn rfc9113_8_2_3_crumbs_are_one_cookie() {
        let cookies = |crumbs: &[&str]| {
            let fields: Vec<_> = crumbs.iter().map(|crumb| ("cookie", *crumb)).collect();
            unified("https://a.example/", &fields).unwrap().1
        };
        assert_eq!(cookies(&["a=1", "b=2", "c=3"]), ["a=1; b=2; c=3"]);
        assert_eq!(cookies(&["a=1; b=2"]), ["a=1; b=2"]);
        assert!(cookies(&[]).is_empty());
    }
}
