//! Trust before traffic: what a policy would do is known before it does it.

use portolan_tests::pop::run_command;
use portolan_tests::scripts::{named, response};
use portolan_tests::site::{FRANKFURT, IN_GERMANY, Service, VIRGINIA, policy, pop, shipped};
use portolan_tests::{Ask, Origin, Pop, binaries, wait_until};

/// A canary that sends whoever asks for it to Virginia.
const CANARY: &str = "{ label = \"track\", value = \"canary\", header = \"x-canary\", share = 0.0 }";

#[test]
fn a_shadow_is_compared_and_touches_nobody() {
    let (home, away) = (named("home"), named("away"));
    let shop = Service::new("shop")
        .with("policies = [\"canary\", \"sinner\"]\naffinity = {}")
        .region(FRANKFURT, &[home.url()])
        .region_with(VIRGINIA, &[away.url()], "labels = { track = \"canary\" }");
    let shadow = "shadow = true\n";
    let sinner = policy(
        "sinner",
        &binaries::guest("sinner"),
        "{ sin = \"trap\" }",
        "shadow = true\non_error = \"reject\"\nlimits = { time = \"200ms\" }",
    );
    let pop = Pop::start(&(pop() + &shop.routed() + &shipped("canary", CANARY, shadow) + &sinner));
    let ask = || Ask::get("/").from(IN_GERMANY);
    let first = pop.ask(&ask());
    let pin = first.pin();
    for _ in 0..3 {
        assert_eq!(pop.ask(&ask().field("x-canary", "always")).text(), "home", "a shadow moves nobody");
    }
    assert_eq!(pop.ask(&ask().field("x-canary", "always").cookie("portolan", &pin)).text(), "home");
    assert!(away.seen().is_empty(), "{:?}", away.seen());

    let moved = [("policy", "canary"), ("service", "shop"), ("from", FRANKFURT.0), ("to", VIRGINIA.0)];
    wait_until("four moves are in the metrics", || pop.metrics().count("portolan_policy_compared_total", &moved) == 4);
    let metrics = pop.metrics();
    assert_eq!(metrics.count("portolan_policy_compared_broken_pins_total", &[("policy", "canary")]), 1);
    assert!(metrics.count("portolan_policy_calls_total", &[("policy", "sinner"), ("outcome", "trap")]) >= 3);
    let status = pop.status_of("/services/shop");
    assert_eq!(status["policies"].as_array().map(Vec::len), Some(0), "{status:#}");
    assert_eq!(status["shadows"]["canary"]["moved"], 4, "{status:#}");
    assert_eq!(
        status["shadows"]["sinner"]["failed"], 5,
        "quarantined or not, each is one without a verdict: {status:#}"
    );

    let admin = format!("http://{}", pop.admin_address());
    let diff = run_command(&["policy", "diff", "--admin", &admin, "canary"]);
    assert_eq!(diff.code, 0, "{}", diff.err);
    for words in ["canary in service shop, as one more\n  sha256:", "moved", "80.00 %", "us-virginia"] {
        assert!(diff.out.contains(words), "{words:?} is missing in\n{}", diff.out);
    }
    let other = run_command(&["policy", "diff", "--admin", &admin, "nobody"]);
    assert_eq!((other.code, other.err.contains("\"nobody\"")), (2, true), "{}", other.err);
    let url = "http://shop.example/";
    let explained =
        run_command(&["explain", "--admin", &admin, "--client", IN_GERMANY, "-H", "x-canary: always", "GET", url]);
    for words in ["us): route fence=us-virginia bind[", "would move it from eu-frankfurt to us-virginia"] {
        assert!(explained.out.contains(words), "{words:?} is missing in\n{}", explained.out);
    }
}

#[test]
fn a_shadows_key_moves_nobody_and_is_seen() {
    let (home, away) = (named("home"), named("away"));
    let shop = Service::new("shop")
        .with("policies = [\"keyed\"]\ntie_band = { distance = \"20000km\" }")
        .region(FRANKFURT, &[home.url()])
        .region(VIRGINIA, &[away.url()]);
    let more = "shadow = true\nlimits = { time = \"200ms\" }";
    let keyed = policy("keyed", &binaries::guest("keyed"), "{ field = \"header:x-user\" }", more);
    let pop = Pop::start(&(pop() + &shop.routed() + &keyed));
    for user in 0..40 {
        assert_eq!(pop.ask(&Ask::get("/").from(IN_GERMANY).field("x-user", &format!("user-{user}"))).status, 200);
    }
    assert_eq!(pop.ask(&Ask::get("/").from(IN_GERMANY)).status, 200, "it gives no key for this one");
    let service = [("policy", "keyed"), ("service", "shop")];
    wait_until("forty keys are in the metrics", || {
        pop.metrics().count("portolan_policy_compared_other_keys_total", &service) == 40
    });
    let status = pop.status_of("/services/shop/shadows/keyed");
    assert_eq!((&status["compared"], &status["agreed"], &status["other_keys"]), (&41.into(), &1.into(), &40.into()));
    let moved = status["moved"].as_u64().unwrap_or(0);
    assert!((1..40).contains(&moved), "by the dice some are where their key leads: {status:#}");
    let admin = format!("http://{}", pop.admin_address());
    let explain = ["explain", "--admin", &admin, "--client", IN_GERMANY, "-H", "x-user: ann", "GET"];
    let explained = run_command(&[&explain[..], &["http://shop.example/"]].concat());
    for words in ["shadow keyed (sha256:", "us): key\n", "would give the session another key"] {
        assert!(explained.out.contains(words), "{words:?} is missing in\n{}", explained.out);
    }
}

#[test]
fn a_shadow_hears_answers_and_nobody_notices() {
    let origin = |name: &'static str| {
        Origin::start(move |speaker| {
            while let Some(seen) = speaker.request()? {
                let status = seen.target.split('/').nth(1).filter(|part| part.len() == 3).unwrap_or("200");
                speaker.say(response(&format!("{status} So"), "x-origin: a\r\n", name))?;
            }
            Ok(())
        })
    };
    let (home, away) = (origin("home"), origin("away"));
    let shop = Service::new("shop")
        .with("policies = [\"live\", \"next\"]\naffinity = {}")
        .region(FRANKFURT, &[home.url()])
        .region(VIRGINIA, &[away.url()]);
    let limits = "limits = { time = \"200ms\" }\n";
    let listener = binaries::guest("listener");
    let live = policy("live", &listener, "{ note = 200 }", limits);
    let next = policy(
        "next",
        &listener,
        "{ next = 404, note = 200, bind = 201, trap = 418 }",
        &format!("{limits}shadow = true\nreplaces = \"live\"\non_error = \"reject\""),
    );
    let pop = Pop::start(&(pop() + &shop.routed() + &live + &next));
    let ask = |path: &str| pop.ask(&Ask::get(path).from(IN_GERMANY));
    let noted = ask("/hello");
    assert_eq!(noted.field("x-heard"), Some("200 1 eu-frankfurt true /hello a"), "the one that acts is heard");
    for path in ["/404/x", "/201/x", "/418/x", "/418/x"] {
        let answer = ask(path);
        assert_eq!((answer.status.to_string(), answer.text().as_str()), (path[1..4].to_owned(), "home"));
        assert!(answer.cookie("portolan").is_some(), "the pin is as the plan says");
    }
    assert!(away.seen().is_empty(), "{:?}", away.seen());

    let service = [("policy", "next"), ("service", "shop")];
    wait_until("five answers are in the metrics", || {
        pop.metrics().count("portolan_policy_compared_answers_total", &service) == 5
    });
    let differing = |what| {
        pop.metrics()
            .count("portolan_policy_compared_answers_differing_total", &[service[0], service[1], ("what", what)])
    };
    assert_eq!((differing("next"), differing("pin"), differing("headers")), (1, 1, 0));
    let status = pop.status_of("/services/shop/shadows/next");
    let answers = &status["answers"];
    assert_eq!((&answers["agreed"], &answers["failed"]), (&3.into(), &2.into()), "{status:#}");
    assert_eq!(status["compared"], 0, "what bears on no decision is compared with none: {status:#}");

    let admin = format!("http://{}", pop.admin_address());
    let diff = run_command(&["policy", "diff", "--admin", &admin, "next"]);
    for words in ["next in service shop, in place of live", "answers compared", "another region asked", "60.00 %"] {
        assert!(diff.out.contains(words), "{words:?} is missing in\n{}", diff.out);
    }
}

#[test]
fn what_was_recorded_under_load_is_replayed() {
    let (home, away) = (named("home"), named("away"));
    let shop = Service::new("shop")
        .with("policies = [\"canary\"]\naffinity = {}")
        .region_with(FRANKFURT, &[home.url()], "capacity = 1000")
        .region_with(VIRGINIA, &[away.url()], "labels = { track = \"canary\" }");
    let half = CANARY.replace("0.0", "0.5");
    let record = "[record]\nfile = \"decisions\"\nshare = 1\n";
    let mut pop = Pop::start(&(pop() + &shop.routed() + &shipped("canary", &half, "") + record));
    let asked = 400;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut pin: Option<String> = None;
                for _ in 0..asked / 4 {
                    let ask = Ask::get("/").from(IN_GERMANY);
                    let answer = pop.ask(&pin.iter().fold(ask, |ask, pin| ask.cookie("portolan", pin)));
                    assert_eq!(answer.status, 200);
                    pin = if pin.is_some() { None } else { Some(answer.pin()) };
                }
            });
        }
    });
    wait_until("every decision is written", || {
        pop.metrics().count("portolan_recorded_decisions_total", &[("outcome", "written")]) == asked
    });
    assert_eq!(pop.metrics().count("portolan_recorded_decisions_total", &[("outcome", "dropped")]), 0);
    pop.terminate(std::time::Duration::from_secs(30));
    let file = pop.folder().join("decisions").display().to_string();
    let replay = |plugin: &str, more: &[&str]| {
        let plugin = binaries::plugin(plugin).display().to_string();
        run_command(&[&["replay", &file, "--policy", &plugin], more].concat())
    };
    let same = replay("canary", &[]);
    assert_eq!(same.code, 0, "{}", same.err);
    assert!(same.out.contains(&format!("0 of {asked} decisions move (0.00 %)")), "{}", same.out);
    assert_eq!(replay("canary", &[]).out, same.out, "to the byte");
    let none = replay("canary", &["--config", &CANARY.replace("0.0", "0.0001"), "--json"]);
    let found: serde_json::Value = serde_json::from_str(&none.out).unwrap();
    let shop = &found["services"]["shop"];
    assert_eq!(shop["decisions"], asked, "{found:#}");
    let moved = shop["moved"].as_u64().unwrap_or(0);
    assert!(moved > 0 && moved < asked, "new sessions stay at home: {found:#}");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, &text[..text.len() - 5]).unwrap();
    let cut = replay("canary", &[]);
    assert_eq!((cut.code, cut.err.contains("the line is cut short")), (2, true), "{}", cut.err);
    assert_eq!(replay("canary", &["--whole-lines"]).code, 0);
}
