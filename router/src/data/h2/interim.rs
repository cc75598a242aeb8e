//! The way of interim (1xx) responses to an HTTP/2 client: HEADERS before those of the answer (RFC 9113 section 8.1).
//! Owns nothing but the handle.

use bytes::Bytes;
use h2::server::SendResponse;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, Response, StatusCode};
use std::cell::RefCell;
use std::rc::Rc;

/// Takes interim responses for one stream until its final response begins; later ones are dropped.
#[derive(Clone)]
pub(crate) struct Interim(Rc<RefCell<SendResponse<Bytes>>>);

impl Interim {
    pub(super) fn new(reply: &Rc<RefCell<SendResponse<Bytes>>>) -> Self {
        Self(Rc::clone(reply))
    }

    /// Queues an interim response.
    pub(in crate::data) fn send(&self, status: StatusCode, headers: &HeaderMap) {
        let mut response = Response::new(());
        *response.status_mut() = status;
        response.headers_mut().clone_from(headers);
        // No content follows, and clients take a stream whose interim answer has a length for malformed.
        for name in [CONTENT_LENGTH, TRANSFER_ENCODING] {
            response.headers_mut().remove(name);
        }
        // A stream that is answered or gone takes none, and needs none.
        let _ = self.0.borrow_mut().send_informational(response);
    }

    /// Says that the body is wanted (RFC 9110 section 15.2.1).
    pub(super) fn invite(&self) {
        self.send(StatusCode::CONTINUE, &HeaderMap::new());
    }
}
