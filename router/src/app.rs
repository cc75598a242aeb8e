//! Wires everything once: configuration, listeners, the control plane, the workers; and ends it all in order.
//!
//! Owns the order of start and end. The only module that knows both planes. Nothing here decides or serves. Called by
//! `portolan run`.

mod listen;

use crate::base::{Clock, clock};
use crate::config::{self, Boot, Config, Diagnostics};
use crate::control::admin::{self, Admin};
use crate::control::conductor::{self, Control, LostLines};
use crate::control::load::Loader;
use crate::control::world::Refusal;
use crate::data::worker::{self, Shutdown};
use crate::metrics::Metrics;
use crate::policy::{Engine, EngineError, EngineSettings};
use crate::recording::writer;
use crate::snapshot::alarm;
use crate::snapshot::publish::Published;
use crate::store::Store;
use crate::store::disk::folder::OpenError;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::LocalSet;

pub use listen::ListenError;

/// Beyond the deadline of the workers, before the process gives up waiting for their threads.
const JOIN_GRACE: Duration = Duration::from_secs(1);

/// Why the router did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration, or something that it names, is wrong.
    #[error("{0}")]
    Config(Diagnostics),
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// No policy engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The cache's folder cannot be used.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The record cannot be written.
    #[error(transparent)]
    Record(#[from] writer::OpenError),
    /// The system gives no threads, signals or random bytes.
    #[error("{what}: {cause}")]
    System {
        /// What was wanted.
        what: &'static str,
        /// Why it is not there.
        cause: String,
    },
}

impl StartError {
    fn system(what: &'static str, cause: &impl std::fmt::Display) -> Self {
        Self::System { what, cause: cause.to_string() }
    }
}

/// A policy engine for this configuration's boot settings.
///
/// # Errors
/// When the machine does not allow one.
pub fn engine(boot: &Boot) -> Result<Engine, EngineError> {
    // Two more than the workers: `/explain` has instances of its own, and so has what watches the regions.
    Engine::new(&EngineSettings { workers: boot.workers + 2, cache: boot.policy_cache.clone() })
}

/// A loader for the file at `path`.
///
/// # Errors
/// When there is no engine or no randomness.
pub fn loader(path: &Path, boot: &Boot) -> Result<Loader, StartError> {
    let made = Loader::new(path.to_path_buf(), boot.clone(), engine(boot)?);
    made.map_err(|error| StartError::system("no random bytes for the key of affinity tokens", &error))
}

/// Runs the router until a signal ends it.
///
/// # Errors
/// When it cannot start; everything that stands in the way is in the error.
pub fn run(path: PathBuf, metrics: Metrics, lost_lines: LostLines) -> Result<(), StartError> {
    let clock = Clock::start();
    let Config { boot, live: _ } = config::load(&path).map_err(StartError::Config)?;
    let store = Arc::new(match &boot.cache_disk {
        Some(disk) => Store::with_disk(boot.cache_memory, disk)?,
        None => Store::new(boot.cache_memory),
    });
    let recording = boot.record.as_ref().map(|record| writer::start(record, &metrics)).transpose()?;
    let (recorder, writer) = recording.unzip();
    let sockets = listen::bind(&boot.listeners, boot.workers)?;
    let admin = boot.admin.as_ref().map(|admin| listen::admin(admin.address)).transpose()?;
    let loader = loader(&path, &boot)?.serving(metrics.clone(), clock);
    let (alarms, raised) = alarm::channel(metrics.events_dropped.clone());
    let (first, published) = oneshot::channel();
    let spec = conductor::Spec {
        loader,
        listeners: sockets.addresses.clone(),
        admin: admin.as_ref().map(|(_, address)| *address),
        lost_lines,
        metrics: metrics.clone(),
        clock,
        alarms: raised,
        first,
    };
    let (shutdown, told) = watch::channel(Shutdown::Running);
    let (ended, mut end) = mpsc::channel(1);
    let admin_address = admin.as_ref().map(|(_, address)| *address);
    let plane = Plane { spec, admin, boot: boot.clone(), store: Arc::clone(&store), ended };
    let control = start_control(plane)?;
    let published = first_snapshot(published)?;
    let mut workers = Vec::new();
    for (index, sockets) in sockets.workers.into_iter().enumerate() {
        let (published, metrics, alarms) = (published.clone(), metrics.clone(), alarms.clone());
        let shutdown = told.clone();
        let (store, recorder) = (Arc::clone(&store), recorder.clone());
        let spec = worker::Spec { index, sockets, published, metrics, alarms, store, recorder, clock, shutdown };
        workers.push(worker::start(spec).map_err(|error| StartError::system("cannot start a worker", &error))?);
    }
    drop((told, recorder));
    for address in &sockets.addresses {
        tracing::info!(%address, "listening");
    }
    if let Some(address) = admin_address {
        tracing::info!(%address, "listening for operators (admin)");
    }
    tracing::info!(pop = %published.load().pop, workers = workers.len(), "ready");
    // Sent once, when a signal asks for the end; the control plane goes on until the workers are done.
    let _ = end.blocking_recv();
    tracing::info!(deadline = ?boot.shutdown_deadline, "shutting down");
    shutdown.send_replace(Shutdown::Drain(boot.shutdown_deadline));
    join(workers, boot.shutdown_deadline + JOIN_GRACE);
    drop(control);
    store.close();
    // It ends with the last recorder; a worker that was given up may still have one.
    join(writer.into_iter().collect(), JOIN_GRACE);
    tracing::info!("stopped");
    Ok(())
}

/// The first snapshot, or everything that stands in its way.
fn first_snapshot(published: oneshot::Receiver<Result<Published, Refusal>>) -> Result<Published, StartError> {
    match published.blocking_recv() {
        Ok(Ok(published)) => Ok(published),
        Ok(Err(refusal)) => Err(StartError::Config(refusal.diagnostics)),
        Err(_) => Err(StartError::System { what: "the control plane", cause: "it ended before it began".to_owned() }),
    }
}

/// Waits for threads to end, but not for ever.
fn join(threads: Vec<JoinHandle<()>>, longest: Duration) {
    let started = clock::monotonic();
    for thread in threads {
        while !thread.is_finished() && started.elapsed() < longest {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        if thread.is_finished() && thread.join().is_err() {
            tracing::error!("a thread ended with a panic");
        }
    }
}

/// What the control plane's thread is made of.
struct Plane {
    spec: conductor::Spec,
    admin: Option<(std::net::TcpListener, SocketAddr)>,
    boot: Boot,
    store: Arc<Store>,
    /// Told when a signal asks for the end.
    ended: mpsc::Sender<()>,
}

/// Starts the thread of the control plane: conductor, admin listener, signals.
fn start_control(plane: Plane) -> Result<JoinHandle<()>, StartError> {
    let failed = |error: io::Error| StartError::system("cannot start the control plane", &error);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let thread = std::thread::Builder::new().name("control".to_owned());
    let run = move || LocalSet::new().block_on(&runtime, control_plane(plane));
    thread.spawn(run).map_err(failed)
}

async fn control_plane(plane: Plane) {
    let Plane { mut spec, admin, boot, store, ended } = plane;
    let (metrics, clock) = (spec.metrics.clone(), spec.clock);
    // The admin listener needs the published pointer, so the first answer passes through here.
    let (first, published) = oneshot::channel();
    let waiting = std::mem::replace(&mut spec.first, first);
    let (control, conductor) = conductor::start(spec);
    let signals = tokio::task::spawn_local(signals(control.clone(), ended));
    tokio::task::spawn_local(async move {
        let Ok(first) = published.await else { return };
        let ready = first.as_ref().ok().cloned();
        // The receiver waits in `run`.
        let _ = waiting.send(first);
        if let (Some(published), Some((listener, _))) = (ready, admin) {
            let token = boot.admin.and_then(|admin| admin.token);
            match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => {
                    admin::serve(listener, Admin { control, published, metrics, store, clock, token }).await;
                }
                Err(error) => tracing::error!(%error, "the admin listener could not be used"),
            }
        }
    });
    conductor.await;
    signals.abort();
}

/// SIGHUP loads the configuration again; SIGTERM and SIGINT end the router in order, a second one at once.
async fn signals(control: Control, ended: mpsc::Sender<()>) {
    let kinds = [SignalKind::hangup(), SignalKind::terminate(), SignalKind::interrupt()].map(signal);
    let [Ok(mut hangup), Ok(mut terminate), Ok(mut interrupt)] = kinds else {
        tracing::error!("signals cannot be received: the router can only be killed");
        return;
    };
    let mut ending = false;
    loop {
        tokio::select! {
            _ = hangup.recv() => {
                tracing::info!("SIGHUP: loading the configuration");
                let control = control.clone();
                tokio::task::spawn_local(async move { control.reload().await.is_ok() });
            }
            _ = terminate.recv() => if std::mem::replace(&mut ending, true) { at_once() } else { let _ = ended.try_send(()); },
            _ = interrupt.recv() => if std::mem::replace(&mut ending, true) { at_once() } else { let _ = ended.try_send(()); },
        }
    }
}

fn at_once() {
    tracing::warn!("second signal: ending at once");
    std::process::exit(1);
}
