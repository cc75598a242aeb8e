//! Sends a share of sessions, or the requests that ask for it, to the regions on a track of their own.
//!
//! A session belongs to one cohort for as long as it lives: the pin's payload says which. The policy fences a request
//! into its cohort's regions while one of them is there to serve, and gives way when none is: a canary that is down costs
//! nobody a request. It gives no order, so nearness and other policies work inside the cohort. The README has the
//! configuration.

use portolan_policy::{Candidate, Manifest, Payload, Plan, Policy, RegionId, Regions, Request, Verdict, export};
use serde::Deserialize;

/// Key in the pin's payload: `1` is the canary's cohort, `0` the other.
const COHORT: &str = "canary";

/// The configuration; the README documents each key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default = "track")]
    label: String,
    #[serde(default = "canary")]
    value: String,
    #[serde(default)]
    share: f64,
    header: Option<String>,
    cookie: Option<String>,
}

fn track() -> String {
    "track".to_owned()
}

fn canary() -> String {
    "canary".to_owned()
}

/// The policy.
#[derive(Debug)]
pub struct Canary {
    config: Config,
}

impl Policy for Canary {
    type Config = Config;

    fn describe(config: &Config) -> Result<Manifest, String> {
        if !(0.0..=1.0).contains(&config.share) {
            return Err(format!("config.share: {} is not between 0 and 1", config.share));
        }
        if config.share == 0.0 && config.header.is_none() && config.cookie.is_none() {
            return Err("config: nobody would reach the canary: set `share`, `header` or `cookie`".to_owned());
        }
        let header = config.header.iter().map(|name| format!("header:{}", name.to_ascii_lowercase()));
        Ok(Manifest::fields(header.chain(config.cookie.iter().map(|name| format!("cookie:{name}")))))
    }

    fn new(config: Config, regions: &Regions) -> Result<Self, String> {
        if regions.labelled(&config.label, &config.value).next().is_none() {
            return Err(format!("config.value: no region has the label `{}` = `{}`", config.label, config.value));
        }
        Ok(Self { config })
    }

    fn route(&self, request: &Request<'_>) -> Verdict {
        let forced = self.forced(request);
        let cohort = forced.unwrap_or_else(|| self.cohort(request));
        let side: Vec<Candidate<'_>> = request.candidates().filter(|region| self.is_canary(region) == cohort).collect();
        let pinned = request.pin().and_then(|pin| pin.region());
        let has_pinned = side.iter().any(|region| Some(region.id()) == pinned);
        let serves = side.iter().any(|region| region.takes_new() || (Some(region.id()) == pinned && region.serves()));
        if !serves {
            return Verdict::Pass;
        }
        let plan = Plan::new().fence(side.iter().map(Candidate::id).collect::<Vec<RegionId>>());
        // What the new version answers is not for those who are shown the old one.
        let plan = if cohort { plan.cache_key(COHORT) } else { plan };
        let plan = match request.pin() {
            Some(_) if has_pinned => plan,
            // Somebody looks at the other cohort; the session stays what it was.
            Some(_) if forced.is_some() => plan.hold(),
            Some(pin) => plan.bind(remember(pin.payload(), cohort)),
            None => plan.bind(remember(Payload::new(), cohort)),
        };
        plan.into()
    }
}

fn remember(payload: Payload, cohort: bool) -> Payload {
    payload.with(COHORT, if cohort { "1" } else { "0" })
}

impl Canary {
    fn is_canary(&self, region: &Candidate<'_>) -> bool {
        region.label(&self.config.label) == Some(&self.config.value)
    }

    /// What the request itself asks for; the header goes before the cookie.
    fn forced(&self, request: &Request<'_>) -> Option<bool> {
        let header = self.config.header.as_deref().and_then(|name| request.header(name)).and_then(wish);
        header.or_else(|| self.config.cookie.as_deref().and_then(|name| request.cookie(name)).and_then(wish))
    }

    /// The session's cohort: as remembered, else that of its region, else by lot.
    fn cohort(&self, request: &Request<'_>) -> bool {
        let Some(pin) = request.pin() else { return request.entropy() < self.config.share };
        match pin.payload().value(COHORT) {
            Some(cohort) => cohort == "1",
            None => {
                let region = pin.region().and_then(|id| request.regions().by_id(id));
                region.is_some_and(|region| region.label(&self.config.label) == Some(&self.config.value))
            }
        }
    }
}

fn wish(value: &str) -> Option<bool> {
    match value.trim() {
        "always" => Some(true),
        "never" => Some(false),
        _ => None,
    }
}

export!(Canary);

#[cfg(test)]
mod tests;
