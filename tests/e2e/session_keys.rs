//! Sessions by keys of a policy's own: the same key goes to the same place, on every PoP, and moves only when it must.

use portolan_tests::scripts::Member;
use portolan_tests::site::{FRANKFURT, IN_GERMANY, Service, VIRGINIA, policy, pop, pop_named};
use portolan_tests::{Ask, Pop, binaries, wait_until};
use std::collections::{BTreeMap, BTreeSet};

const USERS: u32 = 40;
/// More time than in production, for the tests share a machine with compilers.
const SLOW: &str = "limits = { time = \"200ms\" }";

fn key_of(more: &str) -> String {
    policy(
        "keyed",
        &binaries::guest("keyed"),
        "{ field = \"header:x-user\", trap = \"mallory\" }",
        &format!("{SLOW}\n{more}"),
    )
}

/// Two regions of two servers each, equally near to everybody.
struct World {
    servers: [Member; 4],
}

impl World {
    fn new() -> Self {
        Self { servers: ["fra-a", "fra-b", "iad-a", "iad-b"].map(Member::start) }
    }

    fn service(&self, settings: &str) -> String {
        let url = |index: usize| self.servers[index].url();
        let service =
            Service::new("shop").probed().with("policies = [\"keyed\"]\ntie_band = { distance = \"20000km\" }");
        let service = service.with(settings).region(FRANKFURT, &[url(0), url(1)]).region(VIRGINIA, &[url(2), url(3)]);
        service.routed()
    }

    fn start(&self, settings: &str) -> Pop {
        let pop = Pop::start(&(pop() + &self.service(settings) + &key_of("")));
        pop.wait_health("shop", FRANKFURT.0, "healthy");
        pop.wait_health("shop", VIRGINIA.0, "healthy");
        pop
    }
}

fn served(pop: &Pop, user: u32) -> String {
    let answer = pop.ask(&Ask::get("/").from(IN_GERMANY).field("x-user", &format!("user-{user}")));
    assert_eq!(answer.status, 200);
    answer.text()
}

fn places(pop: &Pop) -> BTreeMap<u32, String> {
    (0..USERS).map(|user| (user, served(pop, user))).collect()
}

#[test]
fn a_key_goes_to_one_place_and_only_its_own_move() {
    let world = World::new();
    let pop = world.start("");
    let before = places(&pop);
    assert_eq!(before.values().collect::<BTreeSet<_>>().len(), 4, "keys spread over all servers: {before:?}");
    for _ in 0..3 {
        assert_eq!(places(&pop), before, "on every worker, whatever the load");
    }
    let elsewhere = pop_named("elsewhere") + &world.service("") + &key_of("");
    assert_eq!(places(&Pop::start(&elsewhere)), before, "on every PoP");

    world.servers[0].set_well(false);
    let without_it = before.iter().map(|(user, place)| {
        let place = if place == "fra-a" { "fra-b" } else { place };
        (*user, place.to_owned())
    });
    let without_it: BTreeMap<_, _> = without_it.collect();
    wait_until("only the keys of the server that failed move", || places(&pop) == without_it);
    world.servers[1].set_well(false);
    pop.wait_health("shop", FRANKFURT.0, "down");
    for (user, place) in before.iter().filter(|(_, place)| place.starts_with("iad")) {
        assert_eq!(served(&pop, *user), *place, "whose region is well does not move");
    }
    world.servers[0].set_well(true);
    world.servers[1].set_well(true);
    pop.wait_health("shop", FRANKFURT.0, "healthy");
    wait_until("all are home again", || places(&pop) == before);
    assert!(pop.metrics().count("portolan_policy_calls_total", &[("policy", "keyed"), ("outcome", "key")]) > 0);
}

#[test]
fn a_pin_goes_before_a_key_and_a_key_shows_nowhere() {
    let world = World::new();
    let pop = world.start("affinity = {}");
    let user = |user: &str| Ask::get("/").from(IN_GERMANY).field("x-user", user);
    let first = pop.ask(&user("ann@example.net"));
    let (server, pin) = (first.text(), first.pin());
    for number in 0..10 {
        let other = user(&format!("user-{number}")).cookie("portolan", &pin);
        assert_eq!(pop.ask(&other).text(), server, "the session keeps its region and its server");
    }
    for number in 0..5 {
        assert_eq!(pop.ask(&user("ann@example.net")).text(), server, "a new session of the same key: {number}");
    }
    assert!(!first.all("set-cookie").concat().contains("ann"), "the token has no key");
    let seen: Vec<_> = world.servers.iter().flat_map(Member::served).collect();
    let own = seen.iter().filter(|seen| seen.field("x-user") == Some("ann@example.net"));
    assert_eq!(own.count(), 6, "what the client sent reaches the origin as it is");
}

#[test]
fn a_policy_that_fails_at_a_key_costs_only_the_key() {
    let world = World::new();
    let pop = world.start("");
    let mallory = Ask::get("/").from(IN_GERMANY).field("x-user", "mallory");
    assert_eq!(pop.ask(&mallory).status, 200);
    assert!(pop.metrics().count("portolan_policy_calls_total", &[("policy", "keyed"), ("outcome", "trap")]) > 0);

    let strict = Pop::start(&(portolan_tests::site::pop() + &world.service("") + &key_of("on_error = \"reject\"")));
    assert_eq!(strict.ask(&mallory).status, 503);
    assert_eq!(strict.ask(&Ask::get("/")).status, 200, "no key is no failure");
}
