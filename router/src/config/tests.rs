//! Tests of the configuration as a whole: good files and their meaning, broken files and what is said about them.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use std::path::Path;

const DESIGN: &str = include_str!("tests/design.toml");

fn good(text: &str) -> Config {
    parse(text, "edge.toml", Path::new("/etc/portolan")).unwrap_or_else(|errors| panic!("{errors}"))
}

/// Compares a text with a file, or writes the file when `UPDATE=1` is set.
fn check_file(path: &Path, text: &str) {
    if std::env::var_os("UPDATE").is_some_and(|update| update == "1") {
        std::fs::write(path, text).unwrap();
    }
    let stored = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(stored, text, "{} is stale; UPDATE=1 rewrites it", path.display());
}

#[test]
fn reads_the_example_of_the_design() {
    let config = good(DESIGN);
    assert_eq!(&*config.live.services[0].name, "shop");
}

/// Every broken file has a twin that holds what is said about it.
#[test]
fn says_what_is_wrong() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/tests/broken");
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    assert!(files.len() >= 4, "the broken files are gone");
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let errors = parse(&text, name, Path::new("/etc/portolan")).expect_err(name);
        check_file(&path.with_extension("txt"), &format!("{errors}\n"));
    }
}

/// Every example's configuration is read, wherever examples are added.
#[test]
fn reads_every_example() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let folders = std::fs::read_dir(examples).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = folders.map(|folder| folder.join("edge.toml")).filter(|file| file.exists()).collect();
    assert!(!files.is_empty(), "no example has an edge.toml");
    for file in files {
        load(&file).unwrap_or_else(|errors| panic!("{errors}"));
    }
}

#[test]
fn the_schema_and_the_reference_in_docs_are_fresh() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    check_file(&docs.join("portolan.schema.json"), &format!("{:#}\n", schema()));
    check_file(&docs.join("config.md"), &reference());
}
