//! New configurations and files while requests are served: taken whole or not at all, and never noticed by a client.

use std::path::Path;

use portolan_tests::scripts::{Gate, gated, named};
use portolan_tests::site::{FRANKFURT, IN_GERMANY, IN_JAPAN, Service, TOKYO, policy};
use portolan_tests::{Ask, Client, Load, Pop, binaries, wait_until};

fn service(url: &str) -> Service {
    Service::new("shop").region(FRANKFURT, &[url.to_owned()])
}

#[test]
fn a_hundred_reloads_under_load_lose_nothing() {
    let (one, two) = (named("one"), named("two"));
    let text = |number: usize| {
        // Another set of regions, weights and policies each time, so that every part of a snapshot is built anew.
        let service = service(&one.url()).with(&format!("spill_from = 0.{}", 1 + number % 9));
        let service = if number.is_multiple_of(2) { service.region(TOKYO, &[two.url()]) } else { service };
        let good = policy("good", &binaries::guest("good"), "{}", "limits = { time = \"500ms\" }");
        match number % 3 {
            0 => service.with("policies = [\"good\"]").site() + &good,
            _ => service.site(),
        }
    };
    let pop = Pop::start(&text(0));
    let load = Load::start(pop.address(), 6, 150, |number| {
        Ask::get("/").from(if number.is_multiple_of(2) { IN_GERMANY } else { IN_JAPAN })
    });
    load.run_on(50);
    let first = pop.status_of("/config/generation").as_u64().unwrap();
    for number in 1..=100 {
        pop.change(&text(number));
    }
    load.run_on(50);
    let report = load.stop();
    assert_eq!(report.bad(), 0, "{report:?}");
    assert!(pop.status_of("/config/generation").as_u64().unwrap() >= first + 100);
    assert!(!one.seen().is_empty() && !two.seen().is_empty());
    pop.wait_quiet();
}

#[test]
fn a_broken_configuration_changes_nothing_and_is_named() {
    let one = named("one");
    let good = service(&one.url()).site();
    let pop = Pop::start(&good);
    let generation = pop.status_of("/config/generation");
    pop.write(&good.replace("[services.shop]", "[services.shop]\nbalanse = \"peak-ewma\""));
    let answer = pop.reload();
    assert_eq!(answer.status, 422, "{}", answer.text());
    let told = answer.json();
    assert!(told["text"].as_str().unwrap().contains("unknown key `balanse`"), "{told:#}");
    assert!(told["text"].as_str().unwrap().contains("did you mean `balance`?"), "{told:#}");
    assert_eq!(pop.get("/").text(), "one");
    let status = pop.status();
    assert_eq!(status["config"]["generation"], generation);
    assert_eq!(status["config"]["last_reload"]["ok"], false);
    assert!(status["config"]["last_reload"]["text"].as_str().unwrap().contains("balanse"), "{:#}", status["config"]);
    assert_eq!(pop.metrics().count("portolan_config_reload_ok", &[]), 0);
    pop.change(&good);
    assert_eq!(pop.status_of("/config/last_reload/ok"), true);
    assert_eq!(pop.metrics().count("portolan_config_reload_ok", &[]), 1);
}

/// Breaks a file, sees that it is named and that service goes on, mends it.
#[track_caller]
fn break_and_mend(pop: &Pop, file: &Path, broken: &[u8], still_fine: impl Fn() -> bool) {
    let name = file.file_name().unwrap().to_str().unwrap();
    let good = std::fs::read(file).unwrap();
    let put = |bytes: &[u8]| {
        let fresh = file.with_extension("fresh");
        std::fs::write(&fresh, bytes).unwrap();
        std::fs::rename(fresh, file).unwrap();
    };
    assert!(still_fine(), "{name} works before it breaks");
    put(broken);
    // Found by watching, without being asked.
    wait_until(&format!("/status names {name}"), || pop.status_of("/config/refused_files").to_string().contains(name));
    assert!(still_fine(), "the earlier {name} stays in use");
    let answer = pop.reload();
    assert_eq!(answer.status, 422, "{}", answer.text());
    assert!(answer.json()["text"].as_str().unwrap().contains(name), "{}", answer.text());
    assert!(still_fine(), "the earlier {name} stays in use after a reload too");
    put(&good);
    assert_eq!(pop.reload().status, 200);
    assert_eq!(pop.status_of("/config/refused_files"), serde_json::json!([]));
    assert!(still_fine(), "{name} works again");
}

#[test]
fn a_broken_policy_keeps_the_earlier_one() {
    let one = named("one");
    let folder = tempfile::tempdir().unwrap();
    let component = folder.path().join("good.wasm");
    std::fs::copy(binaries::guest("good"), &component).unwrap();
    let config = service(&one.url()).with("policies = [\"good\"]").site()
        + &policy("good", &component, "{}", "limits = { time = \"500ms\" }");
    let pop = Pop::start_in(folder, &config);
    let whole = std::fs::read(&component).unwrap();
    let fine = || {
        let before = one.seen().len();
        pop.get("/");
        one.seen()[before].field("x-guest-bytes").is_some()
    };
    break_and_mend(&pop, &component, &whole[..whole.len() / 2], fine);
    let forbidden = std::fs::read(binaries::guest("imports-forbidden")).unwrap();
    break_and_mend(&pop, &component, &forbidden, fine);
}

#[test]
fn a_broken_database_keeps_the_earlier_one() {
    let (one, two) = (named("one"), named("two"));
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("countries.mmdb");
    std::fs::copy(binaries::root().join("router/data/countries.mmdb"), &copy).unwrap();
    let site = service(&one.url()).region(TOKYO, &[two.url()]).site();
    let pop = Pop::start_in(folder, &site.replace("[geo]", "[geo]\ndatabase = \"countries.mmdb\""));
    let whole = std::fs::read(&copy).unwrap();
    let fine = || pop.ask(&Ask::get("/").from(IN_JAPAN)).text() == "two" && pop.status_of("/geo/source") == "database";
    break_and_mend(&pop, &copy, &whole[..whole.len() / 3], fine);
    break_and_mend(&pop, &copy, b"no database at all", fine);
}

#[test]
fn a_changed_file_is_noticed_without_being_asked() {
    let (one, two) = (named("one"), named("two"));
    let pop = Pop::start(&service(&one.url()).site());
    assert_eq!(pop.get("/").text(), "one");
    pop.write(&service(&two.url()).site());
    wait_until("the changed file is in force", || pop.get("/").text() == "two");
}

#[test]
fn sighup_loads_again() {
    let one = named("one");
    let mut pop = Pop::start(&service(&one.url()).site());
    let generation = pop.status_of("/config/generation").as_u64().unwrap();
    pop.process().signal("HUP");
    wait_until("another generation", || pop.status_of("/config/generation").as_u64().unwrap() > generation);
    assert_eq!(pop.get("/").text(), "one");
}

#[test]
fn what_needs_a_restart_is_said_and_not_half_applied() {
    let one = named("one");
    let site = service(&one.url()).site();
    let pop = Pop::start(&site);
    pop.write(&site.replace("workers = 2", "workers = 3"));
    let answer = pop.reload();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.json()["needs_restart"].to_string().contains("workers"), "{}", answer.text());
    assert!(pop.status_of("/config/needs_restart").to_string().contains("workers"));
    assert_eq!(pop.get("/").text(), "one");
}

#[test]
fn a_removed_service_finishes_what_it_began() {
    let gate = Gate::default();
    let (slow, other) = (gated("slow", &gate), named("other"));
    let pop = Pop::start(&service(&slow.url()).site());
    let mut client = Client::to(pop.address());
    client.send(&Ask::get("/").bytes());
    wait_until("the request is with the origin", || slow.seen().len() == 1);
    pop.change(&Service::new("other").region(FRANKFURT, &[other.url()]).site());
    assert_eq!(pop.get("/").text(), "other", "new requests go by the new configuration");
    assert!(pop.status_of("/services/shop").is_null());
    gate.open();
    assert_eq!(client.answer("GET").unwrap().text(), "slow");
    // The connection outlives its first service.
    assert_eq!(client.ask(&Ask::get("/")).unwrap().text(), "other");
    drop(client);
    pop.wait_quiet();
}

#[test]
fn in_flight_counts_survive_a_reload() {
    let gate = Gate::default();
    let slow = gated("slow", &gate);
    let site = service(&slow.url()).site();
    let pop = Pop::start(&site);
    let mut client = Client::to(pop.address());
    client.send(&Ask::get("/").bytes());
    wait_until("the request is with the origin", || slow.seen().len() == 1);
    let in_flight = || pop.status_of(&format!("/services/shop/regions/{}/in_flight", FRANKFURT.0));
    wait_until("it is counted", || in_flight() == 1);
    pop.change(&site.replace("slow_start = \"0s\"", "slow_start = \"1s\""));
    assert_eq!(in_flight(), 1, "a reload forgot a request in flight");
    gate.open();
    assert_eq!(client.answer("GET").unwrap().status, 200);
    wait_until("it is over", || in_flight() == 0);
}
