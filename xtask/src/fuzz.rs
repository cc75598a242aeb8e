//! `cargo xtask fuzz [TARGET] [--seconds N]`: the router's parsers under LLVM's fuzzer.
//!
//! Owns the flags of the build and the run of each target. The build is an ordinary one of stable Rust in which only the
//! packages of this workspace are compiled for a fuzzer: this very program stands before the compiler for them
//! (`RUSTC_WORKSPACE_WRAPPER`) and adds the flags, so that all other packages are those of every other build. Inputs of
//! `tests/fuzz/corpus/` are the start; what is found besides is kept in the target folder.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, bail, ensure};

use crate::{machine, setup};

/// Says to this program that it is called as a compiler.
const AS_COMPILER: &str = "PORTOLAN_FUZZ_COMPILER";
/// Every target for this long when nothing else is said.
const SECONDS: u64 = 30;
/// What `cargo fuzz --sanitizer none` gives to the compiler; optimised, with every check of a debug build.
const FLAGS: [&str; 10] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    "-Copt-level=2",
    "-Cdebug-assertions=on",
    "-Coverflow-checks=on",
];
/// Limits of one input: bytes, seconds, and MiB of memory of the whole fuzzer.
const LIMITS: [&str; 6] =
    ["-verbosity=0", "-print_funcs=0", "-max_len=4096", "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"];

/// Runs the command.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    let (wanted, seconds) = parse(args)?;
    let corpus = machine::root().join("tests/fuzz/corpus");
    let mut targets = Vec::new();
    for entry in std::fs::read_dir(&corpus).with_context(|| format!("cannot read {}", corpus.display()))? {
        let entry = entry?;
        targets.extend(entry.path().is_dir().then(|| entry.file_name().to_string_lossy().into_owned()));
    }
    targets.sort();
    if let Some(wanted) = wanted {
        ensure!(targets.contains(&wanted), "there is no target `{wanted}`; there are {}", targets.join(", "));
        targets = vec![wanted];
    }
    setup::compiler_of_cpp()?;
    let program = build()?;
    let mut failed = Vec::new();
    for target in &targets {
        println!("\n### {target}, {seconds} s");
        if let Err(error) = fuzz(&program, target, seconds) {
            eprintln!("{error:#}");
            failed.push(target.as_str());
        }
    }
    if failed.is_empty() { Ok(()) } else { bail!("an input broke: {}", failed.join(", ")) }
}

fn parse(args: &[String]) -> anyhow::Result<(Option<String>, u64)> {
    let (mut target, mut seconds) = (None, SECONDS);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--seconds" {
            let number = args.next().and_then(|text| text.parse().ok()).filter(|number| *number > 0);
            seconds = number.context("`--seconds` wants a number of seconds for each target")?;
        } else if arg.starts_with('-') || target.is_some() {
            bail!("`{arg}` is not known; it is cargo xtask fuzz [TARGET] [--seconds N]");
        } else {
            target = Some(arg.clone());
        }
    }
    Ok((target, seconds))
}

fn build() -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe().context("where this program is")?;
    let mut cargo = machine::command("cargo", &["build", "--package", "portolan-fuzz", "--features", "fuzzer"]);
    cargo.env("RUSTC_WORKSPACE_WRAPPER", this).env(AS_COMPILER, "1").env("CARGO_INCREMENTAL", "0");
    machine::run(&mut cargo)?;
    Ok(machine::target().join("debug/portolan-fuzz"))
}

/// Runs one target; new inputs and those that break go to the target folder.
fn fuzz(program: &std::path::Path, target: &str, seconds: u64) -> anyhow::Result<()> {
    let folder = machine::target().join("fuzz").join(target);
    let (found, broken) = (folder.join("corpus"), folder.join("broken"));
    for folder in [&found, &broken] {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let mut fuzzer = Command::new(program);
    fuzzer.current_dir(machine::root()).env("PORTOLAN_FUZZ_TARGET", target).args(LIMITS);
    fuzzer.arg(format!("-max_total_time={seconds}")).arg(format!("-artifact_prefix={}/", broken.display()));
    fuzzer.arg("-dict=tests/fuzz/dictionary").arg(&found).arg(format!("tests/fuzz/corpus/{target}"));
    machine::run(&mut fuzzer).with_context(|| {
        format!(
            "what broke it is in {}; kept in tests/fuzz/corpus/{target}/ it is tested from then on",
            broken.display()
        )
    })
}

/// This program in the place of the compiler, if it is called so.
pub(crate) fn as_compiler(args: &[String]) -> Option<ExitCode> {
    std::env::var_os(AS_COMPILER)?;
    let (compiler, rest) = args.split_first()?;
    let flags: &[&str] = if runs_in_the_build(rest) { &[] } else { &FLAGS };
    let args = rest.iter().map(OsString::from).chain(flags.iter().map(OsString::from));
    let status = Command::new(compiler).args(args).env_remove(AS_COMPILER).status();
    let code = status.ok().and_then(|status| status.code()).and_then(|code| u8::try_from(code).ok());
    Some(ExitCode::from(code.unwrap_or(1)))
}

/// Whether what is compiled runs while the others are built: a build script has no fuzzer in it that would read its counters.
fn runs_in_the_build(args: &[String]) -> bool {
    args.windows(2).any(|pair| pair[0] == "--crate-name" && pair[1].starts_with("build_script_"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn build_scripts_are_compiled_as_ever() {
        let check = |line: &str| runs_in_the_build(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert!(check("rustc --crate-name build_script_build --edition=2024 build.rs --crate-type bin"));
        assert!(!check("rustc --crate-name portolan --edition=2024 src/lib.rs"));
    }

    #[test]
    fn arguments_say_what_runs() {
        let check = |line: &str| parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(check("").unwrap(), (None, SECONDS));
        assert_eq!(check("date --seconds 5").unwrap(), (Some("date".to_owned()), 5));
        for wrong in ["date etag", "--seconds", "--seconds 0", "--second 5"] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }
}
