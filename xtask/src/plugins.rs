//! `cargo xtask plugins`: builds the shipped policies and the test guests to components.
//!
//! Cargo decides what to rebuild of those in Rust, and a fingerprint of all that goes into it decides for one in another
//! language; a component is written again only when its bytes changed. The guests have their own profile and target folder, so
//! that they never disturb a native build. Called by `main.rs`, `ci.rs`, the benches and the demo.

use std::path::Path;

use anyhow::{Context, bail};
use policy_build::{Project, Toolchain};

use crate::guests::{self, Guest, Source};
use crate::{encode, machine, setup, toolchains};

/// Where cargo builds the guests, apart from native builds.
const TARGET: &str = "target/guest";
/// Where guests in other languages are built.
const POLICIES: &str = "target/policies";

/// Which guests are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Those in Rust and those that are only a WIT text.
    Rust,
    /// Every guest. One whose toolchain is not to be had here is left out, loudly, unless this is the gate (`CI` is set): there it
    /// is an error.
    All,
}

/// Runs the command. It takes no arguments.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    if let Some(argument) = args.first() {
        bail!("`cargo xtask plugins` takes no arguments, but was given `{argument}`");
    }
    build(Wanted::All)
}

/// Builds the components.
pub(crate) fn build(wanted: Wanted) -> anyhow::Result<()> {
    let root = machine::root();
    let mut guests = guests::all(&root)?;
    guests.retain(|guest| wanted == Wanted::All || !matches!(guest.source, Source::Project(_)));
    let toolchain = toolchain()?;
    eprintln!("building {} components with {}", guests.len(), toolchain.name());
    let mut cargo = toolchain.cargo_build(&root, &root.join(TARGET));
    for guest in guests.iter().filter(|guest| guest.source == Source::Package) {
        cargo.args(["--package", &guest.name]);
    }
    machine::run(&mut cargo)?;
    let contract = read_text(&root.join("wit/policy.wit"))?;
    for guest in &guests {
        let output = root.join(&guest.output);
        let size = match &guest.source {
            Source::Project(project) => foreign(project, &root, &output),
            _ => component(guest, &root, &contract).and_then(|component| write_if_changed(&output, &component)),
        };
        match size.with_context(|| format!("guest `{}`", guest.name)) {
            Ok(size) => println!("{:>9} {}", kib(size), guest.output.display()),
            Err(error) if matches!(guest.source, Source::Project(_)) && std::env::var_os("CI").is_none() => {
                eprintln!("{} is NOT built, and what needs it is not tried: {error:#}", guest.output.display());
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Builds a guest in another language, unless all that it is made from is as it was. Returns its size, bytes.
fn foreign(project: &Project, root: &Path, output: &Path) -> anyhow::Result<usize> {
    let fingerprint = policy_build::fingerprint(project).map_err(anyhow::Error::msg)?;
    let mark = root.join(POLICIES).join(format!("{}.made", project.name));
    if let (Ok(component), Ok(made_from)) = (std::fs::read(output), std::fs::read_to_string(&mark))
        && made_from == fingerprint
    {
        return Ok(component.len());
    }
    toolchains::ensure(project.language)?;
    let work = root.join(POLICIES).join(&project.name);
    let component = policy_build::build(project, &toolchains::tools(), &work).map_err(anyhow::Error::msg)?;
    let size = write_if_changed(output, &component)?;
    std::fs::write(&mark, fingerprint).with_context(|| format!("cannot write {}", mark.display()))?;
    Ok(size)
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
        Source::Project(project) => bail!("{} is not built so", project.folder.display()),
    }
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Returns the size, bytes.
fn write_if_changed(path: &Path, bytes: &[u8]) -> anyhow::Result<usize> {
    if std::fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(bytes.len());
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    // A rename, because a router that watches the file must never see half of it.
    let fresh = path.with_extension("wasm.new");
    std::fs::write(&fresh, bytes).with_context(|| format!("cannot write {}", fresh.display()))?;
    std::fs::rename(&fresh, path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(bytes.len())
}

fn kib(bytes: usize) -> String {
    format!("{} KiB", bytes.div_ceil(1024))
}
