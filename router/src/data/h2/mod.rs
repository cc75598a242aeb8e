//! HTTP/2 from clients, by hyper; the exchange is the same as for HTTP/1.1.
//!
//! Owns the translation of hyper's head and body, how long a connection may be idle, and the settings that bound what one may hold
//! (streams, header list, the Rapid Reset defence of the h2 crate). Never decides anything.

mod body;
mod head;

use super::body::Body;
use super::connection::Connection;
use super::core::Core;
use super::exchange::exchange;
use super::h1::{Drain, Io};
use super::respond;
use crate::base::clock::monotonic;
use crate::config::ClientLimits;
use crate::metrics::Metrics;
pub(super) use body::RequestBody;
use http::header::CONTENT_LENGTH;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::cell::Cell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

/// Streams that one connection may have open (RFC 9113 recommends at least 100; nginx's default is 128).
const STREAMS_MAX: u32 = 128;

/// Runs futures on the worker's own thread.
#[derive(Clone, Copy)]
struct Local;

impl<F: Future + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

/// Serves one HTTP/2 connection to its end.
pub(super) async fn serve(
    io: impl Io + 'static,
    limits: &ClientLimits,
    core: Rc<Core>,
    connection: Rc<Connection>,
    drain: &Drain,
) {
    let last = Rc::new(Cell::new(None));
    let service = service_fn(|request: Request<Incoming>| {
        last.set(Some(monotonic()));
        let (core, connection) = (Rc::clone(&core), Rc::clone(&connection));
        async move { Ok::<_, Infallible>(answer(&core, &connection, request).await) }
    });
    let mut builder = http2::Builder::new(Local);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(limits.head_max).unwrap_or(u32::MAX))
        .keep_alive_interval(limits.idle_timeout)
        .keep_alive_timeout(limits.header_timeout);
    // Counted, so that a draining worker waits for it.
    let registered = drain.register();
    let started = poll_fn(|cx| {
        registered.refresh(cx);
        if drain.is_started() { Poll::Ready(()) } else { Poll::Pending }
    });
    let began = monotonic();
    let idle = async {
        loop {
            let left = limits.idle_timeout.saturating_sub(last.get().unwrap_or(began).elapsed());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    };
    let mut serving = std::pin::pin!(builder.serve_connection(TokioIo::new(io), service));
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = async { tokio::select! { () = started => (), () = idle => () } } => {
            // Open streams end whole.
            serving.as_mut().graceful_shutdown();
            match last.get() {
                Some(_) => serving.await,
                // Of one that has not said what it is, hyper awaits that for ever.
                None => tokio::time::timeout(limits.header_timeout, serving).await.unwrap_or(Ok(())),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "an HTTP/2 connection ended with an error");
    }
}

async fn answer(core: &Rc<Core>, connection: &Rc<Connection>, request: Request<Incoming>) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    if let Err(why) = head::unify(&mut parts) {
        Metrics::count(&core.metrics.refused, "reason", "malformed");
        return respond::text(StatusCode::BAD_REQUEST, why);
    }
    let mut response = exchange(core, connection, Request::from_parts(parts, Body::from(body))).await;
    // It has none (RFC 9110 section 8.6), and clients take the whole stream for malformed.
    if response.status() == StatusCode::NO_CONTENT {
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    response
}
