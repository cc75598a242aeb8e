//! Policies that hear how origins answered: they note it, speak of the pin, and have the next region asked.

use portolan_tests::scripts::response;
use portolan_tests::site::{FRANKFURT, IN_GERMANY, Service, VIRGINIA, policy, pop};
use portolan_tests::{Answer, Ask, Origin, Pop, binaries};

/// Answers `/404/...` with 404, and likewise; names itself in `x-origin` and in the body.
fn origin(name: &'static str, fields: &'static str) -> Origin {
    Origin::start(move |speaker| {
        while let Some(seen) = speaker.request()? {
            let status = seen.target.split('/').nth(1).filter(|part| part.len() == 3).unwrap_or("200");
            // Virginia has what Frankfurt does not.
            let status = if name == "iad" && status == "404" { "200" } else { status };
            speaker.say(response(&format!("{status} So"), &format!("x-origin: {name}\r\n{fields}"), name))?;
        }
        Ok(())
    })
}

const RULES: &str = "{ next = 404, note = 200, bind = 201, clear = 205, forge = 206, trap = 418 }";

struct World {
    fra: Origin,
    iad: Origin,
    pop: Pop,
}

impl World {
    fn with(settings: &str, more: &str, fields: &'static str) -> Self {
        let (fra, iad) = (origin("fra", fields), origin("iad", fields));
        let service = Service::new("shop").with("policies = [\"listener\"]").with(settings);
        let service = service.region(FRANKFURT, &[fra.url()]).region(VIRGINIA, &[iad.url()]);
        // More time than in production, for the tests share a machine with compilers.
        let more = format!("limits = {{ time = \"200ms\" }}\n{more}");
        let listener = policy("listener", &binaries::guest("listener"), RULES, &more);
        let pop = Pop::start(&(pop() + &service.routed() + &listener));
        Self { fra, iad, pop }
    }

    fn new(settings: &str) -> Self {
        Self::with(settings, "", "")
    }

    fn get(&self, path: &str) -> Answer {
        self.pop.ask(&Ask::get(path).from(IN_GERMANY))
    }

    fn count(&self, outcome: &str) -> u64 {
        self.pop.metrics().count("portolan_policy_calls_total", &[("policy", "listener"), ("outcome", outcome)])
    }
}

#[test]
fn an_answer_is_heard_and_its_headers_are_edited() {
    let world = World::new("");
    let answer = world.get("/hello");
    assert_eq!((answer.status, answer.text().as_str()), (200, "fra"));
    assert_eq!(answer.field("x-heard"), Some("200 1 eu-frankfurt true /hello fra"));
    assert_eq!(answer.field("x-origin"), None, "it is removed");
    let other = world.get("/202/x");
    assert_eq!((other.status, other.field("x-heard"), other.field("x-origin")), (202, None, Some("fra")));
    let posted = world.pop.ask(&Ask::post("/hello", "x").from(IN_GERMANY));
    assert_eq!(posted.field("x-heard"), Some("200 1 eu-frankfurt false /hello fra"), "it cannot be sent again");
    assert_eq!((world.count("amend"), world.count("pass"), world.count("route")), (2, 1, 0));
}

#[test]
fn the_next_region_is_asked_once_and_only_where_that_can_be() {
    let world = World::new("");
    let answer = world.get("/404/x");
    assert_eq!((answer.status, answer.text().as_str()), (200, "iad"));
    assert_eq!(answer.field("x-heard"), Some("200 2 us-virginia false /404/x iad"));
    assert_eq!((world.fra.seen().len(), world.iad.seen().len(), world.count("next")), (1, 1, 1));
    let posted = world.pop.ask(&Ask::post("/404/x", "x").from(IN_GERMANY));
    assert_eq!((posted.status, posted.text().as_str()), (404, "fra"), "it may have had effects");
    assert_eq!(world.pop.metrics().count("portolan_retries_total", &[("result", "tried")]), 1);

    let alone = World::new("retry = { attempts = 0 }");
    assert_eq!(alone.get("/404/x").status, 404, "the service retries nothing");
    let shut = World::new("");
    shut.pop.switch("shop", VIRGINIA.0, "off");
    assert_eq!(shut.get("/404/x").status, 404, "no other region may be asked");
}

#[test]
fn an_answer_that_was_not_wanted_is_better_than_none() {
    let World { fra, iad, pop } = World::new("");
    drop(iad);
    let answer = pop.ask(&Ask::get("/404/x").from(IN_GERMANY));
    assert_eq!((answer.status, answer.text().as_str()), (404, "fra"));
    assert_eq!(fra.seen().len(), 1);
}

#[test]
fn the_pin_follows_what_is_said_after_the_answer() {
    let world = World::new("affinity = {}");
    let pinned = world.get("/202/x").pin();
    let with = |path: &str, pin: &str| world.pop.ask(&Ask::get(path).from(IN_GERMANY).cookie("portolan", pin));
    assert_eq!(with("/202/x", &pinned).cookie("portolan"), None, "a good token stays");
    let bound = with("/201/x", &pinned).pin();
    assert_ne!(bound, pinned, "what is stored with the pin is new");
    assert_eq!(with("/205/x", &bound).cookie("portolan"), Some(""), "the pin is ended");
    assert_eq!(world.get("/205/x").cookie("portolan"), None, "there was none to end, and none is made");
    let moved = world.pop.ask(&Ask::get("/404/x").from(IN_GERMANY).cookie("portolan", &pinned));
    assert_eq!((moved.text().as_str(), moved.cookie("portolan").is_some()), ("iad", true), "it follows the answer");
}

#[test]
fn a_failure_changes_nothing() {
    let world = World::with("affinity = {}", "on_error = \"reject\"", "");
    let forged = world.get("/206/x");
    assert_eq!((forged.status, forged.text().as_str()), (206, "fra"));
    assert!(!forged.all("set-cookie").concat().contains("forged"), "{:?}", forged.all("set-cookie"));
    for _ in 0..4 {
        let answer = world.get("/418/x");
        assert_eq!((answer.status, answer.text().as_str()), (418, "fra"), "the application has answered");
    }
    assert_eq!((world.count("nonsense"), world.count("trap"), world.count("quarantined")), (1, 2, 2));
    assert_eq!(world.get("/hello").field("x-heard"), None, "a policy in quarantine is not asked");
}

#[test]
fn what_is_stored_was_heard_once() {
    let world = World::with("cache = {}", "", "cache-control: max-age=60\r\n");
    let first = world.get("/hello");
    assert_eq!(first.field("x-heard"), Some("200 1 eu-frankfurt true /hello fra"));
    for _ in 0..3 {
        let hit = world.get("/hello");
        assert_eq!((hit.field("x-heard"), hit.text().as_str()), (first.field("x-heard"), "fra"));
    }
    assert_eq!((world.fra.seen().len(), world.count("amend")), (1, 1));
    let elsewhere = world.get("/404/x");
    assert_eq!((elsewhere.status, elsewhere.text().as_str()), (200, "iad"), "a fill may go to the next region too");
    assert_eq!(world.get("/404/x").text(), "iad");
}
