//! C bindings of the contract, generated anew in each build.
//!
//! Owns the call of the generator; the C and Zig SDKs are written against what it makes, and nothing of that is ever kept
//! in the source. Writes into the folder that it is given and nowhere else.

use crate::contract::WORLD;
use std::path::Path;
use wit_bindgen_core::Files;
use wit_bindgen_core::wit_parser::Resolve;

/// Writes `policy.h`, `policy.c` and `policy_component_type.o` into `folder`, for the world of a contract's text.
///
/// # Errors
/// When the text is no contract, or a file cannot be written.
pub(crate) fn write(contract: &str, folder: &Path) -> Result<(), String> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("policy.wit", contract).map_err(|error| format!("the contract: {error:#}"))?;
    let world = resolve.packages[package].worlds.get(WORLD).copied();
    let mut files = Files::default();
    let mut generator = wit_bindgen_c::Opts::default().build();
    let generated = generator.generate(&mut resolve, world.ok_or("the contract has no such world")?, &mut files);
    generated.map_err(|error| format!("no C bindings for the contract: {error:#}"))?;
    for (name, bytes) in files.iter() {
        crate::write(&folder.join(name), bytes)?;
    }
    Ok(())
}
