//! The `Range` header (RFC 9110 section 14), single ranges only.
//! Owns: reading it against a length. Never: decides whether it applies (`condition` does).
//! Called by: `files::answer`. Pure.

use std::ops::Range;

use http::header::{HeaderMap, RANGE};

/// What a `Range` header comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// The whole: no range, another unit, several ranges or lines, or not understood (RFC 9110 section 14.2 lets a server
    /// ignore it; several ranges are where the amplification attacks are).
    Whole,
    /// 206 with these bytes.
    Part(Range<u64>),
    /// 416: nothing of the range exists.
    Unsatisfiable,
}

/// Reads the header against a representation of `length` bytes.
pub(super) fn asked(headers: &HeaderMap, length: u64) -> Asked {
    let mut values = headers.get_all(RANGE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Asked::Whole };
    value.to_str().ok().and_then(|value| single(value.trim(), length)).unwrap_or(Asked::Whole)
}

fn single(value: &str, length: u64) -> Option<Asked> {
    let (unit, range) = value.split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    let part = match (first, last) {
        ("", suffix) => length.saturating_sub(number(suffix)?)..length,
        (first, "") => number(first)?..length,
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if first > last {
                return None;
            }
            first..last.saturating_add(1).min(length)
        }
    };
    Some(if part.is_empty() { Asked::Unsatisfiable } else { Asked::Part(part) })
}

/// Digits only; a number beyond 64 bits is beyond every file.
fn number(digits: &str) -> Option<u64> {
    let valid = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    valid.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::Asked::{Part, Unsatisfiable, Whole};
    use super::*;

    #[test]
    fn ranges_of_ten_bytes() {
        for (value, expected) in [
            ("bytes=0-4", Part(0..5)),
            ("bytes=9-9", Part(9..10)),
            ("bytes=5-", Part(5..10)),
            ("bytes=-3", Part(7..10)),
            ("bytes=-30", Part(0..10)),
            ("bytes=0-999", Part(0..10)),
            ("Bytes = 0-4", Whole), // no blanks in a range unit
            ("BYTES=0-4", Part(0..5)),
            ("bytes=2-99999999999999999999999", Part(2..10)),
            ("bytes=10-", Unsatisfiable),
            ("bytes=10-20", Unsatisfiable),
            ("bytes=99999999999999999999999-", Unsatisfiable),
            ("bytes=-0", Unsatisfiable),
            ("bytes=4-2", Whole),
            ("bytes=0-1,3-4", Whole),
            ("bytes=", Whole),
            ("bytes=-", Whole),
            ("bytes=a-b", Whole),
            ("bytes=+1-2", Whole),
            ("lines=0-1", Whole),
            ("0-1", Whole),
        ] {
            let headers = HeaderMap::from_iter([(RANGE, value.parse().unwrap())]);
            assert_eq!(asked(&headers, 10), expected, "{value}");
        }
        assert_eq!(asked(&HeaderMap::new(), 10), Whole);
        let empty = HeaderMap::from_iter([(RANGE, "bytes=-5".parse().unwrap())]);
        assert_eq!(asked(&empty, 0), Unsatisfiable);
        let mut twice = empty;
        twice.append(RANGE, "bytes=0-1".parse().unwrap());
        assert_eq!(asked(&twice, 10), Whole);
    }
}
