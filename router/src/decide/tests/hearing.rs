//! Policies that hear answers: which of them counts, and what becomes of the pin.

use super::*;
use crate::decide::hearing::Answer;
use crate::snapshot::comparison::AnswerTotals;
use crate::snapshot::{RolloutUse, ShadowUse};
use crate::steer::plan::PinWrite;
use crate::steer::table::AffinityMode;
use crate::steer::verdict::{Amendment, Edit, PinAction, Reaction};
use bytes::Bytes;

fn noted(name: &'static str, pin: PinAction) -> Result<Reaction, PolicyFailure> {
    let edit = Edit::Add(http::HeaderName::from_static("x-noted"), HeaderValue::from_static(name));
    Ok(Reaction::Amend(Amendment { edits: vec![edit], pin }))
}

/// What these policies make of an answer together, and who was asked.
fn heard(says: &[Result<Reaction, PolicyFailure>], may_retry: bool) -> (Reaction, usize) {
    let names = ["a", "b", "c"];
    let policies: Vec<_> = names[..says.len()].iter().map(|name| (*name, OnError::Reject)).collect();
    let mut snapshot = snapshot(&policies);
    let service = Arc::get_mut(&mut snapshot.services[0]).unwrap();
    for policy in &mut service.policies {
        policy.loaded = crate::policy::tests::listening();
    }
    let mut nobody = Script { answers: BTreeMap::new(), asked: Vec::new() };
    let Decision::Forward(forward) = decision_of(&snapshot, "/", 7, &mut nobody) else { panic!("it is served") };
    assert!(nobody.asked.is_empty(), "they export no other hook");
    let ttfb = Duration::from_millis(20);
    let headers = HeaderMap::new();
    let answer = Answer { region: 1, status: StatusCode::NOT_FOUND, headers: &headers, attempt: 2, ttfb, may_retry };
    let mut asked = 0;
    let reaction = forward.heard(&answer, |policy, _, outcome| {
        assert_eq!((outcome.region, outcome.status, outcome.attempt, outcome.ttfb_us), (11, 404, 2, 20_000));
        asked += 1;
        let place = names.iter().position(|name| *name == &*policy.name).unwrap();
        (says[place].clone(), Duration::ZERO)
    });
    (reaction, asked)
}

#[test]
fn edits_add_up_and_the_first_word_on_the_pin_counts() {
    let bind = |text: &'static str| PinAction::Bind { payload: Bytes::from_static(text.as_bytes()), ttl: None };
    let failed = || Err(PolicyFailure::Timeout);
    let (reaction, _) = heard(&[noted("a", PinAction::Keep), noted("b", bind("b")), noted("c", bind("c"))], true);
    let Reaction::Amend(amendment) = reaction else { panic!("{reaction:?}") };
    assert_eq!((amendment.edits.len(), amendment.pin), (3, bind("b")));
    assert_eq!(heard(&[Ok(Reaction::Pass), failed()], true), (Reaction::Pass, 2), "the application has answered");
    assert_eq!(heard(&[failed(), Ok(Reaction::Next), noted("c", PinAction::Keep)], true), (Reaction::Next, 2));
    let (reaction, asked) = heard(&[Ok(Reaction::Next), noted("b", PinAction::Keep)], false);
    assert!(matches!(reaction, Reaction::Amend(_)) && asked == 2, "what cannot be is no opinion");
    assert_eq!(heard(&[], true), (Reaction::Pass, 0));
}

#[test]
fn the_pin_is_what_the_plan_says_unless_a_policy_speaks_of_it() {
    let snapshot = snapshot(&[]);
    let forward = |pin: Option<Pin>, write: PinWrite| Forward {
        service: &snapshot.services[0],
        plan: Plan { pin: write, ..Plan::nowhere() },
        token: None,
        pin,
        cache: None,
        cache_say: None,
        edits: Vec::new(),
        timeout: None,
        hearing: None,
        cohort: None,
    };
    let bound = PinWrite::Bind { payload: Bytes::from_static(b"x"), ttl: None };
    let pin = Pin {
        region_name: "eu".into(),
        region: Some(0),
        endpoint: None,
        session_started: Timestamp(0),
        pinned_at: Timestamp(0),
        ttl: None,
        payload: Bytes::new(),
        cohort: None,
    };
    for (said, without_pin, with_pin) in [
        (PinAction::Keep, bound.clone(), PinWrite::Refresh),
        (PinAction::Hold, PinWrite::Leave, PinWrite::Leave),
        (PinAction::Clear, PinWrite::Leave, PinWrite::Clear),
        (PinAction::Bind { payload: Bytes::from_static(b"x"), ttl: None }, bound.clone(), bound.clone()),
    ] {
        assert_eq!(forward(None, bound.clone()).pin_after(&said), without_pin, "{said:?}");
        assert_eq!(forward(Some(pin.clone()), PinWrite::Refresh).pin_after(&said), with_pin, "{said:?}");
    }
}

/// A reaction, of the policy with this name.
type Says<'a> = (&'a str, Result<Reaction, PolicyFailure>);

/// What comes of an answer, what was counted beside, and who was asked, in order. All policies but `silent` hear answers.
fn heard_in(snapshot: &mut Snapshot, says: &[Says<'_>], may_retry: bool) -> (Reaction, AnswerTotals, String) {
    let service = Arc::get_mut(&mut snapshot.services[0]).unwrap();
    let shadows = service.shadows.iter_mut().map(|shadow| &mut shadow.policy);
    for policy in service.policies.iter_mut().chain(shadows).filter(|policy| &*policy.name != "silent") {
        policy.loaded = crate::policy::tests::listening();
        if let Some(before) = policy.rollout.as_mut().and_then(|rollout| rollout.before.as_mut()) {
            before.loaded = crate::policy::tests::listening();
        }
    }
    let mut nobody = Script { answers: BTreeMap::new(), asked: Vec::new() };
    nobody.answers.insert("silent", Ok(Verdict::Pass));
    let Decision::Forward(forward) = decision_of(snapshot, "/", 7, &mut nobody) else { panic!("it is served") };
    let mut headers = HeaderMap::new();
    headers.insert("x-origin", HeaderValue::from_static("a"));
    let ttfb = Duration::from_millis(20);
    let answer = Answer { region: 1, status: StatusCode::OK, headers: &headers, attempt: 1, ttfb, may_retry };
    let mut asked = Vec::new();
    let reaction = forward.heard(&answer, |policy, _, _| {
        asked.push(policy.name.to_string());
        let (_, said) = says.iter().find(|(name, _)| *name == &*policy.name).unwrap();
        (said.clone(), Duration::from_micros(5))
    });
    let service = &snapshot.services[0];
    let compared = service.shadowed().chain(service.rollouts()).next().map(|(_, comparisons)| comparisons.answers());
    (reaction, compared.unwrap_or_default(), asked.join(" "))
}

/// The same with `a` and `b`, and a shadow of this name in this place.
fn beside(name: &'static str, place: usize, replaces: bool, says: &[Says<'_>]) -> (Reaction, AnswerTotals, String) {
    let mut snapshot = snapshot(&[("a", DEFAULT), ("b", DEFAULT)]);
    let policy = self::snapshot(&[(name, OnError::Reject)]).services[0].policies[0].clone();
    let comparisons = Arc::new(Comparisons::new(3));
    let service = Arc::get_mut(&mut snapshot.services[0]).unwrap();
    give_sessions(service);
    service.table.steering.affinity = Some(AffinityMode::Sticky);
    service.shadows.push(ShadowUse { policy, place, replaces, share: 1.0, comparisons });
    heard_in(&mut snapshot, says, true)
}

/// Answers that differ: in asking the next region, in the pin, in headers; and failures.
fn facts_of(totals: &AnswerTotals) -> (u64, u64, [u64; 3], u64) {
    (totals.compared, totals.agreed, [totals.next, totals.pins, totals.headers], totals.failed)
}

#[test]
fn a_shadow_hears_too_and_changes_nothing_but_what_is_known() {
    let bind = || PinAction::Bind { payload: Bytes::from_static(b"x"), ttl: None };
    let live = |a, b| [("a", a), ("b", b)];
    let with = |shadow, [a, b]: [Says<'static>; 2]| [a, b, ("shadow", shadow)];
    let pass = || Ok(Reaction::Pass);
    let one = |shadow, place, replaces| {
        let says = with(shadow, live(noted("a", PinAction::Keep), pass()));
        let (reaction, totals, asked) = beside("shadow", place, replaces, &says);
        assert_eq!(reaction, noted("a", PinAction::Keep).unwrap(), "nothing of it acts");
        assert_eq!(asked, "a b shadow", "it is asked when the chain is settled");
        assert_eq!(totals.took, Duration::from_micros(5));
        facts_of(&totals)
    };
    assert_eq!(one(noted("a", PinAction::Keep), 0, true), (1, 1, [0, 0, 0], 0), "it says the same");
    assert_eq!(one(pass(), 1, false), (1, 1, [0, 0, 0], 0), "it has no opinion");
    assert_eq!(one(pass(), 0, true), (1, 0, [0, 0, 1], 0), "the header of `a` would not be there");
    assert_eq!(one(noted("other", bind()), 0, true), (1, 0, [0, 1, 1], 0));
    assert_eq!(one(Ok(Reaction::Next), 1, true), (1, 0, [1, 0, 0], 0));
    assert_eq!(one(Err(PolicyFailure::Timeout), 1, false), (1, 1, [0, 0, 0], 1), "a failure is no opinion");
    let edits = [Edit::Set(http::HeaderName::from_static("x-origin"), HeaderValue::from_static("a"))];
    let idle = Reaction::Amend(Amendment { edits: edits.into(), pin: PinAction::Hold });
    assert_eq!(one(Ok(idle), 1, false), (1, 0, [0, 1, 0], 0), "an edit without effect is none");

    let next = with(noted("s", bind()), live(Ok(Reaction::Next), pass()));
    let (reaction, totals, asked) = beside("shadow", 1, false, &next);
    assert_eq!((reaction, asked.as_str(), totals.compared), (Reaction::Next, "a", 0), "behind it nobody is asked");
    let (reaction, totals, asked) = beside("shadow", 0, true, &next);
    assert_eq!((reaction, asked.as_str(), facts_of(&totals)), (Reaction::Next, "a shadow", (1, 0, [1, 0, 0], 0)));
    let (_, totals, asked) = beside("silent", 0, true, &live(noted("a", PinAction::Keep), pass()));
    assert_eq!(
        (asked.as_str(), facts_of(&totals)),
        ("a b", (1, 0, [0, 0, 1], 0)),
        "it takes the place of one that hears"
    );
    let (_, totals, asked) = beside("silent", 1, false, &live(noted("a", PinAction::Keep), pass()));
    assert_eq!((asked.as_str(), totals.compared), ("a b", 0), "it has no word in this");
}

#[test]
fn only_a_share_of_the_answers_is_heard_by_a_shadow() {
    let mut snapshot = snapshot(&[]);
    let policy = self::snapshot(&[("shadow", DEFAULT)]).services[0].policies[0].clone();
    let comparisons = Arc::new(Comparisons::new(3));
    let service = Arc::get_mut(&mut snapshot.services[0]).unwrap();
    service.shadows.push(ShadowUse { policy, place: 0, replaces: false, share: 0.0, comparisons });
    let (_, totals, asked) = heard_in(&mut snapshot, &[], true);
    assert_eq!((asked.as_str(), totals.compared), ("", 0));
}

#[test]
fn a_rollout_that_hears_is_compared_with_who_heard_before() {
    let rolling = |compares| {
        let mut snapshot = snapshot(&[("next", DEFAULT)]);
        let before = self::snapshot(&[("live", DEFAULT)]).services[0].policies[0].clone();
        Arc::get_mut(&mut snapshot.services[0]).unwrap().policies[0].rollout = Some(Box::new(RolloutUse {
            share: 1.0,
            before: Some(before),
            returned: None,
            compares,
            comparisons: Arc::new(Comparisons::new(3)),
        }));
        snapshot
    };
    let heard = |compares, live| {
        let says = [("next", noted("next", PinAction::Keep)), ("live", live)];
        let (reaction, totals, asked) = heard_in(&mut rolling(compares), &says, true);
        assert_eq!(reaction, noted("next", PinAction::Keep).unwrap());
        (asked, facts_of(&totals))
    };
    let both = "next live".to_owned();
    assert_eq!(heard(true, Ok(Reaction::Next)), (both.clone(), (1, 0, [1, 0, 0], 0)));
    assert_eq!(heard(true, noted("next", PinAction::Keep)), (both.clone(), (1, 1, [0, 0, 0], 0)));
    assert_eq!(heard(true, Err(PolicyFailure::Timeout)).1.0, 0, "one that fails has no opinion to differ from");
    assert_eq!(heard(false, Ok(Reaction::Next)), ("next".to_owned(), (0, 0, [0, 0, 0], 0)));
}
