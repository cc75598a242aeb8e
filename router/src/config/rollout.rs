//! A policy that is given to a share of the sessions.
//!
//! Owns what is configured of it.

use std::time::Duration;

/// For whom a policy acts, and when it gives its sessions back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rollout {
    /// Share of the sessions, 0 to 1.
    pub share: f64,
    /// Index in `Live::policies` of the policy in whose place it acts, and that keeps the other sessions; none: it is one more.
    pub replaces: Option<usize>,
    /// Share of its calls that may fail.
    pub errors: f64,
    /// Share of its decisions that may send an exchange elsewhere than without it; none: they are not compared.
    pub disagreements: Option<f64>,
    /// The window of both.
    pub window: Duration,
    /// Calls, and compared decisions, in it before they count.
    pub calls_min: u64,
}
