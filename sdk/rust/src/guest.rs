//! Joins a [`Policy`] to the generated exports: reads the config, keeps the one instance, wraps each call.
//!
//! Hidden from authors; [`crate::export!`] expands to it on wasm32 and [`crate::testing`] uses [`Instance`] natively.
//! Holds no policy logic.

use std::cell::OnceCell;
use std::marker::PhantomData;

use crate::bindings::affinity::exports::portolan::policy::affinity;
use crate::bindings::exports::portolan::policy::lifecycle;
use crate::bindings::health::exports::portolan::policy::health;
use crate::bindings::portolan::policy::types;
use crate::bindings::response::exports::portolan::policy::response;
use crate::bindings::route::exports::portolan::policy::route;
use crate::request::COLUMNS;
use crate::{
    Affinity, Answer, Changes, Manifest, Policy, Reaction, RegionInfo, Regions, Request, Response, Verdict, Watch,
    config,
};

/// What a host that does otherwise breaks.
const INIT_FIRST: &str = "the host calls init before any hook";

/// A policy at work: one per instance of the component.
#[derive(Debug)]
pub struct Instance<P> {
    pub(crate) policy: P,
    pub(crate) fields: Vec<String>,
    pub(crate) response_fields: Vec<String>,
    pub(crate) regions: Regions,
}

impl<P: Policy> Instance<P> {
    /// Reads the configuration and makes the policy.
    pub fn new(config: &[u8], regions: Vec<RegionInfo>) -> Result<Self, String> {
        let config: P::Config = config::read(config)?;
        // `describe` ran in another instance; it is pure, so asking again gives the order of the fields.
        let Manifest { fields, response_fields, .. } = P::describe(&config)?;
        let regions = Regions::new(regions);
        Ok(Self { policy: P::new(config, &regions)?, fields, response_fields, regions })
    }
}

/// A policy that has a place for its instance.
pub trait Exported: Policy {
    /// Hands the place to `f`.
    fn with<R>(f: impl FnOnce(&OnceCell<Instance<Self>>) -> R) -> R;
}

/// What the component exports for a policy.
#[derive(Debug)]
pub struct Component<P>(PhantomData<P>);

/// What the policy says of itself for this configuration.
pub fn describe<P: Policy>(config: &[u8]) -> Result<Manifest, String> {
    P::describe(&config::read(config)?)
}

impl<P: Exported> lifecycle::Guest for Component<P> {
    fn describe(config: Vec<u8>) -> Result<Manifest, String> {
        describe::<P>(&config)
    }

    fn init(config: Vec<u8>, regions: Vec<RegionInfo>) -> Result<(), String> {
        let instance = Instance::new(&config, regions)?;
        P::with(|cell| cell.set(instance)).map_err(|_| "init was called twice".to_owned())
    }
}

impl<P: Exported> route::Guest for Component<P> {
    fn route(req: types::Request, fields: types::Fields, candidates: types::Candidates) -> Verdict {
        P::with(|cell| {
            let instance = cell.get().expect(INIT_FIRST);
            let request = Request::new(&req, &instance.fields, &fields, &candidates, &instance.regions);
            instance.policy.route(&request)
        })
    }
}

/// For hooks that no candidates are passed to.
fn no_candidates() -> types::Candidates {
    types::Candidates { width: COLUMNS as u32, cells: Vec::new() }
}

impl<P: Exported + Affinity> affinity::Guest for Component<P> {
    fn key(req: types::Request, fields: types::Fields) -> Option<Vec<u8>> {
        P::with(|cell| cell.get().expect(INIT_FIRST).key(&req, &fields))
    }
}

impl<P: Affinity> Instance<P> {
    pub(crate) fn key(&self, req: &types::Request, fields: &[u8]) -> Option<Vec<u8>> {
        let candidates = no_candidates();
        self.policy.key(&Request::new(req, &self.fields, fields, &candidates, &self.regions))
    }
}

impl<P: Exported + Watch> health::Guest for Component<P> {
    fn watch(now_ms: f64, entropy: f64, changes: Vec<health::Change>) -> u32 {
        P::with(|cell| cell.get().expect(INIT_FIRST).watch(now_ms, entropy, &changes))
    }
}

impl<P: Watch> Instance<P> {
    /// The pause that it asks for, milliseconds; 0 is until a region changes.
    pub(crate) fn watch(&self, now_ms: f64, entropy: f64, changes: &[health::Change]) -> u32 {
        let pause = self.policy.watch(&Changes::new(now_ms, entropy, changes, &self.regions));
        pause.map_or(0, |pause| u32::try_from(pause.as_millis().max(1)).unwrap_or(u32::MAX))
    }
}

impl<P: Exported + Response> response::Guest for Component<P> {
    fn response(
        req: types::Request,
        answer: response::Outcome,
        fields: types::Fields,
        response_fields: types::Fields,
    ) -> Reaction {
        P::with(|cell| cell.get().expect(INIT_FIRST).response(&req, answer, &fields, &response_fields))
    }
}

impl<P: Response> Instance<P> {
    pub(crate) fn response(
        &self,
        req: &types::Request,
        answer: response::Outcome,
        fields: &[u8],
        response_fields: &[u8],
    ) -> Reaction {
        let candidates = no_candidates();
        let request = Request::new(req, &self.fields, fields, &candidates, &self.regions);
        self.policy.response(&request, &Answer::new(answer, &self.response_fields, response_fields, &self.regions))
    }
}
