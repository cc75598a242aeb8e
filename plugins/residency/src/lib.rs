//! Keeps requests inside the regions that may serve them: a fence, for everyone or by the client's country.
//!
//! Only fences and rejects; which region inside the fence serves is the host's order, or another policy's. A region
//! that is down stays in the fence, so an outage is a 503 and never a leak. The README has the configuration.

mod countries;
mod rules;

use portolan_policy::{Manifest, Plan, Policy, RegionId, Regions, Reply, Request, Verdict, export};

use crate::countries::Country;
pub use crate::rules::Config;
use crate::rules::{Ruling, Rulings};

/// The field with the client's country, and its place in the manifest.
const COUNTRY: &str = "client.country";

/// The policy.
#[derive(Debug)]
pub struct Residency {
    rulings: Rulings,
    status: u16,
}

impl Policy for Residency {
    type Config = Config;

    fn describe(config: &Config) -> Result<Manifest, String> {
        config.check()?;
        Ok(if config.asks_country() { Manifest::fields([COUNTRY]) } else { Manifest::new() })
    }

    fn new(config: Config, regions: &Regions) -> Result<Self, String> {
        config.check()?;
        Ok(Self { status: config.status(), rulings: Rulings::new(config, regions)? })
    }

    fn route(&self, request: &Request<'_>) -> Verdict {
        let country = if self.rulings.ask_country() { request.country().and_then(Country::parse) } else { None };
        match self.rulings.on(country) {
            Ruling::Open => Verdict::Pass,
            Ruling::Closed => self.reject(country, "no rule allows them"),
            Ruling::Fence(allowed) => {
                let fence = inside(allowed, request);
                if fence.is_empty() {
                    return self.reject(country, "none of the regions of this service is one that may");
                }
                Plan::new().fence(fence).into()
            }
        }
    }
}

/// The allowed regions that belong to the request's service, also those that are down or switched off.
fn inside(allowed: &[RegionId], request: &Request<'_>) -> Vec<RegionId> {
    let service = request.service();
    let of_service = |id: &RegionId| request.regions().by_id(*id).is_some_and(|region| region.service == service);
    allowed.iter().copied().filter(of_service).collect()
}

impl Residency {
    fn reject(&self, country: Option<Country>, why: &str) -> Verdict {
        let whose = match (self.rulings.ask_country(), country) {
            (true, Some(country)) => format!("requests from {country}"),
            (true, None) => "requests whose country is unknown".to_owned(),
            (false, _) => "this request".to_owned(),
        };
        let text = format!("No region may serve {whose}: {why} (data residency).\n");
        Reply::text(self.status, text).header("cache-control", "no-store").into()
    }
}

export!(Residency);

#[cfg(test)]
mod tests;
