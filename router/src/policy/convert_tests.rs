//! Tables for `convert`: what a guest may say, what of it counts, and what fails the verdict.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::policy::contract::{CandidateHealth, EditRecord};
use proptest::prelude::*;

/// A service with regions 10 to 13 of 20, all but 12 candidates.
fn candidates() -> Vec<Candidate> {
    let candidate = |region| Candidate {
        region,
        health: CandidateHealth::Healthy,
        health_age_s: 1,
        distance_km: 1,
        rtt_us: 1,
        latency_us: 1,
        in_flight: 1,
        weight: 1,
    };
    [10, 11, 13].map(candidate).into()
}

fn convert(raw: VerdictVariant) -> Result<(Verdict, Ignored), String> {
    let candidates = candidates();
    let scope = Scope {
        policy: &"tiers".into(),
        first_region: 10,
        known: 20,
        candidates: &candidates,
        regions: 4,
        pin_cookie: Some("__Host-pin"),
    };
    verdict(raw, &scope)
}

fn plan() -> PlanRecord {
    PlanRecord {
        order: Vec::new(),
        fence: None,
        strict: false,
        pin: PinActionVariant::Keep,
        cache: CacheActionVariant::Keep,
        edits: Vec::new(),
        timeout_ms: 0,
        ext: Vec::new(),
    }
}

fn routed(plan: PlanRecord) -> Result<(Advice, Ignored), String> {
    match convert(VerdictVariant::Route(plan))? {
        (Verdict::Route(advice), ignored) => Ok((advice, ignored)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn orders() {
    // (numbers, indices left, ignored)
    let cases: &[(&[u32], &[u8], u32)] = &[
        (&[], &[], 0),
        (&[13, 10], &[3, 0], 0),
        (&[13, 13, 10, 13], &[3, 0], 0),
        (&[12], &[], 1),
        (&[5, 11], &[1], 1),
        (&[99, 11, 12], &[1], 2),
        (&[0, 19], &[], 2),
    ];
    for (numbers, left, count) in cases {
        let (advice, ignored) = routed(PlanRecord { order: numbers.to_vec(), ..plan() }).unwrap();
        assert_eq!((advice.order.as_slice(), ignored.regions), (*left, *count), "{numbers:?}");
        assert_eq!(advice.fence, None);
    }
    let error = routed(PlanRecord { order: vec![20, u32::MAX], ..plan() }).unwrap_err();
    assert_eq!(error, "its order names no region that exists (20 of 20 regions)");
}

#[test]
fn fences() {
    let cases: &[(&[u32], &[usize], u32)] =
        &[(&[], &[], 0), (&[10, 12], &[0, 2], 0), (&[3, 19], &[], 0), (&[20, 13], &[3], 1)];
    for (numbers, inside, count) in cases {
        let (advice, ignored) = routed(PlanRecord { fence: Some(numbers.to_vec()), ..plan() }).unwrap();
        let expected: RegionSet = inside.iter().copied().collect();
        assert_eq!((advice.fence, ignored.regions), (Some(expected), *count), "{numbers:?}");
    }
    let error = routed(PlanRecord { fence: Some(vec![77]), ..plan() }).unwrap_err();
    assert_eq!(error, "its fence names no region that exists (77 of 20 regions)");
}

#[test]
fn a_strict_order_of_which_nothing_is_left_allows_nothing() {
    let (advice, _) = routed(PlanRecord { order: vec![12], strict: true, ..plan() }).unwrap();
    assert_eq!((advice.fence, advice.strict), (Some(RegionSet::EMPTY), true));
    let (advice, _) = routed(PlanRecord { strict: true, ..plan() }).unwrap();
    assert_eq!(advice.fence, None, "no order is no opinion");
}

#[test]
fn pins_timeouts_and_extensions() {
    let bind = |payload: usize, ttl_s| {
        let pin = PinActionVariant::Bind(BindingRecord { payload: vec![7; payload], ttl_s });
        routed(PlanRecord { pin, ..plan() }).map(|(advice, _)| advice.pin)
    };
    let full = PinAction::Bind { payload: vec![7; 256].into(), ttl: Some(Duration::from_secs(9)) };
    assert_eq!(bind(256, 9).unwrap(), full);
    assert_eq!(bind(0, 0).unwrap(), PinAction::Bind { payload: Bytes::new(), ttl: None });
    assert_eq!(bind(257, 0).unwrap_err(), "a pin payload of 257 bytes; at most 256 are accepted");
    for (raw, expected) in [
        (PinActionVariant::Keep, PinAction::Keep),
        (PinActionVariant::Hold, PinAction::Hold),
        (PinActionVariant::Clear, PinAction::Clear),
    ] {
        assert_eq!(routed(PlanRecord { pin: raw, ..plan() }).unwrap().0.pin, expected);
    }
    let ext = vec![("a".to_owned(), vec![]), ("b".to_owned(), vec![])];
    let (advice, ignored) = routed(PlanRecord { timeout_ms: 1500, ext, ..plan() }).unwrap();
    assert_eq!((advice.timeout, ignored.ext), (Some(Duration::from_millis(1500)), 2));
    let named = |value: &[u8]| vec![("a".to_owned(), vec![]), ("endpoint".to_owned(), value.to_vec())];
    let (advice, ignored) = routed(PlanRecord { ext: named(b"http://10.0.0.1:80"), ..plan() }).unwrap();
    assert_eq!((advice.endpoint.as_deref(), ignored.ext), (Some("http://10.0.0.1:80"), 1));
    for (value, words) in [
        (&b"\xff"[..], "an endpoint that is no text; accepted: its URL"),
        (&[b'a'; 513][..], "an endpoint of 513 bytes; at most 512 are accepted"),
    ] {
        assert_eq!(routed(PlanRecord { ext: named(value), ..plan() }).unwrap_err(), words);
    }
}

#[test]
fn the_cache() {
    let said = |cache| routed(PlanRecord { cache, ..plan() }).map(|(advice, _)| advice.cache.map(|say| *say));
    let terms = |key: Option<&str>, ttl_s| {
        said(CacheActionVariant::Terms(CacheTermsRecord { key: key.map(str::to_owned), ttl_s }))
    };
    let part = |text: &str| vec![KeyPart { policy: "tiers".into(), text: text.into() }];
    assert_eq!(said(CacheActionVariant::Keep).unwrap(), None);
    let bypass = CacheSay { bypass: true, ..CacheSay::default() };
    assert_eq!(said(CacheActionVariant::Bypass).unwrap(), Some(bypass));
    let longest = "~".repeat(256);
    for (key, ttl_s, expected) in [
        (None, None, CacheSay::default()),
        (Some("gold plan"), None, CacheSay { key: part("gold plan"), ..CacheSay::default() }),
        (Some(""), Some(0), CacheSay { key: part(""), ttl: Some(Duration::ZERO), ..CacheSay::default() }),
        (Some(&*longest), Some(9), CacheSay { key: part(&longest), ttl: Some(Duration::from_secs(9)), bypass: false }),
    ] {
        assert_eq!(terms(key, ttl_s).unwrap(), Some(expected), "{key:?} {ttl_s:?}");
    }
    for (key, reason) in [
        (&*"x".repeat(257), "a cache key part of 257 bytes; at most 256 are accepted"),
        ("a\nb", "a cache key part with '\\n'; accepted: printable ASCII characters"),
        ("\u{7f}", "a cache key part with '\\u{7f}'; accepted: printable ASCII characters"),
        ("köln", "a cache key part with 'ö'; accepted: printable ASCII characters"),
    ] {
        assert_eq!(terms(Some(key), None).unwrap_err(), reason);
    }
}

#[test]
fn edits() {
    let edit = |op, name: &str, value: &[u8]| EditRecord { op, name: name.to_owned(), value: value.to_vec() };
    let edits = vec![
        edit(EditOp::Set, "X-A", b"1"),
        edit(EditOp::Add, "x-a", b"\xff"),
        edit(EditOp::Remove, "x-b", b"\n ignored"),
    ];
    let (advice, _) = routed(PlanRecord { edits, ..plan() }).unwrap();
    let shown: Vec<_> = advice.edits.iter().map(|edit| format!("{edit:?}")).collect();
    assert_eq!(shown, [r#"Set("x-a", "1")"#, r#"Add("x-a", "\xff")"#, r#"Remove("x-b")"#]);
    for (bad, reason) in [
        (edit(EditOp::Set, "host", b"evil"), "the header host belongs to the host"),
        (edit(EditOp::Remove, "cookie", b""), "the header cookie belongs to the host"),
        (edit(EditOp::Set, "x a", b""), "\"x a\" is not a header name"),
        (edit(EditOp::Add, "x-a", b"a\r\nb"), "the value of the header x-a has control characters"),
    ] {
        assert_eq!(routed(PlanRecord { edits: vec![bad], ..plan() }).unwrap_err(), reason);
    }
    let many = (0..65).map(|_| edit(EditOp::Set, "x-a", b"")).collect();
    assert_eq!(routed(PlanRecord { edits: many, ..plan() }).unwrap_err(), "65 header edits; at most 64 are accepted");
}

#[test]
fn replies() {
    let reply = |status, headers: &[(&str, &str)], body: usize| {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
        convert(VerdictVariant::Respond(ReplyRecord { status, headers, body: vec![b'x'; body] }))
    };
    for (status, body) in [(200, 65_536), (599, 0), (204, 0), (302, 3)] {
        let (verdict, _) = reply(status, &[("location", "/a"), ("set-cookie", "a=1")], body).unwrap();
        let Verdict::Respond(reply) = verdict else { panic!("{verdict:?}") };
        assert_eq!((reply.status.as_u16(), reply.body.len(), reply.headers.len()), (status, body, 2));
    }
    for (outcome, reason) in [
        (reply(199, &[], 0), "a reply with status 199; accepted: 200 to 599"),
        (reply(600, &[], 0), "a reply with status 600; accepted: 200 to 599"),
        (reply(0, &[], 0), "a reply with status 0; accepted: 200 to 599"),
        (reply(204, &[], 1), "a reply with status 204 and a body, which that status cannot have"),
        (reply(200, &[], 65_537), "a reply of 65537 bytes; at most 65536 are accepted"),
        (reply(200, &[("content-length", "5")], 0), "the header content-length belongs to the host"),
        (reply(200, &[("set-cookie", "__Host-pin=x")], 0), "the cookie __Host-pin belongs to the host"),
        (reply(200, &[("x", "a\nb")], 0), "the value of the header x has control characters"),
    ] {
        assert_eq!(outcome.unwrap_err(), reason);
    }
}

proptest! {
    /// Whatever numbers a guest writes, only candidates and regions of the service come out, none of them twice.
    #[test]
    fn nothing_outside_the_service_comes_out(
        order in proptest::collection::vec(0u32..25, 0..20),
        fence in proptest::option::of(proptest::collection::vec(0u32..25, 0..20)),
        strict: bool,
    ) {
        let Ok((advice, _)) = routed(PlanRecord { order: order.clone(), fence, strict, ..plan() }) else { return Ok(()) };
        prop_assert!(advice.order.iter().all(|index| [0, 1, 3].contains(index)));
        let distinct: RegionSet = advice.order.iter().map(|index| usize::from(*index)).collect();
        prop_assert_eq!(distinct.len(), advice.order.len());
        prop_assert!(advice.fence.is_none_or(|fence| fence.iter().all(|index| index < 4)));
        prop_assert!(!(strict && !order.is_empty() && advice.order.is_empty()) || advice.fence == Some(RegionSet::EMPTY));
    }
}
