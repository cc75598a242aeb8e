//! Conditional requests (RFC 9110 section 13) over one representation.
//! Owns: validators, their comparison, the order in which preconditions are judged. Never: reads files or builds answers.
//! Called by: `files::answer`. Pure.

use std::time::SystemTime;

use http::header::{HeaderMap, HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE};

/// What identifies the state of a representation.
#[derive(Debug, Clone)]
pub(super) struct Validators {
    /// The entity tag as sent: quoted, `W/` in front when weak.
    pub tag: String,
    /// Last modification, whole seconds; none when it is unknown or lies ahead.
    pub modified: Option<SystemTime>,
    /// Whether `modified` is old enough to be a strong validator (RFC 9110 section 8.8.2.2).
    pub modified_is_strong: bool,
}

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

/// Judges the preconditions in the order of RFC 9110 section 13.2.2.
pub(super) fn judge(headers: &HeaderMap, now: &Validators) -> Outcome {
    if headers.contains_key(IF_MATCH) {
        if !any_tag(headers, IF_MATCH, |tag| strongly_equal(tag, &now.tag)) {
            return Outcome::Failed;
        }
    } else if let (Some(since), Some(modified)) = (date(headers, IF_UNMODIFIED_SINCE), now.modified)
        && modified > since
    {
        return Outcome::Failed;
    }
    if headers.contains_key(IF_NONE_MATCH) {
        if any_tag(headers, IF_NONE_MATCH, |tag| opaque(tag) == opaque(&now.tag)) {
            return Outcome::NotModified;
        }
    } else if let (Some(since), Some(modified)) = (date(headers, IF_MODIFIED_SINCE), now.modified)
        && modified <= since
    {
        return Outcome::NotModified;
    }
    Outcome::Proceed
}

/// Whether `Range` may be followed: no `If-Range`, or one that names exactly this state (RFC 9110 section 13.1.5).
pub(super) fn range_applies(headers: &HeaderMap, now: &Validators) -> bool {
    let mut values = headers.get_all(IF_RANGE).iter();
    let Some(value) = values.next() else { return true };
    let Ok(value) = value.to_str() else { return false };
    if values.next().is_some() {
        return false;
    }
    if value.contains('"') {
        return strongly_equal(value.trim(), &now.tag);
    }
    let same = httpdate::parse_http_date(value).is_ok_and(|date| Some(date) == now.modified);
    same && now.modified_is_strong
}

fn strongly_equal(a: &str, b: &str) -> bool {
    a == b && !a.starts_with("W/")
}

fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// A date that is given once and readable; otherwise the condition is ignored (RFC 9110 sections 13.1.3 and 13.1.4).
fn date(headers: &HeaderMap, name: HeaderName) -> Option<SystemTime> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    httpdate::parse_http_date(value).ok()
}

/// Whether a list of entity tags holds `*` or one that fits. A tag may hold commas: it is read by its quotes.
fn any_tag(headers: &HeaderMap, name: HeaderName, fits: impl Fn(&str) -> bool) -> bool {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).any(|list| {
        let mut rest = list.trim();
        if rest == "*" {
            return true;
        }
        loop {
            rest = rest.trim_start_matches([',', ' ', '\t']);
            let open = if rest.starts_with("W/\"") { 3 } else { 1 };
            if rest.is_empty() || (open == 1 && !rest.starts_with('"')) {
                return false;
            }
            let Some(close) = rest[open..].find('"') else { return false };
            let (tag, after) = rest.split_at(open + close + 1);
            if fits(tag) {
                return true;
            }
            rest = after;
        }
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use http::HeaderValue;
    use std::time::Duration;

    const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn validators(tag: &str) -> Validators {
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        Validators { tag: tag.to_owned(), modified: Some(modified), modified_is_strong: true }
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
            assert_eq!(judge(&headers(pairs), &validators("\"a\"")), outcome, "{pairs:?}");
        }
        assert_eq!(judge(&headers(&[("if-match", "W/\"a\"")]), &validators("W/\"a\"")), Failed);
        assert_eq!(judge(&headers(&[("if-none-match", "\"a\"")]), &validators("W/\"a\"")), NotModified);
    }

    #[test]
    fn if_range() {
        for (value, applies) in [
            ("\"a\"", true),
            ("\"x\"", false),
            ("W/\"a\"", false),
            (THEN, true),
            (AFTER, false), // exact, not "since"
            ("rubbish", false),
        ] {
            assert_eq!(range_applies(&headers(&[("if-range", value)]), &validators("\"a\"")), applies, "{value}");
        }
        assert!(range_applies(&HeaderMap::new(), &validators("\"a\"")));
        assert!(!range_applies(&headers(&[("if-range", "W/\"a\"")]), &validators("W/\"a\"")));
        let fresh = Validators { modified_is_strong: false, ..validators("\"a\"") };
        assert!(!range_applies(&headers(&[("if-range", THEN)]), &fresh));
    }
}
