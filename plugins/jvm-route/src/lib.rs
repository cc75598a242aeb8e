//! Follows the route that a Java application server writes into its session's identifier (`JSESSIONID=1A2B.node1`).
//!
//! For applications that have sessions of their own and know nothing of this router: the suffix of the cookie names the
//! server that holds the session (`jvmRoute` in Tomcat, Jetty's worker name), and a label says in which region it is, and at
//! which URL. When that server cannot serve, the session goes on at another one, and elsewhere when its region cannot, where
//! Tomcat's JvmRouteBinderValve writes a new suffix. The README has the configuration.

use portolan_policy::{Manifest, Plan, Policy, Regions, Request, Verdict, export};
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
            for Route { name, url } in region.label(&config.label).into_iter().flat_map(routes) {
                if seen.contains(&(&region.service, name)) {
                    return Err(format!("config.label: {} has the route `{name}` twice", region.service));
                }
                if let Some(url) = url.filter(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
                    return Err(format!(
                        "config.label: `{name}={url}`: the URL of an endpoint is accepted, `http://HOST:PORT`"
                    ));
                }
                seen.push((&region.service, name));
            }
        }
        if seen.is_empty() {
            return Err(format!("config.label: no region has the label `{}`", config.label));
        }
        Ok(Self { label: config.label })
    }

    fn route(&self, request: &Request<'_>) -> Verdict {
        let Some(suffix) = request.field_at(0).and_then(suffix) else { return Verdict::Pass };
        let holder = request.candidates().find_map(|region| {
            let route = region.label(&self.label).and_then(|label| routes(label).find(|route| route.name == suffix))?;
            Some((region, route.url))
        });
        let Some((region, url)) = holder.filter(|(region, _)| region.serves()) else { return Verdict::Pass };
        let plan = Plan::to([region.id()]);
        let plan = match url {
            Some(url) => plan.endpoint(url),
            // The endpoint that the pin knows stays.
            None => plan,
        };
        match request.pin().filter(|pin| pin.region() != Some(region.id())) {
            Some(elsewhere) => plan.bind(elsewhere.payload()).into(),
            None => plan.into(),
        }
    }
}

/// A server that has sessions of its own.
struct Route<'a> {
    name: &'a str,
    /// Where it is; without it any endpoint of its region serves.
    url: Option<&'a str>,
}

/// The routes that a label lists: `node1, node2=http://10.0.0.2:8080`.
fn routes(label: &str) -> impl Iterator<Item = Route<'_>> {
    label.split(',').map(str::trim).filter(|route| !route.is_empty()).map(|route| match route.split_once('=') {
        Some((name, url)) => Route { name: name.trim(), url: Some(url.trim()) },
        None => Route { name: route, url: None },
    })
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
