//! The cookie that carries the token.
//!
//! Owns the text of `Set-Cookie` and the search in `Cookie` headers (RFC 6265). Names that begin with `__Host-` are only
//! kept by browsers when the cookie is `Secure`, has `Path=/` and no `Domain`, and `Secure` ones only over TLS (localhost
//! apart, where browsers differ). A service on plain HTTP therefore needs `secure = false`, which drops the prefix.

use std::time::Duration;

/// Prefixes that browsers tie to `Secure`.
const SECURE_PREFIXES: [&str; 2] = ["__Host-", "__Secure-"];

/// The name as sent: as configured, without a prefix that a plain connection would make browsers refuse.
pub fn name(configured: &str, secure: bool) -> &str {
    let bare = SECURE_PREFIXES.iter().find_map(|prefix| configured.strip_prefix(prefix));
    bare.filter(|bare| !secure && !bare.is_empty()).unwrap_or(configured)
}

/// `Set-Cookie` that stores a token until the session would be idle.
pub fn set(configured: &str, token: &str, idle: Duration, secure: bool) -> String {
    let secure_word = if secure { "; Secure" } else { "" };
    let name = name(configured, secure);
    format!("{name}={token}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{secure_word}", idle.as_secs())
}

/// `Set-Cookie` that makes the client forget the token.
pub fn clear(configured: &str, secure: bool) -> String {
    set(configured, "", Duration::ZERO, secure)
}

/// Values of all cookies of the name, in the order of the headers; what is not text is passed over.
pub fn values<'a>(
    headers: impl IntoIterator<Item = &'a [u8]>,
    configured: &str,
    secure: bool,
) -> impl Iterator<Item = &'a str> {
    let name = name(configured, secure);
    headers.into_iter().flat_map(|line| named(line, name)).filter_map(|value| std::str::from_utf8(value).ok())
}

/// The values of one name in one `Cookie` line.
pub fn named<'a>(line: &'a [u8], name: &str) -> impl Iterator<Item = &'a [u8]> {
    pairs(line).filter_map(move |pair| {
        let value = pair.strip_prefix(name.as_bytes())?.trim_ascii_start().strip_prefix(b"=")?;
        Some(value.trim_ascii())
    })
}

/// The pairs of one `Cookie` line, without the spaces around them. A line is often mostly a token, so the separators are
/// sought many bytes at a time.
pub fn pairs(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest?;
        let end = memchr::memchr(b';', line);
        rest = end.and_then(|end| line.get(end + 1..));
        Some(line[..end.unwrap_or(line.len())].trim_ascii())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_set_cookie() {
        let day = Duration::from_secs(86_400);
        assert_eq!(
            set("__Host-portolan", "abc", day, true),
            "__Host-portolan=abc; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(
            set("__Host-portolan", "abc", day, false),
            "portolan=abc; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax"
        );
        assert_eq!(clear("sid", false), "sid=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
        assert_eq!((name("__Secure-a", false), name("__Host-", false), name("a", true)), ("a", "__Host-", "a"));
    }

    #[test]
    fn finds_the_cookie_among_others() {
        for (headers, expected) in [
            (&["p=1"][..], &["1"][..]),
            (&["a=0; p=1; b=2"], &["1"]),
            (&["a=0;p=1;;b=2;"], &["1"]),
            (&["a=0", "p=1; p=2", "p=3"], &["1", "2", "3"]),
            (&["xp=1; p1=2; P=3; p; =p"], &[]),
            (&["p=a=b", "p="], &["a=b", ""]),
            (&["", ";", "p = 1 "], &["1"]),
        ] {
            let found: Vec<&str> = values(headers.iter().map(|header| header.as_bytes()), "__Host-p", false).collect();
            assert_eq!(found, expected, "{headers:?}");
        }
        let raw: [&[u8]; 1] = [b"p=\xff; p=ok"];
        assert_eq!(values(raw, "p", false).collect::<Vec<_>>(), ["ok"]);
    }
}
