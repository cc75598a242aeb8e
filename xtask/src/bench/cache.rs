//! `bench cache`: CPU time of an answer from the cache, the router beside nginx and Varnish.
//!
//! Measured as `proxy` measures. All three keep their objects in memory (nginx in files that are in the page cache, as it is
//! run) and give them the same lifetime. Owns who takes part. Called by `bench`.

use std::path::Path;

use anyhow::ensure;

use super::contender::{Contender, Ground, LOAD_CORE, need};
use super::proxy::{self, Rounds};
use super::scenario::CACHED;
use super::{Options, peers, portolan, report};
use crate::demo;

/// Runs the comparison.
pub(super) fn run(program: &Path, options: &Options) -> anyhow::Result<()> {
    let cores = std::thread::available_parallelism()?.get();
    ensure!(cores > LOAD_CORE, "the comparison needs two cores, and this machine has {cores}");
    need(&[("nginx", "nginx-light"), ("wrk", "wrk"), ("taskset", "util-linux"), ("openssl", "openssl")])?;
    let interrupted = demo::interrupt_flag()?;
    let ground = Ground::prepare()?;
    let origin = peers::origin(&ground)?;
    let mut contenders: Vec<Contender> = vec![peers::nginx_cache(&ground)?, portolan::start_cache(&ground, program)?];
    match need(&[("varnishd", "varnish")]).and_then(|()| peers::varnish(&ground)) {
        Ok(varnish) => contenders.push(varnish),
        Err(error) => eprintln!("varnish does not take part: {error:#}"),
    }
    let mut results = Vec::new();
    for scenario in &CACHED {
        let rounds: Vec<Rounds> = proxy::rounds(&mut contenders, scenario, options, &interrupted)?;
        report::show(scenario, &rounds);
        results.push(report::document(scenario, options, &rounds));
    }
    for contender in contenders.into_iter().chain([origin]) {
        contender.process.stop()?;
    }
    report::save("cache.json", &results, &peers::versions())
}
