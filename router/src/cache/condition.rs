//! Conditions of a client that one who holds the representation may judge (RFC 9110 section 13, RFC 9111 section 4.3.2).
//!
//! Owns `If-None-Match`, `If-Modified-Since` and `If-Range`. `If-Match` and `If-Unmodified-Since` are the origin's alone: a
//! cache that answered 412 would judge an old state, so requests that carry them pass it by. Used by the cache and by
//! static files. Pure.

use http::header::{
    HeaderMap, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, LAST_MODIFIED,
};

use super::date::{self, HttpDate};
use super::etag::{self, EntityTag};
use crate::base::Timestamp;

/// What identifies the state of a representation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validators<'a> {
    /// Its entity tag.
    pub tag: Option<EntityTag<'a>>,
    /// When it was last modified; in a cache, when nothing else is known, the date of the response.
    pub modified: Option<HttpDate>,
    /// `modified` is a strong validator (RFC 9110 section 8.8.2.2).
    pub modified_is_strong: bool,
}

impl<'a> Validators<'a> {
    /// Those of an answer as it came, whose date may be a moment old: it is taken for weak.
    pub fn of(answer: &'a HeaderMap, now: Timestamp) -> Self {
        let modified = date::field(answer, &LAST_MODIFIED, now);
        Self { tag: EntityTag::of(answer), modified, modified_is_strong: false }
    }
}

/// Whether a request carries a condition that only the origin can judge.
pub fn is_for_origin(request: &HeaderMap) -> bool {
    request.contains_key(IF_MATCH) || request.contains_key(IF_UNMODIFIED_SINCE)
}

/// Whether the client has this state already: 304, in place of a success.
pub fn is_not_modified(request: &HeaderMap, state: &Validators<'_>, now: Timestamp) -> bool {
    if request.contains_key(IF_NONE_MATCH) {
        let same = |tag: EntityTag<'_>| state.tag.is_some_and(|own| tag.weakly_equals(own));
        return etag::any(request, &IF_NONE_MATCH, same);
    }
    // One that is given twice or cannot be read is ignored (RFC 9110 section 13.1.3).
    let since = date::field(request, &IF_MODIFIED_SINCE, now);
    since.zip(state.modified).is_some_and(|(since, modified)| modified <= since)
}

/// Whether `Range` may be followed: no `If-Range`, or one that names exactly this state (RFC 9110 section 13.1.5).
pub fn range_applies(request: &HeaderMap, state: &Validators<'_>, now: Timestamp) -> bool {
    let mut lines = request.get_all(IF_RANGE).iter();
    let Some(line) = lines.next() else { return true };
    if lines.next().is_some() {
        return false;
    }
    if let Some(tag) = EntityTag::parse(line.as_bytes().trim_ascii()) {
        return state.tag.is_some_and(|own| tag.strongly_equals(own));
    }
    let date = date::parse(line.as_bytes(), now);
    state.modified_is_strong && date.is_some() && date == state.modified
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use http::header::HeaderName;

    const NOW: Timestamp = Timestamp(1_795_262_400_000);
    const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const THEN_850: &str = "Sunday, 06-Nov-94 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn state(tag: &str) -> Validators<'_> {
        let modified = Some(HttpDate(784_111_777));
        Validators { tag: EntityTag::parse(tag.as_bytes()), modified, modified_is_strong: true }
    }

    #[test]
    fn rfc9111_4_3_2_what_a_cache_judges() {
        for (pairs, expected) in [
            (&[][..], false),
            (&[("if-none-match", "\"a\"")], true),
            (&[("if-none-match", "W/\"a\"")], true), // weak comparison
            (&[("if-none-match", "\"x\", \"a\"")], true),
            (&[("if-none-match", "*")], true),
            (&[("if-none-match", "a")], false),
            (&[("if-none-match", "\"x\""), ("if-modified-since", AFTER)], false), // the tag decides alone
            (&[("if-none-match", "\"a\""), ("if-modified-since", BEFORE)], true),
            (&[("if-modified-since", THEN)], true),
            (&[("if-modified-since", THEN_850)], true),
            (&[("if-modified-since", AFTER)], true),
            (&[("if-modified-since", BEFORE)], false),
            (&[("if-modified-since", "yesterday")], false),
            (&[("if-modified-since", THEN), ("if-modified-since", THEN)], false),
        ] {
            assert_eq!(is_not_modified(&headers(pairs), &state("\"a\""), NOW), expected, "{pairs:?}");
        }
        assert!(is_not_modified(&headers(&[("if-none-match", "\"a\"")]), &state("W/\"a\""), NOW));
        let nothing = Validators { tag: None, modified: None, modified_is_strong: false };
        assert!(!is_not_modified(&headers(&[("if-none-match", "\"a\"")]), &nothing, NOW));
        assert!(is_not_modified(&headers(&[("if-none-match", "*")]), &nothing, NOW));
        assert!(!is_not_modified(&headers(&[("if-modified-since", AFTER)]), &nothing, NOW));
    }

    #[test]
    fn rfc9111_4_3_2_if_match_is_the_origins() {
        assert!(is_for_origin(&headers(&[("if-match", "*")])));
        assert!(is_for_origin(&headers(&[("if-unmodified-since", THEN)])));
        assert!(!is_for_origin(&headers(&[("if-none-match", "*"), ("if-modified-since", THEN)])));
    }

    #[test]
    fn rfc9110_13_1_5_if_range() {
        for (value, expected) in [
            ("\"a\"", true),
            ("\"x\"", false),
            ("W/\"a\"", false),
            (THEN, true),
            (THEN_850, true),
            (AFTER, false), // exact, not "since"
            ("rubbish", false),
        ] {
            assert_eq!(range_applies(&headers(&[("if-range", value)]), &state("\"a\""), NOW), expected, "{value}");
        }
        assert!(range_applies(&HeaderMap::new(), &state("\"a\""), NOW));
        assert!(!range_applies(&headers(&[("if-range", "W/\"a\"")]), &state("W/\"a\""), NOW));
        assert!(!range_applies(&headers(&[("if-range", "\"a\""), ("if-range", "\"a\"")]), &state("\"a\""), NOW));
        let young = Validators { modified_is_strong: false, ..state("\"a\"") };
        assert!(!range_applies(&headers(&[("if-range", THEN)]), &young, NOW));
    }
}
