//! `portolan policy new`: a folder with a policy that builds and passes its own tests.
//!
//! Owns the name and what is copied beside the template: the contract and the SDK of this very program, so that the folder
//! needs nothing of the project's repository and fits the router that made it. Overwrites nothing. The files themselves are
//! in `template`.

use super::template::{self, NAME, TYPE};
use super::{Language, NewArgs};
use crate::cli::Ended;
use crate::cli::text::say;
use std::path::Path;

/// The workspace that the Rust SDK's manifest takes versions from.
const WORKSPACE: &str = include_str!("../../../../Cargo.toml");
const SDK_MANIFEST: &str = include_str!("../../../../sdk/rust/Cargo.toml");
const CONTRACT: &str = include_str!("../../../../wit/policy.wit");
/// Where the SDK goes; the Rust SDK's path to the contract, `../../wit`, is the same there.
const SDK: &str = "vendor/portolan-policy";

pub(super) fn new(args: &NewArgs) -> Result<Ended, String> {
    let name = args.folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if !is_name(name) {
        return Err(format!(
            "{name:?} is no name for a policy; accepted: lower-case letters, digits and hyphens, a letter first, up to 40"
        ));
    }
    let empty = std::fs::read_dir(&args.folder).map_or(true, |mut entries| entries.next().is_none());
    if !empty {
        return Err(format!("{} is there already and not empty", args.folder.display()));
    }
    let put = |file: &str, text: &str| write(&args.folder.join(file), text);
    for (file, text) in template::files(args.lang) {
        put(file, &text.replace(NAME, name).replace(TYPE, &type_name(name)))?;
    }
    put("wit/policy.wit", CONTRACT)?;
    for (file, text) in template::sdk(args.lang) {
        put(&format!("{SDK}/{file}"), text)?;
    }
    if args.lang == Language::Rust {
        put(&format!("{SDK}/Cargo.toml"), &sdk_manifest()?)?;
    }
    let first = template::first_step(args.lang);
    say(&format!(
        "{} is ready. In it:\n{first}  portolan policy build .   makes {name}.wasm\n  \
         portolan policy test .    plays cases.toml through the router's decision\n",
        args.folder.display()
    ));
    Ok(Ended::Well)
}

fn is_name(name: &str) -> bool {
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.len() <= 40
        && !name.ends_with('-')
        && name.chars().all(fine)
}

/// `tenant-pin` is `TenantPin`.
fn type_name(name: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    };
    name.split('-').map(word).collect()
}

/// The SDK's manifest with what it takes from the workspace written out.
fn sdk_manifest() -> Result<String, String> {
    let parse = |text: &str| text.parse::<toml::Table>().map_err(|error| error.to_string());
    let workspace = parse(WORKSPACE)?;
    let workspace = workspace.get("workspace").and_then(toml::Value::as_table).ok_or("no workspace")?;
    let mut manifest = parse(SDK_MANIFEST)?;
    for (ours, theirs) in [("package", "package"), ("dependencies", "dependencies")] {
        let given = workspace.get(theirs).and_then(toml::Value::as_table);
        let Some(table) = manifest.get_mut(ours).and_then(toml::Value::as_table_mut) else { continue };
        for (key, value) in table.iter_mut() {
            let inherits = value.get("workspace").and_then(toml::Value::as_bool) == Some(true);
            if let Some(given) = given.and_then(|given| given.get(key)).filter(|_| inherits) {
                *value = given.clone();
            }
        }
    }
    toml::to_string(&manifest).map_err(|error| error.to_string())
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    let written = folder.and_then(|()| std::fs::write(path, text));
    written.map_err(|error| format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_sdk_s_manifest_stands_alone() {
        let manifest: toml::Table = sdk_manifest().unwrap().parse().unwrap();
        assert!(!manifest.to_string().contains("workspace"), "{manifest}");
        assert!(manifest["dependencies"]["wit-bindgen"]["version"].is_str(), "{manifest}");
    }

    #[test]
    fn names() {
        for (name, type_) in [("tenant-pin", Some("TenantPin")), ("a2", Some("A2")), ("a-2b", Some("A2b"))] {
            assert!(is_name(name), "{name}");
            assert_eq!(Some(type_name(name).as_str()), type_, "{name}");
        }
        for name in ["", "-a", "2a", "A", "a_b", "a-", "a/b", "\u{e4}"] {
            assert!(!is_name(name), "{name}");
        }
    }
}
