//! The session's token on its way out.
//!
//! Owns when a token is written: on a new pin, when the idle time is worth refreshing, and when a pin ends. The token's
//! form and cryptography are `steer::affinity`'s.

use crate::base::Timestamp;
use crate::decide::Forward;
use crate::decide::facts::Scheme;
use crate::snapshot::Snapshot;
use crate::steer::affinity::{Token, cookie};
use crate::steer::plan::{PinWrite, Target};
use crate::steer::table::AffinityMode;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, HeaderMap, HeaderValue, SET_COOKIE};
use std::time::Duration;

/// Writes the token that the plan asks for.
pub(super) fn write(
    snapshot: &Snapshot,
    plan: &Forward<'_>,
    target: Target,
    now: Timestamp,
    scheme: Scheme,
    headers: &mut HeaderMap,
) {
    let Some(affinity) = &plan.service.spec.affinity else { return };
    let secure = affinity.secure || scheme == Scheme::Https;
    let text = match &plan.plan.pin {
        PinWrite::Leave => return,
        PinWrite::Clear => cookie::clear(&affinity.cookie, secure),
        PinWrite::Refresh | PinWrite::Bind { .. } => {
            let Some(token) = token(plan, target, now, affinity.idle) else { return };
            match snapshot.keys.encode(&token, &plan.service.table.name) {
                Ok(text) => cookie::set(&affinity.cookie, &text, affinity.idle, secure),
                Err(error) => {
                    plan.service.metrics.tokens.count(error.as_str());
                    return;
                }
            }
        }
    };
    // A shared cache would hand one session's pin to everyone (HAProxy's `nocache`): such an answer carries none.
    if is_shared(headers) {
        return;
    }
    if let Ok(value) = HeaderValue::from_str(&text) {
        headers.append(SET_COOKIE, value);
    }
}

/// The token to write; none while the present one is good enough.
fn token(plan: &Forward<'_>, target: Target, now: Timestamp, idle: Duration) -> Option<Token> {
    let region = plan.service.table.regions.get(usize::from(target.region))?;
    let endpoint = region.endpoints.get(usize::from(target.endpoint)).map(|endpoint| endpoint.id);
    let bind = |payload: Bytes, ttl| Token::bind(plan.pin.as_ref(), &region.name, endpoint, payload, ttl, now);
    if let PinWrite::Bind { payload, ttl } = &plan.plan.pin {
        return Some(bind(payload.clone(), *ttl));
    }
    let token = plan.token.as_ref()?;
    let away = token.region != region.name;
    if away && plan.service.table.steering.affinity == Some(AffinityMode::Temporary) {
        return None;
    }
    if away || token.endpoint != endpoint {
        return Some(bind(token.payload.clone(), token.ttl));
    }
    token.is_refresh_due(now, idle).then(|| token.clone().refreshed(now))
}

/// Whether the origin lets shared caches keep this answer.
fn is_shared(headers: &HeaderMap) -> bool {
    headers.get_all(CACHE_CONTROL).iter().any(|value| {
        value.as_bytes().split(|byte| *byte == b',').any(|directive| {
            let directive = directive.trim_ascii();
            directive.eq_ignore_ascii_case(b"public") || directive.to_ascii_lowercase().starts_with(b"s-maxage")
        })
    })
}
