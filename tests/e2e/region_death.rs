//! A region dies under load and comes back: what its clients notice, and what the PoP says.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use portolan_tests::scripts::Member;
use portolan_tests::site::{FRANKFURT, IN_GERMANY, Service, VIRGINIA};
use portolan_tests::{Ask, Client, DemoOrigin, Load, Pop, wait_until, wait_until_within};
use serde_json::Value;

/// Two regions of two real servers each, sessions on disk.
fn stage(data: &Path) -> ([DemoOrigin; 2], [DemoOrigin; 2]) {
    let start = |region: &str, name: &str| DemoOrigin::start(region, name, data);
    let frankfurt = [start(FRANKFURT.0, "fra-a"), start(FRANKFURT.0, "fra-b")];
    let virginia = [start(VIRGINIA.0, "iad-a"), start(VIRGINIA.0, "iad-b")];
    (frankfurt, virginia)
}

fn urls(servers: &[DemoOrigin]) -> Vec<String> {
    servers.iter().map(DemoOrigin::url).collect()
}

/// How often each item stands in a cart, over the sessions of all regions.
fn items(data: &Path) -> BTreeMap<String, usize> {
    let mut items = BTreeMap::new();
    for region in [FRANKFURT.0, VIRGINIA.0] {
        for file in std::fs::read_dir(data.join(region)).unwrap().flatten() {
            if file.path().extension().is_some_and(|extension| extension == "json") {
                let session: Value = serde_json::from_slice(&std::fs::read(file.path()).unwrap()).unwrap();
                for item in session["cart"].as_array().unwrap() {
                    *items.entry(item.as_str().unwrap().to_owned()).or_default() += 1;
                }
            }
        }
    }
    items
}

#[test]
fn both_servers_of_the_nearest_region_are_killed_under_load() {
    let data = tempfile::tempdir().unwrap();
    let (mut frankfurt, virginia) = stage(data.path());
    // Retries are all that stands between a client and the first moments of a death: the budget must hold them.
    let service = Service::new("shop")
        .probed()
        .with("retry = { attempts = 1, floor = 1000 }")
        // What traffic found dead is tried again after a second, not after the half minute of production.
        .with("ejection = { base = \"1s\" }")
        .region(FRANKFURT, &urls(&frankfurt))
        .region(VIRGINIA, &urls(&virginia));
    let mut pop = Pop::start(&service.site());
    pop.wait_health("shop", FRANKFURT.0, "healthy");
    pop.wait_health("shop", VIRGINIA.0, "healthy");

    let gets = Load::start(pop.address(), 4, 100, |_| Ask::get("/api/where").from(IN_GERMANY));
    let posts = Load::start(pop.address(), 4, 50, |number| {
        Ask::post("/api/cart", format!("{{\"item\": \"item-{number}\"}}"))
            .from(IN_GERMANY)
            .field("content-type", "application/json")
    });
    gets.run_on(50);
    assert_eq!(pop.ask(&Ask::get("/api/where").from(IN_GERMANY)).json()["region"], FRANKFURT.0);

    for server in &mut frankfurt {
        server.kill();
    }
    pop.wait_health("shop", FRANKFURT.0, "down");
    let down = format!("/services/shop/regions/{}", FRANKFURT.0);
    wait_until("/status says why", || {
        let endpoints = pop.status_of(&format!("{down}/endpoints"));
        let is_dead = |endpoint: &Value| endpoint["state"] == "down" && endpoint["last_probe"]["failure"].is_string();
        endpoints.as_array().unwrap().iter().all(is_dead)
    });
    gets.run_on(50);
    assert_eq!(pop.ask(&Ask::get("/api/where").from(IN_GERMANY)).json()["region"], VIRGINIA.0);

    for server in &mut frankfurt {
        server.revive();
    }
    pop.wait_health("shop", FRANKFURT.0, "healthy");
    wait_until("the region is used again", || {
        pop.ask(&Ask::get("/api/where").from(IN_GERMANY)).json()["region"] == FRANKFURT.0
    });
    gets.run_on(50);
    assert!(pop.status_of(&format!("{down}/returned_ms")).is_u64());

    let (gets, posts) = (gets.stop(), posts.stop());
    assert_eq!(gets.bad(), 0, "GETs failed: {gets:?}");
    check_posts(&posts, &items(data.path()), &pop.process().output());
    pop.wait_quiet();
}

/// A POST that succeeded was done once. One that failed had been sent to the server that died, and was not done twice.
fn check_posts(posts: &portolan_tests::Report, items: &BTreeMap<String, usize>, log: &str) {
    let twice: Vec<_> = items.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "done more than once: {twice:?}");
    for number in 0..posts.sent {
        let number = number.to_string();
        let done = items.get(&format!("item-{number}")).copied().unwrap_or(0);
        assert!(done == 1 || posts.bad.contains(&number), "item-{number} was answered with 200 and not done");
    }
    assert!(posts.failures.is_empty(), "a client must get an answer: {posts:?}");
    let unsent = ["connect", "connect-timeout", "tls", "unresolved"];
    for line in log.lines().filter(|line| line.contains("/api/cart")) {
        let record: Value = serde_json::from_str(line).unwrap();
        let refused = record["refused"].as_str().unwrap_or("-");
        assert!(!unsent.contains(&refused), "failed although nothing had been sent: {line}");
    }
    println!("{} POSTs, {} failed with the server that had taken them", posts.sent, posts.bad());
}

#[test]
fn a_server_that_only_traffic_finds_dead_is_ejected_and_comes_back() {
    let (bad, good) = (portolan_tests::scripts::answering(""), Member::start("good"));
    let service = Service::new("shop")
        .with("ejection = { consecutive = 3, base = \"1s\" }")
        .region(FRANKFURT, &[bad.url(), good.url()]);
    let pop = Pop::start(&service.site());
    let mut client = Client::to(pop.address());
    let endpoint = || {
        let endpoints = pop.status_of(&format!("/services/shop/regions/{}/endpoints", FRANKFURT.0));
        endpoints.as_array().unwrap().iter().find(|endpoint| endpoint["url"] == bad.url().as_str()).unwrap().clone()
    };
    wait_until("the dead server is ejected", || {
        assert_eq!(client.ask(&Ask::get("/")).unwrap().text(), "good", "the retry hides it");
        endpoint()["state"] == "ejected"
    });
    let ejected = endpoint()["ejected"].clone();
    assert!(ejected["for_ms"].as_u64().is_some_and(|left| left <= 2_000), "{ejected}");
    let before = bad.seen().len();
    for _ in 0..50 {
        assert_eq!(client.ask(&Ask::get("/")).unwrap().status, 200);
    }
    assert_eq!(bad.seen().len(), before, "an ejected server was still asked");
    wait_until_within(Duration::from_secs(10), "the ejection ends", || endpoint()["state"] != "ejected");
    wait_until("it is asked again", || {
        let _ = client.ask(&Ask::get("/"));
        bad.seen().len() > before
    });
}

#[test]
fn a_session_comes_home_after_the_documented_time_and_not_before() {
    let (home, away) = (Member::start("home"), Member::start("away"));
    let service = Service::new("shop")
        .probed()
        .with("affinity = { mode = \"temporary\", failback = \"2s\" }")
        .region(FRANKFURT, &[home.url()])
        .region(VIRGINIA, &[away.url()]);
    let pop = Pop::start(&service.site());
    pop.wait_health("shop", FRANKFURT.0, "healthy");
    pop.wait_health("shop", VIRGINIA.0, "healthy");
    let first = pop.ask(&Ask::get("/").from(IN_GERMANY));
    assert_eq!(first.text(), "home");
    let cookie = first.cookie("portolan").expect("a pin").to_owned();
    let ask = Ask::get("/").from(IN_GERMANY).cookie("portolan", &cookie);

    home.set_well(false);
    pop.wait_health("shop", FRANKFURT.0, "down");
    let moved = pop.ask(&ask);
    assert_eq!(moved.text(), "away");
    assert_eq!(moved.cookie("portolan"), None, "a temporary move leaves the pin as it is");
    let told = away.served().last().unwrap().field("portolan-session-moved").map(str::to_owned);
    assert_eq!(told.as_deref(), Some("from=eu-frankfurt; reason=down"));

    home.set_well(true);
    pop.wait_health("shop", FRANKFURT.0, "healthy");
    let well = Instant::now();
    assert_eq!(pop.ask(&ask).text(), "away", "the region has only just come back");
    assert_eq!(pop.ask(&Ask::get("/").from(IN_GERMANY)).text(), "home", "new sessions go there at once");
    wait_until("the session comes home", || pop.ask(&ask).text() == "home");
    let waited = well.elapsed();
    // The status was asked a moment after the region came back, so a little less than the whole time may be seen.
    assert!(waited >= Duration::from_millis(1_500), "home after {waited:?} already");
    assert!(waited < Duration::from_secs(10), "home only after {waited:?}");
}

#[test]
fn what_comes_back_ramps_up_slowly() {
    let (near, far) = (Member::start("near"), Member::start("far"));
    let service = Service::new("shop")
        .probed()
        .region(FRANKFURT, &[near.url()])
        .region(VIRGINIA, &[far.url()])
        .site()
        .replace("slow_start = \"0s\"", "slow_start = \"1h\"");
    let pop = Pop::start(&service);
    pop.wait_health("shop", FRANKFURT.0, "healthy");
    near.set_well(false);
    pop.wait_health("shop", FRANKFURT.0, "down");
    near.set_well(true);
    pop.wait_health("shop", FRANKFURT.0, "healthy");
    let (near_before, far_before) = (near.served().len(), far.served().len());
    let mut client = Client::to(pop.address());
    for _ in 0..300 {
        assert_eq!(client.ask(&Ask::get("/").from(IN_GERMANY)).unwrap().status, 200);
    }
    let (back, elsewhere) = (near.served().len() - near_before, far.served().len() - far_before);
    // A tenth at the beginning: 30 of 300 expected, five standard deviations are 26.
    assert!((4..=60).contains(&back) && back + elsewhere == 300, "{back} of 300 went to a region that just came back");
}

#[test]
fn everything_down_is_a_503_that_says_when_to_come_again() {
    let only = Member::start("only");
    let pop = Pop::start(&Service::new("shop").probed().region(FRANKFURT, &[only.url()]).site());
    pop.wait_health("shop", FRANKFURT.0, "healthy");
    only.set_well(false);
    pop.wait_health("shop", FRANKFURT.0, "down");
    let answer = pop.get("/");
    assert_eq!((answer.status, answer.field("retry-after")), (503, Some("5")), "{}", answer.text());
    assert_eq!(pop.metrics().count("portolan_no_target_total", &[("reason", "all-down")]), 1);
    only.set_well(true);
    pop.wait_health("shop", FRANKFURT.0, "healthy");
    assert_eq!(pop.get("/").text(), "only");
}
