//! `Cache-Status`: what the cache did, for whoever debugs it (RFC 9211).
//!
//! Owns this cache's member of the list, behind those of the caches nearer to the origin. Pure.

use http::StatusCode;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use sfv::{KeyRef, ListSerializer, StringRef, TokenRef};

use super::select::Forward;

/// `Cache-Status`.
pub const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

impl Forward {
    /// The word of RFC 9211 section 2.2.
    pub fn word(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Method => "method",
            Self::UrlMiss => "uri-miss",
            Self::VaryMiss => "vary-miss",
            Self::Stale => "stale",
            Self::Request => "request",
            Self::Partial => "partial",
        }
    }
}

/// How one request was handled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheStatus<'a> {
    /// Answered without the origin.
    pub is_hit: bool,
    /// Why it was forwarded.
    pub forward: Option<Forward>,
    /// The origin's status, when the client got another.
    pub forward_status: Option<StatusCode>,
    /// Whole seconds that the answer stays fresh; negative when it is stale.
    pub ttl_s: Option<i64>,
    /// The origin's answer was stored.
    pub is_stored: bool,
    /// It waited for another request's answer.
    pub is_collapsed: bool,
    /// One word more, such as why the answer was not stored.
    pub detail: Option<&'a str>,
}

impl CacheStatus<'_> {
    /// Adds the member of the cache called `cache` to an answer. Nothing when the name cannot be written down.
    pub fn add_to(&self, headers: &mut HeaderMap, cache: &str) {
        if let Some(value) = self.member(cache).and_then(|member| HeaderValue::from_str(&member).ok()) {
            headers.append(CACHE_STATUS, value);
        }
    }

    fn member(&self, cache: &str) -> Option<String> {
        let mut list = ListSerializer::new();
        let mut member = match TokenRef::from_str(cache) {
            Ok(token) => list.bare_item(token),
            Err(_) => list.bare_item(StringRef::from_str(cache).ok()?),
        };
        if self.is_hit {
            member = member.parameter(key("hit")?, true);
        } else if let Some(forward) = self.forward {
            member = member.parameter(key("fwd")?, TokenRef::from_str(forward.word()).ok()?);
            if let Some(status) = self.forward_status {
                member = member.parameter(key("fwd-status")?, sfv::Integer::from(status.as_u16()));
            }
        }
        if let Some(ttl) = self.ttl_s.and_then(|ttl| sfv::Integer::try_from(ttl).ok()) {
            member = member.parameter(key("ttl")?, ttl);
        }
        if self.is_stored {
            member = member.parameter(key("stored")?, true);
        }
        if self.is_collapsed {
            member = member.parameter(key("collapsed")?, true);
        }
        if let Some(detail) = self.detail.and_then(|detail| TokenRef::from_str(detail).ok()) {
            member.parameter(key("detail")?, detail);
        }
        list.finish()
    }
}

fn key(name: &'static str) -> Option<&'static KeyRef> {
    KeyRef::from_str(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9211_2_what_a_cache_did() {
        let none = CacheStatus::default();
        for (cache, status, expected) in [
            ("fra1", CacheStatus { is_hit: true, ttl_s: Some(376), ..none }, "fra1;hit;ttl=376"),
            ("fra1", CacheStatus { is_hit: true, ttl_s: Some(-30), ..none }, "fra1;hit;ttl=-30"),
            (
                "fra1",
                CacheStatus { forward: Some(Forward::UrlMiss), is_stored: true, ..none },
                "fra1;fwd=uri-miss;stored",
            ),
            (
                "fra1",
                CacheStatus { forward: Some(Forward::Stale), forward_status: Some(StatusCode::NOT_MODIFIED), ..none },
                "fra1;fwd=stale;fwd-status=304",
            ),
            (
                "fra1",
                CacheStatus { forward: Some(Forward::VaryMiss), is_collapsed: true, detail: Some("no-store"), ..none },
                "fra1;fwd=vary-miss;collapsed;detail=no-store",
            ),
            ("1 fra", CacheStatus { forward: Some(Forward::Bypass), ..none }, "\"1 fra\";fwd=bypass"),
        ] {
            let mut headers = HeaderMap::from_iter([(CACHE_STATUS, HeaderValue::from_static("origin;hit"))]);
            status.add_to(&mut headers, cache);
            let members: Vec<_> = headers.get_all(CACHE_STATUS).iter().collect();
            assert_eq!(members, ["origin;hit", expected], "the cache nearest to the origin comes first");
        }
        let mut headers = HeaderMap::new();
        none.add_to(&mut headers, "\u{e9}");
        assert!(headers.is_empty());
    }
}
