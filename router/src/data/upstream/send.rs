//! One attempt: a connection, the request on it, the response head from it.
//! Owns what happens between the first byte written and the head read: early responses, interim responses, 100-continue,
//! timeouts, and the single repeat on a stale connection. Never decides about another endpoint. `Pool::send` is the door.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::{Buf, Bytes};
use http::header::{CONNECTION, EXPECT, UPGRADE};
use http::{Response, StatusCode, request};

use super::connect::connect;
use super::connection::OriginConnection;
use super::failure::{FailureKind, SendFailure, Sent};
use super::incoming::ResponseBody;
use super::pool::{Pool, Timeouts};
use super::pump::{Pump, PumpError};
use crate::base::clock;
use crate::data::body::Body;
use crate::data::h1::buffers;
use crate::data::h1::decode::BodyDecoder;
use crate::data::h1::fields::{Framing, Side};
use crate::data::h1::response_head::{ResponseHead, parse_response};
use crate::data::h1::tunnel::Tunnel;
use crate::data::headers::{Survey, strip_hop_by_hop};
use crate::data::interim::Interim;
use crate::snapshot::origin::Origin;

/// Interim responses accepted before a final one.
const INTERIM_MAX: u32 = 32;

/// One request on its way to one origin, apart from its body.
#[derive(Clone, Copy)]
pub struct Outgoing<'a> {
    /// The head. It is written as given, with the framing that the body's length asks for.
    pub head: &'a request::Parts,
    /// More fields of the head, each encoded and with its line end.
    pub added: &'a [u8],
    /// Time limits.
    pub timeouts: &'a Timeouts,
    /// Where interim responses (other than 100) go.
    pub(crate) interim: Option<&'a Interim>,
    /// The time now.
    pub now: Instant,
}

/// What an origin answered.
#[derive(Debug)]
pub struct Answered {
    /// The response. Its body reads on as it is polled; its connection comes back when it ends well.
    pub response: Response<Body>,
    /// When its head came.
    pub came: Instant,
}

impl Pool {
    /// Sends one request to `origin` and awaits the response head.
    /// Dropping the future closes the connection.
    ///
    /// # Errors
    /// See [`SendFailure`]. A request on a reused connection that ended before any response byte is repeated once on a
    /// fresh one here, if its method is idempotent and nothing of its body is lost.
    pub async fn send(&self, origin: &Origin, outgoing: &Outgoing<'_>, body: Body) -> Result<Answered, SendFailure> {
        let idempotent = outgoing.head.method.is_idempotent();
        let body = match self.take_quiet(origin, idempotent, outgoing.now).await {
            None => body,
            Some(connection) => {
                let mut attempt = Attempt::new(self, connection, outgoing, body);
                match attempt.head(outgoing).await {
                    Ok(head) => return Ok(attempt.into_response(head, outgoing.timeouts)),
                    Err(kind) => match attempt.fail(kind) {
                        (SendFailure { body: Some(body), .. }, true) if idempotent => body,
                        (failure, _) => return Err(failure),
                    },
                }
            }
        };
        // Boxed: connecting is rare, and must not make every exchange larger.
        Box::pin(self.send_fresh(origin, outgoing, body)).await
    }

    /// The request on a new connection.
    async fn send_fresh(&self, origin: &Origin, outgoing: &Outgoing<'_>, body: Body) -> Result<Answered, SendFailure> {
        match connect(origin, outgoing.timeouts, self.counters()).await {
            Ok(connection) => {
                let outgoing = Outgoing { now: clock::monotonic(), ..*outgoing };
                let mut attempt = Attempt::new(self, connection, &outgoing, body);
                match attempt.head(&outgoing).await {
                    Ok(head) => Ok(attempt.into_response(head, outgoing.timeouts)),
                    Err(kind) => Err(attempt.fail(kind).0),
                }
            }
            Err(kind) => Err(SendFailure { kind, sent: Sent::Nothing, body: Some(body) }),
        }
    }

    /// An idle connection on which nothing happened since it was put aside.
    async fn take_quiet(&self, origin: &Origin, idempotent: bool, now: Instant) -> Option<Box<OriginConnection>> {
        while let Some(mut connection) = self.take(origin, now) {
            let quiet = poll_fn(|cx| Poll::Ready(connection.is_quiet(cx))).await;
            if quiet && (idempotent || connection.is_quiet_now()) {
                let reused = &self.counters().reused;
                reused.set(reused.get() + 1);
                return Some(connection);
            }
        }
        None
    }
}

/// A request under way.
struct Attempt<'a> {
    pool: &'a Pool,
    connection: Box<OriginConnection>,
    pump: Pump,
    /// When the attempt began, as long as nothing had to be waited for.
    begun: Option<Instant>,
    /// The whole request was written.
    pumped: bool,
    /// Why no more of the request can be written.
    write_error: Option<io::Error>,
    /// How much had been written when the timer for a blocked write was set.
    blocked_at: Option<u64>,
    /// Buffered bytes that are known not to be a whole head.
    parsed: usize,
    /// The body, when it is at hand and can be sent again.
    replay: Option<Bytes>,
}

impl<'a> Attempt<'a> {
    fn new(pool: &'a Pool, connection: Box<OriginConnection>, outgoing: &Outgoing<'_>, body: Body) -> Self {
        let Outgoing { head, added, now, .. } = *outgoing;
        let expects = head.headers.get(EXPECT);
        let hold = expects.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
        Self {
            pool,
            connection,
            replay: body.as_bytes(),
            pump: Pump::new(head, added, body, hold),
            begun: Some(now),
            pumped: false,
            write_error: None,
            blocked_at: None,
            parsed: 0,
        }
    }

    /// Sends the request, and awaits the head of the final response.
    async fn head(&mut self, outgoing: &Outgoing<'_>) -> Result<ResponseHead, FailureKind> {
        let Outgoing { head: parts, timeouts, interim, .. } = *outgoing;
        let mut interims = 0;
        loop {
            let head = poll_fn(|cx| self.poll_head(parts, timeouts, cx)).await?;
            if !head.status.is_informational() || head.status == StatusCode::SWITCHING_PROTOCOLS {
                let asked_upgrade = parts.headers.contains_key(UPGRADE) && parts.headers.contains_key(CONNECTION);
                if head.status == StatusCode::SWITCHING_PROTOCOLS && !(asked_upgrade && self.pumped) {
                    return Err(FailureKind::UnexpectedUpgrade);
                }
                return Ok(head);
            }
            interims += 1;
            if interims > INTERIM_MAX {
                return Err(FailureKind::InterimFlood);
            }
            self.pass_interim(head, interim);
        }
    }

    /// Writes what can be written, and waits for the next response head.
    fn poll_head(
        &mut self,
        parts: &request::Parts,
        timeouts: &Timeouts,
        cx: &mut Context<'_>,
    ) -> Poll<Result<ResponseHead, FailureKind>> {
        loop {
            if let Err(kind) = self.pump_on(cx) {
                return Poll::Ready(Err(kind));
            }
            let connection = &mut *self.connection;
            let bytes = &connection.read.bytes[..];
            if !bytes.is_empty() && (self.parsed == 0 || bytes[self.parsed..].contains(&b'\n')) {
                match parse_response(bytes, &parts.method, &self.pool.settings().limits) {
                    Ok(Some(head)) => {
                        connection.read.bytes.advance(head.len);
                        self.parsed = 0;
                        return Poll::Ready(Ok(head));
                    }
                    Ok(None) => self.parsed = bytes.len(),
                    Err(error) => return Poll::Ready(Err(error.into())),
                }
            }
            match connection.read.poll_fill(&mut connection.stream, 1, cx) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(Ok(0)) => {
                    return Poll::Ready(Err(self.write_error.take().map_or(FailureKind::Closed, FailureKind::Reset)));
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(FailureKind::Reset(error))),
                Poll::Pending => {
                    if self.poll_timer(timeouts, cx).is_pending() {
                        return Poll::Pending;
                    }
                    if !std::mem::take(&mut self.pump.held) {
                        return Poll::Ready(Err(FailureKind::ResponseTimeout));
                    }
                }
            }
        }
    }

    fn pump_on(&mut self, cx: &mut Context<'_>) -> Result<(), FailureKind> {
        if self.pumped || self.write_error.is_some() {
            return Ok(());
        }
        match self.pump.poll(&mut self.connection.stream, cx) {
            Poll::Pending => return Ok(()),
            Poll::Ready(Ok(())) => self.pumped = true,
            Poll::Ready(Err(PumpError::Write(error))) => self.write_error = Some(error),
            Poll::Ready(Err(PumpError::Body(error))) => return Err(FailureKind::RequestBody(error)),
        }
        // The wait for the response starts here.
        self.connection.timer.clear();
        Ok(())
    }

    /// Ready when the origin has been waited for long enough: for 100, for room to write, or for the response.
    fn poll_timer(&mut self, timeouts: &Timeouts, cx: &mut Context<'_>) -> Poll<()> {
        let timer = &mut self.connection.timer;
        if self.pumped || self.write_error.is_some() {
            match self.begun {
                Some(begun) => timer.set_once_from(begun, timeouts.response),
                None => timer.set_once(timeouts.response),
            }
        } else if self.pump.is_blocked() {
            let written = self.pump.written();
            if self.blocked_at != Some(written) {
                self.blocked_at = Some(written);
                timer.set(timeouts.response);
            }
        } else if self.pump.held {
            timer.set_once(self.pool.settings().continue_timeout);
        } else {
            // The client is the slow one; its own connection limits that.
            timer.clear();
        }
        self.begun = None;
        timer.poll(cx)
    }

    fn pass_interim(&mut self, mut head: ResponseHead, interim: Option<&Interim>) {
        if head.status == StatusCode::CONTINUE {
            if std::mem::take(&mut self.pump.held) {
                self.connection.timer.clear();
            }
        } else if let Some(interim) = interim {
            if Survey::of(&head.headers).hop_by_hop {
                strip_hop_by_hop(&mut head.headers);
            }
            interim.send(head.status, &head.headers);
        }
        buffers::give_headers(head.headers);
    }

    fn into_response(self, head: ResponseHead, timeouts: &Timeouts) -> Answered {
        let came = clock::monotonic();
        let mut connection = self.connection;
        connection.timer.clear();
        let buffered = connection.read.bytes.len();
        let whole = match head.framing {
            Framing::Length(length) => usize::try_from(length).ok().filter(|&length| length <= buffered),
            Framing::Chunked | Framing::UntilClose => None,
        };
        let body = if head.status == StatusCode::SWITCHING_PROTOCOLS {
            let early = Bytes::copy_from_slice(&connection.read.bytes);
            connection.read.bytes.clear();
            connection.read.release();
            Body::tunnel(Tunnel::new(connection, early, timeouts.tunnel))
        } else if let Some(length) = whole.filter(|_| self.pumped) {
            // All of it is here already: no more polling, and the next request can have the connection.
            let body = Body::full(connection.read.bytes.split_to(length).freeze());
            if head.keep_alive {
                self.pool.give(connection, came);
            }
            body
        } else {
            // A body held back for 100 is not sent any more: the origin has answered without it.
            let held = self.pump.held;
            let over = self.pumped || held || self.write_error.is_some();
            let reusable = head.keep_alive && !held && self.write_error.is_none();
            let pump = (!over).then(|| Box::new(self.pump));
            let decoder = BodyDecoder::new(head.framing, Side::Response);
            Body::origin(ResponseBody::new(self.pool.clone(), connection, decoder, pump, reusable, timeouts.body))
        };
        let mut response = Response::new(body);
        *response.status_mut() = head.status;
        *response.version_mut() = head.version;
        *response.headers_mut() = head.headers;
        Answered { response, came }
    }

    /// The facts of a failure, with the body if it can be sent again, and whether it looks like a stale connection's.
    fn fail(self, kind: FailureKind) -> (SendFailure, bool) {
        let sent = match (self.pump.written(), &self.replay) {
            (0, _) => Sent::Nothing,
            (_, Some(_)) => Sent::Head,
            (_, None) if self.pump.body_is_touched() => Sent::Body,
            (_, None) => Sent::Head,
        };
        let untouched_answer = self.connection.read.bytes.is_empty();
        let stale = untouched_answer && matches!(kind, FailureKind::Reset(_) | FailureKind::Closed);
        let body = match self.replay {
            Some(bytes) => Some(Body::full(bytes)),
            None => self.pump.into_untouched(),
        };
        (SendFailure { kind, sent, body }, stale)
    }
}
