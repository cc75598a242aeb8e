//! The chain of policies and its way into a plan, with scripted answers in place of Wasm.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::facts::Client;
use super::*;
use crate::base::{Location, Timestamp};
use crate::config::OnError;
use crate::geo::{Place, PlaceSource};
use crate::metrics::Metrics;
use crate::policy::RegionDirectory;
use crate::policy::tests::passing;
use crate::snapshot::build::tests::snapshot_of;
use crate::steer::table::Admin;
use http::{HeaderMap, Method, StatusCode};
use std::collections::BTreeMap;
use std::time::Duration;

const THREE: [(&str, &[&str]); 3] =
    [("eu", &["http://127.0.0.1:1"]), ("us", &["http://127.0.0.1:2"]), ("ap", &["http://127.0.0.1:3"])];

/// Answers by policy name; remembers who was asked, and which regions it was shown.
struct Script {
    answers: BTreeMap<&'static str, Result<Verdict, PolicyFailure>>,
    asked: Vec<(String, Vec<u32>)>,
}

impl AskPolicy for Script {
    fn ask(&mut self, policy: &PolicyUse, ask: &PolicyAsk<'_>) -> Result<Verdict, PolicyFailure> {
        let shown = ask.candidates.iter().map(|candidate| candidate.region).collect();
        self.asked.push((policy.name.to_string(), shown));
        self.answers[&*policy.name].clone()
    }

    fn key(&mut self, policy: &PolicyUse, _: &PolicyAsk<'_>) -> Result<Option<SessionKey>, PolicyFailure> {
        panic!("{} has no hook for keys", policy.name)
    }
}

/// A snapshot of three regions whose service asks these policies.
fn snapshot(policies: &[(&'static str, OnError)]) -> Snapshot {
    let mut snapshot = Arc::into_inner(snapshot_of(&THREE)).unwrap();
    let service = Arc::get_mut(&mut snapshot.services[0]).unwrap();
    service.policies = policies
        .iter()
        .map(|(name, on_error)| PolicyUse {
            name: (*name).into(),
            loaded: passing(),
            directory: Arc::new(RegionDirectory::default()),
            first_region: 10,
            on_error: *on_error,
            metrics: Metrics::new().policy(name, &[]),
            rollout: None,
        })
        .collect();
    snapshot
}

/// What is decided, in words, and who was asked.
/// Its answers carry a token.
fn give_sessions(service: &mut Service) {
    let mut spec = (*service.spec).clone();
    let hour = Duration::from_secs(3600);
    spec.affinity =
        Some(crate::config::Affinity { cookie: "portolan".into(), secure: false, idle: hour, lifetime: hour });
    service.spec = Arc::new(spec);
}

fn decided(policies: &Answers, path: &str) -> (String, Vec<(String, Vec<u32>)>) {
    decided_in(&asking(policies), policies, path)
}

/// What each policy answers.
type Answers = [(&'static str, OnError, Result<Verdict, PolicyFailure>)];

fn asking(policies: &Answers) -> Snapshot {
    snapshot(&policies.iter().map(|(name, on_error, _)| (*name, *on_error)).collect::<Vec<_>>())
}

fn decided_in(snapshot: &Snapshot, policies: &Answers, path: &str) -> (String, Vec<(String, Vec<u32>)>) {
    let answers = policies.iter().map(|(name, _, answer)| (*name, answer.clone()));
    let mut script = Script { answers: answers.collect(), asked: Vec::new() };
    (asking_of(snapshot, path, 7, &mut script), script.asked)
}

/// What is decided when these answer, in words.
fn asking_of(snapshot: &Snapshot, path: &str, seed: u64, ask: &mut dyn AskPolicy) -> String {
    words(&decision_of(snapshot, path, seed, ask))
}

/// What is decided when these answer.
fn decision_of<'s>(snapshot: &'s Snapshot, path: &str, seed: u64, ask: &mut dyn AskPolicy) -> Decision<'s> {
    let place = Place { location: Location::new(50.0, 8.0), ..Place::unknown(PlaceSource::Database) };
    let client = Client::new([192, 0, 2, 1].into(), place, false);
    let headers = HeaderMap::new();
    let facts = Facts { path, seed, ..facts(&headers, &client) };
    decide(snapshot, &facts, ask, None)
}

/// A plain request of this client's.
fn facts<'a>(headers: &'a HeaderMap, client: &'a Client) -> Facts<'a> {
    static GET: Method = Method::GET;
    Facts {
        method: &GET,
        scheme: Scheme::Http,
        host: "shop.example",
        path: "/",
        query: None,
        headers,
        client,
        now: Timestamp(1_000_000),
        seed: 7,
        loads: None,
        proven: None,
    }
}

/// A decision in words.
fn words(decision: &Decision<'_>) -> String {
    match decision {
        Decision::Forward(forward) => {
            let names = forward
                .plan
                .targets
                .iter()
                .map(|target| forward.service.table.regions[usize::from(target.region)].name.to_string());
            names.collect::<Vec<_>>().join(" ")
        }
        Decision::Reply(_, reply) => format!("reply {}", reply.status.as_u16()),
        Decision::Refuse(_, refusal) => format!("{refusal:?}"),
        Decision::Stranded(_, why) => format!("stranded: {}", why.as_str()),
        Decision::Files(_) => "files".to_owned(),
    }
}

fn order(order: &[u8]) -> Result<Verdict, PolicyFailure> {
    Ok(Verdict::Route(Advice { order: order.iter().copied().collect(), strict: true, ..Advice::default() }))
}

fn fence(regions: &[usize]) -> Result<Verdict, PolicyFailure> {
    Ok(Verdict::Route(Advice { fence: Some(regions.iter().copied().collect()), ..Advice::default() }))
}

const DEFAULT: OnError = OnError::Default;

#[test]
fn the_first_order_wins_and_fences_intersect() {
    let pass = || Ok(Verdict::Pass);
    assert_eq!(
        decided(&[("a", DEFAULT, pass()), ("b", DEFAULT, order(&[2])), ("c", DEFAULT, order(&[1]))], "/").0,
        "ap"
    );
    assert_eq!(decided(&[("a", DEFAULT, fence(&[1, 2])), ("b", DEFAULT, fence(&[0, 1]))], "/").0, "us");
    let empty = decided(&[("a", DEFAULT, fence(&[2])), ("b", DEFAULT, fence(&[0, 1]))], "/").0;
    assert_eq!(empty, "NoTarget(EmptyFence)");
    assert_eq!(decided(&[("a", DEFAULT, fence(&[2])), ("b", DEFAULT, order(&[0]))], "/").0, "NoTarget(EmptyFence)");
}

#[test]
fn what_no_region_can_serve_may_be_stored_but_a_fence_has_no_way_round() {
    let stranded = |policies: &Answers, is_cached: bool| {
        let mut snapshot = asking(policies);
        for region in &mut Arc::get_mut(&mut snapshot.services[0]).unwrap().table.regions {
            region.admin = Admin::Off;
        }
        if is_cached {
            let config = crate::snapshot::build::tests::config(&THREE, "cache = {}\n");
            snapshot.actions = crate::snapshot::build::tests::parts(&config.live).actions;
        }
        decided_in(&snapshot, policies, "/").0
    };
    assert_eq!(stranded(&[], false), "NoTarget(AllDown)");
    assert_eq!(stranded(&[], true), "stranded: all-down");
    assert_eq!(stranded(&[("a", DEFAULT, fence(&[]))], true), "NoTarget(EmptyFence)");
}

#[test]
fn a_later_policy_sees_only_what_earlier_fences_left() {
    let (_, asked) = decided(&[("a", DEFAULT, fence(&[1, 2])), ("b", DEFAULT, Ok(Verdict::Pass))], "/");
    let numbers = |mut shown: Vec<u32>| {
        shown.sort_unstable();
        shown
    };
    let shown: Vec<_> = asked.into_iter().map(|(_, shown)| numbers(shown)).collect();
    assert_eq!(shown, [vec![10, 11, 12], vec![11, 12]], "in the numbers of the policy's directory");
}

#[test]
fn an_answer_ends_the_chain() {
    let reply = Reply { status: StatusCode::FORBIDDEN, headers: Vec::new(), body: bytes::Bytes::new() };
    let (words, asked) = decided(&[("a", DEFAULT, Ok(Verdict::Respond(reply))), ("b", DEFAULT, order(&[1]))], "/");
    assert_eq!((words.as_str(), asked.len()), ("reply 403", 1));
}

#[test]
fn a_failure_is_a_pass_or_a_refusal() {
    let failed = || Err(PolicyFailure::Timeout);
    assert_eq!(decided(&[("a", DEFAULT, failed()), ("b", DEFAULT, order(&[1]))], "/").0, "us");
    let (words, asked) = decided(&[("a", OnError::Reject, failed()), ("b", DEFAULT, order(&[1]))], "/");
    assert_eq!((words.as_str(), asked.len()), ("PolicyFailed", 1));
    let kept = decided(&[("a", DEFAULT, fence(&[2])), ("b", DEFAULT, failed())], "/").0;
    assert_eq!(kept, "ap", "a failure does not lift the fence of another policy");
}

mod hearing;
mod keys;
mod rollouts;
mod shadows;

#[test]
fn what_no_route_matches_asks_nobody() {
    let mut snapshot = snapshot(&[]);
    snapshot.actions = Arc::from([]);
    let (headers, client) =
        (HeaderMap::new(), Client::new([192, 0, 2, 1].into(), Place::unknown(PlaceSource::Pop), false));
    let mut nobody = Script { answers: BTreeMap::new(), asked: Vec::new() };
    assert!(matches!(
        decide(&snapshot, &facts(&headers, &client), &mut nobody, None),
        Decision::Refuse(None, Refusal::NoRoute)
    ));
}
