//! A policy that declares nothing to be passed and looks up what it needs, at every hook.
//!
//! `{ "fields": ["method", "lazy:header:x-user", ...], "look": [1] }` looks up the fields at these places and says in a header what
//! it saw: a value, `none` or the error. `"times"` does so again and again. It counts what it saw in
//! the bucket `seen` where its config says `"count": true`. Built by `cargo xtask plugins` to `target/guests/viewer.wasm`.

use portolan_policy::{
    Affinity, Amendment, Answer, Bucket, Edit, EditOp, LookupError, Manifest, PinAction, Plan, Policy, Reaction,
    Regions, Request, Response, Verdict, export,
};
use serde::Deserialize;

const SEEN: Bucket = Bucket::at(0);

/// What to look up.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The manifest's fields.
    fields: Vec<String>,
    /// Places of those that are looked up.
    #[serde(default)]
    look: Vec<usize>,
    /// How often each is looked up; the last answer counts.
    #[serde(default = "once")]
    times: u32,
    /// Counts the first value that is seen, and goes to the second region at every third time.
    #[serde(default)]
    count: bool,
}

fn once() -> u32 {
    1
}

/// The policy.
#[derive(Debug)]
pub struct Viewer {
    config: Config,
}

impl Viewer {
    /// What was seen, joined.
    fn seen(&self, request: &Request<'_>) -> String {
        let look = |place: &usize| {
            let mut answer = Ok(None);
            for _ in 0..self.config.times {
                answer = request.lookup_at(*place);
            }
            match answer {
                Ok(Some(value)) => String::from_utf8_lossy(&value).into_owned(),
                Ok(None) => "none".to_owned(),
                Err(LookupError::NoField) => "no-field".to_owned(),
                Err(LookupError::TooMuch) => "too-much".to_owned(),
                Err(LookupError::Unavailable) => "unavailable".to_owned(),
            }
        };
        self.config.look.iter().map(look).collect::<Vec<_>>().join(",")
    }
}

impl Policy for Viewer {
    type Config = Config;

    fn describe(config: &Config) -> Result<Manifest, String> {
        let manifest = Manifest::fields(config.fields.clone());
        Ok(if config.count { manifest.bucket("seen") } else { manifest })
    }

    fn new(config: Config, _: &Regions) -> Result<Self, String> {
        Ok(Self { config })
    }

    fn route(&self, request: &Request<'_>) -> Verdict {
        let seen = self.seen(request);
        if self.config.count {
            let first = seen.split(',').next().unwrap_or_default();
            let times = SEEN.add(first.as_bytes(), 1, None).unwrap_or(0);
            let candidates: Vec<_> = request.candidates().map(|candidate| candidate.id()).collect();
            let place = usize::from(times % 3 == 0);
            return Plan::to(candidates.get(place).copied()).into();
        }
        Plan::new().header("x-seen", seen).into()
    }
}

impl Affinity for Viewer {
    fn key(&self, request: &Request<'_>) -> Option<Vec<u8>> {
        Some(self.seen(request).into_bytes())
    }
}

impl Response for Viewer {
    fn response(&self, request: &Request<'_>, _: &Answer<'_>) -> Reaction {
        let value = self.seen(request).into_bytes();
        let edits = vec![Edit { op: EditOp::Set, name: "x-seen".to_owned(), value }];
        Reaction::Amend(Amendment { edits, pin: PinAction::Keep })
    }
}

export!(Viewer: route, affinity, response);

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use portolan_policy::testing::World;

    use super::*;

    #[test]
    fn it_sees_what_it_looks_up() {
        let world = World::new().region("a", &[]);
        let config = r#"{ "fields": ["method", "lazy:header:x-user", "lazy:cookie:id"], "look": [1, 2, 0, 9] }"#;
        let policy = world.load::<Viewer>(config).unwrap();
        let asked = world.request().field("method", "GET").field("header:x-user", "ann");
        assert_eq!(policy.ask(asked.clone()), "route x-seen:ann,none,no-field,no-field");
        assert_eq!(policy.key(asked).as_deref(), Some("ann,none,no-field,no-field"));
    }

    #[test]
    fn every_third_time_goes_elsewhere() {
        let world = World::new().region("a", &[]).region("b", &[]);
        let config = r#"{ "fields": ["lazy:header:x-user"], "look": [0], "count": true }"#;
        let policy = world.load::<Viewer>(config).unwrap();
        let ask = || policy.ask(world.request().field("header:x-user", "ann"));
        assert_eq!([ask(), ask(), ask(), ask()], ["route a", "route a", "route b", "route a"]);
    }
}
