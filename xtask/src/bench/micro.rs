//! `bench micro`: the Criterion benches, their medians beside their targets.
//!
//! Owns the list of benches and targets; Criterion owns the measuring. Reads only what this run has written. Called by
//! `bench`.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use anyhow::Context;
use serde_json::{Value, json};

use super::report;
use crate::{machine, plugins};

/// Where Criterion keeps what it measured, in the folder in which cargo builds.
const RESULTS: &str = "criterion";
/// What decides whether policies can be measured.
const COMPONENT: &str = "target/plugins/session-pin.wasm";

/// What a bench may cost at most, nanoseconds.
const TARGETS: [(&str, f64); 3] =
    [("plan/10 regions", 1_000.0), ("decide/10 regions", 2_000.0), ("policy/hook not exported", 10.0)];
/// Pairs of which the second may cost little more than the first: the work grows with the logarithm of the routes.
const GROWTH: [(&str, &str, f64); 2] =
    [("route/10", "route/10000", 4.0), ("decide/10 routes", "decide/10000 routes", 4.0)];

/// One bench's outcome, nanoseconds.
#[derive(Debug, Clone, PartialEq)]
struct Bench {
    name: String,
    median: f64,
    low: f64,
    high: f64,
}

/// Runs the benches.
pub(super) fn run() -> anyhow::Result<()> {
    if !machine::root().join(COMPONENT).is_file() {
        plugins::build(plugins::Wanted::Rust)?;
    }
    let begun = SystemTime::now();
    // Each by its name: `--benches` would build and run the library's unit tests as well.
    let mut cargo = machine::command("cargo", &["bench", "--package", "portolan"]);
    for bench in benches()? {
        cargo.args(["--bench", &bench]);
    }
    machine::run(&mut cargo)?;
    let mut found = Vec::new();
    collect(&machine::target().join(RESULTS), begun, &mut found)?;
    found.sort_by(|a, b| a.name.cmp(&b.name));
    show(&found);
    let benches = found.iter().map(
        |bench| json!({ "name": bench.name, "median_ns": bench.median, "low_ns": bench.low, "high_ns": bench.high }),
    );
    report::save("micro.json", &benches.collect::<Vec<_>>(), &[])
}

/// The benches of the router, by file.
fn benches() -> anyhow::Result<Vec<String>> {
    let folder = machine::root().join("router/benches");
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let files = entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "rs"));
    let mut names: Vec<String> = files.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
    // It prints its own account: `bench store`.
    names.retain(|name| name != "store");
    names.sort();
    Ok(names)
}

/// Gathers every bench that was measured since `begun`.
fn collect(folder: &Path, begun: SystemTime, found: &mut Vec<Bench>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if !path.is_dir() {
            continue;
        }
        let estimates = path.join("estimates.json");
        let fresh = fs::metadata(&estimates).and_then(|data| data.modified()).is_ok_and(|at| at >= begun);
        if path.file_name().is_some_and(|name| name == "new") && fresh {
            found.push(read(&path.join("benchmark.json"), &estimates)?);
        } else {
            collect(&path, begun, found)?;
        }
    }
    Ok(())
}

fn read(benchmark: &Path, estimates: &Path) -> anyhow::Result<Bench> {
    let open = |path: &Path| -> anyhow::Result<Value> {
        let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(serde_json::from_slice(&text)?)
    };
    let (benchmark, estimates) = (open(benchmark)?, open(estimates)?);
    let median = &estimates["median"];
    let number = |value: &Value| value.as_f64().context("Criterion's estimates have changed their form");
    Ok(Bench {
        name: benchmark["full_id"].as_str().context("Criterion's benchmarks have changed their form")?.to_owned(),
        median: number(&median["point_estimate"])?,
        low: number(&median["confidence_interval"]["lower_bound"])?,
        high: number(&median["confidence_interval"]["upper_bound"])?,
    })
}

fn show(benches: &[Bench]) {
    println!("\n### Micro benches\n\n| bench | median | 95 % | target |\n|---|---|---|---|");
    for bench in benches {
        let Bench { name, median, low, high } = bench;
        let target = TARGETS.iter().find(|(target, _)| target == name);
        let target = target.map_or(String::new(), |(_, most)| format!("{}: {}", time(*most), word(median <= most)));
        println!("| {name} | {} | {} to {} | {target} |", time(*median), time(*low), time(*high));
    }
    println!();
    for (small, large, most) in GROWTH {
        let median = |name: &str| benches.iter().find(|bench| bench.name == name).map(|bench| bench.median);
        if let (Some(small_ns), Some(large_ns)) = (median(small), median(large)) {
            let growth = large_ns / small_ns;
            println!("{large} is {growth:.1} x {small}, at most {most:.1} wanted: {}", word(growth <= most));
        }
    }
}

fn word(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}

fn time(ns: f64) -> String {
    if ns < 1e3 {
        format!("{ns:.0} ns")
    } else if ns < 1e6 {
        format!("{:.2} µs", ns / 1e3)
    } else {
        format!("{:.2} ms", ns / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_readable() {
        assert_eq!([12.4, 1_500.0, 2_000_000.0].map(time), ["12 ns", "1.50 µs", "2.00 ms"]);
    }
}
