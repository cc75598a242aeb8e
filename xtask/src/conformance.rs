//! `cargo xtask conformance`: the public test suite for HTTP caches against the router.
//!
//! Owns getting the suite (its release on npm, or a checkout that is newer), the configuration it is run with, counting its
//! results by its own rule (a test whose dependency fails does not count as passed), and the lists of tests that are known to
//! fail, each with its reason. Fails when any other required or optional test fails, and when one of the lists passes.

use crate::demo::process::Process;
use crate::machine::{self, command, target};
use crate::setup;
use anyhow::{Context, bail, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The newest release of the suite that a package registry has.
const SUITE: &str = "http-cache-tests@0.4.5";
/// Time for origin and router to be there.
const START: Duration = Duration::from_secs(30);

/// Tests that are left out, and why.
type LeftOut = (&'static str, &'static [&'static str]);
/// Of every state of the suite.
const LEFT_OUT: [LeftOut; 3] = [
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
/// Of the release alone: the suite has mended them since.
const LEFT_OUT_OF_RELEASE: [LeftOut; 3] = [
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
        "the origin hangs up: a proxy's own 502 has not the fields by which the release knows an answer that is not cached",
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
];

/// The suite as it lies in a folder.
struct Suite {
    root: PathBuf,
    /// Where its server and client are, below the root.
    engine: &'static str,
    left_out: Vec<LeftOut>,
}

/// One test of the suite.
struct Test {
    kind: String,
    needs: Vec<String>,
}

/// Runs the suite: its release, or with `--suite FOLDER` a checkout.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    setup::node()?;
    let folder = target().join("conformance");
    std::fs::create_dir_all(&folder)?;
    let suite = match args {
        [] => release(&folder)?,
        [flag, root] if flag == "--suite" => checkout(Path::new(root))?,
        _ => bail!("`cargo xtask conformance` takes `--suite FOLDER` or nothing, but was given `{}`", args.join(" ")),
    };
    machine::run(&mut command("cargo", &["build", "--package", "portolan"]))?;
    let tests = tests(&suite)?;
    let results = results(&suite, &folder)?;
    report(&tests, &results, &suite.left_out)
}

fn release(folder: &Path) -> anyhow::Result<Suite> {
    let prefix = folder.to_string_lossy().into_owned();
    let install = ["install", "--prefix", &prefix, "--no-save", "--omit=dev", "--ignore-scripts", "--no-audit", SUITE];
    machine::run(&mut command("npm", &install))?;
    let left_out = [LEFT_OUT, LEFT_OUT_OF_RELEASE].concat();
    Ok(Suite { root: folder.join("node_modules/http-cache-tests"), engine: ".", left_out })
}

/// A checkout of <https://github.com/http-tests/cache-tests>, with its packages installed.
fn checkout(root: &Path) -> anyhow::Result<Suite> {
    let root = root.canonicalize().with_context(|| format!("no folder {}", root.display()))?;
    let engine = "test-engine";
    let lacks = |path: &str| !root.join(path).exists();
    ensure!(
        !lacks(engine) && !lacks("tests/index.mjs"),
        "{} is no checkout of http-tests/cache-tests of 2026: it lacks {engine}/ or tests/index.mjs",
        root.display()
    );
    ensure!(!lacks("node_modules/undici"), "run `npm install` in {} first", root.display());
    Ok(Suite { root, engine, left_out: LEFT_OUT.to_vec() })
}

/// The tests that apply to a proxy.
fn tests(suite: &Suite) -> anyhow::Result<BTreeMap<String, Test>> {
    const LIST: &str = "import suites from './tests/index.mjs'; const all = {}; \
        for (const suite of suites) for (const test of suite.tests) if (!test.browser_only) \
        all[test.id] = { kind: test.kind || 'required', needs: test.depends_on || [] }; console.log(JSON.stringify(all))";
    let mut node = command("node", &["--no-warnings", "--input-type=module", "-e", LIST]);
    let text = machine::output(node.current_dir(&suite.root)).context("the suite cannot be read")?;
    let found: BTreeMap<String, Value> = serde_json::from_str(&text)?;
    let test = |value: &Value| Test {
        kind: value["kind"].as_str().unwrap_or("required").to_owned(),
        needs: value["needs"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
    };
    Ok(found.iter().map(|(id, value)| (id.clone(), test(value))).collect())
}

/// Runs origin, router and client.
fn results(suite: &Suite, folder: &Path) -> anyhow::Result<BTreeMap<String, Value>> {
    let [origin, front] = machine::free_ports()?;
    let config = folder.join("portolan.toml");
    std::fs::write(&config, configuration(origin, front))?;
    let mut node = script(suite, "server/server.mjs");
    node.env("npm_config_protocol", "http").env("npm_config_port", origin.to_string());
    node.env("npm_config_pidfile", folder.join("origin.pid"));
    let mut origin_process = Process::start("origin", &mut node, folder)?;
    origin_process.wait_until(START, || TcpStream::connect(("127.0.0.1", origin)).is_ok())?;
    let router = target().join("debug/portolan");
    let config = config.to_string_lossy().into_owned();
    let mut router = command(&router.to_string_lossy(), &["run", "-c", &config, "--log", "warn"]);
    let mut router = Process::start("portolan", &mut router, folder)?;
    router.wait_until(START, || TcpStream::connect(("127.0.0.1", front)).is_ok())?;
    let mut client = script(suite, "cli.mjs");
    // Both names: the second is where it looks for "all" when the first is empty.
    client.env("npm_config_id", "").env("npm_package_config_id", "");
    client.env("npm_config_base", format!("http://127.0.0.1:{front}"));
    let text = machine::output(&mut client).context("the suite's client failed")?;
    let json = text.find('{').map_or("", |start| &text[start..]);
    serde_json::from_str(json).context("the suite printed no results")
}

/// One of the suite's programs. Its client hears of interim answers through `undici`, which older versions of node let it do only
/// when that is there before all else.
fn script(suite: &Suite, path: &str) -> Command {
    let mut node = command("node", &["--no-warnings"]);
    if suite.root.join("node_modules/undici").exists() {
        node.args(["--import", "undici"]);
    }
    node.arg(Path::new(suite.engine).join(path)).current_dir(&suite.root);
    node
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

fn report(
    tests: &BTreeMap<String, Test>,
    results: &BTreeMap<String, Value>,
    left_out: &[LeftOut],
) -> anyhow::Result<()> {
    let passed = |id: &str| results.get(id) == Some(&Value::Bool(true));
    let counts = |id: &str, test: &Test| passed(id) && test.needs.iter().all(|need| passed(need));
    let known = |id: &str| left_out.iter().any(|(_, ids)| ids.contains(&id));
    for kind in ["required", "optimal", "check"] {
        let of_kind = || tests.iter().filter(|(id, test)| test.kind == kind && results.contains_key(*id));
        let good = of_kind().filter(|(id, test)| counts(id, test)).count();
        println!("{kind:<9} {good:>3} of {}", of_kind().count());
    }
    for (why, ids) in left_out {
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
