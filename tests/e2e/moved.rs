//! A session that is served away from its pin takes the reason along, whatever it is, and the origin reads it.

use portolan_tests::scripts::{Gate, Member, gated, named};
use portolan_tests::site::{FRANKFURT, IN_AMERICA, IN_GERMANY, Service, VIRGINIA, pop, shipped};
use portolan_tests::{Ask, Client, Pop, wait_until};

/// What the origin was told about the last request that it served.
fn told(seen: &[portolan_tests::Seen]) -> Option<String> {
    seen.last().and_then(|seen| seen.field("portolan-session-moved").map(str::to_owned))
}

/// A PoP before two probed regions with one shipped policy.
fn with_policy(name: &str, config: &str) -> (Pop, [Member; 2]) {
    let members = ["eu", "us"].map(Member::start);
    let service = Service::new("shop")
        .probed()
        .with(&format!("policies = [{name:?}]\naffinity = {{}}"))
        .region_with(FRANKFURT, &[members[0].url()], "labels = { zone = \"eu\" }")
        .region_with(VIRGINIA, &[members[1].url()], "labels = { zone = \"us\" }");
    let pop = Pop::start(&(pop() + &service.routed() + &shipped(name, config, "")));
    for region in [FRANKFURT.0, VIRGINIA.0] {
        pop.wait_health("shop", region, "healthy");
    }
    (pop, members)
}

#[test]
fn a_session_that_crosses_a_fence_says_so() {
    let config = "{ rules = [{ countries = [\"DE\"], allow = [\"eu\"] }, { countries = [\"US\"], allow = [\"us\"] }] }";
    let (pop, [_eu, us]) = with_policy("residency", config);
    let at_home = pop.ask(&Ask::get("/").from(IN_GERMANY));
    assert_eq!(at_home.text(), "eu");
    let abroad = pop.ask(&Ask::get("/").from(IN_AMERICA).cookie("portolan", &at_home.pin()));
    assert_eq!(abroad.text(), "us");
    assert_eq!(told(&us.served()).as_deref(), Some("from=eu-frankfurt; reason=fence"));
    let settled = pop.ask(&Ask::get("/").from(IN_AMERICA).cookie("portolan", &abroad.pin()));
    assert_eq!(settled.text(), "us");
    assert_eq!(told(&us.served()), None, "it lives there now");
}

#[test]
fn a_session_that_a_policy_sends_home_says_so() {
    let (pop, [eu, us]) = with_policy("session-pin", "{ mode = \"temporary\", failback = \"0s\" }");
    let at_home = pop.ask(&Ask::get("/").from(IN_GERMANY)).pin();
    eu.set_well(false);
    pop.wait_health("shop", FRANKFURT.0, "down");
    let away = pop.ask(&Ask::get("/").from(IN_GERMANY).cookie("portolan", &at_home));
    assert_eq!((away.text(), told(&us.served())), ("us".into(), Some("from=eu-frankfurt; reason=down".into())));
    eu.set_well(true);
    pop.wait_health("shop", FRANKFURT.0, "healthy");
    let cookie = away.pin();
    wait_until("it is sent home", || {
        pop.ask(&Ask::get("/").from(IN_GERMANY).cookie("portolan", &cookie)).text() == "eu"
    });
    assert_eq!(told(&eu.served()).as_deref(), Some("from=us-virginia; reason=policy"));
}

#[test]
fn a_session_whose_region_is_full_says_so() {
    let gate = Gate::default();
    let (small, large) = (gated("small", &gate), named("large"));
    let service = Service::new("shop")
        .with("affinity = {}")
        .region_with(FRANKFURT, &[small.url()], "capacity = 1")
        .region(VIRGINIA, &[large.url()]);
    let pop = Pop::start(&service.site());
    let mut held = Client::to(pop.address());
    held.send(&Ask::get("/").from(IN_GERMANY).bytes());
    wait_until("the region is full", || small.seen().len() == 1);
    gate.open();
    let first = held.answer("GET").unwrap();
    gate.shut();
    let cookie = first.pin();
    held.send(&Ask::get("/").from(IN_GERMANY).bytes());
    wait_until("it is full again", || small.seen().len() == 2);
    let answer = pop.ask(&Ask::get("/").from(IN_GERMANY).cookie("portolan", &cookie));
    assert_eq!(answer.text(), "large");
    assert_eq!(told(&large.seen()).as_deref(), Some("from=eu-frankfurt; reason=capacity"));
    gate.open();
    assert_eq!(held.answer("GET").unwrap().status, 200);
}
