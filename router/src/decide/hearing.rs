//! What policies make of an origin's answer: the hook `response`.
//!
//! Owns what is kept of a request until it is answered, and the rules of the chain: edits add up, the first policy that speaks
//! of the pin counts, the first that wants another region ends it. A failure is no opinion, whatever `on_error` says: the
//! application has answered. Called by the data plane for each answer that is about to go to the client; `otherwise` asks those
//! that do not act, when that is settled.

mod otherwise;

use super::Forward;
use super::fields;
use super::policies::{Moment, Scene};
use super::rollout;
use crate::policy::{Ask, Outcome, PolicyFailure, View, header};
use crate::snapshot::PolicyUse;
use crate::steer::plan::PinWrite;
use crate::steer::verdict::{Amendment, PinAction, Reaction};
use http::{HeaderMap, StatusCode};
use otherwise::Other;
use smallvec::SmallVec;
use std::sync::Arc;
use std::time::Duration;

/// What is kept of a request for the policies that will be asked about its answer.
#[derive(Debug)]
pub struct Hearing {
    moment: Moment,
    policies: Vec<Kept>,
    /// Those that are asked without acting.
    others: Vec<Other>,
}

/// A policy that acts.
#[derive(Debug)]
struct Kept {
    /// Its place among the service's policies.
    place: usize,
    /// Whether it is the one that another replaces for a share of the sessions.
    is_before: bool,
    known: Known,
}

/// What is kept for one policy.
#[derive(Debug)]
struct Known {
    /// The fields that it declared.
    fields: Vec<Option<Vec<u8>>>,
    /// Those that it may look up, by their place in the manifest: the request's head is gone by then.
    lazy: Option<Arc<[Option<Vec<u8>>]>>,
}

impl Known {
    fn of(scene: &Scene<'_>, policy: &PolicyUse) -> Self {
        let Scene { snapshot, facts, .. } = *scene;
        let manifest = policy.loaded.manifest();
        let values = fields::values(&manifest.fields, facts, &snapshot.pop);
        let lazy = manifest.looks().then(|| fields::looked_up(&manifest.fields, facts).collect());
        Self { fields: values.into_iter().map(|value| value.map(Into::into)).collect(), lazy }
    }
}

impl Hearing {
    /// None when no policy is asked.
    pub(super) fn of(scene: &Scene<'_>) -> Option<Box<Self>> {
        let kept = scene.service.policies.iter().enumerate().filter_map(|(place, stands)| {
            let policy = rollout::acting(scene, stands).filter(|policy| policy.loaded.hears())?;
            let is_before = !std::ptr::eq(policy, stands);
            Some(Kept { place, is_before, known: Known::of(scene, policy) })
        });
        let policies: Vec<_> = kept.collect();
        let others = otherwise::others(scene, &policies);
        let is_asked = !policies.is_empty() || !others.is_empty();
        is_asked.then(|| Box::new(Self { moment: Moment::of(scene.facts), policies, others }))
    }
}

/// An origin's answer before the client has it.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// Index of the region in the service's table.
    pub region: u8,
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// From the begin of the attempt to the head of the answer.
    pub ttfb: Duration,
    /// Whether another region may be asked.
    pub may_retry: bool,
}

/// What a policy makes of an answer, and how long it took.
pub type Said = (Result<Reaction, PolicyFailure>, Duration);

impl Forward<'_> {
    /// What policies make of an answer, asked by `ask`; and, counted, what those would make of it that do not act.
    pub fn heard(
        &self,
        answer: &Answer<'_>,
        mut ask: impl FnMut(&PolicyUse, &Ask<'_>, &Outcome<'_>) -> Said,
    ) -> Reaction {
        let Some(hearing) = &self.hearing else { return Reaction::Pass };
        let mut heard = Vec::new();
        let said = hearing.policies.iter().filter_map(|kept| {
            let policy = self.service.policies.get(kept.place);
            let policy = policy.and_then(|policy| if kept.is_before { policy.before() } else { Some(policy) })?;
            let (said, _) = self.put(hearing, policy, &kept.known, answer, &mut ask);
            let said = said.unwrap_or(Reaction::Pass);
            if !hearing.others.is_empty() {
                heard.push((kept.place, said.clone()));
            }
            Some(said)
        });
        let reaction = merged(said, answer.may_retry);
        self.compare(hearing, answer, &heard, &reaction, &mut ask);
        reaction
    }

    fn put(
        &self,
        hearing: &Hearing,
        policy: &PolicyUse,
        known: &Known,
        answer: &Answer<'_>,
        ask: &mut impl FnMut(&PolicyUse, &Ask<'_>, &Outcome<'_>) -> Said,
    ) -> Said {
        let fields: SmallVec<[Option<&[u8]>; 8]> = known.fields.iter().map(Option::as_deref).collect();
        let question = hearing.moment.question(self.service, policy, self.pin.as_ref(), &fields, &[]);
        let question = Ask { view: known.lazy.as_ref().map_or(View::Nothing, View::Kept), ..question };
        let values: SmallVec<[_; 8]> =
            policy.loaded.manifest().response_fields.iter().map(|name| header(answer.headers, name)).collect();
        let values: SmallVec<[Option<&[u8]>; 8]> = values.iter().map(Option::as_deref).collect();
        let outcome = Outcome {
            region: policy.first_region + u32::from(answer.region),
            status: answer.status.as_u16(),
            attempt: answer.attempt,
            ttfb_us: u32::try_from(answer.ttfb.as_micros()).unwrap_or(u32::MAX),
            may_retry: answer.may_retry,
            fields: &values,
        };
        ask(policy, &question, &outcome)
    }

    /// What becomes of the token when policies said this of the pin after the answer.
    pub fn pin_after(&self, said: &PinAction) -> PinWrite {
        match said {
            PinAction::Keep => self.plan.pin.clone(),
            PinAction::Hold => PinWrite::Leave,
            PinAction::Clear if self.pin.is_none() => PinWrite::Leave,
            PinAction::Clear => PinWrite::Clear,
            PinAction::Bind { payload, ttl } => PinWrite::Bind { payload: payload.clone(), ttl: *ttl },
        }
    }
}

/// What a chain comes to. Nobody behind the first that has another region asked is asked, where that may be.
fn merged(said: impl Iterator<Item = Reaction>, may_retry: bool) -> Reaction {
    let mut amended: Option<Amendment> = None;
    for said in said {
        match said {
            Reaction::Next if may_retry => return Reaction::Next,
            Reaction::Amend(amendment) => match &mut amended {
                Some(amended) => amended.merge(amendment),
                None => amended = Some(amendment),
            },
            Reaction::Pass | Reaction::Next => {}
        }
    }
    amended.map_or(Reaction::Pass, Reaction::Amend)
}
