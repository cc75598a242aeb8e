//! What a replay found.
//!
//! Owns the sums and their form: a movement matrix, sessions, peaks, fences, failures. Everything is in the order of its name,
//! so that equal replays print equal bytes. Pure.

use super::replay::Again;
use crate::recording::line::{Decided, Head, World};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What a replay found.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Digest of the new policy.
    pub digest: String,
    /// Share of decisions that are in the record.
    pub share: f64,
    /// By service.
    pub services: BTreeMap<String, Found>,
    /// Fields that were redacted, with how many decisions lack them.
    pub redacted: BTreeMap<String, u64>,
    /// What the new policy read that the record does not have, and that was as if it were not there: fields, and `kv:` with a
    /// bucket. With how many decisions.
    pub unknown: BTreeMap<String, u64>,
    /// Where the record ended before its end.
    pub damage: Option<String>,
}

/// What was found of one service.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    /// The policy that was replaced, with its digest; none: the service does not ask it.
    pub replaced: Option<(String, String)>,
    /// Decisions.
    pub decisions: u64,
    /// Decisions by where they went and where they go.
    pub moves: BTreeMap<(String, String), u64>,
    /// Sessions that were met where they are pinned.
    pub sessions: BTreeSet<u64>,
    /// Of those: sent elsewhere.
    pub broken: BTreeSet<u64>,
    /// Decisions in which the session has another key of its own, or none where it had one.
    pub other_keys: u64,
    /// Decisions that went outside the fence that the new policy sets.
    pub outside: u64,
    /// Decisions without a verdict of the new policy, by why.
    pub failures: BTreeMap<String, u64>,
    /// Decisions by region and second: then and now.
    seconds: BTreeMap<(String, u64), [u64; 2]>,
}

impl Report {
    pub(super) fn new(digest: &str, head: &Head) -> Self {
        Self {
            digest: digest.to_owned(),
            share: head.share.0,
            services: BTreeMap::new(),
            redacted: BTreeMap::new(),
            unknown: BTreeMap::new(),
            damage: None,
        }
    }

    pub(super) fn world(&mut self, world: &World, replaced: Option<&str>) {
        let found = self.services.entry(world.service.clone()).or_default();
        let policy = world.policies.iter().find(|policy| Some(policy.name.as_str()) == replaced);
        found.replaced = policy.map(|policy| (policy.name.clone(), policy.digest.clone()));
    }

    pub(super) fn decision(&mut self, world: &World, decided: &Decided, again: &Again) {
        for field in &decided.redacted {
            *self.redacted.entry(field.clone()).or_default() += 1;
        }
        for name in &again.unknown {
            *self.unknown.entry(name.clone()).or_default() += 1;
        }
        let found = self.services.entry(world.service.clone()).or_default();
        found.decisions += 1;
        *found.moves.entry((decided.served.clone(), again.served.clone())).or_default() += 1;
        if let Some(session) = decided.session.as_ref().filter(|session| session.region == decided.served) {
            found.sessions.insert(session.started);
            if again.served != decided.served {
                found.broken.insert(session.started);
            }
        }
        found.outside += u64::from(again.outside_before);
        found.other_keys += u64::from(again.other_key);
        if let Some(word) = again.failed {
            *found.failures.entry(word.to_owned()).or_default() += 1;
        }
        for (place, at) in [(&decided.served, 0), (&again.served, 1)] {
            found.seconds.entry((place.clone(), decided.now / 1000)).or_default()[at] += 1;
        }
    }

    /// Decisions that would go elsewhere.
    pub fn moved(&self) -> u64 {
        self.services.values().map(Found::moved).sum()
    }

    /// As a document.
    pub fn document(&self) -> Value {
        let service = |found: &Found| {
            let moves = found.moves.iter();
            let moves = moves.map(|((from, to), count)| json!({"from": from, "to": to, "decisions": count}));
            let peaks = found.peaks().into_iter();
            let peaks = peaks.map(|(region, [then, now])| (region, json!({"recorded": then, "replayed": now})));
            json!({
                "replaces": found.replaced.as_ref().map(|(name, _)| name),
                "replaced_digest": found.replaced.as_ref().map(|(_, digest)| digest),
                "decisions": found.decisions,
                "moved": found.moved(),
                "matrix": moves.collect::<Vec<_>>(),
                "sessions": found.sessions.len(),
                "sessions_broken": found.broken.len(),
                "other_keys": found.other_keys,
                "fence_violations_avoided": found.outside,
                "peak_per_second": peaks.collect::<serde_json::Map<_, _>>(),
                "failures": found.failures,
            })
        };
        let services = self.services.iter().map(|(name, found)| (name.clone(), service(found)));
        json!({
            "digest": self.digest,
            "share": self.share,
            "services": services.collect::<serde_json::Map<_, _>>(),
            "redacted": self.redacted,
            "unknown": self.unknown,
            "damage": self.damage,
        })
    }
}

impl Found {
    /// Decisions that would go elsewhere.
    pub fn moved(&self) -> u64 {
        self.moves.iter().filter(|((from, to), _)| from != to).map(|(_, count)| count).sum()
    }

    /// Places that were met, in order.
    pub fn places(&self) -> BTreeSet<&str> {
        self.moves.keys().flat_map(|(from, to)| [from.as_str(), to.as_str()]).collect()
    }

    /// Most decisions of one second by place: then and now.
    pub fn peaks(&self) -> BTreeMap<String, [u64; 2]> {
        let mut peaks: BTreeMap<String, [u64; 2]> = BTreeMap::new();
        for ((place, _), counts) in &self.seconds {
            let peak = peaks.entry(place.clone()).or_default();
            *peak = [peak[0].max(counts[0]), peak[1].max(counts[1])];
        }
        peaks
    }
}
