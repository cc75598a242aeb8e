//! What a policy asks of HTTP servers: the contract's `http`.
//!
//! Owns the bounds: the operator's grant, requests in a second and at one time, their time and size, and how long one call may
//! wait in all. Waits, so it is only ever given to the instance that watches the regions, on a thread of its own. `client` asks,
//! `address` knows where no name may lead, `link` has the functions that guests call.

mod address;
mod client;
mod link;

pub(super) use link::OFFERED;

use super::ticker::Pulse;
use crate::base::clock::monotonic;
use crate::policy::watch::Feed;
use crate::policy::{Loaded, WatchStats};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::sync::watch::Receiver;
use tokio::task::JoinSet;

/// Requests at one time.
pub(super) const AT_ONCE_MAX: usize = 16;
/// Longest that one call waits for servers, however many it asks.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// What a guest wants to ask, as it says it.
#[derive(Debug, Clone, Default)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
    /// 0 is no opinion.
    pub(super) timeout_ms: u32,
}

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
}

/// Why there is no answer, in the order of the contract's `error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FetchError {
    Invalid,
    NotGranted,
    TooMany,
    Unavailable,
    NoConnection,
    Timeout,
    TooLarge,
    Broken,
}

/// What can come of a request, for metrics: an answer, and then every [`FetchError`] in its order.
pub(super) const FETCH_WORDS: [&str; 9] = [
    "answered",
    "invalid",
    "not-granted",
    "too-many",
    "unavailable",
    "no-connection",
    "timeout",
    "too-large",
    "broken",
];

/// The way of one background instance to servers.
pub(super) struct Outgoing {
    runtime: Arc<Runtime>,
    policy: Arc<Loaded>,
    /// Closed when the instance is to end.
    feed: Receiver<Feed>,
    rate: Rate,
    /// Until when the call in progress may wait.
    until: Instant,
}

impl Outgoing {
    /// For an instance of this policy.
    pub(super) fn new(runtime: Arc<Runtime>, policy: Arc<Loaded>, feed: Receiver<Feed>) -> Self {
        let rate = Rate::new(policy.http().map_or(0, |grant| grant.rate));
        Self { runtime, policy, feed, rate, until: monotonic() }
    }

    /// A call begins.
    pub(super) fn begin(&mut self) {
        self.until = monotonic() + WAIT_MAX;
    }

    /// The beat of the engine.
    pub(super) fn pulse(&self) -> &Pulse {
        &self.policy.mould.engine.pulse
    }

    /// Asks all of these at the same time; what came, in their order, and whether that took any waiting.
    pub(super) fn fetch(&mut self, requests: Vec<Request>) -> (Vec<Result<Response, FetchError>>, bool) {
        let started = monotonic();
        let mut fetched: Vec<Result<Response, FetchError>> = Vec::with_capacity(requests.len());
        let mut admitted = Vec::new();
        for (place, request) in requests.into_iter().enumerate() {
            match self.admit(request, started) {
                Ok((prepared, limit)) => {
                    // What stands for a request that is cut off.
                    fetched.push(Err(FetchError::Unavailable));
                    admitted.push((place, prepared, limit));
                }
                Err(error) => fetched.push(Err(error)),
            }
        }
        let waited = !admitted.is_empty();
        if waited {
            self.wait(admitted, &mut fetched);
            self.stats().waited(started.elapsed());
        }
        for one in &fetched {
            self.stats().fetched(one.as_ref().err().copied());
        }
        (fetched, waited)
    }

    fn stats(&self) -> &WatchStats {
        self.policy.stats().watch()
    }

    /// What may be asked, and how long it may take.
    fn admit(&mut self, request: Request, now: Instant) -> Result<(client::Prepared, Duration), FetchError> {
        let wished = Duration::from_millis(request.timeout_ms.into());
        let prepared = client::prepared(request)?;
        let grant = self.policy.http().filter(|grant| grant.allows(&prepared.url)).ok_or(FetchError::NotGranted)?;
        let limit = if wished.is_zero() { grant.timeout } else { grant.timeout.min(wished) };
        let limit = limit.min(self.until.saturating_duration_since(now));
        if limit.is_zero() {
            return Err(FetchError::Timeout);
        }
        if self.rate.pass(now) { Ok((prepared, limit)) } else { Err(FetchError::TooMany) }
    }

    /// Waits for all of these, or for the end of the instance.
    fn wait(&self, admitted: Vec<(usize, client::Prepared, Duration)>, fetched: &mut [Result<Response, FetchError>]) {
        let size = self.policy.http().map_or(0, |grant| grant.size);
        let mut feed = self.feed.clone();
        self.runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for (place, prepared, limit) in admitted {
                let tls = self.policy.tls().cloned();
                tasks.spawn(async move { (place, client::ask(prepared, tls, size, limit).await) });
            }
            loop {
                tokio::select! {
                    joined = tasks.join_next() => match joined {
                        Some(Ok((place, result))) => fetched[place] = result,
                        Some(Err(_)) => {}
                        None => return,
                    },
                    // News wait; only the end of the news counts.
                    told = feed.changed() => if told.is_err() { return },
                }
            }
        });
    }
}

/// So many in a second, and as many at once after a rest.
#[derive(Debug)]
struct Rate {
    per_second: f64,
    left: f64,
    at: Instant,
}

impl Rate {
    fn new(per_second: u32) -> Self {
        Self { per_second: per_second.into(), left: per_second.into(), at: monotonic() }
    }

    fn pass(&mut self, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = now;
        self.left = (self.left + since * self.per_second).min(self.per_second);
        let passes = self.left >= 1.0;
        if passes {
            self.left -= 1.0;
        }
        passes
    }
}
