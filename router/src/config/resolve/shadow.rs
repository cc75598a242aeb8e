//! Policies that are asked without acting.
//!
//! Owns which keys of a shadow go together, and that the policy it would replace is there to be compared with. Called by
//! `policy` and `service`.

use super::policy::NamedPolicy;
use super::{Resolver, known, or};
use crate::config::Shadow;
use crate::config::raw::{RawConfig, RawPolicy};
use crate::config::value::{At, FreeText, Name, Written};

impl Resolver<'_> {
    /// How a policy is a shadow, when it is one. The outer none is an error.
    pub(super) fn shadow(
        &mut self,
        name: &At<Written<Name>>,
        raw: &RawPolicy,
        all: &[&NamedPolicy],
    ) -> Option<Option<Shadow>> {
        if !or(&raw.shadow, |shadow| *shadow, false) {
            let share = raw.shadow_share.as_ref().map(|share| (&share.span, "shadow_share"));
            let replaces = raw.replaces.as_ref().map(|replaces| (&replaces.span, "replaces"));
            let needless: Vec<_> = share.into_iter().chain(replaces).collect();
            for (span, key) in &needless {
                let error = self.error(span, format!("`{key}` is for shadows, and this policy is none"));
                error.help.push("add `shadow = true`, or take it out".into());
            }
            return needless.is_empty().then_some(None);
        }
        let replaces = match &raw.replaces {
            None => None,
            Some(replaced) => Some(self.replaced(name, replaced, all)?),
        };
        Some(Some(Shadow { share: or(&raw.shadow_share, |share| share.0, 1.0), replaces }))
    }

    /// Index of the policy that a shadow would replace.
    fn replaced(
        &mut self,
        name: &At<Written<Name>>,
        replaced: &At<Written<FreeText>>,
        all: &[&NamedPolicy],
    ) -> Option<usize> {
        let text = replaced.value.0.0.as_str();
        let found = all.iter().position(|(other, _)| other.value.0.0 == text);
        let is_shadow = |index: &usize| or(&all[*index].1.value.shadow, |shadow| *shadow, false);
        let message = match found {
            Some(_) if text == name.value.0.0 => "a policy cannot replace itself".to_owned(),
            Some(index) if is_shadow(&index) => format!("the policy \"{text}\" is a shadow too: it decides nothing"),
            Some(index) => return Some(index),
            None => format!("there is no policy \"{text}\""),
        };
        let names = known(all.iter().map(|(other, _)| other.value.0.0.as_str()));
        self.error(&replaced.span, message).help.push(names);
        None
    }

    /// Whether every shadow of a service has beside it what it would replace.
    pub(super) fn shadows_have_company(
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
            let text = format!("the shadow \"{}\" stands for \"{wanted}\"", name.value.0.0);
            let error = self.error(&name.span, format!("{text}, which this service does not ask"));
            error.help.push(format!("name \"{wanted}\" here too"));
            fine = false;
        }
        fine
    }
}
