//! A component's file, compiled and known to fit the contract.
//!
//! Owns the first half of a load: read, digest, tell a component from anything else, compile, check imports and exports.
//! Runs none of its code. One compiled component serves any number of configurations. Blocks; called by `load`,
//! `inspect` and trials.

use super::engine::Engine;
use super::guest::Guest;
use super::imports::{self, Exports};
use super::load::LoadFault;
use crate::base::Digest;
use std::fmt;
use std::path::Path;
use wasmtime::component::{Component, InstancePre, Linker};

/// A component that is ready to be instantiated.
#[derive(Clone)]
pub struct Compiled {
    pub(super) engine: Engine,
    pub(super) pre: InstancePre<Guest>,
    pub(super) exports: Exports,
    pub(super) digest: Digest,
    /// What it imports that the operator has to grant.
    pub(super) to_be_granted: Option<String>,
}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiled").field("digest", &self.digest).finish_non_exhaustive()
    }
}

impl Compiled {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(engine: &Engine, file: &Path) -> Result<Self, LoadFault> {
        Self::of_bytes(engine, &std::fs::read(file).map_err(LoadFault::Unreadable)?)
    }

    /// Compiles the bytes of a component's file.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn of_bytes(engine: &Engine, bytes: &[u8]) -> Result<Self, LoadFault> {
        Self::of(engine, &component(engine, bytes)?, Digest::of(bytes))
    }

    /// Digest of the file.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Links a component and finds the contract's functions in it.
    pub(super) fn of(engine: &Engine, component: &Component, digest: Digest) -> Result<Self, LoadFault> {
        let mut linker = Linker::new(&engine.wasmtime);
        imports::link(&mut linker, component)?;
        let exports = imports::exports(component)?;
        let misfit = |error: wasmtime::Error| LoadFault::Instantiate(format!("{error:#}"));
        let pre = linker.instantiate_pre(component).map_err(misfit)?;
        let to_be_granted = imports::to_be_granted(component);
        Ok(Self { engine: engine.clone(), pre, exports, digest, to_be_granted })
    }
}

/// Compiles these bytes.
pub(super) fn component(engine: &Engine, bytes: &[u8]) -> Result<Component, LoadFault> {
    check_header(bytes)?;
    if let Some(missing) = missing(bytes) {
        return Err(LoadFault::CutShort { bytes: bytes.len(), missing });
    }
    let invalid = |error: wasmtime::Error| LoadFault::Invalid(format!("{error:#}"));
    Component::from_binary(&engine.wasmtime, bytes).map_err(invalid)
}

/// Tells a component from a core module and from anything else by its first eight bytes (the component model's binary
/// format: a two-byte version, then a two-byte layer, 0 for modules and 1 for components).
fn check_header(bytes: &[u8]) -> Result<(), LoadFault> {
    match bytes {
        [0, b'a', b's', b'm', _, _, 1, 0, ..] => Ok(()),
        [0, b'a', b's', b'm', _, _, 0, 0, ..] => Err(LoadFault::CoreModule),
        [0, b'a', b's', b'm', ..] => Err(LoadFault::Invalid("its header is incomplete".to_owned())),
        // What wasmtime writes is an ELF file. It would run unchecked, so none is ever taken from outside.
        [0x7f, b'E', b'L', b'F', ..] => Err(LoadFault::Precompiled),
        _ => Err(LoadFault::NotWasm),
    }
}

/// How many bytes are missing at the end of the last section, when there is one that is not whole: a section is a byte, its
/// length as LEB128, and so many bytes.
fn missing(bytes: &[u8]) -> Option<u64> {
    let mut rest = bytes.get(8..)?;
    while let [_, after @ ..] = rest {
        let (length, read) = leb128(after)?;
        let Some(next) = after.get(read..).and_then(|body| body.get(usize::try_from(length).ok()?..)) else {
            return Some(length.saturating_sub((after.len() - read) as u64));
        };
        rest = next;
    }
    None
}

/// A number of at most 32 bits, and how many bytes it takes; none where there is none.
fn leb128(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for (at, byte) in bytes.iter().enumerate().take(5) {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((value, at + 1));
        }
    }
    None
}
