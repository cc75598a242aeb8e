//! `cargo xtask setup`: what this machine lacks for the other commands.
//!
//! Installs with apt-get as root and names the line to type otherwise; never replaces what is there. Called by
//! `main.rs`, and by `plugins.rs` and the demo for the part that they need.

use anyhow::bail;
use policy_build::{Language, Toolchain};

use crate::{machine, toolchains};

/// Runs the command. It takes no arguments.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    if let Some(argument) = args.first() {
        bail!("`cargo xtask setup` takes no arguments, but was given `{argument}`");
    }
    let mut missing = Vec::new();
    for (what, part) in
        [("a toolchain for policies", wasm_toolchain as fn() -> anyhow::Result<()>), ("node and npm", node)]
    {
        match part() {
            Ok(()) => println!("  have  {what}"),
            Err(error) => {
                println!("  lack  {what}");
                missing.push(format!("{error:#}"));
            }
        }
    }
    // Optional: without them the policies in these languages are not built.
    let languages =
        [("C", Language::C), ("Go", Language::Go), ("JavaScript", Language::Js), ("Python", Language::Python)];
    for (what, language) in languages {
        match toolchains::ensure(language) {
            Ok(()) => println!("  have  a compiler for policies in {what}"),
            Err(error) => println!("  lack  a compiler for policies in {what} alone (optional): {error:#}"),
        }
    }
    // Optional: without it the browser tests say that they are skipped.
    match browser() {
        Ok(()) => println!("  have  a browser, for the browser tests"),
        Err(error) => println!("  lack  a browser, for the browser tests alone (optional): {error:#}"),
    }
    match registry() {
        Ok(()) => println!("  have  a registry, for the tests that fetch from one"),
        Err(error) => println!("  lack  a registry, for the tests that fetch from one (optional): {error:#}"),
    }
    if missing.is_empty() { Ok(()) } else { bail!("{}", missing.join("\n\n")) }
}

/// A toolchain that builds policies.
pub(crate) fn wasm_toolchain() -> anyhow::Result<()> {
    if Toolchain::find().is_some() {
        return Ok(());
    }
    if install(&policy_build::DEBIAN_PACKAGES).is_ok() && Toolchain::find().is_some() {
        return Ok(());
    }
    bail!("{}", policy_build::HELP)
}

/// Node and npm, which build the demo's site and the policies in JavaScript.
pub(crate) fn node() -> anyhow::Result<()> {
    if machine::has("node") && machine::has("npm") {
        return Ok(());
    }
    if install(&["nodejs", "npm"]).is_ok() && machine::has("npm") {
        return Ok(());
    }
    bail!("for the demo's site, as root:\n  apt-get install -y --no-install-recommends nodejs npm")
}

/// A browser for the tests that look at the demo's page in one.
pub(crate) fn browser() -> anyhow::Result<()> {
    let known = || ["chromium", "chromium-browser", "google-chrome"].iter().any(|name| machine::has(name));
    if known() || std::env::var_os("PORTOLAN_BROWSER").is_some() || (install(&["chromium"]).is_ok() && known()) {
        return Ok(());
    }
    bail!("as root: apt-get install -y --no-install-recommends chromium")
}

/// A registry server, for the tests that fetch components from one.
pub(crate) fn registry() -> anyhow::Result<()> {
    if machine::has("docker-registry") || (install(&["docker-registry"]).is_ok() && machine::has("docker-registry")) {
        return Ok(());
    }
    bail!("as root: apt-get install -y --no-install-recommends docker-registry")
}

/// A compiler of C++, with which the fuzzer's own library is built.
pub(crate) fn compiler_of_cpp() -> anyhow::Result<()> {
    if machine::has("c++") || install(&["g++"]).is_ok() {
        return Ok(());
    }
    bail!("for the fuzzer, as root:\n  apt-get install -y --no-install-recommends g++")
}

/// Installs Debian packages; only as root.
pub(crate) fn install(packages: &[&str]) -> anyhow::Result<()> {
    if !machine::is_root() || !machine::has("apt-get") {
        bail!("packages can be installed only as root and with apt-get");
    }
    // The lists of a fresh image are empty, or so old that they name an older version than there is. Where they cannot be
    // fetched, those that are there may still do.
    if machine::run(&mut machine::command("apt-get", &["update"])).is_err() {
        eprintln!("the package lists could not be brought up to date; going on with the present ones");
    }
    let mut apt = machine::command("apt-get", &["install", "-y", "--no-install-recommends"]);
    machine::run(apt.args(packages).env("DEBIAN_FRONTEND", "noninteractive"))
}
