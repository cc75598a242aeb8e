//! What the policy says, by tables.

use portolan_policy::testing::{Loaded, Request, World};

use super::*;

const STICKY: &str = "{}";
const STICKY_BACK: &str = r#"{ "mode": "sticky", "failback": "30s" }"#;
const TEMPORARY: &str = r#"{ "mode": "temporary" }"#;
const STRICT: &str = r#"{ "mode": "strict" }"#;
const AWAY: &str = "home=eu\nmoved=1";

fn world() -> World {
    World::new().region("eu", &[]).region("us", &[]).region("ap", &[])
}

fn load(config: &str) -> Loaded<SessionPin> {
    world().load(config).unwrap()
}

fn request() -> Request {
    world().request()
}

#[test]
fn a_session_stays_where_it_can() {
    for config in [STICKY, STICKY_BACK, TEMPORARY, STRICT] {
        let policy = load(config);
        assert_eq!(policy.ask(request()), "route bind[]", "{config}: a new session goes where the host sends it");
        for health in [Health::Healthy, Health::Degraded, Health::Draining, Health::Unknown] {
            assert_eq!(policy.ask(request().pinned("eu", "").health("eu", health, 0)), "pass", "{config} {health:?}");
        }
        let gone = request().pinned("mars", "home=eu\ncanary=1");
        assert_eq!(policy.ask(gone), "route bind[canary=1]", "{config}: a region that left the configuration");
    }
}

#[test]
fn a_session_moves_when_its_region_cannot_serve() {
    let down = || request().pinned("eu", "canary=1").health("eu", Health::Down, 9);
    let moved = "route bind[canary=1;home=eu;moved=1800000000000]";
    let wait = "503 The region of this session, eu, cannot serve it now, and the session may not leave it. Try again shortly.\n";
    for (config, expected) in [(STICKY, moved), (STICKY_BACK, moved), (TEMPORARY, moved), (STRICT, wait)] {
        assert_eq!(load(config).ask(down()), expected, "{config}: down");
        let fenced = request().pinned("eu", "canary=1").without("eu");
        assert_eq!(load(config).ask(fenced), expected, "{config}: switched off, or outside a fence");
    }
    let nowhere = down().health("us", Health::Draining, 9).health("ap", Health::Down, 9);
    assert_eq!(load(STICKY).ask(nowhere), "pass", "the host says 503");
    let again = request().pinned("us", AWAY).health("us", Health::Down, 9);
    assert_eq!(load(STICKY).ask(again), "route bind[home=eu;moved=1]", "home is where it was first");
}

#[test]
fn a_session_goes_home_when_home_has_been_well_for_long_enough() {
    let away = |health, age_s| request().pinned("us", AWAY).health("eu", health, age_s);
    let home = "route eu bind[]";
    for (config, health, age_s, expected) in [
        (STICKY, Health::Healthy, 9999, "pass"),
        (STICKY_BACK, Health::Healthy, 29, "pass"),
        (STICKY_BACK, Health::Healthy, 30, home),
        (TEMPORARY, Health::Healthy, 59, "pass"),
        (TEMPORARY, Health::Healthy, 60, home),
        (TEMPORARY, Health::Degraded, 9999, "pass"),
        (TEMPORARY, Health::Unknown, 9999, "pass"),
        (TEMPORARY, Health::Draining, 9999, "pass"),
        (TEMPORARY, Health::Down, 9999, "pass"),
        (STRICT, Health::Healthy, 9999, "pass"),
    ] {
        assert_eq!(load(config).ask(away(health, age_s)), expected, "{config} {health:?} {age_s}");
    }
    assert_eq!(load(TEMPORARY).ask(away(Health::Healthy, 60).without("eu")), "pass", "home is outside a fence");
    let kept = request().pinned("us", "canary=1\nhome=eu\nmoved=1");
    assert_eq!(load(TEMPORARY).ask(kept), "route eu bind[canary=1]", "other policies' keys are kept");
}

#[test]
fn a_strict_answer_says_when_to_ask_again() {
    let verdict = load(STRICT).verdict(request().pinned("eu", "").health("eu", Health::Down, 9));
    let Verdict::Respond(reply) = verdict else { panic!("{verdict:?}") };
    assert!(reply.headers.contains(&("retry-after".to_owned(), b"5".to_vec())));
}

#[test]
fn errors_name_the_key() {
    for (config, words) in [
        (
            r#"{ "mode": "loose" }"#,
            "config.mode: unknown variant `loose`, expected one of `sticky`, `temporary`, `strict`",
        ),
        (
            r#"{ "failback": "soon" }"#,
            "config.failback: invalid value: string \"soon\", expected a duration such as \"60s\", or \"never\"",
        ),
        (
            r#"{ "mode": "temporary", "failback": "never" }"#,
            "config.failback: a `temporary` session comes home; for \"never\" the mode is `sticky`",
        ),
        (r#"{ "mode": "strict", "failback": "5s" }"#, "config.failback: a `strict` session never leaves its region"),
        (r#"{ "failbak": "5s" }"#, "config.failbak: unknown field `failbak`, expected `mode` or `failback`"),
    ] {
        assert_eq!(world().load::<SessionPin>(config).err().as_deref(), Some(words));
    }
}
