//! `cargo xtask conformance`: the public test suite for HTTP caches against the router.
//!
//! Owns getting the suite (npm), the configuration it is run with, counting its results by its own rule (a test whose
//! dependency fails does not count as passed), and the list of tests that are known to fail, each with its reason. Fails when
//! any other required or optional test fails, and when one of the list passes.

use crate::demo::process::Process;
use crate::machine::{self, command, target};
use crate::setup;
use anyhow::{Context, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

/// The newest release of the suite that a package registry has.
const SUITE: &str = "http-cache-tests@0.4.5";
/// Time for origin and router to be there.
const START: Duration = Duration::from_secs(30);

/// Tests that are left out, and why.
const LEFT_OUT: [(&str, &[&str]); 6] = [
    (
        "this release of the suite reads Age otherwise than RFC 9111 section 5.1: the first value counts, what is no number is \
         ignored",
        &[
            "age-parse-nonnumeric",
            "age-parse-negative",
            "age-parse-float",
            "age-parse-prefix-twoline",
            "age-parse-dup-0",
            "age-parse-dup-0-twoline",
            "age-parse-dup-old",
            "age-parse-parameter",
            "age-parse-numeric-parameter",
        ],
    ),
    (
        "the origin hangs up: a proxy's own 502 has not the fields by which the suite knows an answer that is not cached",
        &[
            "stale-close-must-revalidate",
            "stale-close-proxy-revalidate",
            "stale-close-no-cache",
            "stale-close-s-maxage=2",
        ],
    ),
    (
        "it wants fields of a 304 ignored that RFC 9111 section 3.2 has updated",
        &["304-etag-update-response-Content-MD5", "304-etag-update-response-ETag"],
    ),
    (
        "values of Vary that do not match must not be used (RFC 9111 section 4.1); the order of languages breaks ties",
        &["vary-normalise-lang-select", "vary-normalise-lang-order"],
    ),
    ("it wants 304 for a date older than the stored Date (RFC 9111 section 4.3.2)", &["conditional-lm-fresh-no-lm"]),
    (
        "its parts have another length than they say, or no strong validator to be joined under (RFC 9111 section 3.4)",
        &[
            "partial-store-partial-reuse-partial",
            "partial-store-partial-reuse-partial-byterange",
            "partial-store-partial-reuse-partial-absent",
            "partial-store-partial-reuse-partial-suffix",
            "partial-store-partial-complete",
        ],
    ),
];

/// One test of the suite.
struct Test {
    kind: String,
    needs: Vec<String>,
}

/// Runs the suite.
pub(crate) fn run() -> anyhow::Result<()> {
    setup::node()?;
    let folder = target().join("conformance");
    std::fs::create_dir_all(&folder)?;
    let prefix = folder.to_string_lossy().into_owned();
    let install = ["install", "--prefix", &prefix, "--no-save", "--omit=dev", "--ignore-scripts", "--no-audit", SUITE];
    machine::run(&mut command("npm", &install))?;
    machine::run(&mut command("cargo", &["build", "--package", "portolan"]))?;
    let suite = folder.join("node_modules/http-cache-tests");
    let tests = tests(&suite)?;
    let results = results(&suite, &folder)?;
    report(&tests, &results)
}

/// The tests that apply to a proxy.
fn tests(suite: &Path) -> anyhow::Result<BTreeMap<String, Test>> {
    const LIST: &str = "import suites from './tests/index.mjs'; const all = {}; \
        for (const suite of suites) for (const test of suite.tests) if (!test.browser_only) \
        all[test.id] = { kind: test.kind || 'required', needs: test.depends_on || [] }; console.log(JSON.stringify(all))";
    let mut node = command("node", &["--no-warnings", "--input-type=module", "-e", LIST]);
    let text = machine::output(node.current_dir(suite)).context("the suite cannot be read")?;
    let found: BTreeMap<String, Value> = serde_json::from_str(&text)?;
    let test = |value: &Value| Test {
        kind: value["kind"].as_str().unwrap_or("required").to_owned(),
        needs: value["needs"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
    };
    Ok(found.iter().map(|(id, value)| (id.clone(), test(value))).collect())
}

/// Runs origin, router and client.
fn results(suite: &Path, folder: &Path) -> anyhow::Result<BTreeMap<String, Value>> {
    let [origin, front] = machine::free_ports()?;
    let config = folder.join("portolan.toml");
    std::fs::write(&config, configuration(origin, front))?;
    let mut node = command("node", &["--no-warnings", "server/server.mjs"]);
    node.current_dir(suite).env("npm_config_protocol", "http").env("npm_config_port", origin.to_string());
    node.env("npm_config_pidfile", folder.join("origin.pid"));
    let mut origin_process = Process::start("origin", &mut node, folder)?;
    origin_process.wait_until(START, || TcpStream::connect(("127.0.0.1", origin)).is_ok())?;
    let router = target().join("debug/portolan");
    let config = config.to_string_lossy().into_owned();
    let mut router = command(&router.to_string_lossy(), &["run", "-c", &config, "--log", "warn"]);
    let mut router = Process::start("portolan", &mut router, folder)?;
    router.wait_until(START, || TcpStream::connect(("127.0.0.1", front)).is_ok())?;
    let mut client = command("npm", &["run", "--silent", "cli", &format!("--base=http://127.0.0.1:{front}"), "--id="]);
    let text = machine::output(client.current_dir(suite)).context("the suite's client failed")?;
    let json = text.find('{').map_or("", |start| &text[start..]);
    serde_json::from_str(json).context("the suite printed no results")
}

/// As the suite expects a cache to be set up: what the RFCs allow is stored.
fn configuration(origin: u16, front: u16) -> String {
    format!(
        "[pop]\nname = \"conformance\"\nlocation = {{ latitude = 50.1, longitude = 8.7 }}\n\
         [[listeners]]\naddress = \"127.0.0.1:{front}\"\n\
         [services.app]\ncache = {{ set_cookie = \"store\" }}\nejection = false\n\
         [services.app.regions.here]\nlocation = {{ latitude = 50.1, longitude = 8.7 }}\n\
         endpoints = [\"http://127.0.0.1:{origin}\"]\n\
         [[routes]]\npath = \"/\"\nservice = \"app\"\n"
    )
}

fn report(tests: &BTreeMap<String, Test>, results: &BTreeMap<String, Value>) -> anyhow::Result<()> {
    let passed = |id: &str| results.get(id) == Some(&Value::Bool(true));
    let counts = |id: &str, test: &Test| passed(id) && test.needs.iter().all(|need| passed(need));
    let known = |id: &str| LEFT_OUT.iter().any(|(_, ids)| ids.contains(&id));
    for kind in ["required", "optimal", "check"] {
        let of_kind = || tests.iter().filter(|(id, test)| test.kind == kind && results.contains_key(*id));
        let good = of_kind().filter(|(id, test)| counts(id, test)).count();
        println!("{kind:<9} {good:>3} of {}", of_kind().count());
    }
    for (why, ids) in LEFT_OUT {
        println!("left out  {:>3}: {why}", ids.len());
    }
    let mut wrong = Vec::new();
    for (id, test) in tests.iter().filter(|(id, test)| test.kind != "check" && results.contains_key(*id)) {
        match (counts(id, test), known(id)) {
            (false, false) => wrong.push(format!("{id} ({}) failed: {}", test.kind, results[id])),
            (true, true) => wrong.push(format!("{id} passes: take it out of the list of those left out")),
            _ => {}
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
