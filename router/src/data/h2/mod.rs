//! HTTP/2 from clients, over the h2 crate; the exchange is the same as for HTTP/1.1.
//!
//! Owns how a connection ends, and the settings that bound what one may hold (streams, windows, header list, the Rapid Reset
//! defence of the crate). `stream` serves one request. Never decides anything.

mod body;
mod head;
mod interim;
mod life;
mod stream;
#[cfg(test)]
mod tests;

use super::body::Body;
use super::connection::Connection;
use super::core::Core;
use super::exchange::exchange;
use super::h1::{Drain, Io};
use super::respond;
use crate::config::ClientLimits;
use crate::metrics::Metrics;
pub(super) use body::RequestBody;
use h2::server::Builder;
use h2::{Ping, PingPong};
use http::{Request, Response, StatusCode};
pub(super) use interim::Interim;
use life::{Life, Socket};
use std::pin::pin;
use std::rc::Rc;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// Streams that one connection may have open (RFC 9113 recommends at least 100; nginx's default is 128).
const STREAMS_MAX: u32 = 128;
/// What a client may send of one body before some of it is read: 40 Mbit/s over 100 ms. Our choice.
const WINDOW: u32 = 512 * 1024;
/// What it may send of all bodies of a connection: several may stall before none goes on. Our choice.
const CONNECTION_WINDOW: u32 = 8 * WINDOW;
/// What one stream may leave to be written (hyper's default).
const SEND_MAX: usize = 400 * 1024;

/// Serves one HTTP/2 connection to its end.
pub(super) async fn serve(
    io: impl Io + 'static,
    limits: &ClientLimits,
    core: Rc<Core>,
    connection: Rc<Connection>,
    drain: &Drain,
) {
    // Counted, so that a draining worker waits for it.
    let _registered = drain.register();
    let (life, leaving) = (Rc::new(Life::new()), Rc::new(Notify::new()));
    let handshake = builder(limits).handshake(Socket { io, life: Rc::clone(&life) });
    let mut streams = match timeout(limits.idle_timeout, handshake).await {
        Ok(Ok(streams)) => streams,
        Ok(Err(error)) => return tracing::debug!(%error, "an HTTP/2 connection did not begin"),
        Err(_) => return,
    };
    let pings = streams.ping_pong();
    let mut lost = pin!(lost(pings, limits));
    // A PoP that drains sends its clients elsewhere, as `connection: close` does in HTTP/1.1.
    let mut leave = pin!(async {
        tokio::select! { () = drain.started() => (), () = leaving.notified() => () }
    });
    let mut silent = pin!(life.silent(limits.idle_timeout));
    let mut is_closing = false;
    loop {
        tokio::select! {
            accepted = streams.accept() => match accepted {
                Some(Ok((request, reply))) => {
                    let (open, core, connection) = (life.open(), Rc::clone(&core), Rc::clone(&connection));
                    let (leaving, limits) = (Rc::clone(&leaving), *limits);
                    tokio::task::spawn_local(async move {
                        stream::serve(request, reply, limits, async |request| answer(&core, &connection, request).await).await;
                        if core.snapshot().draining {
                            leaving.notify_one();
                        }
                        drop(open);
                    });
                    continue;
                }
                Some(Err(error)) => return tracing::debug!(%error, "an HTTP/2 connection ended with an error"),
                None => return,
            },
            () = &mut lost => return tracing::debug!("an HTTP/2 client does not answer any more"),
            // What it asked for does not leave, and there is nothing else to wait for.
            () = &mut silent => if is_closing {
                return;
            },
            () = &mut leave, if !is_closing => {}
        }
        // No new streams (GOAWAY, RFC 9113 section 6.8); those that are open end whole.
        is_closing = true;
        life.sign();
        silent.set(life.silent(limits.write_timeout));
        streams.graceful_shutdown();
    }
}

fn builder(limits: &ClientLimits) -> Builder {
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(limits.head_max).unwrap_or(u32::MAX))
        .initial_window_size(WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(SEND_MAX);
    builder
}

/// Returns when the client does not answer a PING: it went away without a word, or its network did.
async fn lost(pings: Option<PingPong>, limits: &ClientLimits) {
    let Some(mut pings) = pings else { return std::future::pending().await };
    loop {
        sleep(limits.idle_timeout).await;
        if !matches!(timeout(limits.header_timeout, pings.ping(Ping::opaque())).await, Ok(Ok(_))) {
            return;
        }
    }
}

async fn answer(core: &Rc<Core>, connection: &Rc<Connection>, request: Request<Body>) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    if let Err(why) = head::unify(&mut parts) {
        Metrics::count(&core.metrics.refused, "reason", "malformed");
        return respond::text(StatusCode::BAD_REQUEST, why);
    }
    exchange(core, connection, Request::from_parts(parts, body)).await
}
