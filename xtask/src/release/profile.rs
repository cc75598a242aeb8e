//! What a run of the router was seen to do, as compilers read it: `llvm-profdata` and its files.
//!
//! Owns finding the tool that knows the compiler's format, and what is left out of a profile. Used by `release`.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

use crate::{machine, setup};

/// More than anything is done in a minute: a counter that says so was not counted.
const COUNT_MAX: u64 = 1 << 40;

/// The tool that merges profiles of the compiler in use.
#[derive(Debug)]
pub(super) struct Profdata(String);

impl Profdata {
    /// The compiler's own, else that of an LLVM of the same version; installed where that is possible without asking.
    pub(super) fn find() -> anyhow::Result<Self> {
        let about = machine::output(&mut machine::command("rustc", &["-vV"])).context("`rustc -vV` says nothing")?;
        let word = |name: &str| about.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let major = word("LLVM version:").and_then(|version| version.split('.').next()).context("no LLVM version")?;
        let sysroot = machine::output(&mut machine::command("rustc", &["--print", "sysroot"])).unwrap_or_default();
        let own = format!("{sysroot}/lib/rustlib/{}/bin/llvm-profdata", word("host:").unwrap_or_default());
        if Path::new(&own).is_file() {
            return Ok(Self(own));
        }
        let (tool, package) = (format!("llvm-profdata-{major}"), format!("llvm-{major}"));
        if machine::has(&tool) || (setup::install(&[&package]).is_ok() && machine::has(&tool)) {
            return Ok(Self(tool));
        }
        bail!(
            "profiles are read by llvm-profdata of LLVM {major}: `rustup component add llvm-tools`, or as root `apt-get install {package}`"
        )
    }

    /// One profile of all that lie in a folder.
    pub(super) fn merge(&self, folder: &Path, into: &Path) -> anyhow::Result<()> {
        let files: Vec<PathBuf> =
            std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
        ensure!(!files.is_empty(), "the router left no profile in {}", folder.display());
        self.write(&files, &[], into)?;
        let broken = broken(&self.show(into)?);
        if !broken.is_empty() {
            eprintln!("left out of the profile, for their counters are nonsense: {}", broken.join(", "));
            self.write(&files, &broken, into)?;
        }
        Ok(())
    }

    fn write(&self, files: &[PathBuf], without: &[String], into: &Path) -> anyhow::Result<()> {
        let mut command = machine::command(&self.0, &["merge", "--output"]);
        command.arg(into).args(files);
        if !without.is_empty() {
            let names: Vec<String> = without.iter().map(|name| escaped(name)).collect();
            command.arg(format!("--no-function=^({})$", names.join("|")));
        }
        machine::run(&mut command)
    }

    fn show(&self, profile: &Path) -> anyhow::Result<String> {
        let mut command = machine::command(&self.0, &["show", "--topn=50"]);
        machine::output(command.arg(profile)).with_context(|| format!("{} cannot be read", profile.display()))
    }
}

/// Functions whose counters cannot be right: what `show --topn` lists with more than [`COUNT_MAX`].
fn broken(shown: &str) -> Vec<String> {
    let line = |line: &str| {
        let (name, count) = line.trim().rsplit_once(", max count = ")?;
        let count: u64 = count.parse().ok()?;
        (count > COUNT_MAX).then(|| name.to_owned())
    };
    shown.lines().filter_map(line).collect()
}

/// The text, for a regular expression that means nothing else.
fn escaped(text: &str) -> String {
    let escape = |letter: char| if letter.is_alphanumeric() || letter == '_' { String::new() } else { "\\".to_owned() };
    text.chars().map(|letter| escape(letter) + &letter.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_that_cannot_be_right_are_found() {
        let shown = "Total count: 283799524259653\nTop 2 functions with the largest internal block counts: \n  \
                     portolan.1-cgu.0;_ZN8portolan7resolve17hE, max count = 283799184378928\n  _ZN4http3map17hE, max count = 24924896";
        assert_eq!(broken(shown), ["portolan.1-cgu.0;_ZN8portolan7resolve17hE"]);
        assert_eq!(escaped("a.1-b;_c$d"), "a\\.1\\-b\\;_c\\$d");
    }
}
