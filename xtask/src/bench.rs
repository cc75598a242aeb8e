//! `cargo xtask bench`: what the router costs, alone and beside its peers.
//!
//! `micro` runs the Criterion benches, `proxy` compares whole processes under load, `start` times a start. Each prints a
//! table with its targets and leaves a JSON file in `target/bench/`. Owns the arguments and the order; `docs/BENCHMARKS.md`
//! has the method and recorded figures. Called by `main.rs` with the arguments behind the command.

#![allow(clippy::disallowed_methods, reason = "a command that times real processes")]

mod burst;
mod cache;
mod compare;
mod contender;
mod cpu;
mod micro;
mod offered;
mod peers;
mod policies;
mod portolan;
mod proxy;
mod reloads;
mod report;
mod samples;
mod scenario;
mod slow_origin;
mod start;
mod store;
mod train;
mod wrk;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use crate::{machine, release};
pub(crate) use train::train;

const HELP: &str = "\
cargo xtask bench [micro|store|proxy|cache|burst|start|policies|reloads|all] [options]; left out: all

  micro         the Criterion benches of the router, their medians beside their targets
  proxy         CPU time of a proxied request, beside nginx, HAProxy and Envoy; needs two cores
  store         what the store of answers takes for a million objects, its share of hits, the time of a purge
  cache         CPU time of an answer from the cache, and its slowest hundredth among misses, as fast as each can and at one
                rate for all, beside nginx and Varnish; needs two cores
  burst         fifty clients at once for what is not stored yet, or never, beside nginx and Varnish
  policies      memory and start of a PoP with 200 policies, and with 10 000 routes to one
  reloads       memory over a thousand reloads, each with another version of a policy, while requests are served
  start         from exec to the first answer, with compiled policies cached

  --rounds N    rounds of `proxy`, `cache` and `burst` (7)
  --seconds N   length of one measurement of `proxy` and `cache` (2)
  --more        `proxy` also with bodies of 100 KiB, and over TLS 1.3
  --program P   a router that is built already, instead of the one that is shipped (`cargo xtask release`)
  --plain       the router as `cargo build --release` makes it, without a profile
  --only A,B    `proxy` only with the contenders whose names contain one of these; nginx always takes part
";

/// What the arguments ask for.
#[derive(Debug)]
pub(crate) struct Options {
    micro: bool,
    store: bool,
    proxy: bool,
    cache: bool,
    burst: bool,
    start: bool,
    policies: bool,
    reloads: bool,
    rounds: usize,
    length: Duration,
    more: bool,
    only: Vec<String>,
    program: Option<PathBuf>,
    plain: bool,
}

impl Options {
    fn everything(&mut self) {
        (self.micro, self.store, self.proxy, self.cache, self.burst, self.start) = (true, true, true, true, true, true);
        (self.policies, self.reloads) = (true, true);
    }
}

/// Runs the command.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    if args.iter().any(|arg| arg == "-h" || arg == "--help") {
        print!("{HELP}");
        return Ok(());
    }
    if args.first().is_some_and(|word| word == offered::COMMAND) {
        return offered::generate(&args[1..]);
    }
    let options = parse(args)?;
    if options.micro {
        micro::run()?;
    }
    if options.store {
        store::run()?;
    }
    let whole = options.start || options.policies || options.reloads || options.proxy || options.cache || options.burst;
    if whole {
        portolan::components()?;
        let program = match &options.program {
            Some(program) => program.clone(),
            None if options.plain => portolan::build()?,
            None => release::build()?,
        };
        if options.start {
            start::run(&program)?;
        }
        if options.policies {
            policies::run(&program)?;
        }
        if options.reloads {
            reloads::run(&program)?;
        }
        if options.proxy {
            proxy::run(&program, &options)?;
        }
        if options.cache {
            cache::run(&program, &options)?;
        }
        if options.burst {
            burst::run(&program, &options)?;
        }
    }
    Ok(())
}

fn parse(args: &[String]) -> anyhow::Result<Options> {
    let length = Duration::from_secs(2);
    let mut options = Options {
        micro: false,
        store: false,
        proxy: false,
        cache: false,
        burst: false,
        start: false,
        policies: false,
        reloads: false,
        rounds: 7,
        length,
        more: false,
        only: Vec::new(),
        program: None,
        plain: false,
    };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "micro" => options.micro = true,
            "proxy" => options.proxy = true,
            "store" => options.store = true,
            "cache" => options.cache = true,
            "burst" => options.burst = true,
            "start" => options.start = true,
            "policies" => options.policies = true,
            "reloads" => options.reloads = true,
            "all" => options.everything(),
            "--more" => options.more = true,
            "--plain" => options.plain = true,
            "--rounds" => options.rounds = number(arg, args.next())?,
            "--seconds" => options.length = Duration::from_secs(number(arg, args.next())? as u64),
            "--program" => options.program = Some(args.next().context("`--program` wants a path")?.into()),
            "--only" => {
                let names = args.next().context("`--only` wants names, with commas between them")?;
                options.only = names.split(',').map(str::to_owned).collect();
            }
            unknown => bail!("`{unknown}` is not known\n\n{HELP}"),
        }
    }
    let some = options.micro || options.store || options.proxy || options.cache || options.burst || options.start;
    if !some && !options.policies && !options.reloads {
        options.everything();
    }
    Ok(options)
}

fn number(option: &str, value: Option<&String>) -> anyhow::Result<usize> {
    let value = value.and_then(|text| text.parse().ok()).with_context(|| format!("`{option}` wants a number"))?;
    ensure!((1..=1000).contains(&value), "`{option}` is at least 1 and at most 1000");
    Ok(value)
}

/// The folder of results, configurations and logs.
fn folder() -> anyhow::Result<PathBuf> {
    let folder = machine::target().join("bench");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn arguments_say_what_runs() {
        let check = |line: &str| parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        let all = check("").unwrap();
        assert!(all.micro && all.proxy && all.start && !all.more);
        let one = check("proxy --rounds 3 --seconds 1 --more --only portolan,envoy").unwrap();
        assert!(one.proxy && !one.micro && !one.start && one.more);
        assert_eq!((one.rounds, one.length, one.only.len()), (3, Duration::from_secs(1), 2));
        for wrong in ["fast", "--rounds", "--rounds 0", "--seconds x", "--only", "--program"] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }
}
