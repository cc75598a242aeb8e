//! The second half of an exchange: response head, body frames, or the tunnel of an upgrade, onto the client's socket.
//! Owns the choice of framing and the rule that a broken body never ends well-formed. Part of `server`; never routes.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Version, response};
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional_with_sizes};

use super::buffers;
use super::connection::{Seen, Shared};
use super::decode::BodyDecoder;
use super::encode::{Persistence, WireLength, write_response};
use super::fields::parse_length;
use super::response_head::has_no_body;
use super::sending::{Sending, Wire};
use super::server::{Asked, End, Serving};
use super::tunnel::Tunnel;
use crate::data::body::{Body, BodyError};

/// Copy buffer of a tunnel, per direction.
const TUNNEL_BUFFER: usize = 16 * 1024;

impl Serving<'_> {
    /// Writes the response. `Ok(true)` when the connection can take another request.
    // Not an `async fn`, which would hold the response twice: every connection has room for this future.
    pub(super) fn respond<'s>(
        &'s mut self,
        response: Response<Body>,
        asked: &'s Asked,
    ) -> impl Future<Output = Result<bool, End>> {
        let (parts, mut body) = response.into_parts();
        async move {
            if parts.status == StatusCode::SWITCHING_PROTOCOLS {
                return match body.take_tunnel() {
                    Some(tunnel) => {
                        let end = Box::pin(self.tunnel(&parts, tunnel)).await;
                        if matches!(end, End::TunnelIdle) {
                            body.broke_off(&BodyError::Idle);
                        }
                        Err(end)
                    }
                    None => Err(Box::pin(self.give_up(asked)).await),
                };
            }
            let Some((wire, length)) = framing(&parts, &body, asked).filter(|_| !parts.status.is_informational())
            else {
                return Err(Box::pin(self.give_up(asked)).await);
            };
            let stays = self.stays(&parts.headers, asked, wire);
            {
                let mut connection = self.shared.borrow_mut();
                connection.interim_open = false;
                let persistence = match (stays, asked.version) {
                    (false, _) => Persistence::Close,
                    (true, Version::HTTP_10) => Persistence::KeepAlive,
                    (true, _) => Persistence::Implied,
                };
                write_response(connection.out.flat(), parts.status, &parts.headers, length, persistence);
            }
            buffers::give_headers(parts.headers);
            let mut sending = Sending::new(body, wire);
            let sent = poll_fn(|cx| self.poll_send(&mut sending, cx)).await;
            self.timer.clear();
            sent?;
            if !stays && !self.shared.borrow().body.is_done() {
                self.linger = true;
            }
            Ok(stays)
        }
    }

    /// Whether the connection can outlive this response.
    fn stays(&self, headers: &HeaderMap, asked: &Asked, wire: Wire) -> bool {
        let connection = self.shared.borrow();
        let discardable = match &connection.body {
            BodyDecoder::Length(left) => *left <= self.settings.drain_bytes,
            _ => true,
        };
        let asked_to_close = headers.get_all(CONNECTION).iter().any(says_close);
        // A client that still waits for 100 would send its body into the next request's place.
        let promised_body = connection.awaits_continue;
        asked.keep_alive
            && !self.drain.is_started()
            && !promised_body
            && discardable
            && !asked_to_close
            && wire != Wire::UntilClose
    }

    fn poll_send(&mut self, sending: &mut Sending, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        loop {
            // The body may read the client's connection (a request body that is still being forwarded), so `out` leaves it.
            let mut out = std::mem::take(&mut self.shared.borrow_mut().out);
            let filled = sending.fill(&mut out, cx);
            let flushed = {
                let connection = &mut *self.shared.borrow_mut();
                connection.out = out;
                connection.out.poll_flush(&mut connection.io, cx)
            };
            if let Err(error) = filled {
                return Poll::Ready(Err(End::Aborted(error)));
            }
            match flushed {
                Poll::Ready(Err(_)) => return Poll::Ready(Err(End::ClientGone)),
                Poll::Ready(Ok(())) if sending.is_done() => return Poll::Ready(Ok(())),
                // Room again, and the body may have more: it has to be polled until it is pending itself.
                Poll::Ready(Ok(())) if filled.is_ok_and(|starved| !starved) => continue,
                Poll::Ready(Ok(())) => {}
                Poll::Pending => {
                    if self.poll_stalled(cx).is_ready() {
                        return Poll::Ready(Err(End::WriteTimedOut));
                    }
                }
            }
            match self.poll_client(cx) {
                Poll::Ready(Seen::Progress) => {}
                Poll::Ready(Seen::Gone) => return Poll::Ready(Err(End::ClientGone)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Ready when the client has taken no byte for the write timeout.
    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let total = self.shared.borrow().out.total();
        if self.stalled_at != Some(total) {
            self.stalled_at = Some(total);
            self.write_timer.set(self.settings.write_timeout);
        }
        self.write_timer.poll(cx)
    }

    /// Flushes what is queued.
    async fn flush(&mut self) -> Result<(), End> {
        poll_fn(|cx| {
            let flushed = {
                let connection = &mut *self.shared.borrow_mut();
                connection.out.poll_flush(&mut connection.io, cx)
            };
            match flushed {
                Poll::Ready(result) => Poll::Ready(result.map_err(|_| End::ClientGone)),
                Poll::Pending => self.poll_stalled(cx).map(|()| Err(End::WriteTimedOut)),
            }
        })
        .await
    }

    /// Answers for a request that cannot be read further; the connection closes after it.
    pub(super) async fn refuse(&mut self, status: StatusCode, message: String) {
        self.linger = true;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        {
            let mut connection = self.shared.borrow_mut();
            connection.end();
            let length = WireLength::Exact(message.len() as u64 + 1);
            let into = connection.out.flat();
            write_response(into, status, &headers, length, Persistence::Close);
            into.extend_from_slice(message.as_bytes());
            into.push(b'\n');
        }
        // The connection closes either way.
        let _ = self.flush().await;
    }

    /// The service made a response that HTTP cannot express: a fault of ours.
    async fn give_up(&mut self, asked: &Asked) -> End {
        if asked.method == Method::HEAD {
            return End::Aborted(BodyError::Abandoned);
        }
        self.refuse(StatusCode::INTERNAL_SERVER_ERROR, "the router made an invalid response".to_owned()).await;
        End::Closed
    }

    /// Turns the connection into a byte stream to `tunnel` until both sides have ended, or both are silent for too long.
    async fn tunnel(&mut self, parts: &response::Parts, mut tunnel: Tunnel) -> End {
        {
            let mut connection = self.shared.borrow_mut();
            connection.end();
            write_response(
                connection.out.flat(),
                parts.status,
                &parts.headers,
                WireLength::Unstated,
                Persistence::Implied,
            );
        }
        if let Err(end) = self.flush().await {
            return end;
        }
        self.shared.borrow_mut().out.release();
        let mut client = ClientSide(self.shared.clone());
        let (idle, moved) = (tunnel.idle(), tunnel.moved());
        let mut seen = None;
        let mut copy = pin!(copy_bidirectional_with_sizes(&mut client, &mut tunnel, TUNNEL_BUFFER, TUNNEL_BUFFER));
        poll_fn(|cx| {
            // How a tunnel ends is between its two ends.
            if copy.as_mut().poll(cx).is_ready() {
                return Poll::Ready(End::Tunnelled);
            }
            if seen.replace(moved.get()) != Some(moved.get()) {
                self.timer.set(idle);
            }
            self.timer.poll(cx).map(|()| End::TunnelIdle)
        })
        .await
    }
}

fn says_close(value: &HeaderValue) -> bool {
    value.as_bytes().split(|&byte| byte == b',').any(|token| token.trim_ascii().eq_ignore_ascii_case(b"close"))
}

/// How the body goes out and what the head says about it; `None` when the two contradict each other.
fn framing(parts: &response::Parts, body: &Body, asked: &Asked) -> Option<(Wire, WireLength)> {
    let mut lengths = parts.headers.get_all(CONTENT_LENGTH).iter();
    let declared = match lengths.next() {
        Some(value) => Some(parse_length(value.as_bytes()).ok()?),
        None => None,
    };
    if lengths.next().is_some() {
        return None;
    }
    let exact = body.exact_len();
    if has_no_body(&asked.method, parts.status) {
        // HEAD and 304 state the length that GET would have had (RFC 9110 section 8.6); a 204 states none.
        let states = parts.status != StatusCode::NO_CONTENT && !parts.status.is_informational();
        let length = declared.or(exact.filter(|&exact| exact > 0)).filter(|_| states);
        return Some((Wire::Nothing, length.map_or(WireLength::Unstated, WireLength::Exact)));
    }
    match (declared, exact) {
        (Some(declared), Some(exact)) if declared != exact => None,
        (Some(length), _) | (None, Some(length)) => Some((Wire::Exact(length), WireLength::Exact(length))),
        (None, None) if asked.version == Version::HTTP_10 => Some((Wire::UntilClose, WireLength::Unstated)),
        (None, None) => Some((Wire::Chunked, WireLength::Chunked)),
    }
}

/// The client's end of a tunnel: what was read ahead, then the socket.
struct ClientSide(Shared);

impl AsyncRead for ClientSide {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let connection = &mut *self.0.borrow_mut();
        if connection.read.bytes.is_empty() {
            connection.read.release();
            return Pin::new(&mut connection.io).poll_read(cx, into);
        }
        let take = connection.read.bytes.len().min(into.remaining());
        into.put_slice(&connection.read.bytes.split_to(take));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ClientSide {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0.borrow_mut().io).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0.borrow_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0.borrow_mut().io).poll_shutdown(cx)
    }
}
