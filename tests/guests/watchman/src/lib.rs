//! A policy that watches the regions, well or badly, as its config says: `{ "deed": "follow", "urls": ["http://..."] }`.
//!
//! What it learns it says in the header `x-seen` of every request, so that a test reads it from what an origin sees: how often this
//! instance was called, what it was told of regions, and what came of each URL. `tests/guests/README.md` lists the deeds.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;

use portolan_policy::http::{Error, Request as Ask, Response, fetch_all, get};
use portolan_policy::{Bucket, Changes, Manifest, Plan, Policy, Regions, Request, Verdict, Watch, export};
use serde::Deserialize;

const SEEN: Bucket = Bucket::at(0);
/// Under this key it keeps what it says.
const KEY: &[u8] = b"seen";
/// More than any grant allows in a second.
const FLOOD: usize = 2_000;

/// What to do, in the order of the README.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each is told in tests/guests/README.md")]
pub enum Deed {
    Follow,
    WatchTraps,
    WatchSpins,
    WatchHogs,
    FetchFlood,
    FetchBroadside,
    FetchInRoute,
    FetchTrap,
}

/// The configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    deed: Deed,
    #[serde(default)]
    urls: Vec<String>,
    /// The pause that it asks for, milliseconds; 0 is until a region changes.
    #[serde(default = "quarter")]
    every_ms: u64,
}

fn quarter() -> u64 {
    250
}

/// The policy.
#[derive(Debug)]
pub struct Watchman {
    config: Config,
    calls: Cell<u32>,
    said: RefCell<BTreeMap<String, String>>,
}

impl Policy for Watchman {
    type Config = Config;

    fn describe(_: &Config) -> Result<Manifest, String> {
        Ok(Manifest::new().bucket("seen"))
    }

    fn new(config: Config, _: &Regions) -> Result<Self, String> {
        Ok(Self { config, calls: Cell::new(0), said: RefCell::default() })
    }

    fn route(&self, _: &Request<'_>) -> Verdict {
        if self.config.deed == Deed::FetchInRoute {
            let said = self.config.urls.iter().map(|url| word(&get(url))).collect::<Vec<_>>().join(";");
            return Plan::new().header("x-seen", said).into();
        }
        Plan::new().header("x-seen", SEEN.text(KEY).unwrap_or_default()).into()
    }
}

impl Watch for Watchman {
    fn watch(&self, changes: &Changes<'_>) -> Option<Duration> {
        self.calls.set(self.calls.get() + 1);
        self.say("calls", self.calls.get().to_string());
        for change in changes.iter() {
            let states = format!("{:?}>{:?}", change.before, change.now).to_lowercase().replace("health::", "");
            self.say(&change.region.name, states);
        }
        match self.config.deed {
            Deed::Follow | Deed::FetchInRoute => self.ask_all(),
            Deed::WatchTraps => panic!("on purpose"),
            Deed::WatchSpins => spin(),
            Deed::WatchHogs => hog(),
            Deed::FetchFlood => self.flood(),
            Deed::FetchBroadside => self.broadside(),
            Deed::FetchTrap => {
                self.ask_all();
                panic!("on purpose, after an answer")
            }
        }
        let said = self.said.borrow();
        let said: Vec<String> = said.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let _ = SEEN.set(KEY, said.join(";").as_bytes(), None);
        (self.config.every_ms > 0).then(|| Duration::from_millis(self.config.every_ms))
    }
}

impl Watchman {
    fn say(&self, key: &str, value: String) {
        self.said.borrow_mut().insert(key.to_owned(), value);
    }

    fn ask_all(&self) {
        let answers = fetch_all(self.config.urls.iter().map(|url| Ask::get(url).header("x-asked-by", "watchman")));
        for (place, answer) in answers.iter().enumerate() {
            self.say(&format!("url-{place}"), word(answer));
        }
    }

    /// Asks again and again until it may not.
    fn flood(&self) {
        let Some(url) = self.config.urls.first() else { return };
        let answers: Vec<_> = (0..FLOOD).map(|_| get(url)).collect();
        self.count(&answers);
    }

    /// Asks everything at the same time.
    fn broadside(&self) {
        let Some(url) = self.config.urls.first() else { return };
        self.count(&fetch_all((0..FLOOD).map(|_| Ask::get(url))));
    }

    fn count(&self, answers: &[Result<Response, Error>]) {
        let too_many = answers.iter().filter(|answer| matches!(answer, Err(Error::TooMany))).count();
        self.say("answers", answers.iter().filter(|answer| answer.is_ok()).count().to_string());
        self.say("too-many", too_many.to_string());
    }
}

/// An answer in short: its status, the length of its body and its first bytes; or why there is none.
fn word(answer: &Result<Response, Error>) -> String {
    match answer {
        Ok(answer) => {
            let text: String = answer.text().unwrap_or("?").chars().take(32).collect();
            format!("{} {} {text}", answer.status(), answer.body().len())
        }
        Err(error) => error.name().to_owned(),
    }
}

fn spin() -> ! {
    let mut turns = 0u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

fn hog() -> ! {
    let mut held: Vec<Vec<u8>> = Vec::new();
    loop {
        held.push(black_box(vec![1; 1 << 20]));
    }
}

export!(Watchman: route, health);

#[cfg(test)]
mod tests {
    use portolan_policy::Health;
    use portolan_policy::testing::{World, serve};

    use super::*;

    #[test]
    fn it_says_what_it_learned() {
        let world = World::new().region("a", &[]);
        let policy = world.load::<Watchman>(r#"{ "deed": "follow", "urls": ["http://x/", "http://y/"] }"#).unwrap();
        serve("http://x/", 200, "hello");
        let pause = policy.watch(1.0, &[("a", Health::Unknown, Health::Down)]);
        assert_eq!(pause, Some(Duration::from_millis(250)));
        let said = "x-seen:a=unknown>down;calls=1;url-0=200 5 hello;url-1=no-connection";
        assert_eq!(policy.ask(world.request()), format!("route {said}"));
    }
}
