//! `cargo xtask release`: the router as it is shipped, laid out by what it was seen to do under load.
//!
//! Builds the router so that it counts, puts it under the load of the benches (proxying with and without policies, TLS, hits
//! and misses of the cache), and builds it again by what was counted (profile-guided optimisation, as rustc itself is built).
//! Only the router's own code is profiled, generic code of libraries that it instantiates included: the libraries are built
//! once. Then the finished program is put under the load once more and laid out as a whole (`layout`). Called by `main.rs` and
//! by `bench`.

mod layout;
mod profile;

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, bail};

use crate::{bench, machine};
use layout::Bolt;
use profile::Profdata;

/// What the router is made of.
const SOURCES: [&str; 4] = ["router", "wit", "Cargo.toml", "Cargo.lock"];

/// Runs the command. It takes no arguments.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    if let Some(argument) = args.first() {
        bail!("`cargo xtask release` takes no arguments, but was given `{argument}`");
    }
    println!("{}", build()?.display());
    Ok(())
}

/// The router's path; it is built when its sources are newer.
pub(crate) fn build() -> anyhow::Result<PathBuf> {
    let shipped = machine::target().join("dist/portolan");
    let sources = SOURCES.iter().filter_map(|source| newest(&machine::root().join(source))).max();
    if fs::metadata(&shipped).and_then(|found| found.modified()).is_ok_and(|made| Some(made) > sources) {
        return Ok(shipped);
    }
    let folder = machine::target().join("pgo");
    // What another build counted is about other code.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    let built = by_profile(&folder)?;
    let built = match Bolt::find() {
        Some(bolt) => laid_out(&folder, &bolt, &built)?,
        None => {
            eprintln!("llvm-bolt is not there ({}): the compiler's layout stays", layout::INSTALL);
            built
        }
    };
    fs::create_dir_all(shipped.parent().context("a file has a folder")?)?;
    fs::rename(&built, &shipped)?;
    Ok(shipped)
}

/// The router, compiled by what it was seen to do.
fn by_profile(folder: &Path) -> anyhow::Result<PathBuf> {
    let tool = Profdata::find()?;
    let counted = folder.join("counted");
    fs::create_dir_all(&counted)?;
    let counting = compile(folder, "counting", &format!("-Cprofile-generate={}", counted.display()))?;
    bench::train(&launcher(folder, &counting, &counted)?)?;
    let profile = folder.join("portolan.profdata");
    tool.merge(&counted, &profile)?;
    // The name tells cargo that the code is to be another.
    let mut digest = DefaultHasher::new();
    fs::read(&profile)?.hash(&mut digest);
    let warn = "-Cllvm-args=-pgo-warn-missing-function=false";
    let by = format!("-Cprofile-use={} {warn} {}", profile.display(), layout::LINK);
    compile(folder, &format!("by-profile-{:016x}", digest.finish()), &by)
}

/// The same program with its code in another order.
fn laid_out(folder: &Path, bolt: &Bolt, built: &Path) -> anyhow::Result<PathBuf> {
    let counted = folder.join("passed");
    fs::create_dir_all(&counted)?;
    let counting = folder.join("passing");
    bolt.instrument(built, &counted, &counting)?;
    bench::train(&counting)?;
    let laid_out = folder.join("laid-out");
    bolt.lay_out(built, &counted, &laid_out)?;
    Ok(laid_out)
}

/// Builds the router with these flags for its own code; gives the program under this name.
fn compile(folder: &Path, name: &str, flags: &str) -> anyhow::Result<PathBuf> {
    let script = format!(
        "#!/bin/sh\n# Compiles what is the router's own with a profile, and all else as it is.\ncase \" $* \" in\n\
         *\" --crate-name portolan \"*) exec \"$@\" {flags} ;;\n*) exec \"$@\" ;;\nesac\n"
    );
    let compiler = executable(&folder.join(format!("{name}.sh")), &script)?;
    let mut cargo = machine::command("cargo", &["build", "--release", "--package", "portolan"]);
    machine::run(cargo.env("RUSTC_WORKSPACE_WRAPPER", compiler))?;
    let program = folder.join(name);
    fs::copy(machine::target().join("release/portolan"), &program)?;
    Ok(program)
}

/// Runs the program so that each process leaves a file of its own: a shared one could not always be merged.
fn launcher(folder: &Path, program: &Path, counted: &Path) -> anyhow::Result<PathBuf> {
    let (program, files) = (program.display(), counted.join("%p.profraw"));
    let script = format!("#!/bin/sh\nLLVM_PROFILE_FILE='{}' exec '{program}' \"$@\"\n", files.display());
    executable(&folder.join("train.sh"), &script)
}

fn executable(path: &Path, script: &str) -> anyhow::Result<PathBuf> {
    fs::write(path, script).with_context(|| format!("cannot write {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    Ok(path.to_path_buf())
}

/// When anything in a folder was last changed.
fn newest(path: &Path) -> Option<SystemTime> {
    let found = fs::metadata(path).ok()?;
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.filter_map(|entry| newest(&entry.path())).chain(found.modified()).max()
}
