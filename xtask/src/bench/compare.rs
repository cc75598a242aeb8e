//! Whole servers compared under load: CPU time of a request, one server at a time.
//!
//! One server has a core for itself while it is measured; the load generator and the origin share another. All contenders
//! are measured in turn, round by round, so that what disturbs the machine disturbs all of them; ratios are taken within
//! a round. A scenario may be measured once more at one rate for all, which the slowest of them sets: the time of an answer
//! is comparable at the same load only. Owns the ground, the rounds and the end; who takes part is the caller's (`proxy`, `cache`), what is said of it
//! is `report`'s.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{bail, ensure};

use super::contender::{Contender, Ground, LOAD_CORE, PROXY_CORE, need};
use super::cpu::{CoreClock, ThreadClocks};
use super::offered::{Offer, Parts};
use super::samples::Samples;
use super::scenario::Scenario;
use super::wrk::Load;
use super::{Options, peers, report};
use crate::{demo, machine};

/// Connections of the load generator.
pub(super) const CONNECTIONS: usize = 64;
/// Programs of a run under load, and the packages that have them.
pub(super) const NEEDS: [(&str, &str); 4] =
    [("nginx", "nginx-light"), ("wrk", "wrk"), ("taskset", "util-linux"), ("openssl", "openssl")];
/// The share of what the slowest contender can do that is offered to all.
const OFFERED: f64 = 0.65;
/// Before the first round, so that pools are filled and code is warm.
const WARM_UP: Duration = Duration::from_secs(1);

/// One measurement.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    /// CPU time of one request, microseconds.
    pub(super) cpu_us: f64,
    pub(super) per_second: f64,
    /// 99 of 100 are answered within this, milliseconds.
    pub(super) p99_ms: f64,
    /// Part of the proxy's core that others took.
    pub(super) foreign: f64,
    pub(super) errors: u64,
    /// What the times are made of, when the rate was the same for all.
    pub(super) parts: Option<Parts>,
}

/// All rounds of one contender.
#[derive(Debug)]
pub(super) struct Rounds {
    pub(super) name: String,
    pub(super) measured: Vec<Measured>,
}

/// Compares whoever `start` starts on every scenario, and keeps the results in the file of that name. The first of them is
/// the yardstick.
pub(super) fn run(
    file: &str,
    scenarios: &[Scenario],
    options: &Options,
    start: impl FnOnce(&Ground) -> anyhow::Result<Vec<Contender>>,
) -> anyhow::Result<()> {
    let cores = std::thread::available_parallelism()?.get();
    ensure!(cores > LOAD_CORE, "the comparison needs two cores, and this machine has {cores}");
    need(&NEEDS)?;
    let interrupted = demo::interrupt_flag()?;
    let ground = Ground::prepare()?;
    let origin = peers::origin(&ground)?;
    let mut contenders = start(&ground)?;
    let headers = headers_of_all(&contenders);
    let mut results = Vec::new();
    for scenario in scenarios {
        let script = scenario.script.map(|text| ground.write("requests.lua", text, &[])).transpose()?;
        let pace = Pace::AsFast(script.as_deref());
        let closed = rounds(&mut contenders, scenario, &headers, pace, options, &interrupted)?;
        report::show(scenario, &closed);
        results.push(report::document(scenario, options, &closed));
        if let Some(scenario) = scenario.at_one_rate {
            let pace = Pace::At((slowest(&closed) * OFFERED) as u64);
            let open = rounds(&mut contenders, scenario, &headers, pace, options, &interrupted)?;
            report::show(scenario, &open);
            results.push(report::document(scenario, options, &open));
        }
    }
    for contender in contenders.into_iter().chain([origin]) {
        contender.process.stop()?;
    }
    report::save(file, &results, &peers::versions())
}

/// How requests follow one another.
#[derive(Debug, Clone, Copy)]
enum Pace<'a> {
    /// Each connection asks as soon as it is answered, for what the script says.
    AsFast(Option<&'a Path>),
    /// So many a second.
    At(u64),
}

/// What the slowest of them answered in a second.
fn slowest(rounds: &[Rounds]) -> f64 {
    let rates = |rounds: &Rounds| Samples::new(rounds.measured.iter().map(|measured| measured.per_second)).median();
    rounds.iter().map(rates).fold(f64::INFINITY, f64::min)
}

/// What any of them wants in a request goes to all: the kernel and a parser work longer on a longer request, whoever's.
fn headers_of_all(contenders: &[Contender]) -> Vec<String> {
    let mut headers: Vec<String> = contenders.iter().flat_map(|contender| contender.headers.clone()).collect();
    headers.sort();
    headers.dedup();
    headers
}

/// Measures everyone in turn, round by round.
fn rounds(
    contenders: &mut [Contender],
    scenario: &Scenario,
    headers: &[String],
    pace: Pace<'_>,
    options: &Options,
    interrupted: &AtomicBool,
) -> anyhow::Result<Vec<Rounds>> {
    let mut rounds: Vec<Rounds> =
        contenders.iter().map(|contender| Rounds { name: contender.name.clone(), measured: Vec::new() }).collect();
    for contender in contenders.iter_mut() {
        measure(contender, scenario, headers, pace, WARM_UP)?;
    }
    for round in 0..options.rounds {
        eprintln!("{}: round {} of {}", scenario.title, round + 1, options.rounds);
        for (contender, kept) in contenders.iter_mut().zip(&mut rounds) {
            kept.measured.push(measure(contender, scenario, headers, pace, options.length)?);
            if interrupted.load(Ordering::Relaxed) {
                bail!("interrupted");
            }
        }
    }
    Ok(rounds)
}

fn measure(
    contender: &mut Contender,
    scenario: &Scenario,
    headers: &[String],
    pace: Pace<'_>,
    length: Duration,
) -> anyhow::Result<Measured> {
    contender.process.check_alive()?;
    let id = contender.process.id();
    let (core, connections) = (LOAD_CORE, CONNECTIONS);
    let (clock, before) = (CoreClock::of(PROXY_CORE)?, ThreadClocks::of(id)?);
    let (answered, parts) = match pace {
        Pace::AsFast(script) => {
            let url = contender.url(scenario);
            (Load { core, connections, length, headers, url: &url, script }.run()?, None)
        }
        Pace::At(per_second) => {
            let port = contender.ports.plain;
            let (answered, parts) = Offer { core, connections, length, headers, port, per_second }.run()?;
            (answered, Some(parts))
        }
    };
    let spent = ThreadClocks::of(id)?.since(&before);
    Ok(Measured {
        cpu_us: spent.as_secs_f64() * 1e6 / answered.requests as f64,
        per_second: answered.per_second,
        p99_ms: answered.p99_ms,
        foreign: clock.foreign(spent)?,
        errors: answered.errors,
        parts,
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
