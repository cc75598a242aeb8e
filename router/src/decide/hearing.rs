//! What policies make of an origin's answer: the hook `response`.
//!
//! Owns what is kept of a request until it is answered, and the rules of the chain: edits add up, the first policy that speaks
//! of the pin counts, the first that wants another region ends it. A failure is no opinion, whatever `on_error` says: the
//! application has answered. Called by the data plane for each answer that is about to go to the client.

use super::Forward;
use super::fields;
use super::policies::{Moment, Scene};
use super::rollout;
use crate::policy::{Ask, Outcome, PolicyFailure, View, header};
use crate::snapshot::PolicyUse;
use crate::steer::plan::PinWrite;
use crate::steer::verdict::{Amendment, PinAction, Reaction};
use http::{HeaderMap, StatusCode};
use smallvec::SmallVec;
use std::sync::Arc;
use std::time::Duration;

/// What is kept of a request for the policies that will be asked about its answer.
#[derive(Debug)]
pub struct Hearing {
    moment: Moment,
    policies: Vec<Kept>,
}

/// What is kept for one policy.
#[derive(Debug)]
struct Kept {
    /// Its place among the service's policies.
    place: usize,
    /// Whether it is the one that another replaces for a share of the sessions.
    is_before: bool,
    /// The fields that it declared.
    fields: Vec<Option<Vec<u8>>>,
    /// Those that it may look up, by their place in the manifest: the request's head is gone by then.
    lazy: Option<Arc<[Option<Vec<u8>>]>>,
}

impl Kept {
    fn of(scene: &Scene<'_>, place: usize, is_before: bool, policy: &PolicyUse) -> Self {
        let Scene { snapshot, facts, .. } = *scene;
        let manifest = policy.loaded.manifest();
        let values = fields::values(&manifest.fields, facts, &snapshot.pop);
        let lazy = manifest.looks().then(|| fields::looked_up(&manifest.fields, facts).collect());
        Self { place, is_before, fields: values.into_iter().map(|value| value.map(Into::into)).collect(), lazy }
    }
}

impl Hearing {
    /// None when no policy is asked.
    pub(super) fn of(scene: &Scene<'_>) -> Option<Box<Self>> {
        let kept = scene.service.policies.iter().enumerate().filter_map(|(place, stands)| {
            let policy = rollout::acting(scene, stands).filter(|policy| policy.loaded.hears())?;
            Some(Kept::of(scene, place, !std::ptr::eq(policy, stands), policy))
        });
        let policies: Vec<_> = kept.collect();
        (!policies.is_empty()).then(|| Box::new(Self { moment: Moment::of(scene.facts), policies }))
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

impl Forward<'_> {
    /// What policies make of an answer, asked by `ask`.
    pub fn heard(
        &self,
        answer: &Answer<'_>,
        mut ask: impl FnMut(&PolicyUse, &Ask<'_>, &Outcome<'_>) -> Result<Reaction, PolicyFailure>,
    ) -> Reaction {
        let Some(hearing) = &self.hearing else { return Reaction::Pass };
        let mut amended: Option<Amendment> = None;
        for kept in &hearing.policies {
            let policy = self.service.policies.get(kept.place);
            let Some(policy) = policy.and_then(|policy| if kept.is_before { policy.before() } else { Some(policy) })
            else {
                continue;
            };
            match self.put(hearing, policy, kept, answer, &mut ask) {
                Ok(Reaction::Next) if answer.may_retry => return Reaction::Next,
                Ok(Reaction::Amend(amendment)) => match &mut amended {
                    Some(amended) => amended.merge(amendment),
                    None => amended = Some(amendment),
                },
                Ok(Reaction::Pass | Reaction::Next) | Err(_) => {}
            }
        }
        amended.map_or(Reaction::Pass, Reaction::Amend)
    }

    fn put(
        &self,
        hearing: &Hearing,
        policy: &PolicyUse,
        kept: &Kept,
        answer: &Answer<'_>,
        ask: &mut impl FnMut(&PolicyUse, &Ask<'_>, &Outcome<'_>) -> Result<Reaction, PolicyFailure>,
    ) -> Result<Reaction, PolicyFailure> {
        let fields: SmallVec<[Option<&[u8]>; 8]> = kept.fields.iter().map(Option::as_deref).collect();
        let question = hearing.moment.question(self.service, policy, self.pin.as_ref(), &fields, &[]);
        let question = Ask { view: kept.lazy.as_ref().map_or(View::Nothing, View::Kept), ..question };
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
