//! Builds what the demo runs, each part only when it is out of date: policies, router and origin, the page's bundle.
//!
//! Owns the question whether the bundle is fresh; cargo answers it for the rest. Never starts what it built. Called by
//! `demo::run`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, ensure};

use super::said;
use crate::{machine, plugins, setup};

/// What was built.
#[derive(Debug)]
pub(super) struct Programs {
    pub(super) router: PathBuf,
    pub(super) origin: PathBuf,
}

/// The folder of the page's sources.
pub(super) fn site() -> PathBuf {
    machine::root().join("examples/demo/site")
}

/// Builds everything that is out of date.
pub(super) fn all(debug: bool) -> anyhow::Result<Programs> {
    said("building the policies", || plugins::build(plugins::Wanted::Rust))?;
    let programs = said("building the router and the origin", || native(debug))?;
    page()?;
    Ok(programs)
}

/// Builds the page's bundle, if it is out of date.
pub(super) fn page() -> anyhow::Result<()> {
    if bundle_is_fresh(&site()) {
        println!("the page's bundle is up to date");
        return Ok(());
    }
    said("building the page's bundle", bundle)
}

fn native(debug: bool) -> anyhow::Result<Programs> {
    let mut cargo = machine::command("cargo", &["build", "-p", "portolan", "-p", "demo-origin"]);
    if !debug {
        cargo.arg("--release");
    }
    machine::run(&mut cargo)?;
    let folder = machine::target().join(if debug { "debug" } else { "release" });
    let programs = Programs { router: folder.join("portolan"), origin: folder.join("demo-origin") };
    for program in [&programs.router, &programs.origin] {
        ensure!(program.is_file(), "cargo built no {}", program.display());
    }
    Ok(programs)
}

fn bundle() -> anyhow::Result<()> {
    setup::node()?;
    let site = site();
    if !installed_is_fresh(&site) {
        machine::run(machine::command("npm", &["ci", "--no-audit", "--no-fund"]).current_dir(&site))?;
    }
    machine::run(machine::command("npm", &["run", "build"]).current_dir(&site))?;
    ensure!(site.join("dist/index.html").is_file(), "`npm run build` left no {}/dist/index.html", site.display());
    Ok(())
}

/// npm writes its own record of what it installed; an older one than the lock file is out of date.
fn installed_is_fresh(site: &Path) -> bool {
    let installed = modified(&site.join("node_modules/.package-lock.json"));
    installed.is_some() && installed >= modified(&site.join("package-lock.json"))
}

fn bundle_is_fresh(site: &Path) -> bool {
    let Some(built) = modified(&site.join("dist/index.html")) else { return false };
    let sources =
        ["index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts", "src", "public"];
    sources.iter().all(|name| newest(&site.join(name)).is_ok_and(|at| at.is_none_or(|at| at <= built)))
}

/// When the newest file of a folder (or the file) was changed; none when there is none.
fn newest(path: &Path) -> anyhow::Result<Option<SystemTime>> {
    if !path.is_dir() {
        return Ok(modified(path));
    }
    let mut newest_of_all = None;
    for entry in fs::read_dir(path).with_context(|| format!("cannot list {}", path.display()))? {
        newest_of_all = newest_of_all.max(newest(&entry?.path())?);
    }
    Ok(newest_of_all)
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|meta| meta.modified()).ok()
}
