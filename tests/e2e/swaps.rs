//! Policies that are replaced again and again under load: nothing is lost, nothing stays behind, nobody waits.

use portolan_tests::scripts::{Gate, gated, named};
use portolan_tests::site::{FRANKFURT, IN_GERMANY, Service, TOKYO, policy};
use portolan_tests::{Ask, Client, Load, Pop, binaries, wait_until};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// Swaps of the policy; after the first fifth memory has to be flat.
const SWAPS: usize = 100;
/// Policies that one reload compiles.
const MORE: usize = 10;

/// Puts a component in its place whose digest is another for each number: a custom section (id 0, its length, the length
/// of its name, its name) changes no code.
fn put(file: &Path, component: &[u8], number: usize) {
    let name = format!("swap-{number:05}");
    let length = u8::try_from(name.len()).unwrap();
    let fresh = file.with_extension("fresh");
    std::fs::write(&fresh, [component, &[0, length + 1, length], name.as_bytes()].concat()).unwrap();
    std::fs::rename(fresh, file).unwrap();
}

/// Resident memory of the router, KiB.
fn resident(pop: &mut Pop) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pop.process().id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_hundred_swaps_under_load_leave_nothing_behind() {
    let gate = Gate::default();
    let (one, slow) = (named("one"), gated("slow", &gate));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("good.wasm");
    let whole = std::fs::read(binaries::guest("good")).unwrap();
    put(&file, &whole, 0);
    let shop = Service::new("shop").with("policies = [\"good\"]").region(FRANKFURT, &[one.url()]);
    let patient = "policies = [\"good\"]\ntimeout = { response = \"1h\", total = \"1h\" }";
    let late = Service::new("late").with(patient).region(TOKYO, &[slow.url()]);
    let route = "[[routes]]\nhost = \"late.example\"\npath = \"/\"\nservice = \"late\"\n";
    let good = policy("good", &file, "{}", "limits = { time = \"500ms\" }");
    let mut pop = Pop::start_in(folder, &(shop.site() + &late.text() + route + &good));
    let file = pop.folder().join("good.wasm");
    let load = Load::start(pop.address(), 4, 100, |_| Ask::get("/").from(IN_GERMANY));
    load.run_on(20);
    // Sent on by the first of a hundred policies, answered under the last.
    let mut in_flight = Client::to(pop.address());
    in_flight.send(&Ask::get("/").host("late.example").bytes());
    wait_until("a request is with the slow origin", || slow.seen().len() == 1);
    let mut digests = std::collections::BTreeSet::new();
    let mut warmed = 0;
    for number in 1..=SWAPS {
        // Two versions in turn: compiled once each, loaded a hundred times.
        put(&file, &whole, number % 2);
        assert_eq!(pop.reload().status, 200);
        digests.insert(pop.status_of("/policies/good/digest").to_string());
        load.run_on(2);
        if number == SWAPS / 5 {
            warmed = resident(&mut pop);
        }
    }
    assert_eq!(digests.len(), 2, "each reload took the file as it was");
    let instances = || pop.metrics().count("portolan_policy_instances", &[("policy", "good")]);
    wait_until("each worker has one, and one of the policy of the request in flight", || instances() <= 4);
    gate.open();
    assert_eq!(in_flight.answer("GET").unwrap().text(), "slow");
    assert!(slow.seen()[0].field("x-guest-bytes").is_some(), "its policy had spoken");
    drop(in_flight);
    wait_until("each worker has one", || instances() <= 2);
    let report = load.stop();
    assert_eq!(report.bad(), 0, "{report:?}");
    let grown = resident(&mut pop).saturating_sub(warmed);
    // A policy that stayed would keep its code and an instance: a hundred KiB and more for each of eighty.
    assert!(grown < 6 << 10, "grew by {grown} KiB from {warmed} KiB over {} swaps", SWAPS - SWAPS / 5);
    pop.wait_quiet();
}

#[test]
fn compiling_stops_no_worker() {
    let one = named("one");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("residency.wasm");
    let whole = std::fs::read(binaries::plugin("residency")).unwrap();
    put(&file, &whole, 0);
    let config = format!("{{ allow = [\"{}\"] }}", FRANKFURT.0);
    // More that one reload compiles, so that it takes many requests' time on any machine.
    let more = |version: usize| (1..MORE).map(move |number| (format!("more-{number}"), version * MORE + number));
    let names: Vec<String> = std::iter::once("slow".to_owned()).chain(more(0).map(|(name, _)| name)).collect();
    let shop = Service::new("shop").with(&format!("policies = {names:?}")).region(FRANKFURT, &[one.url()]);
    more(0).for_each(|(name, number)| put(&folder.path().join(name), &whole, number));
    // No folder for compiled policies: every version is compiled.
    let site = shop.site().replace("policy_cache = \"@policy_cache@\"\n", "");
    let also = |(name, _): (String, usize)| {
        policy(&name, &folder.path().join(&name), &config, "limits = { time = \"500ms\" }")
    };
    let also: String = more(0).map(also).collect();
    let pop = Pop::start_in(folder, &(site + &policy("slow", &file, &config, "limits = { time = \"500ms\" }") + &also));
    let file = pop.folder().join("residency.wasm");
    let before = pop.status_of("/policies/slow/digest");
    let over = AtomicBool::new(false);
    let answered = std::thread::scope(|scope| {
        scope.spawn(|| {
            put(&file, &whole, MORE);
            more(1).for_each(|(name, number)| put(&pop.folder().join(name), &whole, number));
            assert_eq!(pop.reload().status, 200);
            over.store(true, SeqCst);
        });
        let mut answered = 0;
        while !over.load(SeqCst) {
            assert_eq!(pop.ask(&Ask::get("/").from(IN_GERMANY)).status, 200);
            answered += usize::from(!over.load(SeqCst));
        }
        answered
    });
    assert!(answered >= 2, "{answered} requests were answered while a policy was compiled");
    assert_ne!(pop.status_of("/policies/slow/digest"), before);
}
