//! Policies that watch the regions in the background: what they learn of servers steers, what they do wrong steers nothing.

use portolan_tests::pop::run;
use portolan_tests::scripts::{answering, named, ok, repeating, response, silent};
use portolan_tests::site::{FRANKFURT, IN_GERMANY, Service, VIRGINIA, policy, pop, shipped};
use portolan_tests::{Ask, Origin, Pop, binaries, wait_until};
use std::sync::{Arc, Mutex};

/// The guest; its grant is `allow`, in the words of the configuration.
fn watchman(deed: &str, urls: &[String], more: &str) -> String {
    let config = format!("{{ deed = \"{deed}\", urls = {urls:?} }}");
    policy("watchman", &binaries::guest("watchman"), &config, &format!("kv = {{ seen = {{}} }}\n{more}"))
}

fn allow(urls: &[String]) -> String {
    format!("http = {{ allow = {urls:?}, timeout = \"500ms\", size = \"1KiB\", rate = 50 }}\n")
}

/// A region in Frankfurt and the watchman before it.
fn start(home: &Origin, policies: &str) -> Pop {
    let shop = Service::new("shop").with("policies = [\"watchman\"]").region(FRANKFURT, &[home.url()]);
    Pop::start(&(pop() + &shop.routed() + policies))
}

/// What the watchman said of a key in the request that an origin saw last.
fn seen(pop: &Pop, home: &Origin, key: &str) -> Option<String> {
    let answer = pop.ask(&Ask::get("/").from(IN_GERMANY));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let said = home.seen().iter().rev().find_map(|seen| seen.field("x-seen").map(str::to_owned))?;
    said.split(';').find_map(|part| part.strip_prefix(key)?.strip_prefix('=')).map(str::to_owned)
}

fn health(pop: &Pop, policy: &str, key: &str) -> serde_json::Value {
    pop.status_of(&format!("/policies/{policy}/health/{key}"))
}

#[test]
fn what_regions_say_of_themselves_steers() {
    let say = Arc::new(Mutex::new("open"));
    let status = {
        let say = Arc::clone(&say);
        Origin::start(move |speaker| {
            while speaker.request()?.is_some() {
                speaker.say(ok(*say.lock().unwrap()))?;
            }
            Ok(())
        })
    };
    let (home, away) = (named("home"), named("away"));
    let url = format!("{}/status", status.url());
    let labels = format!("labels = {{ status = \"{url}\" }}");
    let shop = Service::new("shop").with("policies = [\"region-status\"]");
    let shop = shop.region_with(FRANKFURT, &[home.url()], &labels).region(VIRGINIA, &[away.url()]);
    let more = format!("kv = {{ said = {{}} }}\nhttp = {{ allow = [\"{url}\"] }}\n");
    let config = "{ every = \"250ms\", stale = \"60s\" }";
    let pop = Pop::start(&(pop() + &shop.routed() + &shipped("region-status", config, &more)));
    let served = || pop.ask(&Ask::get("/").from(IN_GERMANY)).text();
    wait_until("the region was asked", || !status.seen().is_empty());
    assert_eq!(served(), "home");
    for (said, by) in [("closed for a migration", "away"), ("open", "home"), ("busy", "away")] {
        *say.lock().unwrap() = said;
        wait_until("the policy follows what the region says", || served() == by);
    }
    let asked = status.seen();
    assert_eq!((asked[0].target.as_str(), asked[0].field("user-agent").is_some()), ("/status", true));
    let metrics = pop.metrics();
    let labels = [("policy", "region-status"), ("outcome", "answered")];
    assert!(metrics.count("portolan_policy_fetches_total", &labels) >= 4);
    assert!(metrics.count("portolan_policy_health_calls_total", &[("outcome", "ok")]) >= 4);
    // The region's own health is the router's: the policy moved its traffic and nothing else.
    assert_ne!(pop.status_of("/services/shop/regions/eu-frankfurt/health"), "down");
}

#[test]
fn a_region_that_dies_is_told_and_a_server_over_tls_is_asked() {
    let home = named("home");
    let away = portolan_tests::scripts::Member::start("away");
    let authority = portolan_tests::secure::Authority::new();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
    let server = Tls::start(&authority);
    let urls = [format!("https://localhost:{}/load", server.port)];
    let granted = format!("http = {{ allow = {urls:?}, ca = \"ca.pem\" }}\n");
    let shop = Service::new("shop").with("policies = [\"watchman\"]").probed();
    let shop = shop.region(FRANKFURT, &[home.url()]).region(VIRGINIA, &[away.url()]);
    let pop = Pop::start_in(folder, &(pop() + &shop.routed() + &watchman("follow", &urls, &granted)));
    wait_until("it is told that the region is well", || {
        seen(&pop, &home, "us-virginia").is_some_and(|said| said.ends_with(">healthy"))
    });
    away.set_well(false);
    wait_until("it is told that the region is down", || {
        seen(&pop, &home, "us-virginia").as_deref() == Some("healthy>down")
    });
    wait_until("the server was asked", || seen(&pop, &home, "url-0").as_deref() == Some("200 5 hello"));
}

#[test]
fn what_is_not_granted_is_refused() {
    let home = named("home");
    let config = Service::new("shop").with("policies = [\"watchman\"]").region(FRANKFURT, &[home.url()]).site();
    let ungranted = run(&(config.clone() + &watchman("follow", &[], "")), &["check"]);
    let words =
        "imports portolan:policy/http@0.1.0, which is not granted; `http = { allow = [\"https://HOST/PATH\"] }`";
    assert!(ungranted.code == 2 && ungranted.err.contains(words), "{}", ungranted.err);
    let empty = run(&(config + &watchman("follow", &[], "http = { allow = [] }\n")), &["check"]);
    assert!(empty.code == 2 && empty.err.contains("and no place to ask"), "{}", empty.err);
    let secret = named("secret");
    let urls =
        [format!("{}/inside", secret.url()), format!("{}/in", secret.url()), "http://169.254.169.254/".to_owned()];
    let pop = start(&home, &watchman("follow", &urls, &allow(&urls[..1])));
    wait_until("the first is answered", || seen(&pop, &home, "url-0").as_deref() == Some("200 6 secret"));
    for other in ["url-1", "url-2"] {
        assert_eq!(seen(&pop, &home, other).as_deref(), Some("not-granted"));
    }
    assert!(secret.seen().iter().all(|seen| seen.target == "/inside"));
    // On the way of a request nothing is asked, whatever is granted.
    let pop = start(&home, &watchman("fetch-in-route", &urls[..1], &allow(&urls[..1])));
    pop.ask(&Ask::get("/").from(IN_GERMANY));
    assert_eq!(home.seen().last().unwrap().field("x-seen"), Some("unavailable"));
}

#[test]
fn servers_that_are_slow_huge_or_strange_are_bounded() {
    let home = named("home");
    let huge = repeating(response("200 OK", "", "a".repeat(1 << 20)));
    let moved = answering(response("302 Found", "location: http://169.254.169.254/\r\n", ""));
    let servers = [silent(), huge, answering("SSH-2.0-OpenSSH_9.9\r\n"), moved, named("well")];
    let urls: Vec<String> = servers.iter().map(|server| format!("{}/status", server.url())).collect();
    let pop = start(&home, &watchman("follow", &urls, &allow(&urls)));
    for (place, said) in ["timeout", "too-large", "broken", "302 0 ", "200 4 well"].into_iter().enumerate() {
        let key = format!("url-{place}");
        wait_until("each is bounded", || seen(&pop, &home, &key).as_deref().map(str::trim) == Some(said.trim()));
    }
    assert_eq!(health(&pop, "watchman", "failures/timeout"), 0, "waiting is not the policy's own time");
}

#[test]
fn what_watches_badly_leaves_traffic_alone_and_begins_anew() {
    let home = named("home");
    let well = named("well");
    let urls = [well.url()];
    for (deed, word) in
        [("watch-traps", "trap"), ("watch-spins", "timeout"), ("watch-hogs", "out-of-memory"), ("fetch-trap", "trap")]
    {
        let pop = start(&home, &watchman(deed, &urls, &allow(&urls)));
        wait_until("it failed, and failed again after a pause", || {
            assert_eq!(pop.ask(&Ask::get("/").from(IN_GERMANY)).status, 200, "{deed}");
            health(&pop, "watchman", "backoff_ms").as_u64() >= Some(2_000)
        });
        assert!(health(&pop, "watchman", &format!("failures/{word}")).as_u64() >= Some(2), "{deed}");
        assert!(!health(&pop, "watchman", "last_failure").is_null(), "{deed}");
        let metrics = pop.metrics();
        let count = |name, labels: &[(&str, &str)]| metrics.count(name, labels);
        assert!(count("portolan_policy_health_calls_total", &[("outcome", word)]) >= 2, "{deed}");
        assert_eq!(count("portolan_policy_calls_total", &[("policy", "watchman"), ("outcome", "quarantined")]), 0);
        assert!(pop.status_of("/policies/watchman/quarantine").is_null(), "{deed}: requests know nothing of it");
    }
}

#[test]
fn floods_are_cut_short() {
    let home = named("home");
    let well = named("well");
    let urls = [well.url()];
    for deed in ["fetch-flood", "fetch-broadside"] {
        let pop = start(&home, &watchman(deed, &urls, &allow(&urls)));
        let number = |key: &str| seen(&pop, &home, key).and_then(|said| said.parse::<u32>().ok());
        wait_until("it has asked", || number("too-many").is_some_and(|refused| refused > 1_000));
        assert!(number("answers").is_some_and(|answers| answers < 1_000), "{deed}");
    }
}

#[test]
fn a_reload_replaces_it_and_many_leave_one() {
    let home = named("home");
    let well = named("well");
    let urls = [well.url()];
    let first = watchman("follow", &urls, &allow(&urls));
    let mut pop = start(&home, &first);
    wait_until("it watches", || seen(&pop, &home, "url-0").as_deref() == Some("200 4 well"));
    let config = std::fs::read_to_string(pop.file()).unwrap();
    for round in 0..20 {
        pop.change(&config.replace("rate = 50", &format!("rate = {}", 100 + round)));
    }
    let id = pop.process().id();
    let threads = || {
        let tasks = std::fs::read_dir(format!("/proc/{id}/task")).unwrap().flatten();
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
        names.filter(|name| name.trim() == "policy-health").count()
    };
    wait_until("one is left", || threads() == 1);
    let before = well.seen().len();
    wait_until("and it watches", || well.seen().len() > before);
    // Where no service asks the policy, nothing watches.
    pop.change(&config.replace("policies = [\"watchman\"]", "policies = []"));
    wait_until("none is left", || threads() == 0);
}

/// A server over TLS that says hello.
struct Tls {
    port: u16,
}

impl Tls {
    fn start(authority: &portolan_tests::secure::Authority) -> Self {
        let acceptor = authority.issue(&["localhost"]).acceptor();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        listener.set_nonblocking(true).unwrap();
        std::thread::spawn(move || {
            portolan_tests::secure::runtime().block_on(async move {
                use tokio::io::{AsyncReadExt, AsyncWriteExt};
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    // A client that does not trust it leaves, which is no concern of the server.
                    let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                    let _ = stream.read(&mut [0; 4096]).await;
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").await;
                    let _ = stream.shutdown().await;
                }
            });
        });
        Self { port }
    }
}
