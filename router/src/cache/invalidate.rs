//! What a request with effects makes invalid (RFC 9111 section 4.4).
//!
//! Owns which methods are safe and the addresses to invalidate: the request's own, and those that `Location` and
//! `Content-Location` name on the same origin, as they are found by. A method that nobody knows is unsafe. Never touches a
//! store. Pure.

use http::header::{CONTENT_LOCATION, HeaderMap, LOCATION};
use http::{Method, StatusCode};

use super::address::Address;
use super::key::{Parameters, counted};

/// Whether a method is registered as safe (RFC 9110 section 9.2.1, and the IANA registry for the rest).
pub fn is_safe(method: &Method) -> bool {
    matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PROPFIND" | "REPORT" | "SEARCH" | "QUERY")
}

/// The addresses whose stored responses are invalid after this answer: every key and variant of each. `target` is found by the
/// `parameters` that count, and so is what the answer names.
pub fn addresses(
    method: &Method,
    target: &Address,
    status: StatusCode,
    response: &HeaderMap,
    parameters: &Parameters,
) -> Vec<Address> {
    // Only what did not fail has had an effect.
    if is_safe(method) || !(status.is_success() || status.is_redirection()) {
        return Vec::new();
    }
    let mut found = vec![target.clone()];
    for value in [LOCATION, CONTENT_LOCATION].iter().flat_map(|name| response.get_all(name)) {
        let named = value.to_str().ok().and_then(|text| target.resolve(text));
        let named = named.and_then(|address| address.with_query(counted(address.query(), parameters).as_deref()));
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
        counting(&Parameters::All, method, status, fields)
    }

    fn counting(
        parameters: &Parameters,
        method: &str,
        status: u16,
        fields: &[(http::HeaderName, &'static str)],
    ) -> Vec<String> {
        let target = Address::of("https", "a", "/b/c", Some("q")).unwrap();
        let mut response = HeaderMap::new();
        for (name, value) in fields {
            response.append(name, HeaderValue::from_static(value));
        }
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let found = addresses(&method, &target, StatusCode::from_u16(status).unwrap(), &response, parameters);
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
        let lines = [(CONTENT_LOCATION, "/d"), (CONTENT_LOCATION, "/e"), (LOCATION, "/f"), (LOCATION, "/d")];
        let expected = ["https://a/b/c?q", "https://a/f", "https://a/d", "https://a/e"];
        assert_eq!(invalid("POST", 200, &lines), expected, "each line of the field");
    }

    #[test]
    fn rfc9111_4_4_what_is_named_is_found_by_the_parameters_that_count() {
        let without = Parameters::Without(vec!["utm_*".into()]);
        for (parameters, location, expected) in [
            (&Parameters::All, "/d?id=1&utm_a=2", "https://a/d?id=1&utm_a=2"),
            (&without, "/d?id=1&utm_a=2", "https://a/d?id=1"),
            (&without, "/d?utm_a=2", "https://a/d"),
            (&without, "/d?", "https://a/d?"),
            (&Parameters::None, "/d?id=1", "https://a/d"),
            (&Parameters::Only(vec!["id".into()]), "/d?x=1&id=2", "https://a/d?id=2"),
        ] {
            let found = counting(parameters, "POST", 201, &[(LOCATION, location)]);
            assert_eq!(found, ["https://a/b/c?q", expected], "{location}");
        }
    }
}
