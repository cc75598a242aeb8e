//! What one worker owns: its snapshot handle, its pools, its warm policies, its entropy.
//!
//! Owns nothing that another worker can see but counters. Made by `worker`, borrowed by every exchange on it.

use super::request_id::RequestIds;
use super::upstream::{Pool, PoolStats};
use crate::base::{Clock, Timestamp, clock};
use crate::decide::hearing::Said;
use crate::metrics::{Histogram, Metrics};
use crate::policy::{Ask, Noted, Outcome, PolicyFailure, WarmPool};
use crate::recording::recorder::Recorder;
use crate::snapshot::alarm::Alarms;
use crate::snapshot::publish::Reader;
use crate::snapshot::{PolicyUse, Service, Snapshot};
use crate::steer::retry_budget::{RetryBudget, RetryLimits};
use crate::steer::verdict::{Reaction, SessionKey, Verdict};
use crate::store::Store;
use http::HeaderValue;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// One worker's own things.
pub(super) struct Core {
    reader: RefCell<Reader>,
    /// Connections to origins.
    pub(super) pool: Pool,
    /// What the gauges know of the pool.
    pool_shown: Cell<PoolStats>,
    warm: RefCell<WarmPool>,
    entropy: RefCell<fastrand::Rng>,
    request_ids: RefCell<RequestIds>,
    budgets: RefCell<HashMap<Arc<str>, RetryBudget>>,
    /// Time.
    pub(super) clock: Clock,
    /// Metrics that need a look-up by label.
    pub(super) metrics: Metrics,
    /// The way to the conductor.
    pub(super) alarms: Alarms,
    /// What the cache keeps; all workers share it.
    pub(super) store: Arc<Store>,
    /// Where decisions are recorded.
    pub(super) recorder: Option<Recorder>,
    /// Name of the PoP as a header value and as a `Via` element, made once per snapshot generation.
    names: RefCell<(u64, Rc<Names>)>,
}

/// Header values made of the PoP's name.
pub(super) struct Names {
    /// The name.
    pub(super) pop: HeaderValue,
    /// `1.1 <name>`, for HTTP/1.1 messages.
    pub(super) via_1_1: HeaderValue,
    /// `2.0 <name>`, for HTTP/2 messages.
    pub(super) via_2: HeaderValue,
}

impl Names {
    fn of(pop: &str) -> Self {
        let value = |text: &str| HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("portolan"));
        Self { pop: value(pop), via_1_1: value(&format!("1.1 {pop}")), via_2: value(&format!("2.0 {pop}")) }
    }
}

impl Core {
    /// A worker's things, with entropy of its own.
    #[allow(clippy::too_many_arguments, reason = "every one is a different thing that a worker has")]
    pub(super) fn new(
        reader: Reader,
        pool: Pool,
        warm: WarmPool,
        clock: Clock,
        metrics: Metrics,
        alarms: Alarms,
        store: Arc<Store>,
        recorder: Option<Recorder>,
    ) -> Self {
        Self {
            reader: RefCell::new(reader),
            pool,
            pool_shown: Cell::default(),
            warm: RefCell::new(warm),
            entropy: RefCell::new(fastrand::Rng::new()),
            request_ids: RefCell::default(),
            budgets: RefCell::new(HashMap::new()),
            clock,
            metrics,
            alarms,
            store,
            recorder,
            names: RefCell::new((u64::MAX, Rc::new(Names::of("portolan")))),
        }
    }

    /// The newest snapshot.
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(self.reader.borrow_mut().snapshot())
    }

    /// Lets go of an old snapshot, of instances and connections that nobody needs, and of budgets without a service.
    pub(super) fn tidy(&self) {
        let snapshot = self.snapshot();
        self.warm.borrow_mut().prune();
        self.pool.sweep(clock::monotonic());
        self.show_pool();
        self.budgets.borrow_mut().retain(|name, _| snapshot.services.iter().any(|s| s.table.name == *name));
    }

    /// Adds what changed in this worker's pool to the gauges that all workers share.
    fn show_pool(&self) {
        let now = self.pool.stats();
        let before = self.pool_shown.replace(now);
        let difference = |now: usize, before: usize| now as i64 - before as i64;
        self.metrics.origin_connections("open").inc_by(difference(now.open, before.open));
        self.metrics.origin_connections("idle").inc_by(difference(now.idle, before.idle));
    }

    /// Entropy of one exchange.
    pub(super) fn seed(&self) -> u64 {
        self.entropy.borrow_mut().u64(..)
    }

    /// A fresh request id.
    pub(super) fn request_id(&self) -> HeaderValue {
        self.request_ids.borrow_mut().next(&mut self.entropy.borrow_mut())
    }

    /// Header values of the PoP's name.
    pub(super) fn names(&self, snapshot: &Snapshot) -> Rc<Names> {
        let mut names = self.names.borrow_mut();
        if names.0 != snapshot.generation {
            *names = (snapshot.generation, Rc::new(Names::of(&snapshot.pop)));
        }
        Rc::clone(&names.1)
    }

    /// Counts an exchange towards the service's retry budget.
    pub(super) fn deposit(&self, service: &Service, now: Timestamp) {
        self.with_budget(service, |budget| budget.request(now));
    }

    /// Whether the service's budget has a retry left; takes it.
    pub(super) fn withdraw(&self, service: &Service, now: Timestamp) -> bool {
        self.with_budget(service, |budget| budget.take(now))
    }

    fn with_budget<T>(&self, service: &Service, use_it: impl FnOnce(&mut RetryBudget) -> T) -> T {
        let mut budgets = self.budgets.borrow_mut();
        if let Some(budget) = budgets.get_mut(&service.table.name) {
            return use_it(budget);
        }
        let retry = service.spec.retry;
        let fresh = RetryBudget::new(RetryLimits { share: retry.budget, floor_per_s: retry.floor_per_s });
        use_it(budgets.entry(Arc::clone(&service.table.name)).or_insert(fresh))
    }

    /// Asks a policy on this worker's warm instance; what it says, and how long that took.
    pub(super) fn ask(&self, policy: &PolicyUse, ask: &Ask<'_>) -> (Result<Verdict, PolicyFailure>, Duration) {
        let route = |warm: &mut WarmPool| warm.route(&policy.loaded, &policy.directory, ask);
        self.observed(policy, &policy.metrics.route_seconds, route, |verdict| match verdict {
            Verdict::Pass => "pass",
            Verdict::Route(_) => "route",
            Verdict::Respond(_) => "respond",
        })
    }

    /// Asks a policy for a session's key, likewise.
    pub(super) fn key(
        &self,
        policy: &PolicyUse,
        ask: &Ask<'_>,
    ) -> (Result<Option<SessionKey>, PolicyFailure>, Duration) {
        let key = |warm: &mut WarmPool| warm.key(&policy.loaded, &policy.directory, ask);
        self.observed(policy, &policy.metrics.affinity_seconds, key, |key| if key.is_some() { "key" } else { "no-key" })
    }

    /// Asks a policy what it makes of an answer, likewise.
    pub(super) fn response(&self, policy: &PolicyUse, ask: &Ask<'_>, outcome: &Outcome<'_>) -> Said {
        let response = |warm: &mut WarmPool| warm.response(&policy.loaded, &policy.directory, ask, outcome);
        self.observed(policy, &policy.metrics.response_seconds, response, |reaction| match reaction {
            Reaction::Pass => "pass",
            Reaction::Amend(_) => "amend",
            Reaction::Next => "next",
        })
    }

    /// What the last of these questions was answered from besides what it passed, where it asked for that.
    pub(super) fn noted(&self) -> Noted {
        self.warm.borrow_mut().noted()
    }

    /// Notes what a call cost and what came of it.
    fn observed<T>(
        &self,
        policy: &PolicyUse,
        seconds: &Histogram,
        call: impl FnOnce(&mut WarmPool) -> Result<T, PolicyFailure>,
        word: impl FnOnce(&T) -> &'static str,
    ) -> (Result<T, PolicyFailure>, Duration) {
        let started = clock::monotonic();
        let outcome = call(&mut self.warm.borrow_mut());
        let took = started.elapsed();
        seconds.observe(took);
        policy.metrics.outcomes.count(outcome.as_ref().map_or_else(PolicyFailure::as_str, word));
        (outcome, took)
    }
}
