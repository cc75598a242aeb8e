//! What there is to build for wasm32: the policies in `plugins/` and the guests in `tests/guests/`.
//!
//! Finds and names them; builds nothing. Called by `plugins.rs`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use policy_build::Project;

/// What a component is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A package of the workspace.
    Package,
    /// A WIT text with one world.
    Wit(PathBuf),
    /// A folder with a `policy.toml`: a policy that is not in Rust.
    Project(Project),
}

/// One component to build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Guest {
    /// Name of the package and of the component.
    pub(crate) name: String,
    /// What it is made from.
    pub(crate) source: Source,
    /// Where it goes, under the root of the workspace.
    pub(crate) output: PathBuf,
}

/// Every component to build, in order of name, policies first.
pub(crate) fn all(root: &Path) -> anyhow::Result<Vec<Guest>> {
    let mut guests = Vec::new();
    for (folder, output) in [("plugins", "target/plugins"), ("tests/guests", "target/guests")] {
        let mut found = in_folder(&root.join(folder), Path::new(output))?;
        found.sort_by(|a, b| a.name.cmp(&b.name));
        guests.append(&mut found);
    }
    Ok(guests)
}

fn in_folder(folder: &Path, output: &Path) -> anyhow::Result<Vec<Guest>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut guests = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            guests.extend(projects(&path, output)?);
        }
        let Some(name) = path.file_stem().map(|name| name.to_string_lossy().into_owned()) else { continue };
        let source = if path.join("Cargo.toml").is_file() {
            Source::Package
        } else if path.extension().is_some_and(|ending| ending == "wit") {
            Source::Wit(path)
        } else {
            continue;
        };
        let output = output.join(format!("{name}.wasm"));
        guests.push(Guest { name, source, output });
    }
    Ok(guests)
}

/// The same policy in other languages: folders in that of the one in Rust.
fn projects(folder: &Path, output: &Path) -> anyhow::Result<Vec<Guest>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut guests = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if Project::is_in(&path) {
            let project = Project::read(&path).map_err(anyhow::Error::msg)?;
            let (name, output) = (project.name.clone(), output.join(format!("{}.wasm", project.name)));
            guests.push(Guest { name, source: Source::Project(project), output });
        }
    }
    Ok(guests)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_policies_and_the_good_guest_are_found() {
        let guests = all(&crate::machine::root()).unwrap();
        let output = |name: &str| guests.iter().find(|guest| guest.name == name).map(|guest| guest.output.clone());
        assert_eq!(output("session-pin"), Some("target/plugins/session-pin.wasm".into()));
        assert_eq!(output("good"), Some("target/guests/good.wasm".into()));
        assert_eq!(output("tenant-hash-c"), Some("target/plugins/tenant-hash-c.wasm".into()));
        assert_eq!(output("tenant-hash-go"), Some("target/plugins/tenant-hash-go.wasm".into()));
    }
}
