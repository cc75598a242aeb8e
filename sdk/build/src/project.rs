//! The folder of a policy that is not in Rust: what its `policy.toml` says.
//!
//! Owns the file's keys and their defaults. Says nothing of how a language is built.

use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Name of the file.
pub const FILE: &str = "policy.toml";

/// Language of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// C.
    C,
    /// Go.
    Go,
    /// JavaScript, on QuickJS.
    Js,
    /// Python.
    Python,
}

/// The text of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    name: String,
    language: Language,
    #[serde(default = "route")]
    hooks: Vec<String>,
    #[serde(default)]
    imports: Vec<String>,
    #[serde(default = "vendored")]
    sdk: PathBuf,
    #[serde(default = "contract")]
    contract: PathBuf,
}

fn route() -> Vec<String> {
    vec!["route".to_owned()]
}

fn vendored() -> PathBuf {
    "vendor/portolan-policy".into()
}

fn contract() -> PathBuf {
    "wit/policy.wit".into()
}

/// A policy's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Name of the policy and of its component.
    pub name: String,
    /// Its language.
    pub language: Language,
    /// Interfaces of the contract that it exports besides `lifecycle`.
    pub hooks: Vec<String>,
    /// Interfaces of the contract that it uses.
    pub imports: Vec<String>,
    /// The folder itself; the author's source is in `src` below it.
    pub folder: PathBuf,
    /// Folder of the SDK.
    pub sdk: PathBuf,
    /// The contract.
    pub contract: PathBuf,
}

impl Project {
    /// Whether a folder holds a policy that is not in Rust.
    pub fn is_in(folder: &Path) -> bool {
        folder.join(FILE).is_file()
    }

    /// Reads the file of a folder.
    ///
    /// # Errors
    /// When it cannot be read or has keys or values that mean nothing; with the file.
    pub fn read(folder: &Path) -> Result<Self, String> {
        let file = folder.join(FILE);
        let wrong = |why: String| format!("{}: {why}", file.display());
        let folder = std::path::absolute(folder).map_err(|error| wrong(error.to_string()))?;
        let text = std::fs::read_to_string(&file).map_err(|error| wrong(error.to_string()))?;
        let text: Text = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        Ok(Self {
            name: text.name,
            language: text.language,
            hooks: text.hooks,
            imports: text.imports,
            sdk: folder.join(text.sdk),
            contract: folder.join(text.contract),
            folder,
        })
    }

    /// Folder of the author's source.
    pub fn source(&self) -> PathBuf {
        self.folder.join("src")
    }

    /// The contract's text with the world of this policy.
    ///
    /// # Errors
    /// When it cannot be read or lacks a hook or an import; with the file.
    pub(crate) fn world(&self) -> Result<String, String> {
        let wrong = |why: String| format!("{}: {why}", self.contract.display());
        let text = std::fs::read_to_string(&self.contract).map_err(|error| wrong(error.to_string()))?;
        crate::contract::with_world(&text, &self.hooks, &self.imports).map_err(wrong)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Project, String> {
        static TESTS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = TESTS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("portolan-project-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(FILE), text).unwrap();
        let project = Project::read(&folder);
        std::fs::remove_dir_all(&folder).unwrap();
        project
    }

    #[test]
    fn what_is_left_out_is_the_template_s() {
        let project = read("name = \"a\"\nlanguage = \"js\"").unwrap();
        assert_eq!((project.hooks, project.imports.len()), (vec!["route".to_owned()], 0));
        assert!(project.sdk.ends_with("vendor/portolan-policy"), "{:?}", project.sdk);
    }

    #[test]
    fn what_means_nothing_is_named() {
        for (text, words) in [
            ("name = \"a\"\nlanguage = \"cobol\"", "expected one of `c`, `go`, `js`, `python`"),
            ("language = \"c\"", "missing field `name`"),
            ("name = \"a\"\nlanguage = \"c\"\nhook = []", "unknown field `hook`"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(words) && error.contains(FILE), "{text}: {error}");
        }
    }
}
