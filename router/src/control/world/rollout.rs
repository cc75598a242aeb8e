//! Policies that are given to a share of the sessions, and give them back when they do badly.
//!
//! Owns the counts of each rollout over its window and the verdict on it. What was given back stays so until the operator
//! changes the rollout (its settings, its component or its configuration, or those of the policy that it replaces) or says so
//! by command; a reload that changes none of them changes nothing. Pure: counts come as an event. Called by `World::apply`.

use super::{Effect, InForce, Severity, World};
use crate::base::Timestamp;
use crate::config;
use crate::policy::Digest;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Parts of a window that are told apart: the oldest is dropped at a time.
const PARTS: u32 = 60;

/// What a policy did that is given to a share of the sessions, since some moment in the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Calls.
    pub calls: u64,
    /// Of those: without a verdict.
    pub failed: u64,
    /// Decisions that were compared with what comes without the policy.
    pub compared: u64,
    /// Of those: sent elsewhere.
    pub moved: u64,
}

impl Tally {
    fn since(self, before: Self) -> Self {
        Self {
            calls: self.calls.saturating_sub(before.calls),
            failed: self.failed.saturating_sub(before.failed),
            compared: self.compared.saturating_sub(before.compared),
            moved: self.moved.saturating_sub(before.moved),
        }
    }

    /// Whether it cannot have come after `before`: the counters began anew.
    fn is_anew(self, before: Self) -> bool {
        self.calls < before.calls || self.compared < before.compared
    }
}

/// Why sessions were given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReturnCause {
    /// Too many calls failed.
    Errors,
    /// Too many exchanges went elsewhere.
    Disagreements,
    /// By command.
    Operator,
}

impl ReturnCause {
    /// The word in metrics and documents; stable.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Errors => "errors",
            Self::Disagreements => "disagreements",
            Self::Operator => "operator",
        }
    }
}

/// Sessions that were given back.
#[derive(Debug, Clone, PartialEq)]
pub struct Returned {
    /// When.
    pub at: Timestamp,
    /// The kind of reason.
    pub cause: ReturnCause,
    /// The reason, for people.
    pub why: Arc<str>,
}

/// What a rollout is: when any of it changes, another one begins.
type Identity = (config::Rollout, Vec<(Digest, Arc<[u8]>)>);

/// A rollout.
#[derive(Debug)]
pub struct Rollout {
    identity: Identity,
    /// Totals at moments of the window, the oldest first.
    window: VecDeque<(Timestamp, Tally)>,
    returned: Option<Returned>,
}

impl Rollout {
    /// As configured.
    pub fn spec(&self) -> &config::Rollout {
        &self.identity.0
    }

    /// Set when its sessions were given back.
    pub fn returned(&self) -> Option<&Returned> {
        self.returned.as_ref()
    }

    /// What happened in the window.
    pub fn recent(&self) -> Tally {
        let (Some((_, first)), Some((_, last))) = (self.window.front(), self.window.back()) else {
            return Tally::default();
        };
        last.since(*first)
    }

    /// Totals that are kept, for tests of how many.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.window.len()
    }

    fn observe(&mut self, now: Timestamp, total: Tally) {
        if self.window.back().is_some_and(|(_, before)| total.is_anew(*before)) {
            self.window.clear();
        }
        // The first total stays: from there it is counted. The last one moves on until it is a part away from the one before.
        let span = self.spec().window;
        let part: Duration = span / PARTS;
        let len = self.window.len();
        let before_last = len.checked_sub(2).and_then(|at| self.window.get(at)).map(|(at, _)| *at);
        if before_last.is_some_and(|at| now.since(at) < part) {
            self.window.pop_back();
        }
        self.window.push_back((now, total));
        // The oldest one is where the window begins.
        while self.window.get(1).is_some_and(|(at, _)| now.since(*at) >= span) {
            self.window.pop_front();
        }
    }

    /// Why it does badly, when it does.
    fn verdict(&self) -> Option<(ReturnCause, String)> {
        let (spec, recent) = (self.spec(), self.recent());
        let beyond = |part: u64, all: u64, bound: f64| all >= spec.calls_min && part as f64 > bound * all as f64;
        let told = |part: u64, all: u64, what: &str, bound: f64| {
            let share = 100.0 * part as f64 / all as f64;
            let (bound, window) = (100.0 * bound, spec.window);
            format!("{part} of {all} {what} within {window:?} ({share:.1} %, bound {bound:.1} %)")
        };
        let Tally { calls, failed, compared, moved } = recent;
        if beyond(failed, calls, spec.errors) {
            return Some((ReturnCause::Errors, told(failed, calls, "calls failed", spec.errors)));
        }
        let bound = spec.disagreements.filter(|bound| beyond(moved, compared, *bound))?;
        Some((ReturnCause::Disagreements, told(moved, compared, "decisions sent the exchange elsewhere", bound)))
    }
}

impl World {
    /// Begins rollouts that are new or other ones now, and forgets those that are gone.
    pub(super) fn adopt_rollouts(&mut self) {
        let mut before = std::mem::take(&mut self.rollouts);
        let Some(in_force) = &self.in_force else { return };
        for (index, policy) in in_force.live.policies.iter().enumerate() {
            let Some(identity) = identity(in_force, index) else { continue };
            let same = before.remove(&policy.name).filter(|rollout| rollout.identity == identity);
            let fresh = || Rollout { identity, window: VecDeque::new(), returned: None };
            self.rollouts.insert(Arc::clone(&policy.name), same.unwrap_or_else(fresh));
        }
    }

    pub(super) fn on_tallies(&mut self, tallies: &[(Arc<str>, Tally)], now: Timestamp, effects: &mut Vec<Effect>) {
        for (policy, total) in tallies {
            let Some(rollout) = self.rollouts.get_mut(policy) else { continue };
            rollout.observe(now, *total);
            if rollout.returned.is_some() {
                continue;
            }
            if let Some((cause, why)) = rollout.verdict() {
                let text = format!("the rollout of policy {policy} is over, all its sessions are given back: {why}");
                rollout.returned = Some(Returned { at: now, cause, why: why.into() });
                effects.push(Effect::Log(Severity::Error, text));
                effects.push(Effect::CountReturn(Arc::clone(policy), cause.as_str()));
                effects.push(Effect::Publish { urgent: true });
            }
        }
    }

    /// Lets a rollout go on, counted anew, or gives its sessions back.
    pub(super) fn on_rollout(&mut self, policy: &Arc<str>, on: bool, now: Timestamp, effects: &mut Vec<Effect>) {
        let Some(rollout) = self.rollouts.get_mut(policy) else { return };
        rollout.window.clear();
        let why = || Returned { at: now, cause: ReturnCause::Operator, why: "the operator wanted it".into() };
        rollout.returned = (!on).then(why);
        if !on {
            effects.push(Effect::CountReturn(Arc::clone(policy), ReturnCause::Operator.as_str()));
        }
        let text = if on { "goes on" } else { "is over, all its sessions are given back" };
        effects.push(Effect::Log(Severity::Warn, format!("the rollout of policy {policy} {text}, by the operator")));
        effects.push(Effect::Publish { urgent: true });
    }

    /// All rollouts, by the policy that is given to a share of the sessions.
    pub fn rollouts(&self) -> &BTreeMap<Arc<str>, Rollout> {
        &self.rollouts
    }

    /// Why sessions were given back, by policy.
    pub(super) fn returned(&self) -> BTreeMap<Arc<str>, Arc<str>> {
        let why = |rollout: &Rollout| rollout.returned.as_ref().map(|returned| Arc::clone(&returned.why));
        self.rollouts.iter().filter_map(|(policy, rollout)| Some((Arc::clone(policy), why(rollout)?))).collect()
    }
}

/// What the rollout of a policy is; none where it has none.
fn identity(in_force: &InForce, index: usize) -> Option<Identity> {
    let one = |index: usize| {
        let (policy, loaded) = (in_force.live.policies.get(index)?, in_force.parts.policies.get(index)?);
        Some((loaded.digest(), Arc::clone(&policy.config)))
    };
    let rollout = in_force.live.policies.get(index)?.rollout?;
    // Positions change with the order of names in the file and are no part of what it is.
    let spec = config::Rollout { replaces: None, ..rollout };
    Some((spec, [Some(index), rollout.replaces].into_iter().flatten().filter_map(one).collect()))
}
