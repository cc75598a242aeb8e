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

const REPORTS: &str = r#"{ "reports": { "path": "/_replicated", "secret": "0123456789abcdef" } }"#;

fn report(region: &str, until: &str, secret: &str) -> Request {
    let request = world().request().field("method", "POST").field("path", "/_replicated");
    request
        .field("query:region", region)
        .field("query:until", until)
        .field("header:authorization", format!("Bearer {secret}"))
}

#[test]
fn a_session_reads_from_a_replica_that_has_what_it_wrote() {
    let policy = load(REPORTS);
    let wrote = NOW - 2_000.0;
    let read = || request("GET").pinned("iad", ago(2.0));
    assert_eq!(policy.ask(read()), "route iad", "nothing was reported yet");
    let ask = |region: &str, until: f64| policy.ask(report(region, &format!("{until:.0}"), "0123456789abcdef"));
    assert_eq!(ask("fra", wrote - 1.0), "204 ");
    assert_eq!(policy.ask(read()), "route iad", "a moment too old");
    assert_eq!(ask("nrt", wrote), "204 ");
    assert_eq!(policy.ask(read()), "route iad", "another replica is not the nearest");
    assert_eq!(ask("fra", wrote), "204 ");
    assert_eq!(policy.ask(read()), "route fra,iad hold");
    assert_eq!(policy.ask(read().health("fra", Health::Down, 5)), "route iad", "the primary is nearer than nrt");
    assert_eq!(policy.ask(request("GET").pinned("iad", ago(1.0))), "route iad", "a later write");
    assert_eq!(policy.ask(request("POST")), "route iad strict bind[wrote=1800000000000]");
}

#[test]
fn a_report_is_believed_only_with_the_secret_and_up_to_now() {
    let policy = load(REPORTS);
    for (region, until, secret, expected) in [
        ("fra", "1", "0123456789abcdeX", "401 a report needs `authorization: Bearer SECRET`\n"),
        ("fra", "1", "", "401 a report needs `authorization: Bearer SECRET`\n"),
        ("moon", "1", "0123456789abcdef", "404 `region` names no region of this service\n"),
        ("fra", "now", "0123456789abcdef", "400 `until` is a time in milliseconds since 1970\n"),
        ("fra", "99999999999999", "0123456789abcdef", "204 "),
    ] {
        assert_eq!(policy.ask(report(region, until, secret)), expected, "{region} {until} {secret}");
    }
    let later = request("GET").pinned("iad", format!("wrote={:.0}", NOW + 1.0)).at(NOW + 2.0);
    assert_eq!(policy.ask(later), "route iad", "what was reported from the future counts up to now");
}

#[test]
fn errors_name_the_key() {
    for (config, words) in [
        (r#"{ "value": "main" }"#, "config.value: no region has the label `role` = `main`"),
        (r#"{ "reads": ["search"] }"#, "config.reads: the path \"search\" does not begin with /"),
        (
            r#"{ "reports": { "path": "/r", "secret": "short" } }"#,
            "config.reports.secret: it has less than 16 characters",
        ),
        (
            r#"{ "window": "soon" }"#,
            "config.window: invalid value: string \"soon\", expected a duration such as \"60s\"",
        ),
    ] {
        assert_eq!(world().load::<WritePrimary>(config).err().as_deref(), Some(words), "{config}");
    }
}
