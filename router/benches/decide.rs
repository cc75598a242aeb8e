//! What a whole decision costs: route, token, policies, regions, plan, from the facts of an exchange.
//!
//! Every snapshot is loaded from a configuration's text, as the router does it. Budgets: below 2 us for ten regions
//! without a policy, and no more than logarithmic growth with the number of routes. The policy is `session-pin.wasm`
//! (build it with `cargo xtask plugins`), asked on behalf of a new session and of one that carries a pin.
#![allow(clippy::unwrap_used, missing_docs, reason = "a bench is a test of speed")]

use criterion::{Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue, Method};
use portolan::base::{Timestamp, hash};
use portolan::config;
use portolan::control::load::Loader;
use portolan::decide::facts::{Client, Facts, Scheme};
use portolan::decide::{AskPolicy, Decision, decide};
use portolan::metrics::Metrics;
use portolan::policy::{Ask, Engine, EngineSettings, PolicyFailure, WarmPool};
use portolan::recording::writer;
use portolan::snapshot::build::{Inputs, Known};
use portolan::snapshot::{PolicyUse, Snapshot};
use portolan::steer::affinity::Token;
use portolan::steer::verdict::{SessionKey, Verdict};
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

const NOW: Timestamp = Timestamp(1_800_000_000_000);
const COOKIE: &str = "bench";

/// Warm instances, as a worker has them.
struct Warm(WarmPool);

impl AskPolicy for Warm {
    fn ask(&mut self, policy: &PolicyUse, ask: &Ask<'_>) -> Result<Verdict, PolicyFailure> {
        self.0.route(&policy.loaded, &policy.directory, ask)
    }

    fn key(&mut self, policy: &PolicyUse, ask: &Ask<'_>) -> Result<Option<SessionKey>, PolicyFailure> {
        self.0.key(&policy.loaded, &policy.directory, ask)
    }
}

/// A service with these policies in ten regions of two endpoints, and this many routes to it.
fn text(routes: usize, policies: &str) -> String {
    let mut text = String::from(
        "[pop]\nname = \"bench\"\nlocation = { latitude = 50.1, longitude = 8.7 }\n\
         [[listeners]]\naddress = \"127.0.0.1:0\"\n",
    );
    write!(text, "[geo]\noverrides = {{ \"198.51.100.0/24\" = \"DE\" }}\n{policies}").unwrap();
    for region in 0..10 {
        write!(
            text,
            "[services.shop.regions.region-{region}]\nlocation = {{ latitude = {}, longitude = {} }}\n\
             endpoints = [\"http://10.0.{region}.1:80\", \"http://10.0.{region}.2:80\"]\n",
            50 - region * 7,
            region * 30 - 150,
        )
        .unwrap();
    }
    for route in 0..routes {
        let (host, path) = (route % (routes / 5).max(1), route / (routes / 5).max(1));
        write!(text, "[[routes]]\nhost = \"host{host}.example\"\npath = \"/api/v{path}/\"\nservice = \"shop\"\n")
            .unwrap();
    }
    text
}

/// The same with a session pinned by the shipped policy.
fn pinned() -> String {
    let component = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/plugins/session-pin.wasm");
    assert!(component.is_file(), "{} is missing: build it with `cargo xtask plugins`", component.display());
    let component = component.display().to_string();
    format!(
        "[policies.session-pin]\ncomponent = {component:?}\n\
         [services.shop]\npolicies = [\"session-pin\"]\naffinity = {{ cookie = {COOKIE:?} }}\n"
    )
}

fn snapshot(text: &str) -> Arc<Snapshot> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("edge.toml");
    std::fs::write(&file, text).unwrap();
    let boot = config::load(&file).unwrap().boot;
    let engine = Engine::new(&EngineSettings { workers: 1, cache: None }).unwrap();
    let loaded = Loader::new(file, boot, engine).unwrap().config(None);
    let loaded = loaded.unwrap_or_else(|refusal| panic!("{}", refusal.diagnostics));
    let (known, metrics) = (Known::default(), Metrics::new());
    let (live, parts) = (&*loaded.live, &loaded.parts);
    let inputs = Inputs { generation: 1, now: NOW, live, parts, known: &known, draining: false, metrics: &metrics };
    Snapshot::build(&inputs, None)
}

/// The headers of a browser, with the token of a session when there is one.
fn headers(token: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("host", "host1.example"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        ("accept", "application/json"),
        ("accept-language", "de,en;q=0.7"),
        ("accept-encoding", "gzip, deflate, br"),
        ("referer", "https://host1.example/cart"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(token) = token {
        let value = HeaderValue::from_str(&format!("theme=dark; {COOKIE}={token}; lang=de")).unwrap();
        headers.insert("cookie", value);
    }
    headers
}

/// Measures decisions that must end in a plan.
fn measure(c: &mut Criterion, name: &str, snapshot: &Snapshot, headers: &HeaderMap) {
    decisions(c, name, snapshot, headers, |facts, warm| decide(snapshot, facts, warm, None));
}

/// The same, made in a way of one's own.
fn decisions<'s>(
    c: &mut Criterion,
    name: &str,
    snapshot: &'s Snapshot,
    headers: &HeaderMap,
    mut decide: impl FnMut(&Facts<'_>, &mut Warm) -> Decision<'s>,
) {
    let address = "198.51.100.7".parse().unwrap();
    let client = Client::new(address, snapshot.geo.locate(address), false);
    let mut warm = Warm(WarmPool::new());
    let mut count = 0;
    c.bench_function(name, |b| {
        b.iter(|| {
            count += 1;
            let facts = Facts {
                method: &Method::GET,
                scheme: Scheme::Http,
                host: "host1.example",
                path: "/api/v3/orders/17/items",
                query: Some("page=2"),
                headers: black_box(headers),
                client: &client,
                now: NOW,
                seed: hash::mix(count),
                loads: None,
                proven: None,
            };
            let decision = decide(&facts, &mut warm);
            assert!(matches!(decision, Decision::Forward(_)), "{decision:?}");
            decision
        });
    });
}

fn regions(c: &mut Criterion) {
    measure(c, "decide/10 regions", &snapshot(&text(10, "")), &headers(None));
}

fn routes(c: &mut Criterion) {
    for count in [10, 1_000, 10_000] {
        measure(c, &format!("decide/{count} routes"), &snapshot(&text(count, "")), &headers(None));
    }
}

fn sessions(c: &mut Criterion) {
    let snapshot = snapshot(&text(10, &pinned()));
    measure(c, "decide/session-pin, a new session", &snapshot, &headers(None));
    let region = &snapshot.services[0].table.regions[4];
    let token = Token::bind(None, &region.name, Some(region.endpoints[0].id), Default::default(), None, NOW);
    let token = snapshot.keys.encode(&token, &snapshot.services[0].table.name).unwrap();
    measure(c, "decide/session-pin, a pinned session", &snapshot, &headers(Some(&token)));
}

/// What is paid for knowing more: a shadow beside the policy, and a record of every decision.
fn watched(c: &mut Criterion) {
    let shadow = pinned().replace("policies = [\"session-pin\"]", "policies = [\"session-pin\", \"twin\"]");
    let (before, after) = shadow.split_once("[services.shop]").unwrap();
    let twin = before.replace("policies.session-pin", "policies.twin") + "shadow = true\nreplaces = \"session-pin\"\n";
    let with_shadow = snapshot(&text(10, &format!("{before}{twin}[services.shop]{after}")));
    measure(c, "decide/session-pin, a shadow beside it", &with_shadow, &headers(None));
    let (folder, snapshot) = (tempfile::tempdir().unwrap(), snapshot(&text(10, &pinned())));
    let record =
        config::Record { file: folder.path().join("decisions"), share: 1.0, size: 64 << 20, redact: Vec::new() };
    let (recorder, thread) = writer::start(&record, &Metrics::new()).unwrap();
    decisions(c, "decide/session-pin, recorded", &snapshot, &headers(None), |facts, warm| {
        recorder.decide(&snapshot, facts, warm)
    });
    drop(recorder);
    thread.join().unwrap();
}

criterion_group!(benches, regions, routes, sessions, watched);
criterion_main!(benches);
