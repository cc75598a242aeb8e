//! From a request's path to a name under the root of a bundle.
//! Owns: which paths can name a file at all. Never touches the file system: links are followed, and judged, by `find`.
//! Called by: `files`. Pure.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// The one hidden name that is served: RFC 8615.
const WELL_KNOWN: &[u8] = b".well-known";

/// What a request asks for, relative to the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Plain segments only: joined to a root it cannot lead out but by links.
    pub path: PathBuf,
    /// The path ended in a slash (the root does too): only a folder's index can be meant.
    pub folder: bool,
}

impl Wanted {
    /// What the path of a URI names, percent-decoded once. Nothing when it can be no file of ours: `..` and `.`, an encoded
    /// slash, a backslash, NUL, an empty or hidden segment, a broken escape.
    pub(super) fn new(path: &str) -> Option<Self> {
        let path = path.strip_prefix('/')?;
        let mut wanted = PathBuf::new();
        if path.is_empty() {
            return Some(Self { path: wanted, folder: true });
        }
        let names = path.strip_suffix('/');
        for (at, segment) in names.unwrap_or(path).split('/').enumerate() {
            let name = decoded(segment)?;
            let forbidden = name.is_empty() || name.iter().any(|byte| matches!(byte, b'/' | b'\\' | 0));
            let hidden = name.starts_with(b".") && !(at == 0 && name == WELL_KNOWN);
            if forbidden || hidden {
                return None;
            }
            wanted.push(OsString::from_vec(name));
        }
        Some(Self { path: wanted, folder: names.is_some() })
    }

    /// Whether the last name has an extension: then it is an asset, and never a page of a single-page application.
    pub(super) fn has_extension(&self) -> bool {
        self.path.extension().is_some()
    }
}

fn decoded(segment: &str) -> Option<Vec<u8>> {
    let mut name = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        let byte = if byte == b'%' { hex(bytes.next()?)? << 4 | hex(bytes.next()?)? } else { byte };
        name.push(byte);
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
    use std::path::Component;

    #[test]
    fn names_under_the_root() {
        for (path, name, folder) in [
            ("/", "", true),
            ("/index.html", "index.html", false),
            ("/a/b.js", "a/b.js", false),
            ("/a/", "a", true),
            ("/a%20b/%C3%A9.txt", "a b/é.txt", false),
            ("/%252e%252e/x", "%2e%2e/x", false), // decoded once
            ("/a..b", "a..b", false),
            ("/.well-known/security.txt", ".well-known/security.txt", false),
        ] {
            assert_eq!(Wanted::new(path), Some(Wanted { path: name.into(), folder }), "{path}");
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
            assert_eq!(Wanted::new(path), None, "{path}");
        }
    }

    #[test]
    fn extensions() {
        for (path, has) in
            [("/app.js", true), ("/user/john.doe", true), ("/cart", false), ("/a.b/cart", false), ("/", false)]
        {
            assert_eq!(Wanted::new(path).unwrap().has_extension(), has, "{path}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_asked_stays_below_the_root(path in "(/|%2[eEfF]|%5c|%00|\\.|\\.\\.|[a-c]|\\\\|%25){0,12}") {
            if let Some(wanted) = Wanted::new(&path) {
                prop_assert!(wanted.path.components().all(|part| matches!(part, Component::Normal(_))));
            }
        }
    }
}
