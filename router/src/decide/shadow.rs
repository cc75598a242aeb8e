//! Policies that do not act: what each of them would have changed.
//!
//! Owns which of them are asked about an exchange. The comparison is `beside`'s. Runs when everything is decided, so a shadow
//! that fails, is slow or is quarantined costs time on the worker and nothing else.

use super::beside::{Beside, Course, Stand, otherwise};
use super::policies::{Consulted, Heard, Scene};
use super::trace::Trace;
use super::{AskPolicy, Planned};
use crate::base::{RegionSet, hash};
use crate::snapshot::comparison::Compared;
use crate::snapshot::{PolicyUse, Service, ShadowUse};

/// Sets the choice of decisions that are compared apart from the seed's other uses.
const PURPOSE_SHADOW: u64 = 0x7368_6164_6f77_0001;

/// Whether any shadow is asked about this decision: then what the others say is kept for it.
pub(super) fn listens(scene: &Scene<'_>) -> bool {
    scene.service.shadows.iter().any(|shadow| is_asked(shadow, scene))
}

/// By the dice; a question of the operator's asks them all. What bears on no decision is not asked about one.
fn is_asked(shadow: &ShadowUse, scene: &Scene<'_>) -> bool {
    scene.is_traced || (bears_on_decisions(shadow, scene.service) && is_drawn(shadow, scene))
}

/// Whether a decision can come out otherwise: it, or the one in whose place it stands, exports a hook that decides.
fn bears_on_decisions(shadow: &ShadowUse, service: &Service) -> bool {
    let decides = |policy: &PolicyUse| policy.loaded.routes() || policy.loaded.keys();
    let replaced = service.policies.get(shadow.place).filter(|_| shadow.replaces);
    decides(&shadow.policy) || replaced.is_some_and(|policy| decides(policy) || policy.before().is_some_and(decides))
}

/// Whether this exchange is among those that it is compared for.
pub(super) fn is_drawn(shadow: &ShadowUse, scene: &Scene<'_>) -> bool {
    hash::unit(hash::mix(scene.facts.seed ^ PURPOSE_SHADOW)) < shadow.share
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
    let lived = Course::lived(scene, decided, live);
    for shadow in scene.service.shadows.iter().filter(|shadow| is_asked(shadow, scene)) {
        // One before it ended the chain: it would not have been asked.
        let Some(fence) = fence_at(heard, shadow.place, decided) else { continue };
        let mut beside = Beside::new(scene, &shadow.policy, ask);
        let said = beside.said(fence);
        let stand = Stand { place: shadow.place, replaces: shadow.replaces, on_error: shadow.policy.on_error };
        let otherwise = otherwise(heard, stand, &said, || beside.key());
        let Beside { failed, took, traces, .. } = beside;
        let compared = Compared { failed, took, ..lived.compared(&otherwise.course(scene), scene) };
        ask.compared(&shadow.comparisons, &compared);
        if let Some(trace) = trace.as_deref_mut() {
            trace.policies.extend(traces.into_iter().map(|one| one.of_shadow(compared)));
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
