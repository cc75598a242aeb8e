//! The one task of the control plane: takes news, asks the World what follows, publishes, acts.
//!
//! Owns the World, the published pointer and the drivers. All pending news are applied before a publication, and
//! publications come at most every 50 ms unless one takes something out or lets something in; so a burst costs one
//! build. Nothing here decides; nothing here blocks: loads run on threads of their own. Started by `app`.

mod call;
mod publish;
mod run;

pub use call::{Call, Control, Gone, NoSuchRegion, NoSuchRollout, ReloadAnswer};

use super::load::{InUse, Loader};
use super::probe::Prober;
use super::resolve::Resolver;
use super::sample::{self, SAMPLE_EVERY, Sampler};
use super::watch::{self, WatchedFile};
use super::watchers::Watchers;
use super::world::{Effect, Event, Refusal, World};
use crate::base::{Clock, Timestamp};
use crate::metrics::Metrics;
use crate::snapshot::publish::Published;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// News that may wait; senders wait beyond that.
const EVENTS_MAX: usize = 1024;
/// Calls of operators that may wait.
const CALLS_MAX: usize = 64;
/// News applied before a publication is due at the latest.
const BATCH_MAX: usize = 256;

/// Tells how many log lines were dropped since the start.
pub type LostLines = Box<dyn Fn() -> u64 + Send>;

/// What the conductor is made of.
pub struct Spec {
    /// Loads configurations.
    pub loader: Loader,
    /// Addresses on which clients are accepted, in the order of the configuration, with their real ports.
    pub listeners: Vec<SocketAddr>,
    /// Where operators connect, with its real port.
    pub admin: Option<SocketAddr>,
    /// Log lines that were dropped so far.
    pub lost_lines: LostLines,
    /// Metrics.
    pub metrics: Metrics,
    /// Time.
    pub clock: Clock,
    /// What workers raise.
    pub alarms: mpsc::Receiver<u64>,
    /// Answered with the first snapshot, or with why there is none.
    pub first: oneshot::Sender<Result<Published, Refusal>>,
}

/// How far the machine's clock may be from ours before that is said. Our choice: NTP slews what is less than half a second.
const CLOCK_OFFSET_MAX: Duration = Duration::from_secs(5);

/// The running conductor.
pub struct Conductor {
    world: World,
    loader: Arc<Loader>,
    listeners: Vec<SocketAddr>,
    admin: Option<SocketAddr>,
    lost_lines: LostLines,
    metrics: Metrics,
    clock: Clock,
    started: Timestamp,
    /// The machine's clock was set, and that was said.
    clock_was_set: bool,
    sampler: Sampler,
    prober: Prober,
    resolver: Resolver,
    watchers: Watchers,
    events: mpsc::Sender<Event>,
    watched: tokio::sync::watch::Sender<Vec<WatchedFile>>,
    published: Option<Published>,
    first: Option<oneshot::Sender<Result<Published, Refusal>>>,
    /// A publication that waits for its time.
    due: Option<Timestamp>,
    last_publication: Timestamp,
    /// Until when a new configuration waits for names.
    names_until: Timestamp,
    /// Ends the making of variants that runs.
    stop_variants: Arc<AtomicBool>,
    /// Operators who wait for a load, by its number.
    waiting: Vec<(u64, oneshot::Sender<ReloadAnswer>)>,
}

/// Runs until every `Control` is gone. The returned `Control` is how operators reach it.
pub fn start(spec: Spec) -> (Control, impl Future<Output = ()>) {
    let (calls, received) = mpsc::channel(CALLS_MAX);
    (Control::new(calls), run(spec, received))
}

async fn run(spec: Spec, mut calls: mpsc::Receiver<Call>) {
    let Spec { loader, listeners, admin, lost_lines, metrics, clock, mut alarms, first } = spec;
    let (events, mut news) = mpsc::channel(EVENTS_MAX);
    let (watched, files) = tokio::sync::watch::channel(Vec::new());
    let watcher = tokio::spawn(watch::run(files, events.clone()));
    let mut conductor = Conductor {
        world: World::default(),
        loader: Arc::new(loader),
        listeners,
        admin,
        lost_lines,
        metrics,
        clock,
        started: clock.now(),
        clock_was_set: false,
        sampler: Sampler::default(),
        prober: Prober::new(events.clone()),
        resolver: Resolver::new(events.clone()),
        watchers: Watchers::new(clock),
        events,
        watched,
        published: None,
        first: Some(first),
        due: None,
        last_publication: Timestamp::default(),
        names_until: Timestamp::default(),
        stop_variants: Arc::default(),
        waiting: Vec::new(),
    };
    conductor.apply(super::world::first());
    let mut beat = tokio::time::interval(SAMPLE_EVERY);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let publication = conductor.publication();
        tokio::select! {
            Some(event) = news.recv() => {
                conductor.apply(event);
                // What came meanwhile is in the same publication.
                for _ in 1..BATCH_MAX {
                    let Ok(event) = news.try_recv() else { break };
                    conductor.apply(event);
                }
            }
            call = calls.recv() => match call {
                Some(call) => conductor.answer(call),
                None => break,
            },
            Some(endpoint) = alarms.recv() => conductor.alarm(endpoint),
            _ = beat.tick() => conductor.beat(),
            () = publication => conductor.publish(),
        }
    }
    watcher.abort();
    // The process may end before a large bundle is done.
    conductor.stop_variants.store(true, Ordering::Relaxed);
}

impl Conductor {
    fn apply(&mut self, event: Event) {
        let outcome = match &event {
            Event::Config { result, .. } => Some(result.is_ok()),
            _ => None,
        };
        let effects = self.world.apply(event, self.clock.now());
        for effect in effects {
            self.perform(effect);
        }
        if let Some(ok) = outcome {
            self.loaded(ok);
        }
    }

    /// A load of the configuration is over: counts it and answers who waits for it.
    fn loaded(&mut self, ok: bool) {
        Metrics::count(&self.metrics.reloads, "result", if ok { "applied" } else { "refused" });
        self.metrics.reload_ok.set(i64::from(ok));
        let Some(last) = self.world.reloads().last().cloned() else { return };
        let first = if self.world.in_force().is_none() { self.first.take() } else { None };
        if let (Some(refusal), Some(first)) = (last.refused, first) {
            // The receiver is gone only when the process ends.
            let _ = first.send(Err(refusal));
        }
        if ok {
            self.names_until = self.clock.now().plus(publish::NAMES_WAIT);
            // Answers who waits: an operator who hears that it is applied must find it published.
            self.publish();
        } else {
            self.answer_waiting();
        }
    }

    /// Answers operators whose load is over.
    fn answer_waiting(&mut self) {
        let Some(last) = self.world.reloads().last().cloned() else { return };
        let waiting = std::mem::take(&mut self.waiting);
        for (ticket, answer) in waiting {
            if ticket > last.ticket {
                self.waiting.push((ticket, answer));
                continue;
            }
            let generation = self.world.in_force().map_or(0, |in_force| in_force.generation);
            let needs_restart = self.world.in_force().map_or(Vec::new(), |in_force| in_force.needs_restart.clone());
            let result = last.refused.clone().map_or(Ok(()), Err);
            // Who asked may be gone by now.
            let _ = answer.send(ReloadAnswer { generation, needs_restart, result });
        }
    }

    fn alarm(&mut self, endpoint: u64) {
        let Some(published) = &self.published else { return };
        if let Some(sample) = self.sampler.one(&published.load(), endpoint) {
            self.apply(Event::Passive(vec![sample]));
        }
    }

    /// The process goes by the clock that it started with. What was set since would make pins, ages and freshness wrong for good.
    fn check_clock(&mut self) {
        let offset_ms = self.clock.offset_ms();
        self.metrics.clock_offset.set(offset_ms as f64 / 1000.0);
        let was_set = offset_ms.unsigned_abs() > CLOCK_OFFSET_MAX.as_millis() as u64;
        if was_set && !self.clock_was_set {
            tracing::warn!(
                offset_ms,
                "the machine's clock was set: ages and freshness go by the old time until a restart"
            );
        }
        self.clock_was_set = was_set;
    }

    fn beat(&mut self) {
        self.check_clock();
        let lost = &self.metrics.log_dropped;
        lost.inc_by((self.lost_lines)().saturating_sub(lost.get()));
        if let Some(published) = &self.published {
            let snapshot = published.load();
            publish::show_loads(&self.metrics, &snapshot);
            publish::show_compared(&self.metrics, &snapshot);
            let samples = self.sampler.all(&snapshot);
            if !samples.is_empty() {
                self.apply(Event::Passive(samples));
            }
            let loads = sample::loads(&snapshot);
            if !loads.is_empty() {
                self.apply(Event::Loads(loads));
            }
            let tallies = sample::tallies(&snapshot);
            if !tallies.is_empty() {
                self.apply(Event::Tallies(tallies));
            }
        }
        if let Some(in_force) = self.world.in_force() {
            let now = self.clock.now();
            in_force.parts.policies.iter().for_each(|policy| policy.kv().sweep(now));
        }
        self.apply(Event::Tick);
    }

    /// What a load may take over.
    fn in_use(&self) -> Option<InUse> {
        let in_force = self.world.in_force()?;
        Some(InUse { live: Arc::clone(&in_force.live), parts: in_force.parts.clone(), files: self.world.files() })
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Publish { urgent } => self.plan_publication(urgent),
            Effect::LoadConfig { ticket } => run::load_config(self, ticket),
            Effect::LoadPart { subject, generation } => run::load_part(self, subject, generation),
            Effect::Watch(files) => {
                self.watched.send_replace(files);
            }
            Effect::MakeVariants => run::make_variants(self),
            Effect::StartProbe(target) => self.prober.start(target),
            Effect::StopProbe(endpoint) => self.prober.stop(endpoint),
            Effect::Resolve(name) => self.resolver.look_up(name),
            Effect::ForgetFailures(endpoint) => {
                let snapshot = self.published.as_ref().map(Published::load);
                if let Some(endpoint) = snapshot.as_ref().and_then(|snapshot| snapshot.endpoint(endpoint)) {
                    endpoint.stats.reset_consecutive();
                }
            }
            Effect::CountReturn(policy, cause) => self.metrics.rollouts.returned(&policy, cause),
            Effect::Log(severity, text) => run::log(severity, &text),
        }
    }
}
