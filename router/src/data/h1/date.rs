//! The `date` header (RFC 9110 section 6.6.1), formatted once per second and worker. Reads the wall clock; owns nothing else.

use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;

struct Cached {
    second: u64,
    text: String,
}

thread_local! {
    static NOW: RefCell<Cached> = const { RefCell::new(Cached { second: u64::MAX, text: String::new() }) };
}

/// Appends the current date in IMF-fixdate form.
#[allow(clippy::disallowed_methods, reason = "the header states wall time; nothing is decided by it")]
pub(crate) fn write_date(into: &mut Vec<u8>) {
    let now = SystemTime::now();
    let second = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    NOW.with_borrow_mut(|cached| {
        if cached.second != second {
            cached.second = second;
            cached.text = HttpDate::from(now).to_string();
        }
        into.extend_from_slice(cached.text.as_bytes());
    });
}
