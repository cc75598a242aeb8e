//! The admin listener: where operators ask and command.
//!
//! Owns the address, the connections and their bounds. `guard` says who may ask, `routes` what there is. Runs on the
//! conductor's thread, never on a worker, so that a slow operator costs no client. `docs/operating.md` documents every
//! path.

pub mod explain;
mod guard;
mod purge;
mod query;
mod routes;
#[cfg(test)]
mod tests;

use super::conductor::Control;
use crate::base::Clock;
use crate::metrics::Metrics;
use crate::snapshot::publish::Published;
use crate::store::Store;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Connections at one time; more wait to be accepted.
const CONNECTIONS_MAX: usize = 64;
/// Time for the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest head, bytes.
const HEAD_MAX: usize = 16 * 1024;
/// Pause after a failed accept: most likely there are too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the admin listener works with.
#[derive(Debug)]
pub struct Admin {
    /// The way to the conductor.
    pub control: Control,
    /// Where snapshots appear.
    pub published: Published,
    /// Metrics.
    pub metrics: Metrics,
    /// What the cache keeps.
    pub store: Arc<Store>,
    /// Time.
    pub clock: Clock,
    /// Bearer token; none only on loopback.
    pub token: Option<String>,
}

/// Accepts and answers until it is dropped. Runs inside a `LocalSet`.
pub async fn serve(listener: TcpListener, admin: Admin) {
    let admin = Rc::new(admin);
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "the admin listener cannot accept");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let admin = Rc::clone(&admin);
        tokio::task::spawn_local(async move {
            let answer = service_fn(move |request| {
                let admin = Rc::clone(&admin);
                async move { Ok::<_, std::convert::Infallible>(routes::answer(&admin, &request).await) }
            });
            let mut connection = http1::Builder::new();
            connection.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(HEAD_MAX);
            // A connection that breaks concerns the other side only.
            let _ = connection.serve_connection(TokioIo::new(stream), answer).await;
            drop(permit);
        });
    }
}
