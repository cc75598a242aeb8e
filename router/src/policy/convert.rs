//! From a guest's verdict to steering's.
//!
//! Owns every check on what a guest says: region numbers, header names and values, sizes, status. What merely does not
//! apply (a region that is no candidate) is dropped and counted; what has no meaning fails the verdict with the reason.
//! Pure; called by `pool`, right after the call.

use super::contract::{
    AmendmentRecord, BindingRecord, CacheActionVariant, CacheTermsRecord, Candidate, EditOp, EditRecord,
    PinActionVariant, PlanRecord, ReactionVariant, ReplyRecord, VerdictVariant,
};
use super::headers;
use crate::base::RegionSet;
use crate::steer::verdict::{
    Advice, Amendment, CacheSay, Edit, KeyPart, Order, PinAction, Reaction, Reply, SessionKey, Verdict,
};
use bytes::Bytes;
use http::{HeaderName, StatusCode};
use std::sync::Arc;
use std::time::Duration;

/// Longest URL by which a policy names an endpoint, bytes.
const ENDPOINT_MAX: usize = 512;
/// Largest payload of a pin, bytes (`binding.payload` in the contract).
const PAYLOAD_MAX: usize = 256;
/// Longest part of a cache key, characters (`cache-terms.key` in the contract).
const KEY_PART_MAX: usize = 256;
/// Longest key of a session, bytes (`affinity.key` in the contract).
const SESSION_KEY_MAX: usize = 1024;
/// Largest body of a reply, bytes.
const BODY_MAX: usize = 64 * 1024;
/// Most header edits of a plan, and headers of a reply.
const HEADERS_MAX: usize = 64;

/// What the verdict refers to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    /// The policy's name in the configuration.
    pub(super) policy: &'a Arc<str>,
    /// Number of the service's first region.
    pub(super) first_region: u32,
    /// Numbers below this name a region, of this service or of another one that uses the policy.
    pub(super) known: u32,
    /// What the policy could choose from.
    pub(super) candidates: &'a [Candidate],
    /// Regions of the service.
    pub(super) regions: usize,
    /// Cookie in which the host keeps the pin.
    pub(super) pin_cookie: Option<&'a str>,
}

/// What was dropped without failing the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Ignored {
    pub(super) regions: u32,
    pub(super) ext: u32,
}

/// Steering's form of the verdict.
///
/// # Errors
/// When the verdict has no meaning; the text says which part of it.
pub(super) fn verdict(raw: VerdictVariant, scope: &Scope<'_>) -> Result<(Verdict, Ignored), String> {
    match raw {
        VerdictVariant::Pass => Ok((Verdict::Pass, Ignored::default())),
        VerdictVariant::Route(plan) => advice(plan, scope).map(|(advice, ignored)| (Verdict::Route(advice), ignored)),
        VerdictVariant::Respond(reply) => Ok((Verdict::Respond(answer(reply, scope)?), Ignored::default())),
    }
}

/// Steering's form of a session's key.
///
/// # Errors
/// When it is too long.
pub(super) fn key(raw: Option<Vec<u8>>) -> Result<Option<SessionKey>, String> {
    let Some(key) = raw.filter(|key| !key.is_empty()) else { return Ok(None) };
    if key.len() > SESSION_KEY_MAX {
        return Err(format!("a session key of {} bytes; at most {SESSION_KEY_MAX} are accepted", key.len()));
    }
    Ok(Some(SessionKey::new(key)))
}

fn advice(plan: PlanRecord, scope: &Scope<'_>) -> Result<(Advice, Ignored), String> {
    let endpoint = endpoint(&plan.ext)?;
    let unknown = plan.ext.len() - usize::from(endpoint.is_some());
    let mut ignored = Ignored { regions: 0, ext: u32::try_from(unknown).unwrap_or(u32::MAX) };
    let order = order(&plan.order, scope, &mut ignored.regions)?;
    let mut fence = match &plan.fence {
        Some(regions) => Some(fence_of(regions, scope, &mut ignored.regions)?),
        None => None,
    };
    // "Only these" of which none is left must not turn into "any".
    if plan.strict && order.is_empty() && !plan.order.is_empty() {
        fence = Some(RegionSet::EMPTY);
    }
    let edits = edits(&plan.edits, headers::request_name)?;
    let timeout = (plan.timeout_ms > 0).then(|| Duration::from_millis(plan.timeout_ms.into()));
    let (pin, cache) = (pin(plan.pin)?, cache(plan.cache, scope)?);
    Ok((Advice { order, fence, strict: plan.strict, endpoint, pin, cache, edits, timeout }, ignored))
}

/// What a plan says under the key `endpoint`; said twice, the first counts.
fn endpoint(ext: &[(String, Vec<u8>)]) -> Result<Option<Box<str>>, String> {
    let Some((_, value)) = ext.iter().find(|(key, _)| key == "endpoint") else { return Ok(None) };
    if value.len() > ENDPOINT_MAX {
        return Err(format!("an endpoint of {} bytes; at most {ENDPOINT_MAX} are accepted", value.len()));
    }
    let url = std::str::from_utf8(value).map_err(|_| "an endpoint that is no text; accepted: its URL")?;
    Ok(Some(url.into()))
}

/// Header edits; `name` says which headers may be touched.
fn edits(raw: &[EditRecord], name: impl Fn(&str) -> Result<HeaderName, String>) -> Result<Vec<Edit>, String> {
    if raw.len() > HEADERS_MAX {
        return Err(format!("{} header edits; at most {HEADERS_MAX} are accepted", raw.len()));
    }
    let mut edits = Vec::with_capacity(raw.len());
    for edit in raw {
        let name = name(&edit.name)?;
        edits.push(match edit.op {
            EditOp::Set => Edit::Set(name.clone(), headers::value(&name, &edit.value)?),
            EditOp::Add => Edit::Add(name.clone(), headers::value(&name, &edit.value)?),
            EditOp::Remove => Edit::Remove(name),
        });
    }
    Ok(edits)
}

/// Steering's form of what a policy makes of an answer.
///
/// # Errors
/// When it has no meaning; the text says which part of it.
pub(super) fn reaction(raw: ReactionVariant, pin_cookie: Option<&str>) -> Result<Reaction, String> {
    let AmendmentRecord { edits: raw, pin: action } = match raw {
        ReactionVariant::Pass => return Ok(Reaction::Pass),
        ReactionVariant::Next => return Ok(Reaction::Next),
        ReactionVariant::Amend(amendment) => amendment,
    };
    let edits = edits(&raw, headers::reply_name)?;
    for edit in &edits {
        if let Edit::Set(name, value) | Edit::Add(name, value) = edit {
            headers::keeps_pin_cookie(name, value, pin_cookie)?;
        }
    }
    Ok(Reaction::Amend(Amendment { edits, pin: pin(action)? }))
}

/// Candidates in the guest's order. Numbers that `init` never named are nonsense, and so is an order of nothing else.
fn order(raw: &[u32], scope: &Scope<'_>, ignored: &mut u32) -> Result<Order, String> {
    let mut order = Order::new();
    let mut seen = RegionSet::EMPTY;
    let mut unknown = 0;
    for id in raw {
        let is_candidate = scope.candidates.iter().any(|candidate| candidate.region == *id);
        match scope.index(*id).filter(|_| is_candidate) {
            Some(index) if seen.contains(index.into()) => {}
            Some(index) => {
                seen.insert(index.into());
                order.push(index);
            }
            None => {
                *ignored = ignored.saturating_add(1);
                unknown += usize::from(*id >= scope.known);
            }
        }
    }
    named_something(raw, unknown, "order", scope)?;
    Ok(order)
}

/// The fence inside this service. Regions of other services are not nonsense: a policy may fence by a label that they
/// share, whichever service asks.
fn fence_of(raw: &[u32], scope: &Scope<'_>, ignored: &mut u32) -> Result<RegionSet, String> {
    let mut fence = RegionSet::EMPTY;
    let mut unknown = 0;
    for id in raw {
        match scope.index(*id) {
            Some(index) => fence.insert(index.into()),
            None if *id >= scope.known => unknown += 1,
            None => {}
        }
    }
    *ignored = ignored.saturating_add(u32::try_from(unknown).unwrap_or(u32::MAX));
    named_something(raw, unknown, "fence", scope)?;
    Ok(fence)
}

fn named_something(raw: &[u32], unknown: usize, what: &str, scope: &Scope<'_>) -> Result<(), String> {
    match raw.first() {
        Some(first) if unknown == raw.len() => {
            Err(format!("its {what} names no region that exists ({first} of {} regions)", scope.known))
        }
        _ => Ok(()),
    }
}

impl Scope<'_> {
    /// Index in the service, when the number is one of the service's.
    fn index(&self, id: u32) -> Option<u8> {
        let index = usize::try_from(id.checked_sub(self.first_region)?).ok()?;
        if index < self.regions { u8::try_from(index).ok() } else { None }
    }
}

fn pin(raw: PinActionVariant) -> Result<PinAction, String> {
    Ok(match raw {
        PinActionVariant::Keep => PinAction::Keep,
        PinActionVariant::Hold => PinAction::Hold,
        PinActionVariant::Clear => PinAction::Clear,
        PinActionVariant::Bind(BindingRecord { payload, ttl_s }) => {
            if payload.len() > PAYLOAD_MAX {
                return Err(format!("a pin payload of {} bytes; at most {PAYLOAD_MAX} are accepted", payload.len()));
            }
            let ttl = (ttl_s > 0).then(|| Duration::from_secs(ttl_s.into()));
            PinAction::Bind { payload: Bytes::from(payload), ttl }
        }
    })
}

fn cache(raw: CacheActionVariant, scope: &Scope<'_>) -> Result<Option<Box<CacheSay>>, String> {
    let CacheTermsRecord { key, ttl_s } = match raw {
        CacheActionVariant::Keep => return Ok(None),
        CacheActionVariant::Bypass => return Ok(Some(Box::new(CacheSay { bypass: true, ..CacheSay::default() }))),
        CacheActionVariant::Terms(terms) => terms,
    };
    if let Some(part) = &key {
        if part.len() > KEY_PART_MAX {
            return Err(format!("a cache key part of {} bytes; at most {KEY_PART_MAX} are accepted", part.len()));
        }
        if let Some(odd) = part.chars().find(|c| !matches!(c, ' '..='~')) {
            return Err(format!("a cache key part with {odd:?}; accepted: printable ASCII characters"));
        }
    }
    let part = |text: String| KeyPart { policy: Arc::clone(scope.policy), text: text.into() };
    let ttl = ttl_s.map(|seconds| Duration::from_secs(seconds.into()));
    Ok(Some(Box::new(CacheSay { bypass: false, key: key.map(part).into_iter().collect(), ttl })))
}

fn answer(reply: ReplyRecord, scope: &Scope<'_>) -> Result<Reply, String> {
    let status = (200..=599).contains(&reply.status).then(|| StatusCode::from_u16(reply.status).ok()).flatten();
    let status = status.ok_or_else(|| format!("a reply with status {}; accepted: 200 to 599", reply.status))?;
    if reply.body.len() > BODY_MAX {
        return Err(format!("a reply of {} bytes; at most {BODY_MAX} are accepted", reply.body.len()));
    }
    // RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5.
    if !reply.body.is_empty() && matches!(reply.status, 204 | 205 | 304) {
        return Err(format!("a reply with status {} and a body, which that status cannot have", reply.status));
    }
    if reply.headers.len() > HEADERS_MAX {
        return Err(format!("{} reply headers; at most {HEADERS_MAX} are accepted", reply.headers.len()));
    }
    let mut list = Vec::with_capacity(reply.headers.len());
    for (name, value) in &reply.headers {
        let name = headers::reply_name(name)?;
        let value = headers::value(&name, value)?;
        headers::keeps_pin_cookie(&name, &value, scope.pin_cookie)?;
        list.push((name, value));
    }
    Ok(Reply { status, headers: list, body: Bytes::from(reply.body) })
}

#[cfg(test)]
#[path = "convert_tests.rs"]
mod tests;
