//! What an operator may choose about the rules, with defaults.
//!
//! Owns plain values; where they are written down and read is the configuration's. The defaults are what the RFCs ask for,
//! but for `set_cookie`, where the safe choice is stricter than they are. ADR 12 says what each costs or saves. Pure.

use std::time::Duration;

use http::header::{self, HeaderName};

/// Ten per cent, as RFC 9111 section 4.2.2 suggests.
pub const HEURISTIC_PERCENT: u32 = 10;
/// An answer that nobody gave a lifetime is asked for once a day at the least.
pub const HEURISTIC_MAX: Duration = Duration::from_secs(24 * 3600);
/// Long enough for somebody to repair an origin, short enough that nobody sells at yesterday's prices.
pub const STALE_ON_ERROR: Duration = Duration::from_secs(3600);
/// Parts of one answer to several ranges. Browsers and download managers ask for one; PDF readers for a handful.
pub const RANGE_PARTS_MAX: usize = 16;
/// Fields that one response may vary on; with more it is not stored.
pub const VARY_FIELDS_MAX: usize = 16;

/// What becomes of a response that sets a cookie.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SetCookie {
    /// It is not stored. The RFCs allow it, but one forgotten header would hand a session to everybody.
    #[default]
    Bypass,
    /// It is stored when its lifetime is explicit, as RFC 9111 section 7.3 has it.
    Store,
}

/// Choices for the responses of one route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Share of the time since `Last-Modified` that a response without a lifetime stays fresh; 0 for none.
    pub heuristic_percent: u32,
    /// The most that the heuristic gives.
    pub heuristic_max: Duration,
    /// Lifetime of what could be kept by heuristics and succeeded, in the place of the heuristic's.
    pub default_age: Option<Duration>,
    /// The same for what failed (404, 405, 410, 414, 451, 501).
    pub negative_age: Option<Duration>,
    /// No lifetime is longer.
    pub age_max: Option<Duration>,
    /// Replaces every lifetime, the origin's and the heuristic's, up to the longest; what may not be stored without it is not
    /// stored all the same.
    pub forced_age: Option<Duration>,
    /// How long a stale response is served while the origin is asked in the background, when it does not say itself.
    pub stale_while_revalidate: Duration,
    /// How long a stale response stands in for a failed origin when it does not say itself (RFC 9111 section 4.2.4).
    pub stale_on_error: Duration,
    /// `stale-while-revalidate` and `stale-if-error` count beside `s-maxage`, which RFC 9111 section 5.2.2.10 forbids and
    /// some frameworks rely upon.
    pub stale_beside_s_maxage: bool,
    /// What becomes of a response that sets a cookie.
    pub set_cookie: SetCookie,
    /// What requests say in `Cache-Control` counts.
    pub request_directives: bool,
    /// `Pragma: no-cache` in requests counts, although RFC 9111 section 5.4 deprecates it.
    pub pragma: bool,
    /// The order of equally liked languages does not tell requests apart.
    pub language_order_ignored: bool,
    /// What varies on one of these is not stored.
    pub vary_refused: Vec<HeaderName>,
    /// Parts of one answer to several ranges; beyond it the whole is sent.
    pub range_parts_max: usize,
    /// Bytes of the slices that parts are asked for in; 0: as the client wants them.
    pub slice: u64,
}

/// Fields that the router writes into a request, each of them otherwise for another client or exchange. What varies on one was made
/// of what the request that is compared does not have.
static WRITTEN: [HeaderName; 6] = [
    header::FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-request-id"),
    COUNTRY,
    HeaderName::from_static("portolan-region"),
    HeaderName::from_static("portolan-session-moved"),
];
/// The field by which the router tells origins the client's country; it may be varied on where the country is part of the key.
pub const COUNTRY: HeaderName = HeaderName::from_static("portolan-client-country");

impl Default for Settings {
    fn default() -> Self {
        Self {
            heuristic_percent: HEURISTIC_PERCENT,
            heuristic_max: HEURISTIC_MAX,
            default_age: None,
            negative_age: None,
            age_max: None,
            forced_age: None,
            stale_while_revalidate: Duration::ZERO,
            stale_on_error: STALE_ON_ERROR,
            stale_beside_s_maxage: false,
            set_cookie: SetCookie::default(),
            request_directives: true,
            pragma: false,
            language_order_ignored: false,
            vary_refused: WRITTEN.to_vec(),
            range_parts_max: RANGE_PARTS_MAX,
            slice: 0,
        }
    }
}
