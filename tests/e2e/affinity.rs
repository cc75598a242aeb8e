//! Sessions keep their region: across restarts, across PoPs, through failures and drains, and against forgery.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portolan_tests::scripts::{Member, named};
use portolan_tests::site::{FRANKFURT, IN_AMERICA, IN_GERMANY, Service, TOKYO, VIRGINIA, pop_named};
use portolan_tests::{Ask, Pop, wait_until, wait_until_within};
use std::time::Duration;

const KEY: &str = "[[affinity.keys]]\nid = \"k1\"\nsecret = \"0123456789abcdef0123456789abcdef\"\n";
const OTHER_KEY: &str = "[[affinity.keys]]\nid = \"k2\"\nsecret = \"fedcba9876543210fedcba9876543210\"\n";

fn germans(cookie: &str) -> Ask {
    Ask::get("/").from(IN_GERMANY).cookie("portolan", cookie)
}

fn moved(member: &Member) -> Option<String> {
    member.served().last().and_then(|seen| seen.field("portolan-session-moved").map(str::to_owned))
}

/// Two probed regions of one server each, with affinity.
struct Pair {
    home: Member,
    away: Member,
    service: Service,
}

impl Pair {
    fn new(affinity: &str) -> Self {
        let (home, away) = (Member::start("home"), Member::start("away"));
        let service = Service::new("shop")
            .probed()
            .with(&format!("affinity = {affinity}"))
            .region(FRANKFURT, &[home.url()])
            .region(VIRGINIA, &[away.url()]);
        Self { home, away, service }
    }

    fn start(&self) -> Pop {
        let pop = Pop::start(&(self.service.site() + KEY));
        pop.wait_health("shop", FRANKFURT.0, "healthy");
        pop.wait_health("shop", VIRGINIA.0, "healthy");
        pop
    }

    fn set_home(&self, pop: &Pop, well: bool) {
        self.home.set_well(well);
        pop.wait_health("shop", FRANKFURT.0, if well { "healthy" } else { "down" });
    }
}

#[test]
fn a_pin_holds_across_a_restart_and_on_another_pop() {
    let servers = [named("fra-a"), named("fra-b"), named("iad-a"), named("iad-b")];
    let url = |index: usize| servers[index].url();
    let service = Service::new("shop")
        .with("affinity = {}")
        .region(FRANKFURT, &[url(0), url(1)])
        .region(VIRGINIA, &[url(2), url(3)]);
    let mut pop = Pop::start(&(service.site() + KEY));
    let sessions: Vec<(String, String)> = (0..8)
        .map(|number| {
            let first = pop.ask(&Ask::get("/").from(if number % 2 == 0 { IN_GERMANY } else { IN_AMERICA }));
            (first.text(), first.pin())
        })
        .collect();
    assert!(sessions.iter().any(|(server, _)| server.starts_with("iad")));
    let check = |pop: &Pop, when: &str| {
        for (server, cookie) in &sessions {
            for _ in 0..5 {
                // All come from Germany now: the pin outweighs nearness.
                let answer = pop.ask(&germans(cookie));
                assert_eq!(&answer.text(), server, "{when}");
                assert_eq!(answer.cookie("portolan"), None, "{when}: nothing changed, so there is nothing to say");
            }
        }
    };
    check(&pop, "at once");
    pop.restart();
    check(&pop, "after a restart");
    let elsewhere = pop_named("elsewhere").replace("50.11", "35.68").replace("8.68", "139.69");
    let other = Pop::start(&(elsewhere + &service.routed() + KEY));
    check(&other, "on another PoP");
    // A rotated key still verifies, and the new one signs.
    let rotated = Pop::start(&(service.site() + OTHER_KEY + KEY));
    check(&rotated, "with a new key in front");
    let fresh = rotated.ask(&Ask::get("/").from(IN_GERMANY)).pin();
    assert!(pop.ask(&germans(&fresh)).cookie("portolan").is_some(), "a PoP without the new key pins anew");
}

#[test]
fn the_cookie_is_what_browsers_and_caches_need() {
    let origin = portolan_tests::Origin::start(|speaker| {
        while let Some(seen) = speaker.request()? {
            let cacheable = if seen.target == "/shared" { "cache-control: public, max-age=60\r\n" } else { "" };
            speaker.say(portolan_tests::scripts::response(
                "200 OK",
                &format!("set-cookie: own=1\r\n{cacheable}"),
                "x",
            ))?;
        }
        Ok(())
    });
    let service = Service::new("shop").with("affinity = { idle = \"10m\" }").region(FRANKFURT, &[origin.url()]);
    let pop = Pop::start(&(service.site() + KEY));
    let answer = pop.get("/");
    let lines = answer.all("set-cookie");
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(lines[0], "own=1", "the application's cookies stay");
    assert!(lines[1].starts_with("portolan=") && lines[1].ends_with("; Path=/; Max-Age=600; HttpOnly; SameSite=Lax"));
    let shared = pop.get("/shared");
    assert_eq!(shared.all("set-cookie"), ["own=1"], "a pin in a shared cache would be everybody's");
}

#[test]
fn forged_and_foreign_tokens_begin_a_new_session() {
    let (home, away) = (named("home"), named("away"));
    let service = |name: &str| {
        Service::new(name).with("affinity = {}").region(FRANKFURT, &[home.url()]).region(VIRGINIA, &[away.url()])
    };
    let pop = Pop::start(&(service("shop").site() + KEY));
    let genuine = pop.ask(&Ask::get("/").from(IN_AMERICA)).pin();
    assert_eq!(pop.ask(&germans(&genuine)).text(), "away", "the genuine one works");
    let bytes = URL_SAFE_NO_PAD.decode(&genuine).unwrap();

    // Every bit of the token in turn.
    let mut client = portolan_tests::Client::to(pop.address());
    for bit in 0..bytes.len() * 8 {
        let mut forged = bytes.clone();
        forged[bit / 8] ^= 1 << (bit % 8);
        let answer = client.ask(&germans(&URL_SAFE_NO_PAD.encode(&forged))).unwrap();
        assert_eq!(answer.text(), "home", "bit {bit} flipped, and the pin was honoured");
        assert!(answer.cookie("portolan").is_some(), "bit {bit}: a new session has a new pin");
    }
    assert!(home.seen().iter().all(|seen| seen.field("portolan-session-moved").is_none()), "nothing was moved");
    let flips = (bytes.len() * 8) as u64;
    let refused =
        |what: &str| pop.metrics().count("portolan_affinity_tokens_total", &[("service", "shop"), ("error", what)]);
    let counted = ["bad-signature", "unknown-key", "unknown-version", "malformed"].map(refused).iter().sum::<u64>();
    assert_eq!(counted, flips, "each forgery is counted");
    assert!(refused("bad-signature") > flips / 2 && refused("unknown-key") > 0);

    // Another service's token, another key's token, rubbish.
    let other_service = Pop::start(&(service("other").site() + KEY));
    let foreign = other_service.ask(&Ask::get("/").from(IN_AMERICA)).pin();
    let other_key = Pop::start(&(service("shop").site() + OTHER_KEY));
    let unknown = other_key.ask(&Ask::get("/").from(IN_AMERICA)).pin();
    let long = "A".repeat(5_000);
    for (token, word) in [
        (foreign.as_str(), "other-service"),
        (unknown.as_str(), "unknown-key"),
        ("junk!", "malformed"),
        (&long, "malformed"),
    ] {
        let before = refused(word);
        let answer = pop.ask(&germans(token));
        assert_eq!(answer.text(), "home", "{word}");
        assert_eq!(refused(word), before + 1, "{word}");
    }
}

#[test]
fn idle_and_old_sessions_begin_anew() {
    for (affinity, word) in [("{ idle = \"1s\" }", "idle"), ("{ lifetime = \"1s\" }", "expired")] {
        let (home, away) = (named("home"), named("away"));
        let service = Service::new("shop")
            .with(&format!("affinity = {affinity}"))
            .region(FRANKFURT, &[home.url()])
            .region(VIRGINIA, &[away.url()]);
        let pop = Pop::start(&(service.site() + KEY));
        let cookie = pop.ask(&Ask::get("/").from(IN_AMERICA)).pin();
        assert_eq!(pop.ask(&germans(&cookie)).text(), "away");
        // The same old cookie all the time; it is not refreshed by being sent.
        wait_until(word, || pop.ask(&germans(&cookie)).text() == "home");
        assert!(pop.metrics().count("portolan_affinity_tokens_total", &[("error", word)]) > 0, "{word}");
    }
}

#[test]
fn use_keeps_a_session_alive() {
    let (home, away) = (named("home"), named("away"));
    let service = Service::new("shop")
        .with("affinity = { idle = \"2s\" }")
        .region(FRANKFURT, &[home.url()])
        .region(VIRGINIA, &[away.url()]);
    let pop = Pop::start(&(service.site() + KEY));
    let mut cookie = pop.ask(&Ask::get("/").from(IN_AMERICA)).pin();
    let begun = std::time::Instant::now();
    let mut refreshed = 0;
    wait_until("more than the idle time", || {
        let answer = pop.ask(&germans(&cookie));
        assert_eq!(answer.text(), "away", "a session in use ended after {:?}", begun.elapsed());
        if let Some(fresh) = answer.cookie("portolan") {
            fresh.clone_into(&mut cookie);
            refreshed += 1;
        }
        begun.elapsed() > Duration::from_secs(5)
    });
    assert!((5..=30).contains(&refreshed), "a refresh each tenth of the idle time at most, but {refreshed} in 5 s");
}

#[test]
fn sticky_moves_and_stays() {
    let pair = Pair::new("{ mode = \"sticky\" }");
    let pop = pair.start();
    let cookie = pop.ask(&Ask::get("/").from(IN_GERMANY)).pin();
    pair.set_home(&pop, false);
    let answer = pop.ask(&germans(&cookie));
    assert_eq!(answer.text(), "away");
    assert_eq!(moved(&pair.away).as_deref(), Some("from=eu-frankfurt; reason=down"));
    let there = answer.pin();
    let again = pop.ask(&germans(&there));
    assert_eq!((again.text().as_str(), moved(&pair.away)), ("away", None), "it is at home there now");
    pair.set_home(&pop, true);
    assert_eq!(pop.ask(&germans(&there)).text(), "away", "it stays where it moved to");
    assert_eq!(pop.metrics().count("portolan_sessions_moved_total", &[("service", "shop"), ("reason", "down")]), 1);
}

#[test]
fn strict_waits_with_503() {
    let pair = Pair::new("{ mode = \"strict\" }");
    let pop = pair.start();
    let cookie = pop.ask(&Ask::get("/").from(IN_GERMANY)).pin();
    pair.set_home(&pop, false);
    let answer = pop.ask(&germans(&cookie));
    assert_eq!((answer.status, answer.field("retry-after")), (503, Some("5")), "{}", answer.text());
    assert_eq!(pop.metrics().count("portolan_no_target_total", &[("reason", "strict-pin")]), 1);
    assert_eq!(pop.ask(&Ask::get("/").from(IN_GERMANY)).text(), "away", "who has no session is served");
    pair.set_home(&pop, true);
    assert_eq!(pop.ask(&germans(&cookie)).text(), "home");
    assert!(pair.away.served().iter().all(|seen| seen.field("cookie").is_none()), "nobody else served the session");
}

#[test]
fn a_failed_attempt_moves_the_session_with_its_reason() {
    let away = named("away");
    let home = portolan_tests::Origin::start(|speaker| {
        // The first request is served, later ones meet a closed door.
        if speaker.connection == 0 && speaker.request()?.is_some() {
            speaker.say("HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nhome")?;
        }
        Ok(())
    });
    let service =
        Service::new("shop").with("affinity = {}").region(FRANKFURT, &[home.url()]).region(VIRGINIA, &[away.url()]);
    let pop = Pop::start(&(service.site() + KEY));
    let cookie = pop.ask(&Ask::get("/").from(IN_GERMANY)).pin();
    let answer = pop.ask(&germans(&cookie));
    assert_eq!(answer.text(), "away");
    assert_eq!(away.only().field("portolan-session-moved"), Some("from=eu-frankfurt; reason=failover"));
    let there = answer.pin();
    assert_eq!(pop.ask(&germans(&there)).text(), "away", "pinned to who served");
}

#[test]
fn a_drained_region_keeps_its_sessions_and_takes_no_new_ones() {
    let pair = Pair::new("{}");
    let pop = pair.start();
    let cookie = pop.ask(&Ask::get("/").from(IN_GERMANY)).pin();
    pop.switch("shop", FRANKFURT.0, "drain");
    wait_until("new sessions go elsewhere", || pop.ask(&Ask::get("/").from(IN_GERMANY)).text() == "away");
    assert_eq!(pop.ask(&germans(&cookie)).text(), "home", "who is pinned there stays");
    let region = pop.status_of(&format!("/services/shop/regions/{}", FRANKFURT.0));
    assert_eq!((&region["admin"], &region["switched_by_operator"]), (&"drain".into(), &true.into()), "{region:#}");

    pop.switch("shop", FRANKFURT.0, "off");
    wait_until("nobody is left", || pop.ask(&germans(&cookie)).text() == "away");
    assert_eq!(moved(&pair.away).as_deref(), Some("from=eu-frankfurt; reason=off"));

    // What the operator switched outlives a reload of the file.
    assert_eq!(pop.reload().status, 200);
    assert_eq!(pop.ask(&Ask::get("/").from(IN_GERMANY)).text(), "away");
    pop.switch("shop", FRANKFURT.0, "on");
    wait_until("it serves again", || pop.ask(&Ask::get("/").from(IN_GERMANY)).text() == "home");
    let unknown = pop.admin("POST", "/drain?service=shop&region=atlantis");
    assert_eq!(unknown.status, 404, "{}", unknown.text());
}

#[test]
fn a_region_that_left_the_configuration_moves_its_sessions() {
    let (home, away) = (named("home"), named("away"));
    let service = Service::new("shop").with("affinity = {}").region(VIRGINIA, &[away.url()]);
    let both = service.clone().region(FRANKFURT, &[home.url()]);
    let pop = Pop::start(&(both.site() + KEY));
    let cookie = pop.ask(&Ask::get("/").from(IN_GERMANY)).pin();
    pop.change(&(service.site() + KEY));
    wait_until_within(Duration::from_secs(10), "it is served elsewhere", || {
        pop.ask(&germans(&cookie)).text() == "away"
    });
    let told: Vec<_> =
        away.seen().iter().filter_map(|seen| seen.field("portolan-session-moved").map(str::to_owned)).collect();
    assert_eq!(told.first().map(String::as_str), Some("from=eu-frankfurt; reason=gone"));
    pop.change(&(service.region(TOKYO, &[home.url()]).site() + KEY));
    let answer = pop.ask(&germans(&cookie));
    assert_eq!(answer.text(), "away", "the same server in another region is another place");
}
