//! The policy contract as Rust types, generated from `wit/policy.wit`.
//!
//! With `blocks`, the only place in this workspace where unsafe code is allowed: the generator's, which moves values
//! across the sandbox's edge (`docs/adr/0005-unsafe-in-the-sdk.md`). No line is written by hand here but the worlds: one
//! for what every policy has and one for each hook, so that a policy exports the hooks that `export!` names and no other.
//! The types that an author meets are re-exported from the root of the crate; `export!` uses the rest.

wit_bindgen::generate!({
    path: "../../wit",
    inline: "
        package portolan:sdk;
        world policy {
            import portolan:policy/telemetry@0.1.0;
            import portolan:policy/kv@0.1.0;
            import portolan:policy/view@0.1.0;
            import portolan:policy/http@0.1.0;
            export portolan:policy/lifecycle@0.1.0;
        }
    ",
    world: "portolan:sdk/policy",
    generate_all,
    pub_export_macro: true,
    export_macro_name: "export_lifecycle",
    runtime_path: "::portolan_policy::wit_bindgen::rt",
    additional_derives: [PartialEq],
    // `column` is for reading numbers by; no function takes one.
    generate_unused_types: true,
});

/// The hook `route`.
pub mod route {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package portolan:sdk; world hook-route { export portolan:policy/route@0.1.0; }",
        world: "portolan:sdk/hook-route",
        with: { "portolan:policy/types@0.1.0": crate::bindings::portolan::policy::types },
        pub_export_macro: true,
        export_macro_name: "export_route",
        runtime_path: "::portolan_policy::wit_bindgen::rt",
    });
}

/// The hook `affinity`.
pub mod affinity {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package portolan:sdk; world hook-affinity { export portolan:policy/affinity@0.1.0; }",
        world: "portolan:sdk/hook-affinity",
        with: { "portolan:policy/types@0.1.0": crate::bindings::portolan::policy::types },
        pub_export_macro: true,
        export_macro_name: "export_affinity",
        runtime_path: "::portolan_policy::wit_bindgen::rt",
    });
}

/// The hook `response`.
pub mod response {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package portolan:sdk; world hook-response { export portolan:policy/response@0.1.0; }",
        world: "portolan:sdk/hook-response",
        with: { "portolan:policy/types@0.1.0": crate::bindings::portolan::policy::types },
        pub_export_macro: true,
        export_macro_name: "export_response",
        runtime_path: "::portolan_policy::wit_bindgen::rt",
        additional_derives: [PartialEq],
    });
}

/// The hook `health`.
pub mod health {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package portolan:sdk; world hook-health { export portolan:policy/health@0.1.0; }",
        world: "portolan:sdk/hook-health",
        with: { "portolan:policy/types@0.1.0": crate::bindings::portolan::policy::types },
        pub_export_macro: true,
        export_macro_name: "export_health",
        runtime_path: "::portolan_policy::wit_bindgen::rt",
        additional_derives: [PartialEq],
    });
}
