//! Session affinity: the signed token that carries a session's pin.
//!
//! Owns the token's meaning, its keys (`keys`), its bytes (`codec`), the cookie it travels in (`cookie`) and what a
//! connection remembers of it (`proven`). A token is
//! all the state there is: any PoP that has the keys honours it. It names a region and an opaque endpoint id, never an
//! address. Called by `decide` (read) and the data plane (write).

mod codec;
pub mod cookie;
mod keys;
mod proven;

pub use codec::TOKEN_MAX;
pub use keys::{KeyError, Keys};
pub use proven::Proven;

use super::plan::Pin;
use super::table::ServiceTable;
use crate::base::Timestamp;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

/// Longest payload that a policy may store, bytes.
pub const PAYLOAD_MAX: usize = 256;
/// Clocks of PoPs may differ by this much.
pub const SKEW_MAX: Duration = Duration::from_secs(60);
/// A refresh is due after this part of the idle time, so that not every response carries a cookie.
const REFRESH_PART: u32 = 10;

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Name of the region.
    pub region: Arc<str>,
    /// Identity of the endpoint (`table::Endpoint::id`); none pins the region alone.
    pub endpoint: Option<u64>,
    /// When the session was first pinned; the service's lifetime counts from here.
    pub session_started: Timestamp,
    /// When it was pinned to this region; `ttl` counts from here.
    pub pinned_at: Timestamp,
    /// When the token was last written; the idle time counts from here.
    pub last_used: Timestamp,
    /// Whole lifetime of this pin in place of the service's own.
    pub ttl: Option<Duration>,
    /// The policy's payload, at most `PAYLOAD_MAX` bytes.
    pub payload: Bytes,
    /// By what it is known which side of rollouts the session is on; none where it is known by `session_started`.
    pub cohort: Option<u32>,
}

/// What a service asks of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms<'a> {
    /// The service that the token must be for.
    pub service: &'a str,
    /// Longest rest between two uses.
    pub idle: Duration,
    /// Longest life of a session, for pins without a `ttl`.
    pub lifetime: Duration,
}

/// Why a token is not honoured, or could not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not base64url, cut short or too long.
    #[error("the token is malformed")]
    Malformed,
    /// Written by a newer router, or made up.
    #[error("the token has version {0}; version 1 is understood")]
    UnknownVersion(u8),
    /// Signed with a key that is not configured (any more).
    #[error("the token is signed with a key that is not configured")]
    UnknownKey,
    /// Changed, or signed with another secret under the same key id.
    #[error("the token's signature does not match")]
    BadSignature,
    /// For another service.
    #[error("the token is for another service")]
    OtherService,
    /// The session or the pin outlived its lifetime.
    #[error("the session is older than its lifetime")]
    Expired,
    /// Not used for longer than the idle time.
    #[error("the session rested longer than its idle time")]
    Idle,
    /// A time in it lies ahead by more than clocks may differ.
    #[error("the token is from the future")]
    FromTheFuture,
    /// Region name or payload too long to write.
    #[error("the token would be too long: at most 255 bytes of region name and 256 of payload")]
    TooLong,
}

impl TokenError {
    /// The word used in records and metrics; stable.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownVersion(_) => "unknown-version",
            Self::UnknownKey => "unknown-key",
            Self::BadSignature => "bad-signature",
            Self::OtherService => "other-service",
            Self::Expired => "expired",
            Self::Idle => "idle",
            Self::FromTheFuture => "from-the-future",
            Self::TooLong => "too-long",
        }
    }
}

impl Token {
    /// A session pinned to a region. It keeps its start, and stays as long pinned as it was when the region is the same.
    pub fn bind(
        before: Option<&Pin>,
        region: &Arc<str>,
        endpoint: Option<u64>,
        payload: Bytes,
        ttl: Option<Duration>,
        now: Timestamp,
    ) -> Self {
        let same = before.filter(|pin| pin.region_name == *region && pin.ttl == ttl);
        Self {
            region: Arc::clone(region),
            endpoint,
            session_started: before.map_or(now, |pin| pin.session_started),
            pinned_at: same.map_or(now, |pin| pin.pinned_at),
            last_used: now,
            ttl,
            payload,
            cohort: before.and_then(|pin| pin.cohort),
        }
    }

    /// The same token, used now.
    #[must_use]
    pub fn refreshed(self, now: Timestamp) -> Self {
        Self { last_used: now, ..self }
    }

    /// Whether a refresh is worth a `Set-Cookie`: a tenth of the idle time has passed.
    pub fn is_refresh_due(&self, now: Timestamp, idle: Duration) -> bool {
        now.since(self.last_used) >= idle / REFRESH_PART
    }

    /// The pin that it stands for, with the region's name resolved.
    pub fn pin(&self, table: &ServiceTable) -> Pin {
        let region = table.regions.iter().position(|region| region.name == self.region);
        Pin {
            region_name: Arc::clone(&self.region),
            region: region.and_then(|index| u8::try_from(index).ok()),
            endpoint: self.endpoint,
            session_started: self.session_started,
            pinned_at: self.pinned_at,
            ttl: self.ttl,
            payload: self.payload.clone(),
            cohort: self.cohort,
        }
    }

    /// Whether it may still be used. A pin's own `ttl` takes the place of the service's lifetime.
    fn check(&self, terms: &Terms<'_>, now: Timestamp) -> Result<(), TokenError> {
        let ahead = now.plus(SKEW_MAX);
        let (since, lifetime) = match self.ttl {
            Some(ttl) => (self.pinned_at, ttl),
            None => (self.session_started, terms.lifetime),
        };
        if [self.session_started, self.pinned_at, self.last_used].iter().any(|time| *time > ahead) {
            return Err(TokenError::FromTheFuture);
        }
        if now.since(since) > lifetime {
            return Err(TokenError::Expired);
        }
        if now.since(self.last_used) > terms.idle { Err(TokenError::Idle) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
