//! The names by which stored responses are invalidated together.
//!
//! Owns `Cache-Groups` and `Cache-Group-Invalidation` (RFC 9875: Structured Fields, good on one origin only, the second
//! after unsafe methods only), `Surrogate-Key` (separated by blanks) and `Cache-Tag` (by commas). What is invalid is ignored
//! whole. Bounded; a response with more is not stored, for it could not be purged by all its names. Pure.

use http::Method;
use http::header::{HeaderMap, HeaderName};
use sfv::{BareItem, List, ListEntry, Parser};

use super::address::Address;
use super::invalidate::is_safe;
use super::list;
use super::targeted::joined;

/// Names of one response. RFC 9875 section 2 asks for 32 at the least; pages of content management systems bear some hundreds, and
/// Cloudflare takes 1000.
pub const TAGS_MAX: usize = 1000;
/// Bytes of one name. RFC 9875 section 2 asks for 32 at the least.
pub const TAG_BYTES_MAX: usize = 1024;

/// `Cache-Groups`.
pub const CACHE_GROUPS: HeaderName = HeaderName::from_static("cache-groups");
/// `Cache-Group-Invalidation`.
pub const CACHE_GROUP_INVALIDATION: HeaderName = HeaderName::from_static("cache-group-invalidation");
/// `Surrogate-Key`, between an origin and its CDN; not passed on to clients.
pub const SURROGATE_KEY: HeaderName = HeaderName::from_static("surrogate-key");
/// `Cache-Tag`, the same by another name.
pub const CACHE_TAG: HeaderName = HeaderName::from_static("cache-tag");

/// A name. A group of one origin and a key of the operator's never are the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(Box<[u8]>);

impl Tag {
    /// A group on an origin (RFC 9875 section 2.1).
    pub fn group(address: &Address, name: &str) -> Self {
        Self([b"group ", address.undotted().origin().as_bytes(), b" ", name.as_bytes()].concat().into_boxed_slice())
    }

    /// A surrogate key, the same on all hosts that the operator serves.
    pub fn key(name: &[u8]) -> Self {
        Self([b"key ", name].concat().into_boxed_slice())
    }

    /// Whether it is short enough for a stored response.
    pub fn can_be_borne(&self) -> bool {
        self.0.len() <= TAG_BYTES_MAX
    }

    /// The same name as another process wrote it down.
    pub fn restored(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// For hashing and for an index.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The names of a response, sorted, each once; none when there are too many or one is too long.
pub fn of(address: &Address, response: &HeaderMap) -> Option<Vec<Tag>> {
    let words =
        |line: &http::HeaderValue| line.as_bytes().split(u8::is_ascii_whitespace).map(Tag::key).collect::<Vec<_>>();
    let mut tags: Vec<Tag> = groups(address, response, &CACHE_GROUPS);
    tags.extend(response.get_all(SURROGATE_KEY).iter().flat_map(words).filter(|tag| *tag != Tag::key(b"")));
    tags.extend(list::members(response, &CACHE_TAG).map(Tag::key));
    tags.sort_unstable();
    tags.dedup();
    (tags.len() <= TAGS_MAX && tags.iter().all(Tag::can_be_borne)).then_some(tags)
}

/// The groups that a response invalidates (RFC 9875 section 3): it says so whatever its status, after an unsafe method.
pub fn invalidated(method: &Method, address: &Address, response: &HeaderMap) -> Vec<Tag> {
    if is_safe(method) {
        return Vec::new();
    }
    let mut tags = groups(address, response, &CACHE_GROUP_INVALIDATION);
    // No stored response bears a longer one.
    tags.retain(Tag::can_be_borne);
    tags.truncate(TAGS_MAX);
    tags
}

fn groups(address: &Address, response: &HeaderMap, name: &HeaderName) -> Vec<Tag> {
    let Some(text) = joined(response, name) else { return Vec::new() };
    let Ok(members) = Parser::new(&text).parse::<List>() else { return Vec::new() };
    let group = |member: &ListEntry| match member {
        ListEntry::Item(item) => match &item.bare_item {
            BareItem::String(name) => Some(Tag::group(address, name.as_str())),
            _ => None,
        },
        ListEntry::InnerList(_) => None,
    };
    members.iter().map(group).collect::<Option<_>>().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn address(authority: &str) -> Address {
        Address::of("https", authority, "/", None).unwrap()
    }

    fn tags(name: HeaderName, value: &str) -> Option<Vec<Tag>> {
        of(&address("a"), &HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())]))
    }

    #[test]
    fn rfc9875_2_groups_are_strings_on_one_origin() {
        let group = |name| Tag::group(&address("a"), name);
        for (value, expected) in [
            ("\"scripts\", \"x y\";p=1", vec![group("scripts"), group("x y")]),
            ("\"b\", \"a\", \"b\"", vec![group("a"), group("b")]),
            ("scripts", vec![]), // a Token is no String
            ("\"scripts\", 1", vec![]),
            ("(\"scripts\")", vec![]),
            ("\"scripts", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(tags(CACHE_GROUPS, value), Some(expected), "{value}");
        }
        assert_ne!(Tag::group(&address("a"), "x"), Tag::group(&address("b"), "x"));
        assert_ne!(Tag::group(&address("a"), "x"), Tag::key(b"x"));
    }

    #[test]
    fn rfc9875_3_invalidation_after_unsafe_methods_only() {
        let response = HeaderMap::from_iter([(CACHE_GROUP_INVALIDATION, HeaderValue::from_static("\"x\""))]);
        let expected = [Tag::group(&address("a"), "x")];
        assert_eq!(invalidated(&Method::POST, &address("a"), &response), expected);
        assert_eq!(invalidated(&Method::from_bytes(b"M-SEARCH").unwrap(), &address("a"), &response), expected);
        assert_eq!(invalidated(&Method::GET, &address("a"), &response), []);
        let long = format!("\"{}\", \"x\"", "y".repeat(TAG_BYTES_MAX));
        let response = HeaderMap::from_iter([(CACHE_GROUP_INVALIDATION, HeaderValue::from_str(&long).unwrap())]);
        let named = invalidated(&Method::POST, &address("a"), &response);
        assert_eq!(named, [Tag::group(&address("a"), "x")], "no stored response bears the other");
    }

    #[test]
    fn surrogate_keys_and_cache_tags() {
        let keys = |names: &[&str]| Some(names.iter().map(|name| Tag::key(name.as_bytes())).collect::<Vec<_>>());
        assert_eq!(tags(SURROGATE_KEY, " b  a\tb "), keys(&["a", "b"]));
        assert_eq!(tags(SURROGATE_KEY, ""), keys(&[]), "an empty name is none");
        assert_eq!(tags(CACHE_TAG, "b, a c,,"), keys(&["a c", "b"]));
        assert_eq!(tags(CACHE_TAG, &"x".repeat(TAG_BYTES_MAX)), None);
        let many: Vec<String> = (0..=TAGS_MAX).map(|n| n.to_string()).collect();
        assert_eq!(tags(SURROGATE_KEY, &many.join(" ")), None);
    }
}
