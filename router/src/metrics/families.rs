//! The families.
//!
//! Owns names, help texts, labels and histogram bounds. The data plane adds through `handles`, the control plane shows
//! through `gauges`; the admin listener asks for the text.

#![allow(
    clippy::disallowed_types,
    reason = "taken when a snapshot is built and when metrics are read, never by a request"
)]

use super::bundles::Bundles;
use super::comparisons::ComparisonFamilies;
use super::disk::DiskFamilies;
use super::fills::Fills;
use super::histogram::Histogram;
use super::policies::PolicyFamilies;
use super::rollouts::RolloutFamilies;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// Bounds of the exchange-time histogram, microseconds: from a cache-like answer to a slow origin.
const EXCHANGE_BOUNDS_US: [u64; 12] =
    [500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 2_500_000, 10_000_000];
/// Bounds of the policy-time histogram, microseconds: calls cost about a microsecond, the deadline is milliseconds.
const POLICY_BOUNDS_US: [u64; 9] = [1, 2, 5, 10, 50, 200, 1_000, 2_000, 10_000];

/// Labels of a service.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ServiceLabels {
    /// Service name.
    pub service: String,
}

/// Labels of exchanges: where they were served and how they ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ExchangeLabels {
    /// Service name.
    pub service: String,
    /// Region name, empty when none served.
    pub region: String,
    /// `1xx` to `5xx`, or `aborted` when the client left first.
    pub status: String,
}

/// Labels by name, where no struct is worth its lines.
pub type Labels = Vec<(&'static str, String)>;

/// Labels of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct EndpointLabels {
    /// Service name.
    pub service: String,
    /// Region name.
    pub region: String,
    /// URL.
    pub endpoint: String,
}

/// Labels of a region.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RegionLabels {
    /// Service name.
    pub service: String,
    /// Region name.
    pub region: String,
}

/// Every metric of the process.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<RwLock<Registry>>,
    /// Exchanges by service, region and status class.
    pub exchanges: Family<ExchangeLabels, Counter>,
    /// Attempts that failed, by service and kind.
    pub attempt_failures: Family<Labels, Counter>,
    /// Retries by service and what came of them.
    pub retries: Family<Labels, Counter>,
    /// Sessions served away from their pin, by service and reason.
    pub sessions_moved: Family<Labels, Counter>,
    /// Exchanges without any target, by service and why.
    pub no_target: Family<Labels, Counter>,
    /// Exchanges that found every allowed region full, by service and what came of them.
    pub queued: Family<Labels, Counter>,
    /// Stored answers.
    pub cache_entries: Gauge,
    /// Bytes of memory that stored answers take.
    pub cache_bytes: Gauge,
    /// Stored answers that made room.
    pub cache_evictions: Gauge,
    /// How far the machine's clock is ahead of the process's, seconds.
    pub clock_offset: Gauge<f64, AtomicU64>,
    /// Bytes of bodies that are not stored, and that slow readers lack.
    pub cache_lagging: Gauge,
    /// Names that are remembered of purges, by their kind.
    pub cache_purged_names: Family<Labels, Gauge>,
    /// Shares of URLs that purges were left to.
    pub cache_purged_shares: Gauge,
    /// The cache on disk.
    pub disk: DiskFamilies,
    /// Requests that asked the cache, by service and what it did.
    pub cache: Family<Labels, Counter>,
    /// Exchanges that wait for room now, by service (sampled).
    pub queue_waiting: Family<ServiceLabels, Gauge>,
    /// Affinity tokens that were presented, by service and what they were found to be.
    pub tokens: Family<Labels, Counter>,
    /// Exchange time to the head of the response, by service.
    pub exchange_seconds: Family<ServiceLabels, Histogram, fn() -> Histogram>,
    /// Policy calls by policy and outcome.
    pub policy_calls: Family<Labels, Counter>,
    /// Time of policy calls.
    pub policy_seconds: Family<Labels, Histogram, fn() -> Histogram>,
    /// What policies have and do.
    pub policies: PolicyFamilies,
    /// Requests in flight by endpoint (sampled).
    pub endpoint_in_flight: Family<EndpointLabels, Gauge>,
    /// 1 when traffic may go to the endpoint.
    pub endpoint_up: Family<EndpointLabels, Gauge>,
    /// Health of regions: 0 down, 1 unknown, 2 draining, 3 degraded, 4 healthy.
    pub region_health: Family<RegionLabels, Gauge>,
    /// Share of exchanges that a region gives away because it fills up.
    pub region_spill: Family<RegionLabels, Gauge<f64, AtomicU64>>,
    /// Configuration reloads by result.
    pub reloads: Family<Labels, Counter>,
    /// 1 when the last reload took effect.
    pub reload_ok: Gauge,
    /// Components of policies that were wanted from servers, by where they came from in the end.
    pub component_fetches: Family<Labels, Counter>,
    /// Bytes of the components that are kept.
    pub component_cache_bytes: Gauge,
    /// Version of the published snapshot.
    pub snapshot_version: Gauge,
    /// Open client connections.
    pub connections: Gauge,
    /// Connections accepted, refused for the limit, or failed in TLS.
    pub accepted: Family<Labels, Counter>,
    /// Requests refused before routing, by why (malformed, too large, timeout ...).
    pub refused: Family<Labels, Counter>,
    /// Connections to origins, by state (open, idle).
    pub upstream_connections: Family<Labels, Gauge>,
    /// Log lines dropped because the writer was behind.
    pub log_dropped: Counter,
    /// Events dropped because the conductor was behind (coalesced ones are not counted).
    pub events_dropped: Counter,
    /// What policies that do not act would have changed.
    pub comparisons: ComparisonFamilies,
    /// Policies that are given to a share of the sessions.
    pub rollouts: RolloutFamilies,
    /// Decisions that were to be recorded, by what came of them.
    pub recorded: Family<Labels, Counter>,
    /// Answers on their way into the cache.
    pub fills: Fills,
    /// Static bundles.
    pub bundles: Bundles,
}

fn exchange_histogram() -> Histogram {
    Histogram::new(&EXCHANGE_BOUNDS_US.map(Duration::from_micros))
}

fn policy_histogram() -> Histogram {
    Histogram::new(&POLICY_BOUNDS_US.map(Duration::from_micros))
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Registers every family.
    pub fn new() -> Self {
        let metrics = Self {
            registry: Arc::default(),
            exchanges: Family::default(),
            attempt_failures: Family::default(),
            retries: Family::default(),
            sessions_moved: Family::default(),
            no_target: Family::default(),
            queued: Family::default(),
            cache_entries: Gauge::default(),
            cache_bytes: Gauge::default(),
            cache_evictions: Gauge::default(),
            clock_offset: Gauge::default(),
            cache_lagging: Gauge::default(),
            cache_purged_names: Family::default(),
            cache_purged_shares: Gauge::default(),
            disk: DiskFamilies::default(),
            cache: Family::default(),
            queue_waiting: Family::default(),
            tokens: Family::default(),
            exchange_seconds: Family::new_with_constructor(exchange_histogram),
            policy_calls: Family::default(),
            policy_seconds: Family::new_with_constructor(policy_histogram),
            policies: PolicyFamilies::default(),
            endpoint_in_flight: Family::default(),
            endpoint_up: Family::default(),
            region_health: Family::default(),
            region_spill: Family::default(),
            reloads: Family::default(),
            component_fetches: Family::default(),
            component_cache_bytes: Gauge::default(),
            reload_ok: Gauge::default(),
            snapshot_version: Gauge::default(),
            connections: Gauge::default(),
            accepted: Family::default(),
            refused: Family::default(),
            upstream_connections: Family::default(),
            log_dropped: Counter::default(),
            events_dropped: Counter::default(),
            comparisons: ComparisonFamilies::default(),
            rollouts: RolloutFamilies::default(),
            recorded: Family::default(),
            fills: Fills::default(),
            bundles: Bundles::default(),
        };
        metrics.register_exchanges();
        metrics.register_state();
        metrics
    }

    fn register_exchanges(&self) {
        let mut guard = self.registry.write().unwrap_or_else(PoisonError::into_inner);
        let r = guard.sub_registry_with_prefix("portolan");
        r.register("exchanges", "Exchanges by where they were served and how they ended", self.exchanges.clone());
        r.register("attempt_failures", "Attempts at an endpoint that failed, by kind", self.attempt_failures.clone());
        r.register("retries", "Retries by what came of them", self.retries.clone());
        r.register(
            "sessions_moved",
            "Exchanges served away from the session's pin, by reason",
            self.sessions_moved.clone(),
        );
        r.register("no_target", "Exchanges for which no region could be named, by why", self.no_target.clone());
        let help = "Exchanges that found every allowed region at its capacity, by what came of them";
        r.register("queued_exchanges", help, self.queued.clone());
        r.register("cache_entries", "Stored answers", self.cache_entries.clone());
        r.register("cache_bytes", "Memory that stored answers take, bytes", self.cache_bytes.clone());
        let help = "How far the machine's clock is ahead of the process's, which follows no change after the start";
        r.register("clock_offset_seconds", help, self.clock_offset.clone());
        let help = "Bytes of bodies that are not stored, and that slow readers lack";
        r.register("cache_lagging_bytes", help, self.cache_lagging.clone());
        r.register(
            "cache_purged_names",
            "Names that are remembered of purges, by their kind",
            self.cache_purged_names.clone(),
        );
        r.register(
            "cache_purged_shares",
            "Shares of all URLs in which a purge was forgotten",
            self.cache_purged_shares.clone(),
        );
        r.register("cache_evicted", "Stored answers that made room since the start", self.cache_evictions.clone());
        let help = "Requests that asked the cache, by what it did";
        r.register("cache_requests", help, self.cache.clone());
        r.register("queue_waiting", "Exchanges that wait for room now", self.queue_waiting.clone());
        r.register("affinity_tokens", "Affinity tokens presented, by what they were found to be", self.tokens.clone());
        let help = "Time from the request to the head of the response";
        r.register_with_unit("exchange", help, Unit::Seconds, self.exchange_seconds.clone());
        r.register("policy_calls", "Policy calls by outcome", self.policy_calls.clone());
        r.register_with_unit("policy", "Time of policy calls", Unit::Seconds, self.policy_seconds.clone());
        self.policies.register(r);
        let help = "Decisions that were to be recorded, by what came of them";
        r.register("recorded_decisions", help, self.recorded.clone());
        r.register("refused_requests", "Requests refused before routing, by why", self.refused.clone());
    }

    fn register_state(&self) {
        let mut guard = self.registry.write().unwrap_or_else(PoisonError::into_inner);
        let r = guard.sub_registry_with_prefix("portolan");
        r.register("endpoint_in_flight", "Requests in flight from this PoP", self.endpoint_in_flight.clone());
        r.register("endpoint_up", "1 when traffic may go to the endpoint", self.endpoint_up.clone());
        let help = "Health of the region: 0 down, 1 unknown, 2 draining, 3 degraded, 4 healthy";
        r.register("region_health", help, self.region_health.clone());
        let help = "Share of exchanges given to the next region because this one fills up, 0 to 1";
        r.register("region_spill_ratio", help, self.region_spill.clone());
        r.register("config_reloads", "Configuration reloads by result", self.reloads.clone());
        r.register("config_reload_ok", "1 when the last reload took effect", self.reload_ok.clone());
        let help = "Components of policies wanted from servers, by result";
        r.register("component_fetches", help, self.component_fetches.clone());
        let help = "Bytes of fetched components that are kept, after the last one was added";
        r.register("component_cache_bytes", help, self.component_cache_bytes.clone());
        r.register("snapshot_version", "Version of the published snapshot", self.snapshot_version.clone());
        r.register("client_connections", "Open client connections", self.connections.clone());
        r.register("accepted_connections", "Client connections by what came of them", self.accepted.clone());
        r.register("upstream_connections", "Connections to origins by state", self.upstream_connections.clone());
        r.register("log_lines_dropped", "Log lines dropped because the writer was behind", self.log_dropped.clone());
        r.register("events_dropped", "Events dropped because the conductor was behind", self.events_dropped.clone());
        self.comparisons.register(r);
        self.rollouts.register(r);
        self.fills.register(r);
        self.disk.register(r);
        self.bundles.register(r);
    }

    /// The text of `/metrics` (OpenMetrics, which Prometheus reads).
    pub fn text(&self) -> String {
        let mut text = String::new();
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        // Writing to a String cannot fail; an encoder error would leave the text short, never wrong.
        let _ = encode(&mut text, &registry);
        text
    }

    /// Adds one to a family with one label. Off the hot path only: it looks the labels up.
    pub fn count(family: &Family<Labels, Counter>, key: &'static str, word: &str) {
        family.get_or_create(&vec![(key, word.to_owned())]).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_carries_what_was_counted() {
        let metrics = Metrics::new();
        metrics.region("shop", "eu").count(http::StatusCode::NOT_FOUND);
        metrics.service("shop").sessions_moved.count("down");
        metrics.policy("pin", &["pass"]).outcomes.count("pass");
        let text = metrics.text();
        for line in [
            r#"portolan_exchanges_total{service="shop",region="eu",status="4xx"} 1"#,
            r#"portolan_sessions_moved_total{service="shop",reason="down"} 1"#,
            r#"portolan_policy_calls_total{policy="pin",outcome="pass"} 1"#,
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }
}
