//! The request body of an HTTP/1.1 exchange as the service sees it: a handle onto the shared connection.
//! Owns nothing but its place in the sequence of exchanges; poll it in the connection's own task.

use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::connection::Shared;
use super::interim::Interim;
use crate::data::body::BodyError;

/// Reads from the client, at the pace at which it is polled.
pub struct RequestBody {
    connection: Shared,
    exchange: u32,
}

impl RequestBody {
    pub(crate) fn new(connection: &Shared) -> Self {
        Self { connection: connection.clone(), exchange: connection.borrow().exchange }
    }

    pub(crate) fn interim(&self) -> Interim {
        Interim::new(self.connection.clone(), self.exchange)
    }

    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut connection = self.connection.borrow_mut();
        if connection.exchange == self.exchange {
            connection.poll_body(cx)
        } else {
            Poll::Ready(Some(Err(BodyError::Abandoned)))
        }
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        let connection = self.connection.borrow();
        connection.exchange == self.exchange && connection.body.is_done()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        let connection = self.connection.borrow();
        if connection.exchange == self.exchange { connection.body_size() } else { SizeHint::default() }
    }
}
