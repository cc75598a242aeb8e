//! Trust before traffic: what a policy would do is known before it does it.

use portolan_tests::pop::run_command;
use portolan_tests::scripts::named;
use portolan_tests::site::{FRANKFURT, IN_GERMANY, Service, VIRGINIA, policy, pop, shipped};
use portolan_tests::{Ask, Pop, binaries, wait_until};

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
    assert!(explained.out.contains("would move it from eu-frankfurt to us-virginia"), "{}", explained.out);
}
