//! Policies that are given to a share of the sessions: who is asked, and that a session stays on its side.

use super::*;
use crate::decide::rollout;
use crate::geo;
use crate::snapshot::RolloutUse;
use crate::snapshot::comparison::{Compared, Place};
use crate::steer::plan::{PinWrite, Target};
use crate::steer::reason::Reason;
use proptest::prelude::*;
use std::cell::RefCell;
use std::net::IpAddr;

/// A script that hears who acted and what that changed.
struct Listening {
    script: Script,
    acted: Vec<String>,
    compared: Vec<Compared>,
}

impl AskPolicy for Listening {
    fn ask(&mut self, policy: &PolicyUse, ask: &PolicyAsk<'_>) -> Result<Verdict, PolicyFailure> {
        self.script.ask(policy, ask)
    }

    fn key(&mut self, policy: &PolicyUse, ask: &PolicyAsk<'_>) -> Result<Option<SessionKey>, PolicyFailure> {
        self.script.key(policy, ask)
    }

    fn acted(&mut self, policy: &PolicyUse) {
        self.acted.push(policy.name.to_string());
    }

    fn compared(&mut self, _: &Comparisons, compared: &Compared) {
        self.compared.push(*compared);
    }
}

/// A snapshot in which `next` is given to a share of the sessions, in place of `live` or as one more.
fn rolling(share: f64, replaces: bool, compares: bool) -> Snapshot {
    let mut snapshot = snapshot(&[("next", OnError::Reject)]);
    let live = self::snapshot(&[("live", OnError::Reject)]).services[0].policies[0].clone();
    let service = Arc::get_mut(&mut snapshot.services[0]).unwrap();
    service.policies[0].rollout = Some(Box::new(RolloutUse {
        share,
        before: replaces.then_some(live),
        returned: None,
        compares,
        comparisons: Arc::new(Comparisons::new(3)),
    }));
    snapshot
}

/// What is decided, who was asked, who acted by a share, and what that changed.
type Came = (String, Vec<String>, Vec<String>, Vec<Compared>);

fn came(snapshot: &Snapshot, next: Result<Verdict, PolicyFailure>, live: Result<Verdict, PolicyFailure>) -> Came {
    let script = Script { answers: [("next", next), ("live", live)].into(), asked: Vec::new() };
    let mut asked = Listening { script, acted: Vec::new(), compared: Vec::new() };
    let decided = asking_of(snapshot, "/", 7, &mut asked);
    let names = asked.script.asked.into_iter().map(|(name, _)| name).collect();
    (decided, names, asked.acted, asked.compared)
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

const NONE: [&str; 0] = [];

#[test]
fn one_of_two_acts() {
    let all = rolling(1.0, true, false);
    let expected = ("us".to_owned(), names(&["next"]), names(&["next"]), Vec::new());
    assert_eq!(came(&all, order(&[1]), order(&[2])), expected);
    let nobody = rolling(0.0, true, true);
    let expected = ("ap".to_owned(), names(&["live"]), names(&NONE), Vec::new());
    assert_eq!(came(&nobody, order(&[1]), order(&[2])), expected);
    let mut returned = rolling(1.0, true, true);
    let service = Arc::get_mut(&mut returned.services[0]).unwrap();
    service.policies[0].rollout.as_mut().unwrap().returned = Some("it trapped".into());
    assert_eq!(came(&returned, order(&[1]), order(&[2])), expected, "its sessions were given back");
    let one_more = rolling(0.0, false, true);
    let (_, asked, acted, _) = came(&one_more, order(&[1]), order(&[2]));
    assert_eq!((asked, acted), (names(&NONE), names(&NONE)), "nobody stands in its place");
}

#[test]
fn a_failure_is_as_if_the_session_were_on_the_other_side() {
    let failing = || Err(PolicyFailure::Trap("oh".to_owned()));
    let (decided, asked, acted, _) = came(&rolling(1.0, true, false), failing(), order(&[2]));
    assert_eq!((decided.as_str(), asked, acted), ("ap", names(&["next", "live"]), names(&NONE)));
    let (decided, asked, _, _) = came(&rolling(1.0, false, false), failing(), order(&[2]));
    assert_eq!(asked, names(&["next"]));
    assert!(!decided.contains("PolicyFailed"), "its on_error does not count: {decided}");
    let (decided, ..) = came(&rolling(1.0, true, false), failing(), failing());
    assert_eq!(decided, "PolicyFailed", "that of the one before does");
}

#[test]
fn what_it_changes_is_told_when_it_is_compared() {
    let (place, to) = (Place::Region(2), Place::Region(1));
    let moved = Compared::of(place, to, false, None);
    let all = rolling(1.0, true, true);
    let (decided, asked, _, compared) = came(&all, order(&[1]), order(&[2]));
    assert_eq!((decided.as_str(), compared), ("us", vec![moved]));
    assert_eq!(asked, names(&["next", "live"]), "who acts is asked first");
    let (.., compared) = came(&all, order(&[1]), order(&[1]));
    assert_eq!(compared, [Compared { from: to, ..moved }]);
    let (.., compared) = came(&all, order(&[1]), Err(PolicyFailure::Timeout));
    assert_eq!(compared, [], "one that fails has no opinion");
    let (.., compared) = came(&rolling(1.0, false, true), order(&[1]), order(&[2]));
    assert_eq!((compared.len(), compared[0].to), (1, to), "compared with nobody in its place");
}

/// Who acts for a client with this token.
fn side(snapshot: &Snapshot, ip: IpAddr, token: Option<&Token>) -> (bool, Option<u32>) {
    let place = geo::Place::unknown(PlaceSource::Database);
    let client = Client::new(ip, place, false);
    let mut headers = HeaderMap::new();
    if let Some(token) = token {
        let text = snapshot.keys.encode(token, "shop").unwrap();
        headers.insert(COOKIE, format!("portolan={text}").parse().unwrap());
    }
    let facts = Facts { now: NOW, ..facts(&headers, &client) };
    let script =
        Script { answers: [("next", Ok(Verdict::Pass)), ("live", Ok(Verdict::Pass))].into(), asked: Vec::new() };
    let mut asked = Listening { script, acted: Vec::new(), compared: Vec::new() };
    match decide(snapshot, &facts, &mut asked, None) {
        Decision::Forward(forward) => (!asked.acted.is_empty(), forward.cohort),
        other => panic!("{other:?}"),
    }
}

const NOW: Timestamp = Timestamp(10_000_000);

thread_local! {
    /// One snapshot for all cases: making one compiles a component.
    static SHARED: RefCell<Snapshot> = RefCell::new({
        let mut snapshot = rolling(0.0, true, false);
        give_sessions(Arc::get_mut(&mut snapshot.services[0]).unwrap());
        snapshot
    });
}

/// Which side it is at this share.
fn side_at(share: f64, ip: IpAddr, token: Option<&Token>) -> (bool, Option<u32>) {
    SHARED.with_borrow_mut(|snapshot| {
        let service = Arc::get_mut(&mut snapshot.services[0]).unwrap();
        service.policies[0].rollout.as_mut().unwrap().share = share;
        side(snapshot, ip, token)
    })
}

/// A token as a session of this age would have.
fn token(started: Timestamp, cohort: Option<u32>) -> Token {
    let token = Token::bind(None, &"eu".into(), None, bytes::Bytes::new(), None, started);
    Token { last_used: NOW, cohort, ..token }
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![any::<[u8; 4]>().prop_map(IpAddr::from), any::<[u8; 16]>().prop_map(IpAddr::from)]
}

proptest! {
    #[test]
    fn a_larger_share_keeps_the_sessions_of_a_smaller_one(
        ip in address(),
        (one, other) in (0.0..=1.0f64, 0.0..=1.0f64),
        session in prop::option::of((0u64..3_000_000, prop::option::of(any::<u32>()))),
    ) {
        let token = session.map(|(age, cohort)| token(Timestamp(NOW.0 - age), cohort));
        let (small, large) = (one.min(other), one.max(other));
        let at = |share| side_at(share, ip, token.as_ref()).0;
        prop_assert!(!at(small) || at(large));
        prop_assert!(at(1.0) && !at(0.0));
    }

    #[test]
    fn a_session_stays_on_its_side_wherever_it_comes_from(
        (ip, later) in (address(), address()),
        share in 0.0..=1.0f64,
        session in (0u64..3_000_000, prop::option::of(any::<u32>())),
    ) {
        let old = token(Timestamp(NOW.0 - session.0), session.1);
        prop_assert_eq!(side_at(share, ip, Some(&old)), side_at(share, later, Some(&old)), "its token decides");
        // It comes without a token, gets one, and comes back from another place.
        let (acts, cohort) = side_at(share, ip, None);
        prop_assert_eq!(side_at(share, ip, None), (acts, cohort), "without a token too");
        let written = token(NOW, cohort);
        prop_assert_eq!(side_at(share, later, Some(&written)), (acts, cohort));
    }

    #[test]
    fn neighbours_in_a_network_of_ipv6_are_one_client(high in any::<[u8; 8]>(), low in any::<[[u8; 8]; 2]>()) {
        let address = |low: [u8; 8]| IpAddr::from(<[u8; 16]>::try_from([high, low].concat()).unwrap());
        // An address that maps one of IPv4 is one of IPv4.
        prop_assume!(high != [0; 8]);
        prop_assert_eq!(side_at(0.5, address(low[0]), None), side_at(0.5, address(low[1]), None));
    }
}

#[test]
fn a_new_token_has_the_cohort_and_an_old_one_keeps_its_own() {
    let snapshot = rolling(0.5, true, false);
    let mut answers = Script { answers: [("next", order(&[1])), ("live", order(&[1]))].into(), asked: Vec::new() };
    let Decision::Forward(mut forward) = decision_of(&snapshot, "/", 7, &mut answers) else { panic!("refused") };
    let target = Target { region: 0, endpoint: 0, reason: Reason::Nearest };
    let bind = PinWrite::Bind { payload: bytes::Bytes::new(), ttl: None };
    let shared = SHARED.with_borrow(|shared| Arc::clone(&shared.services[0]));
    forward.service = &shared;
    let cohort = forward.cohort;
    assert!(cohort.is_some());
    assert_eq!(forward.token_after(&bind, target, NOW).unwrap().cohort, cohort);
    for kept in [None, Some(3)] {
        forward.pin = Some(token(NOW, kept).pin(&shared.table));
        assert_eq!(forward.token_after(&bind, target, NOW).unwrap().cohort, kept);
    }
}

#[test]
fn shares_are_kept_and_rollouts_are_independent() {
    let cohorts = || (0..20_000u32).map(|n| n.wrapping_mul(0x9e37_79b9));
    let among = |policy: &str, share: f64| cohorts().filter(|c| rollout::position(policy, *c) < share).count();
    for share in [0.01, 0.1, 0.5] {
        let expected = 20_000.0 * share;
        let found = among("next", share) as f64;
        assert!((found - expected).abs() < 4.0 * (expected * (1.0 - share)).sqrt(), "{found} of {expected}");
    }
    let both = cohorts().filter(|c| rollout::position("a", *c) < 0.1 && rollout::position("b", *c) < 0.1).count();
    assert!((130..270).contains(&both), "a tenth of a tenth: {both}");
}
