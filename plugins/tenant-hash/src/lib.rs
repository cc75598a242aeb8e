//! Keeps each tenant in one region: a consistent hash of a header, cookie, query parameter or JWT claim, bounded by load.
//!
//! Every region has a score for every tenant; the best one that takes new sessions and is not overloaded serves. A region
//! that goes moves its own tenants only, and one that comes takes its share from all. The README has the configuration.

mod claim;
mod place;

use portolan_policy::{Manifest, Plan, Policy, Regions, Request, Verdict, export};
use serde::Deserialize;

use crate::place::places;

/// The configuration; the README documents each key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    by: String,
    #[serde(default = "quarter_more")]
    load: f64,
}

/// The factor that Mirrokni, Thorup and Zadimoghaddam advise ("Consistent Hashing with Bounded Loads", 2017).
fn quarter_more() -> f64 {
    1.25
}

/// Where a tenant's key comes from: a field of the contract, and for a JWT the claim in it.
#[derive(Debug)]
struct Source {
    field: String,
    claim: Option<String>,
}

/// The policy.
#[derive(Debug)]
pub struct TenantHash {
    source: Source,
    load: f64,
}

impl Policy for TenantHash {
    type Config = Config;

    fn describe(config: &Config) -> Result<Manifest, String> {
        Ok(Manifest::fields([check(config)?.field]))
    }

    fn new(config: Config, _: &Regions) -> Result<Self, String> {
        Ok(Self { source: check(&config)?, load: config.load })
    }

    fn route(&self, request: &Request<'_>) -> Verdict {
        let Some(value) = request.field_at(0) else { return Verdict::Pass };
        let order = match &self.source.claim {
            None => places(value, request.candidates(), self.load),
            Some(claim) => match claim::of(value, claim) {
                Some(key) => places(key.as_bytes(), request.candidates(), self.load),
                None => return Verdict::Pass,
            },
        };
        let Some(first) = order.first().copied() else { return Verdict::Pass };
        match request.pin() {
            // A pin that agrees keeps its endpoint; any other follows the tenant.
            Some(pin) if pin.region() == Some(first) => Plan::to(order).into(),
            Some(pin) => Plan::to(order).bind(pin.payload_bytes()).into(),
            None => Plan::to(order).bind("").into(),
        }
    }
}

fn check(config: &Config) -> Result<Source, String> {
    if !(config.load >= 1.0 && config.load <= 100.0) {
        return Err(format!("config.load: {} is not between 1 and 100", config.load));
    }
    let wrong =
        || format!("config.by: {:?} is none of `header:NAME`, `cookie:NAME`, `query:NAME` and `jwt:CLAIM`", config.by);
    match config.by.split_once(':').ok_or_else(wrong)? {
        (_, "") => Err(wrong()),
        ("header" | "cookie" | "query", _) => Ok(Source { field: config.by.clone(), claim: None }),
        ("jwt", claim) => Ok(Source { field: "header:authorization".to_owned(), claim: Some(claim.to_owned()) }),
        _ => Err(wrong()),
    }
}

export!(TenantHash);

#[cfg(test)]
mod tests;
