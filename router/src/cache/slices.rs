//! Asking for large things in slices, in the place of what a client wants.
//!
//! Owns which requests are widened so, and the request for the slices. Parts that clients happen to want hardly ever meet;
//! slices do, and a second client finds what the first one brought (as in nginx `slice`). Pure.

use std::ops::Range;

use http::header::{HeaderMap, HeaderValue, RANGE};

use super::range::{self, Spec};
use super::validate;

/// What is asked for in the place of what a client wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slices {
    /// The slices around a part, at once.
    Around(Range<u64>),
    /// This slice, then one after the other up to the end, which its answer tells.
    From(Range<u64>),
    /// So many bytes before the end, as many as slices have, at once.
    Last(u64),
}

impl Slices {
    /// The slices of `size` bytes for a request; none when it wants several parts. Whether what came is of the state that a part is
    /// wanted of (`If-Range`) shows when it is there.
    pub fn of(request: &HeaderMap, size: u64) -> Option<Self> {
        if size == 0 {
            return None;
        }
        if !request.contains_key(RANGE) {
            return Some(Self::From(0..size));
        }
        match range::one(request)? {
            Spec::From(first, Some(last)) => rounded(&(first..last.checked_add(1)?), size).map(Self::Around),
            Spec::From(first, None) => rounded(&(first..first.checked_add(1)?), size).map(Self::From),
            Spec::Last(0) => None,
            Spec::Last(count) => count.checked_next_multiple_of(size).map(Self::Last),
        }
    }

    /// How many bytes are asked for first.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Around(span) | Self::From(span) => span.end - span.start,
            Self::Last(count) => *count,
        }
    }

    /// Where they begin; of the last bytes that is known with the whole length.
    pub fn start(&self, length: Option<u64>) -> Option<u64> {
        match self {
            Self::Around(span) | Self::From(span) => Some(span.start),
            Self::Last(count) => length.map(|length| length.saturating_sub(*count)),
        }
    }

    /// The place by which those know one another who want the same; the last bytes are counted back from the end of all numbers.
    pub fn place(&self) -> u64 {
        self.start(Some(u64::MAX)).unwrap_or_default()
    }

    /// Makes a request ask for them, whatever the state of the thing.
    pub fn ask_for(&self, request: &mut HeaderMap) {
        validate::ask_for_all(request);
        let value = match self {
            Self::Around(span) | Self::From(span) => format!("bytes={}-{}", span.start, span.end.saturating_sub(1)),
            Self::Last(count) => format!("bytes=-{count}"),
        };
        if let Ok(value) = HeaderValue::from_str(&value) {
            request.insert(RANGE, value);
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn of(range: &str, size: u64) -> Option<Slices> {
        Slices::of(&HeaderMap::from_iter([(RANGE, HeaderValue::from_str(range).unwrap())]), size)
    }

    #[test]
    fn one_part_is_widened_to_slices() {
        use Slices::{Around, From, Last};
        for (value, expected) in [
            ("bytes=0-0", Some(Around(0..10))),
            ("bytes=0-9", Some(Around(0..10))),
            ("bytes=9-10", Some(Around(0..20))),
            ("bytes=25-31", Some(Around(20..40))),
            ("bytes=0-", Some(From(0..10))),
            ("bytes=25-", Some(From(20..30))),
            ("bytes=-5", Some(Last(10))),
            ("bytes=-20", Some(Last(20))),
            ("bytes=-21", Some(Last(30))),
            ("bytes=-0", None),
            ("bytes=0-1,5-6", None),
            ("bytes=5-4", None),
            ("lines=0-4", None),
            ("bytes=0-18446744073709551614", None), // no slice ends there
            ("bytes=18446744073709551615-", None),
            ("bytes=-18446744073709551615", None),
        ] {
            assert_eq!(of(value, 10), expected, "{value}");
        }
        assert_eq!(Slices::of(&HeaderMap::new(), 10), Some(From(0..10)), "the whole");
        assert_eq!(of("bytes=0-4", 0), None, "no slices");
    }

    #[test]
    fn what_is_asked_for_in_its_place() {
        for (value, asked, length, start) in [
            ("bytes=25-31", "bytes=20-39", 20, Some(20)),
            ("bytes=25-", "bytes=20-29", 10, Some(20)),
            ("bytes=-15", "bytes=-20", 20, None),
        ] {
            let slices = of(value, 10).unwrap();
            let mut request = HeaderMap::from_iter([(RANGE, HeaderValue::from_str(value).unwrap())]);
            slices.ask_for(&mut request);
            assert_eq!((request[RANGE].to_str().unwrap(), slices.bytes(), slices.start(None)), (asked, length, start));
        }
        assert_eq!(of("bytes=-15", 10).unwrap().start(Some(45)), Some(25));
        assert_eq!(of("bytes=-15", 10).unwrap().start(Some(5)), Some(0));
        assert_ne!(of("bytes=-15", 10).unwrap().place(), of("bytes=-5", 10).unwrap().place());
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
