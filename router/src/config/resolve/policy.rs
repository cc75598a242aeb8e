//! Policies.
//!
//! Owns their defaults. Loads no component.

use super::{Resolver, or, shared};
use crate::config::raw::{RawBucket, RawConfig, RawIsolation, RawOnError, RawPolicy};
use crate::config::value::{At, Name, Written};
use crate::config::{Bucket, BucketQuota, ComponentSettings, Isolation, OnError, Policy, PolicyLimits, defaults};
use std::time::Duration;

/// A policy as the file has it.
pub(super) type NamedPolicy = (At<Written<Name>>, At<RawPolicy>);

impl Resolver<'_> {
    pub(super) fn policies(&mut self, raw: &At<RawConfig>, fetched: &ComponentSettings) -> Option<Vec<Policy>> {
        let named = || raw.value.policies.iter().flat_map(|policies| &policies.value.0);
        let all: Vec<_> = named().collect();
        let policies: Vec<_> = named().map(|(name, policy)| self.policy(name, policy, &all, fetched)).collect();
        policies.into_iter().collect()
    }

    fn policy(
        &mut self,
        name: &At<Written<Name>>,
        policy: &At<RawPolicy>,
        all: &[&NamedPolicy],
        fetched: &ComponentSettings,
    ) -> Option<Policy> {
        let raw = &policy.value;
        let role = self.role(name, raw, all);
        let component = self.component(policy, fetched)?;
        let limits = raw.limits.as_ref().map(|limits| &limits.value);
        let memory =
            limits.map_or(defaults::POLICY_MEMORY, |l| or(&l.memory, |size| size.0.0, defaults::POLICY_MEMORY));
        let time = |l: &_| -> Duration { time_of(l) };
        // An absent configuration is the empty table, so that a policy always gets a JSON object it can read.
        let config = raw.config.as_ref().map_or_else(|| "{}".into(), |config| config.value.0.to_string());
        let (shadow, rollout) = role?;
        Some(Policy {
            name: shared(name),
            component,
            config: config.into_bytes().into(),
            on_error: or(&raw.on_error, on_error, OnError::Default),
            limits: PolicyLimits { memory: memory as usize, time: limits.map_or(defaults::POLICY_TIME, time) },
            isolation: or(&raw.isolation, isolation, Isolation::Worker),
            shadow,
            rollout,
            kv: raw.kv.iter().flat_map(|kv| &kv.value.0).map(|(name, bucket)| granted(name, &bucket.value)).collect(),
            http: self.outgoing(raw)?,
            config_at: raw.config.as_ref().and_then(|config| self.place_of(&config.span)),
            component_at: raw.component.as_ref().and_then(|component| self.place_of(&component.span)),
        })
    }
}

fn time_of(limits: &crate::config::raw::RawPolicyLimits) -> Duration {
    or(&limits.time, |time| time.0.0, defaults::POLICY_TIME)
}

fn isolation(raw: &RawIsolation) -> Isolation {
    match raw {
        RawIsolation::Worker => Isolation::Worker,
        RawIsolation::Request => Isolation::Request,
    }
}

fn granted(name: &At<Written<Name>>, raw: &RawBucket) -> Bucket {
    let quota = BucketQuota {
        entries: or(&raw.entries, |entries| entries.0, defaults::BUCKET_ENTRIES).into(),
        bytes: or(&raw.size, |size| size.0.0, defaults::BUCKET_SIZE),
        value: or(&raw.value_size, |size| size.0.0, defaults::BUCKET_VALUE),
    };
    Bucket { name: shared(name), quota }
}

fn on_error(raw: &RawOnError) -> OnError {
    match raw {
        RawOnError::Default => OnError::Default,
        RawOnError::Reject => OnError::Reject,
    }
}
