//! The fuzzer's program: feeds inputs to one target of `portolan::fuzz`, which `PORTOLAN_FUZZ_TARGET` names.
//!
//! Owns the choice of the target and nothing else. Built and run by `cargo xtask fuzz`; the assertions are the library's.

#![no_main]

use std::sync::OnceLock;

use portolan::fuzz::TARGETS;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    static RUN: OnceLock<fn(&[u8])> = OnceLock::new();
    let run = RUN.get_or_init(|| {
        let wanted = std::env::var("PORTOLAN_FUZZ_TARGET").unwrap_or_default();
        let found = TARGETS.iter().find(|target| target.name == wanted);
        found.map(|target| target.run).unwrap_or_else(|| panic!("there is no target `{wanted}`"))
    });
    run(input);
});
