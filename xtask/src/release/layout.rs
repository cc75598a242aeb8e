//! Where the code of the finished router lies: LLVM's post-link optimiser, BOLT, and its files.
//!
//! Owns finding the tools and what they are told. A compiler's profile orders what the compiler makes; this orders the whole
//! program, libraries and the standard library included, so that what a request runs through lies together and the rest far
//! away. Used by `release`.

use std::path::{Path, PathBuf};

use anyhow::ensure;

use crate::{machine, setup};

/// The oldest version that is known to lay the router out, and the newest that is looked for.
const VERSIONS: std::ops::RangeInclusive<u32> = 19..=30;
/// The Debian package that is installed where there is none.
const PACKAGE: &str = "bolt-22";
/// How to get it, for people.
pub(super) const INSTALL: &str = "as root: `apt-get install bolt-22`";
/// Left where it is: cryptography that is written in assembly, whose jumps within itself cannot be read for certain.
const SKIPPED: &str = "--skip-funcs=aws_lc_.*";

/// Tells the linker to leave what moving code needs.
pub(super) const LINK: &str = "-Clink-arg=-Wl,--emit-relocs";

/// The optimiser and the tool that merges what it counted.
#[derive(Debug)]
pub(super) struct Bolt {
    bolt: String,
    merge: String,
}

impl Bolt {
    /// The newest that there is; installed where that is possible without asking. None: the compiler's order stays.
    pub(super) fn find() -> Option<Self> {
        found().or_else(|| setup::install(&[PACKAGE]).ok().and_then(|()| found()))
    }

    /// Makes a program that counts what it runs through, in files of this folder.
    pub(super) fn instrument(&self, program: &Path, counted: &Path, into: &Path) -> anyhow::Result<()> {
        let mut command = machine::command(&self.bolt, &["--instrument", "--instrumentation-file-append-pid"]);
        command.arg(format!("--instrumentation-file={}", counted.join("run").display()));
        machine::run(command.arg(program).arg("-o").arg(into))
    }

    /// Lays the program out by what was counted.
    pub(super) fn lay_out(&self, program: &Path, counted: &Path, into: &Path) -> anyhow::Result<()> {
        let files: Vec<PathBuf> =
            std::fs::read_dir(counted)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
        ensure!(!files.is_empty(), "the router left no counts in {}", counted.display());
        let merged = counted.with_extension("fdata");
        machine::run(machine::command(&self.merge, &["-o"]).arg(&merged).args(&files))?;
        let mut command = machine::command(&self.bolt, &[SKIPPED, "--icf=safe"]);
        // Debug information is left behind, for rewriting it loses parts of it; names of functions stay.
        // As rustc and clang are laid out: blocks that follow each other, functions that call each other, the rest far away.
        command.args(["--reorder-blocks=ext-tsp", "--reorder-functions=cdsort"]);
        command.args(["--split-functions", "--split-all-cold", "--split-eh", "--data"]).arg(merged);
        machine::run(command.arg(program).arg("-o").arg(into))
    }
}

fn found() -> Option<Bolt> {
    let plain = ("llvm-bolt".to_owned(), "merge-fdata".to_owned());
    let versions = VERSIONS.rev().map(|version| (format!("llvm-bolt-{version}"), format!("merge-fdata-{version}")));
    let mut all = versions.chain([plain]);
    all.find(|(bolt, merge)| machine::has(bolt) && machine::has(merge)).map(|(bolt, merge)| Bolt { bolt, merge })
}
