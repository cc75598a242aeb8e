//! The project's own commands: `cargo xtask COMMAND`.
//!
//! Dispatch and help only; each command is one file. Nothing here is part of the router, and the router never calls it.
//! It is run by developers, by `.ci/run` and by the tests that need components.

#![allow(clippy::disallowed_methods, reason = "a program for developers: real time, no workers to block")]

mod bench;
mod ci;
mod conformance;
mod contract;
mod demo;
mod encode;
mod fuzz;
mod geo_data;
mod guests;
mod machine;
mod plugins;
mod release;
mod setup;
mod tidy;
mod toolchains;

use std::process::ExitCode;

const HELP: &str = "\
The commands of this project: cargo xtask COMMAND

  setup      what this machine lacks; installs it where that is possible without asking
  plugins    build the shipped policies, in every language, to target/plugins/ and the test guests to target/guests/
  demo       a few points of presence and regions on this machine, to look at and to break
  test       plugins, then every test of the workspace; arguments are handed to `cargo test`
  release    the router as it is shipped, optimised by a profile: target/dist/portolan
  bench      measure, and compare with the recorded figures
  conformance  the public test suite for HTTP caches against the router; --suite FOLDER takes a checkout of it
  fuzz       the parsers under a fuzzer, every one for 30 s: [TARGET] [--seconds N]
  tidy       the rules of the source that no compiler checks
  geo-data   fetch the sources of the built-in country data and rewrite router/data/
  ci         everything a change must pass: format, lints, tidy, licences and advisories, tests
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let Some(code) = fuzz::as_compiler(&args) {
        return code;
    }
    match run(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let (command, rest) = match args.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", args),
    };
    match command {
        "setup" => setup::run(rest)?,
        "plugins" => plugins::run(rest)?,
        "demo" => demo::run(rest)?,
        "test" => ci::test(rest)?,
        "release" => release::run(rest)?,
        "bench" => bench::run(rest)?,
        "conformance" => conformance::run(rest)?,
        "fuzz" => fuzz::run(rest)?,
        "tidy" => tidy::run(rest)?,
        "geo-data" => geo_data::run()?,
        "ci" => ci::run(rest)?,
        "help" | "-h" | "--help" => print!("{HELP}"),
        unknown => {
            eprint!("there is no command `{unknown}`\n\n{HELP}");
            return Ok(ExitCode::from(2));
        }
    }
    Ok(ExitCode::SUCCESS)
}
