//! What policies store with a session's pin, shared among them.
//!
//! A pin has one payload, and a route may have several policies; so the payload is a small text of `key=value` lines
//! in which each policy owns its own keys and carries the others' along. Pure; called by policies.

use std::collections::BTreeMap;

/// The payload of a pin as keys and values. Reading never fails: what is not a `key=value` line is dropped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payload {
    lines: BTreeMap<String, String>,
}

impl Payload {
    /// Longest payload, bytes, that the host stores.
    pub const MAX: usize = 256;

    /// Nothing stored.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the bytes of a pin.
    pub fn read(bytes: &[u8]) -> Self {
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        let lines = text.lines().filter_map(|line| line.split_once('='));
        Self { lines: lines.map(|(key, value)| (key.to_owned(), value.to_owned())).collect() }
    }

    /// The value of a key.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.lines.get(key).map(String::as_str)
    }

    /// Stores a value. A key or value that would break the text, or the room, is left out.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        let breaks = |text: &str| text.contains(['\n', '\r']);
        let old = self.lines.remove(key);
        let fits = self.bytes().len() + key.len() + value.len() + 2 <= Self::MAX;
        if fits && !breaks(key) && !breaks(value) && !key.contains('=') {
            self.lines.insert(key.to_owned(), value.to_owned());
        } else if let Some(old) = old {
            self.lines.insert(key.to_owned(), old);
        }
        self
    }

    /// Forgets a key.
    #[must_use]
    pub fn without(mut self, key: &str) -> Self {
        self.lines.remove(key);
        self
    }

    /// The bytes to bind.
    pub fn bytes(&self) -> Vec<u8> {
        let lines = self.lines.iter().map(|(key, value)| format!("{key}={value}"));
        lines.collect::<Vec<_>>().join("\n").into_bytes()
    }
}

impl From<Payload> for Vec<u8> {
    fn from(payload: Payload) -> Self {
        payload.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_share_a_payload() {
        let bytes = Payload::new().with("home", "eu-west").with("canary", "1").bytes();
        assert_eq!(bytes, b"canary=1\nhome=eu-west");
        let payload = Payload::read(&bytes).without("home");
        assert_eq!((payload.value("canary"), payload.value("home")), (Some("1"), None));
    }

    #[test]
    fn nothing_breaks_the_text_or_the_room() {
        let kept = Payload::new().with("a", "1");
        let long = "x".repeat(Payload::MAX);
        for (key, value) in [("a", "2\nb=3"), ("a=b", "1"), ("b\r", "1"), ("b", &long), ("a", &long)] {
            assert_eq!(kept.clone().with(key, value), kept, "{key:?}");
        }
        assert_eq!(Payload::read(&[0xff, b'=', b'1']), Payload::new());
        assert!(kept.with("b", &"x".repeat(250)).bytes().len() <= Payload::MAX);
    }
}
