//! What the control plane shows.
//!
//! Owns how states become gauges, and that what left the configuration leaves them too. Called by the conductor.

use crate::store::Store;
use crate::store::purge::Remembered;

use super::families::{EndpointLabels, Metrics, RegionLabels, ServiceLabels};

impl Metrics {
    /// Shows whether traffic may go to an endpoint.
    pub fn show_endpoint(&self, service: &str, region: &str, url: &str, serves: bool) {
        self.endpoint_up.get_or_create(&endpoint_labels(service, region, url)).set(i64::from(serves));
    }

    /// Shows how many requests are in flight at an endpoint.
    pub fn show_in_flight(&self, service: &str, region: &str, url: &str, in_flight: u32) {
        self.endpoint_in_flight.get_or_create(&endpoint_labels(service, region, url)).set(i64::from(in_flight));
    }

    /// Shows how many exchanges of a service wait for room.
    pub fn show_waiting(&self, service: &str, waiting: u32) {
        let labels = ServiceLabels { service: service.to_owned() };
        self.queue_waiting.get_or_create(&labels).set(i64::from(waiting));
    }

    /// Shows a region's health by the number that the gauge's help names, and the share that spills.
    pub fn show_region(&self, service: &str, region: &str, health: i64, spill: f64) {
        let labels = RegionLabels { service: service.to_owned(), region: region.to_owned() };
        self.region_health.get_or_create(&labels).set(health);
        self.region_spill.get_or_create(&labels).set(spill);
    }

    /// Shows what the cache keeps.
    pub fn show_store(&self, store: &Store) {
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let memory = store.memory();
        self.cache_entries.set(number(memory.entries() as u64));
        self.cache_bytes.set(number(memory.bytes()));
        self.cache_evictions.set(number(memory.evictions()));
        let Remembered { urls, names, prefixes, shares } = store.purges.remembered();
        for (kind, count) in [("url", urls), ("name", names), ("prefix", prefixes)] {
            self.cache_purged_names.get_or_create(&vec![("kind", kind.to_owned())]).set(number(count as u64));
        }
        self.cache_lagging.set(number(store.lagging()));
        self.cache_purged_shares.set(number(shares as u64));
        if let Some(disk) = store.disk() {
            self.disk.show(disk);
        }
    }

    /// Forgets all services, regions, endpoints and bundles; what is still configured is shown again.
    pub fn forget_targets(&self) {
        self.endpoint_up.clear();
        self.endpoint_in_flight.clear();
        self.region_health.clear();
        self.region_spill.clear();
        self.queue_waiting.clear();
        self.bundles.forget();
    }
}

fn endpoint_labels(service: &str, region: &str, url: &str) -> EndpointLabels {
    EndpointLabels { service: service.to_owned(), region: region.to_owned(), endpoint: url.to_owned() }
}
