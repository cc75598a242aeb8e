//! Accepting clients: TCP, TLS, then HTTP/1.1 or HTTP/2.
//!
//! Owns one worker's side of one listener: the accept loop, the connection limit, the TLS handshake with its deadline.
//! What a request means is `exchange`'s business.

use super::connection::Connection;
use super::core::Core;
use super::exchange::exchange;
use super::h1::{Drain, End, HeadError, ServerSettings, serve_connection};
use super::h2;
use crate::config::ClientLimits;
use crate::decide::facts::Scheme;
use crate::metrics::{Metrics, WorkerMetrics};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Pause after a failed `accept`: out of file descriptors does not go away by asking again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// One worker's side of one listener.
pub(super) struct Listener {
    pub(super) core: Rc<Core>,
    /// Position in `Boot::listeners`.
    pub(super) index: usize,
    pub(super) drain: Drain,
    pub(super) metrics: WorkerMetrics,
}

impl Listener {
    /// Accepts until the worker drains; then the socket closes, whatever its connections still do: one that stayed open
    /// would go on taking connections that nobody serves.
    pub(super) async fn run(self, socket: TcpListener) {
        let this = Rc::new(self);
        loop {
            let accepted = tokio::select! {
                biased;
                () = this.drain.started() => return,
                accepted = socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => this.accepted(stream, peer),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn accepted(self: &Rc<Self>, stream: TcpStream, peer: SocketAddr) {
        let limits = self.core.snapshot().client;
        if self.drain.connections() >= limits.connections_max {
            self.metrics.over_limit.inc();
            return;
        }
        self.metrics.accepted.inc();
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
        let this = Rc::clone(self);
        tokio::task::spawn_local(async move {
            this.metrics.connections.inc();
            let open = Open(this.metrics.clone());
            this.serve(stream, peer, &limits).await;
            drop(open);
        });
    }

    async fn serve(&self, stream: TcpStream, peer: SocketAddr, limits: &ClientLimits) {
        let tls = self.core.snapshot().listener_tls.get(self.index).cloned().flatten();
        let settings = settings(limits);
        let Some(tls) = tls else {
            let connection = Rc::new(Connection::new(peer, Scheme::Http));
            let service = |request| exchange(&self.core, &connection, request);
            let end = serve_connection(stream, &settings, service, &self.drain).await;
            note(&self.core.metrics, &end);
            return;
        };
        // It counts before it is served, or handshakes would have no bound.
        let counted = self.drain.register();
        let handshake = TlsAcceptor::from(tls).accept(stream);
        let stream = match tokio::time::timeout(limits.header_timeout, handshake).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::debug!(%peer, %error, "the TLS handshake failed");
                self.metrics.tls_failed.inc();
                return;
            }
            Err(_) => {
                self.metrics.tls_failed.inc();
                return;
            }
        };
        drop(counted);
        let connection = Rc::new(Connection::new(peer, Scheme::Https));
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            // Boxed: it is larger than what an HTTP/1.1 connection needs.
            Box::pin(h2::serve(stream, limits, Rc::clone(&self.core), connection, &self.drain)).await;
        } else {
            let service = |request| exchange(&self.core, &connection, request);
            let end = serve_connection(stream, &settings, service, &self.drain).await;
            note(&self.core.metrics, &end);
        }
    }
}

/// Counts one open connection until it is dropped, also when serving it panics.
struct Open(WorkerMetrics);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.connections.dec();
    }
}

fn settings(limits: &ClientLimits) -> ServerSettings {
    let mut settings = ServerSettings {
        head_timeout: limits.header_timeout,
        idle_timeout: limits.idle_timeout,
        body_timeout: limits.body_timeout,
        write_timeout: limits.write_timeout,
        ..ServerSettings::default()
    };
    settings.limits.head_bytes = limits.head_max;
    settings
}

/// Counts requests that were refused before they were requests.
fn note(metrics: &Metrics, end: &End) {
    match end {
        End::Refused(error) => Metrics::count(&metrics.refused, "reason", refused_word(error)),
        End::HeadTimedOut => Metrics::count(&metrics.refused, "reason", "head-timeout"),
        _ => {}
    }
    if let End::Aborted(error) = end {
        tracing::debug!(%error, "a response could not be completed");
    }
}

fn refused_word(error: &HeadError) -> &'static str {
    match error.status().as_u16() {
        431 | 414 => "too-large",
        501 | 505 => "unsupported",
        _ => "malformed",
    }
}
