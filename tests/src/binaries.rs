//! The programs and components that the tests run, built once for each test run.
//!
//! Owns where they are: in the folder that `PORTOLAN_PROGRAMS` names (`cargo xtask test` built them there), else beside
//! the test's own executable, built by us with the same profile. Components are built only when one is missing.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The `portolan` program.
pub fn portolan() -> PathBuf {
    programs().join("portolan")
}

/// The `demo-origin` program.
pub fn demo_origin() -> PathBuf {
    programs().join("demo-origin")
}

/// A policy that ships, as a component.
pub fn plugin(name: &str) -> PathBuf {
    component("plugins", name)
}

/// Whether a policy that ships could be built here; one that is not in Rust needs a compiler that may not be to be had.
pub fn optional_plugin(name: &str) -> bool {
    plugin("canary");
    is_built("plugins", name)
}

/// The same of a test guest.
pub fn optional_guest(name: &str) -> bool {
    guest("good");
    is_built("guests", name)
}

fn is_built(kind: &str, name: &str) -> bool {
    let path = root().join("target").join(kind).join(format!("{name}.wasm"));
    if !path.is_file() {
        eprintln!("{} is missing, and what needs it is not tried: `cargo xtask plugins` builds it", path.display());
    }
    path.is_file()
}

/// A test guest, as a component.
pub fn guest(name: &str) -> PathBuf {
    component("guests", name)
}

/// Folder in which compiled policies are kept between tests and runs.
pub fn policy_cache() -> PathBuf {
    target().join("policy-cache")
}

/// MaxMind's test databases, when this machine has them: `PORTOLAN_MAXMIND` names the folder.
pub fn maxmind(file: &str) -> Option<PathBuf> {
    let named = std::env::var_os("PORTOLAN_MAXMIND").map(PathBuf::from);
    let beside = root().join("../../shared/maxmind");
    let folder = named.unwrap_or(beside);
    let path = folder.join(file);
    path.is_file().then_some(path)
}

fn programs() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| std::env::var_os("PORTOLAN_PROGRAMS").map_or_else(build, PathBuf::from)).clone()
}

/// `target/PROFILE`: the test's executable is in its `deps` folder.
fn profile_folder() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().to_owned()
}

fn target() -> PathBuf {
    profile_folder().parent().unwrap().to_owned()
}

fn build() -> PathBuf {
    let folder = profile_folder();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--package", "portolan", "--package", "demo-origin"]).current_dir(root());
    cargo.arg("--target-dir").arg(target());
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    run(&mut cargo, "the programs under test could not be built");
    folder
}

fn component(kind: &str, name: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    let path = root().join("target").join(kind).join(format!("{name}.wasm"));
    if !path.is_file() {
        BUILT.get_or_init(|| {
            let mut cargo = Command::new(env!("CARGO"));
            cargo.args(["xtask", "plugins"]).current_dir(root());
            run(&mut cargo, "components are missing, and `cargo xtask plugins` could not build them");
        });
    }
    assert!(path.is_file(), "{} is missing: run `cargo xtask plugins`", path.display());
    path
}

fn run(command: &mut Command, complaint: &str) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{complaint}:\n{}", String::from_utf8_lossy(&output.stderr));
}
