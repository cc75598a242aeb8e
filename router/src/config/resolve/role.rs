//! Policies that do not act for everybody: shadows, and those that are given to a share of the sessions.
//!
//! Owns which of their keys go together, and that the policy in whose place they stand is there. Called by `policy` and
//! `service`.

use super::policy::NamedPolicy;
use super::{Resolver, known, or};
use crate::config::raw::{RawConfig, RawPolicy, RawRollout};
use crate::config::value::{At, FreeText, Name, Written};
use crate::config::{Rollout, Shadow, defaults};

/// What a policy is besides one that acts for everybody: a shadow, or one that is given to a share of the sessions.
type Role = (Option<Shadow>, Option<Rollout>);

impl Resolver<'_> {
    /// The role of a policy. None is an error.
    pub(super) fn role(&mut self, name: &At<Written<Name>>, raw: &RawPolicy, all: &[&NamedPolicy]) -> Option<Role> {
        let is_shadow = is_shadow(raw);
        let fine = self.keys_go_together(raw, is_shadow);
        let replaces = match &raw.replaces {
            Some(replaced) if is_shadow || raw.rollout.is_some() => self.replaced(name, raw, replaced, all).map(Some),
            _ => Some(None),
        };
        let rollout = match &raw.rollout {
            Some(rollout) => self.rollout(rollout).map(Some),
            None => Some(None),
        };
        let (replaces, rollout) = (replaces?, rollout?);
        let shadow = is_shadow.then(|| Shadow { share: or(&raw.shadow_share, |share| share.0, 1.0), replaces });
        fine.then(|| (shadow, rollout.map(|rollout| Rollout { replaces, ..rollout })))
    }

    /// Whether the keys that say what a policy is fit each other.
    fn keys_go_together(&mut self, raw: &RawPolicy, is_shadow: bool) -> bool {
        let mut fine = true;
        let mut wrong = |this: &mut Self, span, message: &str, help: &str| {
            this.error(span, message).help.push(help.into());
            fine = false;
        };
        if let Some(rollout) = raw.rollout.as_ref().filter(|_| is_shadow) {
            let help = "a shadow acts for nobody: take `shadow` out to begin the rollout";
            wrong(self, &rollout.span, "a policy is a shadow or has a rollout, not both", help);
        }
        if let Some(share) = raw.shadow_share.as_ref().filter(|_| !is_shadow) {
            let help = "add `shadow = true`, or take it out";
            wrong(self, &share.span, "`shadow_share` is for shadows, and this policy is none", help);
        }
        if let Some(replaces) = raw.replaces.as_ref().filter(|_| !is_shadow && raw.rollout.is_none()) {
            let help = "add `shadow = true` or `rollout = { share = .. }`, or take it out";
            wrong(self, &replaces.span, "`replaces` is for shadows and rollouts, and this policy is neither", help);
        }
        fine
    }

    fn rollout(&mut self, rollout: &At<RawRollout>) -> Option<Rollout> {
        let raw = &rollout.value;
        let share = self.need(&raw.share, &rollout.span, "share", "the share of the sessions that it gets, 0 to 1")?;
        Some(Rollout {
            share: share.value.0,
            replaces: None,
            errors: or(&raw.errors, |share| share.0, defaults::ROLLOUT_ERRORS),
            disagreements: raw.disagreements.as_ref().map(|share| share.value.0),
            window: or(&raw.window, |time| time.0.0, defaults::ROLLOUT_WINDOW),
            calls_min: or(&raw.calls_min, |count| count.0, defaults::ROLLOUT_CALLS_MIN).into(),
        })
    }

    /// Index of the policy in whose place another one stands.
    fn replaced(
        &mut self,
        name: &At<Written<Name>>,
        raw: &RawPolicy,
        replaced: &At<Written<FreeText>>,
        all: &[&NamedPolicy],
    ) -> Option<usize> {
        let text = replaced.value.0.0.as_str();
        let found = all.iter().position(|(other, _)| other.value.0.0 == text);
        // Who else is given the sessions of the same policy.
        let rival = all.iter().find(|(other, policy)| {
            let policy = &policy.value;
            let same = policy.replaces.as_ref().is_some_and(|other| other.value.0.0 == text);
            same && policy.rollout.is_some() && !is_shadow(policy) && other.value.0.0 != name.value.0.0
        });
        let message = match found {
            Some(_) if text == name.value.0.0 => "a policy cannot replace itself".to_owned(),
            Some(index) if is_shadow(&all[index].1.value) => {
                format!("the policy \"{text}\" is a shadow: it decides nothing")
            }
            Some(index) if all[index].1.value.rollout.is_some() => {
                format!("the policy \"{text}\" acts for a share of the sessions only: it cannot be replaced")
            }
            Some(index) => match rival.filter(|_| !is_shadow(raw)) {
                None => return Some(index),
                Some((other, _)) => format!("the policy \"{text}\" is replaced by \"{}\" too", other.value.0.0),
            },
            None => format!("there is no policy \"{text}\""),
        };
        let names = known(all.iter().map(|(other, _)| other.value.0.0.as_str()));
        self.error(&replaced.span, message).help.push(names);
        None
    }

    /// Whether every policy of a service that stands for another has that one beside it.
    pub(super) fn replaced_are_there(
        &mut self,
        config: &At<RawConfig>,
        list: &[At<Written<FreeText>>],
        indices: &[usize],
    ) -> bool {
        let policies: Vec<_> = config.value.policies.iter().flat_map(|policies| &policies.value.0).collect();
        let mut fine = true;
        for (name, index) in list.iter().zip(indices) {
            let Some(replaces) = policies.get(*index).and_then(|(_, policy)| policy.value.replaces.as_ref()) else {
                continue;
            };
            let wanted = replaces.value.0.0.as_str();
            if list.iter().any(|other| other.value.0.0 == wanted) {
                continue;
            }
            let what = if is_shadow(&policies[*index].1.value) { "shadow" } else { "policy" };
            let text = format!("the {what} \"{}\" stands for \"{wanted}\"", name.value.0.0);
            let error = self.error(&name.span, format!("{text}, which this service does not ask"));
            error.help.push(format!("name \"{wanted}\" here too"));
            fine = false;
        }
        fine
    }
}

fn is_shadow(raw: &RawPolicy) -> bool {
    or(&raw.shadow, |shadow| *shadow, false)
}
