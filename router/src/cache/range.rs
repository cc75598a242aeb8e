//! `Range` (RFC 9110 section 14): which bytes of a representation a request wants.
//!
//! Owns reading the field against a length, and its limits: overlapping and touching ranges are made one, so no byte is
//! sent twice, and a set with too many parts is answered with the whole (section 14.2 lets a server ignore the field).
//! Never decides whether it applies: `condition` does. Used by the cache and by static files. Pure.

use std::ops::Range;

use http::header::{HeaderMap, HeaderValue, RANGE};

use super::list;
use crate::base::units::digits;

/// Members read of one field; with more it is ignored. The parts of an answer have a limit of their own.
const MEMBERS_MAX: usize = 256;

/// What a `Range` field comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Everything: there is no range, its unit is another, it is not understood, or it wants too many parts.
    Whole,
    /// 206 with these: in the order asked for when they lie apart, else in rising order. Never empty, never overlapping.
    Parts(Vec<Range<u64>>),
    /// 416: nothing that it asks for exists.
    Unsatisfiable,
}

/// One member: which end it counts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spec {
    /// From this byte, to that one or to the end.
    From(u64, Option<u64>),
    /// So many before the end.
    Last(u64),
}

/// Reads the field against a representation of `length` bytes, for an answer of up to `parts_max` parts.
pub fn wanted(headers: &HeaderMap, length: u64, parts_max: usize) -> Wanted {
    let mut lines = headers.get_all(RANGE).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return Wanted::Whole };
    let Some(specs) = specs(line.as_bytes().trim_ascii()) else { return Wanted::Whole };
    // What is shorter than a suffix is the suffix (section 14.1.2); of nothing there is no part that 206 could name.
    if length == 0 && specs.iter().any(|spec| matches!(spec, Spec::Last(1..))) {
        return Wanted::Whole;
    }
    let parts = specs.into_iter().map(|spec| spec.of(length)).filter(|part| !part.is_empty()).collect();
    let parts = apart(parts);
    match parts.len() {
        0 => Wanted::Unsatisfiable,
        many if many > parts_max => Wanted::Whole,
        _ => Wanted::Parts(parts),
    }
}

/// The one part that a field asks for; none when it asks for several, or is not understood.
pub fn one(headers: &HeaderMap) -> Option<Spec> {
    let mut lines = headers.get_all(RANGE).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return None };
    match specs(line.as_bytes().trim_ascii())?[..] {
        [spec] => Some(spec),
        _ => None,
    }
}

/// How an origin is asked for a field that a client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tidied {
    /// As it is.
    Alike,
    /// By this field, where no two ranges overlap or touch.
    Instead(HeaderValue),
    /// For the whole: it is malformed, or wants more than `parts_max` parts.
    Whole,
}

/// Takes out of a field what would have an origin send bytes twice, or in any number of parts: a few bytes of a request would
/// cost a thousand times as many between an origin and us (section 14.2 asks for as much). Units that are not known here are
/// left alone.
pub fn tidied(headers: &HeaderMap, parts_max: usize) -> Tidied {
    let mut lines = headers.get_all(RANGE).iter();
    let (line, other) = (lines.next().map(|line| line.as_bytes().trim_ascii()), lines.next());
    let Some(line) = line.filter(|line| line.get(..6).is_some_and(|unit| unit.eq_ignore_ascii_case(b"bytes="))) else {
        return Tidied::Alike;
    };
    let Some(specs) = specs(line).filter(|_| other.is_none()) else { return Tidied::Whole };
    let merged = merged(&specs);
    if merged.len() > parts_max {
        return Tidied::Whole;
    }
    if merged.len() == specs.len() {
        return Tidied::Alike;
    }
    let members: Vec<String> = merged.into_iter().map(Spec::member).collect();
    HeaderValue::from_str(&format!("bytes={}", members.join(","))).map_or(Tidied::Whole, Tidied::Instead)
}

/// Members of which no two are known to overlap or touch without a length: in rising order, the last bytes at the end.
fn merged(specs: &[Spec]) -> Vec<Spec> {
    let (mut spans, mut last) = (Vec::new(), None);
    for spec in specs {
        match *spec {
            Spec::From(first, end) => spans.push(first..end.map_or(u64::MAX, |end| end.saturating_add(1))),
            Spec::Last(count) => last = last.max(Some(count)),
        }
    }
    let spans =
        apart(spans).into_iter().map(|span| Spec::From(span.start, (span.end < u64::MAX).then(|| span.end - 1)));
    spans.chain(last.map(Spec::Last)).collect()
}

/// The spans that a field asks for, when they are several and none depends on the length.
pub fn spans(headers: &HeaderMap) -> Option<Vec<Range<u64>>> {
    let line = headers.get(RANGE)?;
    let specs = specs(line.as_bytes().trim_ascii()).filter(|specs| specs.len() > 1)?;
    let span = |spec| match spec {
        Spec::From(first, Some(last)) => Some(first..last.checked_add(1)?),
        Spec::From(_, None) | Spec::Last(_) => None,
    };
    specs.into_iter().map(span).collect()
}

/// The field that asks for one span.
pub fn of_span(span: &Range<u64>) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("bytes={}-{}", span.start, span.end.saturating_sub(1))).ok()
}

/// The members; none when one of them is malformed: then the whole field is (section 14.1.1).
fn specs(value: &[u8]) -> Option<Vec<Spec>> {
    let equals = value.iter().position(|byte| *byte == b'=')?;
    let (unit, set) = value.split_at(equals);
    if !unit.eq_ignore_ascii_case(b"bytes") {
        return None;
    }
    let specs: Vec<Spec> = list::split(&set[1..]).take(MEMBERS_MAX + 1).map(spec).collect::<Option<_>>()?;
    (1..=MEMBERS_MAX).contains(&specs.len()).then_some(specs)
}

fn spec(member: &[u8]) -> Option<Spec> {
    let dash = member.iter().position(|byte| *byte == b'-')?;
    let (first, last) = (&member[..dash], &member[dash + 1..]);
    match (first.is_empty(), last.is_empty()) {
        (true, _) => Some(Spec::Last(digits(last)?)),
        (false, true) => Some(Spec::From(digits(first)?, None)),
        (false, false) => {
            let (first, last) = (digits(first)?, digits(last)?);
            (first <= last).then_some(Spec::From(first, Some(last)))
        }
    }
}

impl Spec {
    fn member(self) -> String {
        match self {
            Self::From(first, Some(last)) => format!("{first}-{last}"),
            Self::From(first, None) => format!("{first}-"),
            Self::Last(count) => format!("-{count}"),
        }
    }

    fn of(self, length: u64) -> Range<u64> {
        match self {
            Self::From(first, last) => {
                first.min(length)..last.map_or(length, |last| last.saturating_add(1).min(length))
            }
            Self::Last(count) => length.saturating_sub(count)..length,
        }
    }
}

/// Makes ranges that overlap or touch one. Those that lie apart keep their order.
fn apart(parts: Vec<Range<u64>>) -> Vec<Range<u64>> {
    let mut sorted = parts.clone();
    sorted.sort_unstable_by_key(|part| (part.start, part.end));
    let mut merged: Vec<Range<u64>> = Vec::with_capacity(sorted.len());
    for part in sorted {
        match merged.last_mut() {
            Some(last) if part.start <= last.end => last.end = last.end.max(part.end),
            _ => merged.push(part),
        }
    }
    if merged.len() == parts.len() { parts } else { merged }
}

#[cfg(test)]
mod tests {
    use super::Wanted::{Parts, Unsatisfiable, Whole};
    use super::*;
    use http::HeaderValue;

    fn of(value: &str, length: u64) -> Wanted {
        wanted(&HeaderMap::from_iter([(RANGE, HeaderValue::from_str(value).unwrap())]), length, 3)
    }

    #[test]
    fn what_an_origin_is_asked_for() {
        for (value, expected) in [
            ("bytes=0-4", Some("bytes=0-4")),
            ("bytes=5-5,0-0,-1", Some("bytes=5-5,0-0,-1")), // in the order asked for
            ("bytes=0-4,3-6,8-9", Some("bytes=0-6,8-9")),
            ("bytes=5-6,0-1,2-3", Some("bytes=0-3,5-6")),
            ("bytes=0-,0-,0-,5-,7-9", Some("bytes=0-")),
            ("bytes=-1,-2,-3,0-0", Some("bytes=0-0,-3")),
            ("bytes=0-99999999999999999999999,3-4", Some("bytes=0-")),
            ("bytes=0-0,2-2,4-4,6-6", None), // one part too many
            ("bytes=0-0,2-2,4-4,-6", None),
            ("bytes=4-2", None),
            ("bytes=0-1,a-b", None),
            ("lines=0-1,0-1", Some("lines=0-1,0-1")),
        ] {
            let field = HeaderMap::from_iter([(RANGE, HeaderValue::from_str(value).unwrap())]);
            let asked = match tidied(&field, 3) {
                Tidied::Alike => Some(value.to_owned()),
                Tidied::Instead(range) => Some(range.to_str().unwrap().to_owned()),
                Tidied::Whole => None,
            };
            assert_eq!(asked.as_deref(), expected, "{value}");
        }
        let many = HeaderMap::from_iter([(RANGE, format!("bytes={}", "0-,".repeat(MEMBERS_MAX + 1)).parse().unwrap())]);
        assert_eq!(tidied(&many, 3), Tidied::Whole);
        assert_eq!(tidied(&HeaderMap::new(), 3), Tidied::Alike);
        let mut twice = HeaderMap::from_iter([(RANGE, HeaderValue::from_static("bytes=0-1"))]);
        twice.append(RANGE, HeaderValue::from_static("bytes=0-1"));
        assert_eq!(tidied(&twice, 3), Tidied::Whole);
    }

    #[test]
    fn spans_that_need_no_length() {
        for (value, expected) in [
            ("bytes=0-4,8-9", Some(vec![0..5, 8..10])),
            ("bytes=8-9,0-4", Some(vec![8..10, 0..5])),
            ("bytes=0-4", None),
            ("bytes=0-4,8-", None),
            ("bytes=0-4,-8", None),
        ] {
            let field = HeaderMap::from_iter([(RANGE, HeaderValue::from_str(value).unwrap())]);
            assert_eq!(spans(&field), expected, "{value}");
        }
    }

    #[test]
    #[allow(clippy::single_range_in_vec_init, reason = "one range is what is meant")]
    fn rfc9110_14_1_2_ranges_of_ten_bytes() {
        for (value, expected) in [
            ("bytes=0-4", Parts(vec![0..5])),
            ("bytes=9-9", Parts(vec![9..10])),
            ("bytes=5-", Parts(vec![5..10])),
            ("bytes=-3", Parts(vec![7..10])),
            ("bytes=-30", Parts(vec![0..10])),
            ("bytes=0-999", Parts(vec![0..10])),
            ("BYTES=0-4", Parts(vec![0..5])),
            ("bytes=2-99999999999999999999999", Parts(vec![2..10])),
            ("bytes=0-0,5-5", Parts(vec![0..1, 5..6])),
            ("bytes=5-5 , 0-0", Parts(vec![5..6, 0..1])), // in the order asked for
            ("bytes=, 0-0,,", Parts(vec![0..1])),
            ("bytes=0-0, 20-30, -1", Parts(vec![0..1, 9..10])), // what does not exist is left out
            ("bytes=0-4,3-6", Parts(vec![0..7])),
            ("bytes=5-6,0-1,2-3", Parts(vec![0..4, 5..7])),
            ("bytes=0-,0-,0-,0-,0-", Parts(vec![0..10])),
            ("bytes=0-0,2-2,4-4,6-6", Whole), // one part too many
            ("bytes=10-", Unsatisfiable),
            ("bytes=10-20", Unsatisfiable),
            ("bytes=99999999999999999999999-", Unsatisfiable),
            ("bytes=-0", Unsatisfiable),
            ("bytes=4-2", Whole),
            ("bytes=0-1,4-2", Whole),
            ("bytes=0-1;3-4", Whole),
            ("Bytes = 0-4", Whole), // no blanks in a range unit
            ("bytes=", Whole),
            ("bytes=-", Whole),
            ("bytes=a-b", Whole),
            ("bytes=+1-2", Whole),
            ("bytes=1 - 2", Whole),
            ("lines=0-1", Whole),
            ("0-1", Whole),
        ] {
            assert_eq!(of(value, 10), expected, "{value}");
        }
        assert_eq!(of("bytes=-5", 0), Whole);
        assert_eq!(of("bytes=0-0,-5", 0), Whole);
        assert_eq!(of("bytes=-0", 0), Unsatisfiable);
        assert_eq!(of("bytes=0-", 0), Unsatisfiable);
        assert_eq!(of(&format!("bytes={}", "0-,".repeat(MEMBERS_MAX)), 10), Parts(vec![0..10]));
        assert_eq!(of(&format!("bytes={}", "0-,".repeat(MEMBERS_MAX + 1)), 10), Whole);
        assert_eq!(wanted(&HeaderMap::new(), 10, 3), Whole);
        let mut twice = HeaderMap::new();
        twice.append(RANGE, HeaderValue::from_static("bytes=0-1"));
        twice.append(RANGE, HeaderValue::from_static("bytes=0-1"));
        assert_eq!(wanted(&twice, 10, 3), Whole);
    }
}
