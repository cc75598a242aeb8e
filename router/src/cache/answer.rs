//! The answer that a stored response makes (RFC 9111 section 4).
//!
//! Owns its status, its fields and which bytes go with it: `Age` always and `Date` as it was, 304 for a client that has it
//! already, 206 and 416 for ranges, no body for HEAD. What is between the origin and its CDN is taken out; `Warning` is left
//! alone. Never sends anything. Pure.

use std::ops::Range;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};

use super::condition::{self, Validators};
use super::directives::SECONDS_MAX;
use super::fields;
use super::multipart::{self, Multipart};
use super::range::Wanted;
use super::select::{self, Asked};
use super::settings::Settings;
use super::stored::Stored;
use super::tags::{CACHE_TAG, SURROGATE_KEY};
use super::targeted::PORTOLAN_CACHE_CONTROL;
use crate::base::Timestamp;

/// Which bytes of the stored response are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// None.
    Nothing,
    /// All.
    Whole,
    /// One span.
    Part(Range<u64>),
    /// Several, with what goes between them.
    Parts(Multipart),
}

/// An answer from the cache.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its fields.
    pub headers: HeaderMap,
    /// Its content.
    pub content: Content,
}

/// For the cache alone: never sent to a client.
static INTERNAL: [HeaderName; 3] = [PORTOLAN_CACHE_CONTROL, SURROGATE_KEY, CACHE_TAG];
/// About content that a 304 does not have, and that the client need not be told again (RFC 9110 section 15.4.5).
static OF_CONTENT: [HeaderName; 5] = [
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
];

/// Takes out of an answer what is between the origin and the cache alone; for answers that are passed through, too.
pub fn strip_internal(headers: &mut HeaderMap) {
    for name in &INTERNAL {
        headers.remove(name);
    }
}

/// Makes the answer. `seed` makes the boundary between several parts: clients must not be able to guess it.
pub fn answer(asked: &Asked<'_>, stored: &Stored, now: Timestamp, settings: &Settings, seed: u64) -> Answer {
    let mut headers = stored.headers.clone();
    strip_internal(&mut headers);
    let age_s = (stored.age_ms(now) / 1000).min(u64::from(SECONDS_MAX));
    headers.insert(header::AGE, HeaderValue::from(age_s));
    let mut answer = Answer { status: stored.status, headers, content: Content::Whole };
    if answer.is_had(asked, &stored.validators(), now) {
        answer.not_modified();
    } else if let Some(length) = stored.length() {
        match select::parts(asked, stored, length, now, settings) {
            Wanted::Whole => answer.whole(length),
            Wanted::Parts(spans) => answer.parts(&spans, length, seed),
            Wanted::Unsatisfiable => answer.unsatisfiable(length),
        }
    }
    if *asked.method == Method::HEAD {
        answer.content = Content::Nothing;
    }
    answer
}

/// The answer that a response makes which is passed on and not stored, when it was asked for whole and without the client's
/// conditions: they are judged here.
pub fn passed(asked: &Asked<'_>, status: StatusCode, mut headers: HeaderMap, now: Timestamp) -> Answer {
    strip_internal(&mut headers);
    let mut answer = Answer { status, headers: HeaderMap::new(), content: Content::Whole };
    let is_had = answer.is_had(asked, &Validators::of(&headers, now), now);
    answer.headers = headers;
    if is_had {
        answer.not_modified();
    }
    if *asked.method == Method::HEAD {
        answer.content = Content::Nothing;
    }
    answer
}

impl Answer {
    /// Whether the client has it already. Conditions are about what would be a success (RFC 9110 section 13.2.1).
    fn is_had(&self, asked: &Asked<'_>, state: &Validators<'_>, now: Timestamp) -> bool {
        self.status.is_success() && condition::is_not_modified(asked.headers, state, now)
    }

    fn not_modified(&mut self) {
        self.status = StatusCode::NOT_MODIFIED;
        self.content = Content::Nothing;
        for name in &OF_CONTENT {
            self.headers.remove(name);
        }
    }

    fn whole(&mut self, length: u64) {
        // 204 has no content and must not say how long it is (RFC 9110 section 8.6).
        if self.status != StatusCode::NO_CONTENT {
            self.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
    }

    fn parts(&mut self, spans: &[Range<u64>], total: u64, seed: u64) {
        if let [span] = spans {
            self.status = StatusCode::PARTIAL_CONTENT;
            fields::strip_digests(&mut self.headers);
            self.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(span.end - span.start));
            self.content_range(&multipart::content_range(span, total));
            self.content = Content::Part(span.clone());
        } else if let Some(plan) = multipart::plan(spans, total, self.headers.get(header::CONTENT_TYPE), seed) {
            self.status = StatusCode::PARTIAL_CONTENT;
            fields::strip_digests(&mut self.headers);
            self.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(plan.length));
            self.headers.insert(header::CONTENT_TYPE, plan.content_type.clone());
            // Each part says its own (RFC 9110 section 15.3.7.2).
            self.headers.remove(header::CONTENT_RANGE);
            self.content = Content::Parts(plan);
        } else {
            self.whole(total);
        }
    }

    fn unsatisfiable(&mut self, total: u64) {
        self.status = StatusCode::RANGE_NOT_SATISFIABLE;
        self.content = Content::Nothing;
        fields::strip_digests(&mut self.headers);
        for name in &OF_CONTENT {
            self.headers.remove(name);
        }
        self.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(0u64));
        self.content_range(&format!("bytes */{total}"));
    }

    fn content_range(&mut self, text: &str) {
        if let Ok(value) = HeaderValue::from_str(text) {
            self.headers.insert(header::CONTENT_RANGE, value);
        }
    }
}
