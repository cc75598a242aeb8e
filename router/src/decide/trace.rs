//! What a decision leaves behind for `explain`.
//!
//! Owns the collected stages. Absent on the hot path, where nothing here costs anything.

use super::{rollout, words};
use crate::policy::{KvAnswer, KvCall, KvOperation, Noted, PolicyFailure};
use crate::snapshot::comparison::Compared;
use crate::snapshot::{PolicyUse, Service};
use crate::steer::trace as steering;
use crate::steer::verdict::{SessionKey, Verdict};
use std::sync::Arc;
use std::time::Duration;

/// Stages of one decision.
#[derive(Debug, Default)]
pub struct Trace {
    /// Index of the route that matched.
    pub route: Option<usize>,
    /// `valid`, or what was wrong with the token; none when there was no token.
    pub token: Option<&'static str>,
    /// What each policy said, in order.
    pub policies: Vec<PolicyTrace>,
    /// On which side of rollouts the session is.
    pub rollouts: Vec<RolloutTrace>,
    /// What became of each region.
    pub steering: steering::Trace,
}

/// On which side of a rollout a session is.
#[derive(Debug)]
pub struct RolloutTrace {
    /// The policy that is given to a share of the sessions.
    pub policy: Arc<str>,
    /// Who keeps the others.
    pub before: Option<Arc<str>>,
    /// Its share, 0 to 1.
    pub share: f64,
    /// Where the session falls, 0 to 1; below the share the policy acts.
    pub position: f64,
    /// Why its sessions were given back.
    pub returned: Option<Arc<str>>,
}

impl RolloutTrace {
    /// None where a policy acts for all.
    pub(super) fn of(policy: &PolicyUse, cohort: Option<u32>) -> Option<Self> {
        let rollout = policy.rollout.as_deref()?;
        Some(Self {
            policy: Arc::clone(&policy.name),
            before: rollout.before.as_ref().map(|before| Arc::clone(&before.name)),
            share: rollout.share,
            position: rollout::position(&policy.name, cohort?),
            returned: rollout.returned.clone(),
        })
    }
}

/// What one policy said.
#[derive(Debug)]
pub struct PolicyTrace {
    /// Its name.
    pub name: String,
    /// Digest of its component.
    pub digest: String,
    /// `pass`, `route`, `respond`, `key`, `no-key`, or the failure.
    pub outcome: String,
    /// The plan or reply, for people.
    pub detail: String,
    /// What it looked up and what it read and wrote of what it keeps, in order, for people.
    pub reads: Vec<String>,
    /// How long the call took.
    pub took: Duration,
    /// What it would have changed, by all that it said, when it does not act.
    pub would: Option<Compared>,
}

impl PolicyTrace {
    /// Notes a verdict.
    pub fn new(
        service: &Service,
        policy: &PolicyUse,
        verdict: &Result<Verdict, PolicyFailure>,
        took: Duration,
        noted: &Noted,
    ) -> Self {
        let (outcome, detail) = match verdict {
            Ok(Verdict::Pass) => ("pass".to_owned(), String::new()),
            Ok(Verdict::Route(advice)) => ("route".to_owned(), words::advised(advice, service)),
            Ok(Verdict::Respond(reply)) => ("respond".to_owned(), format!("status {}", reply.status.as_u16())),
            Err(failure) => (failure.as_str().to_owned(), failure.to_string()),
        };
        Self::of(policy, outcome, detail, took, noted)
    }

    /// Notes that it was asked for a key. The key itself is nobody's business.
    pub fn keyed(
        policy: &PolicyUse,
        key: &Result<Option<SessionKey>, PolicyFailure>,
        took: Duration,
        noted: &Noted,
    ) -> Self {
        let (outcome, detail) = match key {
            Ok(Some(_)) => ("key", String::new()),
            Ok(None) => ("no-key", String::new()),
            Err(failure) => (failure.as_str(), failure.to_string()),
        };
        Self::of(policy, outcome.to_owned(), detail, took, noted)
    }

    /// As one that does not act, and would have changed this.
    #[must_use]
    pub(super) fn of_shadow(self, would: Compared) -> Self {
        Self { would: Some(would), ..self }
    }

    fn of(policy: &PolicyUse, outcome: String, detail: String, took: Duration, noted: &Noted) -> Self {
        let (name, digest) = (policy.name.to_string(), policy.loaded.digest().to_string());
        Self { name, digest, outcome, detail, reads: reads(policy, noted), took, would: None }
    }
}

/// What a call read, a line each; values by their length, for they may be anybody's.
fn reads(policy: &PolicyUse, noted: &Noted) -> Vec<String> {
    let fields = &policy.loaded.manifest().fields;
    let lookup = |(place, length): &(u32, Option<usize>)| {
        let name = fields.get(*place as usize).map(ToString::to_string).unwrap_or_default();
        length.map_or_else(|| format!("{name}: none"), |length| format!("{name}: {length} bytes"))
    };
    let lookups = noted.lookups.iter().map(lookup);
    let cut = noted.cut.then(|| "kv: more than is noted".to_owned());
    lookups.chain(noted.kv.iter().map(kept)).chain(cut).collect()
}

fn kept(call: &KvCall) -> String {
    let done = match &call.operation {
        KvOperation::Get => "get",
        KvOperation::Set { .. } => "set",
        KvOperation::Replace { .. } => "replace",
        KvOperation::Add { .. } => "add",
        KvOperation::Delete => "delete",
    };
    let answer = match &call.answer {
        Ok(KvAnswer::Value(Some(value))) => format!("{} bytes", value.len()),
        Ok(KvAnswer::Value(None)) => "none".to_owned(),
        Ok(KvAnswer::Done) => "done".to_owned(),
        Ok(KvAnswer::Whether(whether)) => whether.to_string(),
        Ok(KvAnswer::Sum(sum)) => sum.to_string(),
        Err(error) => error.as_str().to_owned(),
    };
    format!("kv {done} {} {:?}: {answer}", call.bucket, String::from_utf8_lossy(&call.key))
}
