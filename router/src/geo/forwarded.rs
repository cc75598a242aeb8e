//! Which address the client has when it comes through proxies that we trust.
//! Owns: reading `Forwarded` (RFC 7239) and `X-Forwarded-For`, and how far back they are believed.
//! Never: looks at a header of a peer that is not trusted; decides who is trusted (that is configuration).
//! Called by: the data plane, per request, on listeners behind trusted proxies. Pure.

use std::net::IpAddr;

use ipnet::IpNet;

/// Hops looked at. Real chains have two or three; a longer one is an attack or a loop.
pub const HOPS_MAX: usize = 64;

/// The client's address.
///
/// An untrusted peer is the client, whatever it writes. Behind a trusted peer the hops are walked from the nearest (the
/// right) and the first that is not trusted is the client; a hop that cannot be read (obfuscated, `unknown`, malformed)
/// ends the walk at the last address that is certain. When all hops are trusted the farthest is the client.
///
/// `Forwarded` is taken alone when there is any line of it. A trusted proxy must therefore set or remove both headers:
/// one that only appends to `X-Forwarded-For` and hands the client's own `Forwarded` on lets the client choose its address.
#[must_use]
pub fn client_address(peer: IpAddr, trusted: &[IpNet], forwarded: &[&[u8]], x_forwarded_for: &[&[u8]]) -> IpAddr {
    let believed = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer.to_canonical();
    if !believed(&client) {
        return client;
    }
    let quotes = !forwarded.is_empty();
    let lines = if quotes { forwarded } else { x_forwarded_for };
    let elements = lines.iter().rev().flat_map(|line| FromRight { rest: Some(line), separator: b',', quotes });
    for element in elements.take(HOPS_MAX) {
        // RFC 9110 section 5.6.1.2: a recipient ignores empty list elements.
        if element.is_empty() {
            continue;
        }
        match if quotes { forwarded_for(element) } else { node(element) } {
            Some(address) => client = address,
            None => return client,
        }
        if !believed(&client) {
            return client;
        }
    }
    client
}

/// The pieces of a list, trimmed, from the right; a separator inside a quoted string does not part.
///
/// From the right, because there stands what the trusted proxies wrote: nothing that a client put in front, such as a
/// quoted string without end, can move the boundaries of the later pieces.
struct FromRight<'a> {
    rest: Option<&'a [u8]>,
    separator: u8,
    quotes: bool,
}

impl<'a> Iterator for FromRight<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.rest.take()?;
        let mut quoted = false;
        for (at, byte) in text.iter().enumerate().rev() {
            if self.quotes && *byte == b'"' {
                // The end of a string opens it here; inside, a quote behind an odd number of backslashes is escaped.
                let backslashes = text[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
                quoted = !quoted || backslashes % 2 == 1;
            } else if !quoted && *byte == self.separator {
                self.rest = Some(&text[..at]);
                return Some(text[at + 1..].trim_ascii());
            }
        }
        Some(text.trim_ascii())
    }
}

/// The address in the `for` parameter of one element. Nothing when it is missing, given twice (RFC 7239 section 4 forbids
/// it) or no address.
fn forwarded_for(element: &[u8]) -> Option<IpAddr> {
    let mut found = None;
    for pair in (FromRight { rest: Some(element), separator: b';', quotes: true }) {
        let Some(equals) = pair.iter().position(|byte| *byte == b'=') else {
            if pair.is_empty() { continue } else { return None }
        };
        let (name, value) = (&pair[..equals], &pair[equals + 1..]);
        if name.eq_ignore_ascii_case(b"for") && found.replace(value).is_some() {
            return None;
        }
    }
    match found? {
        [b'"', inner @ .., b'"'] => node(&unescaped(inner)),
        token => node(token),
    }
}

fn unescaped(quoted: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(quoted.len());
    let mut bytes = quoted.iter();
    while let Some(byte) = bytes.next() {
        let byte = if *byte == b'\\' { bytes.next() } else { Some(byte) };
        plain.extend(byte);
    }
    plain
}

/// An address with or without a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
/// IPv6 without brackets is not RFC 7239, but proxies write it and it cannot be misread.
fn node(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?.trim_ascii();
    let address = if let Some(inner) = text.strip_prefix('[') {
        let (address, after) = inner.split_once(']')?;
        if !after.is_empty() && !is_port(after.strip_prefix(':')?) {
            return None;
        }
        IpAddr::V6(address.parse().ok()?)
    } else if let Ok(address) = text.parse() {
        address
    } else {
        let (address, port) = text.split_once(':')?;
        IpAddr::V4(address.parse().ok().filter(|_| is_port(port))?)
    };
    Some(address.to_canonical())
}

/// A port number, or an obfuscated one (RFC 7239 section 6: `_` and letters, digits, `.`, `_`, `-`).
fn is_port(text: &str) -> bool {
    match text.strip_prefix('_') {
        Some(name) => !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)),
        None => (1..=5).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests;
