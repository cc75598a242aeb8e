//! Asking for large things in slices: the whole slices around the part that a client wants.
//!
//! Owns which requests are widened so, and the request for the slices. Parts that clients happen to want hardly ever meet;
//! slices do, and a second client finds what the first one brought (as in nginx `slice`). Pure.

use std::ops::Range;

use http::header::{HeaderMap, HeaderValue, IF_RANGE, RANGE};

use super::range;
use super::validate;

/// The slices of `size` bytes around the one part that a request wants; none when it wants another thing: the whole, what
/// reaches to an end that is not known yet, several parts, or a part under a condition.
pub fn around(request: &HeaderMap, size: u64) -> Option<Range<u64>> {
    if size == 0 || request.contains_key(IF_RANGE) {
        return None;
    }
    rounded(&range::one(request)?, size)
}

/// The slices around a span of what ends at `total`.
pub fn around_span(span: &Range<u64>, size: u64, total: u64) -> Range<u64> {
    rounded(span, size).map_or_else(|| span.clone(), |wide| wide.start..wide.end.min(total))
}

/// The end of the slice that holds the byte at `at` of what ends at `end`; with no slices, that end.
pub fn end_after(at: u64, size: u64, end: u64) -> u64 {
    at.checked_add(1).and_then(|next| next.checked_next_multiple_of(size)).map_or(end, |border| border.min(end))
}

fn rounded(span: &Range<u64>, size: u64) -> Option<Range<u64>> {
    Some(span.start.checked_div(size)? * size..span.end.checked_next_multiple_of(size)?)
}

/// Makes a request ask for a span, whatever the state of the thing.
pub fn ask_for(request: &mut HeaderMap, span: &Range<u64>) {
    validate::ask_for_all(request);
    let value = format!("bytes={}-{}", span.start, span.end.saturating_sub(1));
    if let Ok(value) = HeaderValue::from_str(&value) {
        request.insert(RANGE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(range: &str, size: u64) -> Option<Range<u64>> {
        around(&HeaderMap::from_iter([(RANGE, HeaderValue::from_str(range).unwrap())]), size)
    }

    #[test]
    fn one_part_with_both_ends_is_widened_to_slices() {
        for (value, expected) in [
            ("bytes=0-0", Some(0..10)),
            ("bytes=0-9", Some(0..10)),
            ("bytes=9-10", Some(0..20)),
            ("bytes=25-31", Some(20..40)),
            ("bytes=0-", None),
            ("bytes=-5", None),
            ("bytes=0-1,5-6", None),
            ("bytes=5-4", None),
            ("lines=0-4", None),
            ("bytes=0-18446744073709551614", None), // no slice ends there
        ] {
            assert_eq!(of(value, 10), expected, "{value}");
        }
        assert_eq!(of("bytes=0-4", 0), None, "no slices");
        let mut conditional = HeaderMap::from_iter([(RANGE, HeaderValue::from_static("bytes=0-4"))]);
        conditional.insert(IF_RANGE, HeaderValue::from_static("\"a\""));
        assert_eq!(around(&conditional, 10), None);
    }

    #[test]
    fn the_last_slice_ends_with_the_thing() {
        assert_eq!(around_span(&(12..15), 10, 17), 10..17);
        assert_eq!(around_span(&(12..15), 10, 40), 10..20);
        assert_eq!(around_span(&(12..15), 0, 40), 12..15);
        for (at, size, end, expected) in
            [(0, 10, 25, 10), (9, 10, 25, 10), (10, 10, 25, 20), (20, 10, 25, 25), (3, 0, 25, 25), (u64::MAX, 10, 9, 9)]
        {
            assert_eq!(end_after(at, size, end), expected, "{at}");
        }
    }
}
