//! The life of a client connection: head, service, response, again. This is the file to read first in this folder.
//! Owns keep-alive, pipelining, timeouts and the manner of closing; never routes and never edits end-to-end fields.
//! The listener calls [`serve_connection`] with a plain or TLS stream and the exchange as the service.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Buf;
use http::{Method, Request, Response, StatusCode, Version};

use super::chunked::Step;
use super::connection::{Connection, Seen, Shared};
use super::deadline::Deadline;
use super::decode::BodyDecoder;
use super::drain::{Drain, Registered};
use super::fields::{HeadLimits, Side};
use super::head_error::HeadError;
use super::incoming::RequestBody;
use super::interim::Interim;
use super::io::Io;
use super::request_head::{RequestHead, parse_request};
use crate::data::body::{Body, BodyError};

/// What a listener fixes for its HTTP/1.1 connections.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Limits of request heads.
    pub limits: HeadLimits,
    /// From the first byte of a head to its last.
    pub head_timeout: Duration,
    /// Between two requests, and before the first.
    pub idle_timeout: Duration,
    /// Longest silence of the client inside a request body that is waited for (nginx `client_body_timeout`: 60 s).
    pub body_timeout: Duration,
    /// Longest time in which the client takes no byte of a response (nginx `send_timeout`: 60 s).
    pub write_timeout: Duration,
    /// Bytes of an unread request body that are read and dropped to keep the connection.
    pub drain_bytes: u64,
    /// How long a closing connection still reads, so that the client gets the response rather than a reset.
    pub linger: Duration,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            limits: HeadLimits::default(),
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            body_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(60),
            drain_bytes: 64 * 1024,
            linger: Duration::from_secs(2),
        }
    }
}

/// How a connection ended.
#[derive(Debug)]
pub enum End {
    /// In order: the client left between requests, one side asked for the close, or the worker drains.
    Closed,
    /// No request came for the idle timeout.
    Idle,
    /// A head was begun and not finished in time; answered with 408.
    HeadTimedOut,
    /// A request head was refused and answered; nothing was forwarded.
    Refused(HeadError),
    /// The client left during an exchange. The service was dropped if it had not answered yet.
    ClientGone,
    /// The client took no byte of a response for the write timeout.
    WriteTimedOut,
    /// The response could not be completed; the connection was cut so that the client can tell.
    Aborted(BodyError),
    /// The connection became a tunnel, and the tunnel has ended.
    Tunnelled,
    /// The connection became a tunnel, in which no byte moved for the time allowed.
    TunnelIdle,
}

/// What the response needs to know of its request.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) version: Version,
    pub(super) keep_alive: bool,
}

/// One connection being served.
pub(super) struct Serving<'a> {
    pub(super) shared: Shared,
    pub(super) settings: &'a ServerSettings,
    pub(super) timer: Deadline,
    pub(super) write_timer: Deadline,
    /// How many bytes the client had taken when the write timer was set.
    pub(super) stalled_at: Option<u64>,
    pub(super) drain: Registered,
    /// Bytes of the client may be on their way that nobody will read.
    pub(super) linger: bool,
}

/// Serves requests on `io` until the connection ends. Runs in the caller's task; `service` runs in it too, and is dropped
/// when the client leaves. Needs a current-thread runtime with a `LocalSet`.
pub async fn serve_connection<I, S>(io: I, settings: &ServerSettings, service: S, drain: &Drain) -> End
where
    I: Io + 'static,
    S: AsyncFn(Request<Body>) -> Response<Body>,
{
    let shared = Connection::shared(io);
    let mut serving = Serving {
        shared,
        settings,
        timer: Deadline::default(),
        write_timer: Deadline::default(),
        stalled_at: None,
        drain: drain.register(),
        linger: false,
    };
    let end = loop {
        match serving.exchange(&service).await {
            Ok(()) => {}
            Err(end) => break end,
        }
    };
    // Boxed: the ways of closing are rare and must not make every idle connection larger.
    Box::pin(serving.close(&end)).await;
    end
}

impl Serving<'_> {
    /// One request and its response. `Ok` when the connection can take another.
    async fn exchange<S>(&mut self, service: &S) -> Result<(), End>
    where
        S: AsyncFn(Request<Body>) -> Response<Body>,
    {
        let head = self.next_head().await?;
        let asked = Asked { method: head.method.clone(), version: head.version, keep_alive: head.keep_alive };
        // Boxed: an idle connection must not reserve room for the largest exchange.
        let mut answering = Box::pin(service(self.begin(head)));
        let response = self.answer(answering.as_mut()).await?;
        drop(answering);
        if !self.respond(response, &asked).await? {
            return Err(End::Closed);
        }
        if self.shared.borrow_mut().end_if_read() {
            return Ok(());
        }
        Box::pin(self.discard_body()).await
    }

    /// Waits for the next request head.
    async fn next_head(&mut self) -> Result<RequestHead, End> {
        let mut parsed_len = 0;
        let found = poll_fn(|cx| self.poll_head(&mut parsed_len, cx)).await;
        self.timer.clear();
        match found {
            Ok(head) => Ok(head),
            Err(end) => {
                let refusal = match &end {
                    End::Refused(error) => Some((error.status(), error.to_string())),
                    End::HeadTimedOut => {
                        Some((StatusCode::REQUEST_TIMEOUT, "the request head took too long".to_owned()))
                    }
                    _ => None,
                };
                if let Some((status, message)) = refusal {
                    Box::pin(self.refuse(status, message)).await;
                }
                Err(end)
            }
        }
    }

    fn poll_head(&mut self, parsed_len: &mut usize, cx: &mut Context<'_>) -> Poll<Result<RequestHead, End>> {
        let mut guard = self.shared.borrow_mut();
        let connection = &mut *guard;
        loop {
            while connection.read.bytes.starts_with(b"\r\n") {
                // An empty line before the request line is allowed (RFC 9112 section 2.2).
                connection.read.bytes.advance(2);
                *parsed_len = 0;
            }
            let bytes = &connection.read.bytes[..];
            // Parsing again pays only when a line was completed or a limit was passed.
            let limits = &self.settings.limits;
            let passed = |limit: usize| *parsed_len <= limit && bytes.len() > limit;
            let news = *parsed_len == 0 || bytes[*parsed_len..].contains(&b'\n');
            if !bytes.is_empty() && (news || passed(limits.first_line_bytes()) || bytes.len() >= limits.head_bytes) {
                match parse_request(bytes, limits) {
                    Ok(Some(head)) => return Poll::Ready(Ok(head)),
                    Ok(None) => *parsed_len = bytes.len(),
                    Err(error) => return Poll::Ready(Err(End::Refused(error))),
                }
            }
            let idle = bytes.is_empty();
            if idle && self.drain.is_started() {
                return Poll::Ready(Err(End::Closed));
            }
            match connection.read.poll_fill(&mut connection.io, 1, cx) {
                Poll::Ready(Ok(1..)) => {
                    if idle {
                        self.timer.clear();
                    }
                }
                Poll::Ready(_) => return Poll::Ready(Err(if idle { End::Closed } else { End::ClientGone })),
                Poll::Pending => {
                    connection.out.release();
                    self.drain.refresh(cx);
                    self.timer.set_once(if idle { self.settings.idle_timeout } else { self.settings.head_timeout });
                    return self.timer.poll(cx).map(|()| Err(if idle { End::Idle } else { End::HeadTimedOut }));
                }
            }
        }
    }

    /// Turns a head into the request that the service gets.
    fn begin(&mut self, head: RequestHead) -> Request<Body> {
        {
            let mut connection = self.shared.borrow_mut();
            connection.read.bytes.advance(head.len);
            let interim_open = Interim::exist_in(head.version);
            connection.begin(BodyDecoder::new(head.framing, Side::Request), head.expects_continue, interim_open);
        }
        let mut request = Request::new(Body::client(RequestBody::new(&self.shared)));
        *request.method_mut() = head.method;
        *request.uri_mut() = head.uri;
        *request.version_mut() = head.version;
        *request.headers_mut() = head.headers;
        request
    }

    /// Runs the service, and drops it when the client leaves.
    async fn answer(
        &mut self,
        mut service: Pin<&mut impl Future<Output = Response<Body>>>,
    ) -> Result<Response<Body>, End> {
        let answered = poll_fn(|cx| {
            loop {
                if let Poll::Ready(response) = service.as_mut().poll(cx) {
                    return Poll::Ready(Ok(response));
                }
                match self.poll_client(cx) {
                    Poll::Ready(Seen::Progress) => {}
                    Poll::Ready(Seen::Gone) => return Poll::Ready(Err(End::ClientGone)),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await;
        self.timer.clear();
        answered
    }

    /// Looks after the client while something else is waited for, and limits how long it may stall inside its body.
    pub(super) fn poll_client(&mut self, cx: &mut Context<'_>) -> Poll<Seen> {
        let mut connection = self.shared.borrow_mut();
        if let Poll::Ready(seen) = connection.poll_watch(cx) {
            self.timer.clear();
            return Poll::Ready(seen);
        }
        if connection.body_is_awaited() {
            self.timer.set_once(self.settings.body_timeout);
            if self.timer.poll(cx).is_ready() {
                connection.time_out_body();
                return Poll::Ready(Seen::Progress);
            }
        }
        Poll::Pending
    }

    /// After an exchange whose request body was not read to its end: reads what the service left of the request body, if that is little enough to keep the connection for.
    async fn discard_body(&mut self) -> Result<(), End> {
        let mut left = self.settings.drain_bytes;
        self.timer.set(self.settings.head_timeout);
        let drained = poll_fn(|cx| {
            let mut guard = self.shared.borrow_mut();
            let connection = &mut *guard;
            loop {
                match connection.body.step(&mut connection.read.bytes) {
                    Ok(Step::End(_)) => return Poll::Ready(true),
                    Ok(Step::Data(data)) if data.len() as u64 <= left => left -= data.len() as u64,
                    Ok(Step::Data(_)) | Err(_) => return Poll::Ready(false),
                    Ok(Step::More) => match connection.read.poll_fill(&mut connection.io, 1, cx) {
                        Poll::Ready(Ok(1..)) => {}
                        Poll::Ready(_) => return Poll::Ready(false),
                        Poll::Pending => return self.timer.poll(cx).map(|()| false),
                    },
                }
            }
        })
        .await;
        self.timer.clear();
        if drained {
            return Ok(());
        }
        self.linger = true;
        Err(End::Closed)
    }

    /// Closes in the manner that `end` asks for.
    async fn close(&mut self, end: &End) {
        if matches!(end, End::Aborted(_) | End::WriteTimedOut) {
            self.shared.borrow_mut().io.cut();
            return;
        }
        if matches!(end, End::ClientGone | End::Tunnelled | End::TunnelIdle) {
            return;
        }
        let linger = self.linger || !self.shared.borrow().read.bytes.is_empty();
        self.timer.set(self.settings.linger);
        let mut shut = false;
        poll_fn(|cx| {
            let mut guard = self.shared.borrow_mut();
            let connection = &mut *guard;
            if !shut {
                match Pin::new(&mut connection.io).poll_shutdown(cx) {
                    Poll::Ready(Ok(())) => shut = true,
                    Poll::Ready(Err(_)) => return Poll::Ready(()),
                    Poll::Pending => return self.timer.poll(cx),
                }
            }
            if !linger {
                return Poll::Ready(());
            }
            loop {
                connection.read.bytes.clear();
                match connection.read.poll_fill(&mut connection.io, 1, cx) {
                    Poll::Ready(Ok(1..)) => {}
                    Poll::Ready(_) => return Poll::Ready(()),
                    Poll::Pending => return self.timer.poll(cx),
                }
            }
        })
        .await;
    }
}
