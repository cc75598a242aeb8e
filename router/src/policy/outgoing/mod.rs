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
pub struct Response {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Its body.
    pub body: Vec<u8>,
}

/// What is asked of a server, for whoever answers in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// The URL, in its plainest form: a lower-case host, no port that is the scheme's own.
    pub url: String,
}

/// Who answers in the place of servers.
pub type Servers = Box<dyn FnMut(&Asked) -> Result<Response, FetchError>>;

/// Why there is no answer, in the order of the contract's `error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words of the contract")]
pub enum FetchError {
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

impl FetchError {
    /// The failure of this name in the contract.
    pub fn named(word: &str) -> Option<Self> {
        use FetchError::{Broken, Invalid, NoConnection, NotGranted, Timeout, TooLarge, TooMany, Unavailable};
        let all = [Invalid, NotGranted, TooMany, Unavailable, NoConnection, Timeout, TooLarge, Broken];
        all.into_iter().find(|error| error.as_str() == word)
    }

    /// Its name in the contract.
    pub fn as_str(self) -> &'static str {
        FETCH_WORDS[1 + self as usize]
    }
}

/// The way of one background instance to servers.
pub(super) struct Outgoing {
    policy: Arc<Loaded>,
    way: Way,
    rate: Rate,
    /// Until when the call in progress may wait.
    until: Instant,
}

/// How what may be asked gets its answer.
enum Way {
    /// Over the network.
    Network {
        runtime: Arc<Runtime>,
        /// Closed when the instance is to end.
        feed: Receiver<Feed>,
    },
    /// From somebody who answers in the place of servers.
    Rehearsed { servers: Servers, asked: Vec<Asked> },
}

impl Outgoing {
    /// For an instance of this policy.
    pub(super) fn new(runtime: Arc<Runtime>, policy: Arc<Loaded>, feed: Receiver<Feed>) -> Self {
        Self::by(Way::Network { runtime, feed }, policy)
    }

    /// For an instance of this policy in a trial.
    pub(super) fn rehearsed(policy: Arc<Loaded>, servers: Servers) -> Self {
        Self::by(Way::Rehearsed { servers, asked: Vec::new() }, policy)
    }

    fn by(way: Way, policy: Arc<Loaded>) -> Self {
        let rate = Rate::new(policy.http().map_or(0, |grant| grant.rate));
        Self { policy, way, rate, until: monotonic() }
    }

    /// A call begins.
    pub(super) fn begin(&mut self) {
        self.until = monotonic() + WAIT_MAX;
        if let Way::Rehearsed { asked, .. } = &mut self.way {
            asked.clear();
            // A trial has no pauses in which it could rest.
            self.rate = Rate::new(self.policy.http().map_or(0, |grant| grant.rate));
        }
    }

    /// What was asked in the last call of a trial.
    pub(super) fn take_asked(&mut self) -> Vec<Asked> {
        match &mut self.way {
            Way::Rehearsed { asked, .. } => std::mem::take(asked),
            Way::Network { .. } => Vec::new(),
        }
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
        let waited = !admitted.is_empty() && matches!(self.way, Way::Network { .. });
        self.answer(admitted, &mut fetched);
        if waited {
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

    /// Has these answered.
    fn answer(&mut self, admitted: Vec<Admitted>, fetched: &mut [Result<Response, FetchError>]) {
        let size = self.policy.http().map_or(0, |grant| grant.size);
        match &mut self.way {
            _ if admitted.is_empty() => {}
            Way::Network { runtime, feed } => {
                runtime.block_on(wait(admitted, self.policy.tls(), size, feed.clone(), fetched));
            }
            Way::Rehearsed { servers, asked } => {
                for (place, prepared, _) in admitted {
                    let one = prepared.asked();
                    let whole = |response: Response| {
                        if response.body.len() > size { Err(FetchError::TooLarge) } else { Ok(response) }
                    };
                    fetched[place] = servers(&one).and_then(whole);
                    asked.push(one);
                }
            }
        }
    }
}

/// A request that may be asked, with its place among all and how long it may take.
type Admitted = (usize, client::Prepared, Duration);

/// Asks all of these and waits for them, or for the end of the instance.
async fn wait(
    admitted: Vec<Admitted>,
    tls: Option<&Arc<rustls::ClientConfig>>,
    size: usize,
    mut feed: Receiver<Feed>,
    fetched: &mut [Result<Response, FetchError>],
) {
    let mut tasks = JoinSet::new();
    for (place, prepared, limit) in admitted {
        let tls = tls.cloned();
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
