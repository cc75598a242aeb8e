//! Records made by the router's own recorder, replayed.

use super::*;
use crate::config::Record;
use crate::metrics::Metrics;
use crate::policy::{Ask, PolicyFailure, WarmPool};
use crate::recording::reader::Lines;
use crate::recording::writer;
use crate::snapshot::PolicyUse;
use crate::steer::verdict::{SessionKey, Verdict};
use crate::trial::replay::{Replay, replay};

struct Warm(WarmPool);

impl crate::decide::AskPolicy for Warm {
    fn ask(&mut self, policy: &PolicyUse, ask: &Ask<'_>) -> Result<Verdict, PolicyFailure> {
        self.0.route(&policy.loaded, &policy.directory, ask)
    }

    fn key(&mut self, policy: &PolicyUse, ask: &Ask<'_>) -> Result<Option<SessionKey>, PolicyFailure> {
        self.0.key(&policy.loaded, &policy.directory, ask)
    }

    fn noted(&mut self) -> crate::policy::Noted {
        self.0.noted()
    }
}

const WORLD: &str = r#"
component = ""
config = { label = "track", value = "canary", share = 0.3, header = "x-canary" }
[regions.fra]
[regions.iad]
labels = { track = "canary" }
[regions.nrt]
[[case]]
expect = "pass"
name = "new"
[[case]]
expect = "pass"
name = "asks for it"
headers = { x-canary = "always" }
[[case]]
expect = "pass"
name = "binary"
headers = { x-canary = '\xff' }
[[case]]
expect = "pass"
name = "pinned"
pin = { region = "fra", payload = "canary=0", age = "1m" }
[[case]]
expect = "pass"
name = "pinned, and home is down"
pin = { region = "fra", payload = "canary=0", age = "1m" }
regions = { fra = "down", iad = { health = "healthy", in_flight = 3, latency = "9ms" } }
"#;

/// Plays every case of a suite so many times with a recorder beside.
fn recorded(compiled: &Compiled, suite: &Suite, times: u64, redact: &[&str], folder: &Path) -> PathBuf {
    let file = folder.join("decisions");
    let redact = redact.iter().map(|field| (*field).to_owned()).collect();
    let record = Record { file: file.clone(), share: 1.0, size: 64 << 20, redact };
    let (recorder, thread) = writer::start(&record, &Metrics::new()).unwrap();
    let stage = Stage::new(compiled, suite, &suite.config, &suite.regions).unwrap();
    let mut warm = Warm(WarmPool::new());
    for case in &suite.cases {
        let scene = Scene::new(&stage, case, None).unwrap();
        (0..times).for_each(|seed| scene.record(&recorder, &mut warm, seed));
    }
    drop(recorder);
    thread.join().unwrap();
    file
}

fn replayed(compiled: &Compiled, file: &Path, whole_lines: bool) -> Result<Report, String> {
    let replay_ = Replay { compiled, replaces: None, config: None, whole_lines };
    replay(Lines::open(file).unwrap(), &replay_).map_err(|error| error.to_string())
}

#[test]
fn the_recorded_policy_moves_nothing_and_every_replay_is_the_same() {
    let (Some(canary), folder) = (built("plugins/canary.wasm"), tempfile::tempdir().unwrap()) else { return };
    let suite = suite(&format!("{PATIENT}{WORLD}"));
    let file = recorded(&canary, &suite, 60, &[], folder.path());
    let report = replayed(&canary, &file, false).unwrap();
    assert_eq!((report.moved(), report.services["shop"].decisions), (0, 300), "{:#}", report.document());
    assert_eq!(report.services["shop"].failures.len(), 0);
    assert_eq!(report.services["shop"].sessions.len(), 1, "the one that was met at home");
    let again = replayed(&canary, &file, false).unwrap();
    assert_eq!(report.document().to_string(), again.document().to_string());

    let Some(residency) = built("plugins/residency.wasm") else { return };
    let config = Some(r#"{"allow":["xx"]}"#.to_owned());
    let other = Replay { compiled: &residency, replaces: Some("policy"), config, whole_lines: false };
    let told = replay(Lines::open(&file).unwrap(), &other).map(|report| report.moved());
    assert!(told.as_ref().is_ok_and(|moved| *moved > 0) || told.is_err(), "another policy is another decision");
    let nobody = Replay { compiled: &residency, replaces: Some("nobody"), config: None, whole_lines: false };
    let report = replay(Lines::open(&file).unwrap(), &nobody).unwrap();
    assert_eq!(report.services["shop"].replaced, None);
}

#[test]
fn what_is_redacted_is_not_there_and_told() {
    let (Some(canary), folder) = (built("plugins/canary.wasm"), tempfile::tempdir().unwrap()) else { return };
    let suite = suite(&format!("{PATIENT}{WORLD}"));
    let file = recorded(&canary, &suite, 2, &["header:x-canary", "pin.payload"], folder.path());
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains("always") && !text.contains("canary=0"), "{text}");
    let report = replayed(&canary, &file, false).unwrap();
    assert_eq!(report.redacted["header:x-canary"], 4);
    assert_eq!(report.redacted["pin.payload"], 4);
}

#[test]
fn a_record_that_is_cut_short_is_refused_or_used_as_far_as_it_goes() {
    let (Some(canary), folder) = (built("plugins/canary.wasm"), tempfile::tempdir().unwrap()) else { return };
    let suite = suite(&format!("{PATIENT}{WORLD}"));
    let file = recorded(&canary, &suite, 3, &[], folder.path());
    let mut text = std::fs::read(&file).unwrap();
    text.truncate(text.len() - 10);
    std::fs::write(&file, &text).unwrap();
    let lines = text.split(|byte| *byte == b'\n').count();
    let refused = replayed(&canary, &file, false).unwrap_err();
    assert!(refused.contains(&format!("decisions:{lines}: the line is cut short")), "{refused}");
    let report = replayed(&canary, &file, true).unwrap();
    assert_eq!((report.services["shop"].decisions, report.moved()), (14, 0));
    assert!(report.damage.is_some_and(|damage| damage.contains("cut short")));
}

const KEEPER: &str = r#"
component = ""
config = { fields = ["lazy:header:x-user"], look = [0], count = true }
kv = { seen = { entries = 100 } }
[regions.fra]
[regions.iad]
[[case]]
expect = "pass"
name = "new"
headers = { x-user = "ann" }
[[case]]
expect = "pass"
name = "seen twice"
headers = { x-user = "ann" }
kv = { seen = { ann = 2 } }
"#;

#[test]
fn what_a_policy_kept_and_looked_up_is_replayed_to_the_byte() {
    let (Some(viewer), folder) = (built("guests/viewer.wasm"), tempfile::tempdir().unwrap()) else { return };
    let suite = suite(&format!("{PATIENT}{KEEPER}"));
    let file = recorded(&viewer, &suite, 7, &[], folder.path());
    let report = replayed(&viewer, &file, false).unwrap();
    let found = &report.services["shop"];
    assert_eq!((report.moved(), found.decisions, found.failures.len()), (0, 14, 0), "{:#}", report.document());
    assert_eq!(found.moves.len(), 2, "some went to the second region: {:#}", report.document());
    assert_eq!(report.unknown.len(), 0, "{:#}", report.document());
    assert_eq!(report.document(), replayed(&viewer, &file, false).unwrap().document());
    let with = |config: &str| {
        let config = Some(config.to_owned());
        let other = Replay { compiled: &viewer, replaces: None, config, whole_lines: false };
        replay(Lines::open(&file).unwrap(), &other).unwrap()
    };
    // Fields that no policy declared then, and keys made of them.
    let report =
        with(r#"{ "fields": ["lazy:header:x-tenant", "path", "lazy:cookie:id"], "look": [0], "count": true }"#);
    let unknown: Vec<_> = report.unknown.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(unknown, [("header:x-tenant", 14), ("kv:seen", 14), ("path", 14)], "the cookie is not looked up");
}

#[test]
fn what_is_kept_of_something_redacted_is_redacted() {
    let (Some(viewer), folder) = (built("guests/viewer.wasm"), tempfile::tempdir().unwrap()) else { return };
    let suite = suite(&format!("{PATIENT}{KEEPER}"));
    for redact in ["header:x-user", "kv:seen"] {
        let file = recorded(&viewer, &suite, 2, &[redact], folder.path());
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(!text.contains("\"key\":\"ann\""), "{redact}: {text}");
        let report = replayed(&viewer, &file, false).unwrap();
        assert_eq!(report.redacted["kv:seen"], 4, "{redact}: {:#}", report.document());
        assert_eq!(report.unknown["kv:seen"], 4, "{redact}");
    }
}

#[test]
fn keys_of_sessions_are_replayed_and_others_are_counted() {
    let (Some(keyed), folder) = (built("guests/keyed.wasm"), tempfile::tempdir().unwrap()) else { return };
    let user =
        |user: &str| format!("[[case]]\nname = \"{user}\"\nexpect = \"pass\"\nheaders = {{ x-user = \"{user}\" }}\n");
    let cases: String = (0..8).map(|number| user(&format!("user-{number}"))).collect();
    let world = "component = \"\"\nconfig = { field = \"header:x-user\" }\nservice = { tie_band = { distance = \"20000km\" } }\n\
                 [regions.fra]\n[regions.iad]\n[regions.nrt]\n";
    let suite = suite(&format!("{PATIENT}{world}{cases}"));
    let file = recorded(&keyed, &suite, 5, &[], folder.path());
    let report = replayed(&keyed, &file, false).unwrap();
    let found = &report.services["shop"];
    assert_eq!((report.moved(), found.other_keys, found.decisions), (0, 0, 40), "{:#}", report.document());
    assert!(found.moves.len() > 1, "keys lead to several regions: {:#}", report.document());
    let config = Some(r#"{ "field": "path" }"#.to_owned());
    let by_path = Replay { compiled: &keyed, replaces: None, config, whole_lines: false };
    let report = replay(Lines::open(&file).unwrap(), &by_path).unwrap();
    assert_eq!(report.services["shop"].other_keys, 40, "{:#}", report.document());
    assert!(report.moved() > 0, "{:#}", report.document());
}
