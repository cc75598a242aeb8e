//! Why a region or endpoint was chosen or passed over.
//!
//! Owns the closed list of reasons, in the order of the stages that give them, and their words. Written into plans,
//! records, `/explain` and metrics; never consulted to decide anything.

/// The stage that settled a candidate's fate, in the order in which stages run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Chosen: the session is pinned there.
    Pinned,
    /// Chosen: first in a policy's order.
    PolicyOrder,
    /// Chosen: nearest that can serve.
    Nearest,
    /// Chosen among equally near regions by weight.
    TieWeight,
    /// Chosen because nearer regions are at capacity.
    Spill,
    /// Chosen as the next target should the first fail.
    Alternative,
    /// Chosen although unwell: nothing better is allowed.
    Panic,
    /// Out: outside the fence.
    OutsideFence,
    /// Out: a strict policy order does not name it.
    NotInStrictOrder,
    /// Out: switched off by the operator.
    AdminOff,
    /// Out for this session: draining, and the session is not pinned there.
    Draining,
    /// Out: evidence says that it is down.
    Down,
    /// Out for now: at its hard capacity.
    AtCapacity,
    /// Passed over: over its soft capacity, this exchange spills.
    OverSoftCapacity,
    /// Passed over: still ramping up after its return.
    SlowStart,
    /// Out: the session is strictly pinned elsewhere.
    StrictPin,
    /// Could serve, others were better.
    NotNeeded,
}

impl Reason {
    /// The word used in documents, logs and metrics; stable.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pinned => "pinned",
            Self::PolicyOrder => "policy-order",
            Self::Nearest => "nearest",
            Self::TieWeight => "tie-weight",
            Self::Spill => "spill",
            Self::Alternative => "alternative",
            Self::Panic => "panic",
            Self::OutsideFence => "outside-fence",
            Self::NotInStrictOrder => "not-in-strict-order",
            Self::AdminOff => "admin-off",
            Self::Draining => "draining",
            Self::Down => "down",
            Self::AtCapacity => "at-capacity",
            Self::OverSoftCapacity => "over-soft-capacity",
            Self::SlowStart => "slow-start",
            Self::StrictPin => "strict-pin",
            Self::NotNeeded => "not-needed",
        }
    }
}
