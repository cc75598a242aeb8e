//! Counters of a policy's background instance.
//!
//! Owns what `/metrics` and `/status` show of calls and of requests to servers. Written by one thread, read by the control
//! plane; never consulted to decide anything.
#![allow(clippy::disallowed_types, reason = "the words of a failure; taken off the data plane, by two threads")]

use super::failure::{FAILURE_WORDS, PolicyFailure};
use super::outgoing::{FETCH_WORDS, FetchError};
use crate::base::Timestamp;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Counters of a background instance.
#[derive(Debug, Default)]
pub struct WatchStats {
    calls: AtomicU64,
    failures: [AtomicU64; FAILURE_WORDS.len()],
    fetches: [AtomicU64; FETCH_WORDS.len()],
    call_us: AtomicU64,
    fetch_us: AtomicU64,
    last_ms: AtomicU64,
    next_ms: AtomicU64,
    backoff_ms: AtomicU64,
    last_failure: Mutex<Option<String>>,
}

/// The counters at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchCounts {
    /// Calls, whatever came of them.
    pub calls: u64,
    /// Failures by word, in the order of [`FAILURE_WORDS`].
    pub failures: [(&'static str, u64); FAILURE_WORDS.len()],
    /// Requests to servers by what came of them.
    pub fetches: [(&'static str, u64); FETCH_WORDS.len()],
    /// Time of calls, with their waiting.
    pub call_time: Duration,
    /// Time of waiting for servers in it.
    pub fetch_time: Duration,
    /// When the last call ended; none before the first.
    pub last: Option<Timestamp>,
    /// When the next one is due at the latest; none is not before a region changes.
    pub next: Option<Timestamp>,
    /// The pause after a failure, until a call goes well.
    pub backoff: Option<Duration>,
    /// What the last failure was.
    pub last_failure: Option<String>,
}

impl WatchStats {
    /// A call is over.
    pub(super) fn called(&self, took: Duration, now: Timestamp, failure: Option<&PolicyFailure>) {
        self.calls.fetch_add(1, Relaxed);
        self.call_us.fetch_add(micros(took), Relaxed);
        self.last_ms.store(now.0, Relaxed);
        if let Some(failure) = failure {
            self.failures[failure.index()].fetch_add(1, Relaxed);
            *self.last_failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure.to_string());
        }
    }

    /// What comes next.
    pub(super) fn plans(&self, next: Option<Timestamp>, backoff: Duration) {
        self.next_ms.store(next.map_or(0, |next| next.0), Relaxed);
        self.backoff_ms.store(u64::try_from(backoff.as_millis()).unwrap_or(u64::MAX), Relaxed);
    }

    /// Requests to servers are over.
    pub(super) fn waited(&self, took: Duration) {
        self.fetch_us.fetch_add(micros(took), Relaxed);
    }

    /// What came of a request.
    pub(super) fn fetched(&self, failure: Option<FetchError>) {
        self.fetches[failure.map_or(0, |failure| 1 + failure as usize)].fetch_add(1, Relaxed);
    }

    /// The counters now.
    pub fn counts(&self) -> WatchCounts {
        let moment = |at: &AtomicU64| Some(Timestamp(at.load(Relaxed))).filter(|at| at.0 > 0);
        let backoff = self.backoff_ms.load(Relaxed);
        WatchCounts {
            calls: self.calls.load(Relaxed),
            failures: std::array::from_fn(|i| (FAILURE_WORDS[i], self.failures[i].load(Relaxed))),
            fetches: std::array::from_fn(|i| (FETCH_WORDS[i], self.fetches[i].load(Relaxed))),
            call_time: Duration::from_micros(self.call_us.load(Relaxed)),
            fetch_time: Duration::from_micros(self.fetch_us.load(Relaxed)),
            last: moment(&self.last_ms),
            next: moment(&self.next_ms),
            backoff: (backoff > 0).then(|| Duration::from_millis(backoff)),
            last_failure: self.last_failure.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
