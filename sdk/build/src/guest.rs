//! One build of a policy that is not in Rust: which command makes what of it.
//!
//! Owns the command lines. Everything is written into a folder of its own; the author's and the SDK's are only read. Runs
//! compilers and shows what they say when they fail.

use crate::project::{Language, Project};
use crate::tools::{self, CCompiler, Tools};
use crate::{bindings, component, go, write};
use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Makes a component of a project; `work` is the folder for everything in between and is made anew.
///
/// # Errors
/// What is missing and how to get it, what is wrong with the project, or what the compiler said.
pub fn build(project: &Project, tools: &Tools, work: &Path) -> Result<Vec<u8>, String> {
    let world = project.world()?;
    if !project.sdk.is_dir() {
        return Err(format!("{} is no folder: the SDK should be there", project.sdk.display()));
    }
    if work.exists() {
        std::fs::remove_dir_all(work).map_err(|error| format!("cannot remove {}: {error}", work.display()))?;
    }
    write(&work.join("wit/policy.wit"), world.as_bytes())?;
    match project.language {
        Language::C => {
            let compiler = tools.c()?;
            make(&work.join("bindings"))?;
            bindings::c(&world, &work.join("bindings"))?;
            component(&made(&mut c(project, &compiler, work)?, work)?)
        }
        Language::Go => go::build(project, &tools.go()?, &world, work),
        Language::Js => js(project, &tools.qjs()?, work),
        Language::Python => python(project, &tools.py()?, work),
    }
}

/// Stands for everything that a component is made from: the author's files, the SDK's, the contract, the pinned compilers and
/// this crate's own ways. Where it is the same, the component need not be made again.
///
/// # Errors
/// When one of the files cannot be read.
pub fn fingerprint(project: &Project) -> Result<String, String> {
    let own = [include_str!("guest.rs"), include_str!("contract.rs"), include_str!("go.rs"), include_str!("wasi.wat")];
    let tools = [tools::GO, tools::QJS, tools::PY, tools::ZIG];
    let mut hasher = DefaultHasher::new();
    (own, tools, &project.hooks, &project.imports, project.world()?).hash(&mut hasher);
    for folder in [&project.source(), &project.sdk] {
        for file in files(folder)? {
            let bytes = std::fs::read(&file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
            (file.strip_prefix(folder).unwrap_or(&file), bytes).hash(&mut hasher);
        }
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// Folders that tools leave in a source folder.
const LEFT_BEHIND: [&str; 2] = ["__pycache__", "node_modules"];

/// Where a command leaves what it makes.
pub(crate) fn output(work: &Path) -> PathBuf {
    work.join("made.wasm")
}

/// The compiler with all sources of the author, of the SDK and of the bindings; what is not used is not linked.
fn c(project: &Project, compiler: &CCompiler, work: &Path) -> Result<Command, String> {
    let generated = work.join("bindings");
    let mut command = match compiler {
        CCompiler::Clang(clang) => {
            let mut command = Command::new(clang);
            command.args(["--target=wasm32-unknown-unknown", "-Wl,--stack-first", "-flto"]);
            command
        }
        CCompiler::Zig(zig) => {
            let mut command = Command::new(zig);
            command.args(["cc", "--target=wasm32-freestanding"]).env("ZIG_GLOBAL_CACHE_DIR", zig_cache(work));
            command
        }
    };
    command.args(["-std=c17", "-O2", "-mbulk-memory", "-ffreestanding", "-nostdlib", "-Wall", "-Wextra"]);
    command.args(["-Wl,--no-entry", "-Wl,--strip-all", "-Wl,-z,stack-size=131072"]);
    command.args(project.hooks.iter().map(|hook| format!("-DPORTOLAN_HOOK_{}", constant(hook))));
    command.args(project.imports.iter().map(|import| format!("-DPORTOLAN_IMPORTS_{}", constant(import))));
    for folder in [project.sdk.join("include"), project.sdk.join("libc"), generated.clone()] {
        command.arg("-I").arg(folder);
    }
    command.args(sources(&project.source(), "c")?).args(sources(&project.sdk.join("src"), "c")?);
    command.args(["policy.c", "policy_component_type.o"].map(|file| generated.join(file)));
    command.arg("-o").arg(output(work));
    Ok(command)
}

/// An interface's name as a C constant.
fn constant(interface: &str) -> String {
    interface.replace('-', "_").to_ascii_uppercase()
}

/// What zig keeps between builds: it builds parts of itself the first time.
fn zig_cache(work: &Path) -> PathBuf {
    work.with_file_name("zig-cache")
}

/// QuickJS with the author's modules, in which the SDK is the package `portolan-policy`.
fn js(project: &Project, componentize: &Path, work: &Path) -> Result<Vec<u8>, String> {
    let app = work.join("app");
    copy(&project.source(), &app.join("src"))?;
    copy(&project.sdk, &app.join("node_modules/portolan-policy"))?;
    let mut command = Command::new(componentize);
    command.args(["--sync", "--world", crate::contract::WORLD, "--wit"]).arg(work.join("wit"));
    command.arg("--js").arg(app.join("src/policy.js")).arg("--module-root").arg(&app);
    command.arg("--output").arg(output(work));
    made(&mut command, work)
}

/// Python with the author's modules, beside which the SDK's are found. They are copied, for Python leaves files beside them.
fn python(project: &Project, componentize: &Path, work: &Path) -> Result<Vec<u8>, String> {
    let [app, sdk] = ["app", "sdk"].map(|folder| work.join(folder));
    copy(&project.source(), &app)?;
    copy(&project.sdk.join("src"), &sdk)?;
    let mut command = Command::new(componentize);
    command.env_remove("VIRTUAL_ENV").arg("--quiet");
    command.args(["--world", crate::contract::WORLD, "--wit-path"]).arg(work.join("wit"));
    // The host gives it no network, which Python's library imports: what is not there traps in place of it.
    command.args(["componentize", "--stub-wasi", "--python-path"]).arg(app).arg("--python-path").arg(sdk);
    command.arg("policy").arg("--output").arg(output(work));
    made(&mut command, work)
}

/// Files of a folder with this ending, in order of name.
fn sources(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, String> {
    let mut files = entries(folder)?;
    files.retain(|file| file.extension() == Some(OsStr::new(ending)));
    files.sort();
    Ok(files)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let wrong = |error: std::io::Error| format!("cannot read {}: {error}", folder.display());
    let entries = std::fs::read_dir(folder).map_err(wrong)?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(wrong)).collect()
}

/// Every file of a folder and of those below it, in order of name.
fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    let mut entries = entries(folder)?;
    entries.sort();
    entries.retain(|path| !LEFT_BEHIND.iter().any(|name| path.ends_with(name)));
    for path in entries {
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    Ok(found)
}

/// Copies the files of a folder and of those below it.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), String> {
    for path in files(from)? {
        let bytes = std::fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        write(&to.join(path.strip_prefix(from).unwrap_or(&path)), &bytes)?;
    }
    Ok(())
}

fn make(folder: &Path) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))
}

/// Runs a command that leaves its file at [`output`]; when it fails, with what it said.
pub(crate) fn made(command: &mut Command, work: &Path) -> Result<Vec<u8>, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let said = command.current_dir(work).stdin(Stdio::null()).output();
    let said = said.map_err(|error| format!("cannot start {program}: {error}"))?;
    let words = String::from_utf8_lossy(&said.stdout) + String::from_utf8_lossy(&said.stderr);
    let file = output(work);
    match std::fs::read(&file) {
        Ok(bytes) if said.status.success() => Ok(bytes),
        _ => Err(format!("{program} made no component ({}):\n{}", said.status, words.trim_end())),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn interfaces_are_constants_in_c() {
        assert_eq!(constant("some-hook"), "SOME_HOOK");
    }

    #[test]
    fn a_fingerprint_is_of_all_that_goes_in_and_of_nothing_else() {
        let root = std::env::temp_dir().join(format!("portolan-guest-{}", std::process::id()));
        let put = |file: &str, text: &str| write(&root.join(file), text.as_bytes()).unwrap();
        put("policy.toml", "name = \"a\"\nlanguage = \"js\"");
        put("wit/policy.wit", "package a:b;\ninterface lifecycle {}\ninterface route {}\n");
        put("src/policy.js", "1");
        put("vendor/portolan-policy/index.js", "2");
        let print = || fingerprint(&Project::read(&root).unwrap()).unwrap();
        let first = print();
        put("src/__pycache__/policy.pyc", "3");
        put("a.wasm", "4");
        assert_eq!(print(), first);
        for (file, text) in [
            ("src/policy.js", "5"),
            ("src/more.js", "6"),
            ("vendor/portolan-policy/index.js", "7"),
            ("policy.toml", "name = \"a\"\nlanguage = \"js\"\nimports = [\"route\"]"),
            ("wit/policy.wit", "package a:b;\ninterface lifecycle {}\ninterface route { x: func(); }\n"),
        ] {
            let before = print();
            put(file, text);
            assert_ne!(print(), before, "{file}");
        }
        std::fs::remove_dir_all(&root).unwrap();
    }
}
