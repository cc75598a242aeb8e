//! `cargo xtask test` and `cargo xtask ci`: what a change must pass.
//!
//! `ci` is the whole gate, cheapest part first, and ends with `test`; `.ci/run` only calls it. Owns the order of the
//! steps, none of their work.

use anyhow::Context;

use crate::machine::{command, has, run as run_command, target};
use crate::{demo, plugins, setup, tidy};

/// Builds the components and runs every test; `args` are handed to `cargo test`.
pub(crate) fn test(args: &[String]) -> anyhow::Result<()> {
    plugins::build(plugins::Wanted::All)?;
    // What the browser tests need; where it cannot be had they say that they are skipped.
    for (what, had) in [("a browser", setup::browser()), ("the demo's page", demo::build_page())] {
        if let Err(error) = had {
            eprintln!("the browser tests will be skipped, for {what} is missing: {error:#}");
        }
    }
    if let Err(error) = setup::registry() {
        eprintln!("the tests with a registry will be skipped, for there is none: {error:#}");
    }
    // The programs that the end-to-end tests run, with the very dependencies that the tests are built with: cargo joins
    // features over all that it builds at once, and the tests' own build of two packages would compile much of it again.
    let profile: Vec<&String> =
        args.iter().take_while(|argument| *argument != "--").filter(|a| *a == "--release").collect();
    let folder = if profile.is_empty() { "debug" } else { "release" };
    run_command(command("cargo", &["build", "--workspace", "--bins", "--tests"]).args(profile))?;
    let mut tests = command("cargo", &["test", "--workspace"]);
    run_command(tests.args(args).env("PORTOLAN_PROGRAMS", target().join(folder)))
}

/// Everything a change must pass.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    run_command(&mut command("cargo", &["fmt", "--all", "--check"]))?;
    tidy::run(&[])?;
    run_command(&mut command("cargo", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    deny()?;
    // The README's own command, as a developer types it.
    run_command(command("cargo", &["xtask", "test"]).args(args))
}

/// Licences, advisories and sources of the dependencies.
fn deny() -> anyhow::Result<()> {
    if !has("cargo-deny") {
        run_command(&mut command("cargo", &["install", "--locked", "cargo-deny"]))
            .context("licences and advisories are NOT checked: cargo-deny is missing and cannot be installed here")?;
    }
    run_command(&mut command("cargo", &["deny", "--workspace", "check", "bans", "licenses", "sources"]))?;
    advisories()
}

/// Known vulnerabilities. Their list is fetched from the network: where that cannot be, the check says so loudly and
/// the gate goes on; a vulnerability that is found stops it.
fn advisories() -> anyhow::Result<()> {
    let check = command("cargo", &["deny", "--workspace", "check", "advisories"]).output()?;
    let said = String::from_utf8_lossy(&check.stderr);
    if check.status.success() {
        return Ok(());
    }
    if said.contains("failed to fetch advisory database") || said.contains("failed to load advisory database") {
        eprintln!("ci: advisories were NOT checked: their database cannot be fetched from here");
        return Ok(());
    }
    anyhow::bail!("cargo deny check advisories failed:\n{said}")
}
