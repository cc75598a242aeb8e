//! Unit tests of a policy without any Wasm: a world of regions, requests in it, verdicts as text.
//!
//! Mirrors what the host passes (candidates nearest first, fields in the order of the manifest) and checks none of what the host
//! enforces. Compiled into every build, for a library cannot know who tests with it; a component that does not call it lacks it.
//!
//! ```
//! use portolan_policy::{testing::World, Health};
//! # use portolan_policy::{NoConfig, Plan, Policy, Regions, Request, Verdict};
//! # struct Nearest;
//! # impl Policy for Nearest {
//! #     type Config = NoConfig;
//! #     fn new(_: NoConfig, _: &Regions) -> Result<Self, String> { Ok(Self) }
//! #     fn route(&self, request: &Request<'_>) -> Verdict {
//! #         Plan::to(request.candidates().filter(|c| c.takes_new()).map(|c| c.id()).take(1)).into()
//! #     }
//! # }
//! let world = World::new().region("eu-west", &[("zone", "eu")]).region("us-east", &[]);
//! let policy = world.load::<Nearest>("{}").unwrap();
//! assert_eq!(policy.ask(world.request()), "route eu-west");
//! assert_eq!(policy.ask(world.request().health("eu-west", Health::Down, 5)), "route us-east");
//! ```

mod watching;

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::bindings::portolan::policy::types;
use crate::bindings::response::exports::portolan::policy::response::Outcome;
use crate::guest::Instance;
use crate::request::{COLUMNS, packed};
use crate::{
    Affinity, CacheAction, EditOp, Health, Level, Location, Manifest, PinAction, Plan, Policy, Reaction, RegionId,
    RegionInfo, Regions, Response, Verdict, guest,
};

#[cfg(not(target_arch = "wasm32"))]
pub use watching::{asked, fail, serve};

/// The service of every region and request, unless a test says otherwise.
pub const SERVICE: &str = "shop";

/// Regions to test in. The order in which they are added is their nearness.
#[derive(Debug, Clone, Default)]
pub struct World {
    regions: Vec<RegionInfo>,
}

impl World {
    /// No regions yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a region with these labels.
    #[must_use]
    pub fn region(self, name: &str, labels: &[(&str, &str)]) -> Self {
        self.region_of(SERVICE, name, labels)
    }

    /// Adds a region of another service.
    #[must_use]
    pub fn region_of(mut self, service: &str, name: &str, labels: &[(&str, &str)]) -> Self {
        self.regions.push(RegionInfo {
            id: RegionId::try_from(self.regions.len()).expect("a test has few regions"),
            service: service.to_owned(),
            name: name.to_owned(),
            labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            location: Location { latitude: 0.0, longitude: 0.0 },
            capacity: 0,
        });
        self
    }

    /// Loads a policy as the host would: `describe`, then `new`.
    pub fn load<P: Policy>(&self, config: &str) -> Result<Loaded<P>, String> {
        let manifest = guest::describe::<P>(config.as_bytes())?;
        Ok(Loaded { manifest, instance: Instance::new(config.as_bytes(), self.regions.clone())? })
    }

    /// A request of an unpinned client to [`SERVICE`], all of whose regions are healthy candidates.
    pub fn request(&self) -> Request {
        self.request_to(SERVICE)
    }

    /// The same for another service.
    pub fn request_to(&self, service: &str) -> Request {
        let regions: Vec<RegionInfo> =
            self.regions.iter().filter(|region| region.service == service).cloned().collect();
        let candidates = (0u32..).zip(&regions).map(|(place, region)| Candidate {
            region: region.id,
            health: Health::Healthy,
            health_age_s: 3600,
            distance_km: 100 * (place + 1),
            rtt_us: 0,
            latency_us: 0,
            in_flight: 0,
            weight: 100,
        });
        Request {
            candidates: candidates.collect(),
            raw: types::Request {
                now_ms: 1_800_000_000_000.0,
                entropy: 0.5,
                client: None,
                pin: None,
                service: regions.first().map_or(RegionId::MAX, |region| region.id),
            },
            fields: BTreeMap::new(),
            payload: None,
            former_region: None,
            regions,
        }
    }
}

/// A request to ask a policy about.
#[derive(Debug, Clone)]
pub struct Request {
    raw: types::Request,
    fields: BTreeMap<String, Vec<u8>>,
    payload: Option<Vec<u8>>,
    former_region: Option<String>,
    candidates: Vec<Candidate>,
    regions: Vec<RegionInfo>,
}

/// A region that may serve a request, in the words of the contract's `column`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "wit/policy.wit has them")]
pub struct Candidate {
    pub region: RegionId,
    pub health: Health,
    pub health_age_s: u32,
    pub distance_km: u32,
    pub rtt_us: u32,
    pub latency_us: u32,
    pub in_flight: u32,
    pub weight: u32,
}

impl Candidate {
    fn row(&self) -> [u32; COLUMNS] {
        [
            self.region,
            self.health as u32,
            self.health_age_s,
            self.distance_km,
            self.rtt_us,
            self.latency_us,
            self.in_flight,
            self.weight,
        ]
    }
}

impl Request {
    /// The request has this field, such as `client.country` or `header:x-tenant`.
    #[must_use]
    pub fn field(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.fields.insert(name.to_owned(), value.as_ref().to_vec());
        self
    }

    /// A region has been in this state for so many seconds.
    #[must_use]
    pub fn health(mut self, region: &str, health: Health, age_s: u32) -> Self {
        let id = self.id(region);
        for candidate in self.candidates.iter_mut().filter(|candidate| candidate.region == id) {
            (candidate.health, candidate.health_age_s) = (health, age_s);
        }
        self
    }

    /// A region is no candidate: switched off, or outside an earlier fence.
    #[must_use]
    pub fn without(mut self, region: &str) -> Self {
        let id = self.id(region);
        self.candidates.retain(|candidate| candidate.region != id);
        self
    }

    /// The session is pinned to this region, which may be one that is no longer configured.
    #[must_use]
    pub fn pinned(mut self, region: &str, payload: impl AsRef<[u8]>) -> Self {
        let id = self.regions.iter().find(|known| known.name == region).map(|known| known.id);
        self.raw.pin = Some(types::Pin { region: id, session_age_s: 600, pin_age_s: 600 });
        self.payload = Some(payload.as_ref().to_vec());
        self.former_region = id.is_none().then(|| region.to_owned());
        self
    }

    /// The time of the request, milliseconds since 1970.
    #[must_use]
    pub fn at(mut self, now_ms: f64) -> Self {
        self.raw.now_ms = now_ms;
        self
    }

    /// The entropy of the request, in [0, 1).
    #[must_use]
    pub fn entropy(mut self, entropy: f64) -> Self {
        self.raw.entropy = entropy;
        self
    }

    /// Where the client is.
    #[must_use]
    pub fn client(mut self, latitude: f64, longitude: f64) -> Self {
        self.raw.client = Some(Location { latitude, longitude });
        self
    }

    /// The candidates, for a test that needs more than the methods above.
    pub fn candidates_mut(&mut self) -> &mut Vec<Candidate> {
        &mut self.candidates
    }

    /// What calls about this request see beside what they are passed: its time, and what may be looked up.
    #[cfg(not(target_arch = "wasm32"))]
    fn begin(&self, names: &[String]) {
        crate::kept::set_time(self.raw.now_ms);
        let lazy = |name: &String| Some(self.fields.get(name.strip_prefix("lazy:")?).cloned());
        crate::view::show(names.iter().map(lazy).collect());
    }

    /// These fields and those that every call has, as the contract has them.
    fn values(&self, names: &[String]) -> Vec<u8> {
        let declared = names.iter().map(|name| self.fields.get(name).map(Vec::as_slice));
        let behind = [self.payload.as_deref(), self.former_region.as_deref().map(str::as_bytes)];
        packed(declared.chain(behind))
    }

    fn id(&self, region: &str) -> RegionId {
        match self.regions.iter().find(|known| known.name == region) {
            Some(known) => known.id,
            None => panic!("there is no region `{region}` in this test"),
        }
    }
}

/// A policy loaded in a [`World`].
#[derive(Debug)]
pub struct Loaded<P> {
    manifest: Manifest,
    instance: Instance<P>,
}

impl<P: Policy> Loaded<P> {
    /// What the policy said of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The verdict on a request.
    pub fn verdict(&self, request: Request) -> Verdict {
        #[cfg(not(target_arch = "wasm32"))]
        request.begin(&self.manifest.fields);
        let Instance { policy, fields, regions, .. } = &self.instance;
        let values = request.values(fields);
        let cells = request.candidates.iter().flat_map(Candidate::row).collect();
        let candidates = types::Candidates { width: COLUMNS as u32, cells };
        policy.route(&crate::Request::new(&request.raw, fields, &values, &candidates, regions))
    }

    /// The verdict as text: see [`text`].
    pub fn ask(&self, request: Request) -> String {
        text(&self.verdict(request), &self.instance.regions)
    }
}

impl<P: Response> Loaded<P> {
    /// What the policy makes of this status and these headers from the region of this name, at the first attempt.
    pub fn hear(&self, request: Request, region: &str, status: u16, headers: &[(&str, &str)]) -> Reaction {
        let outcome = Outcome { region: request.id(region), status, attempt: 1, ttfb_us: 20_000, may_retry: true };
        let named = |field: &String| {
            let header = headers.iter().find(|(name, _)| field.strip_prefix("header:") == Some(*name));
            header.map(|(_, value)| value.as_bytes())
        };
        let heard = packed(self.instance.response_fields.iter().map(named));
        #[cfg(not(target_arch = "wasm32"))]
        request.begin(&self.manifest.fields);
        self.instance.response(&request.raw, outcome, &request.values(&self.instance.fields), &heard)
    }
}

impl<P: Affinity> Loaded<P> {
    /// The session's key, as text; none when the policy gives none.
    pub fn key(&self, request: Request) -> Option<String> {
        #[cfg(not(target_arch = "wasm32"))]
        request.begin(&self.manifest.fields);
        let values = request.values(&self.instance.fields);
        let key = self.instance.key(&request.raw, &values)?;
        Some(String::from_utf8_lossy(&key).into_owned())
    }
}

/// Most lines, and writes to metrics, that are kept until a test asks for them.
#[cfg(not(target_arch = "wasm32"))]
const HEARD_MAX: usize = 1_000;

/// What was written to a metric: its place, the label's place, the value.
type Written = (u32, u32, f64);

std::thread_local! {
    static MEASURED: RefCell<Vec<Written>> = const { RefCell::new(Vec::new()) };
    static HEARD: RefCell<Vec<(Level, String)>> = const { RefCell::new(Vec::new()) };
}

/// Keeps a line that a policy logged on this thread.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn hear(level: Level, message: &str) {
    HEARD.with_borrow_mut(|heard| {
        if heard.len() < HEARD_MAX {
            heard.push((level, message.to_owned()));
        }
    });
}

/// Keeps what a policy wrote to a metric on this thread.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn measure(metric: u32, label: u32, value: f64) {
    MEASURED.with_borrow_mut(|measured| {
        if measured.len() < HEARD_MAX {
            measured.push((metric, label, value));
        }
    });
}

/// What policies wrote to metrics on this thread since this was last asked: the place of the metric in the manifest, that of the
/// label value, and what was added, set or observed.
pub fn measured() -> Vec<(u32, u32, f64)> {
    MEASURED.take()
}

/// Empties the buckets of this thread: a table of cases that keep things begins each with this. A new test has none anyway.
#[cfg(not(target_arch = "wasm32"))]
pub fn forget_kept() {
    crate::kept::forget();
}

/// What policies logged on this thread since this was last asked.
pub fn logged() -> Vec<(Level, String)> {
    HEARD.take()
}

/// A verdict as one line, for tables: `pass`, `451 no region...`, or
/// `route eu-west,us-east fence=eu-west strict bind[home=eu-west]`. Lines of the payload are joined by `;`.
pub fn text(verdict: &Verdict, regions: &Regions) -> String {
    match verdict {
        Verdict::Pass => "pass".to_owned(),
        Verdict::Respond(reply) => format!("{} {}", reply.status, String::from_utf8_lossy(&reply.body)),
        Verdict::Route(plan) => plan_text(plan, regions),
    }
}

fn plan_text(plan: &Plan, regions: &Regions) -> String {
    let names = |ids: &[RegionId]| {
        let name = |id: &RegionId| regions.by_id(*id).map_or_else(|| format!("#{id}"), |region| region.name.clone());
        ids.iter().map(name).collect::<Vec<_>>().join(",")
    };
    let mut words = vec!["route".to_owned()];
    if !plan.order.is_empty() {
        words.push(names(&plan.order));
    }
    if let Some(fence) = &plan.fence {
        words.push(format!("fence={}", names(fence)));
    }
    words.extend(plan.strict.then(|| "strict".to_owned()));
    words.extend(plan.ext.iter().map(|(key, value)| format!("{key}={}", String::from_utf8_lossy(value))));
    match &plan.pin {
        PinAction::Keep => {}
        PinAction::Hold => words.push("hold".to_owned()),
        PinAction::Clear => words.push("clear".to_owned()),
        PinAction::Bind(binding) => {
            words.push(format!("bind[{}]", String::from_utf8_lossy(&binding.payload).replace('\n', ";")));
        }
    }
    match &plan.cache {
        CacheAction::Keep => {}
        CacheAction::Bypass => words.push("cache=bypass".to_owned()),
        CacheAction::Terms(terms) => {
            words.extend(terms.key.as_ref().map(|key| format!("cache-key={key}")));
            words.extend(terms.ttl_s.map(|seconds| format!("cache-ttl={seconds}s")));
        }
    }
    for edit in &plan.edits {
        let value = String::from_utf8_lossy(&edit.value);
        words.push(match edit.op {
            EditOp::Set => format!("{}:{value}", edit.name),
            EditOp::Add => format!("+{}:{value}", edit.name),
            EditOp::Remove => format!("-{}", edit.name),
        });
    }
    if plan.timeout_ms != 0 {
        words.push(format!("timeout={}ms", plan.timeout_ms));
    }
    words.join(" ")
}
