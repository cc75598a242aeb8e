//! Rollouts that go well, do badly, and are taken up again.

use super::*;
use crate::policy::tests::{listening, passing};
use crate::snapshot::build::Parts;

/// The text of a policy that is given to a share of the sessions in place of `live`.
fn text(rollout: &str) -> String {
    format!(
        "policies = [\"live\", \"next\"]\n[policies.live]\ncomponent = \"live.wasm\"\n\
         [policies.next]\ncomponent = \"next.wasm\"\nreplaces = \"live\"\nrollout = {rollout}\n"
    )
}

impl Play {
    fn rolling(rollout: &str) -> Self {
        let mut play = Self::new(&[("eu", &[EU])], "");
        play.roll(&text(rollout), passing());
        play
    }

    /// Puts a configuration in force in which every policy is this component.
    fn roll(&mut self, text: &str, next: Arc<crate::policy::Loaded>) -> Vec<Effect> {
        let live = Arc::new(config(&[("eu", &[EU])], text).live);
        let policies = live.policies.iter().map(|_| Arc::clone(&next)).collect();
        let parts = Parts { policies, ..parts(&live) };
        let loaded = LoadedConfig { live, parts, needs_restart: Vec::new(), files: Vec::new() };
        self.ticket += 1;
        self.tell(Event::Config { ticket: self.ticket, result: Ok(Box::new(loaded)) })
    }

    /// Tells the totals up to now, a second later.
    fn count(&mut self, calls: u64, failed: u64, compared: u64, moved: u64) -> Vec<Effect> {
        self.now = self.now.plus(Duration::from_secs(1));
        self.tell(Event::Tallies(vec![("next".into(), Tally { calls, failed, compared, moved })]))
    }

    fn rollout(&self) -> &Rollout {
        &self.world.rollouts()["next"]
    }

    fn cause(&self) -> Option<ReturnCause> {
        self.rollout().returned().map(|returned| returned.cause)
    }

    fn command(&mut self, on: bool) -> Vec<Effect> {
        self.tell(Event::Operator(Command::Rollout { policy: "next".into(), on }))
    }
}

fn logged(effects: &[Effect]) -> String {
    let line = |effect: &Effect| match effect {
        Effect::Log(_, text) => Some(text.clone()),
        _ => None,
    };
    effects.iter().filter_map(line).collect()
}

const TENTH: &str = "{ share = 0.1, errors = 0.1, disagreements = 0.2, window = \"60s\", calls_min = 20 }";

#[test]
fn failed_calls_give_the_sessions_back_at_once_and_once() {
    let mut play = Play::rolling(TENTH);
    play.count(1000, 1000, 0, 0);
    assert_eq!(play.cause(), None, "what was before it began does not count");
    play.count(1019, 1019, 0, 0);
    assert_eq!(play.cause(), None, "19 calls are below calls_min");
    let effects = play.count(1020, 1020, 0, 0);
    assert_eq!((play.cause(), published(&effects)), (Some(ReturnCause::Errors), Some(true)));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::CountReturn(_, "errors"))), "{effects:?}");
    let told = logged(&effects);
    let expected = "the rollout of policy next is over, all its sessions are given back: 20 of 20 calls failed within 60s \
                    (100.0 %, bound 10.0 %)";
    assert_eq!(told, expected);
    let service = &play.snapshot().services[0];
    let rollout = service.policies[0].rollout.as_ref().unwrap();
    assert!(rollout.returned.as_ref().unwrap().starts_with("20 of 20 calls failed"), "{rollout:?}");
    assert_eq!(rollout.before.as_ref().map(|before| &*before.name), Some("live"));
    assert_eq!(logged(&play.count(1100, 1100, 0, 0)), "", "told once");
}

#[test]
fn the_bound_itself_is_kept() {
    let mut play = Play::rolling(TENTH);
    play.count(0, 0, 0, 0);
    play.count(100, 10, 100, 20);
    assert_eq!(play.cause(), None);
    play.count(101, 11, 100, 20);
    assert_eq!(play.cause(), Some(ReturnCause::Errors));
}

#[test]
fn decisions_that_go_elsewhere_give_the_sessions_back_when_they_are_bounded() {
    let mut play = Play::rolling(TENTH);
    play.count(0, 0, 0, 0);
    play.count(100, 0, 19, 19);
    assert_eq!(play.cause(), None, "19 comparisons are below calls_min");
    let effects = play.count(100, 0, 30, 19);
    assert_eq!(play.cause(), Some(ReturnCause::Disagreements));
    assert!(
        logged(&effects).contains("19 of 30 decisions sent the exchange elsewhere within 60s (63.3 %, bound 20.0 %)")
    );
    let mut play = Play::rolling("{ share = 0.1 }");
    play.count(0, 0, 0, 0);
    play.count(100, 0, 100, 100);
    assert_eq!(play.cause(), None, "no bound");
}

#[test]
fn what_left_the_window_does_not_count() {
    let mut play = Play::rolling(TENTH);
    play.count(0, 0, 0, 0);
    play.count(19, 19, 0, 0);
    let mut calls = 19;
    for _ in 0..120 {
        calls += 1;
        play.count(calls, 19, 0, 0);
        if play.cause().is_some() {
            break;
        }
    }
    assert_eq!(play.cause(), Some(ReturnCause::Errors), "19 failures and one success in the window");
    let mut play = Play::rolling(TENTH);
    play.count(0, 0, 0, 0);
    play.count(19, 19, 0, 0);
    for _ in 0..120 {
        play.count(19, 19, 0, 0);
    }
    assert_eq!(play.rollout().recent(), Tally::default());
    play.count(40, 20, 0, 0);
    assert_eq!(play.cause(), None, "one of 21");
}

#[test]
fn counters_that_begin_anew_are_no_successes_and_no_failures() {
    let mut play = Play::rolling(TENTH);
    play.count(5000, 0, 5000, 0);
    play.count(30, 30, 0, 0);
    assert_eq!((play.cause(), play.rollout().recent()), (None, Tally::default()));
    play.count(60, 60, 0, 0);
    assert_eq!(play.cause(), Some(ReturnCause::Errors));
}

#[test]
fn a_long_window_stays_small() {
    let mut play = Play::rolling("{ share = 0.1, window = \"1h\" }");
    for calls in 0..8_000 {
        play.count(calls, 0, 0, 0);
    }
    assert!(play.rollout().len() <= 63, "{}", play.rollout().len());
    let recent = play.rollout().recent().calls;
    assert!((3_540..=3_660).contains(&recent), "about an hour of one call a second: {recent}");
}

#[test]
fn a_reload_changes_nothing_unless_the_rollout_is_another() {
    let mut play = Play::rolling(TENTH);
    play.count(0, 0, 0, 0);
    play.count(100, 100, 0, 0);
    assert!(play.cause().is_some());
    play.roll(&text(TENTH), passing());
    assert_eq!(play.cause(), Some(ReturnCause::Errors), "the same again");
    play.roll(&format!("{}[policies.aaa]\ncomponent = \"x\"\n", text(TENTH)), passing());
    assert_eq!(play.cause(), Some(ReturnCause::Errors), "another policy is no concern of it");
    play.roll(&text(&TENTH.replace("0.1,", "0.5,")), passing());
    assert_eq!(play.cause(), None, "another share");
    play.count(100, 100, 0, 0);
    play.count(200, 200, 0, 0);
    play.roll(&text(&TENTH.replace("0.1,", "0.5,")), listening());
    assert_eq!(play.cause(), None, "another component");
    play.count(200, 200, 0, 0);
    play.count(300, 300, 0, 0);
    assert!(play.cause().is_some());
    play.load(&[("eu", &[EU])], "");
    assert!(play.world.rollouts().is_empty());
}

#[test]
fn the_operator_gives_back_and_takes_up_again() {
    let mut play = Play::rolling(TENTH);
    let effects = play.command(false);
    assert_eq!((play.cause(), published(&effects)), (Some(ReturnCause::Operator), Some(true)));
    assert_eq!(
        logged(&effects),
        "the rollout of policy next is over, all its sessions are given back, by the operator"
    );
    play.count(0, 0, 0, 0);
    play.count(100, 100, 0, 0);
    let effects = play.command(true);
    assert_eq!((play.cause(), play.rollout().recent()), (None, Tally::default()), "counted anew");
    assert_eq!(logged(&effects), "the rollout of policy next goes on, by the operator");
    play.count(150, 150, 0, 0);
    play.count(160, 160, 0, 0);
    assert_eq!(play.cause(), None, "10 calls since");
    play.count(200, 200, 0, 0);
    assert_eq!(play.cause(), Some(ReturnCause::Errors));
    assert!(play.tell(Event::Operator(Command::Rollout { policy: "live".into(), on: false })).is_empty());
}
