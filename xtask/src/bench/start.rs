//! `bench start`: the time from exec to the first answer, with the compiled policies on disk.
//!
//! Owns the repetitions. The first start fills the cache of compiled policies and is not counted. Called by `bench`.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::json;

use super::contender::{Ground, Ports, ask, need};
use super::portolan::{self, SESSION_PIN};
use super::samples::Samples;
use super::{peers, report};
use crate::demo::process::Process;

/// Starts that count.
const STARTS: usize = 10;
/// Longest start that is worth waiting for.
const WITHIN: Duration = Duration::from_secs(60);
/// The target.
const MOST_MS: f64 = 300.0;

/// Runs the bench.
pub(super) fn run(program: &Path) -> anyhow::Result<()> {
    need(&[("nginx", "nginx-light"), ("taskset", "util-linux"), ("openssl", "openssl")])?;
    let ground = Ground::prepare()?;
    let origin = peers::origin(&ground)?;
    let first = start_once(&ground, program)?;
    let mut took = Vec::new();
    for _ in 0..STARTS {
        took.push(start_once(&ground, program)?.as_secs_f64() * 1e3);
    }
    origin.process.stop()?;
    let samples = Samples::new(took.iter().copied());
    let ((low, high), median) = (samples.quartiles(), samples.median());
    println!("\n### From exec to the first answer, one policy\n");
    println!("compiled policies cached: {median:.0} ms, quartiles {low:.0} to {high:.0}, {STARTS} starts");
    println!("first start, compiling:   {:.0} ms", first.as_secs_f64() * 1e3);
    let word = if median <= MOST_MS { "met" } else { "MISSED" };
    println!("at most {MOST_MS:.0} ms wanted with the cache: {word}");
    report::save("start.json", &[json!({ "first_ms": first.as_secs_f64() * 1e3, "cached_ms": took })], &[])
}

fn start_once(ground: &Ground, program: &Path) -> anyhow::Result<Duration> {
    let ports = Ports::free()?;
    let config = portolan::configure(ground, ports, "start", Some(SESSION_PIN))?;
    let mut command = Command::new(program);
    command.args(["run", "--log", "warn", "-c"]).arg(config).stdout(Stdio::null());
    let begun = Instant::now();
    let mut process = Process::start("start", &mut command, &ground.folder)?;
    while !ask(ports.plain, "/", &[]).is_ok_and(|answer| answer.status == 200) {
        process.check_alive()?;
        ensure!(begun.elapsed() < WITHIN, "no answer within {} s", WITHIN.as_secs());
        std::thread::sleep(Duration::from_millis(1));
    }
    let took = begun.elapsed();
    process.stop()?;
    Ok(took)
}
