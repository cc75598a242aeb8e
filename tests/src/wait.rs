//! Waiting on conditions.
//!
//! Owns the deadlines and the pace of asking. A test never sleeps: it says what it waits for, and fails with those words.

use std::time::{Duration, Instant};

/// How long a condition may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// Pause between two looks.
const PACE: Duration = Duration::from_millis(5);

/// Waits until the condition holds.
///
/// # Panics
/// When it does not within [`PATIENCE`].
#[track_caller]
pub fn wait_until(what: &str, condition: impl FnMut() -> bool) {
    wait_until_within(PATIENCE, what, condition);
}

/// Waits until the condition holds, for at most `limit`.
///
/// # Panics
/// When it does not in time.
#[track_caller]
pub fn wait_until_within(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let found = eventually(limit, || condition().then_some(()));
    assert!(found.is_some(), "{what}: not within {limit:?}");
}

/// The first value that `look` finds, within `limit`.
pub fn eventually<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if begun.elapsed() > limit {
            return None;
        }
        std::thread::sleep(PACE);
    }
}
