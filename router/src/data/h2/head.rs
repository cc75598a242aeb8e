//! The head of an HTTP/2 request as one of HTTP/1.1 would be, so that all behind it look at the same.
//!
//! Owns the host (RFC 9113 section 8.3.1): one, well formed, and that of `:authority`, by which routes and keys go; and the cookie,
//! which clients send in crumbs (section 8.2.3). Pure.

use crate::data::h1::fields::is_host;
use http::header::{COOKIE, HOST, HeaderValue};
use http::request::Parts;

/// Makes a head so.
///
/// # Errors
/// Why it is malformed, for people.
pub(super) fn unify(parts: &mut Parts) -> Result<(), &'static str> {
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

fn join_cookies(parts: &mut Parts) {
    let crumbs: Vec<&[u8]> = parts.headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() > 1
        && let Ok(cookie) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..]))
    {
        parts.headers.insert(COOKIE, cookie);
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
