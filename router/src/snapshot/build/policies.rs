//! The policies of a service: those that act, and those that are only compared.
//!
//! Owns which of them stand where, and that counters of a comparison go on while what is compared stays the same. Used by
//! `build` only.

use super::super::comparison::Comparisons;
use super::super::{Compared, PolicyUse, RolloutUse, Service, ShadowUse};
use super::Inputs;
use super::directories::Directories;
use crate::config;
use crate::policy::FAILURE_WORDS;
use std::sync::Arc;

/// Words that a policy call can end with, besides its failures.
const VERDICT_WORDS: [&str; 7] = ["pass", "route", "respond", "key", "no-key", "amend", "next"];

/// The policies that act.
pub(super) fn live(
    inputs: &Inputs<'_>,
    service: usize,
    directories: &Directories,
    before: Option<&Service>,
) -> Vec<PolicyUse> {
    let stands = |Stand { policy: index, before: replaced }: Stand| {
        let mut policy = one(inputs, service, index, directories)?;
        let Some(rollout) = inputs.live.policies[index].rollout else { return Some(policy) };
        policy.rollout = Some(Box::new(RolloutUse {
            share: rollout.share,
            before: replaced.and_then(|index| one(inputs, service, index, directories)),
            returned: inputs.known.returned.get(&policy.name).cloned(),
            compares: rollout.disagreements.is_some(),
            comparisons: counters(&policy, &inputs.live.services[service], before, Service::rollouts),
        }));
        Some(policy)
    };
    acting(inputs, service).filter_map(stands).collect()
}

/// The policies that are asked without acting.
pub(super) fn shadows(
    inputs: &Inputs<'_>,
    service: usize,
    directories: &Directories,
    before: Option<&Service>,
) -> Vec<ShadowUse> {
    let spec = &inputs.live.services[service];
    let shadow_of = |index: &usize| inputs.live.policies.get(*index).and_then(|policy| policy.shadow);
    let mut shadows = Vec::new();
    for (at, index) in spec.policies.iter().enumerate() {
        let Some(shadow) = shadow_of(index) else { continue };
        let place = spec.policies[..at].iter().filter(|before| is_place(inputs, before)).count();
        let replaced =
            shadow.replaces.and_then(|replaced| acting(inputs, service).position(|stand| stand.is_of(replaced)));
        shadows.extend(one(inputs, service, *index, directories).map(|policy| ShadowUse {
            comparisons: counters(&policy, spec, before, Service::shadowed),
            place: replaced.unwrap_or(place),
            replaces: replaced.is_some(),
            share: shadow.share,
            policy,
        }));
    }
    shadows
}

/// Whether policies as published need no replacement.
pub(super) fn same(before: &Service, built: &Service) -> bool {
    let same_shadow = |(a, b): (&ShadowUse, &ShadowUse)| {
        let same_counters = Arc::ptr_eq(&a.comparisons, &b.comparisons);
        let place = (a.place, a.replaces, a.share) == (b.place, b.replaces, b.share);
        same_counters && place && same_policy(&a.policy, &b.policy)
    };
    before.policies.len() == built.policies.len()
        && before.policies.iter().zip(&built.policies).all(|(a, b)| same_policy(a, b))
        && before.shadows.len() == built.shadows.len()
        && before.shadows.iter().zip(&built.shadows).all(same_shadow)
}

fn same_policy(a: &PolicyUse, b: &PolicyUse) -> bool {
    let same_code = Arc::ptr_eq(&a.loaded, &b.loaded) && Arc::ptr_eq(&a.directory, &b.directory);
    let same_rollout = match (&a.rollout, &b.rollout) {
        (None, None) => true,
        (Some(a), Some(b)) => same_rollout(a, b),
        _ => false,
    };
    same_code && same_rollout && (&a.name, a.first_region, a.on_error) == (&b.name, b.first_region, b.on_error)
}

fn same_rollout(a: &RolloutUse, b: &RolloutUse) -> bool {
    let same_before = match (&a.before, &b.before) {
        (None, None) => true,
        (Some(a), Some(b)) => same_policy(a, b),
        _ => false,
    };
    same_before
        && Arc::ptr_eq(&a.comparisons, &b.comparisons)
        && (a.share, a.compares, &a.returned) == (b.share, b.compares, &b.returned)
}

/// A place in a service's chain: who stands there, and who stood there before and keeps some sessions.
struct Stand {
    policy: usize,
    before: Option<usize>,
}

impl Stand {
    fn is_of(&self, policy: usize) -> bool {
        self.policy == policy || self.before == Some(policy)
    }
}

/// The places of a service's chain, in order.
fn acting(inputs: &Inputs<'_>, service: usize) -> impl Iterator<Item = Stand> {
    let (policies, asked) = (&inputs.live.policies, &inputs.live.services[service].policies);
    let replaces = |index: &usize| policies.get(*index).and_then(|policy| policy.rollout?.replaces);
    let stands = move |index: &usize| match asked.iter().find(|next| replaces(next) == Some(*index)) {
        Some(next) => Stand { policy: *next, before: Some(*index) },
        None => Stand { policy: *index, before: None },
    };
    asked.iter().filter(|index| is_place(inputs, index)).map(stands)
}

/// Whether a policy of a chain has a place of its own in it. One that replaces another stands where that one is named.
fn is_place(inputs: &Inputs<'_>, index: &usize) -> bool {
    let replaces = |policy: &config::Policy| policy.rollout.is_some_and(|rollout| rollout.replaces.is_some());
    inputs.live.policies.get(*index).is_some_and(|policy| policy.shadow.is_none() && !replaces(policy))
}

fn one(inputs: &Inputs<'_>, service: usize, index: usize, directories: &Directories) -> Option<PolicyUse> {
    let policy = inputs.live.policies.get(index)?;
    let (directory, first_region) = directories.find(index, service)?;
    let outcomes: Vec<&'static str> = VERDICT_WORDS.into_iter().chain(FAILURE_WORDS).collect();
    Some(PolicyUse {
        name: Arc::clone(&policy.name),
        loaded: Arc::clone(inputs.parts.policies.get(index)?),
        directory,
        first_region,
        on_error: policy.on_error,
        metrics: inputs.metrics.policy(&policy.name, &outcomes),
        rollout: None,
    })
}

/// The counters in use while code, configuration, role and regions are the same, else fresh ones.
fn counters<'a, I: Iterator<Item = Compared<'a>>>(
    policy: &PolicyUse,
    spec: &config::Service,
    before: Option<&'a Service>,
    compared: impl FnOnce(&'a Service) -> I,
) -> Arc<Comparisons> {
    let same_regions = |before: &&Service| {
        before.spec.regions.len() == spec.regions.len()
            && before.spec.regions.iter().zip(&spec.regions).all(|(a, b)| a.name == b.name)
    };
    let known = before.filter(same_regions).map(compared);
    let known = known.and_then(|mut known| known.find(|(known, _)| Arc::ptr_eq(&known.loaded, &policy.loaded)));
    known.map_or_else(|| Arc::new(Comparisons::new(spec.regions.len())), |(_, known)| Arc::clone(known))
}
