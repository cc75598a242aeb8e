//! Entity tags (RFC 9110 section 8.8.3) and how they are compared.
//!
//! Owns reading one tag and lists of them; strong and weak comparison. A tag may hold commas, so a list is read by its
//! quotes, up to what is no tag. Never makes tags. Used by the cache and by static files. Pure.

use http::header::{ETAG, HeaderMap, HeaderName};

/// A tag as sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntityTag<'a> {
    /// With its quotes, without the `W/`.
    pub opaque: &'a [u8],
    /// It has a `W/` in front: two such responses are as good as each other, not the same bytes.
    pub is_weak: bool,
}

impl<'a> EntityTag<'a> {
    /// Reads a value that is one tag and nothing else.
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        first(value).filter(|(_, rest)| rest.is_empty()).map(|(tag, _)| tag)
    }

    /// The tag of a response; none when there is none, or more than one.
    pub fn of(headers: &'a HeaderMap) -> Option<Self> {
        let mut lines = headers.get_all(ETAG).into_iter();
        let (Some(line), None) = (lines.next(), lines.next()) else { return None };
        Self::parse(line.as_bytes())
    }

    /// The same bytes (RFC 9110 section 8.8.3.2).
    pub fn strongly_equals(self, other: EntityTag<'_>) -> bool {
        !self.is_weak && !other.is_weak && self.opaque == other.opaque
    }

    /// As good as each other.
    pub fn weakly_equals(self, other: EntityTag<'_>) -> bool {
        self.opaque == other.opaque
    }
}

/// The tag at the start of a text, and what follows it.
fn first(text: &[u8]) -> Option<(EntityTag<'_>, &[u8])> {
    let (is_weak, tag) = match text.strip_prefix(b"W/") {
        Some(tag) => (true, tag),
        None => (false, text),
    };
    let inside = tag.strip_prefix(b"\"")?;
    let length = inside.iter().position(|byte| !matches!(byte, 0x21 | 0x23..=0x7e | 0x80..))?;
    if inside[length] != b'"' {
        return None;
    }
    let (opaque, rest) = tag.split_at(length + 2);
    Some((EntityTag { opaque, is_weak }, rest))
}

/// Whether a list of tags holds `*` or one that fits.
pub fn any(headers: &HeaderMap, name: &HeaderName, fits: impl Fn(EntityTag<'_>) -> bool) -> bool {
    headers.get_all(name).iter().any(|line| {
        let mut rest = line.as_bytes().trim_ascii();
        if rest == b"*" {
            return true;
        }
        loop {
            let skip = rest.iter().position(|byte| !matches!(byte, b',' | b' ' | b'\t')).unwrap_or(rest.len());
            let Some((tag, after)) = first(&rest[skip..]) else { return false };
            if fits(tag) {
                return true;
            }
            rest = after;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use http::header::IF_NONE_MATCH;

    #[test]
    fn rfc9110_8_8_3_tags() {
        for (text, expected) in [
            ("\"a\"", Some(("\"a\"", false))),
            ("W/\"a\"", Some(("\"a\"", true))),
            ("\"\"", Some(("\"\"", false))),
            ("\"a,b\\\"", Some(("\"a,b\\\"", false))), // a backslash is nothing special
            ("\"\u{fc}\"", Some(("\"\u{fc}\"", false))),
            ("w/\"a\"", None),
            ("W\"a\"", None),
            ("W/ \"a\"", None),
            ("a", None),
            ("\"a", None),
            ("\"a b\"", None),
            ("\"a\" ", None),
            ("\"a\"\"b\"", None),
            ("", None),
        ] {
            let expected = expected.map(|(opaque, is_weak)| EntityTag { opaque: opaque.as_bytes(), is_weak });
            assert_eq!(EntityTag::parse(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn rfc9110_8_8_3_2_comparison() {
        let (strong, weak) = (EntityTag::parse(b"\"1\"").unwrap(), EntityTag::parse(b"W/\"1\"").unwrap());
        let other = EntityTag::parse(b"\"2\"").unwrap();
        assert!(strong.strongly_equals(strong) && !strong.strongly_equals(weak) && !weak.strongly_equals(weak));
        assert!(strong.weakly_equals(weak) && weak.weakly_equals(weak) && !strong.weakly_equals(other));
    }

    #[test]
    fn rfc9110_13_1_2_lists() {
        let wanted = EntityTag::parse(b"\"a\"").unwrap();
        for (lines, expected) in [
            (&["\"a\""][..], true),
            (&["\"x\", \"a\""], true),
            (&[",, \"x\" ,\"a\""], true),
            (&["\"x\"", "\"a\""], true),
            (&["*"], true),
            (&["\"x\", *"], false), // the star stands alone
            (&["\"x,\"a\""], false),
            (&["a"], false),
            (&["x, \"a\""], false),
            (&[], false),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(IF_NONE_MATCH, HeaderValue::from_str(line).unwrap());
            }
            assert_eq!(any(&headers, &IF_NONE_MATCH, |tag| tag.weakly_equals(wanted)), expected, "{lines:?}");
        }
    }
}
