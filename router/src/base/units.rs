//! Durations and sizes as people write them.
//!
//! Owns the text forms of the configuration (`"1.5s"`, `"16MiB"`) and how they are printed back. Never clamps: what
//! cannot be represented is an error that says what is accepted.

use std::time::Duration;

/// Why a duration or size was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {what}; accepted: {accepted}")]
pub struct UnitError {
    text: String,
    what: &'static str,
    accepted: &'static str,
}

/// Reads `"250ms"`, `"1.5s"`, `"2m"`, `"8h"`, `"30d"`.
///
/// # Errors
/// When there is no number, no unit or an unknown one, or the value does not fit.
pub fn duration(text: &str) -> Result<Duration, UnitError> {
    let accepted = "a number with a unit: us, ms, s, m, h or d, such as \"250ms\" or \"1.5h\"";
    let error = || UnitError { text: text.to_owned(), what: "duration", accepted };
    let (number, unit) = split(text).ok_or_else(error)?;
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err(error()),
    };
    Duration::try_from_secs_f64(number * seconds).map_err(|_| error())
}

/// Reads `"512B"`, `"64KiB"`, `"16MiB"`, `"1GB"` as bytes.
///
/// # Errors
/// When there is no number, no unit or an unknown one, or the value does not fit.
pub fn bytes(text: &str) -> Result<u64, UnitError> {
    let accepted = "a number with a unit: B, KB, KiB, MB, MiB, GB or GiB, such as \"16MiB\"";
    let error = || UnitError { text: text.to_owned(), what: "size", accepted };
    let (number, unit) = split(text).ok_or_else(error)?;
    let factor: f64 = match unit {
        "B" => 1.0,
        "KB" => 1e3,
        "KiB" => 1024.0,
        "MB" => 1e6,
        "MiB" => 1024.0 * 1024.0,
        "GB" => 1e9,
        "GiB" => 1024.0 * 1024.0 * 1024.0,
        _ => return Err(error()),
    };
    let value = (number * factor).round();
    if value < 2f64.powi(53) { Ok(value as u64) } else { Err(error()) }
}

/// Splits `"1.5s"` into number and unit; none when the number is missing or negative.
fn split(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim_start()))
}

/// Reads `1*DIGIT`, as HTTP's fields have numbers. One that does not fit is the largest: it is beyond every size and age.
pub fn digits(text: &[u8]) -> Option<u64> {
    let valid = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let add = |sum: u64, digit: &u8| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
    valid.then(|| text.iter().fold(0, add))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let cases =
            [("250ms", 250), ("1.5s", 1500), ("2m", 120_000), ("8h", 28_800_000), ("1 d", 86_400_000), ("0s", 0)];
        for (text, ms) in cases {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "s", "5", "-1s", "1.2.3s", "5 parsecs", "1e9s", "999999999999999999999999d"] {
            assert!(duration(text).is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn sizes() {
        for (text, value) in
            [("512B", 512), ("64KiB", 65_536), ("16MiB", 16_777_216), ("1GB", 1_000_000_000), ("0.5KiB", 512)]
        {
            assert_eq!(bytes(text), Ok(value), "{text}");
        }
        for text in ["", "5", "0", "MiB", "-1MiB", "1TB", "99999999999GiB"] {
            assert!(bytes(text).is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn numbers_of_fields() {
        for (text, value) in [("0", Some(0)), ("007", Some(7)), ("99999999999999999999999", Some(u64::MAX))] {
            assert_eq!(digits(text.as_bytes()), value, "{text}");
        }
        for text in ["", "-1", "+1", " 1", "1.0", "0x1"] {
            assert_eq!(digits(text.as_bytes()), None, "{text}");
        }
    }
}
