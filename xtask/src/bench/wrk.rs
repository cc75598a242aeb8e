//! One run of the load generator, and its answer read.
//!
//! Owns the command line of `wrk`: pinned to a core, one thread, keep-alive. Never judges. Used by `compare`.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::machine;

/// What to load, and how.
#[derive(Debug)]
pub(super) struct Load<'a> {
    pub(super) core: usize,
    pub(super) connections: usize,
    pub(super) length: Duration,
    pub(super) headers: &'a [String],
    pub(super) url: &'a str,
    /// A script that makes the requests, if it is not always the same one.
    pub(super) script: Option<&'a Path>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Answered {
    pub(super) requests: u64,
    pub(super) per_second: f64,
    /// 99 of 100 are answered within this, milliseconds.
    pub(super) p99_ms: f64,
    /// Socket errors, and answers other than 2xx and 3xx.
    pub(super) errors: u64,
}

impl Load<'_> {
    /// Runs it to its end.
    pub(super) fn run(&self) -> anyhow::Result<Answered> {
        let mut command = Command::new("taskset");
        command.args(["-c", &self.core.to_string(), "wrk", "-t1", &format!("-c{}", self.connections)]);
        command.arg(format!("-d{}s", self.length.as_secs())).arg("--latency");
        if let Some(script) = self.script {
            command.arg("-s").arg(script);
        }
        for header in self.headers {
            command.args(["-H", header]);
        }
        command.arg(self.url);
        let line = machine::typed(&command);
        let text = machine::output(&mut command).with_context(|| format!("`{line}` failed"))?;
        read(&text).with_context(|| format!("`{line}` said:\n{text}"))
    }
}

fn read(text: &str) -> anyhow::Result<Answered> {
    let mut answered = Answered { requests: 0, per_second: 0.0, p99_ms: f64::NAN, errors: 0 };
    for line in text.lines().map(str::trim) {
        if let Some((count, _)) = line.split_once(" requests in ") {
            answered.requests = count.parse()?;
        } else if let Some(rate) = line.strip_prefix("Requests/sec:") {
            answered.per_second = rate.trim().parse()?;
        } else if let Some(time) = line.strip_prefix("99%") {
            answered.p99_ms = milliseconds(time.trim()).with_context(|| format!("no time: {time}"))?;
        } else if let Some(errors) = line.strip_prefix("Socket errors:") {
            answered.errors +=
                errors.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse::<u64>().ok()).sum::<u64>();
        } else if let Some(count) = line.strip_prefix("Non-2xx or 3xx responses:") {
            answered.errors += count.trim().parse::<u64>()?;
        }
    }
    if answered.requests == 0 {
        bail!("not one request was answered");
    }
    Ok(answered)
}

/// `870.00us`, `4.53ms` or `1.20s`.
fn milliseconds(text: &str) -> Option<f64> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let number: f64 = text.strip_suffix(unit)?.parse().ok()?;
    match unit {
        "us" => Some(number / 1e3),
        "ms" => Some(number),
        "s" => Some(number * 1e3),
        "m" => Some(number * 60e3),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn counts_requests_and_every_kind_of_error() {
        let text = "Running 2s test @ http://x/\n  1 threads and 64 connections\n     99%    4.53ms\n  101234 requests in 2.01s, 1.00MB read\n  \
                    Socket errors: connect 1, read 2, write 0, timeout 4\n  Non-2xx or 3xx responses: 30\n\
                    Requests/sec:  50365.17\nTransfer/sec:     60.0MB\n";
        let answered = Answered { requests: 101_234, per_second: 50_365.17, p99_ms: 4.53, errors: 37 };
        assert_eq!(read(text).unwrap(), answered);
        assert_eq!(["870.00us", "1.20s", "x"].map(milliseconds), [Some(0.87), Some(1200.0), None]);
        assert!(read("unable to connect to 127.0.0.1:1 Connection refused").is_err());
        assert!(read("  0 requests in 2.01s, 0.00B read\n").is_err());
    }
}
