//! Policies that ship do what their READMEs say, in a real PoP.

use portolan_tests::scripts::Member;
use portolan_tests::site::{FRANKFURT, IN_AMERICA, IN_GERMANY, IN_JAPAN, Service, TOKYO, VIRGINIA, pop, shipped};
use portolan_tests::{Ask, Pop, wait_until};

/// Three probed regions, labelled, with these policies in this order.
struct World {
    members: [Member; 3],
    pop: Pop,
}

impl World {
    fn start(affinity: &str, names: &[&str], policies: &str) -> Self {
        let members = ["eu", "us", "jp"].map(Member::start);
        let service = Service::new("shop")
            .probed()
            .with(&format!("policies = {names:?}\n{affinity}"))
            .region_with(FRANKFURT, &[members[0].url()], "labels = { zone = \"eu\" }")
            .region_with(VIRGINIA, &[members[1].url()], "labels = { zone = \"us\", track = \"canary\" }")
            .region_with(TOKYO, &[members[2].url()], "labels = { zone = \"jp\" }");
        let pop = Pop::start(&(pop() + &service.routed() + policies));
        for region in [FRANKFURT.0, VIRGINIA.0, TOKYO.0] {
            pop.wait_health("shop", region, "healthy");
        }
        Self { members, pop }
    }

    fn served(&self, ask: &Ask) -> String {
        let answer = self.pop.ask(ask);
        if answer.status == 200 { answer.text() } else { answer.status.to_string() }
    }

    fn set_well(&self, index: usize, well: bool) {
        let region = [FRANKFURT.0, VIRGINIA.0, TOKYO.0][index];
        self.members[index].set_well(well);
        self.pop.wait_health("shop", region, if well { "healthy" } else { "down" });
    }
}

#[test]
fn residency_keeps_requests_inside_their_regions() {
    let config = "{ rules = [{ countries = [\"eu\", \"CH\"], allow = [\"eu\"] }, { countries = [\"US\"], allow = [\"us\", \
                  \"ap-tokyo\"] }], otherwise = \"allow\", unknown = \"reject\" }";
    let world = World::start("", &["residency"], &shipped("residency", config, "on_error = \"reject\""));
    assert_eq!(world.served(&Ask::get("/").from(IN_GERMANY)), "eu");
    assert_eq!(world.served(&Ask::get("/").from(IN_AMERICA)), "us");
    assert_eq!(world.served(&Ask::get("/").from(IN_JAPAN)), "jp", "no rule names Japan");
    assert_eq!(world.served(&Ask::get("/").from("10.9.9.9")), "451", "a client of unknown country");

    world.set_well(1, false);
    assert_eq!(world.served(&Ask::get("/").from(IN_AMERICA)), "jp", "the other region that the rule names");
    world.set_well(0, false);
    let answer = world.pop.ask(&Ask::get("/").from(IN_GERMANY));
    assert_eq!(answer.status, 503, "the whole fence is down: {}", answer.text());
    assert_eq!(world.served(&Ask::get("/").from(IN_JAPAN)), "jp");
    let japanese = world.members[2].served();
    let countries: Vec<_> = japanese.iter().filter_map(|seen| seen.field("portolan-client-country")).collect();
    assert!(!countries.contains(&"DE"), "a German request left its fence: {countries:?}");
}

#[test]
fn session_pin_sends_sessions_home_again() {
    let config = "{ mode = \"temporary\", failback = \"2s\" }";
    let world = World::start("affinity = {}", &["session-pin"], &shipped("session-pin", config, ""));
    let cookie = world.pop.ask(&Ask::get("/").from(IN_GERMANY)).cookie("portolan").unwrap().to_owned();
    world.set_well(0, false);
    let moved = world.pop.ask(&Ask::get("/").from(IN_GERMANY).cookie("portolan", &cookie));
    assert_eq!(moved.text(), "us");
    let told = world.members[1].served().last().unwrap().field("portolan-session-moved").map(str::to_owned);
    assert_eq!(told.as_deref(), Some("from=eu-frankfurt; reason=down"));
    let away = moved.cookie("portolan").expect("the pin says where it is now").to_owned();
    assert_eq!(world.served(&Ask::get("/").from(IN_GERMANY).cookie("portolan", &away)), "us");

    world.set_well(0, true);
    let back = std::time::Instant::now();
    assert_eq!(world.served(&Ask::get("/").from(IN_GERMANY).cookie("portolan", &away)), "us", "too early to go home");
    wait_until("it goes home", || world.served(&Ask::get("/").from(IN_GERMANY).cookie("portolan", &away)) == "eu");
    assert!(back.elapsed().as_millis() >= 1_000, "home after {:?} already", back.elapsed());
}

#[test]
fn session_pin_strict_waits() {
    let world = World::start("affinity = {}", &["session-pin"], &shipped("session-pin", "{ mode = \"strict\" }", ""));
    let cookie = world.pop.ask(&Ask::get("/").from(IN_GERMANY)).cookie("portolan").unwrap().to_owned();
    world.set_well(0, false);
    let answer = world.pop.ask(&Ask::get("/").from(IN_GERMANY).cookie("portolan", &cookie));
    assert_eq!((answer.status, answer.field("retry-after")), (503, Some("5")), "{}", answer.text());
    world.set_well(0, true);
    assert_eq!(world.served(&Ask::get("/").from(IN_GERMANY).cookie("portolan", &cookie)), "eu");
}

#[test]
fn canary_takes_its_share_and_who_asks() {
    let config = "{ share = 0.3, header = \"x-canary\", cookie = \"canary\" }";
    let world = World::start("affinity = {}", &["canary"], &shipped("canary", config, ""));
    let mut canaries = 0;
    for _ in 0..200 {
        let answer = world.pop.ask(&Ask::get("/").from(IN_GERMANY).field("connection", "close"));
        canaries += u32::from(answer.text() == "us");
        // The cohort is the session's: it does not draw again.
        if canaries % 10 == 0 {
            let again = Ask::get("/").from(IN_GERMANY).cookie("portolan", answer.cookie("portolan").unwrap());
            assert_eq!(world.served(&again), answer.text());
        }
    }
    // 60 of 200 expected; five standard deviations are 32.
    assert!((28..=92).contains(&canaries), "{canaries} of 200 are canaries");
    assert_eq!(world.served(&Ask::get("/").from(IN_GERMANY).field("x-canary", "always")), "us");
    assert_eq!(world.served(&Ask::get("/").from(IN_GERMANY).cookie("canary", "always")), "us");
    for _ in 0..20 {
        assert_ne!(world.served(&Ask::get("/").from(IN_AMERICA).field("x-canary", "never")), "us");
    }
    world.set_well(1, false);
    assert_eq!(world.served(&Ask::get("/").from(IN_GERMANY).field("x-canary", "always")), "eu", "it passes then");
}

#[test]
fn write_primary_reads_from_a_replica_once_that_has_reported_the_write() {
    let config = "{ label = \"zone\", value = \"us\", window = \"1h\", reports = { path = \"/_replicated\", secret = \
                  \"0123456789abcdef\" } }";
    let granted = shipped("write-primary", config, "kv = { replicas = {} }");
    let world = World::start("affinity = {}", &["write-primary"], &granted);
    let german = |ask: Ask| ask.from(IN_GERMANY);
    let written = world.pop.ask(&german(Ask::post("/cart", "a book")));
    assert_eq!(written.text(), "us", "a write goes to the primary");
    let pin = written.pin();
    let read = || world.served(&german(Ask::get("/cart")).cookie("portolan", &pin));
    assert_eq!(read(), "us", "the session reads what it wrote");
    let report = |secret: &str| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
        let target = format!("/_replicated?region={}&until={now}", FRANKFURT.0);
        world.pop.ask(&Ask::post(&target, "").field("authorization", &format!("Bearer {secret}"))).status
    };
    assert_eq!((report("guess"), read().as_str()), (401, "us"));
    assert_eq!((report("0123456789abcdef"), read().as_str()), (204, "eu"), "what it wrote is there by now");
    // Whichever worker is asked: the bucket is shared. A reload of the policy keeps it.
    assert!((0..16).all(|_| read() == "eu"));
    let kept = || world.pop.metrics().count("portolan_policy_kv_entries", &[("bucket", "replicas")]);
    assert_eq!(kept(), 1);
    let text = std::fs::read_to_string(world.pop.file()).unwrap();
    world.pop.change(&text.replace("window = \"1h\"", "window = \"2h\""));
    assert_eq!((read().as_str(), kept()), ("eu", 1));
    // A bucket that is no longer granted is refused by name, and what was in force serves on.
    world.pop.write(&text.replace("kv = { replicas = {} }", ""));
    let refused = world.pop.reload();
    assert!(
        refused.text().contains("wants the bucket") && refused.text().contains("which is not granted"),
        "{}",
        refused.text()
    );
    assert_eq!(read(), "eu");
}

#[test]
fn the_three_together() {
    let policies = shipped(
        "residency",
        "{ rules = [{ countries = [\"eu\"], allow = [\"eu\", \"us\"] }] }",
        "on_error = \"reject\"",
    ) + &shipped("canary", "{ share = 0, header = \"x-canary\" }", "")
        + &shipped("session-pin", "{ mode = \"sticky\" }", "");
    let world = World::start("affinity = {}", &["residency", "canary", "session-pin"], &policies);
    assert_eq!(world.served(&Ask::get("/").from(IN_GERMANY)), "eu");
    assert_eq!(world.served(&Ask::get("/").from(IN_GERMANY).field("x-canary", "always")), "us");
    assert_eq!(world.served(&Ask::get("/").from(IN_JAPAN)), "jp");
    let status = world.pop.status_of("/policies");
    for name in ["residency", "canary", "session-pin"] {
        assert!(status[name]["calls"].as_u64().is_some_and(|calls| calls >= 3), "{name}: {status:#}");
        assert_eq!(
            status[name]["failures"].as_object().map(|all| all.values().filter_map(serde_json::Value::as_u64).sum()),
            Some(0),
            "{name}: {status:#}"
        );
    }
    // Frankfurt and the canary are all that a German may use, and a German is no canary.
    world.set_well(0, false);
    assert_eq!(world.served(&Ask::get("/").from(IN_GERMANY)), "us", "canary passes when its cohort cannot serve");
    world.set_well(1, false);
    assert_eq!(world.served(&Ask::get("/").from(IN_GERMANY)), "503");
}

#[test]
fn jvm_route_follows_the_server_s_own_suffix() {
    let servers = ["fra-1", "fra-2", "iad-3", "iad-4"].map(Member::start);
    let [one, two, three, four] = servers.each_ref().map(Member::url);
    let service = Service::new("shop")
        .probed()
        .with("policies = [\"jvm-route\"]\naffinity = {}")
        .region_with(
            FRANKFURT,
            &[one.clone(), two.clone()],
            &format!("labels = {{ jvm_route = \"n1={one}, n2={two}\" }}"),
        )
        .region_with(
            VIRGINIA,
            &[three.clone(), four.clone()],
            &format!("labels = {{ jvm_route = \"n3={three}, n4={four}\" }}"),
        );
    let pop = Pop::start(&(pop() + &service.routed() + &shipped("jvm-route", "{}", "")));
    for region in [FRANKFURT.0, VIRGINIA.0] {
        pop.wait_health("shop", region, "healthy");
    }
    let session = |route: &str| Ask::get("/").from(IN_GERMANY).cookie("JSESSIONID", &format!("1A2B.{route}"));
    for _ in 0..5 {
        for (route, server) in [("n1", "fra-1"), ("n2", "fra-2"), ("n3", "iad-3"), ("n4", "iad-4")] {
            assert_eq!(pop.ask(&session(route)).text(), server, "from anywhere, at any load");
        }
    }
    // The router's pin says another server of the region: the application's own word counts.
    let pin = pop.ask(&session("n3")).pin();
    let pinned = |route: &str| session(route).cookie("portolan", &pin);
    assert_eq!(pop.ask(&pinned("n4")).text(), "iad-4");
    servers[3].set_well(false);
    wait_until("its neighbour takes the session over", || pop.ask(&session("n4")).text() == "iad-3");
    servers[2].set_well(false);
    pop.wait_health("shop", VIRGINIA.0, "down");
    let took_over = pop.ask(&pinned("n4"));
    assert!(took_over.text().starts_with("fra-"), "and another region when that is down: {}", took_over.text());
    servers[3].set_well(true);
    wait_until("it is back at its server", || pop.ask(&session("n4")).text() == "iad-4");
}
