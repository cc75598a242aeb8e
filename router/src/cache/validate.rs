//! Asking the origin whether a stored response is still good (RFC 9111 section 4.3.1).
//!
//! Owns the fields of that request, and of one that fills the cache. The client's own conditions are taken out: it is the
//! stored response that is asked about, and `answer` judges the client's conditions afterwards. Pure.

use http::header::{
    AUTHORIZATION, ETAG, HeaderMap, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE,
};

use super::condition::{self, Validators};
use super::settings::Settings;
use super::stored::{Extent, Stored};
use super::wishes;
use crate::base::Timestamp;

/// Turns a client's request into one that asks about a stored response, by all validators that it has.
pub fn ask_about(request: &mut HeaderMap, stored: &Stored) {
    request.remove(IF_NONE_MATCH);
    request.remove(IF_MODIFIED_SINCE);
    // If it is not good any more, what replaces it should be whole; of what is held in parts a part is wanted, under the
    // client's condition (RFC 9110 section 13.1.5).
    if matches!(stored.extent, Extent::Whole(_)) {
        ask_for_whole(request);
    }
    if stored.tag().is_some()
        && let Some(tag) = stored.headers.get(ETAG)
    {
        request.insert(IF_NONE_MATCH, tag.clone());
    }
    if stored.last_modified().is_some()
        && let Some(date) = stored.headers.get(LAST_MODIFIED)
    {
        request.insert(IF_MODIFIED_SINCE, date.clone());
    }
}

/// Whether a part that an origin sends is of the state that the client goes on with, if it says which (RFC 9110 section 13.1.5).
/// Origins that do not know `If-Range` send whatever state there is.
pub fn goes_on(request: &HeaderMap, part: &HeaderMap, now: Timestamp) -> bool {
    condition::range_applies(request, &Validators::of(part, now), now)
}

/// What makes an answer one for this client alone.
static FOR_ONE: [HeaderName; 4] = [IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_RANGE, RANGE];

/// Takes a range out of a request, with its condition.
pub fn ask_for_whole(request: &mut HeaderMap) {
    request.remove(RANGE);
    request.remove(IF_RANGE);
}

/// Turns a client's request into one whose answer can serve others: without its conditions and its range.
pub fn ask_for_all(request: &mut HeaderMap) {
    for name in &FOR_ONE {
        request.remove(name);
    }
}

/// Whether the answer to a client's request as it is can serve others.
pub fn is_for_all(request: &HeaderMap) -> bool {
    !FOR_ONE.iter().any(|name| request.contains_key(name))
}

/// Whether two requests have the same conditions and the same range.
pub fn asks_alike(one: &HeaderMap, other: &HeaderMap) -> bool {
    FOR_ONE.iter().all(|name| one.get(name) == other.get(name))
}

/// Whether what is not stored is asked for whole, although the client has conditions of its own: the answer then serves
/// others, and `answer` judges the conditions. Not when a part is wanted, nor when the answer will hardly be stored: then the
/// conditions spare the origin a body.
pub fn widens(request: &HeaderMap, settings: &Settings) -> bool {
    !request.contains_key(RANGE) && may_share(request, settings)
}

/// Whether the request does not say itself that its answer will hardly be stored.
pub fn may_share(request: &HeaderMap, settings: &Settings) -> bool {
    !(request.contains_key(AUTHORIZATION) || wishes::read(request, settings).no_store)
}
