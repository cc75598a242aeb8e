//! `bench policies`: what two hundred policies cost a PoP, and what ten thousand routes to one of them do not.
//!
//! Owns the configurations, the starts and the reading of memory. The components are those of one shipped policy, each with
//! a custom section of its own, so that no two are the same file: nothing is compiled once for all of them. Called by `bench`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::contender::ask;
use super::report;
use crate::demo::process::Process;
use crate::{machine, plugins};

/// The policies of the largest configuration.
const POLICIES: usize = 200;
/// Policies that a service asks; each service has a route.
const PER_SERVICE: usize = 10;
/// The routes of the configuration that has one policy.
const ROUTES: usize = 10_000;
/// Starts with compiled policies on disk.
const STARTS: usize = 5;
/// Compiling takes its time.
const WITHIN: Duration = Duration::from_secs(300);
/// The component.
pub(super) const COMPONENT: &str = "target/plugins/session-pin.wasm";

/// A configuration and what came of it.
struct Case {
    name: &'static str,
    policies: usize,
    routes: usize,
}

/// One start.
#[derive(Debug, Clone, Copy)]
struct Measured {
    ready_ms: f64,
    /// Resident memory once it is ready, MiB.
    memory: f64,
    /// The same after each route was asked once.
    asked: f64,
    /// Instances that live then, and their linear memory, MiB.
    instances: f64,
    linear: f64,
}

/// Runs the bench.
pub(super) fn run(program: &Path) -> anyhow::Result<()> {
    if !machine::root().join(COMPONENT).is_file() {
        plugins::build(plugins::Wanted::Rust)?;
    }
    let folder = super::folder()?.join("policies");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let bytes = fs::read(machine::root().join(COMPONENT))?;
    println!("\n### Policies on one PoP, two workers ({} KiB each)\n", bytes.len() / 1024);
    println!("| | start, compiling | start, compiled | memory | after a request to each | instances |");
    println!("|---|---:|---:|---:|---:|---:|");
    let cases = [
        Case { name: "no policy", policies: 0, routes: 1 },
        Case { name: "one policy, one route", policies: 1, routes: 1 },
        Case { name: "one policy, 10 000 routes", policies: 1, routes: ROUTES },
        Case { name: "200 policies, 20 services", policies: POLICIES, routes: 1 },
    ];
    let mut results = Vec::new();
    for case in &cases {
        results.push(measure(case, program, &folder, &bytes)?);
    }
    report::save("policies.json", &results, &[])?;
    fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))
}

fn measure(case: &Case, program: &Path, folder: &Path, bytes: &[u8]) -> anyhow::Result<Value> {
    let file = configure(case, folder, bytes)?;
    let cache = folder.join("compiled");
    let _ = fs::remove_dir_all(&cache);
    let services = case.policies.div_ceil(PER_SERVICE).max(1);
    let cold = start(program, folder, &file, services)?;
    let mut warm = Vec::new();
    for _ in 0..STARTS {
        warm.push(start(program, folder, &file, services)?);
    }
    warm.sort_by(|a, b| a.ready_ms.total_cmp(&b.ready_ms));
    let middle = warm[STARTS / 2];
    println!(
        "| {} | {:.0} ms | {:.0} ms | {:.0} MiB | {:.0} MiB | {} with {:.0} MiB |",
        case.name, cold.ready_ms, middle.ready_ms, middle.memory, middle.asked, middle.instances, middle.linear
    );
    let shown = |measured: &Measured| {
        json!({ "ready_ms": measured.ready_ms, "memory_mib": measured.memory, "asked_mib": measured.asked,
            "instances": measured.instances, "linear_mib": measured.linear })
    };
    Ok(json!({ "name": case.name, "policies": case.policies, "routes": case.routes, "cold": shown(&cold),
        "warm": warm.iter().map(shown).collect::<Vec<_>>() }))
}

/// Writes the components and the configuration. The origin of each service is nobody: an answer of 502 has passed by the
/// policies as well as any other.
fn configure(case: &Case, folder: &Path, bytes: &[u8]) -> anyhow::Result<PathBuf> {
    let mut text = format!(
        "[pop]\nname = \"bench\"\nlocation = {{ latitude = 50.11, longitude = 8.68 }}\n[[listeners]]\n\
         address = \"127.0.0.1:0\"\n[admin]\naddress = \"127.0.0.1:0\"\n[process]\nworkers = 2\npolicy_cache = {:?}\n",
        folder.join("compiled").display().to_string()
    );
    for policy in 0..case.policies {
        let file = format!("{policy}.wasm");
        fs::write(folder.join(&file), [bytes, &custom_section(policy)].concat())?;
        writeln!(text, "[policies.p{policy}]\ncomponent = {file:?}")?;
    }
    for service in 0..case.policies.div_ceil(PER_SERVICE).max(1) {
        let own = (0..case.policies).skip(service * PER_SERVICE).take(PER_SERVICE);
        let own: Vec<String> = own.map(|policy| format!("p{policy}")).collect();
        writeln!(
            text,
            "[services.s{service}]\npolicies = {own:?}\n[services.s{service}.regions.eu]\n\
             location = {{ latitude = 50.11, longitude = 8.68 }}\nendpoints = [\"http://127.0.0.1:9\"]\n\
             [[routes]]\npath = \"/s{service}/\"\nservice = \"s{service}\""
        )?;
    }
    for route in 1..case.routes {
        writeln!(text, "[[routes]]\npath = \"/r{route}/\"\nservice = \"s0\"")?;
    }
    let file = folder.join("portolan.toml");
    fs::write(&file, text)?;
    Ok(file)
}

/// A custom section: id 0, its length, the length of its name, its name.
pub(super) fn custom_section(number: usize) -> Vec<u8> {
    let name = format!("number-{number:05}");
    let length = u8::try_from(name.len()).unwrap_or(u8::MAX);
    [&[0, length + 1, length], name.as_bytes()].concat()
}

fn start(program: &Path, folder: &Path, config: &Path, services: usize) -> anyhow::Result<Measured> {
    let log = folder.join("portolan.log");
    let _ = fs::remove_file(&log);
    let mut command = Command::new(program);
    command.args(["run", "--log", "info", "--log-format", "json", "-c"]).arg(config).stdout(Stdio::null());
    let begun = Instant::now();
    let mut process = Process::start("portolan", &mut command, folder)?;
    let mut lines = String::new();
    process.wait_until(WITHIN, || {
        lines = fs::read_to_string(&log).unwrap_or_default();
        lines.contains("\"ready\"")
    })?;
    let ready_ms = begun.elapsed().as_secs_f64() * 1e3;
    let memory = resident(process.id())?;
    let [port, admin] = ["\"listening\"", "\"listening for operators (admin)\""].map(|word| port(&lines, word));
    let (port, admin) = (port.context("no listener in the log")?, admin.context("no admin listener in the log")?);
    // A worker makes its instances when it first needs them, so these are of the worker that was asked.
    for service in 0..services {
        let answer = ask(port, &format!("/s{service}/"), &[])?;
        ensure!(answer.status == 502, "service {service} answers {}", answer.status);
    }
    let asked = resident(process.id())?;
    let metrics = super::contender::text(admin, "/metrics")?;
    let sum = |family: &str| -> f64 {
        let lines = metrics.lines().filter(|line| line.starts_with(family));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).fold(0.0, |sum, value| sum + value)
    };
    let (instances, linear) = (sum("portolan_policy_instances{"), sum("portolan_policy_memory_bytes{") / MIB);
    process.stop()?;
    Ok(Measured { ready_ms, memory, asked, instances, linear })
}

const MIB: f64 = 1024.0 * 1024.0;

/// The port in the log line with this message.
pub(super) fn port(lines: &str, message: &str) -> Option<u16> {
    let line = lines.lines().find(|line| line.contains(message))?;
    let line: Value = serde_json::from_str(line).ok()?;
    line["address"].as_str()?.rsplit(':').next()?.parse().ok()
}

/// Resident memory, MiB.
pub(super) fn resident(process: u32) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024.0)
}
