//! Which of two policies acts while one is given to a share of the sessions.
//!
//! Owns what makes a session stay on its side: its cohort, which its token carries; a token from before the rollout has the
//! session's begin for it, and who has no token has the client's address, for IPv6 its first 64 bits, which goes into the token
//! once there is one. A larger share keeps the sessions of a smaller one, and every PoP comes to the same. A call that
//! fails is as if the session were on the other side, so a rollout costs no answer.

use super::beside::{Beside, Course, Stand, otherwise};
use super::facts::Facts;
use super::policies::{Consulted, Heard, Scene};
use super::{AskPolicy, Planned};
use crate::base::hash;
use crate::config::OnError;
use crate::policy::PolicyFailure;
use crate::snapshot::comparison::Compared;
use crate::snapshot::{PolicyUse, RolloutUse, Service};
use crate::steer::plan::Pin;
use crate::steer::verdict::Verdict;
use std::net::IpAddr;
use std::time::Duration;

/// The session's cohort; none where no policy of the service is given to a share of the sessions.
pub(super) fn cohort(service: &Service, pin: Option<&Pin>, facts: &Facts<'_>) -> Option<u32> {
    if service.policies.iter().all(|policy| policy.rollout.is_none()) {
        return None;
    }
    let hash = match pin {
        Some(Pin { cohort: Some(cohort), .. }) => return Some(*cohort),
        Some(pin) => hash::of(&[b"session", &pin.session_started.0.to_le_bytes()]),
        None => match facts.client.ip {
            IpAddr::V4(ip) => hash::of(&[b"client", &ip.octets()]),
            IpAddr::V6(ip) => hash::of(&[b"client", &ip.octets()[..8]]),
        },
    };
    Some((hash >> 32) as u32)
}

/// Where between 0 and 1 a cohort falls in the rollout of a policy: below its share the policy acts. It falls elsewhere for
/// each policy, so that it is not always the same sessions that try what is new.
pub(super) fn position(policy: &str, cohort: u32) -> f64 {
    hash::unit(hash::of(&[b"rollout", policy.as_bytes(), &cohort.to_le_bytes()]))
}

/// Whether this session is among those that a policy is given to.
fn gets(scene: &Scene<'_>, policy: &PolicyUse, rollout: &RolloutUse) -> bool {
    let is_below = |cohort| position(&policy.name, cohort) < rollout.share;
    rollout.returned.is_none() && scene.cohort.is_some_and(is_below)
}

/// Who acts in a policy's place for this session.
pub(super) fn acting<'a>(scene: &Scene<'_>, policy: &'a PolicyUse) -> Option<&'a PolicyUse> {
    match policy.rollout.as_deref() {
        Some(rollout) if !gets(scene, policy, rollout) => rollout.before.as_ref(),
        _ => Some(policy),
    }
}

/// What came of the question in one place of the chain.
pub(super) struct Turn<T> {
    pub(super) said: Result<T, PolicyFailure>,
    /// What a failure means.
    pub(super) on_error: OnError,
    /// Whether a policy acts that is given to a share of the sessions.
    pub(super) is_rollout: bool,
}

/// Asks whoever acts in a policy's place; `silence` is what is said where nobody does.
#[inline]
pub(super) fn turn<T>(
    scene: &Scene<'_>,
    policy: &PolicyUse,
    silence: T,
    mut ask: impl FnMut(&PolicyUse) -> Result<T, PolicyFailure>,
) -> Turn<T> {
    let Some(rollout) = policy.rollout.as_deref() else {
        return Turn { said: ask(policy), on_error: policy.on_error, is_rollout: false };
    };
    if gets(scene, policy, rollout)
        && let Ok(said) = ask(policy)
    {
        return Turn { said: Ok(said), on_error: policy.on_error, is_rollout: true };
    }
    match &rollout.before {
        Some(before) => Turn { said: ask(before), on_error: before.on_error, is_rollout: false },
        None => Turn { said: Ok(silence), on_error: OnError::Default, is_rollout: false },
    }
}

/// Whether it is looked at what would come without a policy that acts here.
pub(super) fn listens(scene: &Scene<'_>) -> bool {
    scene.cohort.is_some() && scene.service.policies.iter().any(|policy| is_compared(scene, policy))
}

/// Whether a policy acts for this session as one that is given to a share of them, and is compared.
pub(super) fn is_compared(scene: &Scene<'_>, policy: &PolicyUse) -> bool {
    policy.rollout.as_deref().is_some_and(|rollout| rollout.compares && gets(scene, policy, rollout))
}

/// Asks those in whose place others acted, and hands on what those changed.
pub(super) fn compare(scene: &Scene<'_>, heard: &Heard, decided: &Consulted, live: &Planned, ask: &mut dyn AskPolicy) {
    let lived = Course::lived(scene, decided, live);
    let acted = heard.said.iter().enumerate().filter(|(_, heard)| heard.is_rollout);
    for (at, one) in acted {
        let rollout = scene.service.policies.get(at).and_then(|policy| policy.rollout.as_deref());
        let Some(rollout) = rollout.filter(|rollout| rollout.compares) else { continue };
        let stand = Stand { place: at, replaces: true, on_error: OnError::Default };
        let (without, took) = match &rollout.before {
            None => (otherwise(heard, stand, &Ok(Verdict::Pass), || Ok(None)), Duration::ZERO),
            Some(before) => {
                let mut beside = Beside::new(scene, before, ask);
                let said = beside.said(one.fence);
                let without = otherwise(heard, stand, &said, || beside.key());
                // One that fails has no opinion to differ from.
                if beside.failed {
                    continue;
                }
                (without, beside.took)
            }
        };
        let compared = Compared { took, ..without.course(scene).compared(&lived, scene) };
        ask.compared(&rollout.comparisons, &compared);
    }
}
