//! The policies of a service, asked in order.
//!
//! Owns the rules of the chain: `respond` ends it, fences intersect, the first order wins, the first key of a session
//! counts, a failure is a pass or a refusal by `on_error`. Builds what a policy sees from facts and candidates, nothing
//! more than it declared. A policy is asked by the hooks that it exports; the others cost a look at a flag.

use super::facts::Facts;
use super::rollout::{self, Turn};
use super::trace::{PolicyTrace, RolloutTrace, Trace};
use super::{AskPolicy, allowed, fields};
use crate::base::{Location, RegionSet, Timestamp, hash};
use crate::config::OnError;
use crate::policy::{Ask, Candidate, PinView, PolicyFailure, Reads, View};
use crate::snapshot::{PolicyUse, Service, Snapshot};
use crate::steer::nearness::{self, Nearness};
use crate::steer::plan::Pin;
use crate::steer::verdict::{Advice, Reply, SessionKey, Verdict};
use smallvec::SmallVec;

/// Sets a policy's entropy apart from the seed's other uses: a policy must not be able to tell which way ties fall.
const PURPOSE_POLICY: u64 = 0x706f_6c69_6379_0001;

/// What the chain came to.
#[derive(PartialEq)]
pub(super) enum Consulted {
    /// Merged plans; empty when every policy passed.
    Advice(Advice),
    /// A policy answers by itself.
    Reply(Reply),
    /// A policy failed that must not fail.
    Failed,
}

/// One exchange of a service, before its policies are asked.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) service: &'a Service,
    pub(super) facts: &'a Facts<'a>,
    pub(super) pin: Option<&'a Pin>,
    pub(super) near: &'a Nearness,
    /// Which side of rollouts the session is on; none where there is none.
    pub(super) cohort: Option<u32>,
    /// What the session's own key comes to, once policies were asked for it.
    pub(super) key: Option<u64>,
    /// Somebody wants to know what policies read.
    pub(super) is_traced: bool,
}

/// What one policy said.
pub(super) type Said = Result<Verdict, PolicyFailure>;

/// What the policies of a service said, kept when others are compared with them.
#[derive(Default)]
pub(super) struct Heard {
    /// For each place in which somebody was asked.
    pub(super) said: Vec<HeardOne>,
    /// Likewise, what came of asking for the session's key.
    pub(super) keys: Vec<Keyed>,
}

/// What was said in one place.
pub(super) struct HeardOne {
    /// The fence before it.
    pub(super) fence: Option<RegionSet>,
    pub(super) said: Said,
    /// What a failure means.
    pub(super) on_error: OnError,
    /// Whether a policy acted that is given to a share of the sessions.
    pub(super) is_rollout: bool,
}

/// Asks the service's policies.
pub(super) fn consult(
    scene: &Scene<'_>,
    ask: &mut dyn AskPolicy,
    mut heard: Option<&mut Heard>,
    mut trace: Option<&mut Trace>,
) -> Consulted {
    let mut advice = Advice::default();
    for policy in &scene.service.policies {
        if let Some(trace) = trace.as_deref_mut() {
            trace.rollouts.extend(RolloutTrace::of(policy, scene.cohort));
        }
        let Turn { said, on_error, is_rollout } = rollout::turn(scene, policy, Verdict::Pass, |policy| {
            let said = ask_one(scene, policy, advice.fence, ask);
            if let Some(trace) = trace.as_deref_mut().filter(|_| policy.loaded.routes()) {
                trace.policies.push(PolicyTrace::new(scene.service, policy, &said, ask.took(), &ask.noted()));
            }
            said
        });
        if is_rollout {
            ask.acted(policy);
        }
        if let Some(heard) = heard.as_deref_mut() {
            heard.said.push(HeardOne { fence: advice.fence, said: said.clone(), on_error, is_rollout });
        }
        if let Some(end) = take(&mut advice, said, on_error) {
            return end;
        }
    }
    Consulted::Advice(advice)
}

/// Adds what a policy said to the advice, or ends the chain.
pub(super) fn take(advice: &mut Advice, said: Said, on_error: OnError) -> Option<Consulted> {
    match said {
        Ok(Verdict::Pass) => None,
        Ok(Verdict::Route(plan)) => {
            advice.merge(plan);
            None
        }
        Ok(Verdict::Respond(reply)) => Some(Consulted::Reply(reply)),
        Err(_) if on_error == OnError::Reject => Some(Consulted::Failed),
        Err(_) => None,
    }
}

/// Asks one policy; `fence` is what those before it left. One that routes nothing passes.
pub(super) fn ask_one(
    scene: &Scene<'_>,
    policy: &PolicyUse,
    fence: Option<RegionSet>,
    ask: &mut dyn AskPolicy,
) -> Said {
    if !policy.loaded.routes() {
        return Ok(Verdict::Pass);
    }
    let Scene { service, facts, near, .. } = *scene;
    let (table, allowed) = (&service.table, allowed(service, fence));
    let candidates = match facts.loads {
        Some(frozen) => nearness::candidates(table, near, allowed, facts.now, frozen),
        None => nearness::candidates(table, near, allowed, facts.now, service),
    };
    let candidates: SmallVec<[Candidate; 16]> =
        candidates.iter().map(|candidate| numbered(candidate, policy.first_region)).collect();
    question(scene, policy, &candidates, |question| ask.ask(policy, question))
}

/// A policy failed that must not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failed;

/// What a session's own key comes to; none where nobody gives one.
pub(super) type Keyed = Result<Option<u64>, Failed>;

/// What the session's own key comes to, by the first policy that gives one.
pub(super) fn key(
    scene: &Scene<'_>,
    ask: &mut dyn AskPolicy,
    mut heard: Option<&mut Heard>,
    mut trace: Option<&mut Trace>,
) -> Keyed {
    for policy in &scene.service.policies {
        let Turn { said, on_error, .. } = rollout::turn(scene, policy, None, |policy| {
            let key = key_of(scene, policy, ask);
            if let Some(trace) = trace.as_deref_mut().filter(|_| policy.loaded.keys()) {
                trace.policies.push(PolicyTrace::keyed(policy, &key, ask.took(), &ask.noted()));
            }
            key
        });
        let keyed = keyed(scene, said, on_error);
        if let Some(heard) = heard.as_deref_mut() {
            heard.keys.push(keyed);
        }
        if keyed != Ok(None) {
            return keyed;
        }
    }
    Ok(None)
}

/// Asks one policy for the session's key. One without that hook gives none.
pub(super) fn key_of(
    scene: &Scene<'_>,
    policy: &PolicyUse,
    ask: &mut dyn AskPolicy,
) -> Result<Option<SessionKey>, PolicyFailure> {
    if !policy.loaded.keys() {
        return Ok(None);
    }
    question(scene, policy, &[], |question| ask.key(policy, question))
}

/// What a policy's key comes to in this service.
pub(super) fn keyed(scene: &Scene<'_>, said: Result<Option<SessionKey>, PolicyFailure>, on_error: OnError) -> Keyed {
    match said {
        Ok(key) => Ok(key.map(|key| key.seed(&scene.service.table.name))),
        Err(_) if on_error == OnError::Reject => Err(Failed),
        Err(_) => Ok(None),
    }
}

/// Puts a question to a policy: what it declared, and what every question has.
fn question<T>(scene: &Scene<'_>, policy: &PolicyUse, candidates: &[Candidate], put: impl FnOnce(&Ask<'_>) -> T) -> T {
    let Scene { snapshot, service, facts, pin, .. } = *scene;
    let values = fields::values(&policy.loaded.manifest().fields, facts, &snapshot.pop);
    let fields: SmallVec<[Option<&[u8]>; 8]> = values.iter().map(Option::as_deref).collect();
    let question = Moment::of(facts).question(service, policy, pin, &fields, candidates);
    let view = View::Head { headers: facts.headers, query: facts.query };
    put(&Ask { view, reads: if scene.is_traced { Reads::Noted } else { Reads::Live }, ..question })
}

/// When, by which dice and from where a request came: the same in every question about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    now: Timestamp,
    entropy: f64,
    client: Option<Location>,
}

impl Moment {
    pub(super) fn of(facts: &Facts<'_>) -> Self {
        let entropy = hash::unit(hash::mix(facts.seed ^ PURPOSE_POLICY));
        Self { now: facts.now, entropy, client: facts.client.location() }
    }

    /// A question to a policy of a service, without anything to look up.
    pub(super) fn question<'a>(
        &self,
        service: &'a Service,
        policy: &PolicyUse,
        pin: Option<&'a Pin>,
        fields: &'a [Option<&'a [u8]>],
        candidates: &'a [Candidate],
    ) -> Ask<'a> {
        Ask {
            now: self.now,
            entropy: self.entropy,
            client: self.client,
            pin: pin.map(|pin| view(pin, policy.first_region, self.now)),
            fields,
            candidates,
            first_region: policy.first_region,
            regions: service.table.regions.len(),
            pin_cookie: service.spec.affinity.as_ref().map(|affinity| &*affinity.cookie),
            view: View::Nothing,
            reads: Reads::Live,
        }
    }
}

/// A candidate with the region's number in the policy's directory.
fn numbered(candidate: &nearness::Candidate, first_region: u32) -> Candidate {
    Candidate {
        region: first_region + u32::from(candidate.region),
        health: candidate.health.into(),
        health_age_s: candidate.health_age_s,
        distance_km: candidate.distance_km,
        rtt_us: candidate.rtt_us,
        latency_us: candidate.latency_us,
        in_flight: candidate.in_flight,
        weight: candidate.weight,
    }
}

/// The pin as a policy sees it.
fn view(pin: &Pin, first_region: u32, now: Timestamp) -> PinView<'_> {
    let age_s = |since| u32::try_from(now.since(since).as_secs()).unwrap_or(u32::MAX);
    PinView {
        region: pin.region.map(|region| first_region + u32::from(region)),
        region_name: &pin.region_name,
        session_age_s: age_s(pin.session_started),
        pin_age_s: age_s(pin.pinned_at),
        payload: &pin.payload,
    }
}
