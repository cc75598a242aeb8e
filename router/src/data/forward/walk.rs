//! The walk over a plan's targets: attempt, retry, and what policies make of an answer.
//!
//! Owns which answer is the client's: the first that neither the retry rule nor a policy passes over. A policy's wish for
//! another region is a retry like any other (the plan's targets, its count, the budget, requests that can be repeated), and an
//! answer that it did not want is better than none.

use super::{Attempt, Exchange};
use crate::base::RegionSet;
use crate::data::body::Body;
use crate::data::record::{Record, Served};
use crate::data::respond;
use crate::data::upstream::{FailureKind, Sent};
use crate::decide::Forward;
use crate::decide::hearing::Answer;
use crate::steer::plan::{MoveReason, Target};
use crate::steer::verdict::{Amendment, Reaction};
use http::{Response, StatusCode};
use std::time::Duration;

/// What walking a plan comes to.
pub(super) struct Walked {
    pub(super) response: Response<Body>,
    /// Who answered; none when nobody did.
    pub(super) target: Option<Target>,
    pub(super) amendment: Amendment,
}

impl Walked {
    fn of(response: Response<Body>, target: Option<Target>) -> Self {
        Self { response, target, amendment: Amendment::default() }
    }
}

impl Exchange<'_> {
    /// Attempts in order, each answer put to the policies that want to hear of it.
    pub(super) async fn walk(&mut self, plan: &Forward<'_>, record: &mut Record) -> Walked {
        let attempts_max = usize::from(self.service.table.steering.retries) + 1;
        let targets = &plan.plan.targets[..plan.plan.targets.len().min(attempts_max)];
        let mut last = None;
        let mut left: Option<Left> = None;
        for (index, target) in targets.iter().enumerate() {
            if left.as_ref().is_some_and(|left| left.regions.contains(target.region.into())) {
                continue;
            }
            self.note_retry(plan, index, *target, record);
            let more = index + 1 < targets.len();
            let (response, ttfb) = match self.attempt(plan, *target, record).await {
                Attempt::Answered(response, ttfb) => (response, ttfb),
                Attempt::Unwell(response, ttfb) => {
                    if more && self.may_retry(false) {
                        last = Some(Walked::of(response, Some(*target)));
                        continue;
                    }
                    (response, ttfb)
                }
                Attempt::Failed(failure) => {
                    let (response, word) = respond::send_failure(&failure);
                    record.refused = Some(word);
                    if let FailureKind::RequestBody(error) = &failure.kind
                        && error.is_departure()
                    {
                        record.client_left(error);
                    }
                    last = Some(Walked::of(response, None));
                    if more && self.may_retry(failure.sent == Sent::Nothing) {
                        continue;
                    }
                    break;
                }
                Attempt::Unresolved => {
                    record.refused = Some("unresolved");
                    let words = "the application's name does not resolve";
                    last = Some(Walked::of(respond::text(StatusCode::BAD_GATEWAY, words), None));
                    if more && self.may_retry(true) {
                        continue;
                    }
                    break;
                }
            };
            let elsewhere = targets[index + 1..].iter().any(|other| other.region != target.region);
            let mut walked = Walked::of(response, Some(*target));
            match self.heard(plan, &walked.response, *target, ttfb, elsewhere, record) {
                Reaction::Next if self.granted() => Left::add(&mut left, walked, *target, record),
                Reaction::Pass | Reaction::Next => return walked,
                Reaction::Amend(amendment) => {
                    walked.amendment = amendment;
                    return walked;
                }
            }
        }
        // An answer that a policy would rather not have is better than none.
        left.map(|left| left.back(record))
            .or(last)
            .unwrap_or_else(|| Walked::of(respond::text(StatusCode::BAD_GATEWAY, "no target could be tried"), None))
    }

    /// Notes that an attempt is not the first.
    fn note_retry(&self, plan: &Forward<'_>, index: usize, target: Target, record: &mut Record) {
        if index > 0 {
            self.service.metrics.retries.count("tried");
            if plan.pin.as_ref().is_some_and(|pin| pin.region != Some(target.region)) {
                record.moved = record.moved.or(Some(MoveReason::Failover));
            }
        }
        record.attempts += 1;
    }

    /// What policies make of an answer. A tunnel is no answer.
    fn heard(
        &self,
        plan: &Forward<'_>,
        response: &Response<Body>,
        target: Target,
        ttfb: Duration,
        elsewhere: bool,
        record: &Record,
    ) -> Reaction {
        if plan.hearing.is_none() || response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Reaction::Pass;
        }
        let answer = Answer {
            region: target.region,
            status: response.status(),
            headers: response.headers(),
            attempt: record.attempts.into(),
            ttfb,
            may_retry: elsewhere && self.can_repeat(false),
        };
        plan.heard(&answer, |policy, ask, outcome| self.core.response(policy, ask, outcome))
    }
}

/// The answer that a policy did not want, and whose regions are not asked again.
struct Left {
    walked: Walked,
    regions: RegionSet,
    served: Option<Served>,
    moved: Option<MoveReason>,
}

impl Left {
    /// Sets an answer aside; the newest stands for all.
    fn add(left: &mut Option<Self>, walked: Walked, target: Target, record: &Record) {
        let mut regions = left.take().map_or(RegionSet::EMPTY, |left| left.regions);
        regions.insert(target.region.into());
        *left = Some(Self { walked, regions, served: record.served, moved: record.moved });
    }

    /// It goes to the client after all.
    fn back(self, record: &mut Record) -> Walked {
        (record.served, record.moved, record.refused) = (self.served, self.moved, None);
        self.walked
    }
}
