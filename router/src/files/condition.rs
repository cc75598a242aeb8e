//! The order in which the preconditions of a request are judged (RFC 9110 section 13.2.2), where the file itself is at hand.
//! Owns: `If-Match` and `If-Unmodified-Since`, which only an origin may judge. Never: what a cache may judge too, which is
//! in `cache::condition`; reads files or builds answers. Called by: `files::answer`. Pure.

use http::header::{HeaderMap, IF_MATCH, IF_UNMODIFIED_SINCE};

use crate::base::Timestamp;
use crate::cache::condition::{Validators, is_not_modified};
use crate::cache::{date, etag};

/// What the preconditions of a GET or HEAD come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Answer as if there were none.
    Proceed,
    /// 304: the client has it.
    NotModified,
    /// 412: the client wanted another state.
    Failed,
}

/// Judges the preconditions against the state of the file.
pub(super) fn judge(headers: &HeaderMap, state: &Validators<'_>, now: Timestamp) -> Outcome {
    let failed = if headers.contains_key(IF_MATCH) {
        !etag::any(headers, &IF_MATCH, |tag| state.tag.is_some_and(|own| tag.strongly_equals(own)))
    } else {
        let since = date::field(headers, &IF_UNMODIFIED_SINCE, now);
        since.zip(state.modified).is_some_and(|(since, modified)| modified > since)
    };
    if failed {
        Outcome::Failed
    } else if is_not_modified(headers, state, now) {
        Outcome::NotModified
    } else {
        Outcome::Proceed
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::cache::date::HttpDate;
    use crate::cache::etag::EntityTag;
    use http::HeaderValue;
    use http::header::HeaderName;

    const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    const NOW: Timestamp = Timestamp(1_795_262_400_000);

    fn judged(headers: &HeaderMap, tag: &str) -> Outcome {
        let modified = Some(HttpDate(784_111_777));
        judge(headers, &Validators { tag: EntityTag::parse(tag.as_bytes()), modified, modified_is_strong: true }, NOW)
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs =
            pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
        let mut headers = HeaderMap::new();
        pairs.for_each(|(name, value)| {
            headers.append(name, value);
        });
        headers
    }

    #[test]
    fn preconditions_in_order() {
        use Outcome::{Failed, NotModified, Proceed};
        for (pairs, outcome) in [
            (&[][..], Proceed),
            (&[("if-none-match", "\"a\"")], NotModified),
            (&[("if-none-match", "W/\"a\"")], NotModified), // weak comparison
            (&[("if-none-match", "\"x\", \"a\"")], NotModified),
            (&[("if-none-match", "\"x,\"a\"")], Proceed), // one tag with a comma, then rubbish
            (&[("if-none-match", "\"x\""), ("if-none-match", "\"a\"")], NotModified),
            (&[("if-none-match", "*")], NotModified),
            (&[("if-none-match", "a")], Proceed),
            (&[("if-none-match", "\"x\""), ("if-modified-since", AFTER)], Proceed), // the tag decides alone
            (&[("if-none-match", "\"a\""), ("if-modified-since", BEFORE)], NotModified),
            (&[("if-modified-since", THEN)], NotModified),
            (&[("if-modified-since", AFTER)], NotModified),
            (&[("if-modified-since", BEFORE)], Proceed),
            (&[("if-modified-since", "yesterday")], Proceed),
            (&[("if-modified-since", THEN), ("if-modified-since", THEN)], Proceed),
            (&[("if-match", "\"a\"")], Proceed),
            (&[("if-match", "*")], Proceed),
            (&[("if-match", "W/\"a\"")], Failed), // strong comparison
            (&[("if-match", "\"x\"")], Failed),
            (&[("if-match", "\"x\""), ("if-none-match", "\"a\"")], Failed),
            (&[("if-match", "\"a\""), ("if-none-match", "\"a\"")], NotModified),
            (&[("if-match", "\"a\""), ("if-unmodified-since", BEFORE)], Proceed), // ignored beside If-Match
            (&[("if-unmodified-since", BEFORE)], Failed),
            (&[("if-unmodified-since", THEN)], Proceed),
            (&[("if-unmodified-since", "soon")], Proceed),
        ] {
            assert_eq!(judged(&headers(pairs), "\"a\""), outcome, "{pairs:?}");
        }
        assert_eq!(judged(&headers(&[("if-match", "W/\"a\"")]), "W/\"a\""), Failed);
        assert_eq!(judged(&headers(&[("if-none-match", "\"a\"")]), "W/\"a\""), NotModified);
    }
}
