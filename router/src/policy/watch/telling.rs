//! The instance that is told of regions.
//!
//! Owns one background instance after another: what each was told, its way to servers, and when it has served its time. Whose
//! call it is, and when, is the caller's: `watch` on its thread, `rehearsal` by hand.

use super::Feed;
use crate::base::Timestamp;
use crate::config::Isolation;
use crate::policy::contract::{CandidateHealth, ChangeRecord};
use crate::policy::failure::PolicyFailure;
use crate::policy::instance::Instance;
use crate::policy::load::Loaded;
use crate::policy::outgoing::Outgoing;
use crate::policy::patience::WaitMeter;
use crate::policy::pool::CALLS_MAX;
use std::sync::Arc;

/// The present instance of a policy that watches, if there is one.
pub(super) struct Telling {
    policy: Arc<Loaded>,
    meter: Arc<WaitMeter>,
    instance: Option<Instance>,
    /// Lent to the instance for each call.
    outgoing: Option<Outgoing>,
    /// What the instance was told last; nothing where it is yet to begin.
    told: Option<Feed>,
}

impl Telling {
    /// No instance yet. It is for the calling thread.
    pub(super) fn new(policy: Arc<Loaded>, outgoing: Outgoing) -> Self {
        let meter = Arc::new(WaitMeter::of_this_thread());
        Self { policy, meter, instance: None, outgoing: Some(outgoing), told: None }
    }

    /// Tells of what is new, a new instance of everything; how long it wants to be left alone, milliseconds.
    ///
    /// # Errors
    /// How the call failed; the instance is gone then.
    pub(super) fn tell(&mut self, feed: &Feed, now: Timestamp, entropy: f64) -> Result<u32, PolicyFailure> {
        if self.told.as_ref().is_some_and(|told| told.directory.generation != feed.directory.generation) {
            self.forget();
        }
        let outcome = self.call(feed, now, entropy);
        match &outcome {
            Ok(_) => {
                self.told = Some(feed.clone());
                self.retire();
            }
            Err(_) => self.forget(),
        }
        outcome
    }

    /// Its way to servers.
    pub(super) fn outgoing(&mut self) -> Option<&mut Outgoing> {
        self.outgoing.as_mut()
    }

    fn call(&mut self, feed: &Feed, now: Timestamp, entropy: f64) -> Result<u32, PolicyFailure> {
        let mould = &self.policy.mould;
        let instance = match &mut self.instance {
            Some(instance) => instance,
            none => {
                let mut fresh = Instance::new(mould, &self.meter)?;
                fresh.init(mould, &feed.directory)?;
                none.insert(fresh)
            }
        };
        if let Some(outgoing) = &mut self.outgoing {
            outgoing.begin();
        }
        let changes = changes(self.told.as_ref(), feed);
        instance.watch(mould, now, entropy, &changes, &mut self.outgoing)
    }

    /// Lets an instance go that has served its time. The next call has a new one, which is told of every region.
    fn retire(&mut self) {
        let limit = self.policy.limits().memory;
        let once = self.policy.isolation() == Isolation::Request;
        let worn = |instance: &Instance| once || instance.calls() >= CALLS_MAX || instance.outgrown(limit);
        if self.instance.as_ref().is_some_and(worn) {
            self.forget();
        }
    }

    fn forget(&mut self) {
        (self.instance, self.told) = (None, None);
    }
}

/// What an instance that was told the one has to be told of the other.
fn changes(told: Option<&Feed>, feed: &Feed) -> Vec<ChangeRecord> {
    let mut changes = Vec::new();
    for (region, state) in (0u32..).zip(feed.regions.iter()) {
        let before = told.map(|told| told.regions.get(region as usize).copied());
        let before = match before {
            // Another moment of the same state is a change that came and went.
            Some(Some(before)) if before == *state => continue,
            Some(Some(before)) => before.health,
            Some(None) | None => CandidateHealth::Unknown,
        };
        changes.push(ChangeRecord { region, before, now: state.health, since_ms: state.since.0 as f64 });
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::RegionState;

    fn feed(states: &[(CandidateHealth, u64)]) -> Feed {
        let regions = states.iter().map(|(health, since)| RegionState { health: *health, since: Timestamp(*since) });
        Feed { directory: Arc::default(), regions: regions.collect() }
    }

    #[test]
    fn an_instance_is_told_of_everything_once_and_of_changes_then() {
        use CandidateHealth::{Down, Healthy, Unknown};
        let told = |before: Option<&Feed>, now: &Feed| {
            let changes = changes(before, now);
            changes.iter().map(|change| (change.region, change.before, change.now)).collect::<Vec<_>>()
        };
        let first = feed(&[(Healthy, 1), (Unknown, 1)]);
        assert_eq!(told(None, &first), [(0, Unknown, Healthy), (1, Unknown, Unknown)]);
        assert_eq!(told(Some(&first), &first), []);
        let later = feed(&[(Down, 5), (Unknown, 1)]);
        assert_eq!(told(Some(&first), &later), [(0, Healthy, Down)]);
        let flapped = feed(&[(Down, 9), (Unknown, 1)]);
        assert_eq!(told(Some(&later), &flapped), [(0, Down, Down)], "it came back meanwhile");
    }
}
