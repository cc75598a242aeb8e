//! Every answer that the router makes by itself, and the only mapping from a failure to a status.
//!
//! Owns status, words and headers of local answers. Called by `exchange`; never by decision code, which only says
//! what is the matter.

use super::body::{Body, BodyError};
use super::upstream::{FailureKind, SendFailure};
use crate::decide::Refusal;
use crate::steer::plan::NoTarget;
use crate::steer::verdict::Reply;
use http::{HeaderValue, Response, StatusCode, header};

/// Seconds after which a client may try again when no region can serve: a probe interval or two.
const RETRY_AFTER_S: &str = "5";

/// An answer of the router: status and one line of text.
pub(super) fn text(status: StatusCode, words: &str) -> Response<Body> {
    let mut response = Response::new(Body::full(format!("{words}\n")));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
    }
    response
}

/// The answer to an exchange that decision code refused, and its word for the record.
pub(super) fn refusal(refusal: &Refusal) -> (Response<Body>, &'static str) {
    match refusal {
        Refusal::NoRoute => (text(StatusCode::NOT_FOUND, "no route for this host and path"), "no-route"),
        Refusal::NoTarget(why) => {
            let words = match why {
                NoTarget::EmptyFence => "no region is allowed to serve this request",
                NoTarget::AllDown => "no allowed region can serve this request now",
                NoTarget::AllFull(_) => "every allowed region is at its capacity",
                NoTarget::StrictPin(_) => "the session's region cannot serve now",
            };
            (text(StatusCode::SERVICE_UNAVAILABLE, words), why.as_str())
        }
        Refusal::PolicyFailed => (text(StatusCode::SERVICE_UNAVAILABLE, "a routing policy failed"), "policy-failed"),
    }
}

/// The answer to an exchange whose last attempt failed, and its word for the record.
pub(super) fn send_failure(failure: &SendFailure) -> (Response<Body>, &'static str) {
    let (status, words) = match &failure.kind {
        FailureKind::ConnectTimeout | FailureKind::ResponseTimeout => {
            (StatusCode::GATEWAY_TIMEOUT, "the application did not answer in time")
        }
        FailureKind::RequestBody(BodyError::TimedOut) => {
            (StatusCode::REQUEST_TIMEOUT, "the request body did not come in time")
        }
        FailureKind::RequestBody(_) => (StatusCode::BAD_REQUEST, "the request body was not complete"),
        FailureKind::Connect(_) | FailureKind::Tls(_) => {
            (StatusCode::BAD_GATEWAY, "the application could not be reached")
        }
        _ => (StatusCode::BAD_GATEWAY, "the application's answer was not usable"),
    };
    (text(status, words), failure_word(failure))
}

/// The word for a failed attempt, in records and metrics; stable.
pub(super) fn failure_word(failure: &SendFailure) -> &'static str {
    match &failure.kind {
        FailureKind::Connect(_) => "connect",
        FailureKind::ConnectTimeout => "connect-timeout",
        FailureKind::Tls(_) => "tls",
        FailureKind::Reset(_) => "reset",
        FailureKind::Closed => "closed",
        FailureKind::ResponseTimeout => "response-timeout",
        FailureKind::BadResponse(_) => "bad-response",
        FailureKind::UnexpectedUpgrade => "unexpected-upgrade",
        FailureKind::InterimFlood => "interim-flood",
        FailureKind::RequestBody(_) => "request-body",
    }
}

/// A policy's own answer.
pub(super) fn reply(reply: Reply) -> Response<Body> {
    let mut response = Response::new(Body::full(reply.body));
    *response.status_mut() = reply.status;
    for (name, value) in reply.headers {
        response.headers_mut().append(name, value);
    }
    response
}
