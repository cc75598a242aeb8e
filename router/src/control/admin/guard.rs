//! Who may use the admin listener.
//!
//! With a token: whoever shows it, compared in constant time. Without one, which configuration allows on loopback only:
//! programs on this machine, but no web page in a browser on it. A page is recognised by `Host` (DNS rebinding makes it
//! name the page's own host) and by `Origin` and `Sec-Fetch-Site` (a page of another site). Pure.

use http::{HeaderMap, StatusCode, header};
use std::net::IpAddr;

/// Why a request is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Denied {
    /// A token is needed.
    #[error("a token is needed: send `Authorization: Bearer TOKEN` with the `token` of [admin]")]
    NoToken,
    /// The token is another.
    #[error("the token is not the `token` of [admin]")]
    WrongToken,
    /// The request names a host that is not this machine.
    #[error("without a token, the Host header must be a loopback address or localhost")]
    ForeignHost,
    /// The request comes from a web page.
    #[error("requests by web pages of other sites are not answered; set a `token` in [admin] to use one")]
    CrossSite,
}

impl Denied {
    /// The status to answer with.
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::NoToken | Self::WrongToken => StatusCode::UNAUTHORIZED,
            Self::ForeignHost | Self::CrossSite => StatusCode::FORBIDDEN,
        }
    }
}

/// Whether a request with these headers is answered.
pub(super) fn check(headers: &HeaderMap, token: Option<&str>) -> Result<(), Denied> {
    match token {
        Some(token) => bearer(headers, token),
        None => local(headers),
    }
}

fn bearer(headers: &HeaderMap, token: &str) -> Result<(), Denied> {
    let shown = headers.get(header::AUTHORIZATION).ok_or(Denied::NoToken)?.as_bytes();
    let (scheme, shown) = shown.split_at_checked(7).ok_or(Denied::NoToken)?;
    if !scheme.eq_ignore_ascii_case(b"bearer ") {
        return Err(Denied::NoToken);
    }
    let same = aws_lc_rs::constant_time::verify_slices_are_equal(shown.trim_ascii(), token.as_bytes());
    same.map_err(|_| Denied::WrongToken)
}

fn local(headers: &HeaderMap) -> Result<(), Denied> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).ok_or(Denied::ForeignHost)?;
    if !is_loopback(host) {
        return Err(Denied::ForeignHost);
    }
    let site = headers.get("sec-fetch-site").map(|site| site.as_bytes());
    if site.is_some_and(|site| site != b"same-origin" && site != b"none") {
        return Err(Denied::CrossSite);
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let same = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://")).is_some_and(|from| from == host);
    if same { Ok(()) } else { Err(Denied::CrossSite) }
}

/// Whether a `Host` names this machine by a name that no name server can give away.
fn is_loopback(host: &str) -> bool {
    let Ok(authority) = host.parse::<http::uri::Authority>() else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    type Case<'a> = (&'a [(&'a str, &'a str)], Result<(), Denied>);

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (name.parse::<http::HeaderName>().unwrap(), value.parse::<http::HeaderValue>().unwrap())
        };
        lines.iter().map(pair).collect()
    }

    #[test]
    fn a_token_opens_from_anywhere() {
        let cases: [Case<'_>; 7] = [
            (&[("authorization", "Bearer s3cret")], Ok(())),
            (&[("authorization", "bearer s3cret"), ("host", "edge.example")], Ok(())),
            (&[("host", "127.0.0.1:9900")], Err(Denied::NoToken)),
            (&[("authorization", "Basic czNjcmV0")], Err(Denied::NoToken)),
            (&[("authorization", "Bea")], Err(Denied::NoToken)),
            (&[("authorization", "Bearer s3cre")], Err(Denied::WrongToken)),
            (&[("authorization", "Bearer s3cretx")], Err(Denied::WrongToken)),
        ];
        for (lines, expected) in cases {
            assert_eq!(check(&headers(lines), Some("s3cret")), expected, "{lines:?}");
        }
    }

    #[test]
    fn without_a_token_programs_may_and_pages_may_not() {
        let cases: [Case<'_>; 11] = [
            (&[("host", "127.0.0.1:9900")], Ok(())),
            (&[("host", "localhost")], Ok(())),
            (&[("host", "[::1]:9900")], Ok(())),
            (&[("host", "127.0.0.1:9900"), ("sec-fetch-site", "none")], Ok(())),
            (&[("host", "127.0.0.1:9900"), ("origin", "http://127.0.0.1:9900")], Ok(())),
            (&[], Err(Denied::ForeignHost)),
            (&[("host", "rebound.example:9900")], Err(Denied::ForeignHost)),
            (&[("host", "localhost.example")], Err(Denied::ForeignHost)),
            (&[("host", "127.0.0.1:9900"), ("origin", "https://evil.example")], Err(Denied::CrossSite)),
            (&[("host", "127.0.0.1:9900"), ("origin", "null")], Err(Denied::CrossSite)),
            (&[("host", "127.0.0.1:9900"), ("sec-fetch-site", "cross-site")], Err(Denied::CrossSite)),
        ];
        for (lines, expected) in cases {
            assert_eq!(check(&headers(lines), None), expected, "{lines:?}");
        }
    }
}
