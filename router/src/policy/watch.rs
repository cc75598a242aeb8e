//! The background instance of a policy that watches the regions: the hook `health`.
//!
//! Owns a thread for each such policy: it tells the instance of changes, wakes it when it asked to be woken, and begins anew with
//! a pause that grows when it fails. What is told is the newest state, however many there were meanwhile, so nothing queues up.
//! Shares with the rest of the router only the policy's buckets and counters. Started and stopped by `control`; the thread ends
//! when its [`Watcher`] is dropped, within the time of one call.

use super::contract::{CandidateHealth, ChangeRecord};
use super::directory::RegionDirectory;
use super::failure::PolicyFailure;
use super::instance::Instance;
use super::load::Loaded;
use super::outgoing::Outgoing;
use super::patience::WaitMeter;
use super::pool::CALLS_MAX;
use crate::base::clock::monotonic;
use crate::base::{Clock, Timestamp};
use crate::config::Isolation;
use std::io;
use std::sync::Arc;
use std::time::Duration;
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
    meter: Arc<WaitMeter>,
    instance: Option<Instance>,
    /// Lent to the instance for each call.
    outgoing: Option<Outgoing>,
    /// What the instance was told last; nothing where it is yet to begin.
    told: Option<Feed>,
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
            policy,
            feed,
            runtime,
            clock,
            meter: Arc::new(WaitMeter::of_this_thread()),
            instance: None,
            outgoing: Some(outgoing),
            told: None,
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
        let Self { runtime, instance, outgoing, .. } = self;
        drop((instance, outgoing));
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
        if self.told.as_ref().is_some_and(|told| told.directory.generation != feed.directory.generation) {
            self.forget();
        }
        let began = monotonic();
        let outcome = self.ask(&feed);
        let now = self.clock.now();
        let stats = self.policy.stats().watch();
        stats.called(began.elapsed(), now, outcome.as_ref().err());
        self.seen = Some(feed.clone());
        match outcome {
            Ok(pause) => {
                if self.backoff.take().is_some() {
                    tracing::info!(policy = %self.policy.name(), "the hook health works again");
                }
                self.told = Some(feed);
                self.not_before = now.plus(GAP);
                self.wanted = (pause > 0).then(|| now.plus(pause_of(pause)));
                self.retire();
            }
            Err(failure) => {
                self.forget();
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

    /// Tells the instance, a new one where there is none.
    fn ask(&mut self, feed: &Feed) -> Result<u32, PolicyFailure> {
        let mould = &self.policy.mould;
        let instance = match &mut self.instance {
            Some(instance) => instance,
            none => {
                let mut fresh = Instance::new(mould, &self.meter)?;
                fresh.init(mould, &feed.directory)?;
                none.insert(fresh)
            }
        };
        if let Some(outgoing) = &mut self.outgoing {
            outgoing.begin();
        }
        let changes = changes(self.told.as_ref(), feed);
        instance.watch(mould, self.clock.now(), fastrand::f64(), &changes, &mut self.outgoing)
    }

    /// Lets an instance go that has served its time. The next call has a new one, which is told of every region.
    fn retire(&mut self) {
        let limit = self.policy.limits().memory;
        let once = self.policy.isolation() == Isolation::Request;
        let worn = |instance: &Instance| once || instance.calls() >= CALLS_MAX || instance.outgrown(limit);
        if self.instance.as_ref().is_some_and(worn) {
            self.forget();
        }
    }

    fn forget(&mut self) {
        (self.instance, self.told) = (None, None);
    }
}

/// What an instance that was told the one has to be told of the other.
fn changes(told: Option<&Feed>, feed: &Feed) -> Vec<ChangeRecord> {
    let mut changes = Vec::new();
    for (region, state) in (0u32..).zip(feed.regions.iter()) {
        let before = told.map(|told| told.regions.get(region as usize).copied());
        let before = match before {
            // Another moment of the same state is a change that came and went.
            Some(Some(before)) if before == *state => continue,
            Some(Some(before)) => before.health,
            Some(None) | None => CandidateHealth::Unknown,
        };
        changes.push(ChangeRecord { region, before, now: state.health, since_ms: state.since.0 as f64 });
    }
    changes
}

fn pause_of(millis: u32) -> Duration {
    Duration::from_millis(millis.into()).clamp(PAUSE_MIN, PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(states: &[(CandidateHealth, u64)]) -> Feed {
        let regions = states.iter().map(|(health, since)| RegionState { health: *health, since: Timestamp(*since) });
        Feed { directory: Arc::default(), regions: regions.collect() }
    }

    #[test]
    fn an_instance_is_told_of_everything_once_and_of_changes_then() {
        use CandidateHealth::{Down, Healthy, Unknown};
        let told = |before: Option<&Feed>, now: &Feed| {
            let changes = changes(before, now);
            changes.iter().map(|change| (change.region, change.before, change.now)).collect::<Vec<_>>()
        };
        let first = feed(&[(Healthy, 1), (Unknown, 1)]);
        assert_eq!(told(None, &first), [(0, Unknown, Healthy), (1, Unknown, Unknown)]);
        assert_eq!(told(Some(&first), &first), []);
        let later = feed(&[(Down, 5), (Unknown, 1)]);
        assert_eq!(told(Some(&first), &later), [(0, Healthy, Down)]);
        let flapped = feed(&[(Down, 9), (Unknown, 1)]);
        assert_eq!(told(Some(&later), &flapped), [(0, Down, Down)], "it came back meanwhile");
    }

    #[test]
    fn a_pause_has_bounds() {
        for (asked, had) in [(1, 250), (250, 250), (1_000, 1_000), (u32::MAX, 86_400_000)] {
            assert_eq!(pause_of(asked), Duration::from_millis(had));
        }
    }
}
