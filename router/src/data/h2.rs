//! HTTP/2 from clients, by hyper; the exchange is the same as for HTTP/1.1.
//!
//! Owns the translation of hyper's body and the settings that bound what one connection may hold (streams, header
//! list, the Rapid Reset defence of the h2 crate). Never decides anything.

use super::body::Body;
use super::connection::Connection;
use super::core::Core;
use super::exchange::exchange;
use super::h1::{Drain, Io};
use crate::config::ClientLimits;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::rc::Rc;

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
    let service = service_fn(move |request: Request<Incoming>| {
        let (core, connection) = (Rc::clone(&core), Rc::clone(&connection));
        async move {
            let response: Response<Body> = exchange(&core, &connection, request.map(Body::from)).await;
            Ok::<_, Infallible>(response)
        }
    });
    let mut builder = http2::Builder::new(Local);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(limits.head_max).unwrap_or(u32::MAX))
        .keep_alive_interval(limits.idle_timeout)
        .keep_alive_timeout(limits.header_timeout);
    // Counted, so that a draining worker waits for it.
    let _registered = drain.register();
    let serving = builder.serve_connection(TokioIo::new(io), service);
    let mut serving = std::pin::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = drain.started() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "an HTTP/2 connection ended with an error");
    }
}
