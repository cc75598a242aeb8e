//! `bench cache`: CPU time of an answer from the cache, the router beside nginx and Varnish.
//!
//! All three keep their objects in memory (nginx in files that are in the page cache, as it is run) and give them the same
//! lifetime. Owns who takes part; `compare` measures them. Called by `bench`.

use std::path::Path;

use super::contender::{Contender, Ground, need};
use super::scenario::CACHED;
use super::{Options, compare, peers, portolan};

/// Runs the comparison.
pub(super) fn run(program: &Path, options: &Options) -> anyhow::Result<()> {
    compare::run("cache.json", &CACHED, options, |ground| contenders(ground, program))
}

fn contenders(ground: &Ground, program: &Path) -> anyhow::Result<Vec<Contender>> {
    let mut started = vec![peers::nginx_cache(ground)?, portolan::start_cache(ground, program)?];
    match need(&[("varnishd", "varnish")]).and_then(|()| peers::varnish(ground)) {
        Ok(varnish) => started.push(varnish),
        Err(error) => eprintln!("varnish does not take part: {error:#}"),
    }
    Ok(started)
}
