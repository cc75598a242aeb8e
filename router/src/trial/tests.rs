//! Cases and random worlds, played with the policies that ship and with the sinners of `tests/guests`.
//!
//! Components are built by `cargo xtask plugins`; where they never were, the tests say so and try nothing.
#![allow(clippy::unwrap_used, reason = "tests")]

mod replays;

use super::*;
use crate::policy::{Compiled, Engine, EngineSettings};
use std::path::{Path, PathBuf};

/// Patience in place of the 2 ms of production: tests share a machine with compilers.
const PATIENT: &str = "limits = { time = \"500ms\" }\n";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn built(path: &str) -> Option<Compiled> {
    let path = root().join("target").join(path);
    if !path.is_file() {
        eprintln!("{} is missing and was not tried; `cargo xtask plugins` builds it", path.display());
        return None;
    }
    // An interpreter takes long to compile.
    let cache = Some(root().join("target/policy-cache"));
    let engine = Engine::new(&EngineSettings { workers: 1, cache }).unwrap();
    Some(Compiled::read(&engine, &path).unwrap())
}

fn suite(text: &str) -> Suite {
    Suite::parse(text, Path::new("")).unwrap_or_else(|wrong| panic!("{wrong}\n{text}"))
}

/// A suite of the sinner with this sin, one region and these cases.
fn sinner(config: &str, cases: &str) -> Suite {
    suite(&format!("component = \"\"\nconfig = {config}\n{PATIENT}[regions.eu]\n[regions.us]\n{cases}"))
}

/// What did not hold, case by case.
fn wrong(compiled: &Compiled, suite: &Suite) -> Vec<String> {
    run(compiled, suite).into_iter().filter_map(|tried| Some(format!("{}: {}", tried.name, tried.wrong?))).collect()
}

#[test]
fn policies_that_ship_hold_their_cases_and_no_random_world_breaks_them() {
    let mut folders: Vec<_> = std::fs::read_dir(root().join("plugins")).unwrap().map(|it| it.unwrap().path()).collect();
    folders.retain(|folder| folder.join("Cargo.toml").is_file());
    folders.sort();
    assert!(folders.len() >= 3, "{folders:?}");
    for folder in folders {
        let name = folder.file_name().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(folder.join("cases.toml"));
        let text = text.unwrap_or_else(|error| panic!("{name} has no cases: {error}"));
        let suite = Suite::parse(&format!("{PATIENT}{text}"), &folder).unwrap();
        assert!(suite.cases.len() >= 5, "{name} has {} cases", suite.cases.len());
        assert!(suite.component.ends_with(format!("target/plugins/{name}.wasm")), "{:?}", suite.component);
        holds(name, &suite);
        in_other_languages(&folder).for_each(|name| holds(&name, &suite));
    }
}

/// One component of a policy that ships holds its cases, and no random world breaks it.
fn holds(name: &str, suite: &Suite) {
    let Some(compiled) = built(&format!("plugins/{name}.wasm")) else { return };
    assert_eq!(wrong(&compiled, suite), Vec::<String>::new(), "{name}");
    let findings = explore(&compiled, suite, Random { worlds: 400, seed: 1 }).unwrap();
    assert!(findings.faults.is_empty(), "{name}: {:#?}", findings.faults);
    assert_eq!((findings.worlds, findings.verdicts.iter().sum::<u32>()), (400, 400), "{name}");
}

/// Names of the same policy in other languages, which are folders in its own.
fn in_other_languages(folder: &Path) -> impl Iterator<Item = String> {
    let folders = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let projects = folders.filter(|folder| policy_build::Project::is_in(folder));
    projects.map(|folder| policy_build::Project::read(&folder).unwrap().name)
}

#[test]
fn tenants_are_where_they_are_in_every_language() {
    let names: Vec<_> = in_other_languages(&root().join("plugins/tenant-hash")).collect();
    assert!(names.len() >= 4, "{names:?}");
    let Some(reference) = built("plugins/tenant-hash.wasm") else { return };
    let placed = |compiled: &Compiled, suite: &Suite| {
        let said = run(compiled, suite).into_iter().map(|tried| tried.wrong.unwrap_or_default());
        said.collect::<Vec<_>>()
    };
    // What does not hold says what was got instead: the same words are the same places.
    let tenants = (0..200).map(|number| {
        format!("[[case]]\nname = \"{number}\"\nheaders = {{ x-tenant = \"tenant-{number}\" }}\nexpect = \"pass\"\n")
    });
    let text = format!(
        "component = \"\"\nconfig = {{ by = \"header:x-tenant\" }}\n{PATIENT}[regions.eu]\nweight = 50\n[regions.us]\n\
         [regions.ap]\n[regions.sa-paulo]\nweight = 250\n{}",
        tenants.collect::<String>()
    );
    let suite = suite(&text);
    let expected = placed(&reference, &suite);
    assert!(expected.iter().all(|said| said.contains("route ")), "{expected:?}");
    for name in names {
        let Some(compiled) = built(&format!("plugins/{name}.wasm")) else { continue };
        assert_eq!(placed(&compiled, &suite), expected, "{name}");
    }
}

#[test]
fn every_language_has_the_forms_of_answers_kv_and_telemetry() {
    let folder = root().join("tests/guests/ledger");
    let names: Vec<_> = in_other_languages(&folder).collect();
    assert!(names.len() >= 4, "{names:?}");
    let suite = Suite::parse(&std::fs::read_to_string(folder.join("cases.toml")).unwrap(), &folder).unwrap();
    let failing = "component = \"\"\nkv = { book = {} }\nlimits = { time = \"1s\", memory = \"64MiB\" }\n[regions.eu]\n\
                   [[case]]\nname = \"torn\"\nrequest = \"GET /fail\"\nexpect = \"pass\"\n";
    for name in names {
        let Some(compiled) = built(&format!("guests/{name}.wasm")) else { continue };
        assert_eq!(wrong(&compiled, &suite), Vec::<String>::new(), "{name}");
        let found = wrong(&compiled, &self::suite(failing));
        assert!(found.len() == 1 && found[0].contains("the ledger is torn"), "{name}: {found:?}");
    }
}

#[test]
fn every_language_looks_up_what_its_manifest_declares() {
    let folder = root().join("tests/guests/scout");
    let names: Vec<_> = in_other_languages(&folder).collect();
    assert!(names.len() >= 4, "{names:?}");
    let suite = Suite::parse(&std::fs::read_to_string(folder.join("cases.toml")).unwrap(), &folder).unwrap();
    for name in names {
        let Some(compiled) = built(&format!("guests/{name}.wasm")) else { continue };
        assert_eq!(wrong(&compiled, &suite), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn a_case_that_does_not_hold_shows_where_it_parts() {
    let Some(compiled) = built("guests/sinner.wasm") else { return };
    let cases = r#"
        [[case]]
        name = "order"
        expect = "route us strict"
        served = "us"
        [[case]]
        name = "config"
        refuses = "the moon"
        [[case]]
        name = "another config"
        config = { sin = "bad-config" }
        refuses = "the sun"
        [[case]]
        name = "held"
        config = { sin = "bad-config" }
        refuses = "the moon is not a region"
    "#;
    let found = wrong(&compiled, &sinner("{ sin = \"outside\" }", cases));
    assert_eq!(
        found,
        [
            "order:   expect   route us strict\n  got      route eu,us strict\n                 ^\n  served   us\n  got      eu",
            "config:   refuses  the moon\n  got      it accepts the configuration",
            "another config:   refuses  the sun\n  got      refuses its configuration: the moon is not a region; try \
             `eu-west`",
        ]
        .map(str::to_owned)
    );
}

#[test]
fn keys_and_answers_have_their_cases() {
    let Some(keyed) = built("guests/keyed.wasm") else { return };
    let case = |text: &str| format!("[[case]]\nname = \"n\"\n{text}\n");
    let user = |user: &str, rest: &str| case(&format!("headers = {{ x-user = {user} }}\n{rest}"));
    let keys = [
        user("'ann'", "key = \"ann\"\nexpect = \"not asked\"\nserved = \"eu\""),
        user("'\\xff'", "key = '\\xff'"),
        case("key = \"\""),
        user("'ann'", "key = \"anna\""),
        user("'mallory'", "expect = \"pass\""),
    ];
    let config = "{ field = \"header:x-user\", trap = \"mallory\" }";
    let found = wrong(&keyed, &sinner(config, &keys.concat()));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("key      anna") && found[1].contains("failed: trap"), "{found:?}");

    let Some(listener) = built("guests/listener.wasm") else { return };
    let config = "{ next = 404, note = 200, bind = 201, trap = 418 }";
    let answers = [
        case("answer = { status = 404 }\nheard = \"next\"\nserved = \"eu\""),
        case("answer = { status = 500 }\nheard = \"pass\""),
        case("answer = { status = 201 }\nheard = \"amend bind[heard=1]\""),
        case(
            "request = \"GET /a\"\nanswer = { status = 200, region = \"us\", attempt = 2, headers = { x-origin = \"o\" } }\n\
             heard = \"amend x-heard:200 2 us true /a o -x-origin\"",
        ),
        case("answer = { status = 418 }\nheard = \"pass\""),
        case("answer = { status = 200, region = \"mars\" }\nheard = \"pass\""),
    ];
    let found = wrong(&listener, &sinner(config, &answers.concat()));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("failed: trap") && found[1].contains("\"mars\", which is no region"), "{found:?}");
}

/// A suite of the watchman with these deeds and cases.
fn watchman(config: &str, cases: &str) -> Suite {
    let grants = "kv = { seen = {} }\nhttp = { allow = [\"http://a.example/\"], size = \"1KiB\" }";
    let regions = "[regions.eu]\n[regions.us]\n";
    suite(&format!("component = \"\"\nconfig = {config}\n{grants}\n{PATIENT}{regions}{cases}"))
}

const WATCHED: &str = r#"
[[case]]
name = "begins"
regions = { us = "down" }
keeps = { seen = { seen = "calls=1;eu=unknown>healthy;url-0=200 2 hi;url-1=too-large;url-2=not-granted;us=unknown>down" } }
[case.watch]
pause = "250ms"
asks = ["GET http://a.example/x", "GET http://a.example/large"]
[case.watch.servers]
"HTTP://A.example:80/x" = { body = "hi" }
"http://a.example/large" = { body = "LARGE" }

[[case]]
name = "changes, and is asked"
regions = { us = "down" }
expect = "route x-seen:calls=2;eu=unknown>healthy;url-0=404 0 ;url-1=timeout;url-2=not-granted;us=healthy>down"
served = "eu"
[case.watch]
before = { us = "healthy" }
[case.watch.servers]
"http://a.example/x" = { status = 404 }
"http://a.example/large" = "timeout"

[[case]]
name = "for good"
watch = {}
[case.keeps.seen]
seen = { value = "calls=1;eu=unknown>healthy;url-0=no-connection;url-1=no-connection;url-2=not-granted;us=unknown>healthy", ttl = "0s" }

[[case]]
name = "kept before"
kv = { seen = { seen = { value = "old", ttl = "1s" }, other = 7 } }
expect = "route x-seen:old"
keeps = { seen = { seen = { value = "old", ttl = "1s" }, other = 7 } }

[[case]]
name = "wrong"
watch = { pause = "1s", asks = [] }
keeps = { seen = {}, none = {} }

[[case]]
name = "word"
watch = { servers = { "http://a.example/x" = "asleep" } }

[[case]]
name = "fails"
config = { deed = "watch-traps" }
watch = {}

[[case]]
name = "spins"
config = { deed = "watch-spins" }
watch = {}
"#;

#[test]
fn a_background_instance_has_its_cases() {
    let Some(component) = built("guests/watchman.wasm") else { return };
    let config = r#"{ deed = "follow", urls = ["http://a.example/x", "http://a.example/large", "http://b.example/"] }"#;
    let found = wrong(&component, &watchman(config, &WATCHED.replace("LARGE", &"l".repeat(2_000))));
    assert_eq!(found.len(), 4, "{found:#?}");
    for words in ["pause    1s", "asks     ", "the policy has no bucket \"none\""] {
        assert!(found[0].starts_with("wrong: ") && found[0].contains(words), "{words:?} is missing in {}", found[0]);
    }
    assert!(found[1].contains("\"asleep\" is no failure of a request"), "{}", found[1]);
    assert!(found[2].contains("watch failed: trap"), "{}", found[2]);
    assert!(found[3].contains("watch failed: timeout"), "{}", found[3]);
    let Some(good) = built("guests/good.wasm") else { return };
    let found = wrong(&good, &suite("component = \"\"\n[regions.eu]\n[[case]]\nname = \"x\"\nwatch = {}\n"));
    assert!(found.concat().contains("does not export the hook `health`"), "{found:?}");
}

#[test]
fn random_worlds_call_the_background_instance_too() {
    let Some(component) = built("guests/watchman.wasm") else { return };
    let follow = r#"{ deed = "follow", urls = ["http://a.example/x", "http://a.example/y"] }"#;
    let random = Random { worlds: 60, seed: 5 };
    let sound = explore(&component, &watchman(follow, ""), random).unwrap();
    assert!(sound.faults.is_empty(), "{:#?}", sound.faults);
    assert_eq!((sound.worlds, sound.watched), (60, 180));
    assert!(!sound.slowest_watch.is_zero());
    for (deed, expected) in [("watch-traps", "trapped"), ("watch-hogs", "wanted more memory")] {
        let config = format!("{{ deed = \"{deed}\" }}");
        let findings = explore(&component, &watchman(&config, ""), random).unwrap();
        let fault = findings.faults.first().unwrap_or_else(|| panic!("{deed}: {findings:?}"));
        assert!(fault.what.contains("the hook health of the policy") && fault.what.contains(expected), "{fault:?}");
    }
    let trap = r#"{ deed = "fetch-trap", urls = ["http://a.example/x"] }"#;
    let findings = explore(&component, &watchman(trap, ""), random).unwrap();
    // One of the file's own regions, so that what is shown can be put into it.
    let own = findings.faults.iter().map(|fault| &fault.case).find(|case| case.starts_with("[[case]]"));
    let Some(case) = own else { panic!("{findings:?}") };
    assert!(case.contains("http://a.example/x"), "{case}");
    assert!(wrong(&component, &watchman(trap, case)).concat().contains("watch failed: trap"), "{case}");
}

#[test]
fn random_worlds_find_what_a_policy_must_not_do() {
    let Some(compiled) = built("guests/sinner.wasm") else { return };
    for (sin, expected) in [
        ("{ sin = \"trap-nth\", n = 7 }", "trapped"),
        ("{ sin = \"hog\" }", "wanted more memory than its limit"),
        ("{ sin = \"bad-reply\" }", "gave a verdict without meaning"),
    ] {
        let findings = explore(&compiled, &sinner(sin, ""), Random { worlds: 50, seed: 3 }).unwrap();
        let fault = findings.faults.first().unwrap_or_else(|| panic!("{sin}: {findings:?}"));
        assert!(fault.what.contains(expected), "{sin}: {fault:?}");
        let (regions, case) = fault.case.split_at(fault.case.find("[[case]]").unwrap());
        let regions =
            if regions.is_empty() { "[regions.eu]\n[regions.us]\n".to_owned() } else { regions.replace("# ", "") };
        let regions = regions.strip_prefix("It takes these regions:\n").unwrap_or(&regions);
        let again = suite(&format!("component = \"\"\nconfig = {sin}\n{PATIENT}{regions}{case}"));
        assert_eq!(again.cases.len(), 1, "what is shown can be put into a file: {}", fault.case);
        let same = explore(&compiled, &sinner(sin, ""), Random { worlds: 50, seed: 3 }).unwrap();
        assert_eq!(same.faults.first().map(|fault| &fault.case), Some(&fault.case), "the same seed, the same worlds");
    }
    let sound = explore(&compiled, &sinner("{ sin = \"outside\" }", ""), Random { worlds: 50, seed: 3 }).unwrap();
    assert!(sound.faults.is_empty(), "{:#?}", sound.faults);
}

#[test]
fn a_file_that_means_nothing_says_where() {
    for (text, expected) in [
        ("", "missing field `component`"),
        ("component = \"a\"\nregion = 1", "line 2"),
        ("component = \"a\"\n[regions]", "no regions"),
        ("component = \"a\"\n[regions.eu]\n[[case]]\nname = \"x\"", "case \"x\" expects nothing"),
        ("component = \"a\"\n[regions.eu]\n[[case]]\nexpect = \"pass\"\nregions = { us = \"down\" }", "\"us\""),
        (
            "component = \"a\"\n[regions.eu]\n[[case]]\nexpect = \"pass\"\nregions = { eu = \"dead\" }",
            "unknown, healthy, degraded, draining, down or off",
        ),
        ("component = \"a\"\n[regions.eu]\n[[case]]\nexpect = \"pass\"\npin = { region = \"eu\", age = \"5\" }", "pin"),
    ] {
        let wrong = Suite::parse(text, Path::new("")).unwrap_err();
        assert!(wrong.contains(expected), "{text}\n{wrong}");
    }
}

#[test]
fn a_policy_is_measured_by_its_cases() {
    let Some(compiled) = built("guests/good.wasm") else { return };
    let suite = suite(&format!("component = \"\"\n{PATIENT}[regions.eu]\n[regions.us]"));
    let samples = sample(&compiled, &suite, Sample { calls: 100 }).unwrap();
    assert_eq!((samples.calls, samples.failures), (100, 0));
    assert!(samples.p50 <= samples.p99 && samples.p99 <= samples.max && !samples.max.is_zero(), "{samples:?}");
    assert!(samples.memory_first > 0 && samples.memory_last >= samples.memory_first, "{samples:?}");
}
