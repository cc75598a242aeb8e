//! What policies that do not act would make of an answer.
//!
//! Owns the comparison: what those that act said is taken as given, the other one is asked in its place, and the chain is merged
//! once more. Compared is what anybody would notice: another region asked, another pin, other headers. It runs when the chain is
//! settled and before the client has the answer, so a policy that fails or is slow here costs time on the worker and nothing else.

use super::{Answer, Hearing, Kept, Known, Said, merged};
use crate::decide::Forward;
use crate::decide::policies::Scene;
use crate::decide::{rollout, shadow};
use crate::policy::{Ask, Outcome};
use crate::snapshot::PolicyUse;
use crate::snapshot::comparison::{ComparedAnswer, Comparisons};
use crate::steer::verdict::{Edit, PinAction, Reaction};
use http::HeaderMap;

/// A policy that is asked beside those that act.
#[derive(Debug)]
pub(super) struct Other {
    whose: Whose,
    /// None where it has no word in this.
    known: Option<Known>,
}

#[derive(Debug, Clone, Copy)]
enum Whose {
    /// A shadow, by its place among them.
    Shadow(usize),
    /// The one in whose place a policy acts for this session.
    Before(usize),
}

/// Who is asked beside `acting` about the answer to this request.
pub(super) fn others(scene: &Scene<'_>, acting: &[Kept]) -> Vec<Other> {
    let acts = |place: usize| acting.iter().any(|kept| kept.place == place);
    let known = |policy: &PolicyUse| policy.loaded.hears().then(|| Known::of(scene, policy));
    let shadows = scene.service.shadows.iter().enumerate();
    let shadows = shadows.filter(|(_, shadow)| shadow::is_drawn(shadow, scene)).filter_map(|(index, shadow)| {
        let known = known(&shadow.policy);
        let bears = known.is_some() || (shadow.replaces && acts(shadow.place));
        bears.then_some(Other { whose: Whose::Shadow(index), known })
    });
    let compared = |place: &usize| rollout::is_compared(scene, &scene.service.policies[*place]);
    let before = (0..scene.service.policies.len()).filter(compared).filter_map(|place| {
        let known = scene.service.policies[place].before().and_then(known);
        let bears = known.is_some() || acts(place);
        bears.then_some(Other { whose: Whose::Before(place), known })
    });
    shadows.chain(before).collect()
}

/// What is to be known of another policy to put it in its place.
struct Stand<'a> {
    policy: Option<&'a PolicyUse>,
    place: usize,
    replaces: bool,
    comparisons: &'a Comparisons,
    /// Whether it is nothing to compare when it fails.
    drops_failures: bool,
}

impl Forward<'_> {
    /// Asks those that do not act, and counts what differs from what came of the chain.
    pub(super) fn compare(
        &self,
        hearing: &Hearing,
        answer: &Answer<'_>,
        heard: &[(usize, Reaction)],
        came: &Reaction,
        ask: &mut impl FnMut(&PolicyUse, &Ask<'_>, &Outcome<'_>) -> Said,
    ) {
        for other in &hearing.others {
            let Some(stand) = self.stand(other.whose) else { continue };
            let before = heard.iter().filter(|(place, _)| *place < stand.place);
            // One before it had another region asked: it would not have been asked.
            if answer.may_retry && before.clone().any(|(_, said)| *said == Reaction::Next) {
                continue;
            }
            let mut compared = ComparedAnswer::default();
            let said = stand.policy.zip(other.known.as_ref()).map_or(Reaction::Pass, |(policy, known)| {
                let (said, took) = self.put(hearing, policy, known, answer, ask);
                (compared.failed, compared.took) = (said.is_err(), took);
                said.unwrap_or(Reaction::Pass)
            });
            if compared.failed && stand.drops_failures {
                continue;
            }
            let after = heard.iter().filter(|(place, _)| *place >= stand.place + usize::from(stand.replaces));
            let others = |heard: &(usize, Reaction)| heard.1.clone();
            let otherwise = merged(before.map(others).chain([said]).chain(after.map(others)), answer.may_retry);
            self.differ(came, &otherwise, answer.headers, &mut compared);
            stand.comparisons.count_answer(&compared);
        }
    }

    fn stand(&self, whose: Whose) -> Option<Stand<'_>> {
        match whose {
            Whose::Shadow(index) => self.service.shadows.get(index).map(|shadow| Stand {
                policy: Some(&shadow.policy),
                place: shadow.place,
                replaces: shadow.replaces,
                comparisons: &shadow.comparisons,
                drops_failures: false,
            }),
            Whose::Before(place) => self.service.policies.get(place)?.rollout.as_deref().map(|rollout| Stand {
                policy: rollout.before.as_ref(),
                place,
                replaces: true,
                comparisons: &rollout.comparisons,
                drops_failures: true,
            }),
        }
    }

    /// Notes what anybody would notice of the difference between two reactions.
    fn differ(&self, one: &Reaction, other: &Reaction, headers: &HeaderMap, compared: &mut ComparedAnswer) {
        let asks_next = |said: &Reaction| *said == Reaction::Next;
        compared.next = asks_next(one) != asks_next(other);
        if compared.next {
            return;
        }
        let ((pin, edits), (other_pin, other_edits)) = (parts(one), parts(other));
        let has_pins = self.service.spec.affinity.is_some();
        compared.pin = has_pins && pin != other_pin && self.pin_after(pin) != self.pin_after(other_pin);
        compared.headers = edits != other_edits && edited(headers, edits) != edited(headers, other_edits);
    }
}

fn parts(said: &Reaction) -> (&PinAction, &[Edit]) {
    match said {
        Reaction::Amend(amendment) => (&amendment.pin, &amendment.edits),
        Reaction::Pass | Reaction::Next => (&PinAction::Keep, &[]),
    }
}

fn edited(headers: &HeaderMap, edits: &[Edit]) -> HeaderMap {
    let mut headers = headers.clone();
    edits.iter().for_each(|edit| edit.apply(&mut headers));
    headers
}
