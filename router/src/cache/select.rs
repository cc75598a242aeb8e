//! What to do with a request, given what is stored under its key (RFC 9111 section 4).
//!
//! Owns choosing among variants (section 4.1: of those that match the most recent by `Date`), freshness against the
//! client's wishes (section 5.2.1), and what becomes of stale, invalid and partial ones. One pass, no allocation besides
//! normalised values of `Vary` and ranges. Never asks the origin or a store. Pure.

use std::ops::Range;

use http::{Method, StatusCode, header};

use super::condition;
use super::date::HttpDate;
use super::encoding;
use super::partial;
use super::range::{self, Wanted};
use super::settings::Settings;
use super::stale;
use super::stored::{Extent, Stored};
use super::wishes::{self, Wishes};
use crate::base::Timestamp;

/// A client's request.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its fields.
    pub headers: &'a header::HeaderMap,
    /// It has a body.
    pub has_body: bool,
}

/// Why a request goes to the origin although the cache was asked: the `fwd` words of RFC 9211 section 2.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Forward {
    /// The cache has no say in it: a body, or a condition that only the origin may judge.
    Bypass,
    /// The method is not answered from a cache.
    Method,
    /// Nothing is stored for this URL.
    UrlMiss,
    /// What is stored for this URL is for other requests.
    VaryMiss,
    /// What is stored is stale, or must not be used unasked.
    Stale,
    /// It is fresh, but not as the client wants it.
    Request,
    /// Only parts are stored, and not all that are wanted.
    Partial,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Answer with this one, which is fresh.
    Fresh {
        /// Place among the candidates.
        index: usize,
    },
    /// Answer with this one, which is stale.
    Stale {
        /// Place among the candidates.
        index: usize,
        /// And ask the origin in the background.
        refresh: bool,
    },
    /// Ask the origin whether this one is still good: `validate` makes the request, `freshen` reads the answer (`by_head` that
    /// to a HEAD); when the origin fails, `stale::on_error` says whether it may be used.
    Validate {
        /// Place among the candidates.
        index: usize,
        /// Why it cannot be used unasked.
        why: Forward,
    },
    /// Ask the origin for this span, which completes what is held: `partial::ask_for`, then `partial::joined`.
    Complete {
        /// Place among the candidates.
        index: usize,
        /// The bytes to ask for.
        span: Range<u64>,
    },
    /// Ask the origin as if nothing were stored.
    Miss(Forward),
    /// Answer 504: the client wanted something stored or nothing (RFC 9111 section 5.2.1.7).
    Unavailable,
}

/// Chooses among the responses that are stored under the request's key.
pub fn select<'a>(
    asked: &Asked<'_>,
    candidates: impl IntoIterator<Item = &'a Stored>,
    now: Timestamp,
    settings: &Settings,
) -> Choice {
    if let Some(why) = passes_by(asked) {
        return Choice::Miss(why);
    }
    let wishes = wishes::read(asked.headers, settings);
    match found(asked, candidates, now, &wishes, settings) {
        Choice::Validate { .. } | Choice::Complete { .. } | Choice::Miss(_) if wishes.only_if_cached => {
            Choice::Unavailable
        }
        choice => choice,
    }
}

/// Why a request is nothing for a cache, if so.
pub fn passes_by(asked: &Asked<'_>) -> Option<Forward> {
    if !matches!(*asked.method, Method::GET | Method::HEAD) {
        Some(Forward::Method)
    } else if asked.has_body || condition::is_for_origin(asked.headers) {
        Some(Forward::Bypass)
    } else {
        None
    }
}

fn found<'a>(
    asked: &Asked<'_>,
    candidates: impl IntoIterator<Item = &'a Stored>,
    now: Timestamp,
    wishes: &Wishes,
    settings: &Settings,
) -> Choice {
    let mut is_empty = true;
    let mut best: Option<((bool, HttpDate, usize), &Stored, Held)> = None;
    for (index, stored) in candidates.into_iter().enumerate() {
        is_empty = false;
        if !could_answer(asked, stored, settings) {
            continue;
        }
        let held = held(asked, stored, now, settings);
        // What answers the request comes before what does not; of equals the most recent, of these the last.
        let rank = (held == Held::Enough, stored.date, index);
        if best.as_ref().is_none_or(|(other, ..)| rank > *other) {
            best = Some((rank, stored, held));
        }
    }
    let Some(((_, _, index), stored, held)) = best else {
        return Choice::Miss(if is_empty { Forward::UrlMiss } else { Forward::VaryMiss });
    };
    let choice = timely(index, stored, now, wishes, settings);
    match (held, &choice) {
        (Held::Enough, _) => choice,
        // Only what may be used is worth completing.
        (Held::Lacks(span), Choice::Fresh { .. }) => Choice::Complete { index, span },
        _ => Choice::Miss(Forward::Partial),
    }
}

/// Whether a response could be chosen for a request, fresh or not (RFC 9111 section 4.1).
pub fn could_answer(asked: &Asked<'_>, stored: &Stored, settings: &Settings) -> bool {
    let by_coding = stored.variant.names().contains(&header::ACCEPT_ENCODING);
    stored.variant.matches(asked.headers, settings)
        && (!by_coding || encoding::is_acceptable(asked.headers, &stored.headers))
}

/// Whether a response holds the bytes that a request wants.
pub fn suffices(asked: &Asked<'_>, stored: &Stored, now: Timestamp, settings: &Settings) -> bool {
    held(asked, stored, now, settings) == Held::Enough
}

/// Whether a stored response would answer a request unasked if the origin had just confirmed it. If not, there is no use in waiting
/// for another request that asks.
pub fn serves_confirmed(asked: &Asked<'_>, stored: &Stored, settings: &Settings) -> bool {
    let wishes = wishes::read(asked.headers, settings);
    let age = stored.initial_age_ms;
    let left = (u64::from(stored.lifetime.seconds) * 1000).saturating_sub(age);
    let too_old = wishes.max_age.is_some_and(|seconds| age >= u64::from(seconds) * 1000);
    let too_soon = wishes.min_fresh.is_some_and(|seconds| left <= u64::from(seconds) * 1000);
    left > 0 && !stored.ruling.directives.no_cache.is_whole() && !wishes.no_cache && !too_old && !too_soon
}

/// Whether a response that has just come would answer a request unasked, as far as the request has a say in it.
pub fn takes_arrived(request: &header::HeaderMap, settings: &Settings) -> bool {
    let wishes = wishes::read(request, settings);
    !wishes.no_cache && wishes.max_age != Some(0)
}

/// The one span that a request wants of a stored response whose length is known; none when it wants several, or what is not there.
pub fn span(asked: &Asked<'_>, stored: &Stored, now: Timestamp, settings: &Settings) -> Option<Range<u64>> {
    let length = stored.length()?;
    match parts(asked, stored, length, now, settings) {
        Wanted::Whole => Some(0..length),
        Wanted::Parts(spans) => <[_; 1]>::try_from(spans).ok().map(|[span]| span),
        Wanted::Unsatisfiable => None,
    }
}

/// Whether a request wants spans of a response in another order than they have in it: where the bytes are still arriving and are
/// not kept, the earlier ones are gone when the later ones have come.
pub fn falls(asked: &Asked<'_>, stored: &Stored, now: Timestamp, settings: &Settings) -> bool {
    let wanted = stored.length().map(|length| parts(asked, stored, length, now, settings));
    matches!(wanted, Some(Wanted::Parts(spans)) if !spans.is_sorted_by_key(|span| span.start))
}

/// Whether the bytes that a request wants are held.
#[derive(PartialEq, Eq)]
enum Held {
    Enough,
    Lacks(Range<u64>),
    /// And what is missing cannot be joined.
    TooLittle,
}

fn held(asked: &Asked<'_>, stored: &Stored, now: Timestamp, settings: &Settings) -> Held {
    let Extent::Parts { total, held } = &stored.extent else { return Held::Enough };
    if *asked.method == Method::HEAD {
        return Held::Enough;
    }
    let spans = match parts(asked, stored, *total, now, settings) {
        Wanted::Whole => std::iter::once(0..*total).collect(),
        Wanted::Parts(spans) => spans,
        Wanted::Unsatisfiable => return Held::Enough,
    };
    if spans.iter().all(|span| held.covers(span)) {
        return Held::Enough;
    }
    partial::missing(stored, &spans).map_or(Held::TooLittle, Held::Lacks)
}

/// The bytes that a request wants of a stored response of this length: all, unless it is a GET with a `Range` that applies
/// to what would be a 200 (RFC 9110 section 14.2).
pub(super) fn parts(asked: &Asked<'_>, stored: &Stored, length: u64, now: Timestamp, settings: &Settings) -> Wanted {
    let applies = *asked.method == Method::GET
        && stored.status == StatusCode::OK
        && condition::range_applies(asked.headers, &stored.validators(), now);
    if applies { range::wanted(asked.headers, length, settings.range_parts_max) } else { Wanted::Whole }
}

/// What its age allows.
fn timely(index: usize, stored: &Stored, now: Timestamp, wishes: &Wishes, settings: &Settings) -> Choice {
    if stored.is_invalid || stored.ruling.directives.no_cache.is_whole() {
        return Choice::Validate { index, why: Forward::Stale };
    }
    let too_old = wishes.max_age.is_some_and(|seconds| stored.age_ms(now) > u64::from(seconds) * 1000);
    let too_soon = wishes.min_fresh.is_some_and(|seconds| stored.ttl_s(now) < i64::from(seconds));
    let unwanted = wishes.no_cache || too_old || too_soon;
    if stored.is_fresh(now) {
        return if unwanted { Choice::Validate { index, why: Forward::Request } } else { Choice::Fresh { index } };
    }
    // A client that takes stale answers has no use for `min-fresh`; one that wants no older ones is not served older ones.
    if !wishes.no_cache && !too_old {
        let refresh = stale::while_revalidating(stored, now, settings) && !too_soon;
        if refresh || stale::on_request(stored, now, wishes) {
            return Choice::Stale { index, refresh };
        }
    }
    Choice::Validate { index, why: Forward::Stale }
}
