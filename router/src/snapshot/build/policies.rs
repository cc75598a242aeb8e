//! The policies of a service: those that act, and those that are only compared.
//!
//! Owns which of them stand where, and that counters of a comparison go on while what is compared stays the same. Used by
//! `build` only.

use super::super::comparison::Comparisons;
use super::super::{PolicyUse, Service, ShadowUse};
use super::Inputs;
use super::directories::Directories;
use crate::config;
use crate::policy::FAILURE_WORDS;
use std::sync::Arc;

/// Words that a policy call can end with, besides its failures.
const VERDICT_WORDS: [&str; 7] = ["pass", "route", "respond", "key", "no-key", "amend", "next"];

/// The policies that act.
pub(super) fn live(inputs: &Inputs<'_>, service: usize, directories: &Directories) -> Vec<PolicyUse> {
    acting(inputs, service).filter_map(|index| one(inputs, service, index, directories)).collect()
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
        let place = spec.policies[..at].iter().filter(|before| shadow_of(before).is_none()).count();
        let replaced = shadow.replaces.and_then(|replaced| acting(inputs, service).position(|index| index == replaced));
        shadows.extend(one(inputs, service, *index, directories).map(|policy| ShadowUse {
            comparisons: counters(&policy, spec, before),
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
    same_code && (&a.name, a.first_region, a.on_error) == (&b.name, b.first_region, b.on_error)
}

/// Indices of the policies of a service that act, in order.
fn acting(inputs: &Inputs<'_>, service: usize) -> impl Iterator<Item = usize> {
    let policies = &inputs.live.policies;
    let indices = inputs.live.services[service].policies.iter().copied();
    indices.filter(|index| policies.get(*index).is_some_and(|policy| policy.shadow.is_none()))
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
    })
}

/// The counters in use while code, configuration and regions are the same, else fresh ones.
fn counters(policy: &PolicyUse, spec: &config::Service, before: Option<&Service>) -> Arc<Comparisons> {
    let same_regions = |before: &&Service| {
        before.spec.regions.len() == spec.regions.len()
            && before.spec.regions.iter().zip(&spec.regions).all(|(a, b)| a.name == b.name)
    };
    let shadows = before.filter(same_regions).map_or(&[][..], |before| &before.shadows);
    let known = shadows.iter().find(|shadow| Arc::ptr_eq(&shadow.policy.loaded, &policy.loaded));
    known.map_or_else(|| Arc::new(Comparisons::new(spec.regions.len())), |known| Arc::clone(&known.comparisons))
}
