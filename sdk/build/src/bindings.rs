//! C and Go bindings of the contract, generated anew in each build.
//!
//! Owns the call of the generator; the SDKs are written against what it makes, and nothing of that is ever kept
//! in the source. Writes into the folder that it is given and nowhere else.

use crate::contract::WORLD;
use std::path::Path;
use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_core::{Files, WorldGenerator};

/// Writes `policy.h`, `policy.c` and `policy_component_type.o` into `folder`, for the world of a contract's text.
///
/// # Errors
/// When the text is no contract, or a file cannot be written.
pub(crate) fn c(contract: &str, folder: &Path) -> Result<(), String> {
    generate(contract, folder, &mut *wit_bindgen_c::Opts::default().build())
}

/// Writes a module of Go into `folder`: `wit_exports.go`, which calls the packages that answer hooks, and a package for each
/// interface.
///
/// # Errors
/// As those of [`c`].
pub(crate) fn go(contract: &str, folder: &Path) -> Result<(), String> {
    generate(contract, folder, &mut *wit_bindgen_go::Opts::default().build())
}

fn generate(contract: &str, folder: &Path, generator: &mut dyn WorldGenerator) -> Result<(), String> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("policy.wit", contract).map_err(|error| format!("the contract: {error:#}"))?;
    let world = resolve.packages[package].worlds.get(WORLD).copied();
    let mut files = Files::default();
    let generated = generator.generate(&mut resolve, world.ok_or("the contract has no such world")?, &mut files);
    generated.map_err(|error| format!("no bindings for the contract: {error:#}"))?;
    for (name, bytes) in files.iter() {
        crate::write(&folder.join(name), bytes)?;
    }
    Ok(())
}
