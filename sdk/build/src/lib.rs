//! From the source of a policy to a component.
//!
//! Owns the choice of a toolchain for Rust (`toolchain`), the whole build in other languages (`project`, `tools`, `guest`) and
//! the wrapping of what a compiler writes into a component. Used by `portolan policy build` and by `cargo xtask plugins`, so
//! that an author's policy and those that ship are built alike. Installs nothing.

mod bindings;
mod contract;
mod go;
mod guest;
mod project;
mod toolchain;
mod tools;

pub use guest::{build, fingerprint};
pub use project::{FILE as PROJECT_FILE, Language, Project};
pub use toolchain::{DEBIAN_PACKAGES, HELP, TARGET, Toolchain};
pub use tools::{GO, PY, QJS, Tools, ZIG};

use std::path::Path;
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

/// Writes a file and the folders above it.
fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    folder
        .and_then(|()| std::fs::write(path, bytes))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}
