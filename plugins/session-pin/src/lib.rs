//! Keeps a session in its region, and says what becomes of it when that region cannot serve.
//!
//! The host honours a live pin before any order; so this policy speaks only when a session is new, when its region
//! cannot serve, or when it may go home. It never chooses between regions that can: that is the host's order, or another
//! policy's. The README has the configuration.

use std::time::Duration;

use portolan_policy::{
    Candidate, Health, Payload, Pin, Plan, Policy, Regions, Reply, Request, Verdict, config, export,
};
use serde::{Deserialize, Deserializer};

/// What becomes of a session whose region cannot serve.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Moves, and stays where it moved to.
    #[default]
    Sticky,
    /// Moves, and comes home when its region has been well for `failback`.
    Temporary,
    /// Waits: 503.
    Strict,
}

/// When a session that moved goes home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failback {
    /// It does not.
    Never,
    /// When its region has been healthy for this long.
    After(Duration),
}

impl<'de> Deserialize<'de> for Failback {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "never" {
            return Ok(Self::Never);
        }
        let expected = "a duration such as \"60s\", or \"never\"";
        let wrong = || serde::de::Error::invalid_value(serde::de::Unexpected::Str(&text), &expected);
        config::parse_duration(&text).map(Self::After).ok_or_else(wrong)
    }
}

/// The configuration.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default)]
    mode: Mode,
    failback: Option<Failback>,
}

impl Config {
    fn failback(&self) -> Result<Failback, String> {
        match (self.mode, self.failback) {
            (Mode::Sticky, failback) => Ok(failback.unwrap_or(Failback::Never)),
            (Mode::Temporary, None) => Ok(Failback::After(DEFAULT_FAILBACK)),
            (Mode::Temporary, Some(Failback::Never)) => {
                Err("config.failback: a `temporary` session comes home; for \"never\" the mode is `sticky`".to_owned())
            }
            (Mode::Temporary, Some(failback)) => Ok(failback),
            (Mode::Strict, None) => Ok(Failback::Never),
            (Mode::Strict, Some(_)) => Err("config.failback: a `strict` session never leaves its region".to_owned()),
        }
    }
}

/// Long enough that a region which comes and goes does not take its sessions along each time.
const DEFAULT_FAILBACK: Duration = Duration::from_secs(60);

/// Seconds after which a client of a `strict` session should ask again: about two rounds of health checks.
const RETRY_AFTER: &str = "5";

/// Keys in the pin's payload: name of the region that the session left, and when it left, milliseconds since 1970.
const HOME: &str = "home";
const MOVED: &str = "moved";

/// The policy.
#[derive(Debug)]
pub struct SessionPin {
    mode: Mode,
    failback: Failback,
}

impl Policy for SessionPin {
    type Config = Config;

    fn describe(config: &Config) -> Result<portolan_policy::Manifest, String> {
        config.failback().map(|_| portolan_policy::Manifest::new())
    }

    fn new(config: Config, _: &Regions) -> Result<Self, String> {
        Ok(Self { mode: config.mode, failback: config.failback()? })
    }

    fn route(&self, request: &Request<'_>) -> Verdict {
        let Some(pin) = request.pin() else {
            return Plan::new().bind(Payload::new()).into();
        };
        let Some(id) = pin.region() else {
            // The region left the configuration: nobody can wait for it.
            return Plan::new().bind(pin.payload().without(HOME).without(MOVED)).into();
        };
        match request.candidate(id) {
            Some(region) if region.serves() => self.home_again(request, pin, region),
            _ => self.cannot_serve(request, pin),
        }
    }
}

impl SessionPin {
    /// The session's region serves. Does the session belong elsewhere, and may it go there?
    fn home_again(&self, request: &Request<'_>, pin: Pin<'_>, here: Candidate<'_>) -> Verdict {
        let Failback::After(wait) = self.failback else { return Verdict::Pass };
        let payload = pin.payload();
        let home = payload.value(HOME).filter(|home| *home != here.name());
        let home = home.and_then(|home| request.candidates().find(|candidate| candidate.name() == home));
        match home {
            Some(home) if home.health() == Health::Healthy && home.health_age() >= wait => {
                Plan::to([home.id()]).bind(payload.without(HOME).without(MOVED)).into()
            }
            _ => Verdict::Pass,
        }
    }

    /// The session's region is down, switched off or outside a fence.
    fn cannot_serve(&self, request: &Request<'_>, pin: Pin<'_>) -> Verdict {
        if self.mode == Mode::Strict {
            let text = format!(
                "The region of this session, {}, cannot serve it now, and the session may not leave it. Try again shortly.\n",
                pin.region_name()
            );
            let reply = Reply::text(503, text).header("retry-after", RETRY_AFTER);
            return reply.header("cache-control", "no-store").into();
        }
        if !request.candidates().any(|candidate| candidate.takes_new()) {
            return Verdict::Pass;
        }
        let payload = pin.payload();
        let payload = match payload.value(HOME) {
            // It moved before; home is still where it was first.
            Some(_) => payload,
            None => payload.with(HOME, pin.region_name()).with(MOVED, &format!("{:.0}", request.now_ms())),
        };
        Plan::new().bind(payload).into()
    }
}

export!(SessionPin);

#[cfg(test)]
mod tests;
