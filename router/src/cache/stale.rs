//! When a stale response may be used all the same (RFC 9111 section 4.2.4, RFC 5861).
//!
//! Owns the windows: the response's own, the operator's default, the client's; and what forbids them all: `no-cache`,
//! `must-revalidate`, `proxy-revalidate`, `s-maxage` (which implies the last), and invalidation. Pure.

use std::time::Duration;

use http::StatusCode;

use super::settings::Settings;
use super::stored::Stored;
use super::wishes::Wishes;
use crate::base::Timestamp;

/// Whether an answer counts as the origin's failure (RFC 5861 section 4).
pub fn is_error(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}

/// May be served while the origin is asked in the background: `stale-while-revalidate`.
pub fn while_revalidating(stored: &Stored, now: Timestamp, settings: &Settings) -> bool {
    let own = stored.ruling.directives.stale_while_revalidate;
    let window = own.unwrap_or_else(|| clamped(settings.stale_while_revalidate));
    !is_forbidden(stored) && own_windows_count(stored, settings) && within(stored, now, window)
}

/// May be served because the client asked for it: `max-stale`.
pub fn on_request(stored: &Stored, now: Timestamp, wishes: &Wishes) -> bool {
    let window = wishes.max_stale.unwrap_or(0);
    !is_forbidden(stored) && stored.ruling.directives.s_maxage.is_none() && within(stored, now, window)
}

/// May be served in place of an error, or of no answer at all. Asked when that happened. What is fresh may too: then it was
/// the client's wish alone that sent the request to the origin.
pub fn on_error(stored: &Stored, now: Timestamp, wishes: &Wishes, settings: &Settings) -> bool {
    let directives = &stored.ruling.directives;
    if stored.is_fresh(now) {
        return !directives.no_cache.is_whole();
    }
    if is_forbidden(stored) {
        return false;
    }
    let shared = directives.s_maxage.is_some();
    let own = match directives.stale_if_error {
        Some(_) if !own_windows_count(stored, settings) => 0,
        Some(seconds) => seconds,
        None if shared => 0,
        None => clamped(settings.stale_on_error),
    };
    let wished = if shared { 0 } else { wishes.stale_if_error.unwrap_or(0) };
    within(stored, now, own.max(wished))
}

fn is_forbidden(stored: &Stored) -> bool {
    stored.is_invalid || stored.ruling.directives.forbids_stale()
}

fn own_windows_count(stored: &Stored, settings: &Settings) -> bool {
    stored.ruling.directives.s_maxage.is_none() || settings.stale_beside_s_maxage
}

/// Whether it has been stale for no longer than the window. A window of zero is none.
fn within(stored: &Stored, now: Timestamp, seconds: u32) -> bool {
    seconds > 0 && now.since(stored.fresh_until) <= Duration::from_secs(u64::from(seconds))
}

fn clamped(window: Duration) -> u32 {
    u32::try_from(window.as_secs()).unwrap_or(u32::MAX)
}
