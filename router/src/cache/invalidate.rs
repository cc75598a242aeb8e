//! What a request with effects makes invalid (RFC 9111 section 4.4).
//!
//! Owns which methods are safe and the addresses to invalidate: the request's own, and those that `Location` and
//! `Content-Location` name on the same origin. A method that nobody knows is unsafe. Never touches a store. Pure.

use http::header::{CONTENT_LOCATION, HeaderMap, LOCATION};
use http::{Method, StatusCode};

use super::address::Address;

/// Whether a method is registered as safe (RFC 9110 section 9.2.1, and the IANA registry for the rest).
pub fn is_safe(method: &Method) -> bool {
    matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PROPFIND" | "REPORT" | "SEARCH" | "QUERY")
}

/// The addresses whose stored responses are invalid after this answer: every key and variant of each.
pub fn addresses(method: &Method, target: &Address, status: StatusCode, response: &HeaderMap) -> Vec<Address> {
    // Only what did not fail has had an effect.
    if is_safe(method) || !(status.is_success() || status.is_redirection()) {
        return Vec::new();
    }
    let mut found = vec![target.clone()];
    for name in [LOCATION, CONTENT_LOCATION] {
        let named = response.get(name).and_then(|value| value.to_str().ok()).and_then(|text| target.resolve(text));
        // Another origin's are not this one's to throw away.
        found.extend(named.filter(|address| address.origin() == target.origin() && !found.contains(address)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn invalid(method: &str, status: u16, fields: &[(http::HeaderName, &'static str)]) -> Vec<String> {
        let target = Address::of("https", "a", "/b/c", Some("q")).unwrap();
        let fields = fields.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let found = addresses(&method, &target, StatusCode::from_u16(status).unwrap(), &fields);
        found.iter().map(|address| address.as_str().to_owned()).collect()
    }

    #[test]
    fn rfc9111_4_4_unsafe_methods_that_did_not_fail() {
        for (method, status, expected) in [
            ("POST", 200, true),
            ("PUT", 204, true),
            ("DELETE", 303, true),
            ("PATCH", 200, true),
            ("M-SEARCH", 200, true),
            ("get", 200, true), // methods are case-sensitive: nobody knows this one
            ("POST", 404, false),
            ("POST", 500, false),
            ("GET", 200, false),
            ("HEAD", 200, false),
            ("OPTIONS", 200, false),
            ("TRACE", 200, false),
            ("PROPFIND", 207, false),
            ("QUERY", 200, false),
        ] {
            assert_eq!(
                invalid(method, status, &[]),
                if expected { &["https://a/b/c?q"][..] } else { &[] },
                "{method} {status}"
            );
        }
    }

    #[test]
    fn rfc9111_4_4_location_and_content_location_of_the_same_origin() {
        for (location, content_location, expected) in [
            ("d", "/e", &["https://a/b/c?q", "https://a/b/d", "https://a/e"][..]),
            ("https://A:443/d#x", "d", &["https://a/b/c?q", "https://a/d", "https://a/b/d"]),
            ("https://b/d", "http://a/d", &["https://a/b/c?q"]),
            ("https://a:8443/d", "//b/d", &["https://a/b/c?q"]),
            ("", "c?q", &["https://a/b/c?q"]),
            ("mailto:x", "http://[", &["https://a/b/c?q"]),
        ] {
            let fields = [(LOCATION, location), (CONTENT_LOCATION, content_location)];
            assert_eq!(invalid("POST", 201, &fields), expected, "{location} {content_location}");
        }
    }
}
