//! The primary key of what is stored (RFC 9111 section 2), and what must not pass by it.
//!
//! Owns: the address, with the parameters that the operator wants counted, and the parts that are added to it (a header, a
//! cookie, the country, a policy's word). Parameters that are left out are left out for the origin too: `counted` gives the
//! query for both. There is no default part that somebody could forget: scheme, host, port, path and query always count.
//! Pure.

use http::header::{HeaderMap, HeaderName};

use super::address::Address;
use std::borrow::Cow;

/// Bytes of a key; a longer one is not cached.
pub const KEY_BYTES_MAX: usize = 16 * 1024;

/// Which parameters of a query count. A name that ends in `*` stands for all that begin so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Parameters {
    /// All, in their order.
    #[default]
    All,
    /// None: the query is dropped.
    None,
    /// These alone.
    Only(Vec<String>),
    /// All but these.
    Without(Vec<String>),
}

/// The query that counts, for the key and for the origin alike; none when nothing of it is left.
pub fn counted<'a>(query: Option<&'a str>, parameters: &Parameters) -> Option<Cow<'a, str>> {
    let query = query?;
    let keep = |parameter: &&str| {
        let name = parameter.split('=').next().unwrap_or(parameter);
        match parameters {
            Parameters::All => true,
            Parameters::None => false,
            Parameters::Only(names) => names.iter().any(|pattern| fits(pattern, name)),
            Parameters::Without(names) => !names.iter().any(|pattern| fits(pattern, name)),
        }
    };
    if *parameters == Parameters::All {
        return Some(Cow::Borrowed(query));
    }
    let kept: Vec<&str> = query.split('&').filter(keep).collect();
    (!kept.is_empty()).then(|| Cow::Owned(kept.join("&")))
}

fn fits(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}

/// Where a part of a key comes from. The numbers are part of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Source {
    /// A request field; one part for each line.
    Header = 1,
    /// A cookie; one part for each of the name.
    Cookie = 2,
    /// The client's country.
    Country = 3,
    /// What a policy says.
    Policy = 4,
}

impl Source {
    /// One word, for explanations.
    pub fn word(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Cookie => "cookie",
            Self::Country => "country",
            Self::Policy => "policy",
        }
    }
}

/// Stand where a [`Source`] does, in the keys of slices, of variants and of those who send `Authorization`.
const SLICE: u8 = 5;
const VARIANT: u8 = 6;
const AUTHORIZED: u8 = 7;

/// One part that is added to the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// Where it comes from.
    pub source: Source,
    /// What it is called there; empty for the country.
    pub name: &'a str,
    /// What it says; none when there is no such thing.
    pub value: Option<&'a [u8]>,
}

/// What a stored response is found by, before `Vary` is asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    bytes: Box<[u8]>,
    address_length: usize,
}

impl Key {
    /// A key; none when it is too long.
    pub fn of(address: &Address, parts: &[Part<'_>]) -> Option<Self> {
        let mut bytes = Vec::from(address.as_str());
        let address_length = bytes.len();
        for Part { source, name, value } in parts {
            // With lengths, so that no value can pass itself off as another part; absent is not empty.
            bytes.extend([0, *source as u8]);
            bytes.extend(u32::try_from(name.len()).ok()?.to_be_bytes());
            bytes.extend(name.as_bytes());
            bytes.push(u8::from(value.is_some()));
            bytes.extend(u32::try_from(value.map_or(0, <[u8]>::len)).ok()?.to_be_bytes());
            bytes.extend(value.unwrap_or_default());
        }
        (bytes.len() <= KEY_BYTES_MAX).then(|| Self { bytes: bytes.into_boxed_slice(), address_length })
    }

    /// One of a name that no response has: what is known of several is noted by it.
    pub fn named(name: &[&[u8]]) -> Self {
        let bytes = name.concat();
        Self { address_length: bytes.len(), bytes: bytes.into_boxed_slice() }
    }

    /// What those wait for one another by who want the slice that begins there.
    #[must_use]
    pub fn slice(&self, start: u64) -> Self {
        self.with(SLICE, &start.to_be_bytes())
    }

    /// What those wait for one another by who say the same in what a response varies on.
    #[must_use]
    pub fn variant(&self, values: &[u8]) -> Self {
        self.with(VARIANT, values)
    }

    /// What is known of those who send `Authorization` is noted by.
    #[must_use]
    pub fn authorized(&self) -> Self {
        self.with(AUTHORIZED, &[])
    }

    fn with(&self, kind: u8, value: &[u8]) -> Self {
        let bytes = [&self.bytes, &[0, kind][..], value].concat();
        Self { bytes: bytes.into_boxed_slice(), address_length: self.address_length }
    }

    /// All of it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The address without the parts: what invalidation and a purge by URL go by.
    pub fn address(&self) -> &[u8] {
        &self.bytes[..self.address_length]
    }
}

/// Fields by which frameworks let a request pass for another. None of them is in the key, so none may reach an origin
/// through the cache unless it is: one client would choose what all others get (web cache poisoning, Kettle 2018).
static UNKEYED: [HeaderName; 27] = [
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-scheme"),
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-forwarded-prefix"),
    HeaderName::from_static("x-forwarded-server"),
    HeaderName::from_static("x-forwarded-path"),
    HeaderName::from_static("x-forwarded-ssl"),
    HeaderName::from_static("x-forwarded-protocol"),
    HeaderName::from_static("x-forwarded-uri"),
    HeaderName::from_static("x-forwarded-method"),
    HeaderName::from_static("x-url-scheme"),
    HeaderName::from_static("x-original-path"),
    HeaderName::from_static("x-original-method"),
    HeaderName::from_static("x-http-host-override"),
    HeaderName::from_static("x-http-path-override"),
    HeaderName::from_static("x-http-destinationurl"),
    HeaderName::from_static("x-override-url"),
    HeaderName::from_static("x-host"),
    HeaderName::from_static("x-original-host"),
    HeaderName::from_static("x-original-url"),
    HeaderName::from_static("x-original-uri"),
    HeaderName::from_static("x-envoy-original-path"),
    HeaderName::from_static("x-rewrite-url"),
    HeaderName::from_static("x-http-method"),
    HeaderName::from_static("x-http-method-override"),
    HeaderName::from_static("x-method-override"),
    HeaderName::from_static("front-end-https"),
];

/// Whether a field must not reach an origin through the cache unless it is part of the key. Also with underscores: CGI and what
/// came after it (RFC 3875 section 4.1.18) make one name of both.
pub fn is_unkeyed(name: &HeaderName) -> bool {
    UNKEYED.contains(name) || passes_for(name, &UNKEYED)
}

/// Whether a request has a field that an origin may read as one of these, though it has another name.
pub fn has_twin(request: &HeaderMap, known: &[HeaderName]) -> bool {
    request.keys().any(|name| passes_for(name, known))
}

fn passes_for(name: &HeaderName, known: &[HeaderName]) -> bool {
    // Hardly any name has one, so that hardly any is compared.
    has_underscore(name) && known.iter().any(|known| name != known && dashed(name).eq(dashed(known)))
}

fn dashed(name: &HeaderName) -> impl Iterator<Item = u8> + '_ {
    name.as_str().bytes().map(|byte| if byte == b'_' { b'-' } else { byte })
}

/// Whether an origin may read this field as another.
pub fn has_underscore(name: &HeaderName) -> bool {
    name.as_str().contains('_')
}

/// Takes what a client could poison the cache with out of its request; `keyed` are the fields that are parts of the key, and
/// what passes for one of them goes as well. Called before the router adds its own forwarding fields.
pub fn strip_unkeyed(request: &mut HeaderMap, keyed: &[HeaderName]) {
    let passes = |name| is_unkeyed(name) || passes_for(name, keyed);
    let unkeyed = request.keys().filter(|name| passes(name) && !keyed.contains(name));
    for name in unkeyed.cloned().collect::<Vec<_>>() {
        request.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::Source::{Cookie, Country, Header, Policy};
    use super::*;

    #[test]
    fn parameters_that_count() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let only = Parameters::Only(names(&["id", "p*"]));
        let without = Parameters::Without(names(&["utm_*", "fbclid"]));
        for (query, parameters, expected) in [
            (Some("b=2&a=1"), &Parameters::All, Some("b=2&a=1")),
            (Some(""), &Parameters::All, Some("")),
            (None, &Parameters::All, None),
            (Some("a=1"), &Parameters::None, None),
            (Some("id=1&x=2&page=3&id=4&id"), &only, Some("id=1&page=3&id=4&id")),
            (Some("x=2"), &only, None),
            (Some("a=1&utm_source=x&fbclid=y&fbclidx=z"), &without, Some("a=1&fbclidx=z")),
            (Some("a=utm_x"), &without, Some("a=utm_x")),
        ] {
            assert_eq!(counted(query, parameters).as_deref(), expected, "{query:?} {parameters:?}");
        }
    }

    #[test]
    fn rfc9111_2_every_part_tells_keys_apart() {
        let address = |authority, path| Address::of("https", authority, path, None).unwrap();
        let of = |parts: &[(Source, &'static str, Option<&'static [u8]>)]| {
            let parts = parts.iter().map(|(source, name, value)| Part { source: *source, name, value: *value });
            Key::of(&address("a", "/"), &parts.collect::<Vec<_>>())
        };
        let keys = [
            Key::of(&address("a", "/"), &[]),
            Key::of(&address("b", "/"), &[]),
            Key::of(&address("a", "/x"), &[]),
            of(&[(Country, "", None)]),
            of(&[(Country, "", Some(b""))]),
            of(&[(Country, "", Some(b"DE"))]),
            of(&[(Country, "", Some(b"DE")), (Header, "x", Some(b"y"))]),
            of(&[(Country, "", Some(b"DE\0\x01\0\0\0\x01x\x01\0\0\0\x01y"))]),
            of(&[(Header, "x", Some(b"y"))]),
            of(&[(Cookie, "x", Some(b"y"))]),
            of(&[(Policy, "x", Some(b"y"))]),
            of(&[(Policy, "x", Some(b"y")), (Policy, "z", Some(b"y"))]),
        ];
        let different: std::collections::BTreeSet<_> =
            keys.iter().map(|key| key.as_ref().unwrap().as_bytes().to_vec()).collect();
        assert_eq!(different.len(), keys.len());
        assert_eq!(keys[5].as_ref().unwrap().address(), b"https://a/");
        assert_eq!(of(&[(Header, "x", Some(&[0; KEY_BYTES_MAX]))]), None);
    }

    #[test]
    fn what_is_not_keyed_does_not_reach_the_origin() {
        let mut request: HeaderMap =
            UNKEYED.iter().map(|name| (name.clone(), http::HeaderValue::from_static("x"))).collect();
        request.insert("accept", http::HeaderValue::from_static("*/*"));
        request.insert("x_tenant", http::HeaderValue::from_static("x"));
        strip_unkeyed(&mut request, &["x-forwarded-host", "x-tenant"].map(HeaderName::from_static));
        let mut left: Vec<&str> = request.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["accept", "x-forwarded-host"]);
    }
}
