//! What is kept of a response besides its bytes.
//!
//! Owns the facts that every later question is answered from, worked out once when the response is stored or freshened, so
//! that a hit only compares times. Never holds a body. Pure.

use std::borrow::Cow;

use http::header::{HeaderMap, LAST_MODIFIED};
use http::{Method, StatusCode};

use super::address::Address;
use super::age::{self, Times};
use super::condition::Validators;
use super::date::{self, HttpDate};
use super::etag::EntityTag;
use super::fields;
use super::freshness::Lifetime;
use super::spans::Spans;
use super::tags::Tag;
use super::targeted::Ruling;
use super::vary::Variant;
use crate::base::Timestamp;

/// One answer of the origin, with the request that it answers, as it came.
#[derive(Debug, Clone, Copy)]
pub struct Fetched<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// What was asked for.
    pub address: &'a Address,
    /// The client's fields: those that `select` is asked with, before the cache puts conditions of its own in.
    pub request: &'a HeaderMap,
    /// The request has a body.
    pub has_body: bool,
    /// The final status.
    pub status: StatusCode,
    /// The response's fields, all of them but those of its hop.
    pub headers: &'a HeaderMap,
    /// Of these were some that it is to be judged by (`fields::is_judged`).
    pub is_abridged: bool,
    /// When it was asked for and came.
    pub times: Times,
}

/// Which bytes of the representation are held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    /// All; how many is not known while they still arrive without `Content-Length`.
    Whole(Option<u64>),
    /// Some of this many.
    Parts {
        /// Bytes of the whole.
        total: u64,
        /// Those held.
        held: Spans,
    },
}

impl Extent {
    /// Where the first byte that is held stands in the representation.
    pub fn start(&self) -> u64 {
        match self {
            Self::Whole(_) => 0,
            Self::Parts { held, .. } => held.iter().next().map_or(0, |span| span.start),
        }
    }
}

/// A stored response.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its status; 200 for one that is held in parts.
    pub status: StatusCode,
    /// Its fields, without those that are not stored.
    pub headers: HeaderMap,
    /// Which requests it answers.
    pub variant: Variant,
    /// What the origin allows.
    pub ruling: Ruling,
    /// How long it is fresh, and why.
    pub lifetime: Lifetime,
    /// The names that it can be purged by.
    pub tags: Vec<Tag>,
    /// When the origin made it, by the origin's clock; no later than it came, for by this one responses are ranked.
    pub date: HttpDate,
    /// When it was received or last freshened.
    pub received: Timestamp,
    /// Its age at that moment, in milliseconds.
    pub initial_age_ms: u64,
    /// Until when it is fresh.
    pub fresh_until: Timestamp,
    /// It was invalidated: not to be used without the origin's word (RFC 9111 section 4.4).
    pub is_invalid: bool,
    /// The bytes that are held.
    pub extent: Extent,
}

impl Stored {
    /// Puts the facts together. Whether it may be stored is for `storable` to say.
    pub(super) fn new(
        fetched: &Fetched<'_>,
        ruling: Ruling,
        lifetime: Lifetime,
        variant: Variant,
        tags: Vec<Tag>,
    ) -> Self {
        let received = fetched.times.received;
        let initial_age_ms = age::initial_ms(fetched.headers, fetched.times);
        let lifetime_ms = u64::from(lifetime.seconds) * 1000;
        Self {
            status: fetched.status,
            headers: fields::stored(fetched.headers, &ruling, received),
            variant,
            ruling,
            lifetime,
            tags,
            date: age::date_of(fetched.headers, received).min(HttpDate::at(received)),
            received,
            initial_age_ms,
            fresh_until: Timestamp(received.0.saturating_add(lifetime_ms).saturating_sub(initial_age_ms)),
            is_invalid: false,
            extent: Extent::Whole(None),
        }
    }

    /// It for the one who had the origin asked, whose answer has these fields: with those that are for that one alone.
    pub fn with_own(&self, came: &HeaderMap) -> Cow<'_, Self> {
        let own = fields::own(came, &self.ruling);
        if own.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut stored = self.clone();
        stored.headers.extend(own);
        Cow::Owned(stored)
    }

    /// `current_age` in milliseconds (RFC 9111 section 4.2.3).
    pub fn age_ms(&self, now: Timestamp) -> u64 {
        self.initial_age_ms.saturating_add(now.0.saturating_sub(self.received.0))
    }

    /// Whether it is fresh: its lifetime is longer than its age, and nothing ended it (RFC 9111 section 4.2).
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.fresh_until > now && !self.is_invalid
    }

    /// Whole seconds that it stays fresh; negative when it has been stale for so long.
    pub fn ttl_s(&self, now: Timestamp) -> i64 {
        let ms = i128::from(self.fresh_until.0) - i128::from(now.0);
        i64::try_from(ms.div_euclid(1000)).unwrap_or(i64::MIN)
    }

    /// Ends its freshness: a soft purge, or a HEAD that told of another state.
    pub fn expire(&mut self, now: Timestamp) {
        self.fresh_until = self.fresh_until.min(now);
    }

    /// Its entity tag.
    pub fn tag(&self) -> Option<EntityTag<'_>> {
        EntityTag::of(&self.headers)
    }

    /// When it was last modified, if the origin says so.
    pub fn last_modified(&self) -> Option<HttpDate> {
        date::field(&self.headers, &LAST_MODIFIED, self.received)
    }

    /// Whether the origin can be asked if it is still good.
    pub fn has_validator(&self) -> bool {
        self.tag().is_some() || self.last_modified().is_some()
    }

    /// What a client's conditions are judged by. Without `Last-Modified` the response's date stands in for it (RFC 9111
    /// section 4.3.2); it is strong when it lies a second or more before the date (RFC 9110 section 8.8.2.2).
    pub fn validators(&self) -> Validators<'_> {
        let modified = self.last_modified();
        Validators {
            tag: self.tag(),
            modified: Some(modified.unwrap_or(self.date)),
            modified_is_strong: modified.is_some_and(|modified| modified < self.date),
        }
    }

    /// Bytes of the whole representation, when known.
    pub fn length(&self) -> Option<u64> {
        match self.extent {
            Extent::Whole(length) => length,
            Extent::Parts { total, .. } => Some(total),
        }
    }
}
