//! Whether a response may be stored (RFC 9111 section 3), and the stored response that comes of it.
//!
//! Owns the rules in the order in which a refusal tells the most, and a word for each. Responses with `Authorization` in
//! the request follow section 3.5, those to POST RFC 9110 section 9.3.3, parts of a representation section 3.3. Pure.

use http::header::{AUTHORIZATION, CONTENT_LOCATION, CONTENT_RANGE, HeaderMap, RANGE, SET_COOKIE};
use http::{Method, StatusCode};

use super::directives::Directives;
use super::fields;
use super::freshness;
use super::key;
use super::partial::{self, ContentRange};
use super::settings::{SetCookie, Settings};
use super::spans::Spans;
use super::stored::{Extent, Fetched, Stored};
use super::tags;
use super::targeted::{self, Ruling};
use super::vary::{self, Variant};
use super::wishes;

/// Why a response is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The method's answers are not stored.
    Method,
    /// The request has a body that is not in the key.
    Body,
    /// The status says nothing that another request could use.
    Status,
    /// A part that does not say which part, or of something of unknown length, or that is not as long as it says.
    Part,
    /// It may be about the range that the request asks for, and about no other request.
    Range,
    /// `Connection` takes fields off it that it would be judged by.
    Connection,
    /// `must-understand`, and the status is not known here.
    NotUnderstood,
    /// The response says `no-store`.
    NoStore,
    /// The request says `no-store`.
    RequestNoStore,
    /// It is for one user.
    Private,
    /// The request was authorised, and the response does not say that others may have it.
    Authorization,
    /// It sets a cookie.
    SetCookie,
    /// It varies on everything, on too much, or on what the settings refuse.
    Vary,
    /// It varies on what the request says at too great length, or in a field that may pass for another.
    VaryValues,
    /// It has more tags than are kept, or one that is too long.
    Tags,
    /// Neither origin nor status say that it may be kept.
    NoLifetime,
    /// It would never be fresh, and the origin could not be asked whether it is still good.
    NeverFresh,
}

impl Refusal {
    /// Whether it lies in the request: another request for the same may be answered from what is stored, and what was stored
    /// before stays.
    pub fn is_of_request(self) -> bool {
        let of_fields = matches!(self, Self::Range | Self::RequestNoStore | Self::Authorization | Self::VaryValues);
        of_fields || matches!(self, Self::Method | Self::Body)
    }

    /// Whether other requests for the same would meet it too, in an answer of this status: then nobody should wait for one of them.
    /// Not when it is about what this request says of itself: a condition that does not hold, a range that is none, a head that is
    /// too long or means nothing.
    pub fn is_of_others(self, status: StatusCode) -> bool {
        let is_about_request = matches!(status.as_u16(), 400 | 412 | 413 | 416 | 417 | 431);
        !(self.is_of_request() || self == Self::Part || is_about_request)
    }

    /// One word for logs, metrics and `Cache-Status`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Body => "request-body",
            Self::Status => "status",
            Self::Part => "part",
            Self::Range => "range",
            Self::Connection => "connection",
            Self::NotUnderstood => "not-understood",
            Self::NoStore => "no-store",
            Self::RequestNoStore => "request-no-store",
            Self::Private => "private",
            Self::Authorization => "authorization",
            Self::SetCookie => "set-cookie",
            Self::Vary => "vary",
            Self::VaryValues => "vary-values",
            Self::Tags => "tags",
            Self::NoLifetime => "no-lifetime",
            Self::NeverFresh => "never-fresh",
        }
    }
}

/// Judges a response and, when it may be stored, works out everything about it.
///
/// # Errors
/// The first rule that forbids it.
pub fn admit(fetched: &Fetched<'_>, settings: &Settings) -> Result<Stored, Refusal> {
    let ruling = targeted::ruling(fetched.headers);
    let received = fetched.times.received;
    let lifetime = freshness::lifetime(fetched.status, fetched.headers, &ruling, received, settings);
    let variant = permitted(fetched, &ruling, settings)?;
    let tags = tags::of(fetched.address, fetched.headers).ok_or(Refusal::Tags)?;
    let extent = extent(fetched)?;
    let mut stored = Stored::new(fetched, ruling, lifetime, variant, tags);
    if matches!(extent, Extent::Parts { .. }) {
        stored.status = StatusCode::OK;
        stored.headers.remove(CONTENT_RANGE);
        fields::strip_digests(&mut stored.headers);
    }
    stored.extent = extent;
    if is_useless(&stored) { Err(Refusal::NeverFresh) } else { Ok(stored) }
}

/// Whether what a request says of itself lets an answer with these directives be stored (RFC 9111 sections 3.5 and 5.2.1.5).
pub fn as_asked(request: &HeaderMap, directives: &Directives, settings: &Settings) -> Result<(), Refusal> {
    if wishes::read(request, settings).no_store {
        return Err(Refusal::RequestNoStore);
    }
    let shared = directives.public || directives.must_revalidate || directives.s_maxage.is_some();
    if request.contains_key(AUTHORIZATION) && !shared { Err(Refusal::Authorization) } else { Ok(()) }
}

/// Every rule but whether it is of any use. Gives the variant that the response is.
pub(super) fn permitted(fetched: &Fetched<'_>, ruling: &Ruling, settings: &Settings) -> Result<Variant, Refusal> {
    let directives = &ruling.directives;
    let is_explicit = freshness::is_explicit(fetched.headers, ruling);
    method(fetched, is_explicit)?;
    if fetched.request.contains_key(RANGE) && partial::is_refusal(fetched.status) {
        return Err(Refusal::Range);
    }
    status(fetched.status, directives)?;
    if fetched.is_abridged {
        return Err(Refusal::Connection);
    }
    if directives.private.is_whole() {
        return Err(Refusal::Private);
    }
    as_asked(fetched.request, directives, settings)?;
    if sets_cookie(fetched.headers, directives) && (settings.set_cookie == SetCookie::Bypass || !is_explicit) {
        return Err(Refusal::SetCookie);
    }
    let names = vary::names(fetched.headers, settings).ok_or(Refusal::Vary)?;
    // Who says `X_Lang` may be answered as if it had said `X-Lang`, and would be found by all who say neither.
    if key::has_twin(fetched.request, &names) {
        return Err(Refusal::VaryValues);
    }
    let variant = Variant::of(names, fetched.request, settings).ok_or(Refusal::VaryValues)?;
    if is_explicit || freshness::is_heuristic(fetched.status, ruling) { Ok(variant) } else { Err(Refusal::NoLifetime) }
}

fn method(fetched: &Fetched<'_>, is_explicit: bool) -> Result<(), Refusal> {
    match *fetched.method {
        Method::GET if fetched.has_body => Err(Refusal::Body),
        Method::GET => Ok(()),
        Method::POST if is_explicit && is_like_get(fetched) => Ok(()),
        _ => Err(Refusal::Method),
    }
}

/// An answer to POST that says how long it lasts stands for the resource when its `Content-Location` says so (RFC 9110 section
/// 9.3.3).
fn is_like_get(fetched: &Fetched<'_>) -> bool {
    let location = fetched.headers.get(CONTENT_LOCATION).and_then(|value| value.to_str().ok());
    let same =
        location.and_then(|text| fetched.address.resolve(text)).is_some_and(|address| address == *fetched.address);
    same && fetched.status.is_success() && fetched.status != StatusCode::PARTIAL_CONTENT
}

/// 304 updates what is stored and is not stored; 412, 416 and 417 answer a field of their request; 428, 429, 431 and 511 must
/// not be stored (RFC 6585 sections 3 to 6).
fn status(status: StatusCode, directives: &Directives) -> Result<(), Refusal> {
    if status.is_informational() || matches!(status.as_u16(), 304 | 412 | 416 | 417 | 428 | 429 | 431 | 511) {
        return Err(Refusal::Status);
    }
    match (directives.must_understand, is_understood(status)) {
        (true, true) => Ok(()),
        (true, false) => Err(Refusal::NotUnderstood),
        (false, _) if directives.no_store => Err(Refusal::NoStore),
        (false, _) => Ok(()),
    }
}

/// The final statuses that may be stored and whose requirements on caches are known here: those of RFC 9110 and RFC 7725.
fn is_understood(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        200..=206 | 300..=303 | 305 | 307 | 308 | 400..=411 | 413..=415 | 421 | 422 | 426 | 451 | 500..=505
    )
}

fn sets_cookie(headers: &HeaderMap, directives: &Directives) -> bool {
    let named = |names: &[http::HeaderName]| names.contains(&SET_COOKIE);
    // One that is not stored with the rest does no harm.
    headers.contains_key(SET_COOKIE) && !named(directives.no_cache.fields()) && !named(directives.private.fields())
}

fn extent(fetched: &Fetched<'_>) -> Result<Extent, Refusal> {
    if fetched.status != StatusCode::PARTIAL_CONTENT {
        return Ok(Extent::Whole(fields::content_length(fetched.headers)));
    }
    let mut lines = fetched.headers.get_all(CONTENT_RANGE).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return Err(Refusal::Part) };
    let range = ContentRange::parse(line.as_bytes()).filter(|_| fetched.request.contains_key(RANGE));
    let (span, total) = range.and_then(|range| Some((range.span, range.total?))).ok_or(Refusal::Part)?;
    // It says twice how long it is.
    if fields::content_length(fetched.headers).is_some_and(|length| length != span.end - span.start) {
        return Err(Refusal::Part);
    }
    Ok(Extent::Parts { total, held: Spans::one(span) })
}

fn is_useless(stored: &Stored) -> bool {
    let directives = &stored.ruling.directives;
    let windows = [directives.stale_while_revalidate, directives.stale_if_error];
    let lives = stored.fresh_until > stored.received || windows.iter().flatten().any(|seconds| *seconds > 0);
    !stored.has_validator() && (!lives || directives.no_cache.is_whole())
}
