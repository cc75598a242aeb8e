//! The session's token on its way out.
//!
//! Owns how a token is written: on a new pin, when the idle time is worth refreshing, and when a pin ends. What it says
//! is `decide`'s (`Forward::token_after`), its form and cryptography are `steer::affinity`'s.

use super::forward::Server;
use crate::base::Timestamp;
use crate::decide::Forward;
use crate::decide::facts::Scheme;
use crate::snapshot::Snapshot;
use crate::steer::affinity::cookie;
use crate::steer::plan::PinWrite;
use http::header::{CACHE_CONTROL, HeaderMap, HeaderValue, SET_COOKIE};

/// Writes the token that the plan asks for, or what policies said after the answer.
pub(super) fn write(
    snapshot: &Snapshot,
    plan: &Forward<'_>,
    Server { target, pin }: &Server,
    now: Timestamp,
    scheme: Scheme,
    headers: &mut HeaderMap,
) {
    let Some(affinity) = &plan.service.spec.affinity else { return };
    let secure = affinity.secure || scheme == Scheme::Https;
    let write = plan.pin_after(pin);
    let text = match &write {
        PinWrite::Leave => return,
        PinWrite::Clear => cookie::clear(&affinity.cookie, secure),
        PinWrite::Refresh | PinWrite::Bind { .. } => {
            let Some(token) = plan.token_after(&write, *target, now) else { return };
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

/// Whether the origin lets shared caches keep this answer.
fn is_shared(headers: &HeaderMap) -> bool {
    headers.get_all(CACHE_CONTROL).iter().any(|value| {
        value.as_bytes().split(|byte| *byte == b',').any(|directive| {
            let directive = directive.trim_ascii();
            directive.eq_ignore_ascii_case(b"public") || directive.to_ascii_lowercase().starts_with(b"s-maxage")
        })
    })
}
