//! What the answer to a validation or to a HEAD does to stored responses (RFC 9111 sections 4.3.3 to 4.3.5).
//!
//! Owns which of them are meant, only such as could have answered the request; and the stored response that comes of it: newer
//! fields over older ones, all facts worked out anew. A 304 about a state that is not held updates nothing: the origin has to be
//! asked again without conditions. Pure.

use http::header::{ETAG, HeaderMap, LAST_MODIFIED};
use http::{Method, StatusCode};

use super::condition::Validators;
use super::date::{self, HttpDate};
use super::etag::EntityTag;
use super::fields;
use super::freshness;
use super::select::{Asked, could_answer};
use super::settings::Settings;
use super::storable::{self, Refusal};
use super::stored::{Fetched, Stored};
use super::targeted;
use crate::base::Timestamp;

/// The places of those that a 304 to this request freshens, `asked_about` being the one whose validators were sent; empty when it
/// is about another state.
pub fn meant<'a>(
    asked: &Asked<'_>,
    not_modified: &HeaderMap,
    candidates: impl IntoIterator<Item = &'a Stored>,
    asked_about: usize,
    now: Timestamp,
    settings: &Settings,
) -> Vec<usize> {
    let newer = Validators::of(not_modified, now);
    let candidates = candidates.into_iter().enumerate();
    let candidates: Vec<(usize, &Stored)> =
        candidates.filter(|(_, stored)| could_answer(asked, stored, settings)).collect();
    let places = |fits: &dyn Fn(&Stored) -> bool| -> Vec<usize> {
        candidates.iter().filter(|(_, stored)| fits(stored)).map(|(place, _)| *place).collect()
    };
    match (newer.tag, newer.modified) {
        // A strong validator: every response with the same.
        (Some(tag), modified) if !tag.is_weak => places(&|stored| has_strong(stored, tag, modified)),
        // A weak one: the most recent that matches.
        (Some(tag), _) => {
            latest(&candidates, &places(&|stored| stored.tag().is_some_and(|own| own.weakly_equals(tag))))
        }
        (None, Some(modified)) => latest(&candidates, &places(&|stored| stored.last_modified() == Some(modified))),
        // None at all: it answers the validators that were sent. The letter of section 4.3.4 has this only for a response
        // without validators; origins that leave `ETag` out of a 304 are many, and the question named one state.
        (None, None) => {
            let malformed = not_modified.contains_key(ETAG) || not_modified.contains_key(LAST_MODIFIED);
            let about = candidates.iter().map(|(place, _)| *place).find(|place| *place == asked_about);
            about.filter(|_| !malformed).into_iter().collect()
        }
    }
}

/// Whether a strong validator of a 304 is one of this response: its tag, or its date where that is strong (RFC 9110 section 8.8.2.2)
/// and the tags differ in strength alone. Origins that compress on the way out (nginx) make the tag of a 200 weak and leave that
/// of the 304 as it is.
fn has_strong(stored: &Stored, tag: EntityTag<'_>, modified: Option<HttpDate>) -> bool {
    let own = stored.validators();
    let is_same_time = own.modified_is_strong && modified.is_some() && modified == own.modified;
    own.tag.is_some_and(|own| own.strongly_equals(tag) || own.weakly_equals(tag) && is_same_time)
}

fn latest(candidates: &[(usize, &Stored)], places: &[usize]) -> Vec<usize> {
    let among = candidates.iter().filter(|(place, _)| places.contains(place));
    among.max_by_key(|(place, stored)| (stored.date, *place)).map(|(place, _)| *place).into_iter().collect()
}

/// Whether another answer than a 304 says that what was asked about is no more, also when it is not stored itself (RFC 9111 section
/// 4.3.3). Not a failure of the origin, and not what may lie in the one request.
pub fn replaces(status: StatusCode) -> bool {
    match status.as_u16() {
        206 | 304 => false,
        200..=399 | 401..=405 | 410 | 451 => true,
        _ => false,
    }
}

/// What the answer to a HEAD does to a stored response that could have answered it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadEffect {
    /// Nothing: it did not succeed, or what is stored is no success either, or could not have answered this request.
    None,
    /// It is the same state: `freshened` makes it newer.
    Update,
    /// It is another state: `Stored::expire`.
    Expire,
}

/// Compares the answer to a HEAD with what is stored (RFC 9111 section 4.3.5).
pub fn by_head(
    asked: &Asked<'_>,
    status: StatusCode,
    head: &HeaderMap,
    stored: &Stored,
    now: Timestamp,
    settings: &Settings,
) -> HeadEffect {
    let is_meant = stored.status == StatusCode::OK && could_answer(asked, stored, settings);
    if status != StatusCode::OK || !is_meant {
        return HeadEffect::None;
    }
    let same_tag = !head.contains_key(ETAG) || (EntityTag::of(head).is_some() && EntityTag::of(head) == stored.tag());
    let modified = date::field(head, &LAST_MODIFIED, now);
    let same_time = !head.contains_key(LAST_MODIFIED) || (modified.is_some() && modified == stored.last_modified());
    let same_length = fields::content_length(head).is_none_or(|length| stored.length().is_none_or(|own| own == length));
    if same_tag && same_time && same_length { HeadEffect::Update } else { HeadEffect::Expire }
}

/// A stored response after a newer one about the same state, to a request that it could have answered. `Ok` takes its place.
/// `Err` holds one that answers this request alone: afterwards what was stored is dropped, unless the refusal lies in the
/// request (`Refusal::is_of_request`), when it stays as it was.
///
/// # Errors
/// The rule that forbids it, with the response to answer with.
pub fn freshened(stored: &Stored, newer: &Fetched<'_>, settings: &Settings) -> Result<Stored, Box<(Refusal, Stored)>> {
    let headers = fields::updated(&stored.headers, newer.headers);
    let fetched = Fetched { method: &Method::GET, status: stored.status, headers: &headers, has_body: false, ..*newer };
    let ruling = targeted::ruling(&headers);
    let lifetime = freshness::lifetime(stored.status, &headers, &ruling, newer.times.received, settings);
    let tags = super::tags::of(newer.address, &headers);
    let permitted = storable::permitted(&fetched, &ruling, settings)
        .and_then(|variant| if tags.is_some() { Ok(variant) } else { Err(Refusal::Tags) });
    let variant = permitted.clone().unwrap_or_else(|_| stored.variant.clone());
    let mut fresh = Stored::new(&fetched, ruling, lifetime, variant, tags.unwrap_or_default());
    fresh.extent = stored.extent.clone();
    match permitted {
        Ok(_) => Ok(fresh),
        Err(refusal) => Err(Box::new((refusal, fresh))),
    }
}
