//! What is taken of a decision, on the worker that makes it.
//!
//! Owns which decisions are taken, and that what is redacted never leaves the worker. Values are handed on through a bounded
//! channel: when it is full the decision is counted and forgotten. Text is made by `writer`, on a thread of its own.

use super::line::Octets;
use super::world;
use crate::base::{Location, hash};
use crate::decide::facts::Facts;
use crate::decide::{AskPolicy, Decision, decide, fields, service_of, session};
use crate::metrics::RecordMetrics;
use crate::policy::{Ask, Noted, PolicyFailure, Reads};
use crate::snapshot::comparison::{Compared, Comparisons};
use crate::snapshot::{PolicyUse, Service, Snapshot};
use crate::steer::affinity::Token;
use crate::steer::frozen::Frozen;
use crate::steer::verdict::{SessionKey, Verdict};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{Sender, error::TrySendError};

/// Sets the choice of decisions that are recorded apart from the seed's other uses.
const PURPOSE_RECORD: u64 = 0x7265_636f_7264_0001;

/// A decision on its way to the file.
#[derive(Debug)]
pub(super) struct Note {
    pub(super) pop: Arc<str>,
    pub(super) service: Arc<Service>,
    pub(super) now: u64,
    pub(super) seed: u64,
    pub(super) fields: BTreeMap<String, Octets>,
    pub(super) redacted: Vec<String>,
    pub(super) client: Option<Location>,
    pub(super) session: Option<Token>,
    pub(super) loads: Frozen,
    pub(super) said: Vec<(Arc<str>, Result<Verdict, PolicyFailure>)>,
    pub(super) keys: Vec<(Arc<str>, Option<u64>)>,
    pub(super) rollouts: Vec<Arc<str>>,
    pub(super) kept: Vec<Kept>,
    pub(super) served: String,
    pub(super) targets: Vec<(u8, u16)>,
}

/// What one policy did with what it keeps, at one hook.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) policy: Arc<str>,
    pub(super) hook: &'static str,
    pub(super) noted: Noted,
}

/// The workers' end.
#[derive(Debug, Clone)]
pub struct Recorder {
    notes: Sender<Note>,
    share: f64,
    redact: Arc<[String]>,
    metrics: RecordMetrics,
}

impl Recorder {
    pub(super) fn new(notes: Sender<Note>, share: f64, redact: &[String], metrics: RecordMetrics) -> Self {
        Self { notes, share, redact: redact.into(), metrics }
    }

    /// Decides, and takes a note of it when the dice say so.
    pub fn decide<'s>(&self, snapshot: &'s Snapshot, facts: &Facts<'_>, ask: &mut dyn AskPolicy) -> Decision<'s> {
        let taken = hash::unit(hash::mix(facts.seed ^ PURPOSE_RECORD)) < self.share;
        let service = if taken { service_of(snapshot, facts.host, facts.path) } else { None };
        let Some(service) = service else {
            return decide(snapshot, facts, ask, None);
        };
        // Loads change while it decides; what is recorded must be what was decided on.
        let loads = world::frozen(service);
        let facts = Facts { loads: Some(&loads), ..*facts };
        let mut hearing = Hearing { service: &service.table.name, ask, heard: Heard::default() };
        let decision = decide(snapshot, &facts, &mut hearing, None);
        let Heard { said, keys, rollouts, mut kept } = hearing.heard;
        let mut note = self.note(snapshot, service, &facts, &decision);
        self.redact_kept(service, &mut kept, &mut note.redacted);
        match self.notes.try_send(Note { loads, said, keys, rollouts, kept, ..note }) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => self.metrics.dropped(),
            // The writer is gone only when the process ends.
            Err(TrySendError::Closed(_)) => {}
        }
        decision
    }

    /// Takes out what was read in buckets that are redacted, and in all of a policy that sees a field that is: what it keeps may
    /// be made of it.
    fn redact_kept(&self, service: &Service, kept: &mut [Kept], redacted: &mut Vec<String>) {
        for Kept { policy, noted, .. } in kept {
            let seen = service.asked().filter(|asked| asked.name == *policy);
            let mut fields = seen.flat_map(|asked| fields::recorded(&asked.loaded.manifest().fields));
            let is_private = fields.any(|name| self.redact.contains(&name));
            noted.kv.retain(|call| {
                let name = format!("{KV}{}", call.bucket);
                let is_shown = !is_private && !self.redact.contains(&name);
                if !is_shown && !redacted.contains(&name) {
                    redacted.push(name);
                }
                is_shown
            });
        }
    }

    fn note(&self, snapshot: &Snapshot, service: &Arc<Service>, facts: &Facts<'_>, decision: &Decision<'_>) -> Note {
        let is_redacted = |name: &str| self.redact.iter().any(|field| field == name);
        let (mut fields, mut redacted) = (BTreeMap::new(), Vec::new());
        for policy in service.asked() {
            let wanted = &policy.loaded.manifest().fields;
            let values = fields::recorded_values(wanted, facts, &snapshot.pop);
            for (name, value) in fields::recorded(wanted).zip(values) {
                let Some(value) = value else { continue };
                if !is_redacted(&name) {
                    fields.insert(name, Octets(value.into_owned()));
                } else if !redacted.contains(&name) {
                    redacted.push(name);
                }
            }
        }
        let mut session = session(snapshot, service, facts).ok().flatten();
        if let Some(token) = session.as_mut().filter(|token| is_redacted(PAYLOAD) && !token.payload.is_empty()) {
            token.payload.clear();
            redacted.push(PAYLOAD.to_owned());
        }
        let mut client = facts.client.location();
        if client.is_some() && is_redacted(PLACE) {
            client = None;
            redacted.push(PLACE.to_owned());
        }
        let targets = match decision {
            Decision::Forward(forward) => forward.plan.targets.iter().map(|one| (one.region, one.endpoint)).collect(),
            _ => Vec::new(),
        };
        Note {
            pop: Arc::clone(&snapshot.pop),
            service: Arc::clone(service),
            now: facts.now.0,
            seed: facts.seed,
            fields,
            redacted,
            client,
            session,
            loads: Frozen::default(),
            said: Vec::new(),
            keys: Vec::new(),
            rollouts: Vec::new(),
            kept: Vec::new(),
            served: service.place_word(decision.place()).to_owned(),
            targets,
        }
    }
}

/// The hooks in which a policy may read what it keeps, as a record names them.
pub(crate) const ROUTE: &str = "route";
/// The same.
pub(crate) const AFFINITY: &str = "affinity";
/// Before the name of a bucket among what can be redacted.
const KV: &str = "kv:";
/// Name of a session's payload among what can be redacted.
const PAYLOAD: &str = "pin.payload";
/// Name of the client's coordinates among what can be redacted.
const PLACE: &str = "client.location";

/// Listens in on what policies say.
struct Hearing<'a> {
    /// Name of the service, which is part of what a key settles.
    service: &'a str,
    ask: &'a mut dyn AskPolicy,
    heard: Heard,
}

#[derive(Default)]
struct Heard {
    said: Vec<(Arc<str>, Result<Verdict, PolicyFailure>)>,
    keys: Vec<(Arc<str>, Option<u64>)>,
    rollouts: Vec<Arc<str>>,
    kept: Vec<Kept>,
}

impl Hearing<'_> {
    /// Keeps what the last question was answered from. What was looked up is among the fields.
    fn keep(&mut self, policy: &PolicyUse, hook: &'static str) {
        let noted = self.ask.noted();
        if !noted.kv.is_empty() || noted.cut {
            self.heard.kept.push(Kept { policy: Arc::clone(&policy.name), hook, noted });
        }
    }
}

impl AskPolicy for Hearing<'_> {
    fn ask(&mut self, policy: &PolicyUse, ask: &Ask<'_>) -> Result<Verdict, PolicyFailure> {
        let said = self.ask.ask(policy, &Ask { reads: Reads::Noted, ..*ask });
        self.keep(policy, ROUTE);
        self.heard.said.push((Arc::clone(&policy.name), said.clone()));
        said
    }

    fn key(&mut self, policy: &PolicyUse, ask: &Ask<'_>) -> Result<Option<SessionKey>, PolicyFailure> {
        let key = self.ask.key(policy, &Ask { reads: Reads::Noted, ..*ask });
        self.keep(policy, AFFINITY);
        let key = key?;
        self.heard.keys.push((Arc::clone(&policy.name), key.as_ref().map(|key| key.seed(self.service))));
        Ok(key)
    }

    fn took(&self) -> Duration {
        self.ask.took()
    }

    fn acted(&mut self, policy: &PolicyUse) {
        self.heard.rollouts.push(Arc::clone(&policy.name));
        self.ask.acted(policy);
    }

    fn compared(&mut self, with: &Comparisons, compared: &Compared) {
        self.ask.compared(with, compared);
    }
}
