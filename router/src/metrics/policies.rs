//! The families of policies, beside what calls are counted with.
//!
//! Owns their names. What they show is counted by `policy`, and shown when somebody asks.

use super::families::Labels;
use crate::policy::Loaded;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::Ordering::Relaxed;

/// Every family of policies.
#[derive(Debug, Clone, Default)]
pub struct PolicyFamilies {
    instances: Family<Labels, Gauge>,
    memory: Family<Labels, Gauge>,
    dropped_lines: Family<Labels, Counter>,
}

impl PolicyFamilies {
    pub(super) fn register(&self, r: &mut Registry) {
        r.register("policy_instances", "Instances that live now", self.instances.clone());
        r.register("policy_memory_bytes", "Linear memory of those instances", self.memory.clone());
        let help = "Lines of the policy that were not logged, for there were too many";
        r.register("policy_dropped_lines", help, self.dropped_lines.clone());
    }

    /// Shows what these policies have and did, and forgets all others.
    pub fn show<'a>(&self, policies: impl Iterator<Item = &'a Loaded>) {
        self.instances.clear();
        self.memory.clear();
        self.dropped_lines.clear();
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        for policy in policies {
            let labels = vec![("policy", policy.name().to_string())];
            let counts = policy.stats().counts();
            self.instances.get_or_create(&labels).set(number(counts.living));
            self.memory.get_or_create(&labels).set(number(counts.memory));
            self.dropped_lines.get_or_create(&labels).inner().store(counts.dropped_lines, Relaxed);
        }
    }
}
