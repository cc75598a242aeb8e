//! `bench proxy`: CPU time of a proxied request, the router beside its peers.
//!
//! One proxy at a time has a core for itself; the load generator and the origin share another. All contenders are
//! measured in turn, round by round, so that what disturbs the machine disturbs all of them; ratios are taken within a
//! round. Owns the rounds; `report` owns what is said of them. Called by `bench`.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{bail, ensure};

use super::contender::{Contender, Ground, LOAD_CORE, PROXY_CORE, need};
use super::cpu::{CoreClock, ThreadClocks};
use super::portolan::{self, EIGHT_FIELDS, SESSION_PIN};
use super::report;
use super::scenario::{SCENARIOS, Scenario};
use super::wrk::Load;
use super::{Options, peers};
use crate::{demo, machine};

/// Connections of the load generator.
pub(super) const CONNECTIONS: usize = 64;
/// Before the first round, so that pools are filled and code is warm.
const WARM_UP: Duration = Duration::from_secs(1);

/// One measurement.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    /// CPU time of one request, microseconds.
    pub(super) cpu_us: f64,
    pub(super) per_second: f64,
    /// Part of the proxy's core that others took.
    pub(super) foreign: f64,
    pub(super) errors: u64,
}

/// All rounds of one contender.
#[derive(Debug)]
pub(super) struct Rounds {
    pub(super) name: String,
    pub(super) measured: Vec<Measured>,
}

/// Runs the comparison.
pub(super) fn run(program: &Path, options: &Options) -> anyhow::Result<()> {
    let cores = std::thread::available_parallelism()?.get();
    ensure!(cores > LOAD_CORE, "the comparison needs two cores, and this machine has {cores}");
    need(&[("nginx", "nginx-light"), ("wrk", "wrk"), ("taskset", "util-linux"), ("openssl", "openssl")])?;
    let interrupted = demo::interrupt_flag()?;
    let ground = Ground::prepare()?;
    let origin = peers::origin(&ground)?;
    let mut contenders = contenders(&ground, program, options)?;
    let mut results = Vec::new();
    for scenario in SCENARIOS.iter().take(if options.more { SCENARIOS.len() } else { 1 }) {
        let rounds = rounds(&mut contenders, scenario, options, &interrupted)?;
        report::show(scenario, &rounds);
        results.push(report::document(scenario, options, &rounds));
    }
    for contender in contenders.into_iter().chain([origin]) {
        contender.process.stop()?;
    }
    report::save("proxy.json", &results, &peers::versions())
}

/// Starts everybody who takes part; nginx comes first, for it is the yardstick.
fn contenders(ground: &Ground, program: &Path, options: &Options) -> anyhow::Result<Vec<Contender>> {
    let router = |name: &str, policy, log: &str| portolan::start(ground, program, name, policy, log);
    type Start<'a> = Box<dyn Fn() -> anyhow::Result<Contender> + 'a>;
    let all: [(&str, Start<'_>); 9] = [
        ("nginx", Box::new(|| peers::nginx(ground))),
        ("portolan", Box::new(|| router("portolan", None, "warn"))),
        ("portolan session-pin", Box::new(|| router("portolan session-pin", Some(SESSION_PIN), "warn"))),
        ("portolan eight-fields", Box::new(|| router("portolan eight-fields", Some(EIGHT_FIELDS), "warn"))),
        ("portolan, access log", Box::new(|| router("portolan, access log", None, "info"))),
        ("haproxy", Box::new(|| peers::haproxy(ground))),
        ("envoy", Box::new(|| peers::envoy(ground, "envoy", ""))),
        ("envoy lua", Box::new(|| peers::envoy_lua(ground))),
        ("envoy wasm", Box::new(|| peers::envoy_wasm(ground))),
    ];
    let mut started = Vec::new();
    for (name, start) in all {
        let wanted = options.only.is_empty() || options.only.iter().any(|part| name.contains(part.as_str()));
        if name != "nginx" && !wanted {
            continue;
        }
        match start() {
            Ok(contender) => started.push(contender),
            Err(error) if name.starts_with("portolan") || name == "nginx" => return Err(error),
            Err(error) => eprintln!("{name} does not take part: {error:#}"),
        }
    }
    Ok(started)
}

/// Measures everyone in turn, round by round.
pub(super) fn rounds(
    contenders: &mut [Contender],
    scenario: &Scenario,
    options: &Options,
    interrupted: &AtomicBool,
) -> anyhow::Result<Vec<Rounds>> {
    let mut rounds: Vec<Rounds> =
        contenders.iter().map(|contender| Rounds { name: contender.name.clone(), measured: Vec::new() }).collect();
    for contender in contenders.iter_mut() {
        measure(contender, scenario, WARM_UP)?;
    }
    for round in 0..options.rounds {
        eprintln!("{}: round {} of {}", scenario.title, round + 1, options.rounds);
        for (contender, kept) in contenders.iter_mut().zip(&mut rounds) {
            kept.measured.push(measure(contender, scenario, options.length)?);
            if interrupted.load(Ordering::Relaxed) {
                bail!("interrupted");
            }
        }
    }
    Ok(rounds)
}

fn measure(contender: &mut Contender, scenario: &Scenario, length: Duration) -> anyhow::Result<Measured> {
    contender.process.check_alive()?;
    let (scheme, port) = if scenario.tls { ("https", contender.ports.tls) } else { ("http", contender.ports.plain) };
    let url = format!("{scheme}://127.0.0.1:{port}{}", scenario.path);
    let load = Load { core: LOAD_CORE, connections: CONNECTIONS, length, headers: &contender.headers, url: &url };
    let id = contender.process.id();
    let (core, before) = (CoreClock::of(PROXY_CORE)?, ThreadClocks::of(id)?);
    let answered = load.run()?;
    let spent = ThreadClocks::of(id)?.since(&before);
    Ok(Measured {
        cpu_us: spent.as_secs_f64() * 1e6 / answered.requests as f64,
        per_second: answered.per_second,
        foreign: core.foreign(spent)?,
        errors: answered.errors,
    })
}

/// The machine in one line.
pub(super) fn machine_line() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let model = model.trim_start_matches(['\t', ' ', ':']);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = machine::output(&mut machine::command("uname", &["-sr"])).unwrap_or_default();
    format!("{cores} x {model}, {kernel}")
}
