//! Which headers a policy may touch.
//!
//! Owns the lists of names that stay the host's, and turns a guest's strings into checked names and values. Framing and
//! hop-by-hop headers would let a policy change where a message ends (RFC 9110 section 7.6.1, RFC 9112 section 6);
//! the others say who asked and by which way, which only the host knows. Called by `convert`.

use http::{HeaderName, HeaderValue, header};

/// Connection-specific and framing headers: a policy touches them neither in a request nor in a reply.
const FRAMING: [&str; 11] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// Request headers that the host sets or checks itself. `cookie` carries the pin's token.
const REQUEST: [&str; 9] = [
    "cookie",
    "expect",
    "forwarded",
    "host",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "x-request-id",
];

/// Reply headers that the host sets itself.
const REPLY: [&str; 2] = ["date", "x-request-id"];

/// Prefix of the host's own headers.
const OURS: &str = "portolan-";

/// Name of a request header that a policy may edit.
pub(super) fn request_name(name: &str) -> Result<HeaderName, String> {
    checked(name, &REQUEST)
}

/// Name of a reply header that a policy may set.
pub(super) fn reply_name(name: &str) -> Result<HeaderName, String> {
    checked(name, &REPLY)
}

fn checked(name: &str, hosts: &[&str]) -> Result<HeaderName, String> {
    let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("{name:?} is not a header name"))?;
    let word = parsed.as_str();
    if FRAMING.contains(&word) || hosts.contains(&word) || word.starts_with(OURS) {
        return Err(format!("the header {word} belongs to the host"));
    }
    Ok(parsed)
}

/// The value of a header.
pub(super) fn value(name: &HeaderName, bytes: &[u8]) -> Result<HeaderValue, String> {
    HeaderValue::from_bytes(bytes).map_err(|_| format!("the value of the header {name} has control characters"))
}

/// Refuses a reply that would set the cookie in which the host keeps the session's pin.
pub(super) fn keeps_pin_cookie(name: &HeaderName, value: &HeaderValue, pin_cookie: Option<&str>) -> Result<(), String> {
    let Some(pin_cookie) = pin_cookie else { return Ok(()) };
    let set = value.as_bytes().split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
    if name == header::SET_COOKIE && set == pin_cookie.as_bytes() {
        return Err(format!("the cookie {pin_cookie} belongs to the host"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_hosts_own_names_are_refused_in_any_case() {
        for name in ["Host", "cookie", "Content-Length", "TE", "Portolan-Session-Moved", "x-forwarded-for", "via"] {
            let error = request_name(name).unwrap_err();
            assert_eq!(error, format!("the header {} belongs to the host", name.to_lowercase()));
        }
        for name in ["Transfer-Encoding", "date", "portolan-x"] {
            assert!(reply_name(name).is_err(), "{name}");
        }
        for name in ["", "a b", "x\r\ny", "näme"] {
            assert!(request_name(name).unwrap_err().ends_with("is not a header name"), "{name}");
        }
        for name in ["x-tenant", "authorization", "accept-language"] {
            assert_eq!(request_name(name).unwrap(), name);
        }
        assert_eq!(reply_name("set-cookie").unwrap(), "set-cookie");
    }

    #[test]
    fn values_are_bytes_without_line_ends() {
        let name = HeaderName::from_static("x-a");
        assert_eq!(value(&name, b"caf\xe9").unwrap().as_bytes(), b"caf\xe9");
        for bytes in [&b"a\r\nb: c"[..], b"\0"] {
            assert_eq!(value(&name, bytes).unwrap_err(), "the value of the header x-a has control characters");
        }
    }

    #[test]
    fn the_pins_cookie_cannot_be_set() {
        let name = HeaderName::from_static("set-cookie");
        for (cookie, refused) in [("pin=1; Path=/", true), (" pin =1", true), ("pins=1", false), ("a=pin=1", false)] {
            let outcome = keeps_pin_cookie(&name, &HeaderValue::from_static(cookie), Some("pin"));
            assert_eq!(outcome.is_err(), refused, "{cookie}");
            assert!(keeps_pin_cookie(&name, &HeaderValue::from_static(cookie), None).is_ok());
        }
    }
}
