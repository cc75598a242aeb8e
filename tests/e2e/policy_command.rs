//! What an author of policies is told by `portolan policy`, and the exit code behind it.

use portolan_tests::binaries;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

fn policy(arguments: &[&str]) -> Output {
    policy_in(&binaries::root(), arguments)
}

fn policy_in(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(binaries::portolan());
    command.arg("policy").args(arguments).current_dir(folder).env("XDG_CACHE_HOME", binaries::policy_cache());
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
fn inspect_shows_the_hooks_imports_and_fields_of_every_language() {
    for language in ["c", "go", "js", "python"] {
        let guest = format!("scout-{language}");
        if !binaries::optional_guest(&guest) {
            continue;
        }
        let output = policy(&["inspect", &binaries::guest(&guest).display().to_string()]);
        let told = told(&output);
        assert_eq!(output.status.code(), Some(0), "{language}: {told}");
        for row in [
            "hooks      lifecycle, route, affinity, response, health\n",
            "imports    portolan:policy/http@0.1.0 (part of the contract, to be granted)\n",
            "imports    portolan:policy/kv@0.1.0 (part of the contract)\n",
            "imports    portolan:policy/view@0.1.0 (part of the contract)\n",
            "grants     kv = { seen = {} }, http = { allow = [\"https://HOST/PATH\"] }\n",
            "fields     path, header:x-key, lazy:header:x-user, lazy:cookie:id, lazy:query:q\n",
            "loads      yes\n",
        ] {
            assert!(told.contains(row), "{language} does not say {row:?}:\n{told}");
        }
        assert!(!told.contains("telemetry"), "{language} imports what it did not ask for:\n{told}");
        assert_eq!(told.contains("wasi:"), language == "js", "{language}:\n{told}");
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

#[test]
fn a_new_policy_builds_and_passes_its_own_tests_outside_the_repository() {
    // Its guests' target folder has the standard library, which `binaries` built where there is no ready one.
    binaries::plugin("canary");
    let target = binaries::root().join("target/guest").display().to_string();
    let scratch = TempDir::new().unwrap();
    let fine = |output: Output| {
        assert!(output.status.success(), "{}", told(&output));
        told(&output)
    };
    fine(policy_in(scratch.path(), &["new", "--lang", "rust", "tenant-home"]));
    let folder = scratch.path().join("tenant-home");
    let again = policy_in(scratch.path(), &["new", "--lang", "rust", "tenant-home"]);
    assert_eq!(again.status.code(), Some(2), "nothing is overwritten: {}", told(&again));
    let mut tests = Command::new(env!("CARGO"));
    tests.args(["test", "--quiet", "--target-dir"]).arg(binaries::root().join("target/scaffold")).current_dir(&folder);
    let tests = fine(tests.output().unwrap());
    assert!(tests.contains("1 passed"), "{tests}");
    let built = fine(policy_in(&folder, &["build", ".", "--target-dir", &target]));
    assert!(built.contains("tenant-home.wasm (") && built.contains("sha256:"), "{built}");
    let played = fine(policy_in(&folder, &["test", ".", "--random", "50"]));
    assert!(played.contains("5 cases: 5 held, 0 did not"), "{played}");
    let odd = policy_in(&folder, &["build", "src"]);
    assert_eq!(odd.status.code(), Some(2), "{}", told(&odd));
    assert!(told(&odd).contains("accepted: the folder of a policy"), "{}", told(&odd));
}

#[test]
fn a_new_policy_in_any_language_builds_and_passes_its_own_tests() {
    // Where a compiler is not to be had, `cargo xtask plugins` has said so, and the policy in that language is not there.
    let has = |language: &str| binaries::optional_plugin(&format!("tenant-hash-{language}"));
    let scratch = TempDir::new().unwrap();
    let refused = policy_in(scratch.path(), &["new", "--lang", "cobol", "a"]);
    assert_eq!(refused.status.code(), Some(2), "{}", told(&refused));
    assert!(told(&refused).contains("[possible values: c, go, js, python, rust]"), "{}", told(&refused));
    for language in ["c", "go", "js", "python"].into_iter().filter(|language| has(language)) {
        let name = format!("home-{language}");
        let made = policy_in(scratch.path(), &["new", "--lang", language, &name]);
        assert!(made.status.success(), "{language}: {}", told(&made));
        let folder = scratch.path().join(&name);
        let built = with_toolchains(&folder, &["build", "."]);
        assert!(told(&built).contains(&format!("{name}.wasm (")), "{language}: {}", told(&built));
        let played = policy_in(&folder, &["test", "."]);
        assert!(told(&played).contains("5 cases: 5 held, 0 did not"), "{language}: {}", told(&played));
        let broken = std::fs::write(folder.join(source_of(language)), "}} this is no language");
        assert!(broken.is_ok(), "{language}");
        let failed = with_toolchains(&folder, &["build", "."]);
        assert_eq!(failed.status.code(), Some(1), "{language}: {}", told(&failed));
        assert!(told(&failed).contains("made no component"), "{language}: {}", told(&failed));
        let missing = without_toolchains(&folder, &["build", "."]);
        assert_eq!(missing.status.code(), Some(1), "{language}: {}", told(&missing));
        assert!(told(&missing).contains("install"), "{language}: {}", told(&missing));
    }
}

fn source_of(language: &str) -> &'static str {
    match language {
        "c" => "src/policy.c",
        "go" => "src/policy.go",
        "js" => "src/policy.js",
        _ => "src/policy.py",
    }
}

/// Runs the command where the compilers that `cargo xtask plugins` installed are found.
fn with_toolchains(folder: &Path, arguments: &[&str]) -> Output {
    let toolchains = binaries::root().join("target/toolchains");
    let own = [toolchains.join("js/node_modules/.bin"), toolchains.join("python/bin")];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(own.into_iter().chain(std::env::split_paths(&path))).unwrap();
    in_path(folder, arguments, &path)
}

/// Runs the command where there are no compilers at all.
fn without_toolchains(folder: &Path, arguments: &[&str]) -> Output {
    in_path(folder, arguments, folder.as_os_str())
}

fn in_path(folder: &Path, arguments: &[&str], path: &std::ffi::OsStr) -> Output {
    let mut command = Command::new(binaries::portolan());
    command.arg("policy").args(arguments).current_dir(folder).env("PATH", path);
    command.env("XDG_CACHE_HOME", binaries::policy_cache()).output().unwrap()
}
