//! What is said of measurements: a table, the targets, a JSON file.
//!
//! Pure but for printing and writing the file. Tables are Markdown, so that they can be recorded as they are. Used by
//! `compare`, `start` and `micro`.

use std::fs;

use anyhow::Context;
use serde_json::{Value, json};

use super::Options;
use super::compare::{CONNECTIONS, Measured, Rounds, machine_line};
use super::offered::Parts;
use super::samples::Samples;
use super::scenario::{Figure, Scenario, Target};

/// Prints the table of a scenario, and its targets.
pub(super) fn show(scenario: &Scenario, rounds: &[Rounds]) {
    println!("\n### {} ({} rounds, load {})\n", scenario.title, rounds.first().map_or(0, |r| r.measured.len()), load());
    println!(
        "| contender | CPU µs per request | quartiles | x nginx | quartiles | requests/s | best | p99 ms | foreign | errors |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for contender in rounds {
        let cpu = contender.samples(|measured| measured.cpu_us);
        let rate = contender.samples(|measured| measured.per_second);
        let p99 = contender.samples(|measured| measured.p99_ms);
        let foreign = contender.samples(|measured| measured.foreign);
        let errors: u64 = contender.measured.iter().map(|measured| measured.errors).sum();
        let ratio = rounds.first().map_or_else(|| Samples::new([]), |nginx| ratio(Figure::Cpu, contender, nginx));
        let ((low, high), (least, most)) = (cpu.quartiles(), ratio.quartiles());
        println!(
            "| {} | {:.1} | {low:.1} to {high:.1} | {:.2} | {least:.2} to {most:.2} | {:.0} | {:.0} | {:.2} | {:.0} % | {errors} |",
            contender.name,
            cpu.median(),
            ratio.median(),
            rate.median(),
            rate.max(),
            p99.median(),
            foreign.median() * 100.0,
        );
    }
    show_parts(rounds);
    println!();
    for target in scenario.targets {
        if let Some(reached) = reached(target, rounds) {
            println!("{}", verdict(target, reached));
        }
    }
}

/// Prints what times are made of, where the rate was the same for all.
fn show_parts(rounds: &[Rounds]) {
    if !rounds.iter().any(|contender| contender.measured.iter().any(|measured| measured.parts.is_some())) {
        return;
    }
    println!(
        "\n| contender, ms | p50 | p99 | quartiles | p99.9 | hits: p99 | misses: p50 | p99 | the generator's own: p99 |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for contender in rounds {
        let of = |part: fn(&Parts) -> f64| {
            contender.samples(|measured| measured.parts.as_ref().map_or(f64::NAN, part)).median()
        };
        let p99 = contender.samples(|measured| measured.p99_ms);
        let (low, high) = p99.quartiles();
        println!(
            "| {} | {:.2} | {:.2} | {low:.2} to {high:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} |",
            contender.name,
            of(|parts| parts.p50_ms),
            p99.median(),
            of(|parts| parts.p999_ms),
            of(|parts| parts.hit_p99_ms),
            of(|parts| parts.miss_p50_ms),
            of(|parts| parts.miss_p99_ms),
            of(|parts| parts.lag_p99_ms),
        );
    }
}

/// A figure of a contender as a multiple of a peer's, round by round.
fn ratio(figure: Figure, contender: &Rounds, peer: &Rounds) -> Samples {
    let value = |measured: &Measured| match figure {
        Figure::Cpu => measured.cpu_us,
        Figure::P99 => measured.p99_ms,
    };
    let pairs = contender.measured.iter().zip(&peer.measured);
    Samples::new(pairs.map(|(contender, peer)| value(contender) / value(peer)))
}

fn reached(target: &Target, rounds: &[Rounds]) -> Option<f64> {
    let find = |name: &str| rounds.iter().find(|rounds| rounds.name == name);
    Some(ratio(target.figure, find(target.contender)?, find(target.peer)?).median())
}

fn verdict(target: &Target, reached: f64) -> String {
    let Target { figure, contender, peer, most } = target;
    let what = if *figure == Figure::P99 { "p99 " } else { "" };
    let word = if reached <= *most { "met" } else { "MISSED" };
    format!("{contender}: {what}{reached:.2} x {peer}, at most {most:.2} wanted: {word}")
}

/// A scenario's measurements, all of them.
pub(super) fn document(scenario: &Scenario, options: &Options, rounds: &[Rounds]) -> Value {
    let contender = |rounds: &Rounds| {
        let measured = rounds.measured.iter().map(|measured| {
            json!({
                "cpu_us": measured.cpu_us, "per_second": measured.per_second, "p99_ms": measured.p99_ms,
                "foreign": measured.foreign, "errors": measured.errors, "parts": measured.parts.as_ref().map(Parts::json),
            })
        });
        json!({ "name": rounds.name, "rounds": measured.collect::<Vec<_>>() })
    };
    json!({
        "scenario": scenario.title,
        "connections": CONNECTIONS,
        "seconds": options.length.as_secs(),
        "load": load(),
        "contenders": rounds.iter().map(contender).collect::<Vec<_>>(),
    })
}

/// Writes results to `target/bench/`, with the machine and the versions they were reached on.
pub(super) fn save(name: &str, results: &[Value], versions: &[String]) -> anyhow::Result<()> {
    let path = super::folder()?.join(name);
    let document = json!({ "machine": machine_line(), "versions": versions, "results": results });
    fs::write(&path, format!("{document:#}\n")).with_context(|| format!("cannot write {}", path.display()))?;
    println!("\n{}\nwritten to {}", machine_line(), path.display());
    Ok(())
}

/// How many threads wanted a core over the last minute.
pub(super) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

impl Rounds {
    fn samples(&self, value: impl Fn(&Measured) -> f64) -> Samples {
        Samples::new(self.measured.iter().map(value))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_taken_within_a_round() {
        let rounds = |name: &str, cpu: [f64; 3]| Rounds {
            name: name.to_owned(),
            measured: cpu
                .map(|cpu_us| Measured { cpu_us, per_second: 1.0, p99_ms: 1.0, foreign: 0.0, errors: 0, parts: None })
                .to_vec(),
        };
        // The second round was disturbed; the ratio does not see it.
        let all = [rounds("nginx", [10.0, 30.0, 10.0]), rounds("ours", [11.0, 33.0, 12.0])];
        let target = Target { figure: Figure::Cpu, contender: "ours", peer: "nginx", most: 1.15 };
        let reached = reached(&target, &all).unwrap();
        assert!((reached - 1.1).abs() < 1e-9);
        assert!(verdict(&target, reached).ends_with("met"));
        assert!(verdict(&Target { most: 1.05, ..target }, reached).ends_with("MISSED"));
        assert!(super::reached(&Target { peer: "nobody", ..target }, &all).is_none());
    }
}
