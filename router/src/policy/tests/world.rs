//! Assembles components from text and asks them.
//!
//! Owns the frame of a guest (memory, allocator, three exported functions) into which each test puts one body, and the
//! engine, region table and question that tests share.

use super::frame::{self, Hook};
use crate::base::{Location, Timestamp};
use crate::config::{Component, Isolation, OnError, Policy, PolicyLimits, Source};
use crate::policy::{
    Ask, Candidate, CandidateHealth, Carried, Engine, EngineSettings, LoadError, Loaded, Outcome, PolicyFailure, Reads,
    RegionDirectory, RegionInfo, View, WarmPool,
};
use crate::steer::verdict::{Reaction, Verdict};
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// A guest: bodies of its functions, each of which leaves the address of its result.
#[derive(Debug, Clone, Copy)]
pub(super) struct Core<'a> {
    /// What the component imports, from `frame`.
    pub(super) imports: &'a str,
    /// Hooks that it exports.
    pub(super) hooks: &'a [Hook],
    /// Version in the names of exports.
    pub(super) version: &'a str,
    /// Imports of the core module and its data.
    pub(super) head: &'a str,
    /// Body of `describe(config, config-len)`; 1024 is an empty manifest.
    pub(super) describe: &'a str,
    /// Body of `init`; 2048 is success.
    pub(super) init: &'a str,
    /// Body of `route`, with a parameter for each number of the contract; 3072 is `pass`. Has locals `$i`, `$n` and `$p`.
    pub(super) route: &'a str,
    /// Body of `key`, with a parameter for each number of the contract; 3584 is no key.
    pub(super) key: &'a str,
    /// Body of `response(params)`; 3840 is `pass`.
    pub(super) response: &'a str,
    /// Body of `watch(now, entropy, changes, changes-len)`; leaves the pause.
    pub(super) watch: &'a str,
    /// Initial pages of memory.
    pub(super) pages: u32,
}

/// A guest that wants nothing and passes.
pub(super) const PASS: Core<'static> = Core {
    imports: frame::BARE,
    hooks: &[Hook::Route],
    version: "0.1.0",
    head: "",
    describe: "i32.const 1024",
    init: "i32.const 2048",
    route: "i32.const 3072",
    key: "i32.const 3584",
    response: "i32.const 3840",
    watch: "i32.const 0",
    pages: 2,
};

impl Core<'_> {
    /// The core module alone.
    pub(super) fn module(&self) -> String {
        let Core { head, describe, init, route, key, response, watch, .. } = self;
        format!(
            r#"(core module $Guest
                (import "libc" "memory" (memory 1))
                (import "libc" "heap" (global $heap (mut i32)))
                {head}
                (func $spin (loop $again (br $again)))
                (func $deep (param i64) (result i64) (i64.add (call $deep (local.get 0)) (i64.const 1)))
                (func (export "describe") (param i32 i32) (result i32) {describe})
                (func (export "init") (param $config i32) (param $config_len i32) (param $regions i32)
                    (param $regions_len i32) (result i32) {init})
                (func (export "route") (param $now f64) (param $entropy f64)
                    (param $client i32) (param $latitude f64) (param $longitude f64)
                    (param $pin i32) (param $region i32) (param $region_id i32) (param $session_age i32) (param $pin_age i32)
                    (param $service i32) (param $fields i32) (param $fields_len i32)
                    (param $width i32) (param $cells i32) (param $cells_len i32)
                    (result i32) (local $i i32) (local $n i32) (local $p i32) {route})
                (func (export "key") (param $now f64) (param $entropy f64)
                    (param $client i32) (param $latitude f64) (param $longitude f64)
                    (param $pin i32) (param $region i32) (param $region_id i32) (param $session_age i32) (param $pin_age i32)
                    (param $service i32) (param $fields i32) (param $fields_len i32) (result i32) {key})
                (func (export "response") (param $params i32) (result i32) {response})
                (func (export "watch") (param $now f64) (param $entropy f64) (param $changes i32) (param $changes_len i32)
                    (result i32) {watch})
                (func (export "after") (param i32) (global.set $heap (i32.const 16384))))"#
        )
    }

    /// The component.
    pub(super) fn component(&self) -> Vec<u8> {
        let text = frame::component(&self.module(), self.imports, self.version, self.pages, self.hooks);
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Loads it under the name `guest`.
    pub(super) fn load(&self) -> Result<Arc<Loaded>, LoadError> {
        load_bytes(&self.component(), b"{}")
    }
}

/// One engine for all tests: its pool is a large reservation. The cache saves compiling the same guest in each test.
pub(super) fn engine() -> &'static Engine {
    static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
        let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tmp/policies");
        Engine::new(&EngineSettings { workers: 2, cache: Some(cache) }).unwrap()
    });
    &ENGINE
}

/// Loads a policy from these bytes.
pub(super) fn load_bytes(bytes: &[u8], config: &[u8]) -> Result<Arc<Loaded>, LoadError> {
    Loaded::load(engine(), &policy("guest.wasm".into(), config), bytes, &directory(), Carried::default()).map(Arc::new)
}

/// A configured policy.
pub(super) fn policy(component: std::path::PathBuf, config: &[u8]) -> Policy {
    let place = |line| crate::config::Place { file: "edge.toml".into(), line, column: 1 };
    Policy {
        name: "guest".into(),
        component: Component { source: Source::File(component), digest: None, signature: None },
        config: config.into(),
        on_error: OnError::Default,
        shadow: None,
        rollout: None,
        limits: PolicyLimits { memory: 4 << 20, time: Duration::from_millis(20) },
        isolation: Isolation::Worker,
        kv: Vec::new(),
        http: None,
        config_at: Some(place(8)),
        component_at: Some(place(7)),
    }
}

/// Regions 0 and 1 of another service, 2 to 5 of `shop`.
pub(super) fn directory() -> RegionDirectory {
    let region = |(service, name): (&str, &str)| RegionInfo {
        service: service.into(),
        name: name.into(),
        labels: vec![("zone".to_owned(), "eu".to_owned())],
        location: Location::new(50.0, 8.5).unwrap(),
        capacity: 9,
    };
    let all = [("blog", "a"), ("blog", "b"), ("shop", "a"), ("shop", "b"), ("shop", "c"), ("shop", "d")];
    RegionDirectory { generation: 1, regions: all.into_iter().map(region).collect() }
}

/// The candidates 2, 3 and 5.
pub(super) fn candidates() -> Vec<Candidate> {
    let candidate = |region| Candidate {
        region,
        health: CandidateHealth::Healthy,
        health_age_s: 11,
        distance_km: 12,
        rtt_us: 13,
        latency_us: 14,
        in_flight: 15,
        weight: 16,
    };
    [2, 3, 5].map(candidate).into()
}

/// A question at a time.
pub(super) fn ask_at<'a>(now: u64, fields: &'a [Option<&'a [u8]>], candidates: &'a [Candidate]) -> Ask<'a> {
    Ask {
        now: Timestamp(now),
        entropy: 0.5,
        client: None,
        pin: None,
        fields,
        candidates,
        first_region: 2,
        regions: 4,
        pin_cookie: Some("pin"),
        view: View::Nothing,
        reads: Reads::Live,
    }
}

/// A worker with its pool and the region table.
pub(super) struct Worker {
    pub(super) pool: WarmPool,
    pub(super) directory: Arc<RegionDirectory>,
}

impl Worker {
    pub(super) fn new() -> Self {
        Self { pool: WarmPool::new(), directory: Arc::new(directory()) }
    }

    /// Tells of an answer of region 3 with this status and this header.
    pub(super) fn hear(&mut self, policy: &Arc<Loaded>, status: u16, header: &[u8]) -> Result<Reaction, PolicyFailure> {
        let fields = [Some(header)];
        let outcome = Outcome { region: 3, status, attempt: 2, ttfb_us: 7, may_retry: true, fields: &fields };
        self.pool.response(policy, &self.directory, &ask_at(0, &[], &[]), &outcome)
    }

    /// Asks for a session's key.
    pub(super) fn key(
        &mut self,
        policy: &Arc<Loaded>,
        fields: &[Option<&[u8]>],
    ) -> Result<Option<Vec<u8>>, PolicyFailure> {
        let key = self.pool.key(policy, &self.directory, &ask_at(0, fields, &[]))?;
        Ok(key.map(|key| key.bytes().to_vec()))
    }

    /// Asks at a time, without fields.
    pub(super) fn ask(&mut self, policy: &Arc<Loaded>, now: u64) -> Result<Verdict, PolicyFailure> {
        self.pool.route(policy, &self.directory, &ask_at(now, &[], &candidates()))
    }
}
