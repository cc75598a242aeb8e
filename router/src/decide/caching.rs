//! What a request is found by in the cache.
//!
//! Owns how a request's head, the client and what the policies say become an address and the parts of a key; the rules are
//! `cache`'s. The same for the data plane and for `explain`. Pure.

use super::facts::{Client, Scheme};
use crate::cache::address::Address;
use crate::cache::key::{Key, Part, Source, counted};
use crate::config::Cache;
use crate::steer::affinity::cookie;
use crate::steer::verdict::{CacheSay, Edit};
use http::Uri;
use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery};
use smallvec::SmallVec;

/// The parts of most keys.
pub type KeyParts<'a> = SmallVec<[Part<'a>; 4]>;

/// The address of a request. The origin is told what counts and no more: the host in the form that it has in the key, for an
/// origin that tells `SHOP.example` or `shop.example:80` from it would answer one client for all, and the parameters that count.
/// None when it has none that a cache could use.
pub fn address(scheme: Scheme, parts: &mut Parts, cache: &Cache) -> Option<Address> {
    let query = counted(parts.uri.query(), &cache.parameters);
    if query.as_deref() != parts.uri.query() {
        let text =
            query.as_deref().map_or_else(|| parts.uri.path().to_owned(), |q| format!("{}?{q}", parts.uri.path()));
        let mut uri = parts.uri.clone().into_parts();
        uri.path_and_query = Some(PathAndQuery::try_from(text).ok()?);
        parts.uri = Uri::from_parts(uri).ok()?;
    }
    let named = parts.uri.authority().map(Authority::as_str);
    let authority = named.or_else(|| parts.headers.get(header::HOST)?.to_str().ok())?;
    let address = Address::of(scheme.as_str(), authority, parts.uri.path(), parts.uri.query())?;
    if parts.headers.get(header::HOST).is_none_or(|host| host.as_bytes() != address.authority().as_bytes()) {
        parts.headers.insert(header::HOST, HeaderValue::from_str(address.authority()).ok()?);
    }
    Some(address)
}

/// What is added to the address: by the operator, then by policies.
pub fn key_parts<'a>(
    headers: &'a HeaderMap,
    client: &'a Client,
    cache: &'a Cache,
    say: Option<&'a CacheSay>,
) -> KeyParts<'a> {
    let mut parts = KeyParts::new();
    for name in &cache.key_headers {
        // All of them, for an origin may go by any.
        all(&mut parts, Source::Header, name.as_str(), headers.get_all(name).iter().map(HeaderValue::as_bytes));
    }
    for name in &cache.key_cookies {
        let lines = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes);
        all(&mut parts, Source::Cookie, name, lines.flat_map(|line| cookie::named(line, name)));
    }
    if cache.key_country {
        let value = client.texts.country.as_deref().map(str::as_bytes);
        parts.push(Part { source: Source::Country, name: "", value });
    }
    for part in say.into_iter().flat_map(|say| &say.key) {
        parts.push(Part { source: Source::Policy, name: &part.policy, value: Some(part.text.as_bytes()) });
    }
    parts
}

/// The key; none when it is too long.
pub fn key(
    address: &Address,
    headers: &HeaderMap,
    client: &Client,
    cache: &Cache,
    say: Option<&CacheSay>,
) -> Option<Key> {
    Key::of(address, &key_parts(headers, client, cache, say))
}

fn all<'a>(parts: &mut KeyParts<'a>, source: Source, name: &'a str, mut values: impl Iterator<Item = &'a [u8]>) {
    parts.push(Part { source, name, value: values.next() });
    parts.extend(values.map(|value| Part { source, name, value: Some(value) }));
}

/// The settings with the lifetime that policies give; none when they give none.
pub fn told(cache: &Cache, say: Option<&CacheSay>) -> Option<Box<Cache>> {
    let ttl = say?.ttl?;
    let mut told = Box::new(cache.clone());
    told.settings.forced_age = Some(ttl);
    Some(told)
}

/// The request's fields as the origin sees them, which is where `Vary` looks; none when no policy edits any.
pub fn seen(headers: &HeaderMap, edits: &[Edit]) -> Option<Box<HeaderMap>> {
    (!edits.is_empty()).then(|| {
        let mut seen = Box::new(headers.clone());
        edits.iter().for_each(|edit| edit.apply(&mut seen));
        seen
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::base::CountryCode;
    use crate::geo::{Place, PlaceSource};
    use crate::steer::verdict::KeyPart;
    use http::HeaderName;
    use http::Request;

    fn cache() -> Cache {
        Cache {
            settings: crate::cache::settings::Settings::default(),
            parameters: crate::cache::key::Parameters::Without(vec!["utm_*".into()]),
            key_headers: vec![HeaderName::from_static("x-tier")],
            key_cookies: vec!["ab".into()],
            key_country: true,
            collapse: true,
            object_max: 1,
            early_hints: false,
            compress: None,
        }
    }

    fn client() -> Client {
        let place = Place { country: CountryCode::from_bytes(b"DE"), ..Place::unknown(PlaceSource::Pop) };
        Client::new([192, 0, 2, 1].into(), place, false)
    }

    fn shown(fields: &[(&str, &[u8])], say: Option<&CacheSay>) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value).unwrap());
        }
        let (cache, client) = (cache(), client());
        let text = |part: &Part<'_>| {
            let value = part.value.map_or_else(|| "-".into(), String::from_utf8_lossy);
            format!("{} {}={value}", part.source.word(), part.name)
        };
        key_parts(&headers, &client, &cache, say).iter().map(text).collect()
    }

    #[test]
    fn every_value_that_reaches_the_origin_is_in_the_key() {
        assert_eq!(shown(&[], None), ["header x-tier=-", "cookie ab=-", "country =DE"]);
        let twice: &[(&str, &[u8])] =
            &[("x-tier", b"a"), ("x-tier", b"b"), ("cookie", b"ab=1; abc=2;ab = 3 "), ("cookie", b"ab=\xff")];
        let expected =
            ["header x-tier=a", "header x-tier=b", "cookie ab=1", "cookie ab=3", "cookie ab=\u{fffd}", "country =DE"];
        assert_eq!(shown(twice, None), expected);
    }

    #[test]
    fn what_policies_say_comes_last_with_their_names() {
        let part = |policy: &str, text: &str| KeyPart { policy: policy.into(), text: text.into() };
        let say = CacheSay { key: vec![part("a", "x"), part("b", "")], ..CacheSay::default() };
        assert_eq!(shown(&[], Some(&say))[2..], ["country =DE", "policy a=x", "policy b="]);
    }

    #[test]
    fn what_does_not_count_is_taken_out_of_the_request() {
        let request = Request::get("/a?utm_x=1&b=2").header("host", "Shop.example").body(()).unwrap();
        let (mut parts, ()) = request.into_parts();
        let address = address(Scheme::Https, &mut parts, &cache()).unwrap();
        assert_eq!((address.as_str(), parts.uri.to_string().as_str()), ("https://shop.example/a?b=2", "/a?b=2"));
    }
}
