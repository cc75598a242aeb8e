//! Which header fields of a response are stored, and how a newer response updates them (RFC 9111 sections 3.1 and 3.2).
//!
//! Owns the lists: what ends at a hop, what is between a client and a proxy, what `no-cache` and `private` name (both are for
//! the one who asked), and what the cache makes itself (`Age`, `Content-Length`). Never touches `Warning`, which is obsolete and
//! somebody else's. Pure.

use http::header::{self, HeaderMap, HeaderName};

use super::date;
use super::etag::EntityTag;
use super::list;
use super::tags::{CACHE_GROUPS, CACHE_TAG, SURROGATE_KEY};
use super::targeted::{CDN_CACHE_CONTROL, PORTOLAN_CACHE_CONTROL, Ruling};
use crate::base::Timestamp;

/// Never stored: they belong to one hop (RFC 9110 section 7.6.1), or are made anew for every answer.
static NOT_STORED: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::AGE,
    header::CONTENT_LENGTH,
];

/// Not stored either, but for the one who asked: they are between a client and a proxy.
static OF_PROXY: [HeaderName; 3] =
    [header::PROXY_AUTHENTICATE, HeaderName::from_static("proxy-authentication-info"), header::PROXY_AUTHORIZATION];

/// Never updated: they say what the stored bytes are, and those stay as they are (section 3.2 allows leaving out what the
/// integrity of what is stored rests on).
static NOT_UPDATED: [HeaderName; 2] = [header::CONTENT_ENCODING, header::CONTENT_RANGE];

/// Digests of the content of one message (RFC 9530 section 2, RFC 1864), which is other bytes when it is another part.
static OF_MESSAGE: [HeaderName; 2] =
    [HeaderName::from_static("content-digest"), HeaderName::from_static("content-md5")];

/// What a response is judged by, or kept for what it is.
static JUDGED: [HeaderName; 17] = [
    header::CACHE_CONTROL,
    CDN_CACHE_CONTROL,
    PORTOLAN_CACHE_CONTROL,
    header::EXPIRES,
    header::DATE,
    header::AGE,
    header::VARY,
    header::SET_COOKIE,
    header::ETAG,
    header::LAST_MODIFIED,
    header::CONTENT_ENCODING,
    header::CONTENT_LOCATION,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    CACHE_GROUPS,
    CACHE_TAG,
    SURROGATE_KEY,
];

/// Whether a response is judged by a field. `Connection` must not name such a one (RFC 9110 section 7.6.1), and when it does
/// there are two answers: the one that the origin made, and the one without the field that goes on.
pub fn is_judged(name: &HeaderName) -> bool {
    JUDGED.contains(name)
}

/// Takes out of the fields of a message what holds for its content alone and not for other parts of the representation.
pub fn strip_digests(headers: &mut HeaderMap) {
    for name in &OF_MESSAGE {
        headers.remove(name);
    }
}

/// The fields to store of a response received at `received`. One without `Date` gets that moment's (RFC 9110 section 6.6.1).
pub fn stored(response: &HeaderMap, ruling: &Ruling, received: Timestamp) -> HeaderMap {
    let mut kept = response.clone();
    // What `Connection` names ends here.
    for member in list::members(response, &header::CONNECTION) {
        if let Ok(name) = HeaderName::from_bytes(member) {
            kept.remove(name);
        }
    }
    for name in NOT_STORED.iter().chain(for_one(ruling)) {
        kept.remove(name);
    }
    if !kept.contains_key(header::DATE)
        && let Some(date) = date::write(received)
    {
        kept.insert(header::DATE, date);
    }
    kept
}

/// The fields of a response that are not stored, but go to the one who asked for it: `private` keeps them from others (RFC 9111
/// section 5.2.2.7), and `no-cache` from those for whom the origin was not asked (section 5.2.2.4).
pub fn own(response: &HeaderMap, ruling: &Ruling) -> HeaderMap {
    let mut own = HeaderMap::new();
    for name in for_one(ruling).filter(|name| !NOT_STORED.contains(name) && *name != header::CONTENT_RANGE) {
        // One that is named twice is there once.
        own.remove(name);
        for value in response.get_all(name) {
            own.append(name, value.clone());
        }
    }
    own
}

fn for_one(ruling: &Ruling) -> impl Iterator<Item = &HeaderName> {
    let directives = &ruling.directives;
    OF_PROXY.iter().chain(directives.no_cache.fields()).chain(directives.private.fields())
}

/// The fields of a stored response after a newer one was received about it: each that the newer has replaces all lines of
/// that name; the others stay. `Age` and `Date` are the newer's alone. A weak tag stays weak: a 304 that says it strong may speak of
/// another coding, and the bytes are those that they were.
pub fn updated(old: &HeaderMap, newer: &HeaderMap) -> HeaderMap {
    let mut fields = old.clone();
    fields.remove(header::AGE);
    fields.remove(header::DATE);
    let is_weaker = |old: EntityTag<'_>, new: EntityTag<'_>| old.is_weak && !new.is_weak && old.weakly_equals(new);
    let keeps_tag = EntityTag::of(old).zip(EntityTag::of(newer)).is_some_and(|(old, new)| is_weaker(old, new));
    let is_left = |name: &HeaderName| NOT_UPDATED.contains(name) || keeps_tag && *name == header::ETAG;
    for name in newer.keys().filter(|name| !is_left(name)) {
        fields.remove(name);
        for value in newer.get_all(name) {
            fields.append(name, value.clone());
        }
    }
    fields
}

/// The `Content-Length` of a message, when it says one and the same everywhere (RFC 9110 section 8.6).
pub fn content_length(headers: &HeaderMap) -> Option<u64> {
    let mut lengths = list::members(headers, &header::CONTENT_LENGTH);
    let first = lengths.next()?;
    let valid = first.iter().all(u8::is_ascii_digit) && lengths.all(|other| other == first);
    std::str::from_utf8(first).ok()?.parse().ok().filter(|_| valid)
}

#[cfg(test)]
mod tests {
    use super::super::targeted;
    use super::*;
    use http::HeaderValue;

    const RECEIVED: Timestamp = Timestamp(784_111_777_000);

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    fn names(headers: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn rfc9111_3_1_fields_that_are_not_stored() {
        let response = headers(&[
            ("connection", "a, B, rubbish here"),
            ("a", "1"),
            ("b", "2"),
            ("c", "3"),
            ("keep-alive", "timeout=5"),
            ("proxy-authenticate", "Basic"),
            ("transfer-encoding", "chunked"),
            ("content-length", "3"),
            ("age", "7"),
            ("warning", "110 - stale"),
            ("set-cookie", "x"),
            ("cache-control", "no-cache=\"d, set-cookie\", private=\"e\""),
            ("d", "4"),
            ("e", "5"),
        ]);
        let kept = stored(&response, &targeted::ruling(&response), RECEIVED);
        assert_eq!(names(&kept), ["c", "cache-control", "date", "warning"]);
        assert_eq!(kept["date"], "Sun, 06 Nov 1994 08:49:37 GMT");
        let own = own(&response, &targeted::ruling(&response));
        assert_eq!(names(&own), ["d", "e", "proxy-authenticate", "set-cookie"], "the one who asked gets these beside");
    }

    #[test]
    fn rfc9111_5_2_2_7_what_is_for_the_one_who_asked() {
        let control =
            ("cache-control", "private=\"set-cookie, content-length, age\", no-cache=\"Set-Cookie, content-range\"");
        let cookies = [("set-cookie", "a"), ("set-cookie", "b")];
        let made = [("content-length", "3"), ("age", "7"), ("content-range", "bytes 0-2/9"), ("x", "1")];
        let response = headers(&[&[control], &cookies[..], &made].concat());
        assert_eq!(own(&response, &targeted::ruling(&response)), headers(&cookies));
    }

    #[test]
    fn rfc9110_8_6_content_length() {
        for (value, expected) in [
            ("5", Some(5)),
            ("5, 5", Some(5)),
            ("5, 6", None),
            ("+5", None),
            ("", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(content_length(&headers(&[("content-length", value)])), expected, "{value}");
        }
    }

    #[test]
    fn rfc9111_3_2_a_newer_response_replaces_field_by_field() {
        let old = headers(&[
            ("a", "1"),
            ("a", "2"),
            ("b", "1"),
            ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("content-encoding", "br"),
            ("content-type", "text/plain"),
        ]);
        let newer =
            headers(&[("a", "3"), ("c", "1"), ("c", "2"), ("content-encoding", "gzip"), ("content-type", "text/css")]);
        let fields = updated(&old, &newer);
        assert_eq!(names(&fields), ["a", "b", "c", "content-encoding", "content-type"]);
        assert_eq!(fields.get_all("a").iter().collect::<Vec<_>>(), ["3"]);
        assert_eq!(fields.get_all("c").iter().collect::<Vec<_>>(), ["1", "2"], "a 304 may add fields, and lines");
        for (old, newer, expected) in
            [("W/\"a\"", "\"a\"", "W/\"a\""), ("\"a\"", "W/\"a\"", "W/\"a\""), ("W/\"a\"", "\"b\"", "\"b\"")]
        {
            assert_eq!(updated(&headers(&[("etag", old)]), &headers(&[("etag", newer)]))["etag"], expected);
        }
        assert_eq!(
            (fields["content-encoding"].as_bytes(), fields["content-type"].as_bytes()),
            (&b"br"[..], &b"text/css"[..])
        );
    }
}
