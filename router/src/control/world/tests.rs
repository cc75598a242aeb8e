//! News and what follows from them: flaps, ejections, switches, reloads, names. Time is a number here.
#![allow(clippy::unwrap_used, reason = "tests")]

mod bundles;
mod rollouts;
mod spill;

use super::*;
use crate::config::{Diagnostic, Diagnostics};
use crate::control::watch::{Subject, WatchedFile};
use crate::snapshot::Snapshot;
use crate::snapshot::build::tests::{build, config, parts};
use crate::snapshot::origin::Origin;
use crate::steer::table::{EndpointState, Health, ServiceTable};
use std::path::Path;
use std::time::Duration;

type Regions<'a> = [(&'a str, &'a [&'a str])];

const EU: &str = "http://127.0.0.1:1";
const EU_2: &str = "http://127.0.0.1:2";
const US: &str = "http://127.0.0.1:3";
const PROBED: &str = "health = { http = { path = \"/healthz\", status = [200] }, interval = \"2s\", timeout = \"1s\", fall = 3, rise = 2 }";

/// A World with a clock that the test moves.
pub(crate) struct Play {
    pub(crate) world: World,
    pub(crate) now: Timestamp,
    ticket: u64,
}

impl Play {
    fn new(regions: &Regions<'_>, extra: &str) -> Self {
        let mut play = Self { world: World::default(), now: Timestamp(1_000_000), ticket: 0 };
        let effects = play.tell(first());
        assert!(matches!(effects[..], [Effect::LoadConfig { ticket: 1 }]), "{effects:?}");
        play.load(regions, extra);
        play
    }

    fn tell(&mut self, event: Event) -> Vec<Effect> {
        self.world.apply(event, self.now)
    }

    fn load(&mut self, regions: &Regions<'_>, extra: &str) -> Vec<Effect> {
        self.adopt(config(regions, extra).live)
    }

    fn adopt(&mut self, live: Live) -> Vec<Effect> {
        let live = Arc::new(live);
        let parts = parts(&live);
        let loaded = LoadedConfig { live, parts, needs_restart: Vec::new(), files: Vec::new() };
        self.ticket += 1;
        self.tell(Event::Config { ticket: self.ticket, result: Ok(Box::new(loaded)) })
    }

    fn wait(&mut self, seconds: u64) -> Vec<Effect> {
        self.now = self.now.plus(Duration::from_secs(seconds));
        self.tell(Event::Tick)
    }

    fn id(&self, url: &str) -> u64 {
        *self.world.endpoints.iter().find(|(_, watch)| &*watch.url == url).unwrap().0
    }

    fn probe(&mut self, url: &str, ok: bool) -> Vec<Effect> {
        self.now = self.now.plus(Duration::from_secs(2));
        let endpoint = self.id(url);
        let probe = self.world.endpoint(endpoint).unwrap().probe().unwrap();
        let failure = (!ok).then(|| "status 503, accepted: 200".to_owned());
        let took = Duration::from_millis(3);
        let verdict = ProbeVerdict { failure, round_trip: Some(Duration::from_millis(1)), took };
        self.tell(Event::Probe { endpoint, probe, verdict })
    }

    fn meet(&mut self, url: &str, successes: u64, failures: u64, consecutive: u32) -> Vec<Effect> {
        let endpoint = self.id(url);
        self.tell(Event::Passive(vec![Sample { endpoint, successes, failures, consecutive }]))
    }

    fn switch(&mut self, region: &str, admin: Admin) -> Vec<Effect> {
        self.tell(Event::Operator(Command::Region { region: key(region), admin }))
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        let in_force = self.world.in_force().unwrap();
        build(&in_force.live, &in_force.parts, &self.world.known(), None)
    }

    fn table(&self) -> ServiceTable {
        self.snapshot().services[0].table.clone()
    }

    fn state(&self, url: &str) -> EndpointState {
        self.world.endpoint(self.id(url)).unwrap().state
    }

    fn region(&self, name: &str) -> crate::steer::table::Region {
        self.table().regions.into_iter().find(|region| &*region.name == name).unwrap()
    }
}

fn key(region: &str) -> RegionKey {
    RegionKey { service: "shop".into(), region: region.into() }
}

fn published(effects: &[Effect]) -> Option<bool> {
    let urgent = |effect: &Effect| match effect {
        Effect::Publish { urgent } => Some(*urgent),
        _ => None,
    };
    effects.iter().filter_map(urgent).max()
}

fn refusal(message: &str, files: Vec<WatchedFile>) -> Refusal {
    Refusal { diagnostics: Diagnostics(vec![Diagnostic::new(message)]), files, passing: false }
}

#[test]
fn the_first_configuration_starts_probes_and_serves_before_their_answers() {
    let mut play = Play { world: World::default(), now: Timestamp(5), ticket: 0 };
    play.tell(first());
    let effects = play.load(&[("eu", &[EU])], PROBED);
    assert_eq!(published(&effects), Some(true));
    let started: Vec<_> = effects.iter().filter(|effect| matches!(effect, Effect::StartProbe(_))).collect();
    let [Effect::StartProbe(target)] = started[..] else { panic!("{started:?}") };
    assert_eq!((target.address.to_string().as_str(), &*target.authority), ("127.0.0.1:1", "127.0.0.1:1"));
    assert!(play.state(EU).serves());
    assert_eq!(play.region("eu").health, Health::Unknown);
}

#[test]
fn what_could_not_be_fetched_is_tried_again_ever_more_rarely() {
    let mut play = Play::new(&[("eu", &[EU])], "");
    let loads = |effects: &[Effect]| effects.iter().any(|effect| matches!(effect, Effect::LoadConfig { .. }));
    play.tell(Event::Operator(Command::Reload));
    let mut pauses = Vec::new();
    for _ in 0..9 {
        play.ticket += 1;
        let refusal = Refusal { passing: true, ..refusal("the registry is gone", Vec::new()) };
        play.tell(Event::Config { ticket: play.ticket, result: Err(refusal) });
        let at = play.world.reloads().retry_at().unwrap();
        pauses.push(at.since(play.now).as_millis());
        play.now = Timestamp(at.0 - 1);
        assert!(!loads(&play.tell(Event::Tick)), "too early");
        play.now = at;
        assert!(loads(&play.tell(Event::Tick)));
        assert!(!loads(&play.tell(Event::Tick)), "one at a time");
    }
    assert!((1500..=2500).contains(&pauses[0]) && (3000..=5000).contains(&pauses[1]), "{pauses:?}");
    assert!(pauses[6..].iter().all(|pause| (45_000..=75_000).contains(pause)), "{pauses:?}");
    play.load(&[("eu", &[EU])], "");
    assert_eq!(play.world.reloads().retry_at(), None);
    play.tell(Event::Operator(Command::Reload));
    play.ticket += 1;
    play.tell(Event::Config { ticket: play.ticket, result: Err(refusal("broken for good", Vec::new())) });
    assert_eq!(play.world.reloads().retry_at(), None, "only a change of a file helps");
}

#[test]
fn a_flap_down_and_up_again() {
    let mut play = Play::new(&[("eu", &[EU]), ("us", &[US])], PROBED);
    assert_eq!(published(&play.probe(EU, true)), Some(true));
    assert_eq!((play.state(EU), play.region("eu").health), (EndpointState::Up, Health::Healthy));
    assert_eq!(play.region("eu").returned_at, None, "a first start is no return");
    for ok in [false, false] {
        assert_eq!(published(&play.probe(EU, ok)), None, "not yet");
    }
    let effects = play.probe(EU, false);
    assert_eq!(published(&effects), Some(true));
    assert!(
        effects.iter().any(|effect| matches!(effect, Effect::Log(Severity::Error, text) if text.contains("shop/eu")))
    );
    let down = play.region("eu");
    assert_eq!((down.health, down.health_since), (Health::Down, play.now));
    assert_eq!(published(&play.probe(EU, true)), None, "rise is two");
    play.probe(EU, true);
    let back = play.region("eu");
    assert_eq!((back.health, back.returned_at), (Health::Healthy, Some(play.now)));
    assert_eq!(back.endpoints[0].returned_at, Some(play.now));
}

#[test]
fn what_never_served_does_not_return() {
    let mut play = Play::new(&[("eu", &[EU])], PROBED);
    for ok in [false, false, false, true, true] {
        play.probe(EU, ok);
    }
    let region = play.region("eu");
    assert_eq!((region.health, region.returned_at, region.endpoints[0].returned_at), (Health::Healthy, None, None));
}

#[test]
fn failures_in_a_row_eject_at_once_and_time_lets_in_again() {
    let mut play = Play::new(&[("eu", &[EU, EU_2])], "");
    play.meet(EU, 100, 0, 0);
    play.meet(EU_2, 100, 0, 0);
    assert_eq!(published(&play.meet(EU, 3, 4, 4)), None);
    assert_eq!(published(&play.meet(EU, 0, 1, 5)), Some(true), "the run goes on over two samples");
    assert_eq!(play.state(EU), EndpointState::Ejected);
    assert!(play.region("eu").health != Health::Down);
    assert_eq!(published(&play.meet(EU_2, 0, 5, 5)), Some(true), "errors in a row take out the last one too");
    assert_eq!(play.region("eu").health, Health::Down);
    let mut effects = Vec::new();
    for _ in 0..40 {
        effects.extend(play.wait(1));
    }
    let ids = [play.id(EU), play.id(EU_2)];
    let forgotten = |effect: &&Effect| matches!(effect, Effect::ForgetFailures(id) if ids.contains(id));
    assert_eq!(effects.iter().filter(forgotten).count(), 2);
    assert!(play.state(EU).serves() && play.state(EU_2).serves());
    let region = play.region("eu");
    assert!(region.returned_at.is_some() && region.endpoints.iter().all(|endpoint| endpoint.returned_at.is_some()));
}

#[test]
fn a_success_in_between_breaks_the_run() {
    let mut play = Play::new(&[("eu", &[EU, EU_2])], "");
    for _ in 0..3 {
        play.meet(EU, 50, 4, 4);
        play.meet(EU, 50, 4, 0);
    }
    assert_eq!(play.state(EU), EndpointState::Unknown);
}

#[test]
fn switches_outlive_reloads_and_end_when_they_say_the_same() {
    let regions: &Regions<'_> = &[("eu", &[EU]), ("us", &[US])];
    let mut play = Play::new(regions, PROBED);
    play.probe(EU, true);
    assert_eq!(published(&play.switch("eu", Admin::Drain)), Some(true));
    assert_eq!((play.region("eu").admin, play.region("eu").health), (Admin::Drain, Health::Draining));
    play.load(regions, PROBED);
    assert_eq!(play.region("eu").admin, Admin::Drain);
    play.switch("eu", Admin::Off);
    assert_eq!(play.region("eu").admin, Admin::Off);
    play.wait(1);
    play.switch("eu", Admin::On);
    assert_eq!((play.region("eu").admin, play.world.switch(&key("eu"))), (Admin::On, None));
    assert_eq!(play.region("eu").returned_at, Some(play.now), "it was off");
    play.switch("us", Admin::Drain);
    play.load(&regions[..1], PROBED);
    play.load(regions, PROBED);
    assert_eq!(play.region("us").admin, Admin::On, "what left starts fresh");
}

#[test]
fn draining_the_pop_is_published_once() {
    let mut play = Play::new(&[("eu", &[EU])], "");
    let drain = || Event::Operator(Command::Pop { draining: true });
    assert_eq!(published(&play.tell(drain())), Some(true));
    assert_eq!(published(&play.tell(drain())), None);
    assert!(play.world.draining());
}

#[test]
fn a_reload_keeps_what_was_learnt_and_replaces_changed_probes() {
    let regions: &Regions<'_> = &[("eu", &[EU]), ("us", &[US])];
    let mut play = Play::new(regions, PROBED);
    play.probe(EU, true);
    for _ in 0..3 {
        play.probe(US, false);
    }
    let since = play.region("us").health_since;
    play.wait(60);
    let effects = play.load(&[("eu", &[EU, EU_2]), ("us", &[US])], PROBED);
    let started = effects.iter().filter(|effect| matches!(effect, Effect::StartProbe(_)));
    assert_eq!(started.count(), 1, "only the new one: {effects:?}");
    assert_eq!(
        (play.state(EU), play.state(US), play.state(EU_2)),
        (EndpointState::Up, EndpointState::Down, EndpointState::Unknown)
    );
    assert_eq!(play.region("us").health_since, since);
    assert_eq!(play.world.in_force().unwrap().generation, 2);

    let other = PROBED.replace("/healthz", "/ready");
    let effects = play.load(regions, &other);
    assert_eq!(effects.iter().filter(|effect| matches!(effect, Effect::StartProbe(_))).count(), 2);
    assert_eq!(effects.iter().filter(|effect| matches!(effect, Effect::StopProbe(_))).count(), 1);
    assert_eq!(play.state(US), EndpointState::Unknown, "the new probe has said nothing");

    let effects = play.load(regions, "");
    assert_eq!(effects.iter().filter(|effect| matches!(effect, Effect::StopProbe(_))).count(), 2);
}

#[test]
fn an_endpoint_that_returns_starts_fresh() {
    let mut play = Play::new(&[("eu", &[EU, EU_2])], PROBED);
    for _ in 0..3 {
        play.probe(EU, false);
    }
    assert_eq!(play.state(EU), EndpointState::Down);
    play.load(&[("eu", &[EU_2])], PROBED);
    play.load(&[("eu", &[EU, EU_2])], PROBED);
    assert_eq!(play.state(EU), EndpointState::Unknown);
}

#[test]
fn stale_answers_of_probes_change_nothing() {
    let mut play = Play::new(&[("eu", &[EU])], PROBED);
    let endpoint = play.id(EU);
    let old = play.world.endpoint(endpoint).unwrap().probe().unwrap();
    play.load(&[("eu", &[EU])], &PROBED.replace("/healthz", "/ready"));
    let verdict = ProbeVerdict { failure: None, round_trip: None, took: Duration::ZERO };
    let effects = play.tell(Event::Probe { endpoint, probe: old, verdict: verdict.clone() });
    assert!(effects.is_empty() && play.state(EU) == EndpointState::Unknown);
    let probe = play.world.endpoint(endpoint).unwrap().probe().unwrap();
    assert!(play.tell(Event::Probe { endpoint: 42, probe, verdict }).is_empty(), "no such endpoint");
}

#[test]
fn a_refused_reload_changes_nothing_but_what_is_told() {
    let mut play = Play::new(&[("eu", &[EU])], PROBED);
    play.probe(EU, true);
    let before = play.table();
    assert!(matches!(play.tell(Event::Operator(Command::Reload))[..], [Effect::LoadConfig { ticket: 2 }]));
    let missing = WatchedFile::now(Subject::Policies, Path::new("missing.wasm"));
    let effects = play.tell(Event::Config { ticket: 2, result: Err(refusal("no such key", vec![missing])) });
    assert_eq!(published(&effects), None);
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Log(Severity::Error, text) if text.contains("no such key")))
    );
    let watched = effects.iter().find_map(|effect| match effect {
        Effect::Watch(files) => Some(files.clone()),
        _ => None,
    });
    assert_eq!(watched.unwrap()[0].subject, Subject::Config, "its appearance is worth another try");
    assert_eq!((play.table(), play.world.in_force().unwrap().generation), (before, 1));
    let last = play.world.reloads().last().unwrap();
    assert_eq!((last.ticket, last.refused.is_some()), (2, true));
}

#[test]
fn one_load_at_a_time_and_one_more_after_it() {
    let mut play = Play::new(&[("eu", &[EU])], "");
    let reload = || Event::Operator(Command::Reload);
    assert_eq!(play.tell(reload()).len(), 1);
    assert!(play.tell(reload()).is_empty());
    assert!(play.tell(Event::Changed(Subject::Certificates)).is_empty(), "the load that follows reads them too");
    assert_eq!(play.world.reloads().next_ticket(), 3);
    let effects = play.load(&[("eu", &[EU])], "");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::LoadConfig { ticket: 3 })), "{effects:?}");
}

#[test]
fn changed_files_are_loaded_alone_and_stale_answers_dropped() {
    let mut play = Play::new(&[("eu", &[EU])], "");
    let effects = play.tell(Event::Changed(Subject::Geo));
    assert!(matches!(effects[..], [Effect::LoadPart { subject: Subject::Geo, generation: 1 }]));
    let effects =
        play.tell(Event::Part { subject: Subject::Geo, generation: 1, result: Err(refusal("cut off", vec![])) });
    assert_eq!(published(&effects), None);
    assert!(play.world.reloads().parts_refused().contains_key(&Subject::Geo));
    let mut parts = play.world.in_force().unwrap().parts.clone();
    let old = Arc::clone(&parts.geo);
    parts.geo = Arc::default();
    let loaded = |parts: &Parts| Ok(Box::new(LoadedPart { parts: parts.clone(), files: Vec::new() }));
    assert!(play.tell(Event::Part { subject: Subject::Geo, generation: 9, result: loaded(&parts) }).is_empty());
    assert!(Arc::ptr_eq(&old, &play.world.in_force().unwrap().parts.geo));
    let effects = play.tell(Event::Part { subject: Subject::Geo, generation: 1, result: loaded(&parts) });
    assert_eq!(published(&effects), Some(true));
    assert!(Arc::ptr_eq(&parts.geo, &play.world.in_force().unwrap().parts.geo));
    assert!(play.world.reloads().parts_refused().is_empty());
}

#[test]
fn names_keep_their_addresses_when_a_look_up_fails() {
    let mut play = Play { world: World::default(), now: Timestamp(0), ticket: 0 };
    play.tell(first());
    let effects = play.load(&[("eu", &["http://origin.test:80"])], PROBED);
    let name = HostPort { host: "origin.test".into(), port: 80 };
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Resolve(asked) if *asked == name)));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::StartProbe(_))), "there is nothing to connect to");
    assert_eq!((play.world.names_open(), play.state("http://origin.test:80")), (1, EndpointState::Unknown));

    let (a, b) = ("10.0.0.1:80".parse().unwrap(), "10.0.0.2:80".parse().unwrap());
    let resolved = |result| Event::Resolved { name: name.clone(), result };
    let effects = play.tell(resolved(Ok(vec![b])));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::StartProbe(target) if target.address == b)));
    assert!(play.wait(29).is_empty());
    assert!(matches!(play.wait(1)[..], [Effect::Resolve(_)]));
    let effects = play.tell(resolved(Err("origin.test does not resolve".to_owned())));
    assert_eq!(published(&effects), None);
    assert_eq!(play.snapshot().endpoints().next().unwrap().origin.as_ref().map(Origin::address), Some(b));
    assert!(play.tell(resolved(Ok(vec![a, b]))).is_empty(), "the address in use is still good");
    let effects = play.tell(resolved(Ok(vec![a])));
    assert_eq!(published(&effects), Some(true));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::StartProbe(target) if target.address == a)));
}

#[test]
fn a_name_that_never_resolved_is_down_and_asked_again_soon() {
    let url = "http://origin.test:80";
    let mut play = Play::new(&[("eu", &[url])], "");
    let name = HostPort { host: "origin.test".into(), port: 80 };
    play.tell(Event::Resolved { name: name.clone(), result: Err("no such name".to_owned()) });
    assert_eq!((play.state(url), play.region("eu").health), (EndpointState::Down, Health::Down));
    assert!(matches!(play.wait(2)[..], [Effect::Resolve(_)]));
    play.tell(Event::Resolved { name, result: Ok(vec!["10.0.0.1:80".parse().unwrap()]) });
    assert!(play.state(url).serves());
}

#[test]
fn small_moves_of_the_round_trip_are_not_published() {
    let mut play = Play::new(&[("eu", &[EU])], PROBED);
    play.probe(EU, true);
    let shown = play.region("eu").rtt;
    assert_eq!(shown, Some(Duration::from_millis(1)));
    let endpoint = play.id(EU);
    let mut publish_with = |round_trip_us| {
        let probe = play.world.endpoint(endpoint).unwrap().probe().unwrap();
        let round_trip = Some(Duration::from_micros(round_trip_us));
        let verdict = ProbeVerdict { failure: None, round_trip, took: Duration::ZERO };
        published(&play.tell(Event::Probe { endpoint, probe, verdict }))
    };
    assert_eq!(publish_with(1_400), None);
    assert_eq!(publish_with(30_000), Some(false), "a detail may wait for others");
}

#[test]
fn a_new_world_and_one_reached_step_by_step_build_the_same() {
    let regions: &Regions<'_> = &[("eu", &[EU, EU_2]), ("us", &[US])];
    let mut steps = Play::new(&[("us", &[US, EU_2])], "");
    steps.switch("us", Admin::Off);
    steps.load(&[("eu", &[EU])], PROBED);
    steps.load(&[("asia", &[US])], "");
    steps.load(regions, PROBED);
    let fresh = Play::new(regions, PROBED);
    assert_eq!(steps.table(), fresh.table());
    assert_eq!(steps.world.endpoint_ids(), fresh.world.endpoint_ids());
}
