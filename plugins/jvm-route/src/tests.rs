//! What the policy says, by tables.

use portolan_policy::Health;
use portolan_policy::testing::{Loaded, Request, World};

use super::*;

fn world() -> World {
    World::new()
        .region("fra", &[("jvm_route", "node1, node2")])
        .region("iad", &[("jvm_route", "node3")])
        .region("gru", &[("jvm_route", "node5=http://10.0.0.5:8080, node6 = http://10.0.0.6:8080")])
        .region("nrt", &[])
}

fn load() -> Loaded<JvmRoute> {
    world().load("{}").unwrap()
}

fn session(id: &str) -> Request {
    world().request().field("cookie:JSESSIONID", id)
}

#[test]
fn the_suffix_names_the_region() {
    for (id, expected) in [
        ("1A2B.node1", "route fra"),
        ("1A2B.node2", "route fra"),
        ("1A2B.node3", "route iad"),
        ("1.A.2B.node3", "route iad"),
        ("\"1A2B.node3\"", "route iad"),
        ("1A2B.node3!172", "route iad"),
        ("1A2B.node5", "route gru endpoint=http://10.0.0.5:8080"),
        ("1A2B.node6", "route gru endpoint=http://10.0.0.6:8080"),
        ("1A2B.node4", "pass"),
        ("1A2B.", "pass"),
        ("1A2B", "pass"),
        ("", "pass"),
        (".node3", "route iad"),
        ("1A2B.NODE3", "pass"),
    ] {
        assert_eq!(load().ask(session(id)), expected, "{id}");
    }
    assert_eq!(load().ask(world().request()), "pass");
    assert_eq!(load().ask(world().request().field("cookie:JSESSIONID", b"\xff.node3")), "pass");
}

#[test]
fn a_session_survives_its_region() {
    let down = session("1A2B.node3").health("iad", Health::Down, 5);
    assert_eq!(load().ask(down), "pass", "any region, where the valve writes a new suffix");
    assert_eq!(load().ask(session("1A2B.node3").without("iad")), "pass");
    let draining = session("1A2B.node3").health("iad", Health::Draining, 5);
    assert_eq!(load().ask(draining), "route iad", "a draining region keeps its sessions");
}

#[test]
fn the_router_s_own_pin_gives_way() {
    assert_eq!(load().ask(session("1A2B.node3").pinned("iad", "a=1")), "route iad");
    assert_eq!(load().ask(session("1A2B.node3").pinned("fra", "a=1")), "route iad bind[a=1]");
    let elsewhere = session("1A2B.node6").pinned("fra", "a=1");
    assert_eq!(load().ask(elsewhere), "route gru endpoint=http://10.0.0.6:8080 bind[a=1]");
}

#[test]
fn errors_name_the_key() {
    let twice = world().region("syd", &[("jvm_route", "node3")]);
    let other = world().region_of("blog", "syd", &[("jvm_route", "node3")]);
    let no_url = world().region("syd", &[("jvm_route", "node9=10.0.0.9:8080")]);
    let no_url_words = "config.label: `node9=10.0.0.9:8080`: the URL of an endpoint is accepted, `http://HOST:PORT`";
    for (world, config, words) in [
        (twice, "{}", Some("config.label: shop has the route `node3` twice")),
        (no_url, "{}", Some(no_url_words)),
        (other, "{}", None),
        (world(), r#"{ "label": "worker" }"#, Some("config.label: no region has the label `worker`")),
    ] {
        assert_eq!(world.load::<JvmRoute>(config).err().as_deref(), words, "{config}");
    }
}
