//! `cargo xtask plugins`: builds the shipped policies and the test guests to components.
//!
//! Cargo decides what to rebuild; a component is written again only when its bytes changed. The guests have their own
//! profile and target folder, so that they never disturb a native build. Called by `main.rs`, `ci.rs` and the demo.

use std::path::Path;

use anyhow::{Context, bail};
use policy_build::Toolchain;

use crate::guests::{self, Guest, Source};
use crate::{encode, machine, setup};

/// Where cargo builds the guests, apart from native builds.
const TARGET: &str = "target/guest";

/// Runs the command. It takes no arguments.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    if let Some(argument) = args.first() {
        bail!("`cargo xtask plugins` takes no arguments, but was given `{argument}`");
    }
    build()
}

/// Builds every component.
pub(crate) fn build() -> anyhow::Result<()> {
    let root = machine::root();
    let guests = guests::all(&root)?;
    let toolchain = toolchain()?;
    eprintln!("building {} components with {}", guests.len(), toolchain.name());
    let mut cargo = toolchain.cargo_build(&root, &root.join(TARGET));
    for guest in guests.iter().filter(|guest| guest.source == Source::Package) {
        cargo.args(["--package", &guest.name]);
    }
    machine::run(&mut cargo)?;
    let contract = read_text(&root.join("wit/policy.wit"))?;
    for guest in &guests {
        let component = component(guest, &root, &contract).with_context(|| format!("guest `{}`", guest.name))?;
        write_if_changed(&root.join(&guest.output), &component)?;
        println!("{:>9} {}", kib(component.len()), guest.output.display());
    }
    Ok(())
}

/// The toolchain of this machine, after `setup` where it has none.
fn toolchain() -> anyhow::Result<Toolchain> {
    if let Some(toolchain) = Toolchain::find() {
        return Ok(toolchain);
    }
    setup::wasm_toolchain()?;
    Toolchain::find().with_context(|| format!("no toolchain for {} here\n{}", policy_build::TARGET, policy_build::HELP))
}

fn component(guest: &Guest, root: &Path, contract: &str) -> anyhow::Result<Vec<u8>> {
    match &guest.source {
        Source::Package => {
            let path = Toolchain::module(&root.join(TARGET), &guest.name);
            let module = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            policy_build::component(&module).map_err(anyhow::Error::msg)
        }
        Source::Wit(path) => encode::trapping(&read_text(path)?, contract),
    }
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn write_if_changed(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if std::fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    // A rename, because a router that watches the file must never see half of it.
    let fresh = path.with_extension("wasm.new");
    std::fs::write(&fresh, bytes).with_context(|| format!("cannot write {}", fresh.display()))?;
    std::fs::rename(&fresh, path).with_context(|| format!("cannot write {}", path.display()))
}

fn kib(bytes: usize) -> String {
    format!("{} KiB", bytes.div_ceil(1024))
}
