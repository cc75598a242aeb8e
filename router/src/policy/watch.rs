//! The background instance of a policy that watches the regions: the hook `health`.
//!
//! Owns a thread for each such policy: it tells the instance of changes, wakes it when it asked to be woken, and begins anew with
//! a pause that grows when it fails. What is told is the newest state, however many there were meanwhile, so nothing queues up.
//! Shares with the rest of the router only the policy's buckets and counters. Started and stopped by `control`; the thread ends
//! when its [`Watcher`] is dropped, within the time of one call.

mod rehearsal;
mod telling;

pub use rehearsal::Rehearsal;

use super::contract::CandidateHealth;
use super::directory::RegionDirectory;
use super::load::Loaded;
use super::outgoing::Outgoing;
use crate::base::clock::monotonic;
use crate::base::{Clock, Timestamp};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use telling::Telling;
use tokio::runtime::Runtime;
use tokio::sync::watch::{self, Receiver, Sender};

/// Shortest pause that an instance can ask for: four looks in a second. Our choice.
const PAUSE_MIN: Duration = Duration::from_millis(250);
/// Longest.
const PAUSE_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// Least time between two calls, however often regions change: a call that takes all of its time costs half a processor at most.
const GAP: Duration = Duration::from_millis(100);
/// Pause after a failure; doubles up to [`BACKOFF_LAST`], as for policies in quarantine.
const BACKOFF_FIRST: Duration = Duration::from_secs(1);
/// Longest pause after a failure.
const BACKOFF_LAST: Duration = Duration::from_secs(60);
/// Threads that look names up for one policy; the system's resolver blocks, and may do so for longer than a request lasts.
const RESOLVER_THREADS: usize = 2;
/// For how long such a thread stays without work.
const RESOLVER_KEPT: Duration = Duration::from_secs(1);

/// The state of one region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegionState {
    /// Its health.
    pub health: CandidateHealth,
    /// Since when.
    pub since: Timestamp,
}

/// What there is to tell.
#[derive(Debug, Clone)]
pub struct Feed {
    /// The regions that the policy knows.
    pub directory: Arc<RegionDirectory>,
    /// Their states, by their numbers.
    pub regions: Arc<[RegionState]>,
}

/// Tables of one generation are the same, so they need not be looked through.
impl PartialEq for Feed {
    fn eq(&self, other: &Self) -> bool {
        self.directory.generation == other.directory.generation && self.regions == other.regions
    }
}

/// A running background instance.
#[derive(Debug)]
pub struct Watcher {
    feed: Sender<Feed>,
}

impl Watcher {
    /// Starts the thread of this policy's background instance.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(policy: Arc<Loaded>, feed: Feed, clock: Clock) -> io::Result<Self> {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().max_blocking_threads(RESOLVER_THREADS).thread_keep_alive(RESOLVER_KEPT);
        let runtime = Arc::new(runtime.build()?);
        let (feed, told) = watch::channel(feed);
        let thread = std::thread::Builder::new().name("policy-health".to_owned());
        thread.spawn(move || Watch::new(policy, told, runtime, clock).run())?;
        Ok(Self { feed })
    }

    /// Tells of the newest states.
    pub fn tell(&self, feed: Feed) {
        self.feed.send_if_modified(|told| {
            let news = *told != feed;
            *told = feed;
            news
        });
    }

    /// Whether its thread is gone, which only a fault of this program brings about.
    pub fn is_over(&self) -> bool {
        self.feed.is_closed()
    }
}

/// What the thread works on.
struct Watch {
    policy: Arc<Loaded>,
    feed: Receiver<Feed>,
    runtime: Arc<Runtime>,
    clock: Clock,
    telling: Telling,
    /// What the last call was about.
    seen: Option<Feed>,
    /// When the instance asked to be called.
    wanted: Option<Timestamp>,
    /// No call before this.
    not_before: Timestamp,
    /// The pause after the next failure; none while calls go well.
    backoff: Option<Duration>,
}

impl Watch {
    fn new(policy: Arc<Loaded>, feed: Receiver<Feed>, runtime: Arc<Runtime>, clock: Clock) -> Self {
        let outgoing = Outgoing::new(Arc::clone(&runtime), Arc::clone(&policy), feed.clone());
        Self {
            telling: Telling::new(Arc::clone(&policy), outgoing),
            policy,
            feed,
            runtime,
            clock,
            seen: None,
            wanted: None,
            not_before: Timestamp::default(),
            backoff: None,
        }
    }

    fn run(mut self) {
        while self.wait() {
            self.call();
        }
        let Self { runtime, telling, .. } = self;
        drop(telling);
        if let Some(runtime) = Arc::into_inner(runtime) {
            // A look-up that hangs must not hold the thread.
            runtime.shutdown_background();
        }
    }

    /// Waits until a call is due; false when it is the end.
    fn wait(&mut self) -> bool {
        loop {
            if self.feed.has_changed().is_err() {
                return false;
            }
            // Before it looks at them, so that news which come meanwhile wake it.
            self.feed.mark_unchanged();
            let due = self.due().map(|due| due.since(self.clock.now()));
            if due.is_some_and(|due| due.is_zero()) {
                return true;
            }
            let feed = &mut self.feed;
            self.runtime.block_on(async {
                // Woken by news, by time or by the end, it looks at all of them.
                let _ = match due {
                    Some(due) => tokio::time::timeout(due, feed.changed()).await.is_ok(),
                    None => feed.changed().await.is_ok(),
                };
            });
        }
    }

    /// When the next call is due; none is not before there is news.
    fn due(&self) -> Option<Timestamp> {
        let news = self.seen.as_ref().is_none_or(|seen| *seen != *self.feed.borrow());
        if news { Some(self.not_before) } else { self.wanted.map(|wanted| wanted.max(self.not_before)) }
    }

    fn call(&mut self) {
        let feed = self.feed.borrow_and_update().clone();
        let began = monotonic();
        let outcome = self.telling.tell(&feed, self.clock.now(), fastrand::f64());
        let now = self.clock.now();
        let stats = self.policy.stats().watch();
        stats.called(began.elapsed(), now, outcome.as_ref().err());
        self.seen = Some(feed);
        match outcome {
            Ok(pause) => {
                if self.backoff.take().is_some() {
                    tracing::info!(policy = %self.policy.name(), "the hook health works again");
                }
                self.not_before = now.plus(GAP);
                self.wanted = (pause > 0).then(|| now.plus(pause_of(pause)));
            }
            Err(failure) => {
                let backoff = self.backoff.map_or(BACKOFF_FIRST, |backoff| (backoff * 2).min(BACKOFF_LAST));
                self.backoff = Some(backoff);
                self.not_before = now.plus(backoff);
                self.wanted = Some(self.not_before);
                let pause = backoff.as_secs();
                tracing::warn!(policy = %self.policy.name(), "the hook health {failure}; begins anew in {pause} s");
            }
        }
        self.policy.stats().watch().plans(self.wanted, self.backoff.unwrap_or_default());
    }
}

fn pause_of(millis: u32) -> Duration {
    Duration::from_millis(millis.into()).clamp(PAUSE_MIN, PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_has_bounds() {
        for (asked, had) in [(1, 250), (250, 250), (1_000, 1_000), (u32::MAX, 86_400_000)] {
            assert_eq!(pause_of(asked), Duration::from_millis(had));
        }
    }
}
