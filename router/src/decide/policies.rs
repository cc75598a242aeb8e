//! The policies of a service, asked in order.
//!
//! Owns the rules of the chain: `respond` ends it, fences intersect, the first order wins, a failure is a pass or a
//! refusal by `on_error`. Builds what a policy sees from facts and candidates, nothing more than it declared.

use super::facts::Facts;
use super::trace::{PolicyTrace, Trace};
use super::{AskPolicy, allowed, fields};
use crate::base::hash;
use crate::config::OnError;
use crate::policy::{Ask, Candidate, CandidateHealth, PinView, PolicyFailure};
use crate::snapshot::{PolicyUse, Service, Snapshot};
use crate::steer::nearness::{self, Nearness};
use crate::steer::plan::Pin;
use crate::steer::table::Health;
use crate::steer::verdict::{Advice, Reply, Verdict};
use smallvec::SmallVec;

/// Sets a policy's entropy apart from the seed's other uses: a policy must not be able to tell which way ties fall.
const PURPOSE_POLICY: u64 = 0x706f_6c69_6379_0001;

/// What the chain came to.
pub(super) enum Consulted {
    /// Merged plans; empty when every policy passed.
    Advice(Advice),
    /// A policy answers by itself.
    Reply(Reply),
    /// A policy failed that must not fail.
    Failed,
}

/// Asks the service's policies.
pub(super) fn consult(
    snapshot: &Snapshot,
    service: &Service,
    facts: &Facts<'_>,
    pin: Option<&Pin>,
    near: &Nearness,
    ask: &mut dyn AskPolicy,
    mut trace: Option<&mut Trace>,
) -> Consulted {
    let mut advice = Advice::default();
    for policy in &service.policies {
        let verdict = ask_one(snapshot, service, policy, facts, pin, near, &advice, ask);
        if let Some(trace) = trace.as_deref_mut() {
            trace.policies.push(PolicyTrace::new(policy, &verdict));
        }
        match verdict {
            Ok(Verdict::Pass) => {}
            Ok(Verdict::Route(plan)) => advice.merge(plan),
            Ok(Verdict::Respond(reply)) => return Consulted::Reply(reply),
            Err(_) if policy.on_error == OnError::Reject => return Consulted::Failed,
            Err(_) => {}
        }
    }
    Consulted::Advice(advice)
}

#[allow(clippy::too_many_arguments, reason = "every one is a different thing that a policy may see")]
fn ask_one(
    snapshot: &Snapshot,
    service: &Service,
    policy: &PolicyUse,
    facts: &Facts<'_>,
    pin: Option<&Pin>,
    near: &Nearness,
    advice: &Advice,
    ask: &mut dyn AskPolicy,
) -> Result<Verdict, PolicyFailure> {
    let values = fields::values(&policy.loaded.manifest().fields, facts, &snapshot.pop);
    let fields: SmallVec<[Option<&[u8]>; 8]> = values.iter().map(Option::as_deref).collect();
    let candidates = nearness::candidates(&service.table, near, allowed(service, advice), facts.now, service);
    let candidates: SmallVec<[Candidate; 16]> =
        candidates.iter().map(|candidate| numbered(candidate, policy.first_region)).collect();
    let question = Ask {
        now: facts.now,
        entropy: hash::unit(hash::mix(facts.seed ^ PURPOSE_POLICY)),
        client: facts.client.location(),
        pin: pin.map(|pin| view(pin, policy.first_region, facts)),
        service: &service.table.name,
        fields: &fields,
        candidates: &candidates,
        first_region: policy.first_region,
        regions: service.table.regions.len(),
        pin_cookie: service.spec.affinity.as_ref().map(|affinity| &*affinity.cookie),
    };
    ask.ask(policy, &question)
}

/// A candidate with the region's number in the policy's directory.
fn numbered(candidate: &nearness::Candidate, first_region: u32) -> Candidate {
    Candidate {
        region: first_region + u32::from(candidate.region),
        health: match candidate.health {
            Health::Unknown => CandidateHealth::Unknown,
            Health::Healthy => CandidateHealth::Healthy,
            Health::Degraded => CandidateHealth::Degraded,
            Health::Draining => CandidateHealth::Draining,
            Health::Down => CandidateHealth::Down,
        },
        health_age_s: candidate.health_age_s,
        distance_km: candidate.distance_km,
        rtt_us: candidate.rtt_us,
        latency_us: candidate.latency_us,
        in_flight: candidate.in_flight,
        weight: candidate.weight,
    }
}

/// The pin as a policy sees it.
fn view<'a>(pin: &'a Pin, first_region: u32, facts: &Facts<'_>) -> PinView<'a> {
    let age_s = |since| u32::try_from(facts.now.since(since).as_secs()).unwrap_or(u32::MAX);
    PinView {
        region: pin.region.map(|region| first_region + u32::from(region)),
        region_name: &pin.region_name,
        session_age_s: age_s(pin.session_started),
        pin_age_s: age_s(pin.pinned_at),
        payload: &pin.payload,
    }
}
