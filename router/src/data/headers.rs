//! Hygiene of headers on their way through: what ends at this hop, what this hop adds.
//!
//! Owns the hop-by-hop rules (RFC 9110, section 7.6.1), `Forwarded` (RFC 7239), `X-Forwarded-*`, `Via`, the request id,
//! and the `portolan-*` headers. Pure edits of header maps; called by `exchange` in both directions.

use crate::cache::settings::COUNTRY;
use crate::cache::{fields, key};
use crate::decide::facts::{Client, Scheme};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// Headers that end at this hop whatever `Connection` says (RFC 9110, 7.6.1; the last two by long custom).
static HOP_BY_HOP: [HeaderName; 5] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::UPGRADE,
];

/// `x-forwarded-for`.
pub(super) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// `x-forwarded-proto`.
pub(super) const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// `x-forwarded-host`.
pub(super) const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// `x-request-id`.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Tells the origin that the session was pinned elsewhere: `from=<region>; reason=<why>`.
pub(super) const SESSION_MOVED: HeaderName = HeaderName::from_static("portolan-session-moved");
/// Tells the origin which PoP speaks.
pub(super) const PORTOLAN_POP: HeaderName = HeaderName::from_static("portolan-pop");
/// Tells the origin which region it was taken for.
pub(super) const PORTOLAN_REGION: HeaderName = HeaderName::from_static("portolan-region");
/// Tells the origin the client's country.
pub(super) const PORTOLAN_COUNTRY: HeaderName = COUNTRY;
/// Asked by a trusted client; answered with the decision.
pub(super) const PORTOLAN_DECISION: HeaderName = HeaderName::from_static("portolan-decision");
/// Asked by any client; answered with `server-timing`.
pub(super) const PORTOLAN_TIMING: HeaderName = HeaderName::from_static("portolan-timing");

/// What every name in `OURS` begins with.
const OUR_PREFIX: &str = "portolan-";
/// Every header that only this router may write towards an origin.
static OURS: [HeaderName; 6] =
    [SESSION_MOVED, PORTOLAN_POP, PORTOLAN_REGION, PORTOLAN_COUNTRY, PORTOLAN_DECISION, PORTOLAN_TIMING];

/// What a look at all names of a head shows. Most messages carry nothing that this hop has to touch, and a look at their
/// few names is cheaper than hashing each of ours.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Survey {
    /// A field that ends at this hop, or names others that do.
    pub(super) hop_by_hop: bool,
    /// A field that this hop adds to, replaces, or listens to: `Forwarded`, `X-Forwarded-*`, `Via`, `X-Request-Id`, ours.
    pub(super) told: bool,
    /// A field that must not reach an origin through a cache unless it is part of the key.
    pub(super) unkeyed: bool,
}

impl Survey {
    /// Looks at all names.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        headers.keys().fold(Self::default(), |seen, name| {
            let one = Self::of_name(name);
            Self {
                hop_by_hop: seen.hop_by_hop | one.hop_by_hop,
                told: seen.told | one.told,
                unkeyed: seen.unkeyed | one.unkeyed,
            }
        })
    }

    /// Looks at one name.
    pub(super) fn of_name(name: &HeaderName) -> Self {
        let text = name.as_str();
        let first = text.as_bytes().first();
        let told = match first {
            Some(b'p') => text.starts_with(OUR_PREFIX),
            Some(b'f' | b'v') => name == header::FORWARDED || name == header::VIA,
            Some(b'x') => text.starts_with("x-forwarded-") || name == X_REQUEST_ID,
            _ => false,
        };
        Self {
            hop_by_hop: matches!(first, Some(b'c' | b'k' | b'p' | b't' | b'u')) && HOP_BY_HOP.contains(name),
            told,
            unkeyed: key::has_underscore(name) || (matches!(first, Some(b'f' | b'x')) && key::is_unkeyed(name)),
        }
    }
}

/// What an upgrade asks for, when the request asks for one that we have part in (RFC 9110, section 7.8). Not for `h2c`: behind it
/// requests would pass that nobody looked at, and RFC 9113, section 3.1, has given it up.
fn upgrade_of(headers: &HeaderMap) -> Option<HeaderValue> {
    let asked = headers.get_all(header::CONNECTION).iter().any(|value| has_token(value, "upgrade"));
    headers.get(header::UPGRADE).filter(|protocol| asked && !has_token(protocol, "h2c")).cloned()
}

/// Takes from a request what ends at this hop. An upgrade goes on, for the tunnel leads through.
pub(super) fn end_hop(headers: &mut HeaderMap) {
    let upgrade = upgrade_of(headers);
    strip_hop_by_hop(headers);
    if let Some(protocol) = upgrade {
        set_upgrade(headers, protocol);
    }
}

/// Whether a comma-separated header value holds the token, whatever its case.
fn has_token(value: &HeaderValue, token: &str) -> bool {
    value.as_bytes().split(|byte| *byte == b',').any(|part| part.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

/// Removes what ends at this hop, the headers named by `Connection` included.
pub(super) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(header::CONNECTION) {
        for name in named(headers).collect::<Vec<_>>() {
            // Framing is not a hop's to name away, and losing Host would change the request.
            if name != header::CONTENT_LENGTH && name != header::HOST && name != header::TRANSFER_ENCODING {
                headers.remove(name);
            }
        }
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

/// The fields that `Connection` names.
fn named(headers: &HeaderMap) -> impl Iterator<Item = HeaderName> + '_ {
    let lines = headers.get_all(header::CONNECTION).iter();
    let names = lines.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    names
        // What nearly every response says. It names no field, or one that goes anyway.
        .filter(|name| !name.eq_ignore_ascii_case(b"keep-alive") && !name.eq_ignore_ascii_case(b"close"))
        .filter_map(|name| HeaderName::from_bytes(name).ok())
}

/// Whether `Connection` takes fields off a response that a cache judges it by.
pub(super) fn is_abridged(response: &HeaderMap) -> bool {
    named(response).any(|name| fields::is_judged(&name) && response.contains_key(&name))
}

/// Puts an upgrade back after hop-by-hop headers were removed.
pub(super) fn set_upgrade(headers: &mut HeaderMap, protocol: HeaderValue) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, protocol);
}

/// What this hop tells an origin about the request. Made once per exchange; attempts share it.
pub(super) struct Hop<'a> {
    /// The client.
    pub(super) client: &'a Client,
    /// Address of the connection's peer as a `Forwarded` node: `192.0.2.1` or `"[2001:db8::1]"`.
    pub(super) peer_node: &'a str,
    /// Address of the connection's peer as text.
    pub(super) peer_text: &'a str,
    /// Scheme towards this PoP.
    pub(super) scheme: Scheme,
    /// Name of this PoP.
    pub(super) pop: &'a HeaderValue,
    /// `Via` element of this hop for the request.
    pub(super) via: &'a HeaderValue,
}

/// Writes what this hop adds to a request. What an untrusted peer claimed about forwarding is dropped.
pub(super) fn add_forwarding(headers: &mut HeaderMap, hop: &Hop<'_>) {
    if headers.keys().any(|name| name.as_str().starts_with(OUR_PREFIX)) {
        for name in &OURS {
            headers.remove(name);
        }
    }
    let host = headers.get(header::HOST).cloned();
    if !hop.client.trusted {
        headers.remove(header::FORWARDED);
        headers.remove(X_FORWARDED_FOR);
        headers.remove(X_FORWARDED_PROTO);
        headers.remove(X_FORWARDED_HOST);
    }
    // A trusted proxy may have written only one of the two: the other must name the client all the same.
    let client = (hop.client.ip_text.as_ref() != hop.peer_text).then_some(&*hop.client.ip_text);
    let mut element = String::with_capacity(96);
    if let Some(client) = client.filter(|_| !headers.contains_key(header::FORWARDED)) {
        let node = if hop.client.ip.is_ipv6() { format!("\"[{client}]\"") } else { client.to_owned() };
        element.push_str(&format!("for={node}, "));
    }
    element.push_str("for=");
    element.push_str(hop.peer_node);
    element.push_str(";proto=");
    element.push_str(hop.scheme.as_str());
    if let Some(host) = host.as_ref().and_then(|host| host.to_str().ok()) {
        element.push_str(";host=");
        push_quoted_if_needed(&mut element, host);
    }
    append_text(headers, &header::FORWARDED, &element);
    match client.filter(|_| !headers.contains_key(X_FORWARDED_FOR)) {
        Some(client) => append_text(headers, &X_FORWARDED_FOR, &format!("{client}, {}", hop.peer_text)),
        None => append_text(headers, &X_FORWARDED_FOR, hop.peer_text),
    }
    if !headers.contains_key(X_FORWARDED_PROTO) {
        headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(hop.scheme.as_str()));
    }
    if let (Some(host), false) = (host, headers.contains_key(X_FORWARDED_HOST)) {
        headers.insert(X_FORWARDED_HOST, host);
    }
    headers.append(header::VIA, hop.via.clone());
    headers.insert(PORTOLAN_POP, hop.pop.clone());
    if let Some(country) = hop.client.texts.country.as_deref().and_then(|text| HeaderValue::from_str(text).ok()) {
        headers.insert(PORTOLAN_COUNTRY, country);
    }
}

/// Appends to a comma-separated list header, on one line.
fn append_text(headers: &mut HeaderMap, name: &HeaderName, element: &str) {
    let joined = match headers.get(name) {
        None => HeaderValue::from_str(element),
        Some(_) => {
            let mut all = Vec::with_capacity(element.len() * 2);
            for value in headers.get_all(name) {
                all.extend_from_slice(value.as_bytes());
                all.extend_from_slice(b", ");
            }
            all.extend_from_slice(element.as_bytes());
            HeaderValue::from_bytes(&all)
        }
    };
    if let Ok(value) = joined {
        headers.insert(name, value);
    }
}

/// Adds a `Forwarded` value, quoted when it is not a token (RFC 7239, section 4).
fn push_quoted_if_needed(text: &mut String, value: &str) {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if value.bytes().all(token) {
        text.push_str(value);
        return;
    }
    text.push('"');
    for character in value.chars() {
        if matches!(character, '"' | '\\') {
            text.push('\\');
        }
        text.push(character);
    }
    text.push('"');
}

/// Whether this PoP already stands in `Via`: the request runs in a circle.
pub(super) fn is_loop(headers: &HeaderMap, pop: &str) -> bool {
    headers.get_all(header::VIA).iter().any(|value| {
        value.as_bytes().split(|byte| *byte == b',').any(|element| {
            let mut words = element.trim_ascii().split(|byte| *byte == b' ');
            words.nth(1).is_some_and(|pseudonym| pseudonym == pop.as_bytes())
        })
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::geo::{Place, PlaceSource};

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    fn forwarded(headers: &mut HeaderMap, trusted: bool, client: &str) {
        let client = Client::new(client.parse().unwrap(), Place::unknown(PlaceSource::Pop), trusted);
        let hop = Hop {
            client: &client,
            peer_node: "192.0.2.7",
            peer_text: "192.0.2.7",
            scheme: Scheme::Https,
            pop: &HeaderValue::from_static("fra1"),
            via: &HeaderValue::from_static("1.1 fra1"),
        };
        add_forwarding(headers, &hop);
    }

    #[test]
    fn a_survey_sees_every_field_that_this_hop_touches() {
        let seen =
            |name: &HeaderName| Survey::of(&[(name.clone(), HeaderValue::from_static("1"))].into_iter().collect());
        for name in &HOP_BY_HOP {
            assert_eq!(seen(name), Survey { hop_by_hop: true, ..Survey::default() }, "{name}");
        }
        let told = [header::FORWARDED, X_FORWARDED_FOR, X_FORWARDED_PROTO, X_FORWARDED_HOST, header::VIA, X_REQUEST_ID];
        for name in told.iter().chain(&OURS) {
            assert_eq!(
                seen(name),
                Survey { told: true, unkeyed: *name == X_FORWARDED_HOST, ..Survey::default() },
                "{name}"
            );
        }
        for name in ["x-host", "x-http-method-override", "front-end-https"] {
            let unkeyed = Survey { unkeyed: true, ..Survey::default() };
            assert_eq!(seen(&HeaderName::from_static(name)), unkeyed, "{name}");
        }
        for name in ["host", "content-length", "cookie", "x-country", "priority", "vary", "from", "te-x", "upgrade-x"] {
            assert_eq!(seen(&HeaderName::from_static(name)), Survey::default(), "{name}");
        }
    }

    #[test]
    fn hop_by_hop_headers_end_here() {
        let mut headers = map(&[
            ("connection", "close, X-Secret , content-length, host"),
            ("x-secret", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("upgrade", "websocket"),
            ("content-length", "3"),
            ("host", "a"),
            ("accept", "*/*"),
        ]);
        strip_hop_by_hop(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["accept", "content-length", "host"]);
    }

    #[test]
    fn what_a_cache_goes_by_is_not_named_away_unseen() {
        let names = |named| is_abridged(&map(&[("connection", named), ("cache-control", "private"), ("x-hop", "1")]));
        assert!(names("close, Cache-Control"));
        assert!(!names("x-hop"));
        assert!(!names("vary"), "there is none");
        assert!(!is_abridged(&map(&[("cache-control", "private")])));
    }

    #[test]
    fn an_upgrade_needs_both_headers() {
        assert_eq!(upgrade_of(&map(&[("upgrade", "websocket")])), None);
        let asked = map(&[("upgrade", "websocket"), ("connection", "keep-alive, Upgrade")]);
        assert_eq!(upgrade_of(&asked).unwrap(), "websocket");
    }

    #[test]
    fn claims_of_untrusted_peers_are_dropped() {
        let claims = [
            ("host", "shop.example:8443"),
            ("x-forwarded-for", "1.2.3.4"),
            ("forwarded", "for=1.2.3.4"),
            ("x-forwarded-proto", "http"),
            ("portolan-session-moved", "from=nowhere"),
        ];
        let mut headers = map(&claims);
        forwarded(&mut headers, false, "192.0.2.7");
        assert_eq!(headers["x-forwarded-for"], "192.0.2.7");
        assert_eq!(headers["forwarded"], "for=192.0.2.7;proto=https;host=\"shop.example:8443\"");
        assert_eq!(headers["x-forwarded-proto"], "https");
        assert!(!headers.contains_key("portolan-session-moved"));
        let mut headers = map(&claims);
        headers.remove("forwarded");
        forwarded(&mut headers, true, "1.2.3.4");
        assert_eq!(headers["x-forwarded-for"], "1.2.3.4, 192.0.2.7");
        assert_eq!(headers["x-forwarded-proto"], "http");
        assert_eq!(headers["forwarded"], "for=1.2.3.4, for=192.0.2.7;proto=https;host=\"shop.example:8443\"");
        assert_eq!(headers["via"], "1.1 fra1");
    }

    #[test]
    fn a_circle_is_seen() {
        assert!(is_loop(&map(&[("via", "1.1 other, 1.1 fra1")]), "fra1"));
        assert!(!is_loop(&map(&[("via", "1.1 fra10, HTTP/1.1 x")]), "fra1"));
    }
}
