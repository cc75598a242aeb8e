//! What a policy says to the operator: lines of the log, and the metrics that its manifest declares.
//!
//! A thin wrapper of the contract's `telemetry`; natively what is said is kept for [`crate::testing::logged`] and
//! [`crate::testing::measured`]. Called by policies.

pub use crate::bindings::portolan::policy::telemetry::Level;

/// Writes a line to the router's log, beside the policy's name. The router keeps 1024 bytes of it, and 20 lines per second.
///
/// A verdict must not depend on whether anybody listens: log what an operator should act on, not every request.
pub fn log(level: Level, message: &str) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::portolan::policy::telemetry::log(level, message);
    #[cfg(not(target_arch = "wasm32"))]
    crate::testing::hear(level, message);
}

/// A counter of the manifest: only rises.
///
/// ```
/// use portolan_policy::{Counter, Manifest};
///
/// const SERVED: Counter = Counter::at(0);
///
/// let manifest = Manifest::new().counter("served", ["primary", "replica"]);
/// SERVED.add_to(1, 1); // one more by a replica
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter(u32);

impl Counter {
    /// The metric at this place in the manifest.
    pub const fn at(place: u32) -> Self {
        Self(place)
    }

    /// Adds, where the metric has no label.
    pub fn add(self, by: u64) {
        self.add_to(0, by);
    }

    /// Adds under the label value at this place.
    pub fn add_to(self, label: u32, by: u64) {
        #[cfg(target_arch = "wasm32")]
        crate::bindings::portolan::policy::telemetry::count(self.0, label, by);
        #[cfg(not(target_arch = "wasm32"))]
        crate::testing::measure(self.0, label, by as f64);
    }
}

/// A gauge of the manifest: stands at the value that was set last. All instances of a policy share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gauge(u32);

impl Gauge {
    /// The metric at this place in the manifest.
    pub const fn at(place: u32) -> Self {
        Self(place)
    }

    /// Sets, where the metric has no label.
    pub fn set(self, value: f64) {
        self.set_of(0, value);
    }

    /// Sets under the label value at this place.
    pub fn set_of(self, label: u32, value: f64) {
        #[cfg(target_arch = "wasm32")]
        crate::bindings::portolan::policy::telemetry::set(self.0, label, value);
        #[cfg(not(target_arch = "wasm32"))]
        crate::testing::measure(self.0, label, value);
    }
}

/// A histogram of the manifest: counts values by size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Histogram(u32);

impl Histogram {
    /// The metric at this place in the manifest.
    pub const fn at(place: u32) -> Self {
        Self(place)
    }

    /// Adds a value, where the metric has no label.
    pub fn observe(self, value: f64) {
        self.observe_of(0, value);
    }

    /// Adds a value under the label value at this place.
    pub fn observe_of(self, label: u32, value: f64) {
        #[cfg(target_arch = "wasm32")]
        crate::bindings::portolan::policy::telemetry::observe(self.0, label, value);
        #[cfg(not(target_arch = "wasm32"))]
        crate::testing::measure(self.0, label, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Manifest;
    use crate::testing::{logged, measured};

    #[test]
    fn a_test_hears_what_a_policy_logs() {
        log(Level::Warn, "the tide is out");
        assert_eq!(logged(), [(Level::Warn, "the tide is out".to_owned())]);
        assert_eq!(logged(), []);
    }

    #[test]
    fn a_test_sees_what_a_policy_measures() {
        let none: [&str; 0] = [];
        let manifest = Manifest::new().counter("served", ["a", "b"]).gauge("lag", none).histogram("spread", none);
        let kinds: Vec<_> = manifest.metrics.iter().map(|metric| metric.kind.as_str()).collect();
        assert_eq!(kinds, ["counter", "gauge", "histogram"]);
        Counter::at(0).add_to(1, 2);
        Gauge::at(1).set(0.5);
        Histogram::at(2).observe(3.0);
        assert_eq!(measured(), [(0, 1, 2.0), (1, 0, 0.5), (2, 0, 3.0)]);
        assert_eq!(measured(), []);
    }
}
