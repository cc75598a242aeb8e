//! Policies that do not act: what each of them would have changed.
//!
//! Owns the comparison: the shadow is asked in its place, what the others said is taken as given, and the host plans once
//! more with the same seed and loads. Runs when everything is decided, so a shadow that fails, is slow or is quarantined
//! costs time on the worker and nothing else.

use super::policies::{Consulted, Heard, Said, Scene, ask_one, take};
use super::trace::{PolicyTrace, Trace};
use super::{AskPolicy, Planned, planned};
use crate::base::{RegionSet, hash};
use crate::config::OnError;
use crate::snapshot::ShadowUse;
use crate::snapshot::comparison::{Compared, Place};
use crate::steer::verdict::Advice;

/// Sets the choice of decisions that are compared apart from the seed's other uses.
const PURPOSE_SHADOW: u64 = 0x7368_6164_6f77_0001;

/// Whether any shadow is asked about this decision: then what the others say is kept for it.
pub(super) fn listens(scene: &Scene<'_>) -> bool {
    scene.service.shadows.iter().any(|shadow| is_asked(shadow, scene))
}

/// By the dice; a question of the operator's asks them all.
fn is_asked(shadow: &ShadowUse, scene: &Scene<'_>) -> bool {
    scene.is_traced || hash::unit(hash::mix(scene.facts.seed ^ PURPOSE_SHADOW)) < shadow.share
}

/// Asks the shadows and hands on what they would have changed.
pub(super) fn compare(
    scene: &Scene<'_>,
    heard: &Heard,
    decided: &Consulted,
    live: &Planned,
    ask: &mut dyn AskPolicy,
    mut trace: Option<&mut Trace>,
) {
    let from = place(decided, live);
    let home = scene.pin.and_then(|pin| pin.region);
    for shadow in scene.service.shadows.iter().filter(|shadow| is_asked(shadow, scene)) {
        // One before it ended the chain: it would not have been asked.
        let Some(fence) = fence_at(heard, shadow.place, decided) else { continue };
        let said = ask_one(scene, &shadow.policy, fence, ask);
        let failed = said.is_err();
        let trace_of =
            |ask: &mut dyn AskPolicy| PolicyTrace::new(scene.service, &shadow.policy, &said, ask.took(), &ask.noted());
        let mut traced = scene.is_traced.then(|| trace_of(ask));
        let otherwise = otherwise(heard, shadow.place, shadow.replaces, (&said, shadow.policy.on_error));
        let to = place(&otherwise, &planned(scene, &otherwise, None));
        let compared = Compared { failed, ..Compared::of(from, to, otherwise != *decided, home) };
        ask.compared(&shadow.comparisons, &compared);
        if let (Some(trace), Some(mut traced)) = (trace.as_deref_mut(), traced.take()) {
            traced.would = Some(compared);
            trace.policies.push(traced);
        }
    }
}

/// The fence that a policy at this place meets; none when it is not asked there.
fn fence_at(heard: &Heard, place: usize, decided: &Consulted) -> Option<Option<RegionSet>> {
    match (heard.said.get(place), decided) {
        (Some(heard), _) => Some(heard.fence),
        // At the end of a chain that was asked to its end.
        (None, Consulted::Advice(advice)) => Some(advice.fence),
        (None, Consulted::Reply(_) | Consulted::Failed) => None,
    }
}

/// What the chain would have come to with another policy in it: before the one at this place, or instead of it.
pub(super) fn otherwise(heard: &Heard, place: usize, replaces: bool, other: (&Said, OnError)) -> Consulted {
    let place = place.min(heard.said.len());
    let heard = heard.said.iter().map(|heard| (&heard.said, heard.on_error));
    let before = heard.clone().take(place);
    let after = heard.skip(place + usize::from(replaces));
    let mut advice = Advice::default();
    for (said, on_error) in before.chain([other]).chain(after) {
        if let Some(end) = take(&mut advice, said.clone(), on_error) {
            return end;
        }
    }
    Consulted::Advice(advice)
}

/// Where an exchange goes.
pub(super) fn place(consulted: &Consulted, planned: &Planned) -> Place {
    match (consulted, planned) {
        (Consulted::Reply(_), _) => Place::Answered,
        (Consulted::Advice(_), Some(Ok(plan))) => {
            plan.targets.first().map_or(Place::Refused, |target| Place::Region(target.region))
        }
        (Consulted::Advice(_) | Consulted::Failed, _) => Place::Refused,
    }
}
