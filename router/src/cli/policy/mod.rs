//! `portolan policy`: what an author needs besides a compiler.
//!
//! Owns the arguments of its commands; each command is one file beside this one. Only `diff` needs a running PoP: a
//! policy is inspected, tried and measured with the router's own sandbox and its own `decide`.

mod bench;
mod build;
mod diff;
mod inspect;
mod new;
mod template;
mod test;

use super::text::complain;
use super::{Ended, TargetArgs};
use crate::policy::{Compiled, Engine, EngineSettings};
use clap::{Args, Subcommand, ValueEnum};
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Make a folder with a policy that builds and passes its own tests.
    New(NewArgs),
    /// Make a component of the policy in a folder.
    Build(BuildArgs),
    /// Say what a component exports, imports and declares, and whether the router would load it.
    Inspect(InspectArgs),
    /// Play a policy's cases, and random worlds besides, through the router's own decision.
    Test(TestArgs),
    /// Measure what a call of a policy costs.
    Bench(BenchArgs),
    /// Show what the shadows of a running PoP would have changed.
    Diff(DiffArgs),
}

#[derive(Debug, Args)]
pub(super) struct NewArgs {
    /// Language of the policy.
    #[arg(long, value_name = "LANGUAGE")]
    lang: Language,
    /// The folder; its name is the policy's.
    #[arg(value_name = "NAME")]
    folder: PathBuf,
}

/// Language of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Language {
    /// C.
    C,
    /// Go.
    Go,
    /// JavaScript.
    Js,
    /// Python.
    Python,
    /// Rust.
    Rust,
}

#[derive(Debug, Args)]
pub(super) struct BuildArgs {
    /// The policy's folder.
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Where the component goes; left out: `NAME.wasm` in the folder.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Where the compiler works; left out: `target` in the folder.
    #[arg(long, value_name = "DIR")]
    target_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// The component.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Configuration to describe it with, as an inline TOML table: `{ allow = ["eu"] }`.
    #[arg(long, value_name = "TABLE", default_value = "{}")]
    config: String,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct TestArgs {
    /// Folder with a `cases.toml`, or such a file.
    #[arg(value_name = "DIR", default_value = ".")]
    path: PathBuf,
    /// Try this component instead of the one that the file names.
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
    /// Try so many random worlds besides.
    #[arg(long, value_name = "WORLDS")]
    random: Option<u32>,
    /// Seed of the random worlds: the same seed gives the same worlds.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, requires = "random")]
    seed: u64,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// The component; left out: the one that the cases name.
    #[arg(value_name = "FILE")]
    component: Option<PathBuf>,
    /// Folder with a `cases.toml`, or such a file, whose cases are asked; left out: one plain request among eight regions.
    #[arg(long, value_name = "DIR", required_unless_present = "component")]
    cases: Option<PathBuf>,
    /// Configuration, as an inline TOML table; left out: that of the cases.
    #[arg(long, value_name = "TABLE")]
    config: Option<String>,
    /// Instances: one for many calls, or a fresh one for each; left out: as the router does without a setting.
    #[arg(long, value_name = "HOW", default_value = "worker", value_parser = ["worker", "request"])]
    isolation: String,
    /// Calls to time.
    #[arg(long, value_name = "NUMBER", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    calls: u32,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// Only these policies; left out: all.
    #[arg(value_name = "POLICY")]
    policies: Vec<String>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn policy(command: &PolicyCommand) -> Ended {
    let outcome = match command {
        PolicyCommand::New(args) => new::new(args),
        PolicyCommand::Build(args) => build::build(args),
        PolicyCommand::Inspect(args) => inspect::inspect(args),
        PolicyCommand::Test(args) => test::test(args),
        PolicyCommand::Bench(args) => bench::bench(args),
        PolicyCommand::Diff(args) => return diff::diff(args),
    };
    outcome.unwrap_or_else(|wrong| {
        complain(&wrong);
        Ended::Refused
    })
}

/// An engine as the router has it, for one thread. Compiled code is kept where this user's caches are.
pub(super) fn engine() -> Result<Engine, String> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let caches = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")));
    let cache = caches.map(|caches| caches.join("portolan/policies"));
    Engine::new(&EngineSettings { workers: 1, cache }).map_err(|error| error.to_string())
}

/// Compiles a component; an error names the file.
pub(super) fn compiled(engine: &Engine, file: &Path) -> Result<Compiled, String> {
    Compiled::read(engine, file).map_err(|fault| format!("{}: {fault}", file.display()))
}

/// Reads an inline TOML table.
pub(super) fn table(text: &str) -> Result<toml::Table, String> {
    let wrong = |why: String| format!("--config {text:?} is no TOML table: {why}; accepted: {{ key = \"value\" }}");
    let document: toml::Table =
        format!("table = {text}").parse().map_err(|error: toml::de::Error| wrong(error.message().to_owned()))?;
    match document.into_iter().next() {
        Some((_, toml::Value::Table(table))) => Ok(table),
        _ => Err(wrong("it is something else".to_owned())),
    }
}

/// Bytes as people say them.
fn size(bytes: usize) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables() {
        assert_eq!(table("{ a = [1], b.c = \"x\" }").map(|table| table.len()), Ok(2));
        for text in ["", "1", "{ a = }"] {
            assert!(table(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!([5, 2_000, 3 << 20].map(size), ["5 B", "2 KiB", "3.0 MiB"]);
    }
}
