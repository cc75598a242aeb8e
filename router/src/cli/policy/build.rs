//! `portolan policy build`: from a policy's folder to a component.
//!
//! Owns which language a folder is in, and that what comes out is something the router would take. The toolchains and the
//! encoding are `policy-build`'s, the same as for the policies that ship.

use super::{BuildArgs, compiled, engine, size};
use crate::cli::Ended;
use crate::cli::text::{complain, say};
use policy_build::{Project, Toolchain, Tools};
use std::path::{Path, PathBuf};

pub(super) fn build(args: &BuildArgs) -> Result<Ended, String> {
    let folder = &args.folder;
    let target = args.target_dir.clone().unwrap_or_else(|| folder.join("target"));
    let target = std::path::absolute(target).map_err(|error| error.to_string())?;
    let made = if Project::is_in(folder) { project(folder, &target)? } else { package(folder, &target)? };
    let Some((name, component)) = made else { return Ok(Ended::Failed) };
    let output = args.output.clone().unwrap_or_else(|| folder.join(format!("{name}.wasm")));
    write(&output, &component)?;
    let compiled = compiled(&engine()?, &output)?;
    say(&format!("{} ({}, {})\n", output.display(), size(component.len()), compiled.digest()));
    Ok(Ended::Well)
}

/// Makes a component of a folder with a `policy.toml`; none when that failed and has been said.
fn project(folder: &Path, target: &Path) -> Result<Option<(String, Vec<u8>)>, String> {
    let project = Project::read(folder)?;
    let made = policy_build::build(&project, &Tools::of(&project.folder), &target.join("policies").join(&project.name));
    Ok(made.map_err(|wrong| complain(&wrong)).ok().map(|component| (project.name, component)))
}

/// Makes a component of a package in Rust; none when that failed and has been said.
fn package(folder: &Path, target: &Path) -> Result<Option<(String, Vec<u8>)>, String> {
    let package = package_name(folder)?;
    let Some(toolchain) = Toolchain::find() else {
        complain(&format!("there is no toolchain for {} here\n{}", policy_build::TARGET, policy_build::HELP));
        return Ok(None);
    };
    complain(&format!("building {package} with {}", toolchain.name()));
    let mut cargo = toolchain.cargo_build(folder, target);
    let status =
        cargo.args(["--package", &package]).status().map_err(|error| format!("cannot start cargo: {error}"))?;
    if !status.success() {
        return Ok(None);
    }
    let module = Toolchain::module(target, &package);
    let bytes = std::fs::read(&module)
        .map_err(|error| format!("{}: {error}; a policy's [lib] has crate-type = [\"cdylib\"]", module.display()))?;
    let component = policy_build::component(&bytes).map_err(|error| format!("{}: {error}", module.display()))?;
    Ok(Some((package, component)))
}

/// Name of the package in a folder.
fn package_name(folder: &Path) -> Result<String, String> {
    let file = folder.join("Cargo.toml");
    let text = std::fs::read_to_string(&file).map_err(|error| {
        format!(
            "{}: {error}; accepted: the folder of a policy, as `portolan policy new` makes it, with a Cargo.toml or a {}",
            file.display(),
            policy_build::PROJECT_FILE
        )
    })?;
    let manifest: toml::Table = text.parse().map_err(|error| format!("{}: {error}", file.display()))?;
    let name = manifest.get("package").and_then(|package| package.get("name")).and_then(toml::Value::as_str);
    name.map(str::to_owned).ok_or_else(|| format!("{}: it names no package", file.display()))
}

/// Writes a file whole or not at all: a router that watches it must never see half of it.
fn write(path: &PathBuf, bytes: &[u8]) -> Result<(), String> {
    let fresh = path.with_extension("wasm.new");
    let written = std::fs::write(&fresh, bytes).and_then(|()| std::fs::rename(&fresh, path));
    written.map_err(|error| format!("cannot write {}: {error}", path.display()))
}
