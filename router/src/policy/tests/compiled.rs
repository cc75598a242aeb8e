//! The guests of `tests/guests`, built by `cargo xtask plugins`.
