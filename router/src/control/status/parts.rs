//! Parts of the status document that come from loaded files: policies, geo data, static bundles, names.
//!
//! Owns their JSON. Reads only. Called by `status`.

use crate::base::Timestamp;
use crate::config::Policy;
use crate::control::world::{InForce, Rollout, World};
use crate::files::Bundle;
use crate::geo::Geo;
use crate::policy::{Bucket, BucketCounts, Loaded, QuarantineState};
use crate::snapshot::comparison::{AnswerTotals, Comparisons};
use crate::snapshot::{PolicyUse, Service, ShadowUse, Snapshot};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

pub(super) fn policies(in_force: Option<&InForce>, now: Timestamp) -> serde_json::Map<String, Value> {
    let Some(in_force) = in_force else { return serde_json::Map::new() };
    let pairs = in_force.live.policies.iter().zip(in_force.parts.policies.iter());
    pairs.map(|(policy, loaded)| (policy.name.to_string(), one_policy(policy, loaded, now))).collect()
}

fn one_policy(policy: &Policy, loaded: &Loaded, now: Timestamp) -> Value {
    let counts = loaded.stats().counts();
    let failures = counts.failures.iter().map(|(word, count)| ((*word).to_owned(), Value::from(*count)));
    let quarantine = match loaded.quarantine().state() {
        QuarantineState::InUse => Value::Null,
        QuarantineState::Quarantined { until, backoff } => json!({
            "next_try_ms": super::millis(until.since(now)),
            "backoff_ms": super::millis(backoff),
        }),
    };
    json!({
        "component": policy.component.to_string(),
        "digest": loaded.digest().to_string(),
        "fields": loaded.manifest().fields.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "shadow": policy.shadow.is_some(),
        "calls": counts.calls,
        "failures": failures.collect::<serde_json::Map<_, _>>(),
        "ignored_regions": counts.ignored_regions,
        "dropped_lines": counts.dropped_lines,
        "stray_writes": counts.stray_writes,
        "refused_lookups": counts.refused_lookups,
        "kv": loaded.kv().iter().map(bucket).collect::<serde_json::Map<_, _>>(),
        "health": loaded.watches().then(|| health(loaded, now)),
        "instances": counts.living,
        "memory_bytes": counts.memory,
        "quarantine": quarantine,
    })
}

/// The background instance of a policy that watches the regions.
fn health(loaded: &Loaded, now: Timestamp) -> Value {
    let counts = loaded.stats().watch().counts();
    let by_word = |counts: &[(&'static str, u64)]| -> serde_json::Map<String, Value> {
        counts.iter().map(|(word, count)| ((*word).to_owned(), Value::from(*count))).collect()
    };
    json!({
        "calls": counts.calls,
        "failures": by_word(&counts.failures),
        "last_failure": counts.last_failure,
        "backoff_ms": counts.backoff.map(super::millis),
        "last_call_ms": counts.last.map(|last| super::millis(now.since(last))),
        "next_call_ms": counts.next.map(|next| super::millis(next.since(now))),
        "fetches": loaded.http().map(|_| by_word(&counts.fetches)),
        "took_us": super::micros(counts.call_time),
        "waited_us": super::micros(counts.fetch_time),
    })
}

/// What shadows of a service would have changed, by name.
pub(super) fn shadows(service: &Service) -> serde_json::Map<String, Value> {
    let one = |shadow: &ShadowUse| {
        let replaced = service.policies.get(shadow.place).filter(|_| shadow.replaces);
        let mut document = compared(service, &shadow.policy, &shadow.comparisons);
        document["replaces"] = json!(replaced.map(|policy| &*policy.name));
        document["share"] = json!(shadow.share);
        (shadow.policy.name.to_string(), document)
    };
    service.shadows.iter().map(one).collect()
}

/// Policies that are given to a share of the sessions, by name.
pub(super) fn rollouts(world: &World, now: Timestamp) -> serde_json::Map<String, Value> {
    let one = |(policy, rollout): (&Arc<str>, &Rollout)| {
        let (spec, recent) = (rollout.spec(), rollout.recent());
        let returned = rollout.returned().map(|returned| {
            json!({
                "age_ms": super::millis(now.since(returned.at)),
                "cause": returned.cause.as_str(),
                "why": &*returned.why,
            })
        });
        let document = json!({
            "state": if returned.is_some() { "back" } else { "on" },
            "share": spec.share,
            "returned": returned,
            "bounds": {
                "errors": spec.errors,
                "disagreements": spec.disagreements,
                "window_ms": super::millis(spec.window),
                "calls_min": spec.calls_min,
            },
            "recent": {
                "calls": recent.calls,
                "failed": recent.failed,
                "compared": recent.compared,
                "moved": recent.moved,
            },
        });
        (policy.to_string(), document)
    };
    world.rollouts().iter().map(one).collect()
}

/// What rollouts changed in a service, by name.
pub(super) fn service_rollouts(service: &Service) -> serde_json::Map<String, Value> {
    let one = |policy: &PolicyUse| {
        let rollout = policy.rollout.as_deref()?;
        let mut document = compared(service, policy, &rollout.comparisons);
        document["replaces"] = json!(rollout.before.as_ref().map(|before| &*before.name));
        document["share"] = json!(rollout.share);
        Some((policy.name.to_string(), document))
    };
    service.policies.iter().filter_map(one).collect()
}

fn compared(service: &Service, policy: &PolicyUse, comparisons: &Comparisons) -> Value {
    let totals = comparisons.totals();
    let moved = comparisons.pairs().filter(|(from, to, _)| from != to);
    let moved = moved.map(
        |(from, to, count)| json!({"from": service.place_word(from), "to": service.place_word(to), "decisions": count}),
    );
    json!({
        "digest": policy.loaded.digest().to_string(),
        "compared": totals.compared,
        "agreed": totals.agreed(),
        "changed": totals.changed,
        "moved": totals.compared - totals.same_place,
        "moves": moved.collect::<Vec<_>>(),
        "broken_pins": totals.broken_pins,
        "other_keys": totals.other_keys,
        "failed": totals.failed,
        "took_us": super::micros(totals.took),
        "answers": compared_answers(&comparisons.answers()),
    })
}

fn compared_answers(totals: &AnswerTotals) -> Value {
    json!({
        "compared": totals.compared,
        "agreed": totals.agreed,
        "next": totals.next,
        "pin": totals.pins,
        "headers": totals.headers,
        "failed": totals.failed,
        "took_us": super::micros(totals.took),
    })
}

fn bucket((name, bucket): (&str, &Bucket)) -> (String, Value) {
    let BucketCounts { entries, bytes, refused, expired } = bucket.counts();
    (name.to_owned(), json!({"entries": entries, "bytes": bytes, "refused": refused, "expired": expired}))
}

pub(super) fn geo(geo: &Geo, epoch: u64) -> Value {
    let database = geo.database.as_ref().map(|database| {
        let built = database.built_at().duration_since(UNIX_EPOCH).unwrap_or_default();
        json!({"kind": database.kind(), "schema": database.schema().name(), "built_at_s": built.as_secs()})
    });
    json!({
        "source": if geo.database.is_some() { "database" } else { "built-in" },
        "database": database,
        "overrides": !geo.overrides.is_empty(),
        "epoch": epoch,
    })
}

pub(super) fn bundles(snapshot: &Snapshot, now: Timestamp) -> serde_json::Map<String, Value> {
    let one = |bundle: &Bundle| {
        let sizes = bundle.sizes();
        let memory = json!({
            "files": sizes.files_memory, "variants": sizes.variants_memory, "previous": sizes.previous_memory,
        });
        let document = json!({
            "indexed_ms": super::millis(now.since(bundle.indexed_at())),
            "files": sizes.files,
            "bytes": sizes.bytes,
            "variants": sizes.variants,
            "previous": sizes.previous,
            "memory_bytes": memory,
        });
        (bundle.root().display().to_string(), document)
    };
    snapshot.bundles().map(one).collect()
}

pub(super) fn names(world: &World) -> serde_json::Map<String, Value> {
    let one = |(name, known): (&crate::control::world::HostPort, &crate::control::world::Name)| {
        let addresses: Vec<String> = known.addresses.iter().map(ToString::to_string).collect();
        (format!("{}:{}", name.host, name.port), json!({"addresses": addresses, "failure": known.failure}))
    };
    world.names().map(one).collect()
}
