//! One worker: a thread with its own runtime, listeners, pools and warm policies.
//!
//! Owns the thread and its slow tick. Nothing mutable is shared with other workers but relaxed counters. Started by
//! `app`; stops when told: it stops accepting, finishes what is in progress, and leaves at the deadline.

use super::core::Core;
use super::h1::Drain;
use super::listener::Listener;
use super::upstream::{Pool, PoolSettings};
use crate::base::Clock;
use crate::metrics::Metrics;
use crate::policy::WarmPool;
use crate::recording::recorder::Recorder;
use crate::snapshot::alarm::Alarms;
use crate::snapshot::publish::Published;
use crate::store::Store;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::LocalSet;

/// How often an idle worker looks at the newest snapshot, so that it does not keep an old one alive.
const TICK: Duration = Duration::from_secs(1);
/// How often a draining worker looks whether its connections are gone.
const DRAIN_TICK: Duration = Duration::from_millis(10);

/// What a worker is told about the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// Serve.
    Running,
    /// Stop accepting, finish what is in progress, for at most this long.
    Drain(Duration),
}

/// What a worker is made of.
pub struct Spec {
    /// Number, for the thread's name.
    pub index: usize,
    /// Its own listening sockets, in the order of `Boot::listeners`, non-blocking.
    pub sockets: Vec<std::net::TcpListener>,
    /// Where snapshots appear.
    pub published: Published,
    /// Metrics.
    pub metrics: Metrics,
    /// The way to the conductor.
    pub alarms: Alarms,
    /// What the cache keeps.
    pub store: Arc<Store>,
    /// Where decisions are recorded; none records none.
    pub recorder: Option<Recorder>,
    /// Time.
    pub clock: Clock,
    /// Told when to stop.
    pub shutdown: watch::Receiver<Shutdown>,
}

/// Threads of a worker that may block, for reading large static files and for asking the system's resolver; who comes meanwhile
/// waits. tokio's default of 512 took a gigabyte for a burst of downloads, and no disk is faster for it (nginx has 32 in all).
const BLOCKING_THREADS: usize = 16;

/// Starts a worker.
///
/// # Errors
/// When the thread or its runtime cannot be made.
pub fn start(spec: Spec) -> io::Result<JoinHandle<()>> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().max_blocking_threads(BLOCKING_THREADS).build()?;
    let name = format!("worker-{}", spec.index);
    std::thread::Builder::new().name(name).spawn(move || LocalSet::new().block_on(&runtime, run(spec)))
}

async fn run(spec: Spec) {
    let Spec { sockets, published, metrics, alarms, clock, store, recorder, mut shutdown, .. } = spec;
    let drain = Drain::new();
    let core = Rc::new(Core::new(
        published.reader(),
        Pool::new(PoolSettings::default()),
        WarmPool::new(),
        clock,
        metrics.clone(),
        alarms,
        store,
        recorder,
    ));
    for (index, socket) in sockets.into_iter().enumerate() {
        match tokio::net::TcpListener::from_std(socket) {
            Ok(socket) => {
                let (core, drain, metrics) = (Rc::clone(&core), drain.clone(), metrics.worker());
                tokio::task::spawn_local(Listener { core, index, drain, metrics }.run(socket));
            }
            Err(error) => tracing::error!(%error, "a listening socket could not be used"),
        }
    }
    let mut tick = tokio::time::interval(TICK);
    let deadline = loop {
        tokio::select! {
            changed = shutdown.changed() => match (changed, *shutdown.borrow()) {
                (Ok(()), Shutdown::Running) => {}
                (Ok(()), Shutdown::Drain(deadline)) => break deadline,
                (Err(_), _) => break Duration::ZERO,
            },
            _ = tick.tick() => core.tidy(),
        }
    };
    drain.start();
    let finished = async {
        while drain.connections() > 0 {
            tokio::time::sleep(DRAIN_TICK).await;
        }
    };
    if tokio::time::timeout(deadline, finished).await.is_err() {
        tracing::warn!(connections = drain.connections(), "connections were cut at the shutdown deadline");
    }
}
