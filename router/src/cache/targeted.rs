//! Targeted cache control (RFC 9213): `Portolan-Cache-Control` before `CDN-Cache-Control` before `Cache-Control`.
//!
//! Owns which field rules a response and reading the targeted ones, as real Structured Fields: one that is invalid, of a
//! wrong type, or empty is ignored whole, as if it were not there; one that is valid replaces `Cache-Control` and `Expires`
//! whole, `no-store` too (section 2.2). Pure.

use http::header::{HeaderMap, HeaderName};
use sfv::{BareItem, Dictionary, ListEntry, Parser};

use super::directives::{self, Directives, SECONDS_MAX};

/// Speaks to Portolan alone; not passed on to clients.
pub const PORTOLAN_CACHE_CONTROL: HeaderName = HeaderName::from_static("portolan-cache-control");
/// Speaks to every CDN (RFC 9213 section 3).
pub const CDN_CACHE_CONTROL: HeaderName = HeaderName::from_static("cdn-cache-control");

/// The directives that rule a response, and where they come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ruling {
    /// What the cache goes by.
    pub directives: Directives,
    /// A targeted field rules: `Cache-Control` and `Expires` do not count.
    pub is_targeted: bool,
}

/// Finds the field that rules.
pub fn ruling(headers: &HeaderMap) -> Ruling {
    let plain = directives::response(headers);
    let found = [PORTOLAN_CACHE_CONTROL, CDN_CACHE_CONTROL].iter().find_map(|name| read(headers, name));
    match found {
        // Not to transform is an order to intermediaries, not about caching: it holds wherever it stands.
        Some(mut directives) => {
            directives.no_transform |= plain.no_transform;
            Ruling { directives, is_targeted: true }
        }
        None => Ruling { directives: plain, is_targeted: false },
    }
}

/// Reads one targeted field.
fn read(headers: &HeaderMap, name: &HeaderName) -> Option<Directives> {
    let members: Dictionary = Parser::new(&joined(headers, name)?).parse().ok()?;
    let mut found = Directives::default();
    for (name, member) in &members {
        add(&mut found, name.as_str(), member)?;
    }
    (!members.is_empty()).then_some(found)
}

/// All lines of a Structured Field as one (RFC 9651 section 4.2); none when there is none.
pub(super) fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<u8>> {
    let lines: Vec<&[u8]> = headers.get_all(name).iter().map(|line| line.as_bytes()).collect();
    (!lines.is_empty()).then(|| lines.join(&b", "[..]))
}

/// Adds one member; none when a directive that we know has a value of the wrong type.
fn add(found: &mut Directives, name: &str, member: &ListEntry) -> Option<()> {
    let value = if let ListEntry::Item(item) = member { Some(&item.bare_item) } else { None };
    let slot = match name {
        "max-age" => &mut found.max_age,
        "s-maxage" => &mut found.s_maxage,
        "stale-while-revalidate" => &mut found.stale_while_revalidate,
        "stale-if-error" => &mut found.stale_if_error,
        "no-cache" | "private" => {
            let slot = if name == "private" { &mut found.private } else { &mut found.no_cache };
            slot.add(match value? {
                BareItem::Boolean(true) => None,
                BareItem::String(names) => Some(names.as_str().as_bytes()),
                BareItem::Token(name) => Some(name.as_str().as_bytes()),
                _ => return None,
            });
            return Some(());
        }
        "no-store" | "public" | "must-revalidate" | "proxy-revalidate" | "must-understand" | "no-transform"
        | "immutable" => {
            value?.as_boolean().filter(|set| *set)?;
            found.flag(name.as_bytes());
            return Some(());
        }
        _ => return Some(()),
    };
    let number = u64::try_from(i64::from(value?.as_integer()?)).ok()?;
    *slot = Some(u32::try_from(number).unwrap_or(SECONDS_MAX).min(SECONDS_MAX));
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::directives::Qualified;
    use super::*;
    use http::HeaderValue;
    use http::header::CACHE_CONTROL;

    fn of(fields: &[(HeaderName, &str)]) -> Ruling {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        ruling(&headers)
    }

    #[test]
    fn rfc9213_2_1_a_targeted_field_is_a_dictionary_or_nothing() {
        let max_age = |seconds| Directives { max_age: Some(seconds), ..Directives::default() };
        let flags = Directives { no_store: true, must_revalidate: true, ..Directives::default() };
        for (value, expected) in [
            ("max-age=3600", Some(max_age(3600))),
            ("foobar, max-age=3600;x=1, y=(1 2), z=\"s\"", Some(max_age(3600))),
            ("max-age=1, max-age=2", Some(max_age(2))), // the last of a Dictionary counts
            ("max-age=2147483648", Some(max_age(SECONDS_MAX))),
            ("max-age=99999999999", Some(max_age(SECONDS_MAX))),
            ("no-store, must-revalidate", Some(flags)),
            ("foo", Some(Directives::default())),
            ("private", Some(Directives { private: Qualified::Whole, ..Directives::default() })),
            ("no-cache=\"a b\"", Some(Directives { no_cache: Qualified::Whole, ..Directives::default() })),
            ("", None),
            ("max-age=10000, &&&&&", None),
            ("max-age=\"10000\"", None),
            ("max-age=1.5", None),
            ("max-age=-1", None),
            ("max-age", None),
            ("max-age=(1)", None),
            ("max-age=9999999999999999", None), // beyond an Integer
            ("no-store=?0", None),
            ("no-store=1", None),
            ("private=1", None),
            ("MaX-aGe=3600", None), // keys are in lower case
            ("max-age =100", None),
            ("max-age= 100", None),
            ("max-age=100,", None),
        ] {
            let got = of(&[(CDN_CACHE_CONTROL, value), (CACHE_CONTROL, "max-age=7")]);
            let fallback = Ruling { directives: max_age(7), is_targeted: false };
            let expected = expected.map(|directives| Ruling { directives, is_targeted: true });
            assert_eq!(got, expected.unwrap_or(fallback), "{value}");
        }
    }

    #[test]
    fn rfc9213_2_2_the_first_valid_one_rules() {
        let ours = |value| (PORTOLAN_CACHE_CONTROL, value);
        let any = |value| (CDN_CACHE_CONTROL, value);
        let plain = |value| (CACHE_CONTROL, value);
        assert_eq!(of(&[plain("max-age=1"), any("max-age=2"), ours("max-age=3")]).directives.max_age, Some(3));
        assert_eq!(of(&[plain("max-age=1"), any("max-age=2"), ours("?")]).directives.max_age, Some(2));
        assert!(!of(&[plain("no-store"), any("max-age=2")]).directives.no_store);
        assert_eq!(of(&[any("max-age=2"), any("no-store")]).directives.max_age, Some(2), "lines are joined");
        assert!(of(&[plain("no-transform"), any("max-age=2")]).directives.no_transform);
    }
}
