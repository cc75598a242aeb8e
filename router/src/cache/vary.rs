//! `Vary`: the part of a cache key that a response itself names (RFC 9111 section 4.1).
//!
//! Owns which request fields tell variants apart and their normalised values: lines combined, blanks around commas gone,
//! `Accept-Encoding` by its class, `Accept-Language` in lower case and by weight where it is of the grammar. Never merges
//! values that a specification tells apart; the order of equally liked languages only where the settings say so. Bounded in
//! names and bytes. Pure.

use http::header::{ACCEPT_ENCODING, ACCEPT_LANGUAGE, HeaderMap, HeaderName, VARY};

use super::settings::{Settings, VARY_FIELDS_MAX};
use super::{encoding, list, weights};

/// Bytes of the normalised values of one request; beyond it nothing matches.
pub const VARY_BYTES_MAX: usize = 4096;

/// The request fields that a response varies on, sorted, each once. None when no other request can match: `*`, a name that
/// no field has, one that the settings refuse, or too many.
pub fn names(response: &HeaderMap, settings: &Settings) -> Option<Vec<HeaderName>> {
    let mut names = Vec::new();
    for member in list::members(response, &VARY) {
        if member == b"*" {
            return None;
        }
        let name = HeaderName::from_bytes(member).ok()?;
        if settings.vary_refused.contains(&name) {
            return None;
        }
        names.push(name);
    }
    names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
    names.dedup();
    (names.len() <= VARY_FIELDS_MAX).then_some(names)
}

/// What tells one variant from the others of its URL: the fields, and what the request that made it said in them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Variant {
    names: Vec<HeaderName>,
    values: Vec<u8>,
}

impl Variant {
    /// The variant that a request belongs to, by these names; none when what it says is too long.
    pub fn of(names: Vec<HeaderName>, request: &HeaderMap, settings: &Settings) -> Option<Self> {
        let values = values(&names, request, settings)?;
        Some(Self { names, values })
    }

    /// The same variant as another process wrote it down.
    pub fn restored(names: Vec<HeaderName>, values: Vec<u8>) -> Self {
        Self { names, values }
    }

    /// The values, in a form that only comparing means something to.
    pub fn values(&self) -> &[u8] {
        &self.values
    }

    /// The fields that it depends on.
    pub fn names(&self) -> &[HeaderName] {
        &self.names
    }

    /// Whether another request belongs to it.
    pub fn matches(&self, request: &HeaderMap, settings: &Settings) -> bool {
        self.names.is_empty() || values(&self.names, request, settings).is_some_and(|values| values == self.values)
    }
}

/// The normalised values in order, each with its length, so that they do not run into each other.
fn values(names: &[HeaderName], request: &HeaderMap, settings: &Settings) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    for name in names {
        let value = normalised(name, request, settings);
        // What is absent matches only what is absent (section 4.1).
        let length = value.as_ref().map_or(0, |value| value.len() + 1);
        all.extend(u32::try_from(length).ok()?.to_be_bytes());
        all.extend(value.unwrap_or_default());
        if all.len() > VARY_BYTES_MAX {
            return None;
        }
    }
    Some(all)
}

fn normalised(name: &HeaderName, request: &HeaderMap, settings: &Settings) -> Option<Vec<u8>> {
    if *name == ACCEPT_ENCODING {
        return encoding::class(request);
    }
    if *name == ACCEPT_LANGUAGE {
        return languages(request, settings.language_order_ignored);
    }
    combined(name, request)
}

/// The lines as one, without the blanks around commas.
fn combined(name: &HeaderName, request: &HeaderMap) -> Option<Vec<u8>> {
    let mut lines = request.get_all(name).iter().peekable();
    lines.peek()?;
    let members = lines.flat_map(|line| list::raw(line.as_bytes())).map(<[u8]>::trim_ascii);
    Some(members.collect::<Vec<_>>().join(&b","[..]))
}

/// Tags in lower case (RFC 5646 section 2.1.1) with their weights, the most liked first. With a member that cannot be read, all as
/// it is: an origin may read it.
fn languages(request: &HeaderMap, order_ignored: bool) -> Option<Vec<u8>> {
    let as_it_is = combined(&ACCEPT_LANGUAGE, request)?;
    let liked: Option<Vec<_>> = list::members(request, &ACCEPT_LANGUAGE)
        .map(|member| weights::weighed(member).map(|(tag, weight)| (u16::MAX - weight, tag.to_ascii_lowercase())))
        .collect();
    let Some(mut liked) = liked else {
        // No tag begins with a comma.
        return Some([b",", as_it_is.as_slice()].concat());
    };
    if order_ignored {
        liked.sort();
    } else {
        liked.sort_by_key(|(weight, _)| *weight);
    }
    let mut text = Vec::new();
    for (weight, tag) in liked {
        text.extend(tag);
        text.push(b';');
        text.extend(weight.to_be_bytes());
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn of(response: &[(&'static str, &str)], request: &[(&'static str, &str)], settings: &Settings) -> Option<Variant> {
        Variant::of(names(&headers(response), settings)?, &headers(request), settings)
    }

    #[test]
    fn rfc9111_4_1_names() {
        let settings = Settings { vary_refused: vec![HeaderName::from_static("cookie")], ..Settings::default() };
        for (lines, expected) in [
            (&[][..], Some(&[][..])),
            (&[""], Some(&[])),
            (&["Foo, bar", "FOO"], Some(&["bar", "foo"])),
            (&["*"], None),
            (&["*, *"], None),
            (&["*", "*"], None),
            (&[", *"], None),
            (&["", "*"], None),
            (&["*, Foo"], None),
            (&["Foo, *"], None),
            (&["Foo Bar"], None),
            (&["accept, Cookie"], None),
            (
                &["a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p"],
                Some(&["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"]),
            ),
            (&["a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q"], None),
        ] {
            let lines: Vec<_> = lines.iter().map(|line| ("vary", *line)).collect();
            let names = names(&headers(&lines), &settings);
            let names = names.as_ref().map(|names| names.iter().map(HeaderName::as_str).collect::<Vec<_>>());
            assert_eq!(names.as_deref(), expected, "{lines:?}");
        }
    }

    #[test]
    fn rfc9111_4_1_requests_that_match() {
        let any_order = Settings { language_order_ignored: true, ..Settings::default() };
        let strict = Settings::default();
        let (language, foo) = ("accept-language", "foo");
        for (vary, one, other, settings, expected) in [
            ("foo", &[(foo, "1")][..], &[(foo, "1"), ("x", "2")][..], &strict, true),
            ("foo", &[(foo, "1")], &[(foo, "2")], &strict, false),
            ("foo", &[(foo, "1")], &[], &strict, false),
            ("foo", &[(foo, "")], &[], &strict, false),
            ("foo", &[], &[], &strict, true),
            ("foo", &[(foo, "1,2")], &[(foo, " 1, 2 ")], &strict, true),
            ("foo", &[(foo, "1, 2")], &[(foo, "1"), (foo, "2")], &strict, true),
            ("foo", &[(foo, "1, 2")], &[(foo, "2, 1")], &strict, false),
            ("foo", &[(foo, "a")], &[(foo, "A")], &strict, false),
            ("foo", &[(foo, "\"1, 2\"")], &[(foo, "\"1,2\"")], &strict, false), // inside of quotes blanks count
            ("foo, bar", &[(foo, "1"), ("bar", "2")], &[("bar", "2"), (foo, "1")], &strict, true),
            ("foo, bar", &[(foo, "12"), ("bar", "3")], &[(foo, "1"), ("bar", "23")], &strict, false),
            (language, &[(language, "en, de")], &[(language, "EN,  De")], &strict, true),
            (language, &[(language, "en, de;q=0.5")], &[(language, "de;q=0.500, en;q=1")], &strict, true),
            (language, &[(language, "en, de")], &[(language, "de, en")], &strict, false),
            (language, &[(language, "en, de")], &[(language, "de, en")], &any_order, true),
            (language, &[(language, "en, de;q=0.5")], &[(language, "en;q=0.5, de")], &any_order, false),
            (language, &[(language, "en")], &[(language, "en, de")], &any_order, false),
            // What is not of the grammar is compared as it is: the origin may read it.
            (language, &[(language, "de;q=0.8888")], &[(language, "fr;q=0.7777")], &strict, false),
            (language, &[(language, "de;q=0.8888")], &[(language, "fr;q=0.7777")], &any_order, false),
            (language, &[(language, "de;q=0.8888")], &[(language, "")], &strict, false),
            (language, &[(language, "en, de;q=2")], &[(language, "en")], &strict, false),
            (language, &[(language, "en, de;level=1")], &[(language, "en"), (language, "de;level=1")], &strict, true),
        ] {
            let variant = of(&[("vary", vary)], one, settings).unwrap();
            assert!(variant.matches(&headers(one), settings));
            assert_eq!(variant.matches(&headers(other), settings), expected, "{vary}: {one:?} and {other:?}");
        }
        let long = "x".repeat(VARY_BYTES_MAX);
        assert_eq!(of(&[("vary", foo)], &[(foo, &long)], &strict), None);
        assert!(!of(&[("vary", foo)], &[(foo, "x")], &strict).unwrap().matches(&headers(&[(foo, &long)]), &strict));
    }
}
