//! Policies that are given to a share of the sessions.
//!
//! Owns the families. They are shown by the conductor, off the hot path.

use super::families::Labels;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;

/// Every family of rollouts.
#[derive(Debug, Clone, Default)]
pub struct RolloutFamilies {
    share: Family<Labels, Gauge<f64, AtomicU64>>,
    returns: Family<Labels, Counter>,
}

impl RolloutFamilies {
    pub(super) fn register(&self, r: &mut Registry) {
        let help =
            "Share of the sessions for which a policy acts that is being rolled out; 0 once they were given back";
        r.register("policy_rollout_share", help, self.share.clone());
        let help = "Rollouts that gave all sessions back, by cause";
        r.register("policy_rollout_returns", help, self.returns.clone());
    }

    /// Shows the shares of these policies, and forgets all others.
    pub fn show<'a>(&self, shares: impl Iterator<Item = (&'a str, f64)>) {
        self.share.clear();
        for (policy, share) in shares {
            self.share.get_or_create(&vec![("policy", policy.to_owned())]).set(share);
        }
    }

    /// Counts a rollout that gave its sessions back.
    pub fn returned(&self, policy: &str, cause: &'static str) {
        self.returns.get_or_create(&vec![("policy", policy.to_owned()), ("cause", cause.to_owned())]).inc();
    }
}
