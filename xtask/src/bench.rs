//! `cargo xtask bench`: not built yet.
//!
//! Owns nothing so far. Called by `main.rs` with the arguments behind the command.

/// Runs the command.
pub(crate) fn run(_args: &[String]) -> anyhow::Result<()> {
    anyhow::bail!("`cargo xtask bench` is not built yet")
}
