//! How old a response is (RFC 9111 section 4.2.3).
//!
//! Owns the arithmetic of `Age`, of a clock that is not ours, and of the time that the answer took. What `Age` says that
//! is not a number is ignored; of several the first counts (section 5.1). Pure.

use http::header::{AGE, DATE, HeaderMap};

use super::date::{self, HttpDate};
use super::directives::seconds;
use super::list;
use crate::base::Timestamp;

/// When a response was asked for and when its head came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// The request left.
    pub requested: Timestamp,
    /// The response's head arrived.
    pub received: Timestamp,
}

/// When the origin made the response, by its own clock; by ours when it does not say (RFC 9110 section 6.6.1).
pub fn date_of(headers: &HeaderMap, received: Timestamp) -> HttpDate {
    date::field(headers, &DATE, received).unwrap_or_else(|| HttpDate::at(received))
}

/// `corrected_initial_age` in milliseconds: how old it was when it arrived.
pub fn initial_ms(headers: &HeaderMap, times: Times) -> u64 {
    let apparent_ms = HttpDate::at(times.received).since(date_of(headers, times.received)).saturating_mul(1000);
    let told = list::members(headers, &AGE).next().and_then(seconds).unwrap_or(0);
    let delay_ms = times.received.0.saturating_sub(times.requested.0);
    apparent_ms.max(delay_ms.saturating_add(u64::from(told) * 1000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use http::header::HeaderName;

    /// Sun, 06 Nov 1994 08:49:37.500 GMT
    const RECEIVED: Timestamp = Timestamp(784_111_777_500);

    fn initial(fields: &[(HeaderName, &str)], delay_ms: u64) -> u64 {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        initial_ms(&headers, Times { requested: Timestamp(RECEIVED.0 - delay_ms), received: RECEIVED })
    }

    #[test]
    fn rfc9111_5_1_the_first_number_counts_and_the_rest_is_ignored() {
        for (value, seconds) in [
            ("30", 30),
            ("0, 7200", 0),
            ("7200, 0", 7200),
            (", 5", 5),
            ("abc", 0),
            ("-7200", 0),
            ("7200.0", 0),
            ("7200;foo=bar", 0),
            ("\"30\"", 0),
            ("abc, 30", 0),
            ("2147483647", 2_147_483_647),
            ("2147483649", 1 << 31),
            ("99999999999999999999", 1 << 31),
        ] {
            assert_eq!(initial(&[(AGE, value)], 0), seconds * 1000, "{value}");
        }
        assert_eq!(initial(&[(AGE, "7200"), (AGE, "0")], 0), 7_200_000);
        assert_eq!(initial(&[(AGE, "0"), (AGE, "7200")], 0), 0);
    }

    #[test]
    fn rfc9111_4_2_3_the_larger_of_apparent_and_corrected_age() {
        let then = "Sun, 06 Nov 1994 08:49:27 GMT";
        let ahead = "Sun, 06 Nov 1994 09:49:37 GMT";
        for (fields, delay_ms, expected_ms) in [
            (&[][..], 0, 0),
            (&[], 2_500, 2_500),
            (&[(DATE, then)], 0, 10_000),
            (&[(DATE, then)], 12_000, 12_000),
            (&[(DATE, then), (AGE, "60")], 500, 60_500),
            (&[(DATE, ahead), (AGE, "60")], 500, 60_500), // a clock ahead of ours is no age
            (&[(DATE, "rubbish")], 500, 500),
            (&[(DATE, then), (DATE, then)], 500, 500),
        ] {
            assert_eq!(initial(fields, delay_ms), expected_ms, "{fields:?} after {delay_ms} ms");
        }
    }
}
