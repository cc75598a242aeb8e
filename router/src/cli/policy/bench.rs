//! `portolan policy bench`: what a call of a policy costs.
//!
//! Owns the report and the plain world for a component that has no cases. The measurement is `trial`'s.

use super::{BenchArgs, compiled, engine, size, table};
use crate::cli::Ended;
use crate::cli::text::{complain, say};
use crate::trial::{Sample, Samples, Suite, sample};
use serde_json::json;
use std::path::Path;
use std::time::Duration;

/// Regions of the plain world.
const REGIONS: usize = 8;

pub(super) fn bench(args: &BenchArgs) -> Result<Ended, String> {
    let mut suite = match &args.cases {
        Some(path) => Suite::load(path).map_err(|error| error.to_string())?,
        None => plain()?,
    };
    if let Some(component) = &args.component {
        suite.component = std::path::absolute(component).map_err(|error| error.to_string())?;
    }
    if let Some(config) = &args.config {
        suite.config = table(config)?;
    }
    suite.isolation.clone_from(&args.isolation);
    let compiled = compiled(&engine()?, &suite.component)?;
    if cfg!(debug_assertions) {
        complain("this is a debug build of portolan: a release build answers several times faster");
    }
    let samples = sample(&compiled, &suite, Sample { calls: args.calls })?;
    say(&if args.json { format!("{:#}\n", document(&samples)) } else { shown(&suite.component, &samples) });
    Ok(if samples.failures == 0 { Ended::Well } else { Ended::Failed })
}

/// Eight regions without labels.
fn plain() -> Result<Suite, String> {
    let regions: String = (0..REGIONS).map(|index| format!("[regions.region-{index}]\n")).collect();
    Suite::parse(&format!("component = \"\"\n{regions}"), Path::new(""))
}

fn shown(component: &Path, samples: &Samples) -> String {
    let Samples { calls, p50, p99, max, failures, instance, memory_first, memory_last } = samples;
    let mut text = format!("{}\n", component.display());
    let mut row = |name: &str, value: String| text.push_str(&format!("  {name:<10} {value}\n"));
    row("route", format!("p50 {}, p99 {}, longest {} ({calls} calls)", span(*p50), span(*p99), span(*max)));
    row("instance", format!("{} until a fresh one is ready", span(*instance)));
    row("memory", format!("{} after the first call, {} after the last", size(*memory_first), size(*memory_last)));
    row("failures", failures.to_string());
    text
}

fn document(samples: &Samples) -> serde_json::Value {
    let ns = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
    json!({
        "calls": samples.calls, "failures": samples.failures,
        "p50_ns": ns(samples.p50), "p99_ns": ns(samples.p99), "max_ns": ns(samples.max),
        "instance_ns": ns(samples.instance),
        "memory_first_bytes": samples.memory_first, "memory_last_bytes": samples.memory_last,
    })
}

fn span(span: Duration) -> String {
    match span.as_nanos() {
        ns @ 0..10_000 => format!("{ns} ns"),
        ns => format!("{} us", ns / 1000),
    }
}
