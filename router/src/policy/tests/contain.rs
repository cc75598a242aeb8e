//! What a guest may do without harm: each sin is one failure, and the next call of a good policy works.

use super::frame;
use super::world::{Core, PASS, Worker, ask_at, candidates, directory, engine, policy};
use crate::policy::{Carried, Engine, EngineSettings, Loaded, PolicyFailure, QuarantineState, WarmPool};
use crate::steer::verdict::Verdict;
use std::io::Write;
use std::sync::{Arc, Mutex};

/// Asks a sinner once; then a good policy on the same worker must answer, and the sinner have left no instance behind.
fn failure_of(route: &str) -> PolicyFailure {
    let (sinner, good) = (Core { route, ..PASS }.load().unwrap(), PASS.load().unwrap());
    let mut worker = Worker::new();
    let failure = worker.ask(&sinner, 0).unwrap_err();
    assert_eq!(worker.ask(&good, 0), Ok(Verdict::Pass));
    let counts = sinner.stats().counts();
    let counted = counts.failures.iter().find(|(word, _)| *word == failure.as_str()).unwrap().1;
    assert_eq!((counts.calls, counted), (1, 1), "{failure}");
    // An answer that was read and means nothing leaves its instance as sound as before; any other failure ends it.
    let read = matches!(failure, PolicyFailure::Nonsense(_));
    assert!(counts.living <= u64::from(read), "{failure}: {counts:?}");
    drop(worker);
    let counts = sinner.stats().counts();
    assert_eq!((counts.living, counts.memory), (0, 0), "something is left after {failure}");
    failure
}

#[test]
fn a_trap() {
    let failure = failure_of("unreachable");
    assert_eq!(failure, PolicyFailure::Trap("wasm `unreachable` instruction executed".to_owned()));
    let failure = failure_of("(i32.store (i32.const -8) (i32.const 1)) i32.const 3072");
    assert_eq!(failure, PolicyFailure::Trap("out of bounds memory access".to_owned()));
}

#[test]
fn an_endless_loop() {
    assert_eq!(failure_of("call $spin i32.const 3072"), PolicyFailure::Timeout);
}

#[test]
fn bulk_instructions_without_end() {
    let stall =
        "(loop $again (memory.fill (i32.const 16384) (i32.const 7) (i32.const 114688)) (br $again)) i32.const 3072";
    assert_eq!(failure_of(stall), PolicyFailure::Timeout);
}

#[test]
fn growth_without_end() {
    let hog = "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable";
    assert_eq!(failure_of(hog), PolicyFailure::OutOfMemory);
}

#[test]
fn recursion_without_end() {
    let failure = failure_of("(drop (call $deep (i64.const 1))) i32.const 3072");
    assert_eq!(failure, PolicyFailure::Trap("call stack exhausted".to_owned()));
}

#[test]
fn answers_that_are_none() {
    // A reply whose body begins outside memory, one that is larger than an answer may be, and no such case.
    let reply = |address: &str, len: u32| {
        format!(
            "(i32.store8 (i32.const 6000) (i32.const 2)) (i32.store16 (i32.const 6004) (i32.const 200))
             (i32.store (i32.const 6016) (i32.const {address})) (i32.store (i32.const 6020) (i32.const {len}))
             i32.const 6000"
        )
    };
    for (route, expected) in [
        (reply("-1", 100), "list pointer/length out of bounds of memory"),
        (reply("0", 100_000), "a reply of 100000 bytes; at most 65536 are accepted"),
        ("i32.const 3".to_owned(), "pointer not aligned"),
        ("i32.const -4".to_owned(), "pointer out of bounds of memory"),
        ("(i32.store8 (i32.const 6000) (i32.const 9)) i32.const 6000".to_owned(), "unexpected discriminant: 9"),
    ] {
        let failure = failure_of(&route);
        assert!(
            matches!(&failure, PolicyFailure::Nonsense(text) if text.contains(expected)),
            "{expected}: {failure:?}"
        );
    }
}

#[test]
fn an_answer_larger_than_the_host_reads() {
    let core = Core {
        route: "(i32.store8 (i32.const 6000) (i32.const 2)) (i32.store16 (i32.const 6004) (i32.const 200))
            (i32.store (i32.const 6020) (i32.const 1000000)) i32.const 6000",
        pages: 20,
        ..PASS
    };
    let failure = Worker::new().ask(&core.load().unwrap(), 0).unwrap_err();
    assert!(matches!(&failure, PolicyFailure::Nonsense(text) if text.contains("fuel")), "{failure:?}");
}

#[test]
fn three_failures_quarantine_and_a_good_probe_brings_it_back() {
    // Traps while the request's time is below 5 s.
    let core =
        Core { route: "(if (f64.lt (local.get $now) (f64.const 5000)) (then unreachable)) i32.const 3072", ..PASS };
    let policy = core.load().unwrap();
    let mut worker = Worker::new();
    let words: Vec<_> = [0, 1, 2, 3, 1_002, 1_003, 3_002, 3_003, 7_002, 7_003]
        .into_iter()
        .map(|now| worker.ask(&policy, now).map_or_else(|failure| failure.as_str(), |_| "pass"))
        .collect();
    let quarantined = "quarantined";
    let expected = ["trap", "trap", "trap", quarantined, "trap", quarantined, "trap", quarantined, "pass", "pass"];
    assert_eq!(words, expected);
    assert_eq!(policy.quarantine().state(), QuarantineState::InUse);
}

#[test]
fn no_room_is_a_failure_that_nobody_is_blamed_for() {
    let engine = Engine::with_room(&EngineSettings::default(), 2).unwrap();
    let (named, bytes) = (policy("guest.wasm".into(), b""), PASS.component());
    let policy = Loaded::load(&engine, &named, &bytes, &directory(), Carried::default()).map(Arc::new).unwrap();
    let mut workers = [Worker::new(), Worker::new(), Worker::new()];
    let outcomes: Vec<_> = workers.iter_mut().map(|worker| worker.ask(&policy, 0)).collect();
    assert_eq!(outcomes, [Ok(Verdict::Pass), Ok(Verdict::Pass), Err(PolicyFailure::Exhausted)]);
    let [first, _, third] = &mut workers;
    assert!((0..9).all(|now| third.ask(&policy, now) == Err(PolicyFailure::Exhausted)));
    assert_eq!(first.ask(&policy, 9), Ok(Verdict::Pass), "not quarantined");
    *first = Worker::new();
    assert_eq!(third.ask(&policy, 10), Ok(Verdict::Pass), "room again");
}

#[test]
fn an_instance_isolated_by_request_never_sees_another() {
    // Answers once: the second call of an instance finds what the first one left.
    let route = "(if (i32.load8_u (i32.const 5000)) (then unreachable)) (i32.store8 (i32.const 5000) (i32.const 1))
        i32.const 3072";
    let bytes = Core { route, ..PASS }.component();
    let mut named = policy("guest.wasm".into(), b"");
    let load = |named: &crate::config::Policy| {
        Loaded::load(engine(), named, &bytes, &directory(), Carried::default()).map(Arc::new).unwrap()
    };
    let warm = load(&named);
    named.isolation = crate::config::Isolation::Request;
    let fresh = load(&named);
    assert!(!warm.same_as(&named, warm.digest()), "another isolation is another policy");
    let mut worker = Worker::new();
    assert_eq!(worker.ask(&warm, 0), Ok(Verdict::Pass));
    assert!(matches!(worker.ask(&warm, 1), Err(PolicyFailure::Trap(_))));
    assert!((2..20).all(|now| worker.ask(&fresh, now) == Ok(Verdict::Pass)));
    assert_eq!(worker.pool.len(), 0, "nothing stays");
}

#[test]
fn an_instance_that_has_grown_is_replaced() {
    // Takes 20 pages on each call and never gives them back: 64 pages are its limit.
    let core = Core { route: "(drop (memory.grow (i32.const 20))) i32.const 3072", ..PASS };
    let policy = core.load().unwrap();
    let mut worker = Worker::new();
    let before = policy.stats().counts().instances;
    assert!((0..12).all(|now| worker.ask(&policy, now) == Ok(Verdict::Pass)));
    assert_eq!(policy.stats().counts().instances - before, 4, "three calls each");
    assert_eq!(policy.stats().counts().living, 0, "the last one had grown too");
}

/// Collects what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A guest with the imports that a standard library brings along.
fn with_std(route: &str) -> Arc<Loaded> {
    let head = format!("{} (data (i32.const 4000) \"tide\\07\\nis out\")", frame::STD_CORE);
    Core { imports: frame::STD, head: &head, route, ..PASS }.load().unwrap()
}

#[test]
fn a_panic_that_flushes_stderr_inside_tokio_is_a_trap_with_its_last_words() {
    let policy = with_std(
        "(local.set $p (call $stderr)) (call $check (local.get $p) (i32.const 5000))
         (call $write (local.get $p) (i32.const 4000) (i32.const 12) (i32.const 5000))
         (call $drop_stream (local.get $p)) unreachable",
    );
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let failure = tracing::subscriber::with_default(subscriber, || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async { Worker::new().ask(&policy, 0).unwrap_err() })
    });
    let expected = "wasm `unreachable` instruction executed (its last words: is out)";
    assert_eq!(failure, PolicyFailure::Trap(expected.to_owned()));
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<_> = logged.lines().map(|line| line.split_once("WARN").unwrap().1).collect();
    assert_eq!(lines.len(), 2, "{logged}");
    assert!(lines[0].ends_with(r#"tide  policy=guest"#) && lines[1].ends_with("is out policy=guest"), "{logged}");
}

#[test]
fn clock_and_dice_show_the_request() {
    // Replies with the seconds of the clock and a random number as its body.
    let policy = with_std(
        "(call $now (i32.const 5000)) (i64.store (i32.const 5016) (call $random))
         (call $arguments (i32.const 5032)) (call $directories (i32.const 5040))
         (i32.store8 (i32.const 6000) (i32.const 2)) (i32.store16 (i32.const 6004) (i32.const 200))
         (i32.store (i32.const 6016) (i32.const 5000)) (i32.store (i32.const 6020) (i32.const 48)) i32.const 6000",
    );
    let mut pool = WarmPool::new();
    let directory = Worker::new().directory;
    let candidates = candidates();
    let mut body = |now, entropy| {
        let ask = crate::policy::Ask { entropy, ..ask_at(now, &[], &candidates) };
        match pool.route(&policy, &directory, &ask).unwrap() {
            Verdict::Respond(reply) => reply.body,
            other => panic!("{other:?}"),
        }
    };
    let first = body(77_250, 0.25);
    assert_eq!(first[..8], 77u64.to_le_bytes());
    assert_eq!(first[8..12], 250_000_000u32.to_le_bytes());
    assert_eq!(first[36..40], [0; 4], "no arguments");
    assert_eq!(first[44..48], [0; 4], "no directories");
    assert_eq!(first[..24], body(77_250, 0.25)[..24], "the same request, the same verdict");
    assert_ne!(first[16..24], body(77_250, 0.5)[16..24]);
}

#[test]
fn leaving_is_a_trap_that_names_the_import() {
    let policy = with_std("(call $exit (i32.const 0)) i32.const 3072");
    let failure = Worker::new().ask(&policy, 0).unwrap_err();
    let expected = "called wasi:cli/exit@0.2.3#exit, which does nothing here";
    assert_eq!(failure, PolicyFailure::Trap(expected.to_owned()));
}
