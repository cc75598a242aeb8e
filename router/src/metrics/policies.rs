//! The families of policies, beside what calls are counted with.
//!
//! Owns their names. What they show is counted by `policy`, and shown when somebody asks. What policies declare themselves is in
//! three families of fixed names, so that no policy can take a name of the router's or give one name two kinds.
#![allow(clippy::disallowed_types, reason = "taken when metrics are read, never by a request")]

use super::families::Labels;
use crate::policy::{BOUNDS, Loaded, Measure, MeasureKind, Measures, Reading};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// Every family of policies.
#[derive(Debug, Clone, Default)]
pub struct PolicyFamilies {
    instances: Family<Labels, Gauge>,
    memory: Family<Labels, Gauge>,
    dropped_lines: Family<Labels, Counter>,
    stray_writes: Family<Labels, Counter>,
    refused_lookups: Family<Labels, Counter>,
    kv_entries: Family<Labels, Gauge>,
    kv_bytes: Family<Labels, Gauge>,
    kv_refused: Family<Labels, Counter>,
    kv_expired: Family<Labels, Counter>,
    health_calls: Family<Labels, Counter>,
    health_seconds: Family<Labels, Counter<f64, AtomicU64>>,
    fetches: Family<Labels, Counter>,
    fetch_seconds: Family<Labels, Counter<f64, AtomicU64>>,
    declared: Arc<RwLock<Vec<(String, Measures)>>>,
}

impl PolicyFamilies {
    pub(super) fn register(&self, r: &mut Registry) {
        r.register("policy_instances", "Instances that live now", self.instances.clone());
        r.register("policy_memory_bytes", "Linear memory of those instances", self.memory.clone());
        let help = "Lines of the policy that were not logged, for there were too many";
        r.register("policy_dropped_lines", help, self.dropped_lines.clone());
        let help = "Writes to a metric that the policy did not declare so";
        r.register("policy_stray_writes", help, self.stray_writes.clone());
        let help = "Look-ups of what the policy did not declare so, or beyond what one call may look up";
        r.register("policy_refused_lookups", help, self.refused_lookups.clone());
        r.register("policy_kv_entries", "Entries that a policy keeps", self.kv_entries.clone());
        r.register("policy_kv_bytes", "Bytes that they take", self.kv_bytes.clone());
        r.register("policy_kv_refused", "Writes refused for a quota", self.kv_refused.clone());
        r.register("policy_kv_expired", "Entries whose time was over", self.kv_expired.clone());
        let help = "Calls of the hook health, by what came of them";
        r.register("policy_health_calls", help, self.health_calls.clone());
        let help = "Time of those calls, with their waiting for servers";
        r.register_with_unit("policy_health", help, Unit::Seconds, self.health_seconds.clone());
        let help = "Requests of the hook health to servers, by what came of them";
        r.register("policy_fetches", help, self.fetches.clone());
        let help = "Time that the hook health waited for servers";
        r.register_with_unit("policy_fetch", help, Unit::Seconds, self.fetch_seconds.clone());
        let declared = |kind| Box::new(Declared { kind, of: Arc::clone(&self.declared) });
        r.register_collector(declared(MeasureKind::Counter));
        r.register_collector(declared(MeasureKind::Gauge));
        r.register_collector(declared(MeasureKind::Histogram));
    }

    /// Shows what these policies have and did, and forgets all others.
    pub fn show<'a>(&self, policies: impl Iterator<Item = &'a Loaded>) {
        self.instances.clear();
        self.memory.clear();
        self.dropped_lines.clear();
        self.stray_writes.clear();
        self.refused_lookups.clear();
        self.kv_entries.clear();
        self.kv_bytes.clear();
        self.kv_refused.clear();
        self.kv_expired.clear();
        self.health_calls.clear();
        self.health_seconds.clear();
        self.fetches.clear();
        self.fetch_seconds.clear();
        let mut declared: Vec<(String, Measures)> = Vec::new();
        for policy in policies {
            let labels = vec![("policy", policy.name().to_string())];
            let counts = policy.stats().counts();
            self.instances.get_or_create(&labels).set(number(counts.living));
            self.memory.get_or_create(&labels).set(number(counts.memory));
            self.dropped_lines.get_or_create(&labels).inner().store(counts.dropped_lines, Relaxed);
            self.stray_writes.get_or_create(&labels).inner().store(counts.stray_writes, Relaxed);
            self.refused_lookups.get_or_create(&labels).inner().store(counts.refused_lookups, Relaxed);
            self.show_kv(policy);
            if policy.watches() {
                self.show_health(policy);
            }
            if !declared.iter().any(|(name, _)| **name == **policy.name()) {
                declared.push((policy.name().to_string(), policy.measures().clone()));
            }
        }
        *self.declared.write().unwrap_or_else(PoisonError::into_inner) = declared;
    }
}

impl PolicyFamilies {
    fn show_kv(&self, policy: &Loaded) {
        for (name, bucket) in policy.kv().iter() {
            let labels = vec![("policy", policy.name().to_string()), ("bucket", name.to_owned())];
            let counts = bucket.counts();
            self.kv_entries.get_or_create(&labels).set(number(counts.entries));
            self.kv_bytes.get_or_create(&labels).set(number(counts.bytes));
            self.kv_refused.get_or_create(&labels).inner().store(counts.refused, Relaxed);
            self.kv_expired.get_or_create(&labels).inner().store(counts.expired, Relaxed);
        }
    }
}

impl PolicyFamilies {
    fn show_health(&self, policy: &Loaded) {
        let counts = policy.stats().watch().counts();
        let name = || ("policy", policy.name().to_string());
        let failed: u64 = counts.failures.iter().map(|(_, count)| count).sum();
        let went_well = ("ok", counts.calls.saturating_sub(failed));
        for (outcome, count) in counts.failures.into_iter().chain([went_well]) {
            let labels = vec![name(), ("outcome", outcome.to_owned())];
            self.health_calls.get_or_create(&labels).inner().store(count, Relaxed);
        }
        let seconds = |span: Duration| span.as_secs_f64().to_bits();
        self.health_seconds.get_or_create(&vec![name()]).inner().store(seconds(counts.call_time), Relaxed);
        if policy.http().is_none() {
            return;
        }
        for (outcome, count) in counts.fetches {
            let labels = vec![name(), ("outcome", outcome.to_owned())];
            self.fetches.get_or_create(&labels).inner().store(count, Relaxed);
        }
        self.fetch_seconds.get_or_create(&vec![name()]).inner().store(seconds(counts.fetch_time), Relaxed);
    }
}

/// A count, for a gauge.
fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// What policies declare of one kind.
#[derive(Debug)]
struct Declared {
    kind: MeasureKind,
    of: Arc<RwLock<Vec<(String, Measures)>>>,
}

impl Collector for Declared {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let policies = self.of.read().unwrap_or_else(PoisonError::into_inner);
        let of_kind = |measure: &&Measure| measure.spec.kind == self.kind;
        if !policies.iter().any(|(_, measures)| measures.iter().any(|measure| of_kind(&measure))) {
            return Ok(());
        }
        let (name, help, kind) = match self.kind {
            MeasureKind::Counter => ("policy_counter", "Counters that policies declare", MetricType::Counter),
            MeasureKind::Gauge => ("policy_gauge", "Gauges that policies declare", MetricType::Gauge),
            MeasureKind::Histogram => ("policy_values", "Values that policies observe", MetricType::Histogram),
        };
        let mut family = encoder.encode_descriptor(name, help, None, kind)?;
        for (policy, measures) in policies.iter() {
            for measure in measures.iter().filter(of_kind) {
                for (label, reading) in measure.readings() {
                    let mut labels = vec![("policy", policy.as_str()), ("metric", &measure.spec.name)];
                    labels.push(("label", label.unwrap_or_default()));
                    write(family.encode_family(&labels)?, &reading)?;
                }
            }
        }
        Ok(())
    }
}

fn write(mut series: MetricEncoder<'_>, reading: &Reading) -> fmt::Result {
    match reading {
        Reading::Counter(count) => series.encode_counter::<NoLabelSet, _, u64>(count, None),
        Reading::Gauge(value) => series.encode_gauge(value),
        Reading::Histogram(sum, counts) => {
            let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
            let buckets: Vec<(f64, u64)> = bounds.zip(counts.iter().copied()).collect();
            series.encode_histogram::<NoLabelSet>(*sum, counts.iter().sum(), &buckets, None)
        }
    }
}
