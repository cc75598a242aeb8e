//! One living guest: a Store with one component in it.
//!
//! Owns the call into the sandbox and the limits around it: deadline, memory, size of an answer. After a trap a Store is
//! dead for good; whoever holds the instance drops it then. Made by `load` (throw-away) and `pool` (warm).

use super::Digest;
use super::arguments::Arguments;
use super::compiled::Compiled;
use super::contract::{
    ChangeRecord, DescribeParams, DescribeResult, InitParams, InitResult, KeyParams, KeyResult, ManifestRecord,
    OutcomeRecord, ReactionVariant, RequestRecord, ResponseParams, ResponseResult, RouteParams, RouteResult,
    VerdictVariant, WatchParams, WatchResult,
};
use super::directory::RegionDirectory;
use super::engine::Engine;
use super::failure::PolicyFailure;
use super::guest::{Guest, LineGate};
use super::imports::Exports;
use super::kv::Buckets;
use super::measures::Measures;
use super::outgoing::Outgoing;
use super::part::Part;
use super::patience::{Patience, WaitMeter, ticks};
use super::reads::{Noted, Reads};
use super::stats::PolicyStats;
use super::view::View;
use crate::base::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use wasmtime::component::{Instance as Component, InstancePre, TypedFunc};
use wasmtime::{Store, UpdateDeadline};

/// Bytes that may come out of a guest in one call: a reply of 64 KiB with room for its headers.
const ANSWER_MAX: usize = 256 * 1024;
/// Time for `describe`, and for `init` on each new instance.
pub(super) const INIT_TIME: Duration = Duration::from_millis(100);
/// Time of its own for one look at the regions: what a policy works out from documents of servers, off the data plane.
const WATCH_TIME: Duration = Duration::from_millis(100);

/// Ticks for which a thread that is forgiven may be put aside once more before its new deadline stands: 10 s, which no
/// scheduler takes.
const PUT_ASIDE_MAX: u64 = 5_000;

/// Everything that an instance is made of.
pub(super) struct Mould {
    pub(super) engine: Engine,
    pub(super) pre: InstancePre<Guest>,
    pub(super) exports: Exports,
    pub(super) name: Arc<str>,
    pub(super) digest: Digest,
    pub(super) config: Arc<[u8]>,
    pub(super) memory: usize,
    pub(super) stats: Arc<PolicyStats>,
    pub(super) gate: Arc<LineGate>,
    /// None before the manifest is known.
    pub(super) measures: Measures,
    /// None before the manifest is known.
    pub(super) kv: Buckets,
    /// What may be looked up, by the place in the manifest; nothing before it is known.
    pub(super) lazy: Arc<[Option<Part>]>,
}

impl Mould {
    /// Of a component, with a policy's own name, configuration (JSON bytes), memory limit and counters.
    pub(super) fn of(
        compiled: &Compiled,
        name: Arc<str>,
        config: Arc<[u8]>,
        memory: usize,
        stats: Arc<PolicyStats>,
    ) -> Self {
        let Compiled { engine, pre, exports, digest, to_be_granted: _ } = compiled.clone();
        Self {
            engine,
            pre,
            exports,
            name,
            digest,
            config,
            memory,
            stats,
            gate: Arc::default(),
            kv: Buckets::default(),
            lazy: Arc::default(),
            measures: Measures::default(),
        }
    }
}

/// A living guest.
pub(super) struct Instance {
    engine: Engine,
    store: Store<Guest>,
    component: Component,
    route: Option<TypedFunc<RouteParams<'static>, RouteResult>>,
    affinity: Option<TypedFunc<KeyParams<'static>, KeyResult>>,
    response: Option<TypedFunc<ResponseParams<'static>, ResponseResult>>,
    calls: u32,
    /// Memory in use when `init` was done.
    settled: usize,
}

impl Instance {
    /// Instantiates the component; runs nothing of it but its start functions. All its calls must come from the thread
    /// of the meter.
    pub(super) fn new(mould: &Mould, meter: &Arc<WaitMeter>) -> Result<Self, PolicyFailure> {
        let mut patience = Patience::new(Arc::clone(meter));
        patience.begin(INIT_TIME, mould.engine.pulse.expect(ticks(INIT_TIME)));
        let mut store = Store::new(&mould.engine.wasmtime, Guest::new(mould, patience));
        store.limiter(|guest| &mut guest.limits);
        store.set_hostcall_fuel(ANSWER_MAX);
        let pulse = Arc::clone(&mould.engine.pulse);
        store.epoch_deadline_callback(move |mut context| {
            let Some(more) = context.data_mut().patience.expired() else { return Ok(UpdateDeadline::Interrupt) };
            // The new deadline counts from after this, whenever this thread runs next; it must find the beat going.
            pulse.expect(more.saturating_add(PUT_ASIDE_MAX));
            Ok(UpdateDeadline::Continue(more))
        });
        store.set_epoch_deadline(ticks(INIT_TIME));
        // Start functions run at once, and the beat must outlast the deadline that has just been set.
        mould.engine.pulse.expect(ticks(INIT_TIME));
        let made = mould.pre.instantiate(&mut store).and_then(|component| {
            let Exports { route, affinity, response, .. } = &mould.exports;
            let route = route.map(|at| component.get_typed_func(&mut store, at)).transpose()?;
            let affinity = affinity.map(|at| component.get_typed_func(&mut store, at)).transpose()?;
            let response = response.map(|at| component.get_typed_func(&mut store, at)).transpose()?;
            Ok((component, route, affinity, response))
        });
        mould.stats.instance_made();
        match made {
            Ok((component, route, affinity, response)) => {
                let engine = mould.engine.clone();
                Ok(Self { engine, store, component, route, affinity, response, calls: 0, settled: 0 })
            }
            Err(error) => Err(PolicyFailure::of_call(&error, store.data_mut())),
        }
    }

    /// Asks for the manifest. The inner error is the author's own.
    pub(super) fn describe(&mut self, mould: &Mould) -> Result<Result<ManifestRecord, String>, PolicyFailure> {
        self.begin(INIT_TIME, Timestamp::default(), 0.0);
        let called = self
            .component
            .get_typed_func::<DescribeParams<'_>, DescribeResult>(&mut self.store, &mould.exports.describe)
            .and_then(|describe| describe.call(&mut self.store, (&mould.config,)));
        self.end(called).map(|(manifest,)| manifest)
    }

    /// Makes the instance ready. The author's own error comes as [`PolicyFailure::Init`].
    pub(super) fn init(&mut self, mould: &Mould, directory: &RegionDirectory) -> Result<(), PolicyFailure> {
        self.begin(INIT_TIME, Timestamp::default(), 0.0);
        let regions = directory.records();
        let called = self
            .component
            .get_typed_func::<InitParams<'_>, InitResult>(&mut self.store, &mould.exports.init)
            .and_then(|init| init.call(&mut self.store, (&mould.config, &regions)));
        match self.end(called)? {
            (Ok(()),) => {
                self.settled = self.memory();
                Ok(())
            }
            (Err(text),) => Err(PolicyFailure::Init(text)),
        }
    }

    /// Before a call of a hook: what it may look up, and what is to be known of it afterwards.
    pub(super) fn open(&mut self, view: &View<'_>, reads: &Reads<'_>) {
        self.store.data_mut().open(view, reads);
    }

    /// After it: what it read.
    pub(super) fn close(&mut self) -> Noted {
        self.store.data_mut().close()
    }

    /// Asks for a verdict; a policy that does not export `route` passes. Any failure leaves the instance unusable.
    pub(super) fn route(
        &mut self,
        limit: Duration,
        now: Timestamp,
        request: RequestRecord,
        arguments: &Arguments,
    ) -> Result<VerdictVariant, PolicyFailure> {
        let Some(route) = self.route else { return Ok(VerdictVariant::Pass) };
        self.begin(limit, now, request.entropy);
        self.calls += 1;
        let route: TypedFunc<RouteParams<'_>, RouteResult> = route;
        let called = route.call(&mut self.store, (request, arguments.fields(), arguments.candidates()));
        self.end(called).map(|(verdict,)| verdict)
    }

    /// Asks for the session's key; a policy that does not export `affinity` has none. Any failure leaves the instance
    /// unusable.
    pub(super) fn key(
        &mut self,
        limit: Duration,
        now: Timestamp,
        request: RequestRecord,
        arguments: &Arguments,
    ) -> Result<Option<Vec<u8>>, PolicyFailure> {
        let Some(affinity) = self.affinity else { return Ok(None) };
        self.begin(limit, now, request.entropy);
        self.calls += 1;
        let affinity: TypedFunc<KeyParams<'_>, KeyResult> = affinity;
        let called = affinity.call(&mut self.store, (request, arguments.fields()));
        self.end(called).map(|(key,)| key)
    }

    /// Asks what it makes of an answer; a policy that does not export `response` passes. Any failure leaves the instance
    /// unusable.
    pub(super) fn response(
        &mut self,
        limit: Duration,
        now: Timestamp,
        request: RequestRecord,
        outcome: OutcomeRecord,
        arguments: &Arguments,
    ) -> Result<ReactionVariant, PolicyFailure> {
        let Some(response) = self.response else { return Ok(ReactionVariant::Pass) };
        self.begin(limit, now, request.entropy);
        self.calls += 1;
        let response: TypedFunc<ResponseParams<'_>, ResponseResult> = response;
        let called =
            response.call(&mut self.store, (request, outcome, arguments.fields(), arguments.response_fields()));
        self.end(called).map(|(reaction,)| reaction)
    }

    /// Tells of regions; how long it wants to be left alone, milliseconds. `outgoing` is its way to servers meanwhile. Any failure
    /// leaves the instance unusable.
    pub(super) fn watch(
        &mut self,
        mould: &Mould,
        now: Timestamp,
        entropy: f64,
        changes: &[ChangeRecord],
        outgoing: &mut Option<Outgoing>,
    ) -> Result<u32, PolicyFailure> {
        let Some(health) = &mould.exports.health else { return Ok(0) };
        self.begin(WATCH_TIME, now, entropy);
        self.calls += 1;
        self.store.data_mut().outgoing = outgoing.take();
        let called = self
            .component
            .get_typed_func::<WatchParams<'_>, WatchResult>(&mut self.store, health)
            .and_then(|watch| watch.call(&mut self.store, (now.0 as f64, entropy, changes)));
        *outgoing = self.store.data_mut().outgoing.take();
        self.end(called).map(|(pause,)| pause)
    }

    /// Calls of hooks so far.
    pub(super) fn calls(&self) -> u32 {
        self.calls
    }

    /// Whether calls have made it grow beyond three quarters of its limit: the next growth, mostly a doubling, would
    /// fail in the middle of a call.
    pub(super) fn outgrown(&self, limit: usize) -> bool {
        self.memory() > self.settled && self.memory() > limit / 4 * 3
    }

    /// Linear memory in use, bytes.
    pub(super) fn memory(&self) -> usize {
        self.store.data().limits.used()
    }

    fn begin(&mut self, limit: Duration, now: Timestamp, entropy: f64) {
        // The deadline counts from here and must be set before every call: one that is unset has passed already.
        let ticks = ticks(limit);
        self.store.set_epoch_deadline(ticks);
        let tick = self.engine.pulse.expect(ticks);
        let guest = self.store.data_mut();
        guest.begin(now, entropy);
        guest.ends = tick.saturating_add(ticks);
        guest.patience.begin(limit, tick);
    }

    fn end<T>(&mut self, called: wasmtime::Result<T>) -> Result<T, PolicyFailure> {
        let guest = self.store.data_mut();
        guest.end();
        called.map_err(|error| PolicyFailure::of_call(&error, guest))
    }
}
