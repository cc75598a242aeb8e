//! The time during which the application is being worked on.
//!
//! Owns the reading of moments (RFC 3339 in UTC) and the question whether a request falls between them. Pure.

/// From one moment to another; either may be open.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Window {
    from_ms: f64,
    until_ms: f64,
}

impl Window {
    /// Reads both ends.
    pub(crate) fn read(from: Option<&str>, until: Option<&str>) -> Result<Self, String> {
        let moment = |key: &str, text: Option<&str>, open: f64| match text {
            None => Ok(open),
            Some(text) => moment_ms(text)
                .ok_or_else(|| format!("config.{key}: {text:?} is no moment in UTC, such as \"2027-01-15T08:00:00Z\"")),
        };
        let window = Self {
            from_ms: moment("from", from, f64::NEG_INFINITY)?,
            until_ms: moment("until", until, f64::INFINITY)?,
        };
        if window.from_ms < window.until_ms {
            Ok(window)
        } else {
            Err("config.until: it is not after `from`".to_owned())
        }
    }

    /// Whether this moment lies in it.
    pub(crate) fn is_open(&self, now_ms: f64) -> bool {
        (self.from_ms..self.until_ms).contains(&now_ms)
    }

    /// Whole seconds until it ends; none when no end is known.
    pub(crate) fn left_s(&self, now_ms: f64) -> Option<u64> {
        self.until_ms.is_finite().then(|| ((self.until_ms - now_ms) / 1000.0).ceil().max(1.0) as u64)
    }
}

/// `2027-01-15T08:00:00Z` in milliseconds since 1970.
fn moment_ms(text: &str) -> Option<f64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let fine = (1..=12).contains(&month) && hour < 24 && minute < 60 && second < 60;
    if !fine || !(1..=days_of(year, month)).contains(&day) {
        return None;
    }
    Some(((days(year, month, day) * 24 + hour) * 60 + minute) as f64 * 60_000.0 + second as f64 * 1000.0)
}

/// Three numbers of so many digits each.
fn numbers(text: &str, between: char, digits: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(between);
    let mut found = [0; 3];
    for (number, digits) in found.iter_mut().zip(digits) {
        let part =
            parts.next().filter(|part| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(found)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of the Gregorian calendar (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0.0)),
            ("2027-01-15T08:00:00Z", Some(1_800_000_000_000.0)),
            ("2000-02-29T12:00:01Z", Some(951_825_601_000.0)),
            ("2100-02-29T00:00:00Z", None),
            ("2027-13-01T00:00:00Z", None),
            ("2027-01-15T24:00:00Z", None),
            ("2027-01-15T08:00:00", None),
            ("2027-01-15T08:00:00+01:00", None),
            ("27-1-15T08:00:00Z", None),
            ("2027-01-15T08:00:+1Z", None),
            ("tomorrow", None),
        ] {
            assert_eq!(moment_ms(text), expected, "{text}");
        }
    }

    #[test]
    fn a_window_ends_after_it_begins() {
        let (early, late) = (Some("2027-01-15T08:00:00Z"), Some("2027-01-15T09:00:00Z"));
        assert!(Window::read(late, early).is_err() && Window::read(early, early).is_err());
        let window = Window::read(early, late).expect("early comes first");
        let now = 1_800_000_000_000.0;
        assert_eq!([now - 1.0, now, now + 3_600_000.0].map(|at| window.is_open(at)), [false, true, false]);
        assert_eq!((window.left_s(now), window.left_s(now + 3_599_999.0)), (Some(3600), Some(1)));
        assert_eq!(Window::read(early, None).map(|window| window.left_s(now)), Ok(None));
    }
}
