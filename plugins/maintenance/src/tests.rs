//! What the policy says, by tables.

use portolan_policy::testing::World;

use super::*;

fn world() -> World {
    World::new().region("eu", &[]).region("us", &[])
}

#[test]
fn answers_what_it_concerns() {
    let closed = "503 This service is being worked on.\n";
    let shop = r#"{ "paths": ["/shop/"], "except": ["/shop/status"] }"#;
    let pass = r#"{ "pass": { "header": "X-Pass", "value": "open" } }"#;
    for (config, path, header, expected) in [
        ("{}", None, None, closed),
        (shop, Some("/shop/cart"), None, closed),
        (shop, Some("/shop/status/db"), None, "pass"),
        (shop, Some("/blog"), None, "pass"),
        (pass, None, None, closed),
        (pass, None, Some("ope"), closed),
        (pass, None, Some("open"), "pass"),
    ] {
        let mut request = world().request();
        if let Some(path) = path {
            request = request.field("path", path);
        }
        if let Some(value) = header {
            request = request.field("header:x-pass", value);
        }
        assert_eq!(world().load::<Maintenance>(config).unwrap().ask(request), expected, "{config} {path:?}");
    }
}

#[test]
fn a_window_opens_and_closes() {
    let config = r#"{ "from": "2027-01-15T08:00:00Z", "until": "2027-01-15T08:10:00Z", "html": "<p>soon" }"#;
    let policy = world().load::<Maintenance>(config).unwrap();
    let begin = 1_800_000_000_000.0;
    assert_eq!(policy.ask(world().request().at(begin - 1.0)), "pass");
    assert_eq!(policy.ask(world().request().at(begin + 600_000.0)), "pass");
    let Verdict::Respond(reply) = policy.verdict(world().request().at(begin + 300_000.0)) else { panic!("it is open") };
    let header = |name: &str| reply.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_slice());
    assert_eq!((reply.status, header("retry-after"), &reply.body[..]), (503, Some(&b"300"[..]), &b"<p>soon"[..]));
    assert_eq!(header("content-type"), Some(&b"text/html; charset=utf-8"[..]));
}

#[test]
fn errors_name_the_key() {
    for (config, words) in [
        (r#"{ "status": 99 }"#, "config.status: 99 is not between 200 and 599"),
        (r#"{ "text": "a", "html": "b" }"#, "config: set `text` or `html`, not both"),
        (r#"{ "paths": ["shop"] }"#, "config: the path \"shop\" does not begin with /"),
        (r#"{ "retry_after": "soon" }"#, "config.retry_after: \"soon\" is no duration, such as \"10m\""),
        (r#"{ "from": "now" }"#, "config.from: \"now\" is no moment in UTC, such as \"2027-01-15T08:00:00Z\""),
    ] {
        assert_eq!(world().load::<Maintenance>(config).err().as_deref(), Some(words), "{config}");
    }
}
