//! Answers by itself while the application is being worked on: now, or during a window that was planned.
//!
//! Speaks for the paths that the configuration names and lets through whoever brings the pass. Outside its window, and for
//! everything else, it passes. The README has the configuration.

mod window;

use portolan_policy::{Manifest, Policy, Regions, Reply, Request, Verdict, config, export};
use serde::Deserialize;

use crate::window::Window;

/// The configuration; the README documents each key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default = "unavailable")]
    status: u16,
    text: Option<String>,
    html: Option<String>,
    #[serde(default)]
    retry_after: Option<String>,
    from: Option<String>,
    until: Option<String>,
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    except: Vec<String>,
    pass: Option<Pass>,
}

/// What a request brings that is let through.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pass {
    header: String,
    value: String,
}

fn unavailable() -> u16 {
    503
}

/// The policy.
#[derive(Debug)]
pub struct Maintenance {
    config: Config,
    window: Window,
    retry_after_s: Option<u64>,
}

impl Policy for Maintenance {
    type Config = Config;

    fn describe(config: &Config) -> Result<Manifest, String> {
        check(config)?;
        let path = (!config.paths.is_empty() || !config.except.is_empty()).then(|| "path".to_owned());
        let pass = config.pass.iter().map(|pass| format!("header:{}", pass.header.to_ascii_lowercase()));
        Ok(Manifest::fields(path.into_iter().chain(pass)))
    }

    fn new(config: Config, _: &Regions) -> Result<Self, String> {
        let (window, retry_after_s) = check(&config)?;
        Ok(Self { config, window, retry_after_s })
    }

    fn route(&self, request: &Request<'_>) -> Verdict {
        if !self.window.is_open(request.now_ms()) || !self.concerns(request) || self.may_pass(request) {
            return Verdict::Pass;
        }
        let Config { status, text, html, .. } = &self.config;
        let reply = match html {
            Some(html) => {
                let reply = Reply::new(*status).header("content-type", "text/html; charset=utf-8");
                Reply { body: html.clone().into_bytes(), ..reply }
            }
            None => Reply::text(*status, text.as_deref().unwrap_or("This service is being worked on.\n")),
        };
        let reply = reply.header("cache-control", "no-store");
        // The end of the window is the better answer when both are known.
        match self.window.left_s(request.now_ms()).or(self.retry_after_s) {
            Some(seconds) => reply.header("retry-after", seconds.to_string()).into(),
            None => reply.into(),
        }
    }
}

/// Reads what has a form of its own, or says which key is wrong.
fn check(config: &Config) -> Result<(Window, Option<u64>), String> {
    if !(200..=599).contains(&config.status) {
        return Err(format!("config.status: {} is not between 200 and 599", config.status));
    }
    if config.text.is_some() && config.html.is_some() {
        return Err("config: set `text` or `html`, not both".to_owned());
    }
    if let Some(path) = config.paths.iter().chain(&config.except).find(|path| !path.starts_with('/')) {
        return Err(format!("config: the path {path:?} does not begin with /"));
    }
    let retry_after = config.retry_after.as_deref().map(|text| {
        let span = config::parse_duration(text).map(|span| span.as_secs());
        span.ok_or_else(|| format!("config.retry_after: {text:?} is no duration, such as \"10m\""))
    });
    Ok((Window::read(config.from.as_deref(), config.until.as_deref())?, retry_after.transpose()?))
}

impl Maintenance {
    fn concerns(&self, request: &Request<'_>) -> bool {
        let Config { paths, except, .. } = &self.config;
        if paths.is_empty() && except.is_empty() {
            return true;
        }
        let path = request.path().unwrap_or("/");
        let within = |prefixes: &[String]| prefixes.iter().any(|prefix| path.starts_with(prefix.as_str()));
        (paths.is_empty() || within(paths)) && !within(except)
    }

    fn may_pass(&self, request: &Request<'_>) -> bool {
        let pass = self.config.pass.as_ref();
        pass.is_some_and(|pass| request.header(&pass.header) == Some(pass.value.as_str()))
    }
}

export!(Maintenance);

#[cfg(test)]
mod tests;
