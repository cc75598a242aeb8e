//! Policies that hear answers: which of them counts, and what becomes of the pin.

use super::*;
use crate::decide::hearing::Answer;
use crate::steer::plan::PinWrite;
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
        says[place].clone()
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
