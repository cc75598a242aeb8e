//! Sends writes to the primary region and reads to the nearest; after a write, reads of the session follow it for a while.
//!
//! For applications whose database has one writer and replicas behind it. The pin's payload remembers when the session wrote
//! last, so that it reads what it wrote. Regions may report how far they have replicated (`reports`); then a session reads from a
//! replica as soon as that has what the session wrote. The README has the configuration.

mod reports;

use std::time::Duration;

use portolan_policy::{
    Candidate, Manifest, Payload, Pin, Plan, Policy, RegionId, Regions, Request, Verdict, config, export,
};
use reports::Reports;
use serde::{Deserialize, Deserializer};

/// Key in the pin's payload: when the session wrote last, milliseconds since 1970.
const WROTE: &str = "wrote";

/// What becomes of a write whose primary cannot serve.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WhenDown {
    /// It is refused: a replica could not do it.
    #[default]
    Refuse,
    /// It goes by the host's order, as a read does.
    Nearest,
}

/// The configuration; the README documents each key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default = "role")]
    label: String,
    #[serde(default = "primary")]
    value: String,
    #[serde(default = "window", deserialize_with = "duration")]
    window: Duration,
    #[serde(default)]
    when_down: WhenDown,
    #[serde(default)]
    reads: Vec<String>,
    reports: Option<Reports>,
}

fn role() -> String {
    "role".to_owned()
}

fn primary() -> String {
    "primary".to_owned()
}

/// Longer than a replica is behind on a usual day.
fn window() -> Duration {
    Duration::from_secs(10)
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    config::duration(deserializer)
}

/// The policy.
#[derive(Debug)]
pub struct WritePrimary {
    config: Config,
}

impl Policy for WritePrimary {
    type Config = Config;

    fn describe(config: &Config) -> Result<Manifest, String> {
        if let Some(path) = config.reads.iter().find(|path| !path.starts_with('/')) {
            return Err(format!("config.reads: the path {path:?} does not begin with /"));
        }
        let manifest = Manifest::fields(["method", "path"]);
        match &config.reports {
            Some(reports) => reports.describe(manifest),
            None => Ok(manifest),
        }
    }

    fn new(config: Config, regions: &Regions) -> Result<Self, String> {
        if regions.labelled(&config.label, &config.value).next().is_none() {
            return Err(format!("config.value: no region has the label `{}` = `{}`", config.label, config.value));
        }
        Ok(Self { config })
    }

    fn route(&self, request: &Request<'_>) -> Verdict {
        if let Some(reports) = &self.config.reports
            && reports.is_one(request)
        {
            return reports.take(request);
        }
        let primaries: Vec<RegionId> =
            request.candidates().filter(|region| self.is_primary(region)).map(|region| region.id()).collect();
        if self.is_write(request) { self.write(request, primaries) } else { self.read(request, primaries) }
    }
}

impl WritePrimary {
    fn is_primary(&self, region: &Candidate<'_>) -> bool {
        region.label(&self.config.label) == Some(self.config.value.as_str())
    }

    /// Anything but a safe method (RFC 9110, section 9.2.1), unless its path only reads.
    fn is_write(&self, request: &Request<'_>) -> bool {
        let safe = matches!(request.method(), Some("GET" | "HEAD" | "OPTIONS" | "TRACE"));
        let path = request.path().unwrap_or("/");
        !safe && !self.config.reads.iter().any(|prefix| path.starts_with(prefix.as_str()))
    }

    fn write(&self, request: &Request<'_>, primaries: Vec<RegionId>) -> Verdict {
        let payload = request.pin().map_or_else(Payload::new, |pin| pin.payload());
        let wrote = payload.with(WROTE, &format!("{:.0}", request.now_ms()));
        let plan = Plan::to(primaries.iter().copied()).bind(wrote);
        let serves = |region: &Candidate<'_>| primaries.contains(&region.id()) && region.serves();
        match self.config.when_down {
            _ if request.candidates().any(|region| serves(&region)) => plan.strict().into(),
            // A fence of nothing but primaries: the host says 503, and says it of them.
            WhenDown::Refuse => Plan::new().fence(primaries).into(),
            WhenDown::Nearest => Verdict::Pass,
        }
    }

    fn read(&self, request: &Request<'_>, primaries: Vec<RegionId>) -> Verdict {
        let Some(pin) = request.pin() else { return Verdict::Pass };
        let payload = pin.payload();
        let Some(wrote) = payload.value(WROTE) else { return Verdict::Pass };
        let since = wrote.parse::<f64>().map_or(f64::INFINITY, |wrote| request.now_ms() - wrote);
        if since.abs() <= self.config.window.as_millis() as f64 {
            let caught_up = self.config.reports.as_ref().and_then(|_| reports::caught_up(request, wrote));
            return match caught_up {
                // The session stays where it wrote: another replica may not be as far.
                Some(replica) => Plan::to([replica].into_iter().chain(primaries)).hold().into(),
                None => follow(primaries, pin),
            };
        }
        // The replicas have caught up: back to the nearest.
        let nearest = request.candidates().find(Candidate::takes_new).map(|region| region.id());
        Plan::to(nearest).bind(payload.without(WROTE)).into()
    }
}

/// A read that must see what its session wrote; when no primary serves, a replica is better than nothing.
fn follow(primaries: Vec<RegionId>, pin: Pin<'_>) -> Verdict {
    match pin.region() {
        Some(region) if primaries.contains(&region) => Plan::to(primaries).into(),
        _ => Plan::to(primaries).hold().into(),
    }
}

export!(WritePrimary);

#[cfg(test)]
mod tests;
