//! The router under test: its release build, its configurations, its sessions.
//!
//! Owns which policies a contender runs and the pin that its requests carry. Used by `proxy` and `start`.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::contender::{Contender, Ground, PROXY_CORE, Ports, ask};
use crate::machine;
use crate::plugins;

/// The policy that pins a session, as operators run it: every request carries a pin, which the host checks.
pub(super) const SESSION_PIN: Policy = Policy { name: "session-pin", component: "target/plugins/session-pin.wasm" };
/// A policy that reads eight fields of the request, orders the regions and edits a header.
pub(super) const EIGHT_FIELDS: Policy = Policy { name: "eight-fields", component: "target/guests/good.wasm" };

/// A policy on every request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policy {
    pub(super) name: &'static str,
    component: &'static str,
}

/// Builds the policies where they are missing.
pub(super) fn components() -> anyhow::Result<()> {
    let components = [SESSION_PIN, EIGHT_FIELDS].map(|policy| machine::root().join(policy.component));
    if components.iter().all(|component| component.is_file()) { Ok(()) } else { plugins::build(plugins::Wanted::Rust) }
}

/// Builds the router with optimisation; gives its path.
pub(super) fn build() -> anyhow::Result<PathBuf> {
    machine::run(&mut machine::command("cargo", &["build", "--release", "--package", "portolan"]))?;
    Ok(machine::target().join("release/portolan"))
}

/// Writes a configuration.
pub(super) fn configure(ground: &Ground, ports: Ports, name: &str, policy: Option<Policy>) -> anyhow::Result<PathBuf> {
    let (policies, uses) = match policy {
        None => (String::new(), String::new()),
        Some(policy) => {
            let component = machine::root().join(policy.component);
            let table = format!("[policies.{}]\ncomponent = {:?}\n", policy.name, component.display().to_string());
            // A pin is measured by itself: without affinity the other policy's sessions have none.
            let affinity = if policy.name == SESSION_PIN.name { "affinity = { cookie = \"bench\" }\n" } else { "" };
            (table, format!("policies = [{:?}]\n{affinity}", policy.name))
        }
    };
    let template = include_str!("configs/portolan.toml");
    ground.write_for(ports, &format!("{name}.toml"), template, &[("policies", &policies), ("uses", &uses)])
}

/// Starts it with a cache.
pub(super) fn start_cache(ground: &Ground, program: &Path) -> anyhow::Result<Contender> {
    let ports = Ports::free()?;
    let words = [("policies", ""), ("uses", "cache = { default_age = \"1h\" }\n")];
    let config = ground.write_for(ports, "portolan-cache.toml", include_str!("configs/portolan.toml"), &words)?;
    let args = ["run", "-c", &config.to_string_lossy(), "--log", "warn"];
    Contender::start("portolan", PROXY_CORE, program, &args, ports, &ground.folder)
}

/// Starts it without access lines, as the peers run.
pub(super) fn start(
    ground: &Ground,
    program: &Path,
    name: &str,
    policy: Option<Policy>,
    log: &str,
) -> anyhow::Result<Contender> {
    let ports = Ports::free()?;
    let config = configure(ground, ports, &name.replace([' ', ','], "-"), policy)?;
    let config = config.to_string_lossy().into_owned();
    let mut contender = if log == "warn" {
        let args = ["run", "-c", &config, "--log", log];
        Contender::start(name, PROXY_CORE, program, &args, ports, &ground.folder)?
    } else {
        // Lines must be made, but not kept.
        let line = format!("exec {:?} run -c {config:?} --log {log} 2>/dev/null", program.display().to_string());
        Contender::start(name, PROXY_CORE, Path::new("sh"), &["-c", &line], ports, &ground.folder)?
    };
    contender.headers.push("x-country: DE".to_owned());
    if policy.is_some_and(|policy| policy.name == SESSION_PIN.name) {
        let cookie = ask(ports.plain, "/", &[])?.cookie.context("the session was given no pin")?;
        contender.headers.push(format!("cookie: {cookie}"));
    }
    Ok(contender)
}
