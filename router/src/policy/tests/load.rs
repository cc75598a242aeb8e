//! What is refused before it is used, and in which words.

use super::world::{Core, PASS, Worker, directory, engine, load_bytes, policy};
use crate::policy::{Carried, Digest, LoadFault, Loaded, PolicyFailure};
use crate::steer::verdict::Verdict;
use std::sync::Arc;

/// The message of a load that fails, without the file's changing name.
fn refusal(outcome: Result<Arc<Loaded>, crate::policy::LoadError>) -> String {
    let text = outcome.map(|loaded| panic!("{loaded:?} was loaded")).unwrap_err().to_string();
    let (before, rest) = text.split_once(" (").unwrap();
    format!("{before}:{}", rest.split_once("):").unwrap().1)
}

#[test]
fn bytes_that_are_no_component() {
    let component = PASS.component();
    let mut newer_layer = component.clone();
    newer_layer[6] = 9;
    let cases: [(&[u8], &str); 7] = [
        (b"\x7fELF\x02\x01\x01", "is compiled code (.cwasm), which is never loaded"),
        (b"", "is not WebAssembly"),
        (b"#!/bin/sh\n", "is not WebAssembly"),
        (&component[..5], "is damaged or uses"),
        (&component[..component.len() / 2], "is cut short: it has"),
        (&newer_layer, "is damaged or uses"),
        (b"\0asm\x01\0\0\0", "is a core module; a component is wanted: build it with `portolan policy build`"),
    ];
    for (bytes, expected) in cases {
        let text = refusal(load_bytes(bytes, b""));
        assert!(text.starts_with("edge.toml:7:1: policy \"guest\": "), "{text}");
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn imports_that_are_not_granted_are_named() {
    let tcp = r#"(import "wasi:sockets/tcp@0.2.0" (instance (export "connect" (func)))) LIBC (core instance $lowered)"#;
    let text = refusal(Core { imports: tcp, ..PASS }.load());
    assert!(
        text.contains(
            "imports wasi:sockets/tcp@0.2.0, which is not granted; granted: portolan:policy/telemetry, kv, view and http"
        ),
        "{text}"
    );
    let door = r#"(import "door" (func)) LIBC (core instance $lowered)"#;
    let text = refusal(Core { imports: door, ..PASS }.load());
    assert!(text.contains("imports door, which is not granted"), "{text}");
}

#[test]
fn versions_and_missing_exports_are_named() {
    let text = refusal(Core { version: "0.2.0", ..PASS }.load());
    assert!(text.contains("@0.2.0; this host speaks 0.1.0"), "{text}");
    let text = refusal(Core { hooks: &[], ..PASS }.load());
    assert!(
        text.contains(
            "exports none of the hooks that a policy is asked by (route, affinity, response, health); build it"
        ),
        "{text}"
    );
    let older = Core { version: "0.1.0-rc.1", ..PASS }.load().unwrap();
    assert_eq!(Worker::new().ask(&older, 0), Ok(Verdict::Pass), "an older version of the contract still serves");
    assert!(Core { version: "0.1.7", ..PASS }.load().is_ok(), "a patch of the same minor version is the same contract");
}

#[test]
fn describe_speaks_for_its_author() {
    let head = r#"(data (i32.const 4000) "no allow list")"#;
    let says = "(i32.store8 (i32.const 4100) (i32.const 1)) (i32.store (i32.const 4104) (i32.const 4000))
        (i32.store (i32.const 4108) (i32.const 13)) i32.const 4100";
    let text = refusal(Core { head, describe: says, ..PASS }.load());
    assert_eq!(text, "edge.toml:8:1: policy \"guest\": refuses its configuration: no allow list");
    let text = refusal(Core { head, init: says, ..PASS }.load());
    assert_eq!(text, "edge.toml:8:1: policy \"guest\": refuses to start: no allow list");
    let text = refusal(Core { describe: "call $spin unreachable", ..PASS }.load());
    assert!(text.ends_with("describe ran longer than its time limit"), "{text}");
    let text = refusal(Core { init: "unreachable", ..PASS }.load());
    assert!(text.contains("init trapped: wasm `unreachable` instruction executed"), "{text}");
}

#[test]
fn fields_that_do_not_exist_are_named() {
    let head = r#"(data (i32.const 4000) "moon.phase") (data (i32.const 4200) "\a0\0f\00\00\0a\00\00\00")"#;
    let describe =
        "(i32.store (i32.const 4104) (i32.const 4200)) (i32.store (i32.const 4108) (i32.const 1)) i32.const 4100";
    let text = refusal(Core { head, describe, ..PASS }.load());
    assert!(text.contains("wants the field \"moon.phase\", which does not exist; accepted: method, host"), "{text}");
}

#[test]
fn limits_hold_while_loading() {
    let text = refusal(Core { pages: 100, ..PASS }.load());
    assert!(text.contains("needs more memory than its limit of"), "{text}");
    let mut greedy = policy("guest.wasm".into(), b"");
    greedy.limits.memory = 1 << 40;
    let error = Loaded::load(engine(), &greedy, b"", &directory(), Carried::default()).unwrap_err();
    assert!(matches!(error.fault, LoadFault::MemoryLimit(_)), "{error}");
}

#[test]
fn a_load_is_known_again_by_digest_and_configuration() {
    let bytes = PASS.component();
    let loaded = load_bytes(&bytes, b"{}").unwrap();
    let same = policy("elsewhere.wasm".into(), b"{}");
    assert!(loaded.same_as(&same, Digest::of(&bytes)));
    assert!(!loaded.same_as(&same, Digest::of(b"other")));
    assert!(!loaded.same_as(&policy("elsewhere.wasm".into(), b"{\"a\":1}"), Digest::of(&bytes)));
    assert!(loaded.digest().to_string().starts_with("sha256:"));
    assert_eq!(Digest::of(b"").to_string(), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

#[test]
fn a_region_table_that_the_policy_refuses_is_found_by_rehearsal() {
    let init = "(if (result i32) (i32.eq (local.get $regions_len) (i32.const 6))
        (then (i32.const 2048)) (else (i32.store8 (i32.const 4100) (i32.const 1)) (i32.const 4100)))";
    let loaded = Core { init, ..PASS }.load().unwrap();
    assert_eq!(loaded.rehearse(&directory()), Ok(()));
    let mut other = directory();
    other.regions.pop();
    assert_eq!(loaded.rehearse(&other), Err(PolicyFailure::Init(String::new())));
    assert_eq!(Worker::new().ask(&loaded, 0), Ok(Verdict::Pass));
}
