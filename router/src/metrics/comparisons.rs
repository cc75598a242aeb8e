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
    other_keys: Family<Labels, Counter>,
    answers: Family<Labels, Counter>,
    answers_differing: Family<Labels, Counter>,
}

impl ComparisonFamilies {
    pub(super) fn register(&self, r: &mut Registry) {
        let help = "Decisions compared with what a policy that does not act would have made of them, by place";
        r.register("policy_compared", help, self.pairs.clone());
        let help = "Compared decisions with the same place and something else that differs";
        r.register("policy_compared_changed", help, self.changed.clone());
        let help = "Compared decisions that would have sent a session away from its pin";
        r.register("policy_compared_broken_pins", help, self.broken_pins.clone());
        let help = "Compared decisions in which the session would have had another key of its own";
        r.register("policy_compared_other_keys", help, self.other_keys.clone());
        let help = "Answers of origins compared with what a policy that does not act would have made of them";
        r.register("policy_compared_answers", help, self.answers.clone());
        let help = "Compared answers by what differs; one may differ in several ways";
        r.register("policy_compared_answers_differing", help, self.answers_differing.clone());
    }

    /// Adds decisions that went to `from` and would have gone to `to`.
    pub fn add(&self, service: &str, policy: &str, from: &str, to: &str, count: u64) {
        let mut labels = labels(service, policy);
        labels.extend([("from", from.to_owned()), ("to", to.to_owned())]);
        self.pairs.get_or_create(&labels).inc_by(count);
    }

    /// Adds plans that were changed, pins that were broken and keys that were others.
    pub fn add_facts(&self, service: &str, policy: &str, changed: u64, broken_pins: u64, other_keys: u64) {
        let labels = labels(service, policy);
        self.changed.get_or_create(&labels).inc_by(changed);
        self.broken_pins.get_or_create(&labels).inc_by(broken_pins);
        self.other_keys.get_or_create(&labels).inc_by(other_keys);
    }

    /// Adds answers that were compared, and in what they differ. Policies that hear none have no series.
    pub fn add_answers(&self, service: &str, policy: &str, compared: u64, differing: &[(&'static str, u64)]) {
        if compared == 0 {
            return;
        }
        self.answers.get_or_create(&labels(service, policy)).inc_by(compared);
        for (what, count) in differing {
            let mut labels = labels(service, policy);
            labels.push(("what", (*what).to_owned()));
            self.answers_differing.get_or_create(&labels).inc_by(*count);
        }
    }
}

fn labels(service: &str, policy: &str) -> Labels {
    vec![("service", service.to_owned()), ("policy", policy.to_owned())]
}
