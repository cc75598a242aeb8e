//! The policy contract as Rust types, generated from `wit/policy.wit`.
//!
//! With `blocks`, the only place in this workspace where unsafe code is allowed: the generator's, which moves values
//! across the sandbox's edge (`docs/adr/0005-unsafe-in-the-sdk.md`). No line is written by hand here. The types that an
//! author meets are re-exported from the root of the crate; `export!` uses the rest.

wit_bindgen::generate!({
    path: "../../wit",
    world: "router",
    pub_export_macro: true,
    export_macro_name: "export_router",
    runtime_path: "::portolan_policy::wit_bindgen::rt",
    additional_derives: [PartialEq],
    // `column` is for reading numbers by; no function takes one.
    generate_unused_types: true,
});
