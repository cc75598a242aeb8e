//! A verdict as one line, for `explain`, for cases and for people.
//!
//! Owns the words: `pass`, `451 body`, `route eu,us fence=eu strict bind[home=eu] x-why:because`. The Rust SDK's tests use
//! the same ones (`portolan_policy::testing`), so that a unit test and a case read alike. Pure.

use super::{Decision, Refusal};
use crate::policy::PolicyFailure;
use crate::snapshot::Service;
use crate::steer::verdict::{Advice, Amendment, CacheSay, Edit, PinAction, Reply, SessionKey, Verdict};
use http::HeaderValue;

/// What a policy said.
pub fn said(said: &Result<Verdict, PolicyFailure>, service: &Service) -> String {
    match said {
        Ok(Verdict::Pass) => "pass".to_owned(),
        Ok(Verdict::Respond(reply)) => answered(reply),
        Ok(Verdict::Route(advice)) => format!("route {}", advised(advice, service)).trim_end().to_owned(),
        Err(failure) => format!("failed: {}: {failure}", failure.as_str()),
    }
}

/// A session's own key; a byte that is no text is `\xHH`, as in cases. No key is an empty one.
pub fn key(key: Option<&SessionKey>) -> String {
    text(key.map_or(&[][..], SessionKey::bytes))
}

/// Bytes as text; a byte that is no text is `\xHH`.
pub fn text(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    text
}

fn answered(reply: &Reply) -> String {
    format!("{} {}", reply.status.as_u16(), String::from_utf8_lossy(&reply.body)).trim_end().to_owned()
}

/// What a policy advises; nothing when it leaves all to others.
pub fn advised(advice: &Advice, service: &Service) -> String {
    let mut words = Vec::new();
    if !advice.order.is_empty() {
        words.push(names(advice.order.iter().map(|index| usize::from(*index)), service));
    }
    if let Some(fence) = advice.fence {
        words.push(format!("fence={}", names(fence.iter(), service)));
    }
    if advice.strict {
        words.push("strict".to_owned());
    }
    words.extend(advice.endpoint.as_ref().map(|url| format!("endpoint={url}")));
    words.extend(pinned(&advice.pin));
    words.extend(advice.cache.iter().flat_map(|say| cached(say)));
    words.extend(advice.edits.iter().map(edited));
    words.extend(advice.timeout.map(|limit| format!("timeout={}ms", limit.as_millis())));
    words.join(" ")
}

/// What becomes of the pin.
fn pinned(pin: &PinAction) -> Vec<String> {
    match pin {
        PinAction::Keep => Vec::new(),
        PinAction::Hold => vec!["hold".to_owned()],
        PinAction::Clear => vec!["clear".to_owned()],
        PinAction::Bind { payload, ttl } => {
            let bound = format!("bind[{}]", String::from_utf8_lossy(payload).replace('\n', ";"));
            std::iter::once(bound).chain(ttl.map(|ttl| format!("ttl={}s", ttl.as_secs()))).collect()
        }
    }
}

/// How an answer is changed.
pub fn amended(amendment: &Amendment) -> String {
    let words = pinned(&amendment.pin).into_iter().chain(amendment.edits.iter().map(edited));
    std::iter::once("amend".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

/// What the cache is told.
fn cached(say: &CacheSay) -> Vec<String> {
    let bypass = say.bypass.then(|| "cache=bypass".to_owned());
    let key = say.key.iter().map(|part| format!("cache-key={}", part.text));
    let ttl = say.ttl.map(|ttl| format!("cache-ttl={}s", ttl.as_secs()));
    bypass.into_iter().chain(key).chain(ttl).collect()
}

fn edited(edit: &Edit) -> String {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    match edit {
        Edit::Set(name, value) => format!("{name}:{}", text(value)),
        Edit::Add(name, value) => format!("+{name}:{}", text(value)),
        Edit::Remove(name) => format!("-{name}"),
    }
}

fn names(regions: impl Iterator<Item = usize>, service: &Service) -> String {
    let names = regions.map(|index| service.table.regions.get(index).map_or("?", |region| &*region.name));
    names.collect::<Vec<_>>().join(",")
}

/// Who serves, when the host has judged the verdict.
pub fn served(decision: &Decision<'_>) -> String {
    match decision {
        Decision::Forward(forward) => {
            let target = forward.plan.targets.first();
            let region = target.and_then(|target| forward.service.table.regions.get(usize::from(target.region)));
            region.map_or_else(String::new, |region| region.name.to_string())
        }
        Decision::Reply(_, reply) => reply.status.as_u16().to_string(),
        Decision::Stranded(_, why) | Decision::Refuse(_, Refusal::NoTarget(why)) => {
            format!("refused: {}", why.as_str())
        }
        Decision::Refuse(_, Refusal::PolicyFailed) => "refused: policy-failed".to_owned(),
        Decision::Refuse(_, Refusal::NoRoute) | Decision::Files(_) => "refused: no-route".to_owned(),
    }
}
