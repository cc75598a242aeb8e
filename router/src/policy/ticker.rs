//! The beat by which time limits of policies are measured.
//!
//! Owns the one thread of the process that moves the epoch of engines on, every two milliseconds, while calls are expected in
//! them. It sleeps while there are none: the first call after a rest wakes it. Engines are held weakly, so the beat never
//! keeps one alive. Called by `engine` (a new engine) and `instance` (a call begins).
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "a thread of its own, off the data plane")]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::Duration;
use wasmtime::EngineWeak;

/// Length of one tick: a limit ends at most this much late. Each tick costs a wake-up, about 18 us of a processor, which
/// a worker that is alone on its core feels: at 1 ms it was 1.8 % of all it did.
pub(super) const TICK: Duration = Duration::from_millis(2);
/// Ticks for which the beat goes on after the last call, so that steady calls need not wake it each time.
const LINGER: u64 = 50;

/// The beat of one engine, as its callers see it.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    /// Moves with the epoch.
    ticks: AtomicU64,
    /// The tick up to which calls in progress may last.
    until: AtomicU64,
}

impl Pulse {
    /// A call begins that is over after so many ticks at the latest; returns the tick now. To be called with the deadline
    /// set and before the guest runs. Cheap: nothing is written that says no more than what stands there, and the thread
    /// is only woken after a rest.
    pub(super) fn expect(&self, ticks: u64) -> u64 {
        let now = self.ticks.load(Relaxed);
        let until = now.saturating_add(ticks);
        if self.until.load(Relaxed) < until {
            self.until.fetch_max(until, SeqCst);
        }
        // In one order with the store above and the thread's own look: either it sees the call, or it is woken.
        if ASLEEP.load(SeqCst)
            && let Some(thread) = THREAD.get()
        {
            thread.unpark();
        }
        now
    }

    /// The tick now.
    pub(super) fn now(&self) -> u64 {
        self.ticks.load(Relaxed)
    }

    /// Whether calls may be in progress, or were a moment ago.
    fn is_expected(&self) -> bool {
        let until = self.until.load(SeqCst);
        until > 0 && self.ticks.load(Relaxed) <= until.saturating_add(LINGER)
    }
}

struct Beat {
    engine: EngineWeak,
    pulse: Arc<Pulse>,
}

static BEATS: Mutex<Vec<Beat>> = Mutex::new(Vec::new());
static ASLEEP: AtomicBool = AtomicBool::new(false);
static THREAD: OnceLock<Thread> = OnceLock::new();

/// Beats for `engine` from now on, as long as it lives.
///
/// # Errors
/// When the thread cannot be started.
pub(super) fn drive(engine: &wasmtime::Engine) -> std::io::Result<Arc<Pulse>> {
    let pulse = Arc::new(Pulse::default());
    let mut beats = beats();
    if THREAD.get().is_none() {
        let started = std::thread::Builder::new().name("policy-ticker".to_owned()).spawn(run)?;
        // Under the lock, so nobody else can have set it.
        let _ = THREAD.set(started.thread().clone());
    }
    beats.push(Beat { engine: engine.weak(), pulse: Arc::clone(&pulse) });
    Ok(pulse)
}

/// Nothing under the lock can leave the list half changed, so a poisoned lock is as good as any.
fn beats() -> MutexGuard<'static, Vec<Beat>> {
    BEATS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run() {
    loop {
        if tick() {
            std::thread::sleep(TICK);
            continue;
        }
        ASLEEP.store(true, SeqCst);
        // A call that began before it could see that this thread sleeps is seen here.
        if !beats().iter().any(|beat| beat.pulse.is_expected()) {
            std::thread::park();
        }
        ASLEEP.store(false, SeqCst);
    }
}

/// Moves on every engine in which calls are expected; whether there is one.
fn tick() -> bool {
    let mut any = false;
    beats().retain(|beat| {
        let Some(engine) = beat.engine.upgrade() else { return false };
        if beat.pulse.is_expected() {
            any = true;
            engine.increment_epoch();
            beat.pulse.ticks.fetch_add(1, Relaxed);
        }
        true
    });
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine() -> (wasmtime::Engine, Arc<Pulse>) {
        let engine = wasmtime::Engine::default();
        let pulse = drive(&engine).expect("a thread");
        (engine, pulse)
    }

    fn wait_for(pulse: &Pulse, tick: u64) {
        while pulse.ticks.load(Relaxed) < tick {
            std::thread::yield_now();
        }
    }

    #[test]
    fn beats_until_the_call_is_over_and_then_rests() {
        let (_kept, pulse) = engine();
        assert!(!pulse.is_expected(), "nobody has called yet");
        assert_eq!(pulse.expect(5), 0);
        wait_for(&pulse, 5 + LINGER + 1);
        assert!(!pulse.is_expected());
        // Another engine has beaten on for as long again: this one rested.
        let (_kept, other) = engine();
        other.expect(2 * LINGER);
        wait_for(&other, 2 * LINGER);
        assert_eq!(pulse.ticks.load(Relaxed), 5 + LINGER + 1);
    }

    #[test]
    fn every_call_after_a_rest_gets_its_ticks() {
        let (_kept, pulse) = engine();
        for _ in 0..20 {
            let now = pulse.expect(1);
            // A wake that got lost would end this test by its own time limit, and no other way.
            wait_for(&pulse, now + 1 + LINGER + 1);
        }
    }

    #[test]
    fn a_shorter_call_does_not_end_the_beat_of_a_longer_one() {
        let pulse = Pulse::default();
        pulse.expect(1_000);
        pulse.expect(2);
        assert_eq!(pulse.until.load(Relaxed), 1_000);
    }
}
