//! `POST /purge`: what is stored and must not be used any more.
//!
//! Owns how a purge is named: exactly one of `url`, `prefix`, `origin`, `key`, `group` (with its `origin`) and `all`. The
//! purge is in force on all workers when the answer is sent.

use super::query::{Query, QueryError};
use super::routes::{Answer, error, json};
use crate::cache::address::{Address, encoded};
use crate::cache::list;
use crate::cache::tags::Tag;
use crate::store::Store;
use crate::store::purge::{Force, Purge};
use http::{StatusCode, Uri};
use serde_json::json;

const URL: &str = "an absolute http or https URL, its host in ASCII (xn--) and without `*`";
const ONE_URL: &str = "one URL; prefix is for all that begin so";
const PREFIX: &str = "the beginning of an absolute http or https URL, host included, in ASCII (xn--) and without `*`";
const NO_STAR: &str = "the beginning of URLs without `*`: all that begin so are meant";
const ORIGIN: &str = "scheme, host and port without a path and without `*`, such as https://shop.example";
const KEY: &str =
    "a word as in Surrogate-Key, or a member of Cache-Tag: not empty, no blanks at its ends, not blanks and commas";
const GROUP: &str = "a name in ASCII, as in Cache-Groups, of less than 1000 bytes";
const WAYS: &str = "exactly one of url, prefix, origin, key, group (with origin) and all";

pub(super) async fn answer(store: &Store, uri: &Uri) -> Answer {
    match parse(uri) {
        Err(wrong) => error(StatusCode::BAD_REQUEST, &wrong),
        Ok(None) => error(StatusCode::BAD_REQUEST, &format!("say what to purge: {WAYS}")),
        Ok(Some((purge, force))) => {
            if !store.purge(&purge, force).await {
                let words =
                    "purged, but the cache on disk took no note of it and cannot be emptied: a restart may undo it";
                return error(StatusCode::INTERNAL_SERVER_ERROR, words);
            }
            tracing::info!(%purge, soft = force == Force::Soft, "purged");
            json(StatusCode::OK, &json!({ "purged": true, "soft": force == Force::Soft }))
        }
    }
}

fn parse(uri: &Uri) -> Result<Option<(Purge, Force)>, QueryError> {
    let query = Query::parse(uri.query(), &["url", "prefix", "origin", "key", "group", "all", "soft"])?;
    let address = |name: &'static str, accepted| match query.one(name)? {
        None => Ok(None),
        Some(text) => {
            address(text).map(Some).ok_or_else(|| QueryError::Value { name, value: text.to_owned(), accepted })
        }
    };
    let url = address("url", URL)?;
    let prefix = address("prefix", PREFIX)?;
    // Others take a star for whatever follows. No URL is like that, and nothing would be purged.
    for (name, is_starred, accepted) in [
        ("url", url.as_ref().is_some_and(|url| url.query().is_none() && url.path().ends_with("/*")), ONE_URL),
        ("prefix", prefix.as_ref().is_some_and(|prefix| prefix.as_str().ends_with('*')), NO_STAR),
    ] {
        if let (true, Some(text)) = (is_starred, query.one(name)?) {
            return Err(QueryError::Value { name, value: text.to_owned(), accepted });
        }
    }
    let origin = address("origin", ORIGIN)?;
    if let (Some(whole), Some(text)) = (&origin, query.one("origin")?)
        && (whole.path(), whole.query()) != ("/", None)
    {
        // Less is meant than would be purged.
        return Err(QueryError::Value { name: "origin", value: text.to_owned(), accepted: ORIGIN });
    }
    let named = |name: &'static str, can_be: fn(&str) -> bool, accepted| match query.one(name)? {
        Some(text) if !can_be(text) => Err(QueryError::Value { name, value: text.to_owned(), accepted }),
        text => Ok(text),
    };
    let key = named("key", is_key, KEY)?;
    let group = named("group", is_group, GROUP)?;
    let flag = |name: &'static str| match query.one(name)? {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(value) => Err(QueryError::Value { name, value: value.to_owned(), accepted: "true, false" }),
    };
    let force = if flag("soft")? { Force::Soft } else { Force::Hard };
    let given = (url, prefix, origin, key, group, flag("all")?);
    let purge = match given {
        (Some(url), None, None, None, None, false) => Purge::Url(url),
        (None, Some(prefix), None, None, None, false) => Purge::Prefix(prefix),
        (None, None, Some(origin), None, None, false) => Purge::Origin(origin),
        (None, None, None, Some(key), None, false) => Purge::Tag(Tag::key(key.as_bytes())),
        (None, None, Some(origin), None, Some(group), false) => {
            let tag = Tag::group(&origin, group);
            if !tag.can_be_borne() {
                return Err(QueryError::Value { name: "group", value: group.to_owned(), accepted: GROUP });
            }
            Purge::Tag(tag)
        }
        (None, None, None, None, Some(_), false) => return Err(QueryError::Missing("origin")),
        (None, None, None, None, None, true) => Purge::All,
        _ => return Ok(None),
    };
    Ok(Some((purge, force)))
}

/// Whether a response can bear this key: it is one word of `Surrogate-Key`, or one member of `Cache-Tag`.
fn is_key(text: &str) -> bool {
    let is_word = !text.is_empty() && !text.contains(char::is_whitespace);
    let is_member = list::split(text.as_bytes()).eq([text.as_bytes()]);
    (is_word || is_member) && !text.contains(char::is_control) && Tag::key(text.as_bytes()).can_be_borne()
}

/// Whether a response can be in a group of this name: a String of RFC 8941; without a name it is a mistake.
fn is_group(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}

/// Reads a URL.
fn address(text: &str) -> Option<Address> {
    let uri: Uri = encoded(text).parse().ok()?;
    // A host is written in ASCII, and stands for itself.
    if uri.authority()?.as_str().contains(['%', '*']) {
        return None;
    }
    Address::of(uri.scheme_str()?, uri.authority()?.as_str(), uri.path(), uri.query())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn one_thing_is_purged_or_nothing() {
        let at = |path| Address::of("https", "a", path, None).unwrap();
        for (query, expected) in [
            ("url=https%3A%2F%2FA%3A443%2Fx", Some((Purge::Url(at("/x")), Force::Hard))),
            ("url=https://a/x&soft=true", Some((Purge::Url(at("/x")), Force::Soft))),
            ("url=https://a/x*y", Some((Purge::Url(at("/x*y")), Force::Hard))),
            ("prefix=https://a/x", Some((Purge::Prefix(at("/x")), Force::Hard))),
            ("origin=https://a", Some((Purge::Origin(at("/")), Force::Hard))),
            ("key=sale", Some((Purge::Tag(Tag::key(b"sale")), Force::Hard))),
            ("key=a%20b", Some((Purge::Tag(Tag::key(b"a b")), Force::Hard))),
            ("key=a%2Cb", Some((Purge::Tag(Tag::key(b"a,b")), Force::Hard))),
            ("origin=https://a/", Some((Purge::Origin(at("/")), Force::Hard))),
            ("url=https://a/%C3%A4%3F%C3%B6", Some((Purge::Url(at("/%C3%A4?%C3%B6")), Force::Hard))),
            ("prefix=https://a/%C3%A4", Some((Purge::Prefix(at("/%C3%A4")), Force::Hard))),
            ("url=https://a/%25c3%25a4", Some((Purge::Url(at("/%c3%a4")), Force::Hard))),
            ("group=x&origin=https://a", Some((Purge::Tag(Tag::group(&at("/"), "x")), Force::Hard))),
            ("all=true", Some((Purge::All, Force::Hard))),
            ("", None),
            ("all=false", None),
            ("all=true&key=x", None),
            ("url=https://a/x&prefix=https://a/x", None),
        ] {
            assert_eq!(parse(&format!("/purge?{query}").parse().unwrap()), Ok(expected), "{query}");
        }
        let long = format!("key={}", "x".repeat(2000));
        for query in [
            "url=/x",
            "url=ftp://a/x",
            "url=https://a/x/*",
            "prefix=https://a/x/*",
            "prefix=https://a/x*",
            "prefix=x",
            "soft=yes&all=true",
            "group=x",
            "ulr=https://a/",
            "origin=https://a/only/this",
            "origin=https://a/?x",
            "group=x&origin=https://a/b",
            "url=https://*.a/x",
            "prefix=https://*/x",
            "origin=https://*.a",
            &format!("group={}&origin=https://a", "x".repeat(1020)),
            "group=&origin=https://a",
            "group=%C3%A4&origin=https://a",
            "url=https://%C3%A4/x",
            "key=",
            "key=%20a",
            "key=a%20b%2Cc",
            "key=a%0Ab",
            &long,
        ] {
            assert!(parse(&format!("/purge?{query}").parse().unwrap()).is_err(), "{query}");
        }
    }
}
