//! A policy that only gives sessions their keys: the value of the field that its config names.
//!
//! `{ "field": "header:x-user" }` makes the header the key; `"trap": "mallory"` traps where that is the value. It exports no
//! `route`. Built by `cargo xtask plugins` to `target/guests/keyed.wasm`.

use portolan_policy::{Affinity, Manifest, Policy, Regions, Request, export};
use serde::Deserialize;

/// What to take for the key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name of the field.
    field: String,
    /// The value that traps.
    trap: Option<String>,
}

/// The policy.
#[derive(Debug)]
pub struct Keyed {
    trap: Option<String>,
}

impl Policy for Keyed {
    type Config = Config;

    fn describe(config: &Config) -> Result<Manifest, String> {
        Ok(Manifest::fields([config.field.clone()]))
    }

    fn new(config: Config, _: &Regions) -> Result<Self, String> {
        Ok(Self { trap: config.trap })
    }
}

impl Affinity for Keyed {
    fn key(&self, request: &Request<'_>) -> Option<Vec<u8>> {
        let value = request.field_at(0)?;
        assert_ne!(Some(value), self.trap.as_deref().map(str::as_bytes), "on purpose");
        Some(value.to_vec())
    }
}

export!(Keyed: affinity);

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use portolan_policy::testing::World;

    use super::*;

    #[test]
    fn the_field_is_the_key() {
        let world = World::new().region("a", &[]);
        let policy = world.load::<Keyed>(r#"{ "field": "header:x-user" }"#).unwrap();
        assert_eq!(policy.key(world.request().field("header:x-user", "ann")).as_deref(), Some("ann"));
        assert_eq!(policy.key(world.request()), None);
        assert_eq!(policy.ask(world.request()), "pass");
    }
}
