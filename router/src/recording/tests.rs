//! What is written is read back as it was.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::line::{Decided, Exact, Line, Octets, World};
use super::{reader, world, writer};
use crate::base::Timestamp;
use crate::config::Record;
use crate::metrics::Metrics;
use crate::snapshot::build::tests::{build, config, parts};
use crate::snapshot::build::{EndpointKnown, Known, RegionKey, RegionKnown};
use crate::steer::table::{Admin, EndpointState, Health};
use std::path::Path;
use std::time::Duration;

const TWO: [(&str, &[&str]); 2] =
    [("eu", &["http://127.0.0.1:1", "http://127.0.0.1:2"]), ("us", &["http://127.0.0.1:3"])];

#[test]
fn a_world_is_restored_as_it_was() {
    let live =
        config(&TWO, "affinity = { mode = \"temporary\" }\nfence = [\"us\"]\nmetric = \"pop-rtt\"\npanic = 0.3\n").live;
    let mut known = Known::default();
    let region = RegionKnown {
        admin: Admin::Drain,
        health: Health::Degraded,
        since: Timestamp(900),
        returned_at: Some(Timestamp(800)),
        rtt: Some(Duration::from_micros(1234)),
        spill: 0.1 + 0.2,
    };
    known.regions.insert(RegionKey { service: "shop".into(), region: "us".into() }, region);
    let id = live.services[0].regions[0].endpoints[1].id;
    let endpoint = EndpointKnown { state: EndpointState::Ejected, returned_at: Some(Timestamp(7)), address: None };
    known.endpoints.insert(id, endpoint);
    let snapshot = build(&live, &parts(&live), &known, None);
    let line = world::line(1, &snapshot.pop, &snapshot.services[0]);
    let text = serde_json::to_string(&line).unwrap();
    let read: World = serde_json::from_str(&text).unwrap();
    assert_eq!(read, line);
    let (live, known) = world::restored(&read).unwrap();
    let again = build(&live, &parts(&live), &known, None);
    assert_eq!(world::line(1, &again.pop, &again.services[0]), line);
    // Its retries and the URLs of endpoints have no part in a decision and are not written.
    for (read, what) in [
        (World { fence: vec![2], ..line.clone() }, "a fence around"),
        (World { regions: Vec::new(), ..line.clone() }, "a world of 0 regions"),
        (World { place: (Exact(95.0), Exact(0.0)), ..line.clone() }, "is no place"),
    ] {
        assert!(world::restored(&read).unwrap_err().contains(what), "{what}");
    }
}

#[test]
fn numbers_and_bytes_are_exact() {
    for number in [0.1 + 0.2, f64::MIN_POSITIVE, -0.0, 50.11] {
        let text = serde_json::to_string(&Exact(number)).unwrap();
        assert_eq!(serde_json::from_str::<Exact>(&text).unwrap().0.to_bits(), number.to_bits(), "{text}");
    }
    for bytes in [&b"text"[..], b"\xff\x00", b""] {
        let text = serde_json::to_string(&Octets(bytes.to_vec())).unwrap();
        assert_eq!(serde_json::from_str::<Octets>(&text).unwrap().0, bytes, "{text}");
    }
    assert!(serde_json::from_str::<Exact>("\"inf\"").is_err());
}

fn opened(folder: &Path, text: &str) -> String {
    let path = folder.join("decisions");
    std::fs::write(&path, text).unwrap();
    match reader::Lines::open(&path) {
        Ok(lines) => lines.filter_map(Result::err).map(|error| error.to_string()).next().unwrap_or_default(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_is_no_record_is_told_apart_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let head = "{\"portolan-record\":{\"version\":1,\"share\":\"1.0\",\"redacted\":[]}}\n";
    let decided = Decided {
        world: 1,
        now: 2,
        seed: u64::MAX,
        fields: [("path".to_owned(), Octets(b"/".to_vec()))].into(),
        redacted: Vec::new(),
        client: None,
        session: None,
        loads: vec![vec![(1, 2)]],
        said: Vec::new(),
        keys: Vec::new(),
        rollouts: Vec::new(),
        kept: Vec::new(),
        served: "eu".to_owned(),
        targets: vec![(0, 0)],
    };
    let line = serde_json::to_string(&Line::Decision(Box::new(decided))).unwrap() + "\n";
    for (text, expected) in [
        (format!("{head}{line}"), ""),
        ("GET / HTTP/1.1\n".to_owned(), "decisions:1: this is no record of decisions"),
        (String::new(), "decisions:1: this is no record"),
        (head.replace("\":1,", "\":7,"), "decisions:1: this record has version 7; this portolan reads 1"),
        (format!("{head}{line}{}", &line[..40]), "decisions:3: the line is cut short"),
        (format!("{head}{line}{{\"decision\":{{}}}}\n"), "decisions:3: missing field"),
        (format!("{head}{head}"), "decisions:2: another record begins here"),
    ] {
        let told = opened(folder.path(), &text);
        assert!(told.contains(expected) && told.is_empty() == expected.is_empty(), "{text:?}: {told}");
    }
}

#[test]
fn a_file_that_is_no_record_is_not_replaced_and_one_that_is_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("decisions");
    let record = Record { file: file.clone(), share: 1.0, size: 1 << 20, redact: Vec::new() };
    std::fs::write(&file, "my notes\n").unwrap();
    let error = writer::start(&record, &Metrics::new()).unwrap_err().to_string();
    assert!(error.contains("is no record of decisions"), "{error}");
    std::fs::remove_file(&file).unwrap();
    for kept in [false, true] {
        let (recorder, thread) = writer::start(&record, &Metrics::new()).unwrap();
        drop(recorder);
        thread.join().unwrap();
        assert_eq!(folder.path().join("decisions.1").exists(), kept);
        assert!(reader::Lines::open(&file).unwrap().next().is_none());
    }
}
