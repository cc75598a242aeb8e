//! What may be sent in a content coding that is made here (RFC 9110 sections 8.4 and 12.5.3).
//!
//! Owns which stored responses are worth it, which requests may get a coding, and what the coding changes in an answer: another
//! representation has another length, no ranges, digests of its own, and an entity tag that promises the same meaning and not
//! the same bytes. What is coded already or must not be transformed (RFC 9111 section 5.2.2.6) stays as it is, and so do
//! parts. Never compresses. Pure.

use std::borrow::Cow;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};

use super::answer::Answer;
use super::coding::Encoding;
use super::etag::EntityTag;
use super::list;
use super::select::Asked;
use super::settings::Settings;
use super::stored::Stored;
use super::wishes;

/// Shorter ones fit in one packet as they are: nginx' `gzip_min_length` is set to about this everywhere.
pub const LENGTH_MIN: u64 = 1024;

/// Which answers of a route are compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compression {
    /// Shorter ones stay as they are, bytes.
    pub length_min: u64,
    /// Media types in lower case; one that ends in `*` stands for all that begin so. None: those that are text.
    pub types: Option<Vec<String>>,
}

impl Default for Compression {
    fn default() -> Self {
        Self { length_min: LENGTH_MIN, types: None }
    }
}

/// Whether content of a media type, without its parameters, becomes smaller. Pictures, films and most fonts are compressed
/// already.
pub fn is_compressible(essence: &str) -> bool {
    let text = essence.starts_with("text/") || essence.ends_with("+json") || essence.ends_with("+xml");
    text || COMPRESSIBLE.contains(&essence)
}

/// What is neither text by its first word nor by its last.
const COMPRESSIBLE: [&str; 9] = [
    "application/json",
    "application/javascript",
    "application/xml",
    "application/wasm",
    "application/vnd.ms-fontobject",
    "font/ttf",
    "font/otf",
    "image/bmp",
    "image/x-icon",
];

impl Compression {
    /// Whether a stored response is sent in codings of ours to those who take them, if it is held in parts, once it is whole:
    /// each answer made of it says so by `Vary`.
    pub fn applies_to(&self, stored: &Stored) -> bool {
        // Pages, also those that say that there is none: as nginx has it.
        let status = matches!(stored.status, StatusCode::OK | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND);
        status
            && stored.length().is_none_or(|length| length >= self.length_min)
            && !stored.headers.contains_key(header::CONTENT_ENCODING)
            && !stored.ruling.directives.no_transform
            && self.covers(&stored.headers)
    }

    fn covers(&self, headers: &HeaderMap) -> bool {
        let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
        let mut essence = Cow::from(value.split(';').next().unwrap_or(value).trim());
        if essence.bytes().any(|byte| byte.is_ascii_uppercase()) {
            essence.to_mut().make_ascii_lowercase();
        }
        match &self.types {
            None => is_compressible(&essence),
            Some(types) => types.iter().any(|one| match one.strip_suffix('*') {
                Some(start) => essence.starts_with(start),
                None => **one == *essence,
            }),
        }
    }
}

/// Whether a request for a response that compression applies to may be answered in a coding that the client takes. Ranges are
/// of the bytes as the origin sent them.
pub fn may_encode(asked: &Asked<'_>, settings: &Settings) -> bool {
    let readable = matches!(*asked.method, Method::GET | Method::HEAD);
    readable && !asked.headers.contains_key(header::RANGE) && !wishes::read(asked.headers, settings).no_transform
}

/// Whether a client who takes codings asks for a range under a date. With several codings of one date it does not say which bytes the client has
/// (RFC 9110 section 8.8.2.2), so that the whole is sent.
pub fn is_range_by_date(request: &HeaderMap) -> bool {
    let condition = request.get(header::IF_RANGE);
    condition.is_some_and(|value| EntityTag::parse(value.as_bytes().trim_ascii()).is_none())
}

/// What holds for the bytes of one coding alone.
static OF_BYTES: [HeaderName; 5] = [
    header::ACCEPT_RANGES,
    HeaderName::from_static("content-digest"), // RFC 9530
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-md5"),
];

/// Says in an answer that other requests get other codings.
pub fn vary(headers: &mut HeaderMap) {
    let name = header::ACCEPT_ENCODING.as_str().as_bytes();
    let said = |member: &[u8]| member == b"*" || member.eq_ignore_ascii_case(name);
    if !list::members(headers, &header::VARY).any(said) {
        headers.append(header::VARY, HeaderValue::from_name(header::ACCEPT_ENCODING));
    }
}

/// Turns an answer into one in a coding, of which there are `length` bytes, if that is known yet.
pub fn encode(answer: &mut Answer, encoding: Encoding, length: Option<u64>) {
    let headers = &mut answer.headers;
    weaken(headers);
    for name in &OF_BYTES {
        headers.remove(name);
    }
    if answer.status == StatusCode::NOT_MODIFIED {
        return;
    }
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
    match length {
        Some(length) => headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length)),
        None => headers.remove(header::CONTENT_LENGTH),
    };
}

fn weaken(headers: &mut HeaderMap) {
    let weak = match EntityTag::of(headers) {
        Some(tag) if tag.is_weak => return,
        Some(tag) => HeaderValue::from_bytes(&[b"W/", tag.opaque].concat()).ok(),
        None => None,
    };
    match weak {
        Some(tag) => headers.insert(header::ETAG, tag),
        // What cannot be read cannot be weakened.
        None => headers.remove(header::ETAG),
    };
}
