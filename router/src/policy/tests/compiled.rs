//! The guests of `tests/guests`: real policies and sinners, made by the Rust SDK.
//!
//! `cargo xtask plugins` builds them, `cargo xtask test` does so before it tests. Where they were never built (no Wasm
//! toolchain) there is nothing to try, and the tests say so; the components of `world` cover the same ground.

use super::world::{Worker, ask_at, candidates, engine, policy};
use crate::config::{Bucket, BucketQuota, PolicyLimits};
use crate::policy::{Ask, Carried, KvAnswer, LoadError, Loaded, Measure, Outcome, PolicyFailure, Reading, Reads, View};
use crate::steer::verdict::{Edit, Reaction, Verdict};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A file below the target folder; none when nothing was ever built there.
fn built(folder: &str, name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target").join(folder);
    if folder.is_dir() {
        return Some(folder.join(name));
    }
    eprintln!("{name} was not tried: {} is missing; `cargo xtask plugins` builds it", folder.display());
    None
}

fn load(name: &str, config: &str) -> Option<Result<Arc<Loaded>, LoadError>> {
    let file = built("guests", name)?;
    let bytes = std::fs::read(&file).unwrap();
    let mut policy = policy(file, config.as_bytes());
    policy.limits.memory = 16 << 20;
    // Taking 16 MiB takes its time on a machine that also compiles.
    policy.limits.time = Duration::from_millis(200);
    let directory = Worker::new().directory;
    Some(Loaded::load(engine(), &policy, &bytes, &directory, Carried::default()).map(Arc::new))
}

fn sinner(sin: &str) -> Option<Result<Arc<Loaded>, LoadError>> {
    load("sinner.wasm", &format!("{{ \"sin\": \"{sin}\" }}"))
}

#[test]
fn an_ordinary_policy_reads_its_fields_and_orders() {
    let Some(loaded) = load("good.wasm", "{}") else { return };
    let loaded = loaded.unwrap();
    assert_eq!(loaded.manifest().fields.len(), 8);
    let fields: Vec<Option<&[u8]>> = vec![Some(b"GET"), Some(b"x"), None, None, None, None, None, Some(b"de")];
    let mut candidates = candidates();
    candidates[0].distance_km = 9_000;
    let mut worker = Worker::new();
    for now in 0..2_000 {
        let verdict = worker.pool.route(&loaded, &worker.directory, &ask_at(now, &fields, &candidates)).unwrap();
        let Verdict::Route(advice) = verdict else { panic!("{verdict:?}") };
        assert_eq!(advice.order.as_slice(), [1, 3, 0]);
        assert!(matches!(&advice.edits[..], [Edit::Set(name, value)] if name == "x-guest-bytes" && value == "6"));
    }
    assert_eq!(loaded.stats().counts().instances, 3, "one to describe, one to rehearse, one that served all calls");
}

#[test]
fn what_must_not_load_is_refused_in_words() {
    for (file, expected) in [
        ("imports-env.wasm", "imports wasi:sockets/"),
        ("imports-forbidden.wasm", "imports portolan:forbidden/door@0.1.0, which is not granted"),
        ("newer-version.wasm", "@0.2.0; this host speaks 0.1.0"),
        ("no-route.wasm", "exports none of the hooks that a policy is asked by (route, affinity, response, health)"),
        ("not-a-policy.wasm", "does not export portolan:policy/lifecycle@0.1.0"),
        ("wasi-inert.wasm", "describe trapped"),
    ] {
        let Some(outcome) = load(file, "{}") else { return };
        let text = outcome.unwrap_err().to_string();
        assert!(text.contains(expected), "{file}: {text}");
    }
    for (sin, expected) in [
        ("bad-config", "refuses its configuration: the moon is not a region; try `eu-west`"),
        ("thousand-metrics", "declares 1000 metrics; at most 32 are accepted"),
        ("bad-fields", "wants the field \"moon.phase\", which does not exist"),
        ("trap-describe", "describe trapped"),
        ("spin-describe", "describe ran longer than its time limit"),
        ("init-fails", "refuses to start: the tide is out"),
        ("init-traps", "init trapped"),
        ("init-spins", "init ran longer than its time limit"),
    ] {
        let text = sinner(sin).unwrap().unwrap_err().to_string();
        assert!(text.contains(expected), "{sin}: {text}");
    }
}

#[test]
fn sinners_fail_alone() {
    let Some(good) = load("good.wasm", "{}") else { return };
    let good = good.unwrap();
    let mut worker = Worker::new();
    let fields = [None; 8];
    for (sin, word, text) in [
        ("trap", "trap", "unreachable"),
        ("spin", "timeout", ""),
        ("stall", "timeout", ""),
        ("hog", "out-of-memory", ""),
        ("recurse", "trap", "call stack exhausted"),
        ("bad-headers", "nonsense", "the value of the header x-split has control characters"),
        ("bad-reply", "nonsense", "status 999"),
        ("huge-reply", "nonsense", "fuel"),
        ("huge-order", "nonsense", "fuel"),
        ("huge-ext", "nonsense", "fuel"),
        ("huge-payload", "nonsense", "a pin payload of 65536 bytes"),
        ("essay", "nonsense", "fuel"),
        ("long-key", "nonsense", "a cache key part of 257 bytes"),
        ("odd-key", "nonsense", "a cache key part with '\\n'"),
    ] {
        let loaded = sinner(sin).unwrap().unwrap();
        let failure = worker.pool.route(&loaded, &worker.directory, &ask_at(0, &fields[..1], &candidates()));
        let failure = failure.unwrap_err();
        assert_eq!(failure.as_str(), word, "{sin}: {failure}");
        assert!(failure.to_string().contains(text), "{sin}: {failure}");
        let counts = loaded.stats().counts();
        assert!(counts.living <= u64::from(word == "nonsense"), "something is left of {sin}: {counts:?}");
        let served = worker.pool.route(&good, &worker.directory, &ask_at(0, &fields, &candidates()));
        assert!(served.is_ok(), "after {sin}: {served:?}");
    }
}

#[test]
fn what_does_not_apply_is_dropped_and_counted() {
    for (sin, order, fence, strict, ignored) in [
        ("nonsense", &[][..], None, false, (6, 1)),
        ("outside", &[0, 1, 3][..], None, true, (3, 0)),
        ("wide-fence", &[][..], Some(vec![0, 1, 2, 3]), false, (2, 0)),
        ("no-fence", &[][..], Some(vec![]), false, (0, 0)),
        ("no-order", &[][..], None, true, (0, 0)),
    ] {
        let Some(loaded) = sinner(sin) else { return };
        let loaded = loaded.unwrap();
        let verdict = Worker::new().ask(&loaded, 0).unwrap();
        let Verdict::Route(advice) = verdict else { panic!("{sin}: {verdict:?}") };
        assert_eq!((advice.order.as_slice(), advice.strict), (order, strict), "{sin}");
        assert_eq!(advice.fence.map(|fence| fence.iter().collect::<Vec<_>>()), fence, "{sin}");
        let counts = loaded.stats().counts();
        assert_eq!((counts.ignored_regions, counts.ignored_ext), ignored, "{sin}");
    }
}

#[test]
fn what_is_harmless_is_let_through() {
    for (sin, header, expected) in [("undeclared", "x-seen", &b"0"[..]), ("latin1", "x-town", b"K\xf6ln")] {
        let Some(loaded) = sinner(sin) else { return };
        let verdict = Worker::new().ask(&loaded.unwrap(), 0).unwrap();
        let Verdict::Route(advice) = verdict else { panic!("{sin}: {verdict:?}") };
        let edits: Vec<_> = advice.edits.iter().collect();
        assert!(
            matches!(&edits[..], [Edit::Set(name, value)] if name == header && value.as_bytes() == expected),
            "{sin}: {edits:?}"
        );
    }
}

#[test]
fn a_policy_that_traps_now_and_then_gets_a_new_instance_each_time() {
    let Some(loaded) = load("sinner.wasm", r#"{ "sin": "trap-nth", "n": 3 }"#) else { return };
    let loaded = loaded.unwrap();
    let mut worker = Worker::new();
    let pattern: String = (0..9)
        .map(|call| match worker.ask(&loaded, call * 6_000) {
            Ok(_) => '.',
            Err(PolicyFailure::Trap(_)) => 'T',
            Err(other) => panic!("{other}"),
        })
        .collect();
    assert_eq!(pattern, "..T..T..T");
}

#[test]
fn a_flood_of_lines_is_cut_short_and_costs_no_verdict() {
    let Some(loaded) = sinner("flood") else { return };
    let loaded = loaded.unwrap();
    let mut worker = Worker::new();
    assert_eq!(worker.ask(&loaded, 5_000), Ok(Verdict::Pass));
    assert_eq!(loaded.stats().counts().dropped_lines, 980, "20 of 1000 in this second");
    assert_eq!(worker.ask(&loaded, 6_000), Ok(Verdict::Pass));
    assert_eq!(loaded.stats().counts().dropped_lines, 2 * 980, "20 more in the next");
}

#[test]
fn what_is_written_to_no_metric_is_dropped_and_counted() {
    let Some(loaded) = sinner("stray-metrics") else { return };
    let loaded = loaded.unwrap();
    let mut worker = Worker::new();
    for call in 1..=3u64 {
        assert_eq!(worker.ask(&loaded, call), Ok(Verdict::Pass));
        assert_eq!(loaded.stats().counts().stray_writes, 7 * call);
        let readings: Vec<_> = loaded.measures().iter().flat_map(Measure::readings).collect();
        assert_eq!(
            readings,
            [(Some("a"), Reading::Counter(call)), (Some("b"), Reading::Counter(0)), (None, Reading::Gauge(0.0))]
        );
    }
}

#[test]
fn a_bucket_has_bounds_and_is_shared_by_instances() {
    let Some(file) = built("guests", "sinner.wasm") else { return };
    let bytes = std::fs::read(&file).unwrap();
    let configured = |sin: &str, granted: bool| {
        let mut policy = policy(file.clone(), format!("{{ \"sin\": \"{sin}\" }}").as_bytes());
        policy.limits = PolicyLimits { memory: 16 << 20, time: Duration::from_millis(500) };
        let quota = BucketQuota { entries: 100, bytes: 1 << 20, value: 4096 };
        policy.kv.extend(granted.then(|| Bucket { name: "hoard".into(), quota }));
        policy
    };
    let load = |sin, granted, carried| {
        let policy = configured(sin, granted);
        Loaded::load(engine(), &policy, &bytes, &Worker::new().directory, carried).map(Arc::new)
    };
    let header = |loaded: &Arc<Loaded>| match Worker::new().ask(loaded, 1).unwrap() {
        Verdict::Route(advice) => match &advice.edits[..] {
            [Edit::Set(_, value)] => value.to_str().unwrap().to_owned(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    let refused = load("hoard", false, Carried::default()).unwrap_err().to_string();
    assert!(
        refused.ends_with(
            "wants the bucket \"hoard\", which is not granted; `kv = { hoard = {} }` of the policy grants it"
        )
    );
    let hoard = load("hoard", true, Carried::default()).unwrap();
    assert_eq!(header(&hoard), "100");
    let (_, bucket) = hoard.kv().iter().next().unwrap();
    assert_eq!((bucket.counts().entries, bucket.counts().refused), (100, 2));
    // Another instance finds what the first one left, also after a reload with the same grant.
    let again = load("hoard", true, hoard.carried()).unwrap();
    assert_eq!(again.kv().iter().next().unwrap().1.counts().entries, 100);
    let stray = load("stray-keys", true, Carried::default()).unwrap();
    let expected = "no-bucket no-bucket too-large too-large fine not-a-number";
    assert_eq!(header(&stray), expected);
}

#[test]
fn a_policy_that_says_nothing_imports_nothing_to_say_it_with() {
    let Some(path) = built("guests", "good.wasm") else { return };
    let found = crate::policy::inspect(engine(), &path, b"{}", 16 << 20).unwrap();
    let names: Vec<_> = found.imports.iter().map(|import| import.name.as_str()).collect();
    assert_eq!((names, found.refused), (vec!["portolan:policy/types@0.1.0"], None));
}

/// A viewer with this configuration and room in a bucket.
fn viewer(config: &str) -> Option<Arc<Loaded>> {
    let file = built("guests", "viewer.wasm")?;
    let bytes = std::fs::read(&file).unwrap();
    let mut policy = policy(file, config.as_bytes());
    policy.limits = PolicyLimits { memory: 16 << 20, time: Duration::from_millis(200) };
    policy.kv = vec![Bucket { name: "seen".into(), quota: BucketQuota { entries: 9, bytes: 9_000, value: 99 } }];
    let directory = Worker::new().directory;
    Some(Loaded::load(engine(), &policy, &bytes, &directory, Carried::default()).map(Arc::new).unwrap())
}

#[test]
fn what_is_looked_up_is_seen_at_every_hook_and_nothing_else_is() {
    let fields = r#""fields": ["method", "lazy:header:x-user", "lazy:query:q", "lazy:cookie:id"]"#;
    let Some(loaded) = viewer(&format!(r#"{{ {fields}, "look": [1, 2, 3, 0, 4, 4294967295] }}"#)) else { return };
    let mut headers = HeaderMap::new();
    headers.insert("x-user", HeaderValue::from_static("ann"));
    headers.insert("x-other", HeaderValue::from_static("secret"));
    headers.insert("cookie", HeaderValue::from_static("other=1; id=7"));
    let passed = [Some(&b"GET"[..]), None, None, None];
    let view = View::Head { headers: &headers, query: None };
    let candidates = candidates();
    let ask = Ask { view, reads: Reads::Noted, ..ask_at(1, &passed, &candidates) };
    let mut worker = Worker::new();
    let seen = "ann,none,7,no-field,no-field,no-field";
    let verdict = worker.pool.route(&loaded, &worker.directory, &ask).unwrap();
    let Verdict::Route(advice) = verdict else { panic!("{verdict:?}") };
    assert!(matches!(&advice.edits[..], [Edit::Set(_, value)] if value == seen), "{:?}", advice.edits);
    assert_eq!(worker.pool.noted().lookups, [(1, Some(3)), (2, None), (3, Some(1))]);
    assert_eq!(loaded.stats().counts().refused_lookups, 3);
    let key = worker.pool.key(&loaded, &worker.directory, &Ask { reads: Reads::Live, ..ask }).unwrap().unwrap();
    assert_eq!(key.bytes(), seen.as_bytes());
    assert!(worker.pool.noted().is_empty(), "nobody asked");
    // After the answer the request's head is gone, and what was kept of it is seen.
    let kept: Arc<[_]> = Arc::from([None, Some(b"ann".to_vec()), None, Some(b"7".to_vec())]);
    let outcome = Outcome { region: 3, status: 200, attempt: 1, ttfb_us: 1, may_retry: false, fields: &[] };
    let ask = Ask { view: View::Kept(&kept), ..ask_at(1, &passed, &[]) };
    let reaction = worker.pool.response(&loaded, &worker.directory, &ask, &outcome).unwrap();
    let Reaction::Amend(amendment) = reaction else { panic!("{reaction:?}") };
    assert!(matches!(&amendment.edits[..], [Edit::Set(_, value)] if value == seen), "{:?}", amendment.edits);
}

#[test]
fn a_call_looks_up_so_much_and_no_more() {
    let config = r#"{ "fields": ["lazy:header:x-user"], "look": [0], "times": 300 }"#;
    let Some(loaded) = viewer(config) else { return };
    let headers = HeaderMap::new();
    let ask = Ask { view: View::Head { headers: &headers, query: None }, ..ask_at(1, &[None], &[]) };
    let mut worker = Worker::new();
    for call in 1..3 {
        let key = worker.pool.key(&loaded, &worker.directory, &ask).unwrap().unwrap();
        assert_eq!(key.bytes(), b"too-much", "each call has its own measure");
        assert_eq!(loaded.stats().counts().refused_lookups, 44 * call);
    }
}

#[test]
fn what_was_kept_is_noted_and_answered_from_the_note() {
    let config = r#"{ "fields": ["lazy:header:x-user"], "look": [0], "count": true }"#;
    let Some(loaded) = viewer(config) else { return };
    let user = |name: &'static str| HeaderMap::from_iter([(HeaderName::from_static("x-user"), name.parse().unwrap())]);
    let candidates = candidates();
    let mut worker = Worker::new();
    let mut ask = |headers: &HeaderMap, reads: Reads<'_>| {
        let view = View::Head { headers, query: None };
        let ask = Ask { view, reads, ..ask_at(1, &[None], &candidates) };
        let verdict = worker.pool.route(&loaded, &worker.directory, &ask).unwrap();
        let Verdict::Route(advice) = verdict else { panic!("{verdict:?}") };
        (advice.order.to_vec(), worker.pool.noted())
    };
    let (ann, bob) = (user("ann"), user("bob"));
    let orders: Vec<_> = (0..2).map(|_| ask(&ann, Reads::Live).0).collect();
    assert_eq!(orders, [[0], [0]]);
    let (third, noted) = ask(&ann, Reads::Noted);
    assert_eq!(third, [1], "the third time");
    assert_eq!(noted.kv[0].answer, Ok(KvAnswer::Sum(3)));
    let calls: Arc<[_]> = noted.kv.into();
    for _ in 0..2 {
        let (again, noted) = ask(&ann, Reads::Given(&calls));
        assert_eq!((again, noted.unknown.len()), (vec![1], 0), "as it was then, as often as it is asked");
    }
    let (other, noted) = ask(&bob, Reads::Given(&calls));
    assert_eq!(other, [0], "as if nothing was kept of him");
    assert_eq!(noted.unknown, [Arc::from("seen")]);
    assert_eq!(ask(&ann, Reads::Noted).1.kv[0].answer, Ok(KvAnswer::Sum(4)), "what is given is not kept");
}
