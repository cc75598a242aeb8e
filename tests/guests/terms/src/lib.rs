//! A policy that only speaks to the cache: which requests share an answer, which pass it by, how long one is kept.
//!
//! The config says what to say: `{ "key": "header:x-tier" }` adds the field's value to the key where the request has it,
//! `{ "bypass": "header:x-preview" }` passes the cache by where it has that, `{ "ttl_s": 60 }` gives a lifetime.

use std::time::Duration;

use portolan_policy::{Manifest, Plan, Policy, Regions, Request, Verdict, export};
use serde::Deserialize;

/// What to say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The field whose value is a part of the key.
    key: Option<String>,
    /// The field with which a request passes the cache by.
    bypass: Option<String>,
    /// Lifetime of what is stored, seconds.
    ttl_s: Option<u64>,
}

/// The policy.
#[derive(Debug)]
pub struct Terms(Config);

impl Policy for Terms {
    type Config = Config;

    fn describe(config: &Config) -> Result<Manifest, String> {
        Ok(Manifest::fields([&config.key, &config.bypass].into_iter().flatten().cloned()))
    }

    fn new(config: Config, _: &Regions) -> Result<Self, String> {
        Ok(Self(config))
    }

    fn route(&self, request: &Request<'_>) -> Verdict {
        let Self(Config { key, bypass, ttl_s }) = self;
        let mut plan = Plan::new();
        if let Some(value) = key.as_deref().and_then(|name| request.text(name)) {
            plan = plan.cache_key(value);
        }
        if let Some(seconds) = ttl_s {
            plan = plan.cache_ttl(Duration::from_secs(*seconds));
        }
        if bypass.as_deref().is_some_and(|name| request.field(name).is_some()) {
            plan = plan.bypass_cache();
        }
        plan.into()
    }
}

export!(Terms);

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use portolan_policy::testing::World;

    use super::*;

    #[test]
    fn says_what_its_config_tells_it() {
        let world = World::new().region("a", &[]);
        let config = r#"{ "key": "header:x-tier", "bypass": "header:x-preview", "ttl_s": 60 }"#;
        let policy = world.load::<Terms>(config).unwrap();
        for (request, expected) in [
            (world.request(), "route cache-ttl=60s"),
            (world.request().field("header:x-tier", "gold"), "route cache-key=gold cache-ttl=60s"),
            (world.request().field("header:x-tier", "gold").field("header:x-preview", ""), "route cache=bypass"),
        ] {
            assert_eq!(policy.ask(request), expected);
        }
        assert_eq!(world.load::<Terms>("{}").unwrap().ask(world.request()), "route");
    }
}
