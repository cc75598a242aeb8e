//! The URL that a request is for, in one normal form.
//!
//! Owns scheme and host in lower case, the default port left out, path and query as they are (an origin may tell `%41` from
//! `A`), and references resolved against it (RFC 3986 section 5.2). Never decodes or tidies a path. Bounded. Pure.

use std::borrow::Cow;
use std::fmt::Write;

/// Bytes of an address; a longer one is not cached.
pub const ADDRESS_BYTES_MAX: usize = 8192;

/// An absolute http or https URL without user information and fragment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    text: String,
    /// Where the path begins.
    path_at: usize,
}

impl Address {
    /// From the parts of a request. None when the scheme is another, the authority is no host and port, or it is too long.
    pub fn of(scheme: &str, authority: &str, path: &str, query: Option<&str>) -> Option<Self> {
        let mut text = String::with_capacity(scheme.len() + authority.len() + path.len() + 16);
        let default = match scheme {
            "http" => "80",
            "https" => "443",
            _ => return None,
        };
        text.push_str(scheme);
        text.push_str("://");
        let (host, port) = split_port(authority)?;
        text.extend(host.chars().map(|letter| letter.to_ascii_lowercase()));
        let number = port.trim_start_matches('0');
        // Port 0 is no port at all, but is not left out either: an origin sees it in `Host`, and may name it to all.
        let port = if number.is_empty() && !port.is_empty() { "0" } else { number };
        if !port.is_empty() && port != default {
            text.push(':');
            text.push_str(port);
        }
        let path_at = text.len();
        text.push_str(if path.is_empty() { "/" } else { path });
        if let Some(query) = query {
            text.push('?');
            text.push_str(query);
        }
        (text.len() <= ADDRESS_BYTES_MAX).then_some(Self { text, path_at })
    }

    /// All of it: `https://shop.example:8443/cart?x=1`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Scheme, host and port: `https://shop.example:8443` (RFC 6454).
    pub fn origin(&self) -> &str {
        &self.text[..self.path_at]
    }

    /// Host and port, as `Host` says them: `shop.example:8443`.
    pub fn authority(&self) -> &str {
        self.origin().split_once("://").map_or("", |(_, authority)| authority)
    }

    /// The same without the dot that its host may end in. With it another key is meant, for an origin may answer otherwise; but it is
    /// the same host (RFC 1034 section 3.1), so that whoever purges one means both.
    pub fn undotted(&self) -> Cow<'_, Self> {
        let origin = self.origin();
        let inside = origin.find(".:").filter(|_| !origin.contains('['));
        let Some(dot) = inside.or_else(|| origin.ends_with('.').then(|| origin.len() - 1)) else {
            return Cow::Borrowed(self);
        };
        let text = [&self.text[..dot], &self.text[dot + 1..]].concat();
        Cow::Owned(Self { text, path_at: self.path_at - 1 })
    }

    /// The same with another query. None when it is too long.
    pub fn with_query(&self, query: Option<&str>) -> Option<Self> {
        let mut text = self.text[..self.path_at + self.path().len()].to_owned();
        if let Some(query) = query {
            text.push('?');
            text.push_str(query);
        }
        (text.len() <= ADDRESS_BYTES_MAX).then_some(Self { text, path_at: self.path_at })
    }

    /// The path, never empty.
    pub fn path(&self) -> &str {
        self.parts().0
    }

    /// The query, without its question mark.
    pub fn query(&self) -> Option<&str> {
        self.parts().1
    }

    fn parts(&self) -> (&str, Option<&str>) {
        let rest = &self.text[self.path_at..];
        rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)))
    }

    /// The address that a reference in a response means (RFC 3986 section 5.2.2); none when it is no such address.
    pub fn resolve(&self, reference: &str) -> Option<Self> {
        let reference = reference.trim();
        let reference = reference.split_once('#').map_or(reference, |(before, _)| before);
        if !reference.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let (scheme, rest) = match split_scheme(reference) {
            Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
            None => (self.text.split(':').next()?.to_owned(), reference),
        };
        if let Some(rest) = rest.strip_prefix("//") {
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            let (path, query) = split_query(&rest[end..]);
            return Self::of(&scheme, &rest[..end], &without_dots(path), query);
        }
        if rest.len() != reference.len() {
            return None;
        }
        let authority = self.authority();
        let (path, query) = split_query(rest);
        match path {
            "" => Self::of(&scheme, authority, self.path(), query.or(self.query())),
            path if path.starts_with('/') => Self::of(&scheme, authority, &without_dots(path), query),
            path => {
                let folder = self.path().rsplit_once('/').map_or("", |(folder, _)| folder);
                Self::of(&scheme, authority, &without_dots(&format!("{folder}/{path}")), query)
            }
        }
    }
}

fn split_query(rest: &str) -> (&str, Option<&str>) {
    rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)))
}

/// `host:port`, the port empty when there is none. User information is refused: nothing honest sends it.
/// A URL that people wrote, what is not ASCII in it encoded as clients do.
pub fn encoded(url: &str) -> String {
    url.bytes().fold(String::with_capacity(url.len()), |mut encoded, byte| {
        if byte.is_ascii() {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

fn split_port(authority: &str) -> Option<(&str, &str)> {
    let (host, port) = match authority.rfind(':').filter(|colon| !authority[*colon..].contains(']')) {
        Some(colon) => (&authority[..colon], &authority[colon + 1..]),
        None => (authority, ""),
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%".contains(&byte);
    let valid = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(literal) => literal.bytes().all(|byte| plain(byte) || byte == b':'),
        None => host.bytes().all(plain),
    };
    (valid && !host.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())).then_some((host, port))
}

/// The scheme of an absolute reference and what follows its colon.
fn split_scheme(reference: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = reference.split_once(':')?;
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    (scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && scheme.bytes().all(valid))
        .then_some((scheme, rest))
}

/// Takes `.` and `..` out of a path (RFC 3986 section 5.2.4).
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let segments = path.split('/').skip(1);
    let mut ends_in_folder = false;
    for segment in segments {
        ends_in_folder = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    if ends_in_folder {
        kept.push("");
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9111_2_the_key_is_the_normalised_url() {
        for (scheme, authority, path, query, expected) in [
            ("http", "Shop.Example", "/", None, Some("http://shop.example/")),
            ("http", "shop.example:80", "/a", Some("b=1"), Some("http://shop.example/a?b=1")),
            ("https", "shop.example:443", "", None, Some("https://shop.example/")),
            ("https", "shop.example:", "/", None, Some("https://shop.example/")),
            ("https", "shop.example:80", "/", None, Some("https://shop.example:80/")),
            ("http", "shop.example:0", "/", None, Some("http://shop.example:0/")),
            ("http", "shop.example:0080", "/", None, Some("http://shop.example/")),
            ("http", "shop.example.", "/", None, Some("http://shop.example./")),
            ("https", "[2001:DB8::1]:8443", "/", None, Some("https://[2001:db8::1]:8443/")),
            ("https", "[2001:db8::1]", "/%41//./x", Some(""), Some("https://[2001:db8::1]/%41//./x?")),
            ("ftp", "a", "/", None, None),
            ("http", "", "/", None, None),
            ("http", "user@a", "/", None, None),
            ("http", "a:b", "/", None, None),
            ("http", "a/b", "/", None, None),
            ("http", "[a", "/", None, None),
        ] {
            let address = Address::of(scheme, authority, path, query);
            assert_eq!(address.as_ref().map(Address::as_str), expected, "{scheme} {authority}");
        }
        assert_eq!(Address::of("http", "a", &"/".repeat(ADDRESS_BYTES_MAX), None), None);
        let address = Address::of("https", "a:1", "/b", Some("c?d")).unwrap();
        assert_eq!((address.origin(), address.path(), address.query()), ("https://a:1", "/b", Some("c?d")));
        let with = |query| address.with_query(query).map(|address| address.as_str().to_owned());
        assert_eq!(with(Some("e")).as_deref(), Some("https://a:1/b?e"));
        assert_eq!(with(None).as_deref(), Some("https://a:1/b"));
        assert_eq!(with(Some(&"e".repeat(ADDRESS_BYTES_MAX))), None);
    }

    #[test]
    fn rfc3986_5_4_references() {
        let base = Address::of("http", "a", "/b/c/d;p", Some("q")).unwrap();
        for (reference, expected) in [
            ("g", Some("http://a/b/c/g")),
            ("./g", Some("http://a/b/c/g")),
            ("g/", Some("http://a/b/c/g/")),
            ("/g", Some("http://a/g")),
            ("//g", Some("http://g/")),
            ("?y", Some("http://a/b/c/d;p?y")),
            ("g?y", Some("http://a/b/c/g?y")),
            ("#s", Some("http://a/b/c/d;p?q")),
            ("", Some("http://a/b/c/d;p?q")),
            (".", Some("http://a/b/c/")),
            ("..", Some("http://a/b/")),
            ("../g", Some("http://a/b/g")),
            ("../../../g", Some("http://a/g")),
            ("/./g/../h", Some("http://a/h")),
            ("HTTPS://B:443/x#f", Some("https://b/x")),
            ("http://a:80", Some("http://a/")),
            ("http:g", None),
            ("mailto:x@y", None),
            ("/a b", None),
            ("http://u@h/", None),
        ] {
            let got = base.resolve(reference);
            assert_eq!(got.as_ref().map(Address::as_str), expected, "{reference:?}");
        }
    }
}
