//! `bench proxy`: CPU time of a proxied request, the router beside its peers.
//!
//! Owns who takes part; `compare` measures them. Called by `bench`.

use std::path::Path;

use super::contender::{Contender, Ground};
use super::portolan::{self, EIGHT_FIELDS, SESSION_PIN};
use super::scenario::SCENARIOS;
use super::{Options, compare, peers};

/// Runs the comparison.
pub(super) fn run(program: &Path, options: &Options) -> anyhow::Result<()> {
    let scenarios = if options.more { &SCENARIOS[..] } else { &SCENARIOS[..1] };
    compare::run("proxy.json", scenarios, options, |ground| contenders(ground, program, options))
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
