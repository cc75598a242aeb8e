//! Whatever packages are built together, what they share is built with the same features.
//!
//! Cargo joins features over the packages of one build, so another choice of packages would compile wasmtime and half of
//! the rest again; `xtask/features` asks for what differs. Owns the choices that people make. Reads what `cargo tree`
//! says, which resolves and builds nothing. Called by `tidy.rs`.

use std::collections::BTreeSet;

use anyhow::Context;

use super::Offence;
use crate::machine;

/// Builds beside that of the whole workspace: the router, the demo, the router's tests and benches, the end-to-end tests.
const CHOICES: [(&[&str], &str); 4] = [
    (&["-p", "portolan"], "normal,build"),
    (&["-p", "portolan", "-p", "demo-origin"], "normal,build"),
    (&["-p", "portolan"], "normal,build,dev"),
    (&["-p", "portolan-tests"], "normal,build,dev"),
];
/// Where an offence is mended.
const FILE: &str = "xtask/features/Cargo.toml";

/// Checks every choice against the whole workspace.
pub(crate) fn check(found: &mut Vec<Offence>) -> anyhow::Result<()> {
    let whole = shared(&["--workspace"], "normal,build,dev")?;
    for (packages, edges) in CHOICES {
        for other in shared(packages, edges)?.difference(&whole) {
            let what = format!("`{}` has other features than the workspace: {other}", packages.join(" "));
            found.push(Offence::new(FILE, 1, what));
        }
    }
    Ok(())
}

/// Every crate of others that is built, with its features.
fn shared(packages: &[&str], edges: &str) -> anyhow::Result<BTreeSet<String>> {
    let mut tree = machine::command("cargo", &["tree", "--prefix", "none", "--format", "{p} [{f}]", "--edges", edges]);
    let text = machine::output(tree.args(packages)).context("`cargo tree` failed")?;
    // Packages of the workspace say where they are; what was listed before ends in a star.
    let lines = text.lines().map(|line| line.trim_end_matches(" (*)")).filter(|line| !line.contains("(/"));
    Ok(lines.map(str::to_owned).collect())
}
