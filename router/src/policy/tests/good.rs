//! What reaches a guest, and what comes back from it.

use super::frame::Hook;
use super::world::{Core, PASS, Worker, ask_at, candidates, directory};
use crate::base::Location;
use crate::policy::{PinView, PolicyFailure, RegionDirectory};
use crate::steer::verdict::{Advice, Amendment, CacheSay, Edit, KeyPart, PinAction, Reaction, Verdict};
use std::sync::Arc;
use std::time::Duration;

/// Answers with an order: the candidates' numbers from last to first, strict, a fence of regions 3 and 5, a pin with
/// the payload `ab` for 60 s, a key part `ab` and a lifetime of 90 s in the cache, 250 ms.
const REVERSE: Core<'static> = Core {
    head: r#"(data (i32.const 4000) "ab") (data (i32.const 4012) "\03\00\00\00\05\00\00\00")"#,
    route: r#"
        (local.set $n (i32.shr_u (local.get $cells_len) (i32.const 3)))
        (local.set $p (local.get $cells))
        (loop $next
            (if (i32.lt_u (local.get $i) (local.get $n)) (then
                (i32.store
                    (i32.add (i32.const 5000) (i32.shl (i32.sub (i32.sub (local.get $n) (i32.const 1)) (local.get $i)) (i32.const 2)))
                    (i32.load (i32.add (local.get $p) (i32.shl (local.get $i) (i32.const 5)))))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br $next))))
        (i32.store8 (i32.const 6000) (i32.const 1))
        (i32.store (i32.const 6004) (i32.const 5000)) (i32.store (i32.const 6008) (local.get $n))
        (i32.store8 (i32.const 6012) (i32.const 1))
        (i32.store (i32.const 6016) (i32.const 4012)) (i32.store (i32.const 6020) (i32.const 2))
        (i32.store8 (i32.const 6024) (i32.const 1))
        (i32.store8 (i32.const 6028) (i32.const 3))
        (i32.store (i32.const 6032) (i32.const 4000)) (i32.store (i32.const 6036) (i32.const 2))
        (i32.store (i32.const 6040) (i32.const 60))
        (i32.store8 (i32.const 6044) (i32.const 1))
        (i32.store8 (i32.const 6048) (i32.const 1))
        (i32.store (i32.const 6052) (i32.const 4000)) (i32.store (i32.const 6056) (i32.const 2))
        (i32.store8 (i32.const 6060) (i32.const 1)) (i32.store (i32.const 6064) (i32.const 90))
        (i32.store (i32.const 6076) (i32.const 250))
        i32.const 6000"#,
    ..PASS
};

/// Replies 200 with `len` bytes of memory from `at`; both are code.
fn reply(at: &str, len: &str) -> String {
    format!(
        "(i32.store8 (i32.const 6000) (i32.const 2)) (i32.store16 (i32.const 6004) (i32.const 200))
         (i32.store (i32.const 6016) {at}) (i32.store (i32.const 6020) {len}) i32.const 6000"
    )
}

#[test]
fn a_plan_arrives_whole_and_in_local_indices() {
    let policy = REVERSE.load().unwrap();
    let mut worker = Worker::new();
    let expected = Verdict::Route(Advice {
        order: [3u8, 1, 0].into_iter().collect(),
        fence: Some([1usize, 3].into_iter().collect()),
        endpoint: None,
        strict: true,
        pin: PinAction::Bind { payload: "ab".into(), ttl: Some(Duration::from_secs(60)) },
        cache: Some(Box::new(CacheSay {
            bypass: false,
            key: vec![KeyPart { policy: Arc::clone(policy.name()), text: "ab".into() }],
            ttl: Some(Duration::from_secs(90)),
        })),
        edits: Vec::new(),
        timeout: Some(Duration::from_millis(250)),
    });
    for now in 0..3 {
        assert_eq!(worker.ask(&policy, now).unwrap(), expected);
    }
    let counts = policy.stats().counts();
    assert_eq!((counts.calls, worker.pool.len()), (3, 1), "one instance serves all calls");
}

/// What a guest with this code says of a request from a client at a place, with two fields and this pin.
fn seen(code: &str, pin: PinView<'_>) -> Vec<u8> {
    let candidates = candidates();
    let fields = [Some(&b"GET"[..]), None];
    let ask = crate::policy::Ask {
        client: Location::new(1.5, -2.5),
        pin: Some(pin),
        ..ask_at(1_700_000_000_123, &fields, &candidates)
    };
    let mut worker = Worker::new();
    match worker.pool.route(&Core { route: code, ..PASS }.load().unwrap(), &worker.directory, &ask).unwrap() {
        Verdict::Respond(reply) => reply.body.to_vec(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_guest_sees_the_request_as_the_contract_lays_it_out() {
    let pin = PinView { region: Some(5), region_name: "d", session_age_s: 100, pin_age_s: 50, payload: b"cart" };
    let numbers = format!(
        "(f64.store (i32.const 5000) (local.get $now)) (f64.store (i32.const 5008) (local.get $entropy))
         (f64.store (i32.const 5016) (local.get $latitude)) (f64.store (i32.const 5024) (local.get $longitude))
         (i32.store (i32.const 5032) (local.get $client)) (i32.store (i32.const 5036) (local.get $pin))
         (i32.store (i32.const 5040) (local.get $region)) (i32.store (i32.const 5044) (local.get $region_id))
         (i32.store (i32.const 5048) (local.get $session_age)) (i32.store (i32.const 5052) (local.get $pin_age))
         (i32.store (i32.const 5056) (local.get $service)) (i32.store (i32.const 5060) (local.get $width)) {}",
        reply("(i32.const 5000)", "(i32.const 64)")
    );
    let seen_numbers = seen(&numbers, pin);
    let reals = [1_700_000_000_123.0f64, 0.5, 1.5, -2.5].map(f64::to_le_bytes).concat();
    assert_eq!(seen_numbers[..32], reals);
    let whole = [1, 1, 1, 5, 100, 50, 2, 8].map(u32::to_le_bytes).concat();
    assert_eq!(seen_numbers[32..], whole, "the service is known by its first region, 2");
    let cells = seen(&reply("(local.get $cells)", "(i32.shl (local.get $cells_len) (i32.const 2))"), pin);
    assert_eq!(cells.len(), 3 * 8 * 4, "three candidates");
    assert_eq!(cells[64..68], 5u32.to_le_bytes());
}

#[test]
fn what_every_call_has_stands_behind_the_declared_fields() {
    const ABSENT: u32 = 1 << 31;
    let fields = reply("(local.get $fields)", "(local.get $fields_len)");
    for (region, ends, octets) in
        [(Some(5), [3, 3 | ABSENT, 7, 7 | ABSENT], &b"GETcart"[..]), (None, [3, 3 | ABSENT, 7, 11], b"GETcartmars")]
    {
        let pin = PinView { region, region_name: "mars", session_age_s: 100, pin_age_s: 50, payload: b"cart" };
        let expected = [&ends.map(u32::to_le_bytes).concat(), octets].concat();
        assert_eq!(seen(&fields, pin), expected, "{region:?}");
    }
}

#[test]
fn a_key_is_the_guests_own_bytes_and_has_a_limit() {
    // The field behind the place of its end, the two fields of every call behind it.
    let first = "(i32.store8 (i32.const 6000) (i32.const 1)) (i32.store (i32.const 6004) (i32.add (local.get $fields) (i32.const 12)))
        (i32.store (i32.const 6008) (i32.load (local.get $fields))) i32.const 6000";
    let only_key = Core { hooks: &[Hook::Affinity], key: first, ..PASS }.load().unwrap();
    assert_eq!((only_key.routes(), only_key.keys()), (false, true));
    let mut worker = Worker::new();
    assert_eq!(worker.key(&only_key, &[Some(b"ann\xff")]), Ok(Some(b"ann\xff".to_vec())));
    assert_eq!(worker.key(&only_key, &[Some(b"")]), Ok(None), "an empty key is none");
    assert_eq!(worker.key(&only_key, &[Some(&[b'x'; 1024])]).map(|key| key.map_or(0, |key| key.len())), Ok(1024));
    let nonsense = "a session key of 1025 bytes; at most 1024 are accepted".to_owned();
    assert_eq!(worker.key(&only_key, &[Some(&[b'x'; 1025])]), Err(PolicyFailure::Nonsense(nonsense)));
    assert_eq!(worker.ask(&only_key, 0), Ok(Verdict::Pass), "it routes nothing");
    let both = Core { hooks: &[Hook::Route, Hook::Affinity], key: "unreachable", ..PASS }.load().unwrap();
    assert_eq!(worker.ask(&both, 0), Ok(Verdict::Pass));
    assert!(matches!(worker.key(&both, &[]), Err(PolicyFailure::Trap(_))));
    assert_eq!(worker.ask(&both, 0), Ok(Verdict::Pass), "a new instance takes the place of the one that trapped");
    assert_eq!(both.stats().counts().calls, 3);
}

#[test]
fn what_a_guest_makes_of_an_answer_is_checked() {
    // Sets the header whose name and value the response's field is, split at its fourth byte, and binds the pin to it.
    let amend = r#"
        (local $at i32)
        (local.set $at (i32.add (i32.load (i32.add (local.get $params) (i32.const 92))) (i32.const 4)))
        (i32.store8 (i32.const 5000) (i32.const 0))
        (i32.store (i32.const 5004) (local.get $at)) (i32.store (i32.const 5008) (i32.const 4))
        (i32.store (i32.const 5012) (i32.add (local.get $at) (i32.const 4))) (i32.store (i32.const 5016) (i32.const 2))
        (i32.store8 (i32.const 6000) (i32.const 1))
        (i32.store (i32.const 6004) (i32.const 5000)) (i32.store (i32.const 6008) (i32.const 1))
        (i32.store8 (i32.const 6012) (i32.const 3))
        (i32.store (i32.const 6016) (local.get $at)) (i32.store (i32.const 6020) (i32.const 4))
        i32.const 6000"#;
    let core = Core { hooks: &[Hook::Response], response: amend, ..PASS };
    let policy = core.load().unwrap();
    assert_eq!((policy.routes(), policy.keys(), policy.hears()), (false, false, true));
    let mut worker = Worker::new();
    let edits = vec![Edit::Set("x-ab".parse().unwrap(), "cd".parse().unwrap())];
    let amendment = Amendment { edits, pin: PinAction::Bind { payload: "x-ab".into(), ttl: None } };
    assert_eq!(worker.hear(&policy, 200, b"x-abcd"), Ok(Reaction::Amend(amendment)));
    for (field, words) in [
        (&b"a b cd"[..], "\"a b \" is not a header name"),
        (b"datecd", "the header date belongs to the host"),
        (b"x-ab\r\n", "the value of the header x-ab has control characters"),
    ] {
        assert_eq!(worker.hear(&policy, 200, field), Err(PolicyFailure::Nonsense(words.to_owned())));
    }
    let next = "(i32.store8 (i32.const 6000) (i32.const 2)) i32.const 6000";
    let status = format!(
        "(if (result i32) (i32.eq (i32.load16_u (i32.add (local.get $params) (i32.const 68))) (i32.const 404)) (then {next}) (else (i32.const 3840)))"
    );
    let policy = Core { hooks: &[Hook::Response], response: &status, ..PASS }.load().unwrap();
    assert_eq!(worker.hear(&policy, 404, b""), Ok(Reaction::Next));
    assert_eq!(worker.hear(&policy, 200, b""), Ok(Reaction::Pass));
}

#[test]
fn init_gets_the_region_table_and_a_new_one_means_a_new_instance() {
    // Remembers the number of regions and answers with that many candidates' worth of body: here as the status.
    let core = Core {
        init: "(i32.store (i32.const 7000) (local.get $regions_len)) i32.const 2048",
        route: "(i32.store8 (i32.const 6000) (i32.const 2))
            (i32.store16 (i32.const 6004) (i32.add (i32.const 200) (i32.load (i32.const 7000)))) i32.const 6000",
        ..PASS
    };
    let policy = core.load().unwrap();
    let mut worker = Worker::new();
    let status = |worker: &mut Worker| match worker.ask(&policy, 0).unwrap() {
        Verdict::Respond(reply) => reply.status.as_u16(),
        other => panic!("{other:?}"),
    };
    assert_eq!(status(&mut worker), 206);
    let fewer = RegionDirectory { generation: 2, regions: directory().regions[..4].to_vec() };
    worker.directory = Arc::new(fewer);
    assert_eq!(status(&mut worker), 204);
    assert_eq!(worker.pool.len(), 1);
}

#[test]
fn instances_go_when_their_policy_does() {
    let (first, second) = (PASS.load().unwrap(), PASS.load().unwrap());
    let mut worker = Worker::new();
    worker.pool.warm(&first, &worker.directory).unwrap();
    assert_eq!(worker.ask(&second, 0), Ok(Verdict::Pass));
    assert_eq!(worker.pool.len(), 2, "the same file loaded twice is two policies");
    drop(first);
    worker.pool.prune();
    assert_eq!(worker.pool.len(), 1);
    drop(second);
    let third = PASS.load().unwrap();
    worker.pool.warm(&third, &worker.directory).unwrap();
    assert_eq!(worker.pool.len(), 1, "making an instance sweeps dead ones");
}
