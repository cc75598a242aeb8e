//! From the source of a policy to a component.
//!
//! Owns the choice of a toolchain for wasm32 (`toolchain`) and the wrapping of what it writes into a component. Used by
//! `portolan policy build` and by `cargo xtask plugins`, so that an author's policy and those that ship are built alike.
//! Installs nothing and runs nothing but the questions whether a compiler is there.

mod toolchain;

pub use toolchain::{DEBIAN_PACKAGES, HELP, TARGET, Toolchain};

use wit_component::ComponentEncoder;

/// The component in which this core module is wrapped. The module carries the contract as its compiler wrote it there.
///
/// # Errors
/// When the bytes are no such module; in the encoder's words.
pub fn component(module: &[u8]) -> Result<Vec<u8>, String> {
    let encoded = ComponentEncoder::default().module(module).and_then(|encoder| encoder.validate(true).encode());
    encoded.map_err(|error| format!("{error:#}"))
}

/// File name that cargo gives to the module of this package.
pub fn module_name(package: &str) -> String {
    format!("{}.wasm", package.replace('-', "_"))
}
