//! A decision as it would have been with another policy in the chain.
//!
//! Owns the other chain: what the policies that act said is taken as given, the other one is asked by the hooks that it exports
//! and in the order of a decision (`route`, then `affinity` unless a key before it counts), and the host plans once more with the
//! same seed and loads. What nobody said, because the chain had ended before, is silence. Used by `shadow` and `rollout`.

use super::policies::{Consulted, Failed, Heard, Keyed, Said, Scene, ask_one, key_of, keyed, take};
use super::trace::PolicyTrace;
use super::{AskPolicy, Planned, planned};
use crate::base::RegionSet;
use crate::config::OnError;
use crate::snapshot::PolicyUse;
use crate::snapshot::comparison::{Compared, Place};
use crate::steer::verdict::Advice;
use std::time::Duration;

/// Where the other policy stands.
#[derive(Clone, Copy)]
pub(super) struct Stand {
    /// Its place in the chain.
    pub(super) place: usize,
    /// Whether the one at this place is gone; else it comes behind.
    pub(super) replaces: bool,
    /// What its failure means.
    pub(super) on_error: OnError,
}

/// The other policy, while it is asked.
pub(super) struct Beside<'a> {
    scene: &'a Scene<'a>,
    policy: &'a PolicyUse,
    ask: &'a mut dyn AskPolicy,
    /// Whether any of its calls failed.
    pub(super) failed: bool,
    /// Time of its calls.
    pub(super) took: Duration,
    /// What it said, when somebody wants to know.
    pub(super) traces: Vec<PolicyTrace>,
}

impl<'a> Beside<'a> {
    pub(super) fn new(scene: &'a Scene<'a>, policy: &'a PolicyUse, ask: &'a mut dyn AskPolicy) -> Self {
        Self { scene, policy, ask, failed: false, took: Duration::ZERO, traces: Vec::new() }
    }

    /// Its verdict behind this fence.
    pub(super) fn said(&mut self, fence: Option<RegionSet>) -> Said {
        let said = ask_one(self.scene, self.policy, fence, self.ask);
        let took = self.called(self.policy.loaded.routes(), said.is_err());
        // One that has nothing to say at all is shown as one that passes.
        if self.scene.is_traced && (self.policy.loaded.routes() || !self.policy.loaded.keys()) {
            let noted = self.ask.noted();
            self.traces.push(PolicyTrace::new(self.scene.service, self.policy, &said, took, &noted));
        }
        said
    }

    /// Its key for the session.
    pub(super) fn key(&mut self) -> Keyed {
        let key = key_of(self.scene, self.policy, self.ask);
        let took = self.called(self.policy.loaded.keys(), key.is_err());
        if self.scene.is_traced && self.policy.loaded.keys() {
            let noted = self.ask.noted();
            self.traces.push(PolicyTrace::keyed(self.policy, &key, took, &noted));
        }
        keyed(self.scene, key, self.policy.on_error)
    }

    fn called(&mut self, was_asked: bool, failed: bool) -> Duration {
        let took = if was_asked { self.ask.took() } else { Duration::ZERO };
        self.took += took;
        self.failed |= failed;
        took
    }
}

/// What a chain comes to.
pub(super) struct Otherwise {
    pub(super) consulted: Consulted,
    /// The session's own key.
    pub(super) key: Option<u64>,
}

/// What the chain would have come to with another policy in it, which said this and gives its `key` when its turn comes.
pub(super) fn otherwise(heard: &Heard, stand: Stand, said: &Said, key: impl FnOnce() -> Keyed) -> Otherwise {
    let consulted = chain(heard, stand, said);
    if !matches!(consulted, Consulted::Advice(_)) {
        return Otherwise { consulted, key: None };
    }
    let place = stand.place.min(heard.keys.len());
    let keys = heard.keys.iter().copied();
    let (before, after) = (keys.clone().take(place), keys.skip(place + usize::from(stand.replaces)));
    let mut keys = before.chain(std::iter::once_with(key)).chain(after);
    match keys.find(|keyed| *keyed != Ok(None)) {
        Some(Ok(key)) => Otherwise { consulted, key },
        Some(Err(Failed)) => Otherwise { consulted: Consulted::Failed, key: None },
        None => Otherwise { consulted, key: None },
    }
}

fn chain(heard: &Heard, stand: Stand, said: &Said) -> Consulted {
    let place = stand.place.min(heard.said.len());
    let heard = heard.said.iter().map(|heard| (&heard.said, heard.on_error));
    let before = heard.clone().take(place);
    let after = heard.skip(place + usize::from(stand.replaces));
    let mut advice = Advice::default();
    for (said, on_error) in before.chain([(said, stand.on_error)]).chain(after) {
        if let Some(end) = take(&mut advice, said.clone(), on_error) {
            return end;
        }
    }
    Consulted::Advice(advice)
}

impl Otherwise {
    /// The decision that comes of it.
    pub(super) fn course(&self, scene: &Scene<'_>) -> Course<'_> {
        let planned = planned(&Scene { key: self.key, ..*scene }, &self.consulted, None);
        Course { place: place(&self.consulted, &planned), consulted: &self.consulted, key: self.key }
    }
}

/// A decision by one of two chains.
pub(super) struct Course<'a> {
    place: Place,
    consulted: &'a Consulted,
    key: Option<u64>,
}

impl<'a> Course<'a> {
    /// The decision that was made.
    pub(super) fn lived(scene: &Scene<'_>, consulted: &'a Consulted, planned: &Planned) -> Self {
        Self { place: place(consulted, planned), consulted, key: scene.key }
    }

    /// This one, without the policy that is compared, and the one with it.
    pub(super) fn compared(&self, with: &Self, scene: &Scene<'_>) -> Compared {
        let both_served = matches!((self.consulted, with.consulted), (Consulted::Advice(_), Consulted::Advice(_)));
        let home = scene.pin.and_then(|pin| pin.region);
        let differs = self.consulted != with.consulted || self.key != with.key;
        let other_key = both_served && self.key != with.key;
        Compared { other_key, ..Compared::of(self.place, with.place, differs, home) }
    }
}

/// Where an exchange goes.
fn place(consulted: &Consulted, planned: &Planned) -> Place {
    match (consulted, planned) {
        (Consulted::Reply(_), _) => Place::Answered,
        (Consulted::Advice(_), Some(Ok(plan))) => {
            plan.targets.first().map_or(Place::Refused, |target| Place::Region(target.region))
        }
        (Consulted::Advice(_) | Consulted::Failed, _) => Place::Refused,
    }
}
