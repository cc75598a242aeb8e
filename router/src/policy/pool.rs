//! Warm instances of one worker, and the question that is put to them.
//!
//! Owns one instance per policy and worker: calls are synchronous, so a worker needs no second one. An instance is
//! dropped after any trap, when it was called often or has grown, and when its policy or region table is gone; after each
//! call where the policy is isolated so. Never
//! shared between threads. Called by `decide`, once per policy and exchange; it decides what a failure means.

use super::arguments::Arguments;
use super::contract::{Candidate, OutcomeRecord, PinRecord, RequestRecord};
use super::convert::{self, Scope};
use super::directory::RegionDirectory;
use super::failure::PolicyFailure;
use super::instance::Instance;
use super::load::Loaded;
use super::patience::WaitMeter;
use super::quarantine::Admission;
use super::reads::{Noted, Reads};
use super::view::View;
use crate::base::{Location, Timestamp};
use crate::config::Isolation;
use crate::steer::verdict::{Reaction, SessionKey, Verdict};
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Most instances of one worker; beyond it the one unused for longest makes room.
const INSTANCES_MAX: usize = 256;
/// Calls after which an instance is replaced. Linear memory never shrinks, so whatever a guest leaks is bounded by
/// this; a replacement costs 20 to 50 us, less than a nanosecond per call.
pub(super) const CALLS_MAX: u32 = 100_000;

/// One question to a policy.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Time of the exchange.
    pub now: Timestamp,
    /// Uniform in [0, 1), new for each exchange.
    pub entropy: f64,
    /// Where the client is, when known.
    pub client: Option<Location>,
    /// The session's pin, checked by the host.
    pub pin: Option<PinView<'a>>,
    /// One value for each field of the manifest, in its order; none where the request has no such field.
    pub fields: &'a [Option<&'a [u8]>],
    /// Regions that may serve, nearest first; their numbers are those of the directory.
    pub candidates: &'a [Candidate],
    /// Number of the service's first region in the directory, which also stands for the service.
    pub first_region: u32,
    /// How many regions the service has.
    pub regions: usize,
    /// The cookie in which the host keeps the pin: no reply may set it.
    pub pin_cookie: Option<&'a str>,
    /// What the policy may look up of the request.
    pub view: View<'a>,
    /// How it reads what it keeps.
    pub reads: Reads<'a>,
}

/// The session's pin.
#[derive(Debug, Clone, Copy)]
pub struct PinView<'a> {
    /// Number of its region in the directory; none when the region is no longer configured.
    pub region: Option<u32>,
    /// Name of its region.
    pub region_name: &'a str,
    /// Seconds since the session was first pinned.
    pub session_age_s: u32,
    /// Seconds since it was last pinned anew.
    pub pin_age_s: u32,
    /// What the policy stored with it.
    pub payload: &'a [u8],
}

/// How an origin answered.
#[derive(Debug, Clone, Copy)]
pub struct Outcome<'a> {
    /// Number of the region in the directory.
    pub region: u32,
    /// Its status.
    pub status: u16,
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// From the begin of the attempt to the head of the answer, microseconds.
    pub ttfb_us: u32,
    /// Whether another region may be asked.
    pub may_retry: bool,
    /// One value for each response field of the manifest, in its order.
    pub fields: &'a [Option<&'a [u8]>],
}

impl Outcome<'_> {
    fn record(&self) -> OutcomeRecord {
        let Self { region, status, attempt, ttfb_us, may_retry, .. } = *self;
        OutcomeRecord { region, status, attempt, ttfb_us, may_retry }
    }
}

/// The instances of one worker.
#[derive(Default)]
pub struct WarmPool {
    slots: Vec<Slot>,
    arguments: Arguments,
    /// What the last call read, when that is noted.
    noted: Noted,
    meter: Option<Arc<WaitMeter>>,
    /// Counts questions, to know which instance was used last.
    clock: u64,
    /// The meter reads the waiting time of the worker's own thread.
    one_thread: PhantomData<Rc<()>>,
}

struct Slot {
    policy: u64,
    generation: u64,
    used: u64,
    alive: Weak<Loaded>,
    instance: Box<Instance>,
}

impl std::fmt::Debug for WarmPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WarmPool").field("instances", &self.slots.len()).finish_non_exhaustive()
    }
}

impl WarmPool {
    /// An empty pool for the calling thread.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks a policy for its verdict.
    ///
    /// # Errors
    /// Why there is none. It has been counted and told to the policy's quarantine.
    pub fn route(
        &mut self,
        policy: &Arc<Loaded>,
        directory: &Arc<RegionDirectory>,
        ask: &Ask<'_>,
    ) -> Result<Verdict, PolicyFailure> {
        self.guarded(policy, ask.now, |pool| {
            pool.arguments.fill(ask.fields, &ask.behind(), ask.candidates)?;
            let answered = pool.on_instance(policy, directory, ask, |instance, limit, arguments| {
                instance.route(limit, ask.now, ask.request(), arguments)
            })?;
            let scope = ask.scope(policy.name(), directory);
            let (verdict, ignored) = convert::verdict(answered, &scope).map_err(PolicyFailure::Nonsense)?;
            if ignored != convert::Ignored::default() {
                policy.stats().ignored(ignored.regions, ignored.ext);
            }
            Ok(verdict)
        })
    }

    /// Asks a policy for the session's own key; none is no opinion. Candidates are not passed.
    ///
    /// # Errors
    /// Why there is no answer. It has been counted and told to the policy's quarantine.
    pub fn key(
        &mut self,
        policy: &Arc<Loaded>,
        directory: &Arc<RegionDirectory>,
        ask: &Ask<'_>,
    ) -> Result<Option<SessionKey>, PolicyFailure> {
        self.guarded(policy, ask.now, |pool| {
            pool.arguments.fill(ask.fields, &ask.behind(), &[])?;
            let answered = pool.on_instance(policy, directory, ask, |instance, limit, arguments| {
                instance.key(limit, ask.now, ask.request(), arguments)
            })?;
            convert::key(answered).map_err(PolicyFailure::Nonsense)
        })
    }

    /// Asks a policy what it makes of an answer. Candidates are not passed.
    ///
    /// # Errors
    /// Why there is no answer. It has been counted and told to the policy's quarantine.
    pub fn response(
        &mut self,
        policy: &Arc<Loaded>,
        directory: &Arc<RegionDirectory>,
        ask: &Ask<'_>,
        outcome: &Outcome<'_>,
    ) -> Result<Reaction, PolicyFailure> {
        self.guarded(policy, ask.now, |pool| {
            pool.arguments.fill(ask.fields, &ask.behind(), &[])?;
            pool.arguments.fill_response(outcome.fields)?;
            let answered = pool.on_instance(policy, directory, ask, |instance, limit, arguments| {
                instance.response(limit, ask.now, ask.request(), outcome.record(), arguments)
            })?;
            convert::reaction(answered, ask.pin_cookie).map_err(PolicyFailure::Nonsense)
        })
    }

    /// What the last call read, once: where its question said so, or it was answered from a record.
    pub fn noted(&mut self) -> Noted {
        std::mem::take(&mut self.noted)
    }

    /// Counts a call, keeps it from a policy in quarantine, and tells the quarantine how it went.
    fn guarded<T>(
        &mut self,
        policy: &Arc<Loaded>,
        now: Timestamp,
        call: impl FnOnce(&mut Self) -> Result<T, PolicyFailure>,
    ) -> Result<T, PolicyFailure> {
        let stats = policy.stats();
        stats.called();
        let admission = policy.quarantine().admit(now);
        let outcome = match admission {
            Admission::Refused => Err(PolicyFailure::Quarantined),
            Admission::Open | Admission::Probe => call(self),
        };
        match &outcome {
            Ok(_) if admission == Admission::Probe => policy.quarantine().recovered(),
            Ok(_) => {}
            Err(failure) => {
                stats.failed(failure);
                if failure.blames_policy() {
                    policy.quarantine().failed(now, admission);
                }
            }
        }
        outcome
    }

    /// Makes an instance ready before the first request needs it, and drops those whose policy is gone.
    ///
    /// # Errors
    /// Why it cannot be made ready; counted like a failed call.
    pub fn warm(&mut self, policy: &Arc<Loaded>, directory: &Arc<RegionDirectory>) -> Result<(), PolicyFailure> {
        self.slot(policy, directory).map(|_| ()).inspect_err(|failure| policy.stats().failed(failure))
    }

    /// Drops instances whose policy is gone. A worker calls this when it takes a new snapshot; a pool that is not told
    /// does it by itself whenever it makes an instance.
    pub fn prune(&mut self) {
        self.slots.retain(|slot| slot.alive.strong_count() > 0);
    }

    /// How many instances are warm.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether no instance is warm.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Linear memory of all instances, bytes.
    pub fn memory(&self) -> usize {
        self.slots.iter().map(|slot| slot.instance.memory()).sum()
    }

    /// Calls a ready instance, within the policy's limit of time; it is dropped when the call fails or has worn it out.
    fn on_instance<T>(
        &mut self,
        policy: &Arc<Loaded>,
        directory: &Arc<RegionDirectory>,
        ask: &Ask<'_>,
        call: impl FnOnce(&mut Instance, Duration, &Arguments) -> Result<T, PolicyFailure>,
    ) -> Result<T, PolicyFailure> {
        let limits = policy.limits();
        let index = self.slot(policy, directory)?;
        let instance = &mut self.slots[index].instance;
        let reads = policy.reads();
        if reads {
            instance.open(&ask.view, &ask.reads);
        }
        let arguments = &self.arguments;
        let answered = ask.view.during(reads, || call(instance, limits.time, arguments));
        if reads {
            self.noted = instance.close();
        } else if matches!(ask.reads, Reads::Noted) {
            // It read nothing, whatever another did before.
            self.noted = Noted::default();
        }
        let used_up = policy.isolation() == Isolation::Request || instance.calls() >= CALLS_MAX;
        let worn = used_up || instance.outgrown(limits.memory);
        if answered.is_err() || worn {
            self.slots.swap_remove(index);
        }
        answered
    }

    /// Index of a ready instance.
    fn slot(&mut self, policy: &Arc<Loaded>, directory: &RegionDirectory) -> Result<usize, PolicyFailure> {
        self.clock += 1;
        let clock = self.clock;
        if let Some(index) = self.slots.iter().position(|slot| slot.policy == policy.id()) {
            if self.slots[index].generation == directory.generation {
                self.slots[index].used = clock;
                return Ok(index);
            }
            self.slots.swap_remove(index);
        }
        self.prune();
        if self.slots.len() >= INSTANCES_MAX {
            let oldest = (0..self.slots.len()).min_by_key(|index| self.slots[*index].used);
            self.slots.swap_remove(oldest.unwrap_or(0));
        }
        let meter = self.meter.get_or_insert_with(|| Arc::new(WaitMeter::of_this_thread()));
        let mut instance = Box::new(Instance::new(&policy.mould, meter)?);
        instance.init(&policy.mould, directory).map_err(|failure| match failure {
            PolicyFailure::Trap(text) => PolicyFailure::Init(text),
            other => other,
        })?;
        self.slots.push(Slot {
            policy: policy.id(),
            generation: directory.generation,
            used: clock,
            alive: Arc::downgrade(policy),
            instance,
        });
        Ok(self.slots.len() - 1)
    }
}

impl<'a> Ask<'a> {
    fn request(&self) -> RequestRecord {
        RequestRecord {
            now_ms: self.now.0 as f64,
            entropy: self.entropy,
            client: self.client.map(Into::into),
            pin: self.pin.map(|pin| PinRecord {
                region: pin.region,
                session_age_s: pin.session_age_s,
                pin_age_s: pin.pin_age_s,
            }),
            service: self.first_region,
        }
    }

    /// The fields that every call has behind the declared ones.
    fn behind(&self) -> [Option<&'a [u8]>; 2] {
        let former = self.pin.filter(|pin| pin.region.is_none());
        [self.pin.map(|pin| pin.payload), former.map(|pin| pin.region_name.as_bytes())]
    }

    fn scope(&self, policy: &'a Arc<str>, directory: &RegionDirectory) -> Scope<'a> {
        Scope {
            policy,
            first_region: self.first_region,
            known: directory.len(),
            candidates: self.candidates,
            regions: self.regions,
            pin_cookie: self.pin_cookie,
        }
    }
}
