//! `Cache-Control` of a response (RFC 9111 section 5.2.2).
//!
//! Owns what the directives say, read so that an error makes the cache more careful: an invalid lifetime is stale, a
//! restriction with a malformed argument still restricts, and unknown names are ignored. Of a lifetime that is given twice
//! the first counts (section 4.2.1). `targeted` makes the same values from Structured Fields. Pure.

use http::header::{CACHE_CONTROL, HeaderMap, HeaderName};

use super::list::{self, Argument};
use crate::base::units;

/// The largest number of seconds that counts as such; larger ones mean this (RFC 9111 section 1.2.2).
pub const SECONDS_MAX: u32 = 1 << 31;
/// Field names kept of one `no-cache` or `private`; with more the directive counts for the whole response.
const FIELDS_MAX: usize = 64;

/// `no-cache` and `private`, which may be about some fields only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Qualified {
    /// Not there.
    #[default]
    Absent,
    /// About the response.
    Whole,
    /// About these fields of it.
    Fields(Vec<HeaderName>),
}

impl Qualified {
    /// Whether it is about the whole response.
    pub fn is_whole(&self) -> bool {
        *self == Self::Whole
    }

    /// The fields that it is about.
    pub fn fields(&self) -> &[HeaderName] {
        if let Self::Fields(names) = self { names } else { &[] }
    }

    /// Adds what one more directive says: a list of names, or nothing readable for the whole.
    pub(super) fn add(&mut self, names: Option<&[u8]>) {
        let mut known = match std::mem::take(self) {
            Self::Absent => Vec::new(),
            Self::Whole => return self.clone_from(&Self::Whole),
            Self::Fields(known) => known,
        };
        let added: Option<Vec<HeaderName>> =
            names.and_then(|names| list::split(names).map(|name| HeaderName::from_bytes(name).ok()).collect());
        *self = match added {
            Some(added) if !added.is_empty() && known.len() + added.len() <= FIELDS_MAX => {
                known.extend(added);
                Self::Fields(known)
            }
            _ => Self::Whole,
        };
    }
}

/// What a response lets a cache do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directives {
    /// Seconds it stays fresh.
    pub max_age: Option<u32>,
    /// Seconds it stays fresh in shared caches such as this one.
    pub s_maxage: Option<u32>,
    /// Seconds that it may be served stale while it is fetched again (RFC 5861 section 3).
    pub stale_while_revalidate: Option<u32>,
    /// Seconds that it may be served stale when the origin fails (RFC 5861 section 4).
    pub stale_if_error: Option<u32>,
    /// Must not be reused without the origin's word, or some of its fields must not.
    pub no_cache: Qualified,
    /// For one user only, or some of its fields are.
    pub private: Qualified,
    /// Must not be stored.
    pub no_store: bool,
    /// May be stored although it otherwise would not be.
    pub public: bool,
    /// Once stale, never without the origin's word.
    pub must_revalidate: bool,
    /// The same, for shared caches.
    pub proxy_revalidate: bool,
    /// May be stored by those that know its status only; then `no-store` does not count.
    pub must_understand: bool,
    /// Its content must be passed on as it is.
    pub no_transform: bool,
    /// Will not change while it is fresh (RFC 8246).
    pub immutable: bool,
}

/// Reads `Cache-Control` from every line of it.
pub fn response(headers: &HeaderMap) -> Directives {
    let mut found = Directives::default();
    for member in list::members(headers, &CACHE_CONTROL) {
        let directive = list::directive(member);
        found.add(&directive.name.to_ascii_lowercase(), &directive.argument);
    }
    found
}

impl Directives {
    fn add(&mut self, name: &[u8], argument: &Argument<'_>) {
        let slot = match name {
            b"max-age" => &mut self.max_age,
            b"s-maxage" => &mut self.s_maxage,
            b"stale-while-revalidate" => &mut self.stale_while_revalidate,
            b"stale-if-error" => &mut self.stale_if_error,
            b"no-cache" => return self.no_cache.add(value(argument)),
            b"private" => return self.private.add(value(argument)),
            _ => return self.flag(name),
        };
        *slot = slot.or(Some(value(argument).and_then(seconds).unwrap_or(0)));
    }

    /// Sets a directive that has no argument; an unknown name sets nothing.
    pub(super) fn flag(&mut self, name: &[u8]) {
        match name {
            b"no-store" => self.no_store = true,
            b"public" => self.public = true,
            b"must-revalidate" => self.must_revalidate = true,
            b"proxy-revalidate" => self.proxy_revalidate = true,
            b"must-understand" => self.must_understand = true,
            b"no-transform" => self.no_transform = true,
            b"immutable" => self.immutable = true,
            _ => {}
        }
    }

    /// Whether it may never be served stale, whatever else is said (RFC 9111 section 4.2.4). `s-maxage` implies
    /// `proxy-revalidate` (section 5.2.2.10) and is asked for apart.
    pub fn forbids_stale(&self) -> bool {
        self.must_revalidate || self.proxy_revalidate || self.no_cache.is_whole()
    }
}

fn value<'a>(argument: &'a Argument<'_>) -> Option<&'a [u8]> {
    if let Argument::Value(value) = argument { Some(value) } else { None }
}

/// delta-seconds (RFC 9111 section 1.2.2): digits only; what is too large is the largest.
pub(super) fn seconds(digits: &[u8]) -> Option<u32> {
    let seconds = units::digits(digits)?;
    Some(u32::try_from(seconds).unwrap_or(SECONDS_MAX).min(SECONDS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn read(lines: &[&str]) -> Directives {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(CACHE_CONTROL, HeaderValue::from_str(line).unwrap());
        }
        response(&headers)
    }

    fn max_age(seconds: u32) -> Directives {
        Directives { max_age: Some(seconds), ..Directives::default() }
    }

    #[test]
    fn rfc9111_5_2_2_lifetimes() {
        for (line, seconds) in [
            ("max-age=3600", 3600),
            ("MaX-aGe=3600", 3600),
            ("foobar, max-age=3600, x=y", 3600),
            ("max-age=\"3600\"", 3600),
            ("max-age=003600", 3600),
            ("max-age=2147483648", SECONDS_MAX),
            ("max-age=99999999999", SECONDS_MAX),
            ("max-age=99999999999999999999999999", SECONDS_MAX),
            ("max-age=1, max-age=1800", 1),
            ("max-age=1800, max-age=1", 1800),
            ("extension=\"max-age=3600\", max-age=1", 1),
            ("max-age=1, extension=\"max-age=3600\"", 1),
            // Invalid ones are stale (section 4.2.1).
            ("max-age=-3600", 0),
            ("max-age='3600'", 0),
            ("max-age=3600.0", 0),
            ("max-age=a3600", 0),
            ("max-age=3600a", 0),
            ("max-age =3600", 0),
            ("max-age= 3600", 0),
            ("max-age", 0),
            ("max-age=", 0),
        ] {
            assert_eq!(read(&[line]), max_age(seconds), "{line}");
        }
        assert_eq!(read(&["max-age=1800", "max-age=1"]), max_age(1800));
        let windows = read(&["s-maxage=1, stale-while-revalidate=2", "stale-if-error=3"]);
        assert_eq!(
            (windows.s_maxage, windows.stale_while_revalidate, windows.stale_if_error),
            (Some(1), Some(2), Some(3))
        );
    }

    #[test]
    fn rfc9111_5_2_2_restrictions_hold_even_when_malformed() {
        assert!(read(&["No-StOrE"]).no_store);
        assert!(read(&["no-store=x"]).no_store);
        assert!(read(&["no-store ;"]).no_store);
        assert!(read(&["ext=\"foo, no-store"]).no_store, "a quote that is not closed hides nothing");
        assert!(!read(&["ext=\"foo, no-store\""]).no_store);
        assert!(!read(&["no-stored, xno-store"]).no_store);
        let all = read(&["public, must-revalidate, proxy-revalidate, must-understand, no-transform, immutable"]);
        assert!(all.public && all.must_revalidate && all.proxy_revalidate);
        assert!(all.must_understand && all.no_transform && all.immutable);
    }

    #[test]
    fn rfc9111_5_2_2_4_no_cache_and_private_may_name_fields() {
        let names = |names: &[&'static str]| {
            Qualified::Fields(names.iter().map(|name| HeaderName::from_static(name)).collect())
        };
        for (lines, expected) in [
            (&["no-cache"][..], Qualified::Whole),
            (&["no-cache=\"a\""], names(&["a"])),
            (&["no-cache=A"], names(&["a"])),
            (&["no-cache=\"Set-Cookie, b\", no-cache=\"c\""], names(&["set-cookie", "b", "c"])),
            (&["no-cache=\"a\"", "no-cache"], Qualified::Whole),
            (&["no-cache, no-cache=\"a\""], Qualified::Whole),
            (&["no-cache=\"\""], Qualified::Whole),
            (&["no-cache=\"a b\""], Qualified::Whole), // no field has such a name
            (&["no-cache=\"a"], Qualified::Whole),
            (&["no-cache= \"a\""], Qualified::Whole),
            (&["max-age=1"], Qualified::Absent),
        ] {
            assert_eq!(read(lines).no_cache, expected, "{lines:?}");
            let lines: Vec<String> = lines.iter().map(|line| line.replace("no-cache", "private")).collect();
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            assert_eq!(read(&lines).private, expected, "{lines:?}");
        }
        let many: Vec<String> = (0..=FIELDS_MAX).map(|n| format!("f{n}")).collect();
        assert!(read(&[&format!("private=\"{}\"", many.join(","))]).private.is_whole());
    }
}
