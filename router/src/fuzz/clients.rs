//! What clients and proxies say of a client: forwarding fields, and the session's token in a cookie.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use ipnet::IpNet;

use super::NOW;
use crate::base::Timestamp;
use crate::geo::forwarded::client_address;
use crate::steer::affinity::{Keys, PAYLOAD_MAX, Terms, cookie};

/// The proxy that is trusted, the client that it saw, and a peer that is not trusted.
const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 1));
const SEEN: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));

/// `Forwarded` and `X-Forwarded-For`: no text of a client moves what a trusted proxy wrote behind it.
pub(super) fn forwarded(input: &[u8]) {
    let lines: Vec<&[u8]> = input.split(|byte| *byte == b'\n').collect();
    let trusted: [IpNet; 1] = [IpNet::from(PROXY)];
    assert_eq!(client_address(SEEN, &trusted, &lines, &lines), SEEN, "a stranger is the client, whatever it writes");
    for (forwarded, other) in [(&lines[..], &[][..]), (&[], &lines[..])] {
        let found = client_address(PROXY, &trusted, forwarded, other);
        assert_eq!(found, found.to_canonical());
    }
    // As a proxy appends: to the last line, or as a line of its own.
    let same_line = |ours: &[u8]| {
        let (last, before) = lines.split_last().expect("there is a line, if an empty one");
        let last = [last, &b", "[..], ours].concat();
        (before.to_vec(), last)
    };
    let (before, last) = same_line(b"for=203.0.113.9;proto=https");
    let appended: Vec<&[u8]> = before.into_iter().chain([&last[..]]).collect();
    assert_eq!(client_address(PROXY, &trusted, &appended, &[]), SEEN);
    let (before, last) = same_line(b"203.0.113.9");
    let appended: Vec<&[u8]> = before.into_iter().chain([&last[..]]).collect();
    assert_eq!(client_address(PROXY, &trusted, &[], &appended), SEEN);
    let with_line = |ours| lines.iter().copied().chain([ours]).collect::<Vec<&[u8]>>();
    assert_eq!(client_address(PROXY, &trusted, &with_line(b"for=\"203.0.113.9:1\""), &[]), SEEN);
    assert_eq!(client_address(PROXY, &trusted, &[], &with_line(b"203.0.113.9:1")), SEEN);
}

/// The session's token: nothing is honoured that was not signed, and what was signed is read as it was written.
pub(super) fn token(input: &[u8]) {
    let keys = Keys::new([("k", &[7; 32][..])]).expect("it is a key");
    let terms = Terms { service: "shop", idle: Duration::MAX, lifetime: Duration::MAX };
    if let Ok(text) = std::str::from_utf8(input) {
        assert!(keys.decode(text, &terms, NOW).is_err(), "an input cannot hold a signature of this key");
    }
    for value in cookie::values(input.split(|byte| *byte == b'\n'), "__Host-portolan", true) {
        assert_eq!(value, value.trim_ascii());
        assert!(!value.contains(';'));
    }
    // The content behind a good signature, as a PoP of another version might write it.
    let text = keys.seal(input);
    let later = Timestamp(NOW.0.max(1));
    if let Ok(token) = keys.decode(&text, &terms, later) {
        assert!(token.last_used.0 <= NOW.0 + 60_000 && token.session_started.0 <= NOW.0 + 60_000);
        if token.payload.len() <= PAYLOAD_MAX {
            assert_eq!(keys.encode(&token, "shop").expect("it has room"), text, "there is one way to write a token");
        }
        assert!(keys.decode(&text, &Terms { service: "other", ..terms }, later).is_err());
    }
    // One changed bit is enough.
    let mut forged = text.into_bytes();
    if let Some(first) = forged.first_mut() {
        *first = if *first == b'A' { b'B' } else { b'A' };
        let forged = std::str::from_utf8(&forged).expect("it is ASCII");
        assert!(keys.decode(forged, &terms, later).is_err());
    }
}
