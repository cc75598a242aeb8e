//! What policies that do not act would have changed.
//!
//! Owns the families by service and policy. Counts come from the conductor, off the hot path: a pair of places has a
//! series only once it was met, so there are never more than regions squared.

use super::families::Labels;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Every family of comparisons.
#[derive(Debug, Clone, Default)]
pub struct ComparisonFamilies {
    pairs: Family<Labels, Counter>,
    changed: Family<Labels, Counter>,
    broken_pins: Family<Labels, Counter>,
}

impl ComparisonFamilies {
    pub(super) fn register(&self, r: &mut Registry) {
        let help = "Decisions compared with what a policy that does not act would have made of them, by place";
        r.register("policy_compared", help, self.pairs.clone());
        let help = "Compared decisions with the same place and something else that differs";
        r.register("policy_compared_changed", help, self.changed.clone());
        let help = "Compared decisions that would have sent a session away from its pin";
        r.register("policy_compared_broken_pins", help, self.broken_pins.clone());
    }

    /// Adds decisions that went to `from` and would have gone to `to`.
    pub fn add(&self, service: &str, policy: &str, from: &str, to: &str, count: u64) {
        let mut labels = labels(service, policy);
        labels.extend([("from", from.to_owned()), ("to", to.to_owned())]);
        self.pairs.get_or_create(&labels).inc_by(count);
    }

    /// Adds plans that were changed and pins that were broken.
    pub fn add_facts(&self, service: &str, policy: &str, changed: u64, broken_pins: u64) {
        self.changed.get_or_create(&labels(service, policy)).inc_by(changed);
        self.broken_pins.get_or_create(&labels(service, policy)).inc_by(broken_pins);
    }
}

fn labels(service: &str, policy: &str) -> Labels {
    vec![("service", service.to_owned()), ("policy", policy.to_owned())]
}
