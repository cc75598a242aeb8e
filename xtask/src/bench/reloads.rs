//! `bench reloads`: what a thousand reloads leave behind.
//!
//! Owns the configuration, the reloads and the table of memory. Two versions of one shipped policy take turns, told apart
//! by a custom section, so each is compiled once and loaded five hundred times; a request passes by each. Called by `bench`.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;

use super::contender::{ask, text};
use super::policies::{COMPONENT, custom_section, port, resident};
use super::report;
use crate::demo::process::Process;
use crate::{machine, plugins};

/// Reloads.
const RELOADS: usize = 1000;
/// After so many of them memory is read.
const LOOKS: [usize; 5] = [0, 10, 100, 500, RELOADS];
/// Compiling takes its time.
const WITHIN: Duration = Duration::from_secs(300);

/// Runs the bench.
pub(super) fn run(program: &Path) -> anyhow::Result<()> {
    if !machine::root().join(COMPONENT).is_file() {
        plugins::build(plugins::Wanted::Rust)?;
    }
    let folder = super::folder()?.join("reloads");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let bytes = fs::read(machine::root().join(COMPONENT))?;
    put(&folder, &bytes, 0)?;
    let config = folder.join("portolan.toml");
    fs::write(
        &config,
        format!(
            "[pop]\nname = \"bench\"\nlocation = {{ latitude = 50.11, longitude = 8.68 }}\n[[listeners]]\n\
             address = \"127.0.0.1:0\"\n[admin]\naddress = \"127.0.0.1:0\"\n[process]\nworkers = 2\npolicy_cache = {:?}\n\
             [policies.p]\ncomponent = \"p.wasm\"\n[services.s]\npolicies = [\"p\"]\n[services.s.regions.eu]\n\
             location = {{ latitude = 50.11, longitude = 8.68 }}\nendpoints = [\"http://127.0.0.1:9\"]\n\
             [[routes]]\npath = \"/\"\nservice = \"s\"\n",
            folder.join("compiled").display().to_string()
        ),
    )?;
    let log = folder.join("portolan.log");
    let mut command = Command::new(program);
    command.args(["run", "--log", "info,portolan::access=off", "--log-format", "json", "-c"]).arg(&config);
    let mut process = Process::start("portolan", command.stdout(Stdio::null()), &folder)?;
    let mut lines = String::new();
    process.wait_until(WITHIN, || {
        lines = fs::read_to_string(&log).unwrap_or_default();
        lines.contains("\"ready\"")
    })?;
    let [client, admin] = ["\"listening\"", "\"listening for operators (admin)\""].map(|word| port(&lines, word));
    let (client, admin) = (client.context("no listener in the log")?, admin.context("no admin listener in the log")?);
    println!("\n### A thousand reloads of a policy, two workers\n");
    println!("| reloads | memory | living instances | time of one |");
    println!("|---:|---:|---:|---:|");
    let (mut rows, mut since) = (Vec::new(), Instant::now());
    for number in 0..=RELOADS {
        if number > 0 {
            put(&folder, &bytes, number % 2)?;
            reload(admin)?;
        }
        // The origin is nobody: an answer of 502 has passed by the policy as well as any other.
        let answer = ask(client, "/", &[])?;
        ensure!(answer.status == 502, "after {number} reloads a request is answered {}", answer.status);
        if let Some(at) = LOOKS.iter().position(|look| *look == number) {
            let reloads = number - at.checked_sub(1).map_or(0, |before| LOOKS[before]);
            let each = since.elapsed().as_secs_f64() * 1e3 / reloads.max(1) as f64;
            let (memory, living) = (resident(process.id())?, instances(admin)?);
            println!("| {number} | {memory:.1} MiB | {living} | {each:.1} ms |");
            rows.push(json!({ "reloads": number, "memory_mib": memory, "instances": living, "each_ms": each }));
            since = Instant::now();
        }
    }
    process.stop()?;
    report::save("reloads.json", &rows, &[])?;
    fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))
}

/// Puts a version of the component in its place, whole.
fn put(folder: &Path, bytes: &[u8], version: usize) -> anyhow::Result<()> {
    let fresh = folder.join("p.fresh");
    fs::write(&fresh, [bytes, &custom_section(version)].concat())?;
    Ok(fs::rename(fresh, folder.join("p.wasm"))?)
}

/// Asks for a reload and waits until it is over.
fn reload(admin: u16) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", admin))?;
    stream.set_read_timeout(Some(WITHIN))?;
    let request = format!("POST /reload HTTP/1.1\r\nhost: 127.0.0.1:{admin}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "a reload was refused:\n{answer}");
    Ok(())
}

/// Instances of policies that live now.
fn instances(admin: u16) -> anyhow::Result<u64> {
    let metrics = text(admin, "/metrics")?;
    let lines = metrics.lines().filter(|line| line.starts_with("portolan_policy_instances{"));
    Ok(lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum())
}
