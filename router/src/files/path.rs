//! From a request's path to the name of a file in a bundle.
//! Owns: which paths can name a file at all. Never touches the file system: what exists is in the index.
//! Called by: `files`. Pure.

use std::borrow::Cow;

/// The one hidden name that is served: RFC 8615.
const WELL_KNOWN: &[u8] = b".well-known";

/// What the path of a URI names, percent-decoded once, without the slash in front; folders end in a slash, the root is
/// empty. Nothing when it can be no file of ours: `..` and `.`, an encoded slash, a backslash, NUL, an empty or hidden
/// segment, a broken escape.
pub(crate) fn name_of(path: &str) -> Option<Cow<'_, [u8]>> {
    let path = path.strip_prefix('/')?.as_bytes();
    let name = if path.contains(&b'%') { Cow::Owned(decoded(path)?) } else { Cow::Borrowed(path) };
    let segments = name.strip_suffix(b"/").unwrap_or(&name);
    let valid =
        name.is_empty() || segments.split(|byte| *byte == b'/').enumerate().all(|(at, s)| is_served(s, at == 0));
    valid.then_some(name)
}

/// Whether a segment may be part of a name.
pub(super) fn is_served(segment: &[u8], is_first: bool) -> bool {
    let forbidden = segment.is_empty() || segment.iter().any(|byte| matches!(byte, b'/' | b'\\' | 0));
    let hidden = segment.starts_with(b".") && !(is_first && segment == WELL_KNOWN);
    !forbidden && !hidden
}

/// Whether the last name has an extension or is hidden: then a file is asked for, and never a page of a single-page
/// application.
pub(super) fn has_extension(name: &[u8]) -> bool {
    let name = name.strip_suffix(b"/").unwrap_or(name);
    name.rsplit(|byte| *byte == b'/').next().unwrap_or_default().contains(&b'.')
}

/// Nothing for a broken escape or an encoded slash.
fn decoded(path: &[u8]) -> Option<Vec<u8>> {
    let mut name = Vec::with_capacity(path.len());
    let mut bytes = path.iter().copied();
    while let Some(byte) = bytes.next() {
        let decoded = if byte == b'%' { hex(bytes.next()?)? << 4 | hex(bytes.next()?)? } else { byte };
        if decoded == b'/' && byte == b'%' {
            return None;
        }
        name.push(decoded);
    }
    Some(name)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_under_the_root() {
        for (path, name) in [
            ("/", ""),
            ("/index.html", "index.html"),
            ("/a/b.js", "a/b.js"),
            ("/a/", "a/"),
            ("/a%20b/%C3%A9.txt", "a b/é.txt"),
            ("/%252e%252e/x", "%2e%2e/x"), // decoded once
            ("/a..b", "a..b"),
            ("/.well-known/security.txt", ".well-known/security.txt"),
        ] {
            assert_eq!(name_of(path).as_deref(), Some(name.as_bytes()), "{path}");
        }
    }

    #[test]
    fn no_way_out() {
        for path in [
            "",
            "x",
            "*",
            "//",
            "//etc/passwd",
            "/a//b",
            "/..",
            "/../x",
            "/a/../../x",
            "/%2e%2e/x",
            "/.%2E/x",
            "/./x",
            "/%2e/x",
            "/a%2fb",
            "/..%2fx",
            "/a%5cb",
            "/..\\x",
            "/a%00.html",
            "/%",
            "/%4",
            "/%zz",
            "/%+1",
            "/.env",
            "/.git/config",
            "/a/.htpasswd",
            "/a/.well-known/x",
            "/.well-known/.secret",
            "/%2egit/config",
        ] {
            assert_eq!(name_of(path), None, "{path}");
        }
    }

    #[test]
    fn extensions() {
        for (name, has) in [
            ("app.js", true),
            ("user/john.doe", true),
            ("/.env", true),
            ("cart", false),
            ("a.b/cart", false),
            ("/.hidden/cart", false),
            ("", false),
        ] {
            assert_eq!(has_extension(name.as_bytes()), has, "{name}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_asked_stays_below_the_root(path in "(/|%2[eEfF]|%5c|%00|\\.|\\.\\.|[a-c]|\\\\|%25){0,12}") {
            if let Some(name) = name_of(&path) {
                prop_assert!(name.split(|byte| *byte == b'/').all(|part| part != b".." && part != b"."));
            }
        }
    }
}
