//! The admin listener and the conductor behind it, over real sockets and with real files.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::config;
use crate::control::conductor::{self, Spec};
use crate::control::load::Loader;
use crate::policy::{Engine, EngineSettings};
use crate::snapshot::alarm::{self, Alarms};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::LocalSet;

/// A control plane over a configuration in a folder of its own.
struct Plane {
    folder: tempfile::TempDir,
    file: PathBuf,
    address: SocketAddr,
    published: Published,
    alarms: Alarms,
}

const FILE: &str = r#"
[pop]
name = "fra1"
location = { latitude = 50.1, longitude = 8.7 }
[[listeners]]
address = "127.0.0.1:0"
[[routes]]
path = "/"
service = "shop"
[services.shop.regions.eu]
location = { latitude = 50.0, longitude = 8.0 }
endpoints = ["http://127.0.0.1:9", "http://localhost:9"]
[services.shop.regions.us]
location = { latitude = 39.0, longitude = -77.5 }
endpoints = ["http://127.0.0.1:10"]
"#;

/// Starts conductor and admin listener; must be called inside a `LocalSet`.
async fn start(token: Option<&str>) -> Plane {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("edge.toml");
    std::fs::write(&file, FILE).unwrap();
    let boot = config::load(&file).unwrap().boot;
    let engine = Engine::new(&EngineSettings { workers: 1, cache: None }).unwrap();
    let loader = Loader::new(file.clone(), boot, engine).unwrap();
    let metrics = Metrics::new();
    let (alarms, raised) = alarm::channel(metrics.events_dropped.clone());
    let (first, published) = oneshot::channel();
    let clock = Clock::start();
    let spec = Spec {
        loader,
        listeners: vec!["127.0.0.1:8080".parse().unwrap()],
        admin: None,
        lost_lines: Box::new(|| 3),
        metrics: metrics.clone(),
        clock,
        alarms: raised,
        first,
    };
    let (control, running) = conductor::start(spec);
    tokio::task::spawn_local(running);
    let published = published.await.unwrap().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let store = Arc::new(Store::new(1 << 20));
    let admin = Admin { control, published: published.clone(), metrics, store, clock, token: token.map(str::to_owned) };
    tokio::task::spawn_local(serve(listener, admin));
    Plane { folder, file, address, published, alarms }
}

impl Plane {
    async fn ask(&self, method: &str, path: &str, headers: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request =
            format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{headers}\r\n", self.address);
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    async fn document(&self, method: &str, path: &str) -> (u16, Value) {
        let (status, body) = self.ask(method, path, "").await;
        (status, serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}")))
    }

    /// Asks for the status until it is as wanted.
    async fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let begun = crate::base::clock::monotonic();
        loop {
            let (_, document) = self.document("GET", "/status").await;
            if wanted(&document) {
                return document;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "never: {what}\n{document:#}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, test);
}

#[test]
fn status_names_everything() {
    run(async {
        let plane = start(None).await;
        let (code, status) = plane.document("GET", "/status").await;
        assert_eq!(code, 200);
        assert_eq!((&status["pop"], &status["config"]["generation"]), (&"fra1".into(), &1.into()));
        assert_eq!(status["listeners"][0]["address"], "127.0.0.1:8080");
        let eu = &status["services"]["shop"]["regions"]["eu"];
        assert_eq!((&eu["health"], &eu["admin"], &eu["in_flight"]), (&"unknown".into(), &"on".into(), &0.into()));
        assert_eq!(eu["endpoints"][0]["address"], "127.0.0.1:9");
        assert!(eu["endpoints"][1]["address"].as_str().unwrap().ends_with(":9"), "names are resolved at start: {eu:#}");
        let (code, metrics) = plane.ask("GET", "/metrics", "").await;
        assert_eq!(code, 200);
        assert!(metrics.contains(r#"portolan_region_health{service="shop",region="us"} 1"#), "{metrics}");
    });
}

#[test]
fn regions_and_the_pop_are_drained() {
    run(async {
        let plane = start(None).await;
        let before = plane.published.load().version;
        let (code, answer) = plane.document("POST", "/drain?service=shop&region=eu").await;
        assert_eq!((code, &answer["admin"]), (200, &"drain".into()));
        let snapshot = plane.published.load();
        assert!(snapshot.version > before, "published before it is answered");
        assert_eq!(snapshot.services[0].table.regions[0].admin, crate::steer::table::Admin::Drain);
        let (code, answer) = plane.document("POST", "/drain?service=shop&region=asia").await;
        assert_eq!(
            (code, &answer["error"]),
            (404, &"there is no region shop/asia; there are: shop/eu, shop/us".into())
        );
        assert_eq!(plane.document("POST", "/drain?state=off").await.0, 400);
        assert_eq!(plane.document("POST", "/drain").await.0, 200);
        assert!(plane.published.load().draining);
        plane.document("POST", "/drain?state=on").await;
        assert!(!plane.published.load().draining);
        assert_eq!(plane.document("GET", "/drain").await.0, 405);
        assert_eq!(plane.document("GET", "/nothing").await.0, 404);
    });
}

#[test]
fn a_refused_reload_keeps_serving_and_says_why() {
    run(async {
        let plane = start(None).await;
        plane.document("POST", "/drain?service=shop&region=us&state=off").await;
        std::fs::write(&plane.file, FILE.replace("\"shop\"", "\"shoop\"")).unwrap();
        let (code, answer) = plane.document("POST", "/reload").await;
        assert_eq!(code, 422, "{answer:#}");
        assert!(answer["text"].as_str().unwrap().contains("shoop"), "{answer:#}");
        assert_eq!(plane.published.load().generation, 1);
        let status = plane.document("GET", "/status").await.1;
        assert_eq!(status["config"]["last_reload"]["ok"], false);

        std::fs::write(&plane.file, FILE.replace("fra1", "fra2")).unwrap();
        let (code, answer) = plane.document("POST", "/reload").await;
        assert_eq!(code, 200, "{answer:#}");
        let snapshot = plane.published.load();
        assert_eq!((&*snapshot.pop, snapshot.generation >= 2), ("fra2", true));
        assert_eq!(snapshot.services[0].table.regions[1].admin, crate::steer::table::Admin::Off, "the switch is kept");
    });
}

#[test]
fn a_new_name_has_its_address_when_the_reload_is_answered() {
    run(async {
        let plane = start(None).await;
        std::fs::write(&plane.file, FILE.replace("http://127.0.0.1:10", "http://localhost:11")).unwrap();
        assert_eq!(plane.document("POST", "/reload").await.0, 200);
        let snapshot = plane.published.load();
        let us = &snapshot.services[0].endpoints[1][0];
        assert_eq!((us.spec.port, us.origin.as_ref().map(|origin| origin.address().port())), (11, Some(11)));
    });
}

#[test]
fn a_changed_file_is_loaded_by_itself() {
    run(async {
        let plane = start(None).await;
        std::fs::write(&plane.file, FILE.replace("fra1", "fra2")).unwrap();
        plane.until("the new name", |status| status["pop"] == "fra2").await;
        std::fs::write(&plane.file, "not a configuration").unwrap();
        let status = plane.until("a refusal", |status| status["config"]["last_reload"]["ok"] == false).await;
        assert_eq!(status["pop"], "fra2");
        let root = plane.folder.path().join("dist");
        let with_files = format!("{FILE}\n[[routes]]\npath = \"/assets/\"\nstatic = {{ root = \"dist\" }}\n");
        std::fs::write(&plane.file, &with_files).unwrap();
        let missing =
            |status: &Value| status["config"]["last_reload"]["text"].as_str().is_some_and(|t| t.contains("dist"));
        plane.until("the missing root", missing).await;
        // What stood in the way appears, and nobody touches the configuration.
        std::fs::create_dir(&root).unwrap();
        plane
            .until("the root", |status| status["pop"] == "fra1" && status["config"]["last_reload"]["ok"] == true)
            .await;
    });
}

#[test]
fn an_alarm_ejects_at_once() {
    run(async {
        let plane = start(None).await;
        let snapshot = plane.published.load();
        let endpoint = snapshot.endpoints().next().unwrap();
        for _ in 0..5 {
            endpoint.stats.observe(crate::snapshot::stats::Outcome::Failure);
        }
        plane.alarms.raise(endpoint.id);
        let ejected = |status: &Value| {
            let endpoint = &status["services"]["shop"]["regions"]["eu"]["endpoints"][0];
            endpoint["state"] == "ejected" && endpoint["ejected"]["cause"] == "failures in a row"
        };
        plane.until("the ejection", ejected).await;
        assert!(!plane.published.load().services[0].table.regions[0].endpoints[0].state.serves());
    });
}

#[test]
fn explain_says_where_a_request_would_go() {
    run(async {
        let plane = start(None).await;
        let (code, answer) = plane.document("GET", "/explain?client=81.2.69.142&url=http://a.example/x").await;
        assert_eq!((code, &answer["decision"]["action"]), (200, &"forward".into()), "{answer:#}");
        assert_eq!(answer["decision"]["targets"][0]["region"], "eu");
        assert_eq!(plane.document("GET", "/explain?client=81.2.69.142&url=/x").await.0, 400);
    });
}

#[test]
fn who_may_not_is_told_how() {
    run(async {
        let plane = start(Some("a long enough token")).await;
        assert_eq!(plane.ask("GET", "/status", "").await.0, 401);
        assert_eq!(plane.ask("GET", "/status", "authorization: Bearer no\r\n").await.0, 401);
        assert_eq!(plane.ask("GET", "/status", "authorization: Bearer a long enough token\r\n").await.0, 200);
        let plane = start(None).await;
        assert_eq!(plane.ask("POST", "/drain", "origin: https://evil.example\r\n").await.0, 403);
        assert!(!plane.published.load().draining);
    });
}
