//! A case's origin: it answers once, and the policy hears it.
//!
//! Owns what a case's `answer` becomes for the hook `response`. What the router would do next is its own: a case shows what
//! the policy makes of an answer. Called by `play`.

use super::play::headers;
use super::suite;
use crate::decide::hearing::Answer;
use crate::decide::{Decision, words};
use crate::policy::WarmPool;
use crate::snapshot::Service;
use crate::steer::verdict::Reaction;
use http::{HeaderMap, StatusCode};
use std::time::Duration;

/// An answer that is ready to be heard.
#[derive(Debug)]
pub(super) struct PosedAnswer {
    region: Option<u8>,
    status: StatusCode,
    headers: HeaderMap,
    attempt: u32,
    ttfb: Duration,
}

impl PosedAnswer {
    /// When a value of it means nothing; for people.
    pub(super) fn new(service: &Service, answer: &suite::Answer) -> Result<Self, String> {
        let place = |name: &String| {
            let found = service.table.regions.iter().position(|region| *region.name == **name);
            let found = found.and_then(|index| u8::try_from(index).ok());
            found.ok_or_else(|| format!("the answer comes from {name:?}, which is no region here"))
        };
        let status = StatusCode::from_u16(answer.status);
        Ok(Self {
            region: answer.region.as_ref().map(place).transpose()?,
            status: status.map_err(|_| format!("status = {}; accepted: 100 to 999", answer.status))?,
            headers: headers(&answer.headers)?,
            attempt: answer.attempt,
            ttfb: answer.ttfb.0,
        })
    }

    /// What the policy makes of it, in one line; nothing where no origin is asked.
    pub(super) fn heard(&self, decision: &Decision<'_>, pool: &mut WarmPool) -> String {
        let Decision::Forward(forward) = decision else { return String::new() };
        let targets = &forward.plan.targets;
        let Some(region) = self.region.or_else(|| Some(targets.first()?.region)) else { return String::new() };
        let answer = Answer {
            region,
            status: self.status,
            headers: &self.headers,
            attempt: self.attempt,
            ttfb: self.ttfb,
            may_retry: targets.iter().any(|target| target.region != region),
        };
        let mut failed = None;
        let reaction = forward.heard(&answer, |policy, ask, outcome| {
            let said = pool.response(&policy.loaded, &policy.directory, ask, outcome);
            // One case's failure must not keep the next from being asked.
            policy.loaded.quarantine().recovered();
            failed = said.as_ref().err().map(|failure| format!("failed: {}: {failure}", failure.as_str()));
            (said, Duration::ZERO)
        });
        failed.unwrap_or_else(|| match &reaction {
            Reaction::Pass => "pass".to_owned(),
            Reaction::Next => "next".to_owned(),
            Reaction::Amend(amendment) => words::amended(amendment),
        })
    }
}
