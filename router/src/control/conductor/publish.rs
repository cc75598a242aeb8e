//! When a snapshot is published, and what the gauges show of it.
//!
//! Owns the pace: at once for what takes something out or lets something in, else at most every 50 ms. The first
//! snapshot of a configuration waits a moment for names to resolve, so that no request fails for want of an address.

use super::Conductor;
use crate::metrics::Metrics;
use crate::snapshot::Snapshot;
use crate::snapshot::build::Inputs;
use crate::snapshot::publish::Published;
use crate::steer::table::Health;
use std::time::Duration;

/// Least time between two publications that are not urgent.
const PACE: Duration = Duration::from_millis(50);
/// Longest wait of a configuration's first snapshot for names that were never answered.
pub(super) const NAMES_WAIT: Duration = Duration::from_millis(250);
/// How often that wait is looked at.
const NAMES_LOOK: Duration = Duration::from_millis(2);

impl Conductor {
    pub(super) fn plan_publication(&mut self, urgent: bool) {
        let now = self.clock.now();
        let at = if urgent { now } else { now.max(self.last_publication.plus(PACE)) };
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// Waits until a publication is due; for ever when none is.
    pub(super) fn publication(&self) -> impl Future<Output = ()> + use<> {
        let wait = self.due.map(|due| due.since(self.clock.now()));
        async move {
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        }
    }

    pub(super) fn publish(&mut self) {
        let now = self.clock.now();
        let Some(in_force) = self.world.in_force() else {
            self.due = None;
            return;
        };
        if now < self.names_until && self.world.names_open() > 0 {
            self.due = Some(now.plus(NAMES_LOOK));
            return;
        }
        self.due = None;
        self.last_publication = now;
        let before = self.published.as_ref().map(Published::load);
        let inputs = Inputs {
            generation: in_force.generation,
            now,
            live: &in_force.live,
            parts: &in_force.parts,
            known: &self.world.known(),
            draining: self.world.draining(),
            metrics: &self.metrics,
        };
        let snapshot = Snapshot::build(&inputs, before.as_deref());
        show_states(&self.metrics, &snapshot, before.as_deref());
        self.metrics.rollouts.show(self.world.rollouts().iter().map(|(policy, rollout)| {
            (&**policy, if rollout.returned().is_some() { 0.0 } else { rollout.spec().share })
        }));
        if let Some(before) = &before {
            // What it counted and takes along belongs to the metrics too.
            show_compared(&self.metrics, before);
        }
        self.watchers.follow(&snapshot);
        match &self.published {
            Some(published) => published.store(snapshot),
            None => {
                let published = Published::new(snapshot);
                self.published = Some(published.clone());
                if let Some(first) = self.first.take() {
                    // The receiver is gone only when the process ends.
                    let _ = first.send(Ok(published));
                }
            }
        }
        self.answer_waiting();
    }
}

/// Shows states; what left the configuration leaves the gauges too.
fn show_states(metrics: &Metrics, snapshot: &Snapshot, before: Option<&Snapshot>) {
    metrics.snapshot_version.set(i64::try_from(snapshot.version).unwrap_or(i64::MAX));
    if before.is_some_and(|before| before.generation != snapshot.generation) {
        metrics.forget_targets();
    }
    for bundle in snapshot.bundles() {
        metrics.bundles.show(&bundle.root().display().to_string(), &bundle.sizes());
    }
    for service in &snapshot.services {
        for region in &service.table.regions {
            metrics.show_region(&service.table.name, &region.name, health_number(region.health), region.spill);
            for endpoint in &region.endpoints {
                let serves = endpoint.state.serves();
                metrics.show_endpoint(&service.table.name, &region.name, &endpoint.url, serves);
            }
        }
    }
}

/// Adds what shadows would have changed, and rollouts did change, since the last look.
pub(super) fn show_compared(metrics: &Metrics, snapshot: &Snapshot) {
    for service in &snapshot.services {
        for (policy, comparisons) in service.rollouts().chain(service.shadowed()) {
            let name = &service.table.name;
            let news = comparisons.news();
            for (from, to, new) in news.pairs {
                metrics.comparisons.add(name, &policy.name, service.place_word(from), service.place_word(to), new);
            }
            metrics.comparisons.add_facts(name, &policy.name, news.changed, news.broken_pins, news.other_keys);
            let answers = news.answers;
            let differing = [("next", answers.next), ("pin", answers.pins), ("headers", answers.headers)];
            metrics.comparisons.add_answers(name, &policy.name, answers.compared, &differing);
        }
    }
}

/// Shows how much is in flight at each endpoint, and how many exchanges wait for room.
pub(super) fn show_loads(metrics: &Metrics, snapshot: &Snapshot) {
    for service in &snapshot.services {
        metrics.show_waiting(&service.table.name, service.queue.waiting());
        for (region, endpoints) in service.table.regions.iter().zip(&service.endpoints) {
            for endpoint in endpoints {
                let in_flight = endpoint.stats.load().in_flight;
                metrics.show_in_flight(&service.table.name, &region.name, &endpoint.spec.url, in_flight);
            }
        }
    }
}

/// The number that the gauge's help names.
fn health_number(health: Health) -> i64 {
    match health {
        Health::Down => 0,
        Health::Unknown => 1,
        Health::Draining => 2,
        Health::Degraded => 3,
        Health::Healthy => 4,
    }
}
