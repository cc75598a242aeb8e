//! What an author of policies is told by `portolan policy`, and the exit code behind it.

use portolan_tests::binaries;
use serde_json::Value;
use std::process::{Command, Output};

fn policy(arguments: &[&str]) -> Output {
    let cache = binaries::policy_cache();
    let mut command = Command::new(binaries::portolan());
    command.arg("policy").args(arguments).current_dir(binaries::root()).env("XDG_CACHE_HOME", cache);
    command.output().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn document(arguments: &[&str]) -> Value {
    let output = policy(arguments);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", told(&output)))
}

#[test]
fn inspect_says_what_a_component_is() {
    let canary = binaries::plugin("canary").display().to_string();
    let config = "{ share = 0.5, header = \"x-canary\" }";
    let found = document(&["inspect", &canary, "--config", config, "--json"]);
    assert_eq!(found["contract"], "0.1.0", "{found:#}");
    assert_eq!(found["declares"]["fields"], serde_json::json!(["header:x-canary"]), "{found:#}");
    assert_eq!(found["refused"], Value::Null, "{found:#}");
    assert!(found["digest"].as_str().is_some_and(|digest| digest.starts_with("sha256:")), "{found:#}");
    for (file, code, words) in [
        (canary.as_str(), 1, "refuses its configuration: config: nobody would reach the canary"),
        (&binaries::guest("imports-env").display().to_string(), 1, "wasi:sockets/network@0.2.6 (NOT GRANTED)"),
        (&binaries::guest("newer-version").display().to_string(), 1, "@0.2.0; this host speaks"),
        ("Cargo.toml", 2, "is not WebAssembly"),
        ("no/such.wasm", 2, "no/such.wasm: cannot be read"),
    ] {
        let output = policy(&["inspect", file]);
        assert_eq!(output.status.code(), Some(code), "{file}: {}", told(&output));
        assert!(told(&output).contains(words), "{file}: {}", told(&output));
    }
}

#[test]
fn test_plays_cases_and_random_worlds() {
    binaries::plugin("canary");
    let output = policy(&["test", "plugins/canary"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(told(&output).contains("9 cases: 9 held, 0 did not"), "{}", told(&output));
    let pinned = binaries::plugin("session-pin").display().to_string();
    let output = policy(&["test", "plugins/residency", "--component", &pinned]);
    assert_eq!(output.status.code(), Some(1), "another policy does not hold them: {}", told(&output));
    let found = document(&["test", "plugins/session-pin", "--random", "20", "--seed", "5", "--json"]);
    assert_eq!((&found["random"]["worlds"], &found["random"]["seed"]), (&20.into(), &5.into()), "{found:#}");
    assert_eq!(policy(&["test", "docs"]).status.code(), Some(2), "there are no cases");
}

#[test]
fn bench_measures() {
    let good = binaries::guest("good").display().to_string();
    let found = document(&["bench", &good, "--calls", "50", "--json"]);
    assert_eq!(found["calls"], 50, "{found:#}");
    assert!(found["p50_ns"].as_u64().is_some_and(|ns| ns > 0), "{found:#}");
    assert!(found["memory_last_bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{found:#}");
}
