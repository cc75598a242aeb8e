//! The fields that a policy declared, taken from the facts.
//!
//! Owns the mapping from a declared field to its bytes. Borrows wherever it can; only a header or cookie that stands
//! several times is joined. What was not declared is never touched.

use super::facts::Facts;
use crate::policy::Field;
use crate::steer::affinity::cookie::pairs;
use http::HeaderMap;
use http::header::{COOKIE, HeaderName, HeaderValue};
use smallvec::SmallVec;
use std::borrow::Cow;

/// Values in the order of the manifest.
pub type Values<'a> = SmallVec<[Option<Cow<'a, [u8]>>; 8]>;

/// The declared fields' values.
pub fn values<'a>(fields: &[Field], facts: &Facts<'a>, pop: &'a str) -> Values<'a> {
    fields.iter().map(|field| value(field, facts, pop)).collect()
}

fn value<'a>(field: &Field, facts: &Facts<'a>, pop: &'a str) -> Option<Cow<'a, [u8]>> {
    let client = facts.client;
    let text = match field {
        Field::Method => Some(facts.method.as_str()),
        Field::Host => Some(facts.host),
        Field::Path => Some(facts.path),
        Field::Query => facts.query,
        Field::Scheme => Some(facts.scheme.as_str()),
        Field::Header(name) => return header(facts.headers, name),
        Field::Cookie(name) => return cookie(facts.headers, name.as_bytes()).map(Cow::Borrowed),
        Field::QueryParameter(name) => facts.query.and_then(|query| parameter(query, name)),
        Field::ClientIp => Some(&*client.ip_text),
        Field::ClientCountry => client.texts.country.as_deref(),
        Field::ClientContinent => client.texts.continent.as_deref(),
        Field::ClientRegion => client.place.region.as_deref(),
        Field::ClientCity => client.place.city.as_deref(),
        Field::ClientAsn => client.texts.asn.as_deref(),
        Field::Pop => Some(pop),
    };
    text.map(|text| Cow::Borrowed(text.as_bytes()))
}

/// A header's value; several lines are joined with `, ` (RFC 9110, section 5.3).
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Cow<'a, [u8]>> {
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
