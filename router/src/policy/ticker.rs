//! The beat by which time limits of policies are measured.
//!
//! Owns the one thread of the process that moves the epoch of every living engine on, each millisecond. It sleeps while
//! there is no engine. Engines are held weakly, so the beat never keeps one alive. Called by `engine`.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "a thread of its own, off the data plane")]

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use wasmtime::EngineWeak;

/// Length of one tick.
pub(super) const TICK: Duration = Duration::from_millis(1);

struct Beat {
    engine: EngineWeak,
    ticks: Arc<AtomicU64>,
}

struct Beats {
    beats: Vec<Beat>,
    running: bool,
}

static BEATS: Mutex<Beats> = Mutex::new(Beats { beats: Vec::new(), running: false });
static WAKE: Condvar = Condvar::new();

/// Beats for `engine` from now on, as long as it lives. The counter returned moves with its epoch.
///
/// # Errors
/// When the thread cannot be started.
pub(super) fn drive(engine: &wasmtime::Engine) -> std::io::Result<Arc<AtomicU64>> {
    let ticks = Arc::new(AtomicU64::new(0));
    let mut state = beats();
    if !state.running {
        std::thread::Builder::new().name("policy-ticker".to_owned()).spawn(run)?;
        state.running = true;
    }
    state.beats.push(Beat { engine: engine.weak(), ticks: Arc::clone(&ticks) });
    WAKE.notify_one();
    Ok(ticks)
}

/// Nothing under the lock can leave the list half changed, so a poisoned lock is as good as any.
fn beats() -> MutexGuard<'static, Beats> {
    BEATS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run() {
    let mut state = beats();
    loop {
        state.beats.retain(|beat| {
            let engine = beat.engine.upgrade();
            if let Some(engine) = &engine {
                engine.increment_epoch();
                beat.ticks.fetch_add(1, Relaxed);
            }
            engine.is_some()
        });
        if state.beats.is_empty() {
            state = WAKE.wait(state).unwrap_or_else(PoisonError::into_inner);
        } else {
            drop(state);
            std::thread::sleep(TICK);
            state = beats();
        }
    }
}
