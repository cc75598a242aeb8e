//! One build of a policy in Go: a module around the author's.
//!
//! Owns that module and the stub of what Go's runtime asks of an operating system. The module is made of the bindings, of the
//! SDK's packages that they call, and of an import of the author's package, whose `init` tells the SDK of the policy.

use crate::contract::WORLD;
use crate::project::Project;
use crate::{bindings, guest, write};
use std::path::Path;
use std::process::Command;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Every function of WASI 0.1 that Go's runtime knows: there is nothing behind any of them.
const STUB: &str = include_str!("wasi.wat");

/// Packages of the SDK that every component has, below its folder `component`.
const ALWAYS: [&str; 2] = ["crossing", "export_portolan_policy_lifecycle"];

/// Makes a component of a project; `world` is the contract with its world.
pub(crate) fn build(project: &Project, go: &Path, world: &str, work: &Path) -> Result<Vec<u8>, String> {
    let [module, policy, sdk] = ["module", "policy", "sdk"].map(|folder| work.join(folder));
    guest::copy(&project.source(), &policy)?;
    guest::copy(&project.sdk, &sdk)?;
    bindings::go(world, &module)?;
    let hooks = project.hooks.iter().map(|hook| format!("export_portolan_policy_{}", hook.replace('-', "_")));
    for package in ALWAYS.map(str::to_owned).into_iter().chain(hooks) {
        let from = sdk.join("component").join(&package);
        if !from.is_dir() {
            return Err(format!("the SDK for Go has no form of the hook behind {package}"));
        }
        guest::copy(&from, &module.join(package))?;
    }
    let name = module_name(&policy.join("go.mod"))?;
    write(&module.join("go.mod"), manifest(&name).as_bytes())?;
    write(&module.join("policy.go"), format!("package main\n\nimport _ \"{name}\"\n").as_bytes())?;
    if let Ok(sums) = std::fs::read(policy.join("go.sum")) {
        write(&module.join("go.sum"), &sums)?;
    }
    component(&guest::made(&mut command(go, work), work)?, world)
}

/// The author's module, by its own `go.mod`.
fn module_name(file: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("src/go.mod: {error}"))?;
    let name = text.lines().find_map(|line| line.trim().strip_prefix("module "));
    name.map(|name| name.trim().to_owned()).ok_or_else(|| "src/go.mod: it names no module".to_owned())
}

/// `go.mod` of the module around the author's.
fn manifest(policy: &str) -> String {
    let modules = [(policy, "policy"), ("portolan", "sdk"), ("go.bytecodealliance.org/pkg", "sdk/wit")];
    let lines =
        modules.map(|(name, folder)| format!("require {name} v0.0.0\n\nreplace {name} => ../{folder}\n")).join("\n");
    format!("module wit_component\n\ngo 1.25\n\n{lines}")
}

fn command(go: &Path, work: &Path) -> Command {
    let mut command = Command::new(go);
    command.args(["build", "-C", "module", "-buildmode=c-shared", "-trimpath", "-buildvcs=false"]);
    command.args(["-mod=mod", "-ldflags=-s -w", "-o"]).arg(guest::output(work)).arg(".");
    command.env("GOOS", "wasip1").env("GOARCH", "wasm").env("GOWORK", "off").env("GOTOOLCHAIN", "local");
    // Go's library is compiled on its first use, so it is kept between builds.
    command.env("GOCACHE", work.with_file_name("go-cache"));
    command
}

/// The component of Go's core module: with the world, which its compiler does not write there, and the stub.
fn component(module: &[u8], world: &str) -> Result<Vec<u8>, String> {
    let encode = || {
        let mut resolve = Resolve::default();
        let package = resolve.push_str("policy.wit", world)?;
        let world = resolve.select_world(&[package], Some(WORLD))?;
        let mut module = module.to_vec();
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
        let encoder = ComponentEncoder::default().module(&module)?;
        encoder.adapter("wasi_snapshot_preview1", &wat::parse_str(STUB)?)?.validate(true).encode()
    };
    encode().map_err(|error| format!("{error:#}"))
}
