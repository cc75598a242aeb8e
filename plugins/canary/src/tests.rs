//! What the policy says, by tables.

use portolan_policy::Health;
use portolan_policy::testing::{Loaded, Request, World};

use super::*;

const CONFIG: &str = r#"{ "share": 0.05, "header": "X-Canary", "cookie": "canary" }"#;
const CANARY: &str = "route fence=new-1,new-2";
const STABLE: &str = "route fence=eu,us";

fn world() -> World {
    let canary: &[(&str, &str)] = &[("track", "canary")];
    World::new().region("eu", &[]).region("new-1", canary).region("us", &[("track", "stable")]).region("new-2", canary)
}

/// What the canary's cohort gets: a part of the cache's key of its own.
fn apart(expected: &str) -> String {
    if expected.starts_with(CANARY) { format!("{expected} cache-key=canary") } else { expected.to_owned() }
}

fn load() -> Loaded<Canary> {
    world().load(CONFIG).unwrap()
}

fn request() -> Request {
    world().request()
}

fn canaries_down(request: Request) -> Request {
    request.health("new-1", Health::Down, 5).health("new-2", Health::Draining, 5)
}

#[test]
fn a_new_session_is_given_a_cohort_by_lot() {
    for (entropy, expected) in [
        (0.0, format!("{CANARY} bind[canary=1]")),
        (0.049, format!("{CANARY} bind[canary=1]")),
        (0.05, format!("{STABLE} bind[canary=0]")),
        (0.999, format!("{STABLE} bind[canary=0]")),
    ] {
        assert_eq!(load().ask(request().entropy(entropy)), apart(&expected), "{entropy}");
    }
    assert_eq!(load().ask(canaries_down(request().entropy(0.0))), "pass", "nobody waits for a canary");
}

#[test]
fn a_session_stays_in_its_cohort() {
    for (what, request, expected) in [
        ("remembered", request().entropy(0.9).pinned("new-1", "canary=1"), CANARY.to_owned()),
        ("remembered", request().entropy(0.0).pinned("eu", "canary=0"), STABLE.to_owned()),
        ("by its region", request().entropy(0.9).pinned("new-2", "home=eu"), CANARY.to_owned()),
        ("by its region", request().entropy(0.0).pinned("us", ""), STABLE.to_owned()),
        (
            "region gone",
            request().entropy(0.0).pinned("mars", "canary=1\nhome=eu"),
            format!("{CANARY} bind[canary=1;home=eu]"),
        ),
        ("moved out while the canary was down", request().pinned("eu", "canary=1"), format!("{CANARY} bind[canary=1]")),
        ("no canary to serve", canaries_down(request().pinned("eu", "canary=1")), "pass".to_owned()),
        ("a draining canary keeps its own", canaries_down(request().pinned("new-2", "canary=1")), CANARY.to_owned()),
    ] {
        assert_eq!(load().ask(request), apart(&expected), "{what}");
    }
}

#[test]
fn a_request_may_ask_for_a_side() {
    let always = |request: Request| request.field("header:x-canary", "always");
    for (what, request, expected) in [
        ("header", always(request()), format!("{CANARY} bind[canary=1]")),
        ("cookie", request().field("cookie:canary", "always"), format!("{CANARY} bind[canary=1]")),
        ("never", request().entropy(0.0).field("cookie:canary", "never"), format!("{STABLE} bind[canary=0]")),
        ("header before cookie", always(request().field("cookie:canary", "never")), format!("{CANARY} bind[canary=1]")),
        ("any other word", request().field("header:x-canary", "yes"), format!("{STABLE} bind[canary=0]")),
        ("a look from the other cohort", always(request().pinned("eu", "canary=0")), format!("{CANARY} hold")),
        ("at home", always(request().pinned("new-1", "canary=1")), CANARY.to_owned()),
    ] {
        assert_eq!(load().ask(request), apart(&expected), "{what}");
    }
}

#[test]
fn errors_name_the_key() {
    for (config, words) in [
        ("{}", "config: nobody would reach the canary: set `share`, `header` or `cookie`"),
        (r#"{ "share": 5 }"#, "config.share: 5 is not between 0 and 1"),
        (r#"{ "share": "5%" }"#, "config.share: invalid type: string \"5%\", expected f64"),
        (r#"{ "share": 0.1, "value": "beta" }"#, "config.value: no region has the label `track` = `beta`"),
    ] {
        assert_eq!(world().load::<Canary>(config).err().as_deref(), Some(words), "{config}");
    }
    assert_eq!(load().manifest().fields, ["header:x-canary", "cookie:canary"]);
}
