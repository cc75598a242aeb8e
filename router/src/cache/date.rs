//! HTTP-date, exactly as RFC 9110 section 5.6.7 has it.
//!
//! Owns reading all three forms, names in any case (RFC 9111 section 4.2), nothing looser: a date with another zone, a
//! year of two digits or a missing comma is no date, and what expires at no date has expired. A weekday that does not fit
//! the day is accepted: the grammar does not tie them. Writing is `httpdate`'s. Pure.

use std::time::{Duration, SystemTime};

use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::base::Timestamp;

/// Seconds since 1970-01-01 UTC; earlier dates are negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HttpDate(pub i64);

impl HttpDate {
    /// The second that a moment lies in.
    pub fn at(time: Timestamp) -> Self {
        Self(i64::try_from(time.seconds()).unwrap_or(i64::MAX))
    }

    /// Whole seconds from `earlier` to here; zero when `earlier` lies ahead.
    pub fn since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }
}

const MONTHS: [&[u8]; 12] =
    [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];
const DAYS: [&[u8]; 7] = [b"monday", b"tuesday", b"wednesday", b"thursday", b"friday", b"saturday", b"sunday"];
/// The last second of the year 9999, the latest that the format can say.
const LATEST_S: u64 = 253_402_300_799;

/// Reads a date. `now` settles the century of the two-digit years of RFC 850.
pub fn parse(value: &[u8], now: Timestamp) -> Option<HttpDate> {
    imf(value).or_else(|| rfc850(value, now)).or_else(|| asctime(value))
}

/// The date in a field that is given once and readable.
pub fn field(headers: &HeaderMap, name: &HeaderName, now: Timestamp) -> Option<HttpDate> {
    let mut lines = headers.get_all(name).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return None };
    parse(line.as_bytes(), now)
}

/// Writes a moment in the preferred form.
pub fn write(time: Timestamp) -> Option<HeaderValue> {
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(time.seconds().min(LATEST_S)))?;
    HeaderValue::from_str(&httpdate::fmt_http_date(time)).ok()
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
fn imf(value: &[u8]) -> Option<HttpDate> {
    let (name, rest) = value.split_at_checked(3)?;
    if !DAYS.iter().any(|day| day[..3].eq_ignore_ascii_case(name)) {
        return None;
    }
    let rest = rest.strip_prefix(b", ")?;
    let (day, rest) = number(rest, 2)?;
    let (month, rest) = month(rest.strip_prefix(b" ")?)?;
    let (year, rest) = number(rest.strip_prefix(b" ")?, 4)?;
    let (time, rest) = time(rest.strip_prefix(b" ")?)?;
    zone(rest)?;
    moment(year, month, day, time)
}

/// `Sunday, 06-Nov-94 08:49:37 GMT`
fn rfc850(value: &[u8], now: Timestamp) -> Option<HttpDate> {
    let name = value.split(|byte| *byte == b',').next()?;
    if !DAYS.iter().any(|day| day.eq_ignore_ascii_case(name)) {
        return None;
    }
    let (day, rest) = number(value[name.len()..].strip_prefix(b", ")?, 2)?;
    let (month, rest) = month(rest.strip_prefix(b"-")?)?;
    let (short, rest) = number(rest.strip_prefix(b"-")?, 2)?;
    let (time, rest) = time(rest.strip_prefix(b" ")?)?;
    zone(rest)?;
    // The latest year with these digits that is not more than 50 years ahead, to the second.
    let this = year_of(now);
    let year = this + 50 - (this + 50 - short).rem_euclid(100);
    // In that very year the day decides. Fifty years before a 29 February there was none.
    let halfway = moment(year - 50, month, if month == 2 { day.min(28) } else { day }, time)?;
    moment(if halfway > HttpDate::at(now) { year - 100 } else { year }, month, day, time)
}

/// `Sun Nov  6 08:49:37 1994`
fn asctime(value: &[u8]) -> Option<HttpDate> {
    let (name, rest) = value.split_at_checked(3)?;
    if !DAYS.iter().any(|day| day[..3].eq_ignore_ascii_case(name)) {
        return None;
    }
    let (month, rest) = month(rest.strip_prefix(b" ")?)?;
    let rest = rest.strip_prefix(b" ")?;
    let (day, rest) = match rest.strip_prefix(b" ") {
        Some(rest) => number(rest, 1)?,
        None => number(rest, 2)?,
    };
    let (time, rest) = time(rest.strip_prefix(b" ")?)?;
    let (year, rest) = number(rest.strip_prefix(b" ")?, 4)?;
    if rest.is_empty() { moment(year, month, day, time) } else { None }
}

/// Exactly so many digits.
fn number(value: &[u8], digits: usize) -> Option<(i64, &[u8])> {
    let (number, rest) = value.split_at_checked(digits)?;
    let digit = |sum: i64, byte: &u8| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0'));
    Some((number.iter().try_fold(0, digit)?, rest))
}

/// From 1.
fn month(value: &[u8]) -> Option<(i64, &[u8])> {
    let (name, rest) = value.split_at_checked(3)?;
    let place = (1..).zip(MONTHS).find(|(_, month)| month.eq_ignore_ascii_case(name));
    place.map(|(place, _)| (place, rest))
}

/// Seconds into the day; a leap second counts as the first of the next minute.
fn time(value: &[u8]) -> Option<(i64, &[u8])> {
    let (hour, rest) = number(value, 2)?;
    let (minute, rest) = number(rest.strip_prefix(b":")?, 2)?;
    let (second, rest) = number(rest.strip_prefix(b":")?, 2)?;
    (hour < 24 && minute < 60 && second <= 60).then_some((hour * 3600 + minute * 60 + second, rest))
}

fn zone(value: &[u8]) -> Option<()> {
    value.strip_prefix(b" ")?.eq_ignore_ascii_case(b"GMT").then_some(())
}

/// A moment of the proleptic Gregorian calendar; none when the month has no such day.
fn moment(year: i64, month: i64, day: i64, time: i64) -> Option<HttpDate> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    (1..=length).contains(&day).then(|| HttpDate(days_before(year, month, day) * 86_400 + time))
}

/// Days from 1970-01-01 (Howard Hinnant's `days_from_civil`, for years from 0 on).
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The year of a moment.
fn year_of(now: Timestamp) -> i64 {
    let days = HttpDate::at(now).0.div_euclid(86_400);
    // By the mean length of a year, then put right: at most one off.
    let year = 1970 + days * 400 / 146_097;
    if days < days_before(year, 1, 1) {
        year - 1
    } else if days >= days_before(year + 1, 1, 1) {
        year + 1
    } else {
        year
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21 12:00:00 UTC
    const NOW: Timestamp = Timestamp(1_795_262_400_000);

    #[test]
    fn rfc9110_5_6_7_three_forms_and_nothing_looser() {
        for (text, expected) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(784_111_777)),
            ("Sun Nov  6 08:49:37 1994", Some(784_111_777)),
            ("Sun Nov 06 08:49:37 1994", Some(784_111_777)),
            ("sUN, 06 nOV 1994 08:49:37 gmt", Some(784_111_777)),
            ("Mon, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)), // it was a Sunday
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Wed, 31 Dec 1969 23:59:59 GMT", Some(-1)),
            ("Mon, 01 Jan 0001 00:00:00 GMT", Some(-62_135_596_800)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(253_402_300_799)),
            ("Tue, 29 Feb 2000 00:00:00 GMT", Some(951_782_400)),
            ("Sat, 31 Dec 2016 23:59:60 GMT", Some(1_483_228_800)), // a leap second
            ("Thursday, 18-Aug-50 02:01:18 GMT", Some(2_544_400_878)),
            ("Thursday, 18-Aug-77 02:01:18 GMT", Some(240_717_678)), // 2077 would be more than 50 years ahead
            ("Saturday, 21-Nov-76 12:00:00 GMT", Some(3_373_185_600)), // 50 years ahead to the second
            ("Saturday, 21-Nov-76 12:00:01 GMT", Some(217_425_601)), // and one more
            ("Monday, 29-Feb-00 00:00:00 GMT", Some(951_782_400)),
            ("Wed, 29 Feb 1900 00:00:00 GMT", None),
            ("Thu, 18 Aug 2050 02:01:18 UTC", None),
            ("Thu, 18 Aug 2050 02:01:18 AEST", None),
            ("Thu, 18 Aug 2050 02:01:18 +0000", None),
            ("Thu, 18 Aug 2050 02:01:18", None),
            ("Thu, 18 Aug 50 02:01:18 GMT", None),
            ("Thu 18 Aug 2050 02:01:18 GMT", None),
            ("Thu, 18  Aug  2050 02:01:18 GMT", None),
            ("Thu, 18-Aug-2050 02:01:18 GMT", None),
            ("Thu, 18 Aug 2050 02.01.18 GMT", None),
            ("Thu, 18 Aug 2050 2:01:18 GMT", None),
            ("Thu, 8 Aug 2050 02:01:18 GMT", None),
            ("Thu,18 Aug 2050 02:01:18 GMT", None),
            ("Thursday, 18 Aug 2050 02:01:18 GMT", None),
            ("Thu, 18-Aug-50 02:01:18 GMT", None),
            ("Thu, 00 Aug 2050 02:01:18 GMT", None),
            ("Thu, 18 Aug 2050 24:00:00 GMT", None),
            ("Thu, 18 Aug 2050 02:60:00 GMT", None),
            ("Thu, 18 Aug 2050 02:01:61 GMT", None),
            ("Thu, 18 Aug 2050 02:01:18 GMT ", None),
            ("Thu Aug  8 02:01:18 2050 GMT", None),
            ("Xyz, 18 Aug 2050 02:01:18 GMT", None),
            ("0", None),
            ("", None),
        ] {
            assert_eq!(parse(text.as_bytes(), NOW).map(|date| date.0), expected, "{text}");
        }
    }

    #[test]
    fn rfc9110_5_6_7_what_is_written_is_read_back() {
        for seconds in [0, 784_111_777, 1_795_262_400, 4_102_444_799, 253_402_300_799, 999_999_999_999] {
            let written = write(Timestamp(seconds * 1000)).unwrap();
            let expected = HttpDate(i64::try_from(seconds.min(LATEST_S)).unwrap());
            assert_eq!(parse(written.as_bytes(), NOW), Some(expected));
        }
    }

    #[test]
    fn rfc9111_4_2_1_a_date_given_twice_is_none() {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT");
        headers.append(http::header::EXPIRES, value.clone());
        assert!(field(&headers, &http::header::EXPIRES, NOW).is_some());
        headers.append(http::header::EXPIRES, value);
        assert!(field(&headers, &http::header::EXPIRES, NOW).is_none());
    }
}
