//! Parts of a representation: storing, joining and completing them (RFC 9111 sections 3.3 and 3.4).
//!
//! Owns `Content-Range`, joining a part to what is held (under the same strong entity tag and the same length, or not at
//! all), what is left of an answer that was cut off, and the request for the rest. Never touches bytes. Pure.

use std::ops::Range;

use http::StatusCode;
use http::header::{CONTENT_RANGE, ETAG, HeaderMap, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, RANGE};

use super::etag::EntityTag;
use super::fields;
use super::freshen;
use super::settings::Settings;
use super::spans::Spans;
use super::stored::{Extent, Fetched, Stored};

/// `Content-Range` of one part (RFC 9110 section 14.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentRange {
    /// The bytes; never empty.
    pub span: Range<u64>,
    /// Bytes of the whole, unless the origin does not know.
    pub total: Option<u64>,
}

impl ContentRange {
    /// Reads `bytes 0-4/10`; none when it is malformed, of another unit, or not possible.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?;
        let (unit, rest) = text.split_once(' ')?;
        let (range, total) = rest.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let total = if total == "*" { None } else { Some(number(total)?) };
        let span = number(first)?..number(last)?.checked_add(1)?;
        let possible = span.start < span.end && total.is_none_or(|total| span.end <= total);
        (unit.eq_ignore_ascii_case("bytes") && possible).then_some(Self { span, total })
    }
}

fn number(digits: &str) -> Option<u64> {
    let valid = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| valid)
}

/// Whether a part of it can be completed or joined by others.
pub fn is_joinable(stored: &Stored) -> bool {
    strong_tag(stored).is_some()
}

/// Whether two responses say, by strong tags, that they are of different states.
pub fn are_of_two_states(one: &Stored, other: &Stored) -> bool {
    let tags = strong_tag(one).zip(strong_tag(other));
    tags.is_some_and(|(one, other)| !one.strongly_equals(other))
}

/// The one validator that bytes may be joined under.
fn strong_tag(stored: &Stored) -> Option<EntityTag<'_>> {
    stored.tag().filter(|tag| !tag.is_weak)
}

/// What is left of a response whose body ended after `bytes`. None when nothing of it may be kept: the part could be
/// completed under a strong entity tag only (RFC 9111 section 3.3). A whole body leaves it as it is.
pub fn arrived(mut stored: Stored, bytes: u64) -> Option<Stored> {
    let (start, end, total) = match &stored.extent {
        Extent::Whole(None) => {
            stored.extent = Extent::Whole(Some(bytes));
            return Some(stored);
        }
        Extent::Whole(Some(length)) => (0, *length, *length),
        Extent::Parts { total, held } => {
            let span = held.iter().next()?;
            (span.start, span.end, *total)
        }
    };
    if bytes >= end - start {
        return Some(stored);
    }
    let keeps = bytes > 0 && stored.status == StatusCode::OK && strong_tag(&stored).is_some();
    let held = Spans::one(start..start.checked_add(bytes)?);
    fields::strip_digests(&mut stored.headers);
    stored.extent = Extent::Parts { total, held };
    keeps.then_some(stored)
}

/// What is left of a response when only these bytes of it are still held; none when that may not be kept.
pub fn left(mut stored: Stored, held: Spans) -> Option<Stored> {
    strong_tag(&stored).filter(|_| stored.status == StatusCode::OK)?;
    held.iter().next()?;
    let total = stored.length()?;
    fields::strip_digests(&mut stored.headers);
    stored.extent = Extent::Parts { total, held };
    Some(stored)
}

/// Joins a part that was fetched, `span` and no other, to what is held of the same state. The newer fields replace the older (RFC 9111 section
/// 3.4). None when the two do not belong together, or the set of spans is full: then the newer stands for itself, and a part
/// that is not what the client asked for has to be asked for again.
pub fn joined(stored: &Stored, span: &Range<u64>, fetched: &Fetched<'_>, settings: &Settings) -> Option<Stored> {
    let Extent::Parts { total, held } = &stored.extent else { return None };
    let range = ContentRange::parse(fetched.headers.get(CONTENT_RANGE)?.as_bytes())?;
    let same = strong_tag(stored)?.strongly_equals(EntityTag::of(fetched.headers)?);
    if fetched.status != StatusCode::PARTIAL_CONTENT || !same || range.span != *span || range.total != Some(*total) {
        return None;
    }
    let mut held = held.clone();
    if !held.add(range.span) {
        return None;
    }
    let mut joined = as_whole(stored, fetched, settings)?;
    if !held.covers(&(0..*total)) {
        joined.extent = Extent::Parts { total: *total, held };
    }
    Some(joined)
}

/// Whether a body can be fetched piece by piece under this response's name: it has a strong entity tag, and an end that is
/// known. The end.
pub fn end_of(stored: &Stored) -> Option<u64> {
    strong_tag(stored).filter(|_| stored.status == StatusCode::OK)?;
    match &stored.extent {
        Extent::Whole(length) => *length,
        Extent::Parts { held, .. } => held.iter().next().map(|span| span.end),
    }
}

/// Whether bytes of one are bytes of the other: the same state, the same variant.
pub fn is_same(one: &Stored, other: &Stored) -> bool {
    let tags = strong_tag(one).zip(strong_tag(other));
    tags.is_some_and(|(one, other)| one.strongly_equals(other))
        && (one.length(), one.status) == (other.length(), other.status)
        && one.variant == other.variant
        && !(one.is_invalid || other.is_invalid)
}

/// Whether an answer to a request for a range may be about that range alone (416, RFC 9110 section 15.5.17; origins and what
/// stands before them say 400 and 403 as well). To a range that the client did not ask for it is no answer to the client.
pub fn is_refusal(status: StatusCode) -> bool {
    // These are about the thing, or about whoever asks for it.
    let others = matches!(status.as_u16(), 401 | 404 | 410 | 429);
    status.is_client_error() && !others
}

/// What an answer to the question for one more piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continued {
    /// The bytes that follow, up to this place.
    Until(u64),
    /// Of another state, or of none: there are no more bytes of this one.
    Changed,
    /// Nothing that says anything: it may be asked for again, or elsewhere.
    Failed,
}

/// Reads the answer to the question for `span` of what is held. An origin may send less of it than was asked for.
pub fn continued(stored: &Stored, span: &Range<u64>, status: StatusCode, headers: &HeaderMap) -> Continued {
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return Continued::Failed;
    }
    let range = headers.get(CONTENT_RANGE).and_then(|range| ContentRange::parse(range.as_bytes()));
    let same = strong_tag(stored).zip(EntityTag::of(headers)).is_some_and(|(own, tag)| own.strongly_equals(tag));
    match range.filter(|_| same && status == StatusCode::PARTIAL_CONTENT) {
        Some(ContentRange { span: came, total })
            if came.start == span.start && came.end <= span.end && total == stored.length() =>
        {
            Continued::Until(came.end)
        }
        _ => Continued::Changed,
    }
}

/// What is held as the whole that it will be, freshened by the answer that brings more of it. None when that may not be kept.
fn as_whole(stored: &Stored, fetched: &Fetched<'_>, settings: &Settings) -> Option<Stored> {
    let mut whole = freshen::freshened(stored, fetched, settings).ok()?;
    whole.headers.remove(CONTENT_RANGE);
    fields::strip_digests(&mut whole.headers);
    whole.extent = Extent::Whole(stored.length());
    Some(whole)
}

/// Reads the answer to the question for the bytes from `start` on of what nothing is known of: where they end, and the whole.
/// None when more cannot be joined to them.
pub fn begun(start: u64, status: StatusCode, headers: &HeaderMap) -> Option<(u64, u64)> {
    EntityTag::of(headers).filter(|tag| !tag.is_weak && status == StatusCode::PARTIAL_CONTENT)?;
    let range = ContentRange::parse(headers.get(CONTENT_RANGE)?.as_bytes())?;
    Some((range.span.end, range.total?)).filter(|_| range.span.start == start)
}

/// One span of it as it will be held, freshened by the answer that brings the first of what is missing. None when that may not
/// be kept.
pub fn as_span(stored: &Stored, span: &Range<u64>, fetched: &Fetched<'_>, settings: &Settings) -> Option<Stored> {
    let mut part = as_whole(stored, fetched, settings)?;
    let total = stored.length()?;
    if *span != (0..total) {
        part.extent = Extent::Parts { total, held: Spans::one(span.clone()) };
    }
    Some(part)
}

/// Joins a part to a part or a whole that was fetched beside it: what they are together, the newer one's fields before the older
/// one's. None when they are not of one state, or the set of spans is full.
pub fn together(older: &Stored, newer: &Stored) -> Option<Stored> {
    let Extent::Parts { total, held: more } = &newer.extent else { return None };
    let mut held = match &older.extent {
        Extent::Parts { held, .. } => held.clone(),
        Extent::Whole(length) => Spans::one(0..(*length)?),
    };
    let same = strong_tag(older)?.strongly_equals(strong_tag(newer)?) && older.status == newer.status;
    if !same || older.length() != Some(*total) || older.is_invalid || !more.iter().all(|span| held.add(span.clone())) {
        return None;
    }
    let mut both = newer.clone();
    both.extent =
        if held.covers(&(0..*total)) { Extent::Whole(Some(*total)) } else { Extent::Parts { total: *total, held } };
    Some(both)
}

/// The first span that has to be fetched to answer these; none when they are held, or must not be joined. What lies between them
/// is not wanted: there may be gigabytes of it.
pub fn missing(stored: &Stored, wanted: &[Range<u64>]) -> Option<Range<u64>> {
    let Extent::Parts { held, .. } = &stored.extent else { return None };
    strong_tag(stored)?;
    let gaps = wanted.iter().filter_map(|span| held.missing(span));
    gaps.min_by_key(|gap| gap.start)
}

/// Makes a request ask for one span of the state that is held, and for the whole of any other.
pub fn ask_for(request: &mut HeaderMap, stored: &Stored, span: &Range<u64>) {
    for name in [IF_NONE_MATCH, IF_MODIFIED_SINCE] {
        request.remove(name);
    }
    let range = HeaderValue::from_str(&format!("bytes={}-{}", span.start, span.end.saturating_sub(1)));
    if let (Ok(range), Some(tag)) = (range, stored.headers.get(ETAG)) {
        request.insert(RANGE, range);
        request.insert(IF_RANGE, tag.clone());
    }
}
