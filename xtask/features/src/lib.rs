//! Nothing: this package exists for the features in its `Cargo.toml`. The router, the demo's origin and the end-to-end
//! tests depend on it; `cargo xtask tidy` says what is missing there.
