//! How long a response stays fresh (RFC 9111 section 4.2).
//!
//! Owns the order in which lifetimes count (`s-maxage`, `max-age`, `Expires`, then heuristics), which statuses may be kept
//! by heuristics, and the operator's own lifetimes around them. Never asks whether it may be stored. Pure.

use std::time::Duration;

use http::StatusCode;
use http::header::{EXPIRES, HeaderMap, LAST_MODIFIED};

use super::age;
use super::date;
use super::directives::SECONDS_MAX;
use super::settings::Settings;
use super::targeted::Ruling;
use crate::base::Timestamp;

/// What a lifetime rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The operator replaced what the response says.
    Forced,
    /// `s-maxage`
    SMaxage,
    /// `max-age`
    MaxAge,
    /// `Expires`
    Expires,
    /// A share of the time since it was last modified.
    Heuristic,
    /// The operator's lifetime for what says nothing.
    Default,
    /// There is nothing to go by; it is stale from the start.
    Nothing,
}

impl Basis {
    /// What it is, for explanations.
    pub fn word(self) -> &'static str {
        match self {
            Self::Forced => "force_age or a policy",
            Self::SMaxage => "s-maxage",
            Self::MaxAge => "max-age",
            Self::Expires => "expires",
            Self::Heuristic => "last-modified",
            Self::Default => "default_age or negative_age",
            Self::Nothing => "nothing",
        }
    }
}

/// How long a response is fresh, from when the origin made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// Whole seconds, at most `SECONDS_MAX`.
    pub seconds: u32,
    /// Where they come from.
    pub basis: Basis,
}

/// The lifetime of a response.
pub fn lifetime(
    status: StatusCode,
    headers: &HeaderMap,
    ruling: &Ruling,
    received: Timestamp,
    settings: &Settings,
) -> Lifetime {
    // It stands in the place of another: what has none may not be stored at all.
    let is_kept = is_explicit(headers, ruling) || is_heuristic(status, ruling);
    let forced = settings.forced_age.filter(|_| is_kept);
    let found = forced
        .map(|age| Lifetime { seconds: whole(age), basis: Basis::Forced })
        .or_else(|| explicit(headers, ruling, received))
        .or_else(|| is_heuristic(status, ruling).then(|| implicit(status, headers, received, settings)).flatten())
        .unwrap_or(Lifetime { seconds: 0, basis: Basis::Nothing });
    Lifetime { seconds: found.seconds.min(settings.age_max.map_or(SECONDS_MAX, whole)), ..found }
}

/// Whether the origin gives a lifetime expressly (RFC 9111 section 4.2.1).
pub fn is_explicit(headers: &HeaderMap, ruling: &Ruling) -> bool {
    let directives = &ruling.directives;
    directives.s_maxage.is_some() || directives.max_age.is_some() || has_expires(headers, ruling)
}

fn has_expires(headers: &HeaderMap, ruling: &Ruling) -> bool {
    !ruling.is_targeted && headers.contains_key(EXPIRES)
}

fn explicit(headers: &HeaderMap, ruling: &Ruling, received: Timestamp) -> Option<Lifetime> {
    let directives = &ruling.directives;
    if let Some(seconds) = directives.s_maxage {
        return Some(Lifetime { seconds, basis: Basis::SMaxage });
    }
    if let Some(seconds) = directives.max_age {
        return Some(Lifetime { seconds, basis: Basis::MaxAge });
    }
    if !has_expires(headers, ruling) {
        return None;
    }
    // What cannot be read, or is there twice, has expired (section 5.3).
    let expires = date::field(headers, &EXPIRES, received);
    let seconds = expires.map_or(0, |expires| expires.since(age::date_of(headers, received)));
    Some(Lifetime { seconds: clamped(seconds), basis: Basis::Expires })
}

/// Whether a lifetime may be guessed: the status is one of RFC 9110 section 15.1 or 451 (RFC 7725 section 3), or the response
/// says `public`.
pub fn is_heuristic(status: StatusCode, ruling: &Ruling) -> bool {
    ruling.directives.public
        || matches!(status.as_u16(), 200 | 203 | 204 | 206 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 451 | 501)
}

fn implicit(status: StatusCode, headers: &HeaderMap, received: Timestamp, settings: &Settings) -> Option<Lifetime> {
    let failed = status.is_client_error() || status.is_server_error();
    if let Some(age) = if failed { settings.negative_age } else { settings.default_age } {
        return Some(Lifetime { seconds: whole(age), basis: Basis::Default });
    }
    if settings.heuristic_percent > 0
        && let Some(modified) = date::field(headers, &LAST_MODIFIED, received)
    {
        let since = age::date_of(headers, received).since(modified);
        let share = since.saturating_mul(u64::from(settings.heuristic_percent)) / 100;
        let seconds = clamped(share).min(whole(settings.heuristic_max));
        return Some(Lifetime { seconds, basis: Basis::Heuristic });
    }
    None
}

fn whole(age: Duration) -> u32 {
    clamped(age.as_secs())
}

fn clamped(seconds: u64) -> u32 {
    u32::try_from(seconds).unwrap_or(SECONDS_MAX).min(SECONDS_MAX)
}

#[cfg(test)]
mod tests {
    use super::super::targeted;
    use super::Basis::{Default as Ours, Expires, Forced, Heuristic, MaxAge, Nothing, SMaxage};
    use super::*;
    use http::HeaderValue;
    use http::header::HeaderName;

    /// Sun, 06 Nov 1994 08:49:37 GMT
    const RECEIVED: Timestamp = Timestamp(784_111_777_000);
    const DATE: (&str, &str) = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    const HOUR_AHEAD: (&str, &str) = ("expires", "Sun, 06 Nov 1994 09:49:37 GMT");
    const DAY_AGO: (&str, &str) = ("last-modified", "Sat, 05 Nov 1994 08:49:37 GMT");

    fn of(status: u16, fields: &[(&'static str, &str)], settings: &Settings) -> (u32, Basis) {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        let status = StatusCode::from_u16(status).unwrap();
        let found = lifetime(status, &headers, &targeted::ruling(&headers), RECEIVED, settings);
        (found.seconds, found.basis)
    }

    #[test]
    fn rfc9111_4_2_1_the_first_that_is_there() {
        let control = |value| ("cache-control", value);
        for (fields, expected) in [
            (&[control("max-age=5, s-maxage=7"), HOUR_AHEAD, DATE][..], (7, SMaxage)),
            (&[control("max-age=5"), HOUR_AHEAD, DATE], (5, MaxAge)),
            (&[control("max-age=0"), HOUR_AHEAD, DATE], (0, MaxAge)),
            (&[control("max-age=x"), HOUR_AHEAD, DATE], (0, MaxAge)),
            (&[HOUR_AHEAD, DATE], (3600, Expires)),
            (&[HOUR_AHEAD], (3600, Expires)), // without Date by our clock
            (&[HOUR_AHEAD, ("date", "Sun, 06 Nov 1994 09:49:30 GMT")], (7, Expires)), // by the origin's clock
            (&[("expires", "0"), DATE, DAY_AGO], (0, Expires)),
            (&[HOUR_AHEAD, HOUR_AHEAD, DATE], (0, Expires)),
            (&[("expires", "Sun, 06 Nov 1994 08:00:00 GMT"), DATE], (0, Expires)),
            (&[("expires", "Fri, 31 Dec 9999 23:59:59 GMT"), DATE], (SECONDS_MAX, Expires)),
            (&[("cdn-cache-control", "max-age=9"), control("max-age=5"), HOUR_AHEAD, DATE], (9, MaxAge)),
            (&[("cdn-cache-control", "foo"), control("max-age=5"), HOUR_AHEAD, DATE], (0, Nothing)),
            (&[], (0, Nothing)),
        ] {
            assert_eq!(of(200, fields, &Settings::default()), expected, "{fields:?}");
            assert_eq!(of(599, fields, &Settings::default()), expected, "{fields:?}: a status is not asked for");
        }
    }

    #[test]
    fn rfc9111_4_2_2_heuristics() {
        let settings = Settings::default();
        for status in 200..600 {
            let known = [200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 451, 501].contains(&status);
            let expected = if known { (8640, Heuristic) } else { (0, Nothing) };
            assert_eq!(of(status, &[DATE, DAY_AGO], &settings), expected, "{status}");
            assert_eq!(of(status, &[DATE, DAY_AGO, ("cache-control", "public")], &settings), (8640, Heuristic));
        }
        assert_eq!(of(200, &[DATE, ("last-modified", "Thu, 01 Jan 1970 00:00:00 GMT")], &settings).0, 86_400, "capped");
        assert_eq!(of(200, &[DATE, ("last-modified", "Sun, 06 Nov 1994 09:49:37 GMT")], &settings).0, 0, "ahead");
        assert_eq!(of(200, &[DATE, ("last-modified", "yesterday")], &settings), (0, Nothing));
        let off = Settings { heuristic_percent: 0, ..Settings::default() };
        assert_eq!(of(200, &[DATE, DAY_AGO], &off), (0, Nothing));
    }

    #[test]
    fn operators_lifetimes() {
        let age = |seconds| Some(Duration::from_secs(seconds));
        let settings =
            Settings { default_age: age(60), negative_age: age(5), age_max: age(100), ..Settings::default() };
        assert_eq!(of(200, &[], &settings), (60, Ours));
        assert_eq!(of(200, &[DATE, DAY_AGO], &settings), (60, Ours), "in the place of the heuristic");
        let capped = Settings { default_age: None, ..settings.clone() };
        assert_eq!(of(200, &[DATE, DAY_AGO], &capped), (100, Heuristic));
        assert_eq!(of(404, &[DATE, DAY_AGO], &settings), (5, Ours));
        assert_eq!(of(451, &[], &settings), (5, Ours));
        assert_eq!(of(403, &[], &settings), (0, Nothing));
        assert_eq!(of(200, &[("cache-control", "max-age=200")], &settings), (100, MaxAge));
        let forced = Settings { forced_age: age(300), ..settings };
        assert_eq!(of(403, &[("cache-control", "max-age=0")], &forced), (100, Forced));
        let forced = Settings { age_max: None, ..forced };
        assert_eq!(of(403, &[("cache-control", "max-age=0")], &forced), (300, Forced));
        assert_eq!(of(200, &[], &forced), (300, Forced));
        assert_eq!(of(403, &[], &forced), (0, Nothing), "there is none to replace");
    }
}
