//! Reads the counters that workers add to, and tells the World what is new in them.
//!
//! Owns the totals of the last look. Counters are read through the published snapshot, so an endpoint that left the
//! configuration is forgotten. Called by the conductor, on its beat and at once when a worker raises an alarm.

use super::world::{RegionLoad, Sample, Tally};
use crate::snapshot::build::RegionKey;
use crate::snapshot::stats::Totals;
use crate::snapshot::{Service, Snapshot};
use crate::steer::table::{self, Loads};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Time between two looks: with five failures in a row as the limit, workers raise the alarm themselves; the rate is
/// over ten seconds and needs no finer grain.
pub const SAMPLE_EVERY: Duration = Duration::from_millis(200);

/// Totals of the last look.
#[derive(Debug, Default)]
pub struct Sampler {
    seen: BTreeMap<u64, Totals>,
}

impl Sampler {
    /// What is new at every endpoint; endpoints with nothing new are left out.
    pub fn all(&mut self, snapshot: &Snapshot) -> Vec<Sample> {
        let now: BTreeMap<u64, Totals> =
            snapshot.endpoints().map(|endpoint| (endpoint.id, endpoint.stats.totals())).collect();
        let before = std::mem::replace(&mut self.seen, now);
        let new = self.seen.iter().filter_map(|(id, now)| difference(*id, before.get(id).copied(), *now));
        new.collect()
    }

    /// What is new at one endpoint.
    pub fn one(&mut self, snapshot: &Snapshot, endpoint: u64) -> Option<Sample> {
        let now = snapshot.endpoint(endpoint)?.stats.totals();
        let before = self.seen.insert(endpoint, now);
        difference(endpoint, before, now)
    }
}

/// How much is in flight in each region that has a capacity.
pub fn loads(snapshot: &Snapshot) -> Vec<RegionLoad> {
    let of_service = |service: &Arc<Service>| {
        let with_capacity = service.table.regions.iter().enumerate().filter(|(_, region)| region.capacity.is_some());
        let load = |(index, region): (usize, &table::Region)| RegionLoad {
            region: RegionKey { service: Arc::clone(&service.table.name), region: Arc::clone(&region.name) },
            in_flight: service.region_in_flight(index),
        };
        with_capacity.map(load).collect::<Vec<_>>()
    };
    snapshot.services.iter().flat_map(of_service).collect()
}

/// What policies did so far that are given to a share of the sessions. Comparisons are by service, calls are not.
pub fn tallies(snapshot: &Snapshot) -> Vec<(Arc<str>, Tally)> {
    let mut tallies: BTreeMap<Arc<str>, Tally> = BTreeMap::new();
    for (policy, comparisons) in snapshot.services.iter().flat_map(|service| service.rollouts()) {
        let tally = tallies.entry(Arc::clone(&policy.name)).or_insert_with(|| {
            let counts = policy.loaded.stats().counts();
            let failed = counts.failures.iter().map(|(_, count)| count).sum();
            Tally { calls: counts.calls, failed, ..Tally::default() }
        });
        let totals = comparisons.totals();
        tally.compared += totals.compared;
        // Another region asked after the answer is an exchange that goes elsewhere, too.
        tally.moved += totals.compared - totals.same_place + comparisons.answers().next;
    }
    tallies.into_iter().collect()
}

fn difference(endpoint: u64, before: Option<Totals>, now: Totals) -> Option<Sample> {
    let before = before.unwrap_or_default();
    let successes = now.successes.saturating_sub(before.successes);
    let failures = now.failures.saturating_sub(before.failures);
    let anything = successes > 0 || failures > 0;
    anything.then_some(Sample { endpoint, successes, failures, consecutive: now.consecutive })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::snapshot::build::tests::snapshot_of;
    use crate::snapshot::stats::Outcome;

    #[test]
    fn tells_only_what_is_new() {
        let snapshot = snapshot_of(&[("eu", &["http://127.0.0.1:1", "http://127.0.0.1:2"])]);
        let ids: Vec<u64> = snapshot.endpoints().map(|endpoint| endpoint.id).collect();
        let mut sampler = Sampler::default();
        assert_eq!(sampler.all(&snapshot), []);
        let stats = &snapshot.endpoint(ids[0]).unwrap().stats;
        stats.observe(Outcome::Success);
        stats.observe(Outcome::Failure);
        stats.observe(Outcome::Failure);
        let expected = Sample { endpoint: ids[0], successes: 1, failures: 2, consecutive: 2 };
        assert_eq!(sampler.one(&snapshot, ids[0]), Some(expected));
        assert_eq!(sampler.all(&snapshot), [], "told already");
        stats.observe(Outcome::Failure);
        let expected = Sample { endpoint: ids[0], successes: 0, failures: 1, consecutive: 3 };
        assert_eq!(sampler.all(&snapshot), [expected]);
        assert_eq!(sampler.one(&snapshot, 1234), None, "no such endpoint");
    }
}
