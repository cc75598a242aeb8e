//! The plan: ordered targets for one exchange, settled once.
//!
//! Owns the types that steering answers with. A retry walks `targets` and never asks again, so that it cannot
//! disagree with the fence.

use super::reason::Reason;
use crate::base::RegionSet;
use bytes::Bytes;
use smallvec::SmallVec;
use std::time::Duration;

/// The most targets in a plan.
pub const TARGETS_MAX: usize = 3;

/// One endpoint to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Index of the region in the service's table.
    pub region: u8,
    /// Index of the endpoint in the region.
    pub endpoint: u16,
    /// Why the region was chosen.
    pub reason: Reason,
}

/// A session's pin, read from a valid token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// Region name as in the token.
    pub region_name: std::sync::Arc<str>,
    /// Its index, when it is still configured.
    pub region: Option<u8>,
    /// Endpoint identity (`table::Endpoint::id`); none pins the region alone.
    pub endpoint: Option<u64>,
    /// When the session was first pinned.
    pub session_started: crate::base::Timestamp,
    /// When it was pinned to this region.
    pub pinned_at: crate::base::Timestamp,
    /// Whole lifetime that the pin was given, when it is not the service's own.
    pub ttl: Option<Duration>,
    /// The policy's payload.
    pub payload: Bytes,
    /// By what it is known which side of rollouts the session is on, when the token says so.
    pub cohort: Option<u32>,
}

/// What to do with the session's token once a region has served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PinWrite {
    /// Nothing: no affinity, or the token stays as it is.
    Leave,
    /// Refresh the idle time of the present pin (when its region served).
    Refresh,
    /// Pin to the region and endpoint that serves.
    Bind {
        /// Policy payload to store.
        payload: Bytes,
        /// Lifetime asked for; none is the service's own.
        ttl: Option<Duration>,
    },
    /// End the pin: expire the cookie.
    Clear,
}

/// Why a session that has a pin is served elsewhere. The word goes to the origin in `portolan-session-moved`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveReason {
    /// The pinned region is down.
    Down,
    /// The operator switched the pinned region off.
    Off,
    /// The pinned region is outside the fence.
    Fence,
    /// The pinned region is full.
    Capacity,
    /// The pinned region is no longer configured.
    Gone,
    /// A policy chose another region.
    Policy,
    /// An attempt in the pinned region failed, the retry served.
    Failover,
}

impl MoveReason {
    /// The word used in the header and in records; stable.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Off => "off",
            Self::Fence => "fence",
            Self::Capacity => "capacity",
            Self::Gone => "gone",
            Self::Policy => "policy",
            Self::Failover => "failover",
        }
    }
}

/// Where one exchange goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Targets, first to try first; never empty in what is forwarded. The second is in another region when one is allowed and alive.
    pub targets: SmallVec<[Target; TARGETS_MAX]>,
    /// What to do with the token afterwards.
    pub pin: PinWrite,
    /// Set when the session is pinned to a region other than the first target's.
    pub moved: Option<MoveReason>,
}

impl Plan {
    /// No target, for what can only be served from what is stored.
    pub fn nowhere() -> Self {
        Self { targets: SmallVec::new(), pin: PinWrite::Leave, moved: None }
    }
}

/// Why no target could be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoTarget {
    /// Fence and strict order leave no region at all.
    EmptyFence,
    /// Every allowed region is down or switched off.
    AllDown,
    /// Every allowed region that is alive is at its hard capacity: these regions.
    AllFull(RegionSet),
    /// The session is strictly pinned to a region that cannot serve; in the set when only for want of room.
    StrictPin(RegionSet),
}

impl NoTarget {
    /// The word used in answers, records and metrics; stable.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EmptyFence => "empty-fence",
            Self::AllDown => "all-down",
            Self::AllFull(_) => "all-full",
            Self::StrictPin(_) => "strict-pin",
        }
    }

    /// Regions of which any could serve as soon as it has room; empty when waiting is no use.
    pub fn full(self) -> RegionSet {
        match self {
            Self::EmptyFence | Self::AllDown => RegionSet::EMPTY,
            Self::AllFull(full) | Self::StrictPin(full) => full,
        }
    }
}
