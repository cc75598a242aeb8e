//! `Cache-Control` and `Pragma` of a request (RFC 9111 sections 5.2.1 and 5.4).
//!
//! Owns what a client wishes. They are wishes: a cache may ignore them (section 5.2.1), and `Settings` says whether this
//! one does. What is malformed is not wished for, `no-cache` and `no-store` excepted. `Pragma` is deprecated and counts
//! only where the settings say so, and only beside no `Cache-Control`. Pure.

use http::header::{CACHE_CONTROL, HeaderMap, PRAGMA};

use super::directives::{SECONDS_MAX, seconds};
use super::list::{self, Argument};
use super::settings::Settings;

/// What a client wishes of a cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wishes {
    /// No older than these seconds.
    pub max_age: Option<u32>,
    /// Fresh for at least these seconds more.
    pub min_fresh: Option<u32>,
    /// Stale by up to these seconds is welcome; without a number, by any.
    pub max_stale: Option<u32>,
    /// Stale by up to these seconds is welcome when the origin fails (RFC 5861 section 4).
    pub stale_if_error: Option<u32>,
    /// Not without asking the origin.
    pub no_cache: bool,
    /// Neither request nor response is to be stored.
    pub no_store: bool,
    /// From what is stored, or 504.
    pub only_if_cached: bool,
    /// The content as the origin made it.
    pub no_transform: bool,
}

/// Reads what a request wishes; nothing when the settings ignore it.
pub fn read(headers: &HeaderMap, settings: &Settings) -> Wishes {
    let mut wishes = Wishes::default();
    if !settings.request_directives {
        return wishes;
    }
    for member in list::members(headers, &CACHE_CONTROL) {
        let directive = list::directive(member);
        let number = || if let Argument::Value(value) = &directive.argument { seconds(value) } else { None };
        match directive.name.to_ascii_lowercase().as_slice() {
            b"max-age" => wishes.max_age = wishes.max_age.or_else(number),
            b"min-fresh" => wishes.min_fresh = wishes.min_fresh.or_else(number),
            b"max-stale" if directive.argument == Argument::None => wishes.max_stale = Some(SECONDS_MAX),
            b"max-stale" => wishes.max_stale = wishes.max_stale.or_else(number),
            b"stale-if-error" => wishes.stale_if_error = wishes.stale_if_error.or_else(number),
            b"no-cache" => wishes.no_cache = true,
            b"no-store" => wishes.no_store = true,
            b"only-if-cached" => wishes.only_if_cached = true,
            b"no-transform" => wishes.no_transform = true,
            _ => {}
        }
    }
    if settings.pragma && !headers.contains_key(CACHE_CONTROL) {
        wishes.no_cache = list::members(headers, &PRAGMA).any(|member| member.eq_ignore_ascii_case(b"no-cache"));
    }
    wishes
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use http::header::HeaderName;

    fn of(fields: &[(HeaderName, &str)], settings: &Settings) -> Wishes {
        let fields = fields.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()));
        read(&fields.collect(), settings)
    }

    #[test]
    fn rfc9111_5_2_1_wishes() {
        let none = Wishes::default();
        for (line, expected) in [
            ("max-age=0", Wishes { max_age: Some(0), ..none }),
            ("Min-Fresh=\"5\"", Wishes { min_fresh: Some(5), ..none }),
            ("max-stale", Wishes { max_stale: Some(SECONDS_MAX), ..none }),
            ("max-stale=10", Wishes { max_stale: Some(10), ..none }),
            ("max-stale=x, max-age=y, min-fresh", none),
            ("stale-if-error=60", Wishes { stale_if_error: Some(60), ..none }),
            ("no-cache, no-transform", Wishes { no_cache: true, no_transform: true, ..none }),
            ("NO-STORE, only-if-cached", Wishes { no_store: true, only_if_cached: true, ..none }),
        ] {
            assert_eq!(of(&[(CACHE_CONTROL, line)], &Settings::default()), expected, "{line}");
            let deaf = Settings { request_directives: false, ..Settings::default() };
            assert_eq!(of(&[(CACHE_CONTROL, line)], &deaf), none);
        }
    }

    #[test]
    fn rfc9111_5_4_pragma_is_deprecated() {
        let old = Settings { pragma: true, ..Settings::default() };
        assert!(!of(&[(PRAGMA, "no-cache")], &Settings::default()).no_cache);
        assert!(of(&[(PRAGMA, "x, No-Cache")], &old).no_cache);
        assert!(!of(&[(PRAGMA, "no-cache"), (CACHE_CONTROL, "max-age=9")], &old).no_cache);
    }
}
