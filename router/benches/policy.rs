//! Cost of the policy host: one verdict, and one load from the cache of compiled code.
//!
//! Asks the guest `good.wasm` (build it with `cargo xtask plugins`) through the whole host call: quarantine and
//! counters, deadline, arguments in, verdict out and converted. 8 fields, 8 candidates, 8 regions in the answer.
//! The target is a median of at most 1.2 us for `route`, and loads that let `portolan run` serve within 300 ms.
#![allow(clippy::unwrap_used, missing_docs, reason = "a bench")]

use criterion::{Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue};
use portolan::base::{Location, Timestamp};
use portolan::config::{Bucket, BucketQuota, Component, Isolation, OnError, Policy, PolicyLimits, Source};
use portolan::policy::{
    Ask, Candidate, CandidateHealth, Carried, Engine, EngineSettings, Loaded, Outcome, Reads, RegionDirectory,
    RegionInfo, View, WarmPool,
};
use portolan::steer::verdict::{Reaction, Verdict};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

fn guest(name: &str) -> PathBuf {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target").join(name);
    assert!(file.is_file(), "{} is missing: build it with `cargo xtask plugins`", file.display());
    file
}

fn policy(component: PathBuf) -> Policy {
    Policy {
        name: "good".into(),
        component: Component { source: Source::File(component), digest: None, signature: None },
        config: Arc::from(&b"{}"[..]),
        on_error: OnError::Default,
        limits: PolicyLimits { memory: 16 << 20, time: Duration::from_millis(2) },
        shadow: None,
        rollout: None,
        isolation: Isolation::Worker,
        kv: Vec::new(),
        http: None,
        config_at: None,
        component_at: None,
    }
}

fn directory() -> RegionDirectory {
    let region = |index: u32| RegionInfo {
        service: "shop".into(),
        name: format!("region-{index}").into(),
        labels: vec![("zone".to_owned(), "eu".to_owned())],
        location: Location::new(50.0, f64::from(index)).unwrap(),
        capacity: 1000,
    };
    RegionDirectory { generation: 1, regions: (0..8).map(region).collect() }
}

fn candidates() -> Vec<Candidate> {
    let candidate = |region: u32| Candidate {
        region,
        health: CandidateHealth::Healthy,
        health_age_s: 600,
        distance_km: 5_000 - region * 100,
        rtt_us: 20_000,
        latency_us: 30_000,
        in_flight: 7,
        weight: 100,
    };
    (0..8).map(candidate).collect()
}

fn question<'a>(fields: &'a [Option<&'a [u8]>], candidates: &'a [Candidate]) -> Ask<'a> {
    Ask {
        now: Timestamp(1_700_000_000_000),
        entropy: 0.5,
        client: Location::new(50.11, 8.68),
        pin: None,
        fields,
        candidates,
        first_region: 0,
        regions: 8,
        pin_cookie: Some("__Host-portolan"),
        view: View::Nothing,
        reads: Reads::Live,
    }
}

fn route(c: &mut Criterion) {
    let engine = Engine::new(&EngineSettings { workers: 1, cache: None }).unwrap();
    let directory = Arc::new(directory());
    let file = guest("guests/good.wasm");
    let bytes = std::fs::read(&file).unwrap();
    let loaded = Loaded::load(&engine, &policy(file), &bytes, &directory, Carried::default()).unwrap();
    let loaded = Arc::new(loaded);
    let fields: [Option<&[u8]>; 8] = [
        Some(b"GET"),
        Some(b"shop.example"),
        Some(b"/api/cart/items"),
        Some(b"DE"),
        Some(b"3320"),
        Some(b"tenant-42"),
        Some(b"0123456789abcdef0123456789abcdef"),
        None,
    ];
    let candidates = candidates();
    let ask = question(&fields, &candidates);
    let mut pool = WarmPool::new();
    let verdict = pool.route(&loaded, &directory, &ask).unwrap();
    assert!(matches!(&verdict, Verdict::Route(advice) if advice.order.len() == 8), "{verdict:?}");
    c.bench_function("policy/route 8 fields 8 candidates", |b| {
        b.iter(|| pool.route(&loaded, &directory, black_box(&ask)).unwrap());
    });
    // What a decision spends on a hook that the policy does not have: it looks, and goes on.
    assert!(!loaded.keys());
    c.bench_function("policy/hook not exported", |b| b.iter(|| black_box(&loaded).keys()));
    let fresh = Policy { isolation: Isolation::Request, ..policy(guest("guests/good.wasm")) };
    let fresh = Arc::new(Loaded::load(&engine, &fresh, &bytes, &directory, Carried::default()).unwrap());
    c.bench_function("policy/route 8 fields 8 candidates, isolated by request", |b| {
        // Of so many calls one may meet a machine that stands still for longer than the limit.
        b.iter(|| pool.route(&fresh, &directory, black_box(&ask)).is_ok());
    });
    c.bench_function("policy/fresh instance with init", |b| b.iter(|| loaded.rehearse(&directory).unwrap()));
}

/// The hooks that few policies export: what a call costs.
fn hooks(c: &mut Criterion) {
    let engine = Engine::new(&EngineSettings { workers: 1, cache: None }).unwrap();
    let directory = Arc::new(directory());
    let load = |name: &str, config: &'static [u8]| {
        let file = guest(name);
        let bytes = std::fs::read(&file).unwrap();
        let policy = Policy { config: Arc::from(config), ..policy(file) };
        Arc::new(Loaded::load(&engine, &policy, &bytes, &directory, Carried::default()).unwrap())
    };
    let keyed = load("guests/keyed.wasm", br#"{ "field": "header:x-user" }"#);
    let listener = load("guests/listener.wasm", br#"{ "note": 200 }"#);
    let fields: [Option<&[u8]>; 1] = [Some(b"user-4711")];
    let ask = question(&fields, &[]);
    let heard: [Option<&[u8]>; 1] = [Some(b"node-3")];
    let outcome = Outcome { region: 3, status: 200, attempt: 1, ttfb_us: 20_000, may_retry: true, fields: &heard };
    let mut pool = WarmPool::new();
    assert!(pool.key(&keyed, &directory, &ask).unwrap().is_some());
    assert!(matches!(pool.response(&listener, &directory, &ask, &outcome).unwrap(), Reaction::Amend(_)));
    c.bench_function("policy/affinity 1 field", |b| {
        b.iter(|| pool.key(&keyed, &directory, black_box(&ask)).unwrap());
    });
    c.bench_function("policy/response 2 fields 2 edits", |b| {
        b.iter(|| pool.response(&listener, &directory, black_box(&ask), &outcome).unwrap());
    });
}

/// What a call pays for what it reads beside what it is passed: look-ups, buckets, and their being noted for a record.
fn reads(c: &mut Criterion) {
    let engine = Engine::new(&EngineSettings { workers: 1, cache: None }).unwrap();
    let directory = Arc::new(directory());
    let file = guest("guests/viewer.wasm");
    let bytes = std::fs::read(&file).unwrap();
    let load = |config: &'static str| {
        let quota = BucketQuota { entries: 100, bytes: 100_000, value: 64 };
        let kv = vec![Bucket { name: "seen".into(), quota }];
        let policy = Policy { config: Arc::from(config.as_bytes()), kv, ..policy(file.clone()) };
        Arc::new(Loaded::load(&engine, &policy, &bytes, &directory, Carried::default()).unwrap())
    };
    let nothing = load(r#"{ "fields": ["lazy:header:x-user"] }"#);
    let field = load(r#"{ "fields": ["lazy:header:x-user"], "look": [0] }"#);
    let sum = load(r#"{ "fields": ["lazy:header:x-user"], "look": [0], "count": true }"#);
    let mut headers = HeaderMap::new();
    headers.insert("x-user", HeaderValue::from_static("user-4711"));
    let candidates = candidates();
    let live = Ask { view: View::Head { headers: &headers, query: None }, ..question(&[None], &candidates) };
    let noted = Ask { reads: Reads::Noted, ..live };
    let mut pool = WarmPool::new();
    for (name, policy, ask) in [
        ("policy/route that may look up", &nothing, live),
        ("policy/route with a look-up", &field, live),
        ("policy/route with a look-up and a sum in a bucket", &sum, live),
        ("policy/route with both, noted", &sum, noted),
    ] {
        c.bench_function(name, |b| {
            b.iter(|| {
                let verdict = pool.route(policy, &directory, black_box(&ask)).unwrap();
                (verdict, pool.noted())
            });
        });
    }
}

fn load(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let settings = EngineSettings { workers: 2, cache: Some(folder.path().to_owned()) };
    let directory = directory();
    let file = guest("guests/good.wasm");
    let bytes = std::fs::read(&file).unwrap();
    let good = policy(file);
    let engine = Engine::new(&settings).unwrap();
    Loaded::load(&engine, &good, &bytes, &directory, Carried::default()).unwrap();
    // A process that starts has no engine yet, so each turn makes one.
    c.bench_function("policy/engine", |b| b.iter(|| Engine::new(black_box(&settings)).unwrap()));
    c.bench_function("policy/load from the cache", |b| {
        b.iter(|| Loaded::load(&engine, black_box(&good), &bytes, &directory, Carried::default()).unwrap());
    });
    let uncached = Engine::new(&EngineSettings { workers: 2, cache: None }).unwrap();
    let mut slow = c.benchmark_group("policy");
    slow.sample_size(10);
    slow.bench_function("load and compile", |b| {
        b.iter(|| Loaded::load(&uncached, black_box(&good), &bytes, &directory, Carried::default()).unwrap());
    });
    slow.finish();
}

criterion_group!(benches, route, hooks, reads, load);
criterion_main!(benches);
