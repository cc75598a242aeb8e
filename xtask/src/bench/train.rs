//! The load under which a release is profiled: everything that a request's way through the router has, a little of each.
//!
//! Owns what is asked for and for how long; measures nothing. Called by `release`, through `bench`.

use std::path::Path;
use std::time::Duration;

use super::compare::{CONNECTIONS, NEEDS};
use super::contender::{Contender, Ground, LOAD_CORE, need};
use super::peers;
use super::portolan::{self, EIGHT_FIELDS, SESSION_PIN};
use super::scenario::{CACHED, SCENARIOS, Scenario};
use super::wrk::Load;

/// Of each kind of load.
const LENGTH: Duration = Duration::from_secs(3);

/// Puts a router under load and stops it, so that it writes down what it counted.
pub(crate) fn train(program: &Path) -> anyhow::Result<()> {
    need(&NEEDS)?;
    portolan::components()?;
    let ground = Ground::prepare()?;
    let origin = peers::origin(&ground)?;
    for (name, policy, log) in [
        ("plain", None, "warn"),
        ("session-pin", Some(SESSION_PIN), "warn"),
        ("eight-fields", Some(EIGHT_FIELDS), "warn"),
        ("access log", None, "info"),
    ] {
        let router = portolan::start(&ground, program, name, policy, log)?;
        load(router, &SCENARIOS, &ground)?;
    }
    load(portolan::start_cache(&ground, program)?, &CACHED, &ground)?;
    origin.process.stop()
}

fn load(router: Contender, scenarios: &[Scenario], ground: &Ground) -> anyhow::Result<()> {
    for scenario in scenarios {
        let script = scenario.script.map(|text| ground.write("requests.lua", text, &[])).transpose()?;
        let url = router.url(scenario);
        let headers = &router.headers[..];
        eprintln!("{}: {}", router.name, scenario.title);
        let load = Load {
            core: LOAD_CORE,
            connections: CONNECTIONS,
            length: LENGTH,
            headers,
            url: &url,
            script: script.as_deref(),
        };
        load.run()?;
    }
    router.process.stop()
}
