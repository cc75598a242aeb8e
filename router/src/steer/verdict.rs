//! What a policy says, in steering's own words.
//!
//! Owns the verdict of one policy and the advice that several of them add up to. The sandbox in `policy` converts
//! the guest's answer to these types and has checked indices and header bytes; nothing here knows of Wasm.

use crate::base::RegionSet;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use smallvec::SmallVec;
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
    /// What becomes of the pin.
    pub pin: PinAction,
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
    /// action win, edits run in order, the shortest timeout holds.
    pub fn merge(&mut self, later: Self) {
        self.fence = match (self.fence, later.fence) {
            (Some(ours), Some(theirs)) => Some(ours.intersect(theirs)),
            (ours, theirs) => ours.or(theirs),
        };
        if self.order.is_empty() {
            self.order = later.order;
            self.strict = later.strict;
        }
        if self.pin == PinAction::Keep {
            self.pin = later.pin;
        }
        self.edits.extend(later.edits);
        self.timeout = match (self.timeout, later.timeout) {
            (Some(ours), Some(theirs)) => Some(ours.min(theirs)),
            (ours, theirs) => ours.or(theirs),
        };
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
    fn a_fence_alone_leaves_order_and_pin_to_later_policies() {
        let mut fence = advice(&[], Some(&[1]));
        let bind = PinAction::Bind { payload: Bytes::from_static(b"x"), ttl: None };
        fence.merge(Advice { pin: bind.clone(), strict: true, ..advice(&[1], None) });
        assert_eq!((fence.order.as_slice(), fence.strict, fence.pin), ([1].as_slice(), true, bind));
    }
}
