//! What the data plane counts with.
//!
//! Owns the handles into the families: resolved when a snapshot is built, so that a request only adds to atomics.

use super::families::{ExchangeLabels, Metrics, ServiceLabels};
use super::fills::FillMetrics;
use super::histogram::Histogram;
use super::words::{self, Words};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

impl Metrics {
    /// Handles of one service.
    pub fn service(&self, service: &str) -> ServiceMetrics {
        let labels = ServiceLabels { service: service.to_owned() };
        ServiceMetrics {
            exchange_seconds: self.exchange_seconds.get_or_create_owned(&labels),
            attempt_failures: Words::new(&self.attempt_failures, ("service", service), "kind", words::ATTEMPT_FAILURES),
            retries: Words::new(&self.retries, ("service", service), "result", words::RETRIES),
            sessions_moved: Words::new(&self.sessions_moved, ("service", service), "reason", words::MOVES),
            no_target: Words::new(&self.no_target, ("service", service), "reason", words::NO_TARGET),
            cache: Words::new(&self.cache, ("service", service), "outcome", words::CACHE),
            fills: self.fills.of(service),
            queued: Words::new(&self.queued, ("service", service), "outcome", words::QUEUED),
            tokens: Words::new(&self.tokens, ("service", service), "error", words::TOKENS),
        }
    }

    /// Handles of one region; an empty name stands for exchanges that no region served.
    pub fn region(&self, service: &str, region: &str) -> RegionMetrics {
        let class = |status: &str| {
            let labels =
                ExchangeLabels { service: service.to_owned(), region: region.to_owned(), status: status.to_owned() };
            self.exchanges.get_or_create_owned(&labels)
        };
        RegionMetrics {
            classes: [class("1xx"), class("2xx"), class("3xx"), class("4xx"), class("5xx")],
            aborted: class("aborted"),
        }
    }

    /// Handles of one policy; `outcomes` are the words that its calls can end with.
    pub fn policy(&self, policy: &str, outcomes: &[&'static str]) -> PolicyMetrics {
        let seconds = |hook: &str| {
            let labels = vec![("policy", policy.to_owned()), ("hook", hook.to_owned())];
            self.policy_seconds.get_or_create_owned(&labels)
        };
        PolicyMetrics {
            outcomes: Words::new(&self.policy_calls, ("policy", policy), "outcome", outcomes),
            route_seconds: seconds("route"),
            affinity_seconds: seconds("affinity"),
            response_seconds: seconds("response"),
        }
    }

    /// Connections to origins in a state: `open` or `idle`.
    pub fn origin_connections(&self, state: &str) -> Gauge {
        let labels = vec![("state", state.to_owned())];
        self.upstream_connections.get_or_create_owned(&labels)
    }

    /// Handles of the workers.
    pub fn worker(&self) -> WorkerMetrics {
        let labels = |result: &str| vec![("result", result.to_owned())];
        WorkerMetrics {
            connections: self.connections.clone(),
            accepted: self.accepted.get_or_create_owned(&labels("accepted")),
            over_limit: self.accepted.get_or_create_owned(&labels("over-limit")),
            tls_failed: self.accepted.get_or_create_owned(&labels("tls-failed")),
        }
    }
}

/// Handles of one service.
#[derive(Debug, Clone)]
pub struct ServiceMetrics {
    /// Exchange time to the head of the response.
    pub exchange_seconds: Histogram,
    /// Failed attempts, by kind.
    pub attempt_failures: Words,
    /// Retries, by what came of the wish.
    pub retries: Words,
    /// Exchanges served away from their pin, by reason.
    pub sessions_moved: Words,
    /// Exchanges without target, by why.
    pub no_target: Words,
    /// Exchanges that found every allowed region full, by what came of them.
    pub queued: Words,
    /// What the cache did with requests.
    pub cache: Words,
    /// Answers on their way into the cache.
    pub fills: FillMetrics,
    /// Tokens that were not honoured, by why.
    pub tokens: Words,
}

/// Handles of one region.
#[derive(Debug, Clone)]
pub struct RegionMetrics {
    classes: [Counter; 5],
    aborted: Counter,
}

impl RegionMetrics {
    /// Counts an exchange by the class of its status.
    pub fn count(&self, status: http::StatusCode) {
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        self.classes[class].inc();
    }

    /// Counts an exchange whose client left before the head of the response.
    pub fn aborted(&self) {
        self.aborted.inc();
    }
}

/// Handles of one policy.
#[derive(Debug, Clone)]
pub struct PolicyMetrics {
    /// Calls, by outcome.
    pub outcomes: Words,
    /// Time of calls of `route`.
    pub route_seconds: Histogram,
    /// Time of calls of `affinity`.
    pub affinity_seconds: Histogram,
    /// Time of calls of `response`.
    pub response_seconds: Histogram,
}

/// Handles of the workers.
#[derive(Debug, Clone)]
pub struct WorkerMetrics {
    /// Open client connections.
    pub connections: Gauge,
    /// Connections accepted.
    pub accepted: Counter,
    /// Connections closed at once: the worker has its most.
    pub over_limit: Counter,
    /// TLS handshakes that failed.
    pub tls_failed: Counter,
}
