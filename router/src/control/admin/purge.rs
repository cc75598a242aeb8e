//! `POST /purge`: what is stored and must not be used any more.
//!
//! Owns how a purge is named: exactly one of `url`, `prefix`, `origin`, `key`, `group` (with its `origin`) and `all`. The
//! purge is in force on all workers when the answer is sent.

use super::query::{Query, QueryError};
use super::routes::{Answer, error, json};
use crate::cache::address::Address;
use crate::cache::tags::Tag;
use crate::store::Store;
use crate::store::purge::{Force, Purge};
use http::{StatusCode, Uri};
use serde_json::json;

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
            tracing::info!(?purge, ?force, "purged");
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
    let url = address("url", "an absolute http or https URL")?;
    let prefix = address("prefix", "the beginning of an absolute http or https URL, host included")?;
    let origin = address("origin", "scheme, host and port, such as https://shop.example")?;
    let flag = |name: &'static str| match query.one(name)? {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(value) => Err(QueryError::Value { name, value: value.to_owned(), accepted: "true, false" }),
    };
    let force = if flag("soft")? { Force::Soft } else { Force::Hard };
    let given = (url, prefix, origin, query.one("key")?, query.one("group")?, flag("all")?);
    let purge = match given {
        (Some(url), None, None, None, None, false) => Purge::Url(url),
        (None, Some(prefix), None, None, None, false) => Purge::Prefix(prefix),
        (None, None, Some(origin), None, None, false) => Purge::Origin(origin),
        (None, None, None, Some(key), None, false) => Purge::Tag(Tag::key(key.as_bytes())),
        (None, None, Some(origin), None, Some(group), false) => Purge::Tag(Tag::group(&origin, group)),
        (None, None, None, None, Some(_), false) => return Err(QueryError::Missing("origin")),
        (None, None, None, None, None, true) => Purge::All,
        _ => return Ok(None),
    };
    Ok(Some((purge, force)))
}

fn address(text: &str) -> Option<Address> {
    let uri: Uri = text.parse().ok()?;
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
            ("prefix=https://a/x", Some((Purge::Prefix(at("/x")), Force::Hard))),
            ("origin=https://a", Some((Purge::Origin(at("/")), Force::Hard))),
            ("key=sale", Some((Purge::Tag(Tag::key(b"sale")), Force::Hard))),
            ("group=x&origin=https://a", Some((Purge::Tag(Tag::group(&at("/"), "x")), Force::Hard))),
            ("all=true", Some((Purge::All, Force::Hard))),
            ("", None),
            ("all=false", None),
            ("all=true&key=x", None),
            ("url=https://a/x&prefix=https://a/x", None),
        ] {
            assert_eq!(parse(&format!("/purge?{query}").parse().unwrap()), Ok(expected), "{query}");
        }
        for query in ["url=/x", "url=ftp://a/x", "prefix=x", "soft=yes&all=true", "group=x", "ulr=https://a/"] {
            assert!(parse(&format!("/purge?{query}").parse().unwrap()).is_err(), "{query}");
        }
    }
}
