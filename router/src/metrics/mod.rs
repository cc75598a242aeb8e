//! Metrics: every counter of the router, by name, with handles that are resolved before a request needs them.
//!
//! Owns the registry and the families (`portolan_*`, base units). Handles are made when a snapshot is built; a request
//! only adds to atomics. Labels come from configuration, never from requests, so cardinality is bounded.

mod bundles;
mod comparisons;
mod disk;
mod families;
mod fills;
mod gauges;
mod handles;
mod histogram;
mod policies;
mod record;
mod rollouts;
#[cfg(test)]
mod tests;
mod words;

pub use bundles::{BundleMetrics, BundleSizes, Bundles};
pub use comparisons::ComparisonFamilies;
pub use families::{ExchangeLabels, Labels, Metrics};
pub use fills::{FillMetrics, Fills};
pub use handles::{PolicyMetrics, RegionMetrics, ServiceMetrics, WorkerMetrics};
pub use histogram::Histogram;
pub use policies::PolicyFamilies;
pub use record::RecordMetrics;
pub use rollouts::RolloutFamilies;
pub use words::Words;
