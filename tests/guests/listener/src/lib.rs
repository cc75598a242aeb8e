//! A policy that only hears answers: by their status it asks for another region, notes what it heard, speaks of the pin, traps.
//!
//! The config has a status for each: `{ "next": 404, "note": 200, "bind": 201, "clear": 205, "forge": 206, "trap": 418 }`.
//! A note is the header `x-heard`: status, attempt, region, whether it may ask again, the request's path, the response's
//! `x-origin`. To forge is to set the cookie of the pin.

use portolan_policy::{Amendment, Answer, Manifest, Policy, Reaction, Regions, Request, Response, export};
use serde::Deserialize;

/// What to do by status.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    next: Option<u16>,
    note: Option<u16>,
    bind: Option<u16>,
    clear: Option<u16>,
    forge: Option<u16>,
    trap: Option<u16>,
}

/// The policy.
#[derive(Debug)]
pub struct Listener(Config);

impl Policy for Listener {
    type Config = Config;

    fn describe(_: &Config) -> Result<Manifest, String> {
        Ok(Manifest::fields(["path"]).response_field("header:x-origin"))
    }

    fn new(config: Config, _: &Regions) -> Result<Self, String> {
        Ok(Self(config))
    }
}

impl Response for Listener {
    fn response(&self, request: &Request<'_>, answer: &Answer<'_>) -> Reaction {
        let Self(Config { next, note, bind, clear, forge, trap }) = self;
        let status = Some(answer.status());
        assert_ne!(status, *trap, "on purpose");
        if status == *next {
            return Reaction::Next;
        }
        let mut amendment = Amendment::new();
        if status == *note {
            let origin = answer.header("x-origin").unwrap_or("-");
            let path = request.path().unwrap_or("-");
            let (status, attempt, again) = (answer.status(), answer.attempt(), answer.may_retry());
            let text = format!("{status} {attempt} {} {again} {path} {origin}", answer.region_name());
            amendment = amendment.header("x-heard", text).without_header("x-origin");
        }
        if status == *bind {
            amendment = amendment.bind("heard=1");
        }
        if status == *clear {
            amendment = amendment.clear_pin();
        }
        if status == *forge {
            amendment = amendment.header("set-cookie", "portolan=forged");
        }
        if amendment == Amendment::new() { Reaction::Pass } else { amendment.into() }
    }
}

export!(Listener: response);

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use portolan_policy::testing::World;

    use super::*;

    #[test]
    fn does_by_status_what_its_config_says() {
        let world = World::new().region("a", &[]).region("b", &[]);
        let policy = world.load::<Listener>(r#"{ "next": 404, "note": 200, "bind": 201 }"#).unwrap();
        let hear =
            |status, headers: &[(&str, &str)]| policy.hear(world.request().field("path", "/x"), "b", status, headers);
        assert_eq!(hear(500, &[]), Reaction::Pass);
        assert_eq!(hear(404, &[]), Reaction::Next);
        let noted = Amendment::new().header("x-heard", "200 1 b true /x here").without_header("x-origin");
        assert_eq!(hear(200, &[("x-origin", "here")]), noted.into());
        assert_eq!(hear(201, &[]), Amendment::new().bind("heard=1").into());
    }
}
