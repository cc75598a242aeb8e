//! The inputs of `tests/fuzz/corpus/` through the targets, with everything that they become when they are cut short.
//! What a fuzzer has found is kept there and stays found.

use super::TARGETS;
use std::path::{Path, PathBuf};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus")
}

#[test]
fn every_target_has_inputs_and_they_hold() {
    for target in TARGETS {
        let folder = corpus().join(target.name);
        let files: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
        assert!(!files.is_empty(), "{} has no inputs", target.name);
        for file in files {
            let input = std::fs::read(&file).unwrap();
            // Where it panics, the name of the file is what one wants to know.
            eprintln!("{}", file.display());
            (target.run)(&input);
            let stride = input.len().div_ceil(64).max(1);
            (0..input.len()).step_by(stride).for_each(|cut| (target.run)(&input[..cut]));
        }
    }
}

#[test]
fn every_folder_of_inputs_has_a_target() {
    for folder in std::fs::read_dir(corpus()).unwrap().map(|entry| entry.unwrap()) {
        let is_target = |name: &std::ffi::OsStr| TARGETS.iter().any(|target| name == target.name);
        assert!(!folder.path().is_dir() || is_target(&folder.file_name()), "{}", folder.path().display());
    }
    assert!(TARGETS.is_sorted_by_key(|target| target.name));
}
