//! Makes components from a WIT text alone.
//!
//! Such a component has the imports and exports of its world and traps in every function; that is all a test
//! of what the host refuses at load needs. Called by `plugins.rs`; reads no files.

use anyhow::{Context, bail};
use wit_component::{StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve};

/// A component of the one world of `text`, which may use what `contract` declares; each of its functions traps.
pub(crate) fn trapping(text: &str, contract: &str) -> anyhow::Result<Vec<u8>> {
    let mut resolve = Resolve::default();
    resolve.push_str("policy.wit", contract).context("the policy contract")?;
    let package = resolve.push_str("guest.wit", text)?;
    let worlds: Vec<_> = resolve.packages[package].worlds.values().copied().collect();
    let [world] = worlds[..] else { bail!("it must declare one world, not {}", worlds.len()) };
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Standard32);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    policy_build::component(&module).map_err(anyhow::Error::msg)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const CONTRACT: &str = "package portolan:policy@0.1.0;\ninterface route { route: func() -> u32; }";

    #[test]
    fn a_world_becomes_a_component() {
        let text = "package guest:g; world w { export portolan:policy/route@0.1.0; }";
        let bytes = trapping(text, CONTRACT).unwrap();
        assert!(bytes.starts_with(b"\0asm\x0d\0\x01\0"), "the preamble of a component");
    }

    #[test]
    fn two_worlds_are_one_too_many() {
        let text = "package guest:g; world v { } world w { }";
        assert!(trapping(text, CONTRACT).unwrap_err().to_string().contains("not 2"));
    }
}
