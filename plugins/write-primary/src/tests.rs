//! What the policy says, by tables.

use portolan_policy::Health;
use portolan_policy::testing::{Loaded, Request, World};

use super::*;

const NOW: f64 = 1_800_000_000_000.0;

fn world() -> World {
    World::new().region("fra", &[("role", "replica")]).region("iad", &[("role", "primary")]).region("nrt", &[])
}

fn load(config: &str) -> Loaded<WritePrimary> {
    world().load(config).unwrap()
}

fn request(method: &str) -> Request {
    world().request().field("method", method).field("path", "/cart")
}

fn ago(seconds: f64) -> String {
    format!("home=fra\nwrote={:.0}", NOW - seconds * 1000.0)
}

#[test]
fn writes_go_to_the_primary() {
    let policy = load("{}");
    for (method, expected) in [
        ("GET", "pass"),
        ("HEAD", "pass"),
        ("POST", "route iad strict bind[wrote=1800000000000]"),
        ("DELETE", "route iad strict bind[wrote=1800000000000]"),
        ("BREW", "route iad strict bind[wrote=1800000000000]"),
    ] {
        assert_eq!(policy.ask(request(method)), expected, "{method}");
    }
    let pinned = request("PUT").pinned("fra", "home=fra");
    assert_eq!(policy.ask(pinned), "route iad strict bind[home=fra;wrote=1800000000000]");
    let search = load(r#"{ "reads": ["/search", "/cart"] }"#);
    assert_eq!(search.ask(request("POST")), "pass", "a path that only reads");
}

#[test]
fn a_write_without_a_primary() {
    let down = || request("POST").health("iad", Health::Down, 5);
    assert_eq!(load("{}").ask(down()), "route fence=iad", "refused by the host: nothing of the fence serves");
    assert_eq!(load("{}").ask(request("POST").without("iad")), "route fence=", "switched off");
    assert_eq!(load(r#"{ "when_down": "nearest" }"#).ask(down()), "pass");
    let draining = request("POST").health("iad", Health::Draining, 5);
    assert_eq!(load("{}").ask(draining), "route iad strict bind[wrote=1800000000000]");
}

#[test]
fn reads_follow_a_write_for_a_while() {
    let policy = load(r#"{ "window": "10s" }"#);
    for (region, seconds, expected) in [
        ("iad", 9.0, "route iad"),
        ("fra", 9.0, "route iad hold"),
        ("iad", 11.0, "route fra bind[home=fra]"),
        // Clocks of PoPs differ.
        ("iad", -2.0, "route iad"),
        ("iad", -1e9, "route fra bind[home=fra]"),
    ] {
        assert_eq!(policy.ask(request("GET").pinned(region, ago(seconds))), expected, "{region} {seconds}");
    }
    let odd = request("GET").pinned("iad", "wrote=yesterday");
    assert_eq!(policy.ask(odd), "route fra bind[]", "what is no time is long ago");
    let away = request("GET").pinned("iad", ago(11.0)).health("fra", Health::Down, 5);
    assert_eq!(policy.ask(away), "route iad bind[home=fra]", "the nearest that takes it");
    assert_eq!(policy.ask(request("GET").pinned("fra", "home=fra")), "pass");
}

#[test]
fn errors_name_the_key() {
    for (config, words) in [
        (r#"{ "value": "main" }"#, "config.value: no region has the label `role` = `main`"),
        (r#"{ "reads": ["search"] }"#, "config.reads: the path \"search\" does not begin with /"),
        (
            r#"{ "window": "soon" }"#,
            "config.window: invalid value: string \"soon\", expected a duration such as \"60s\"",
        ),
    ] {
        assert_eq!(world().load::<WritePrimary>(config).err().as_deref(), Some(words), "{config}");
    }
}
