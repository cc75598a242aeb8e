//! What reaches a guest, and what comes back from it.

use super::world::{Core, PASS, Worker, ask_at, candidates, directory};
use crate::base::Location;
use crate::policy::{PinView, RegionDirectory};
use crate::steer::verdict::{Advice, CacheSay, KeyPart, PinAction, Verdict};
use std::sync::Arc;
use std::time::Duration;

/// Answers with an order: the candidates' numbers from last to first, strict, a fence of regions 3 and 5, a pin with
/// the payload `ab` for 60 s, a key part `ab` and a lifetime of 90 s in the cache, 250 ms.
const REVERSE: Core<'static> = Core {
    head: r#"(data (i32.const 4000) "ab") (data (i32.const 4012) "\03\00\00\00\05\00\00\00")"#,
    route: r#"
        (local.set $n (i32.shr_u (i32.load (i32.add (local.get $req) (i32.const 112))) (i32.const 3)))
        (local.set $p (i32.load (i32.add (local.get $req) (i32.const 108))))
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

/// Replies 200 with the memory that holds the parameters, from `offset`, `len` bytes; 0 follows the list at `offset`.
fn dump(offset: u32, len: u32) -> String {
    let body = if len == 0 {
        format!(
            "(i32.store (i32.const 6016) (i32.load (i32.add (local.get $req) (i32.const {offset}))))
             (i32.store (i32.const 6020) (i32.load (i32.add (local.get $req) (i32.const {}))))",
            offset + 4
        )
    } else {
        format!(
            "(i32.store (i32.const 6016) (i32.add (local.get $req) (i32.const {offset})))
             (i32.store (i32.const 6020) (i32.const {len}))"
        )
    };
    format!(
        "(i32.store8 (i32.const 6000) (i32.const 2)) (i32.store16 (i32.const 6004) (i32.const 200)) {body} i32.const 6000"
    )
}

#[test]
fn a_plan_arrives_whole_and_in_local_indices() {
    let policy = REVERSE.load().unwrap();
    let mut worker = Worker::new();
    let expected = Verdict::Route(Advice {
        order: [3u8, 1, 0].into_iter().collect(),
        fence: Some([1usize, 3].into_iter().collect()),
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

#[test]
fn a_guest_sees_the_request_as_the_contract_lays_it_out() {
    let pin = PinView { region: Some(5), region_name: "d", session_age_s: 100, pin_age_s: 50, payload: b"cart" };
    let candidates = candidates();
    let fields = [Some(&b"GET"[..]), None];
    let ask = crate::policy::Ask {
        client: Location::new(1.5, -2.5),
        pin: Some(pin),
        ..ask_at(1_700_000_000_123, &fields, &candidates)
    };
    let see = |offset, len| {
        let core = Core { route: &dump(offset, len), ..PASS };
        let mut worker = Worker::new();
        match worker.pool.route(&core.load().unwrap(), &worker.directory, &ask).unwrap() {
            Verdict::Respond(reply) => reply.body,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(see(0, 8)[..], 1_700_000_000_123f64.to_le_bytes());
    assert_eq!(see(8, 8)[..], 0.5f64.to_le_bytes());
    assert_eq!(
        see(16, 24)[..],
        [&[1, 0, 0, 0, 0, 0, 0, 0][..], &1.5f64.to_le_bytes(), &(-2.5f64).to_le_bytes()].concat()
    );
    assert_eq!(see(52, 0)[..], *b"d");
    assert_eq!(see(68, 0)[..], *b"cart");
    assert_eq!(see(76, 0)[..], *b"shop");
    assert_eq!(see(88, 0).len(), 2, "two fields");
    assert_eq!(see(96, 0)[..], *b"GET");
    assert_eq!(see(104, 4)[..], 8u32.to_le_bytes(), "eight numbers for each candidate");
    assert_eq!(see(108, 0).len(), 24, "three candidates");
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
