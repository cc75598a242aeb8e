//! Header fields by name: those that an operator adds to answers, and those that are part of a cache key.
//!
//! Owns which ones may be named: not those that frame a message or say what its content is, which the router makes itself;
//! and in a key none that never reaches an origin.

use super::Text;
use crate::cache::settings::COUNTRY;
use http::{HeaderName, HeaderValue, header};

/// What an answer of the router cannot be without, or must not have.
const OURS: [HeaderName; 22] = [
    header::ACCEPT_RANGES,
    header::AGE,
    header::CACHE_CONTROL,
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::DATE,
    header::ETAG,
    header::EXPIRES,
    header::LAST_MODIFIED,
    header::LOCATION,
    header::RETRY_AFTER,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::VARY,
    header::VIA,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("x-request-id"),
];

/// What every key has without being named.
const IN_EVERY_KEY: HeaderName = header::HOST;

/// What the router answers or asks by itself: the origin sees another value than the client sent, or none.
const OF_THE_CACHE: [HeaderName; 6] = [
    header::IF_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_NONE_MATCH,
    header::IF_RANGE,
    header::IF_UNMODIFIED_SINCE,
    header::RANGE,
];

/// What the router writes towards an origin, whatever the client sent. `x-forwarded-host` is not here: it is taken out unless it is
/// named, and passes from trusted proxies when it is.
const WRITTEN: [HeaderName; 5] = [
    header::FORWARDED,
    header::VIA,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-request-id"),
];

/// What belongs to one connection and is never passed on (RFC 9110, section 7.6.1).
const OF_CONNECTION: [HeaderName; 8] = [
    header::CONNECTION,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// A field of a request as manifests name it, or another part of what is recorded.
#[derive(Debug, Clone)]
pub(in crate::config) struct RecordField(pub(in crate::config) String);

impl Text for RecordField {
    const TYPE: &'static str = "field";
    fn accepted() -> String {
        "header:NAME, cookie:NAME, query:NAME, host, path, query, client.ip, client.country, client.continent, \
         client.region, client.city, client.asn, client.location, pin.payload or kv:BUCKET"
            .into()
    }
    fn read(text: &str) -> Result<Self, String> {
        const PLAIN: [&str; 11] = [
            "host",
            "path",
            "query",
            "client.ip",
            "client.country",
            "client.continent",
            "client.region",
            "client.city",
            "client.asn",
            "client.location",
            "pin.payload",
        ];
        let named = text.split_once(':').filter(|(kind, name)| {
            ["cookie", "query", "kv"].contains(kind) && !name.is_empty()
                || *kind == "header" && HeaderName::try_from(*name).is_ok()
        });
        match named {
            Some(("header", _)) => Ok(Self(text.to_ascii_lowercase())),
            Some(_) => Ok(Self(text.to_owned())),
            None if PLAIN.contains(&text) => Ok(Self(text.to_owned())),
            None => Err(format!("{text:?} is nothing that is recorded")),
        }
    }
}

/// The name of a header that an operator may set.
#[derive(Debug, Clone)]
pub(in crate::config) struct FieldName(pub(in crate::config) HeaderName);

impl Text for FieldName {
    const TYPE: &'static str = "header";
    fn accepted() -> String {
        "the name of a header that the router does not make itself, such as \"content-security-policy\"".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        match HeaderName::try_from(text) {
            Ok(name) if OURS.contains(&name) => Err(format!("the router makes `{name}` itself")),
            Ok(name) => Ok(Self(name)),
            Err(_) => Err(format!("{text:?} is not the name of a header")),
        }
    }
}

/// The name of a request header that is part of a cache key.
#[derive(Debug, Clone)]
pub(in crate::config) struct KeyField(pub(in crate::config) HeaderName);

impl Text for KeyField {
    const TYPE: &'static str = "header";
    fn accepted() -> String {
        "the name of a request header that reaches the origin as the client sent it, such as \"accept-language\"".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        match HeaderName::try_from(text) {
            Ok(name) if OF_CONNECTION.contains(&name) => Err(format!("`{name}` never reaches an origin")),
            Ok(name) if name == COUNTRY => {
                Err(format!("the router writes `{name}` itself: `key_country = true` is for that"))
            }
            Ok(name) if WRITTEN.contains(&name) || name.as_str().starts_with("portolan-") => {
                Err(format!("the router writes `{name}` itself"))
            }
            Ok(name) if OF_THE_CACHE.contains(&name) => Err(format!("the cache answers `{name}` itself")),
            Ok(name) if name == IN_EVERY_KEY => Err(format!("`{name}` is in every key")),
            Ok(name) => Ok(Self(name)),
            Err(_) => Err(format!("{text:?} is not the name of a header")),
        }
    }
}

/// The value of a header.
#[derive(Debug, Clone)]
pub(in crate::config) struct FieldValue(pub(in crate::config) HeaderValue);

impl Text for FieldValue {
    const TYPE: &'static str = "string";
    fn accepted() -> String {
        "one line of text".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        let value = HeaderValue::try_from(text).ok().filter(|value| !value.is_empty() && text.trim() == text);
        value.map(Self).ok_or_else(|| format!("{text:?} is not the value of a header"))
    }
}
