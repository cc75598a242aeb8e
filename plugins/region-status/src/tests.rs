//! What the policy says, by tables.

use portolan_policy::Health;
use portolan_policy::http::Error;
use portolan_policy::testing::{Loaded, World, asked, fail, measured, serve};

use super::*;

const NOW: f64 = 1_800_000_000_000.0;

fn world() -> World {
    let url = |region: &str| format!("http://{region}.example/status");
    let (fra, iad) = (url("fra"), url("iad"));
    World::new().region("fra", &[("status", &fra)]).region("iad", &[("status", &iad)]).region("nrt", &[])
}

fn load() -> Loaded<RegionStatus> {
    world().load("{}").unwrap()
}

/// What a request gets when the two say these words.
fn after(words: [Option<&str>; 2]) -> String {
    let policy = load();
    for (region, said) in ["fra", "iad"].into_iter().zip(words) {
        let url = format!("http://{region}.example/status");
        match said {
            Some(said) => serve(&url, 200, said),
            None => fail(&url, Error::Timeout),
        }
    }
    portolan_policy::testing::forget_kept();
    assert_eq!(policy.watch(NOW, &[("fra", Health::Unknown, Health::Healthy)]), Some(Duration::from_secs(1)));
    policy.ask(world().request())
}

#[test]
fn regions_are_believed() {
    for (words, expected) in [
        ([Some("open"), Some("open")], "pass"),
        ([Some("busy\nsince 8:00"), Some("open")], "route iad,nrt"),
        ([Some("busy"), Some("busy")], "route nrt"),
        ([Some("closed"), Some("open")], "route fence=iad,nrt"),
        ([Some(" CLOSED for a migration"), Some("busy")], "route nrt fence=iad,nrt"),
        ([Some("closed"), Some("closed")], "route fence=nrt"),
        ([Some("what?"), Some("")], "pass"),
        ([None, Some("closed")], "route fence=fra,nrt"),
        ([None, None], "pass"),
    ] {
        assert_eq!(after(words), expected, "{words:?}");
    }
}

#[test]
fn when_all_are_closed_none_is_believed() {
    let world = World::new().region("fra", &[("status", "http://fra.example/status")]);
    let policy = world.load::<RegionStatus>("{}").unwrap();
    serve("http://fra.example/status", 200, "closed");
    policy.watch(NOW, &[]);
    assert_eq!(policy.ask(world.request()), "pass");
}

#[test]
fn what_is_not_heard_again_is_forgotten() {
    assert_eq!(after([Some("closed"), Some("open")]), "route fence=iad,nrt");
    let policy = load();
    fail("http://fra.example/status", Error::NoConnection);
    policy.watch(NOW + 1_000.0, &[]);
    assert_eq!(policy.ask(world().request().at(NOW + 4_999.0)), "route fence=iad,nrt");
    assert_eq!(policy.ask(world().request().at(NOW + 5_000.0)), "pass");
}

#[test]
fn an_answer_that_is_no_success_says_nothing_and_is_counted() {
    serve("http://iad.example/status", 503, "closed");
    let policy = load();
    let _ = (asked(), measured());
    policy.watch(NOW, &[]);
    assert_eq!(asked(), ["http://fra.example/status", "http://iad.example/status"]);
    assert_eq!(measured(), [(0, 0, 0.0), (0, 1, 0.0), (0, 2, 0.0), (0, 3, 2.0)]);
    assert_eq!(policy.ask(world().request()), "pass");
}

#[test]
fn errors_name_the_key() {
    for (config, words) in [
        (r#"{ "label": "moon" }"#, "config.label: no region has the label `moon`"),
        (r#"{ "every": "100ms" }"#, "config.every: regions can be asked every 250ms at most"),
        (r#"{ "every": "9s" }"#, "config.stale: it is shorter than config.every, so nothing would be known in between"),
    ] {
        assert_eq!(world().load::<RegionStatus>(config).err().as_deref(), Some(words), "{config}");
    }
}
