//! Policies in C, Go, JavaScript and Python in a real router: what they are told of regions, what comes of servers that they ask,
//! and the metrics that they write, each language held to one table.
//!
//! The guests are `scout` and `ledger`. What they say of a request alone is played with their cases in `router/src/trial/tests.rs`.

use portolan_tests::pop::run;
use portolan_tests::scripts::{Member, answering, named, ok, repeating, response, silent};
use portolan_tests::site::{FRANKFURT, IN_GERMANY, Service, VIRGINIA, policy, pop};
use portolan_tests::{Ask, Origin, Pop, binaries, wait_until};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

const LANGUAGES: [&str; 4] = ["c", "go", "js", "python"];
/// Interpreters take their time and their room, and the tests share a machine with compilers.
const PATIENT: &str = "limits = { time = \"1s\", memory = \"64MiB\" }\n";

/// Languages whose guest could be built here.
fn built(guest: &str) -> Vec<&'static str> {
    LANGUAGES.into_iter().filter(|language| binaries::optional_guest(&format!("{guest}-{language}"))).collect()
}

/// A PoP with a service for each language, before which the guest in that language stands.
fn start(guest: &str, service: impl Fn(Service) -> Service, config: &str, more: &str) -> Pop {
    let mut text = pop();
    for language in built(guest) {
        let name = format!("{guest}-{language}");
        let service = service(Service::new(language).with(&format!("policies = [\"{name}\"]"))).text();
        let route = format!("[[routes]]\nhost = \"{language}.example\"\npath = \"/\"\nservice = \"{language}\"\n");
        let part = service + &route + &policy(&name, &binaries::guest(&name), config, &format!("{PATIENT}{more}"));
        compile(&name, &part);
        text += &part;
    }
    Pop::start(&text)
}

/// Has a component compiled into the cache, one at a time: an interpreter takes long, and a PoP may not take as long to start.
fn compile(name: &str, config: &str) {
    static COMPILED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut compiled = COMPILED.lock().unwrap();
    if compiled.insert(name.to_owned()) {
        let checked = run(&(pop() + config), &["check"]);
        assert_eq!(checked.code, 0, "{}", checked.err);
    }
}

/// What the guest in this language answers by itself.
fn said(pop: &Pop, language: &str, path: &str, key: &str, value: &str) -> String {
    let ask = Ask::get(path).from(IN_GERMANY).host(&format!("{language}.example"));
    pop.ask(&ask.field("x-key", key).field("x-value", value)).text()
}

/// What the scout learned, by a key of its bucket.
fn learned(pop: &Pop, language: &str, key: &str) -> String {
    said(pop, language, "/seen", key, "").trim().to_owned()
}

/// Tide at `/tide`: what is said changes; a posted body comes back with who asked.
fn tide(says: &Arc<Mutex<&'static str>>) -> Origin {
    let says = Arc::clone(says);
    Origin::start(move |speaker| {
        while let Some(seen) = speaker.request()? {
            let (by, body) = (seen.field("x-asked-by").unwrap_or("nobody"), String::from_utf8_lossy(&seen.body));
            let told = if seen.method == "GET" { (*says.lock().unwrap()).to_owned() } else { format!("{by}, {body}") };
            speaker.say(response("200 OK", "X-Node: n7\r\n", told))?;
        }
        Ok(())
    })
}

#[test]
fn every_language_asks_servers_and_hears_what_came() {
    let home = named("home");
    let says = Arc::new(Mutex::new("flood"));
    let (tide, secret) = (tide(&says), named("secret"));
    let huge = repeating(response("200 OK", "", "a".repeat(1 << 20)));
    let moved = answering(response("302 Found", "location: http://169.254.169.254/\r\n", ""));
    let servers = [silent(), huge, answering("SSH-2.0-OpenSSH_9.9\r\n"), moved, repeating(ok([0xff]))];
    let url = |server: &Origin| format!("{}/tide", server.url());
    let mut urls = vec![url(&tide)];
    urls.extend(servers.iter().map(url));
    // Nobody listens there.
    urls.push("http://127.0.0.1:1/tide".to_owned());
    let allow = urls.clone();
    urls.extend([url(&secret), "the tide".to_owned()]);
    urls.resize(17, url(&tide));
    let grant = format!("http = {{ allow = {allow:?}, timeout = \"10s\", size = \"1KiB\", rate = 1000 }}\n");
    let config = format!("{{ urls = {urls:?}, post = \"{}\", every_ms = 1000 }}", url(&tide));
    let region = |service: Service| service.region(FRANKFURT, &[home.url()]);
    let pop = start("scout", region, &config, &format!("kv = {{ seen = {{}} }}\n{grant}"));
    let table = [
        ("url-0", "200 true 5 2 flood"),
        ("url-1", "timeout"),
        ("url-2", "too-large"),
        ("url-3", "broken"),
        ("url-4", "302 false 0 none"),
        ("url-5", "200 true 1 none ?"),
        ("url-6", "no-connection"),
        ("url-7", "not-granted"),
        ("url-8", "invalid"),
        ("url-9", "200 true 5 2 flood"),
        ("url-16", "too-many"),
        ("post", "200 true 16 2 scout, tide: 3 m"),
        ("eu-frankfurt", "unknown>unknown"),
    ];
    for language in built("scout") {
        for (key, expected) in table {
            wait_until("the servers were asked", || learned(&pop, language, key) != "none");
            assert_eq!(learned(&pop, language, key), expected, "{language}: {key}");
        }
    }
    *says.lock().unwrap() = "ebb";
    for language in built("scout") {
        wait_until("it asks again when it wanted to", || learned(&pop, language, "url-0") == "200 true 3 2 ebb");
        assert_eq!(said(&pop, language, "/ask", "", ""), "unavailable", "{language}: on the way of a request");
    }
    assert!(secret.seen().is_empty());
    let posted = tide.seen().into_iter().find(|seen| seen.method == "POST").unwrap();
    assert_eq!(posted.field("content-type"), Some("text/plain"));
}

#[test]
fn every_language_is_told_what_becomes_of_regions() {
    let (home, away) = (named("home"), Member::start("away"));
    let regions = |service: Service| service.probed().region(FRANKFURT, &[home.url()]).region(VIRGINIA, &[away.url()]);
    // It asks for no pause: only a change wakes it.
    let more = "kv = { seen = {} }\nhttp = { allow = [\"http://127.0.0.1:1/\"] }\n";
    let pop = start("scout", regions, "{}", more);
    for (well, expected) in [(true, ">healthy"), (false, "healthy>down"), (true, "down>healthy")] {
        away.set_well(well);
        for language in built("scout") {
            wait_until("it is told", || learned(&pop, language, VIRGINIA.0).ends_with(expected));
        }
    }
    let failures = pop.metrics().count("portolan_policy_health_calls_total", &[("outcome", "trap")]);
    assert_eq!(failures, 0);
}

#[test]
fn a_watch_that_fails_in_any_language_costs_no_exchange() {
    let home = named("home");
    let region = |service: Service| service.region(FRANKFURT, &[home.url()]);
    let more = "kv = { seen = {} }\nhttp = { allow = [\"http://127.0.0.1:1/\"] }\n";
    let pop = start("scout", region, "{ fail = true }", more);
    for language in built("scout") {
        let failures = format!("/policies/scout-{language}/health/failures/trap");
        wait_until("it failed, and failed again after a pause", || {
            assert_eq!(said(&pop, language, "/", "", ""), "home", "{language}");
            pop.status_of(&failures).as_u64() >= Some(2)
        });
        // What it was told before stays, and the instances that answer requests know nothing of it.
        assert_eq!(learned(&pop, language, FRANKFURT.0), "unknown>unknown", "{language}");
    }
}

#[test]
fn metrics_of_every_language_are_those_that_it_wrote() {
    let home = named("home");
    let region = |service: Service| service.region(FRANKFURT, &[home.url()]);
    let pop = start("ledger", region, "{}", "kv = { book = {} }\n");
    let asked = [
        ("/keep", "abc", "kept"),
        ("/set", "abc", "set"),
        ("/stray", "abc", "no-bucket"),
        ("/keep", "abcdefgh", "kept"),
        ("/stray", "", "no-bucket"),
        ("/log", "abcd", "said"),
        ("/elsewhere", "abc", "home"),
    ];
    let languages = built("ledger");
    for language in &languages {
        for (path, value, expected) in asked {
            assert_eq!(said(&pop, language, path, "a", value), expected, "{language} {path}");
        }
    }
    let metrics = pop.metrics();
    for language in languages {
        let name = format!("ledger-{language}");
        let of = |series: &str, metric: &str, more: &[(&str, &str)]| {
            let labels = [&[("policy", name.as_str()), ("metric", metric)], more].concat();
            metrics.sum(&format!("portolan_policy_{series}"), &labels)
        };
        assert_eq!(of("counter_total", "asked", &[("label", "well")]), 4.0, "{language}");
        assert_eq!(of("counter_total", "asked", &[("label", "in-vain")]), 2.0, "{language}");
        assert_eq!(of("counter_total", "asked", &[]), 6.0, "{language}: nothing but what was declared");
        assert_eq!(of("gauge", "last", &[]), 4.0, "{language}");
        assert_eq!((of("values_count", "sizes", &[]), of("values_sum", "sizes", &[])), (4.0, 18.0), "{language}");
        for (le, below) in [("2.5", 0.0), ("5.0", 3.0), ("10.0", 4.0), ("+Inf", 4.0)] {
            assert_eq!(of("values_bucket", "sizes", &[("le", le)]), below, "{language}: up to {le}");
        }
        assert_eq!(metrics.count("portolan_policy_stray_writes_total", &[("policy", &name)]), 0, "{language}");
    }
}

#[test]
fn policies_in_go_have_tests_without_webassembly() {
    if !built("scout").contains(&"go") {
        return;
    }
    let toolchain = binaries::root().join("target/toolchains/python/bin");
    let path = std::env::join_paths(
        [toolchain].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    );
    let mut tests = std::process::Command::new("go");
    tests.args(["test", "./..."]).current_dir(binaries::root().join("tests/guests/scout/go/src"));
    tests.env("PATH", path.unwrap()).env("GOTOOLCHAIN", "local").env("GOFLAGS", "-mod=mod");
    tests.env("GOCACHE", binaries::root().join("target/policies/go-cache"));
    let output = tests.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
}
