//! The way of interim (1xx) responses, such as 103, from the origin to an HTTP/1.1 client (RFC 9110 section 15.2).
//! Owns nothing but the handle.

use http::{HeaderMap, StatusCode, Version};

use super::connection::Shared;
use super::encode::write_interim;

/// Takes interim responses for one request until its final response begins; later ones are dropped.
#[derive(Clone)]
pub struct Interim {
    connection: Shared,
    exchange: u32,
}

impl Interim {
    pub(crate) fn new(connection: Shared, exchange: u32) -> Self {
        Self { connection, exchange }
    }

    /// Queues an interim response; it is written when the service next waits. More than 16 KiB of them are dropped.
    pub fn send(&self, status: StatusCode, headers: &HeaderMap) {
        let mut connection = self.connection.borrow_mut();
        if connection.exchange == self.exchange && connection.interim_open && connection.out.has_room() {
            write_interim(connection.out.flat(), status, headers);
        }
    }

    /// Whether this version of HTTP has interim responses at all.
    pub(crate) fn exist_in(version: Version) -> bool {
        version == Version::HTTP_11
    }
}
