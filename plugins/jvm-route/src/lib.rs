//! Follows the route that a Java application server writes into its session's identifier (`JSESSIONID=1A2B.node1`).
//!
//! For applications that have sessions of their own and know nothing of this router: the suffix of the cookie names the
//! server that holds the session (`jvmRoute` in Tomcat, Jetty's worker name), and a label says in which region it is. When
//! that region cannot serve, the session goes on elsewhere, where Tomcat's JvmRouteBinderValve writes a new suffix. The
//! README has the configuration.

use portolan_policy::{Candidate, Manifest, Plan, Policy, Regions, Request, Verdict, export};
use serde::Deserialize;

/// The configuration; the README documents each key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default = "cookie")]
    cookie: String,
    #[serde(default = "label")]
    label: String,
}

fn cookie() -> String {
    "JSESSIONID".to_owned()
}

fn label() -> String {
    "jvm_route".to_owned()
}

/// The policy.
#[derive(Debug)]
pub struct JvmRoute {
    label: String,
}

impl Policy for JvmRoute {
    type Config = Config;

    fn describe(config: &Config) -> Result<Manifest, String> {
        Ok(Manifest::fields([format!("cookie:{}", config.cookie)]))
    }

    fn new(config: Config, regions: &Regions) -> Result<Self, String> {
        let mut seen: Vec<(&str, &str)> = Vec::new();
        for region in regions.iter() {
            for route in region.label(&config.label).into_iter().flat_map(routes) {
                if seen.contains(&(&region.service, route)) {
                    return Err(format!("config.label: two regions of {} have the route `{route}`", region.service));
                }
                seen.push((&region.service, route));
            }
        }
        if seen.is_empty() {
            return Err(format!("config.label: no region has the label `{}`", config.label));
        }
        Ok(Self { label: config.label })
    }

    fn route(&self, request: &Request<'_>) -> Verdict {
        let Some(route) = request.field_at(0).and_then(suffix) else { return Verdict::Pass };
        let holds = |region: &Candidate<'_>| {
            region.label(&self.label).is_some_and(|label| routes(label).any(|known| known == route))
        };
        match request.candidates().find(holds).filter(Candidate::serves) {
            // Its own pin agrees, or there is none: the endpoint that the pin knows stays.
            Some(region) if request.pin().is_none_or(|pin| pin.region() == Some(region.id())) => {
                Plan::to([region.id()]).into()
            }
            Some(region) => {
                Plan::to([region.id()]).bind(request.pin().map(|pin| pin.payload()).unwrap_or_default()).into()
            }
            None => Verdict::Pass,
        }
    }
}

/// The routes that a label lists: `node1, node2`.
fn routes(label: &str) -> impl Iterator<Item = &str> {
    label.split(',').map(str::trim).filter(|route| !route.is_empty())
}

/// What stands behind the last full stop of a session's identifier. A route may not hold one itself.
fn suffix(value: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(value).ok()?;
    let (_, route) = text.trim_matches('"').rsplit_once('.')?;
    // Jetty and old versions of Tomcat append `!` and more for replicas.
    let route = route.split('!').next().unwrap_or(route);
    (!route.is_empty()).then_some(route)
}

export!(JvmRoute);

#[cfg(test)]
mod tests;
