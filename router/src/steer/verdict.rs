//! What a policy says, in steering's own words.
//!
//! Owns the verdict of one policy and the advice that several of them add up to. The sandbox in `policy` converts
//! the guest's answer to these types and has checked indices and header bytes; nothing here knows of Wasm.

use crate::base::{RegionSet, hash};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use smallvec::SmallVec;
use std::sync::Arc;
use std::time::Duration;

/// Regions in a policy's order, by index in the service's table.
pub type Order = SmallVec<[u8; 8]>;

/// A policy's answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// No opinion.
    Pass,
    /// Where the exchange should go.
    Route(Advice),
    /// An answer in place of the application.
    Respond(Reply),
}

/// Where the exchange should go: one policy's plan, or several merged.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Advice {
    /// Regions, best first; empty is no opinion. No duplicates.
    pub order: Order,
    /// Regions that the exchange must not leave; none is no fence.
    pub fence: Option<RegionSet>,
    /// Only regions in `order` may serve.
    pub strict: bool,
    /// URL of an endpoint: it is tried first when it lies in the region that comes first and serves, whatever the pin says of
    /// endpoints. None is no opinion.
    pub endpoint: Option<Box<str>>,
    /// What becomes of the pin.
    pub pin: PinAction,
    /// What the cache is told; none is nothing. Boxed: few policies say anything, and every advice is moved.
    pub cache: Option<Box<CacheSay>>,
    /// Edits to the request's headers, in order.
    pub edits: Vec<Edit>,
    /// Limit for the whole exchange; it can only shorten the service's own.
    pub timeout: Option<Duration>,
}

/// What becomes of the session's pin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PinAction {
    /// Host default: a live pin goes before the order; the affinity mode rules when its region cannot serve.
    #[default]
    Keep,
    /// Serve by the order, leave the pin as it is.
    Hold,
    /// Serve by the order, end the pin.
    Clear,
    /// Serve by the order, pin the session to the region that serves.
    Bind {
        /// Stored in the token, handed back to policies; at most 256 bytes.
        payload: Bytes,
        /// Lifetime of the pin; none is the service's own.
        ttl: Option<Duration>,
    },
}

/// What policies say to the cache.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CacheSay {
    /// The answer is neither taken from it nor kept.
    pub bypass: bool,
    /// Parts of the key, in the order of the policies.
    pub key: Vec<KeyPart>,
    /// Lifetime of what this exchange brings into the cache.
    pub ttl: Option<Duration>,
}

/// A part that a policy adds to the cache's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPart {
    /// Name of the policy: what two policies say is not the same, though the words are.
    pub policy: Arc<str>,
    /// Up to 256 printable ASCII characters.
    pub text: Box<str>,
}

/// What a policy makes of an origin's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reaction {
    /// Nothing.
    Pass,
    /// Another region should be asked in its place.
    Next,
    /// The answer goes to the client changed.
    Amend(Amendment),
}

/// How an answer is changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Amendment {
    /// Edits to its headers, in order.
    pub edits: Vec<Edit>,
    /// What becomes of the session's pin; to keep is what the plan says.
    pub pin: PinAction,
}

impl Amendment {
    /// Adds what a later policy says; the first that speaks of the pin counts.
    pub fn merge(&mut self, later: Self) {
        self.edits.extend(later.edits);
        if self.pin == PinAction::Keep {
            self.pin = later.pin;
        }
    }
}

/// A session's own key, which a policy reads from the request: a subject, a tenant. It settles choices and reaches no log
/// and no token.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionKey {
    bytes: Vec<u8>,
    /// What a recorded key settled; its bytes are in no record.
    settled: Option<u64>,
}

impl SessionKey {
    /// The key with these bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, settled: None }
    }

    /// A key of which only is known what it settled in a service ([`Self::seed`]).
    pub fn settled(seed: u64) -> Self {
        Self { bytes: Vec::new(), settled: Some(seed) }
    }

    /// The bytes, for its author.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What settles choices in a service: the same in every worker, every PoP and after every restart.
    pub fn seed(&self, service: &str) -> u64 {
        self.settled.unwrap_or_else(|| hash::of(&[b"session-key", service.as_bytes(), &self.bytes]))
    }
}

impl std::fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionKey").finish_non_exhaustive()
    }
}

/// One edit of the request's headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Replace all values.
    Set(HeaderName, HeaderValue),
    /// Add a value.
    Add(HeaderName, HeaderValue),
    /// Remove all values.
    Remove(HeaderName),
}

impl Edit {
    /// Does it.
    pub fn apply(&self, headers: &mut HeaderMap) {
        match self {
            Self::Set(name, value) => drop(headers.insert(name, value.clone())),
            Self::Add(name, value) => drop(headers.append(name, value.clone())),
            Self::Remove(name) => drop(headers.remove(name)),
        }
    }
}

/// An answer given without the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// 200 to 599.
    pub status: StatusCode,
    /// Headers; framing headers are the host's.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Body.
    pub body: Bytes,
}

impl Advice {
    /// Adds a later policy's plan: fences intersect, the first ordering (with its strictness) and the first pin
    /// action win, as does the first endpoint, edits run in order, the shortest timeout holds. Of the cache: see [`CacheSay::merge`].
    pub fn merge(&mut self, later: Self) {
        self.fence = match (self.fence, later.fence) {
            (Some(ours), Some(theirs)) => Some(ours.intersect(theirs)),
            (ours, theirs) => ours.or(theirs),
        };
        if self.order.is_empty() {
            self.order = later.order;
            self.strict = later.strict;
        }
        self.endpoint = self.endpoint.take().or(later.endpoint);
        if self.pin == PinAction::Keep {
            self.pin = later.pin;
        }
        self.cache = match (self.cache.take(), later.cache) {
            (Some(mut ours), Some(theirs)) => {
                ours.merge(*theirs);
                Some(ours)
            }
            (ours, theirs) => ours.or(theirs),
        };
        self.edits.extend(later.edits);
        self.timeout = shorter(self.timeout, later.timeout);
    }
}

impl CacheSay {
    /// Adds what a later policy says: parts of the key in order, any bypass, the shortest lifetime.
    pub fn merge(&mut self, later: Self) {
        self.bypass |= later.bypass;
        self.key.extend(later.key);
        self.ttl = shorter(self.ttl, later.ttl);
    }
}

fn shorter(ours: Option<Duration>, theirs: Option<Duration>) -> Option<Duration> {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => Some(ours.min(theirs)),
        (ours, theirs) => ours.or(theirs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advice(order: &[u8], fence: Option<&[usize]>) -> Advice {
        Advice {
            order: Order::from_slice(order),
            fence: fence.map(|regions| regions.iter().copied().collect()),
            ..Advice::default()
        }
    }

    #[test]
    fn fences_intersect_and_the_first_order_wins() {
        let mut first = advice(&[2, 1], Some(&[0, 1, 2]));
        first.merge(Advice { strict: true, timeout: Some(Duration::from_secs(1)), ..advice(&[0], Some(&[1, 2, 3])) });
        assert_eq!(first.order.as_slice(), [2, 1]);
        assert!(!first.strict, "strictness belongs to the order that won");
        assert_eq!(first.fence, Some([1usize, 2].into_iter().collect()));
        assert_eq!(first.timeout, Some(Duration::from_secs(1)));
    }

    #[test]
    fn of_the_cache_parts_add_up_bypass_wins_and_the_shortest_lifetime_holds() {
        let say = |policy: &str, text: Option<&str>, bypass, ttl: Option<u64>| {
            let part = |text: &str| KeyPart { policy: policy.into(), text: text.into() };
            let key = text.map(part).into_iter().collect();
            Advice {
                cache: Some(Box::new(CacheSay { bypass, key, ttl: ttl.map(Duration::from_secs) })),
                ..Advice::default()
            }
        };
        let mut merged = Advice::default();
        merged.merge(Advice::default());
        assert_eq!(merged.cache, None);
        merged.merge(say("a", Some("x"), false, Some(60)));
        merged.merge(Advice::default());
        merged.merge(say("b", Some("x"), true, None));
        merged.merge(say("c", None, false, Some(30)));
        let said = merged.cache.expect("two policies said something");
        let parts: Vec<_> = said.key.iter().map(|part| (&*part.policy, &*part.text)).collect();
        assert_eq!((parts, said.bypass, said.ttl), (vec![("a", "x"), ("b", "x")], true, Some(Duration::from_secs(30))));
    }

    #[test]
    fn a_fence_alone_leaves_order_and_pin_to_later_policies() {
        let mut fence = advice(&[], Some(&[1]));
        let bind = PinAction::Bind { payload: Bytes::from_static(b"x"), ttl: None };
        fence.merge(Advice { pin: bind.clone(), strict: true, ..advice(&[1], None) });
        assert_eq!((fence.order.as_slice(), fence.strict, fence.pin), ([1].as_slice(), true, bind));
    }
}
