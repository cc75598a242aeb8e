//! Policies that are given to a share of the sessions: who gets them, and that they come back by themselves.

use portolan_tests::pop::run_command;
use portolan_tests::scripts::named;
use portolan_tests::site::{FRANKFURT, IN_GERMANY, Service, VIRGINIA, policy, pop};
use portolan_tests::{Ask, Origin, Pop, binaries, wait_until};
use std::collections::BTreeSet;
use std::time::Duration;

/// Sessions of a test.
const SESSIONS: usize = 300;

/// Keeps everyone in Frankfurt: the policy of before.
fn live() -> String {
    let config = format!("{{ allow = [\"{}\"] }}", FRANKFURT.0);
    policy("live", &binaries::plugin("residency"), &config, "limits = { time = \"500ms\" }\non_error = \"reject\"")
}

/// Keeps everyone in Virginia, for a share of the sessions.
fn next(rollout: &str) -> String {
    live()
        .replace("policies.live", "policies.next")
        .replace(FRANKFURT.0, VIRGINIA.0)
        .replace("on_error", &format!("replaces = \"live\"\nrollout = {rollout}\non_error"))
}

/// Fails in each call, for a share of the sessions.
fn trapping(rollout: &str) -> String {
    let more =
        format!("limits = {{ time = \"200ms\" }}\nreplaces = \"live\"\nrollout = {rollout}\non_error = \"reject\"");
    policy("next", &binaries::guest("sinner"), "{ sin = \"trap\" }", &more)
}

/// Two regions with an origin each.
struct World {
    home: Origin,
    away: Origin,
}

impl World {
    fn new() -> Self {
        Self { home: named("home"), away: named("away") }
    }

    fn site(&self, next: &str) -> String {
        let shop = Service::new("shop")
            .with("policies = [\"live\", \"next\"]\naffinity = {}")
            .region(FRANKFURT, &[self.home.url()])
            .region(VIRGINIA, &[self.away.url()]);
        pop() + &shop.routed() + &live() + next
    }
}

/// The address of a session's client.
fn client(session: usize) -> String {
    format!("217.{}.{}.7", session / 250, session % 250)
}

fn asking(session: usize) -> Ask {
    Ask::get("/").from(&client(session))
}

/// Sessions that are served by the policy that is rolled out, when they come without a token; and the tokens of all.
fn away(pop: &Pop) -> (BTreeSet<usize>, Vec<String>) {
    let answers: Vec<_> = (0..SESSIONS).map(|session| pop.ask(&asking(session))).collect();
    let away = answers.iter().enumerate().filter(|(_, answer)| answer.text() == "away").map(|(session, _)| session);
    (away.collect(), answers.iter().map(|answer| answer.pin()).collect())
}

#[test]
fn a_share_of_the_sessions_is_served_by_it_and_each_stays() {
    let world = World::new();
    let pop = Pop::start(&world.site(&next("{ share = 0.1 }")));
    let (tenth, pins) = away(&pop);
    // The places of these clients are fixed by their addresses: this is no dice.
    assert!((15..=45).contains(&tenth.len()), "a tenth of {SESSIONS}: {}", tenth.len());
    assert_eq!(away(&pop).0, tenth, "who brings no token stays too");
    let served = |session: usize, pin: &str| {
        pop.ask(&Ask::get("/").from(IN_GERMANY).cookie("portolan", pin)).text()
            == if tenth.contains(&session) { "away" } else { "home" }
    };
    assert!(pins.iter().enumerate().all(|(session, pin)| served(session, pin)), "a token keeps its side anywhere");
    let calls = |name: &str| pop.metrics().count("portolan_policy_calls_total", &[("policy", name)]);
    assert_eq!(calls("next") + calls("live"), 3 * SESSIONS as u64, "one of the two is asked");

    pop.change(&world.site(&next("{ share = 0.5 }")));
    let (half, _) = away(&pop);
    assert!((115..=185).contains(&half.len()), "half of {SESSIONS}: {}", half.len());
    assert!(tenth.is_subset(&half), "a larger share keeps the sessions of a smaller one");
    let other = Pop::start(&world.site(&next("{ share = 0.5 }")).replace("name = \"test\"", "name = \"other\""));
    assert_eq!(away(&other).0, half, "every PoP makes the same choice");
    pop.change(&world.site(&next("{ share = 1 }")));
    assert_eq!(away(&pop).0.len(), SESSIONS);
    assert_eq!(pop.metrics().sum("portolan_policy_rollout_share", &[("policy", "next")]), 1.0);
    pop.change(&world.site(&next("{ share = 0 }")));
    assert!(away(&pop).0.is_empty());
}

/// Waits until the rollout gave its sessions back, with every answer good.
fn until_back(pop: &Pop, cause: &str) {
    let mut session = 0;
    wait_until("the sessions are given back", || {
        for _ in 0..20 {
            session = (session + 1) % SESSIONS;
            assert_eq!(pop.ask(&asking(session)).status, 200, "no request fails for a rollout");
        }
        pop.status_of("/rollouts/next/state") == "back"
    });
    assert_eq!(pop.status_of("/rollouts/next/returned/cause"), cause);
    let returns = [("policy", "next"), ("cause", cause)];
    assert_eq!(pop.metrics().count("portolan_policy_rollout_returns_total", &returns), 1);
}

#[test]
fn one_that_traps_gives_its_sessions_back_and_the_operator_takes_it_up_again() {
    let world = World::new();
    let mut pop = Pop::start(&world.site(&trapping("{ share = 1 }")));
    until_back(&pop, "errors");
    assert!(world.away.seen().is_empty(), "the policy of before acts instead: {:?}", world.away.seen());
    assert_eq!(pop.metrics().sum("portolan_policy_rollout_share", &[("policy", "next")]), 0.0);
    let why = pop.status_of("/rollouts/next/returned/why");
    assert!(why.as_str().unwrap().contains("calls failed within 60s"), "{why}");
    pop.process().hear("why, in the log", Duration::from_secs(10), |line| {
        line.contains("the rollout of policy next is over").then_some(())
    });
    let admin = format!("http://{}", pop.admin_address());
    let status = run_command(&["status", "--admin", &admin]);
    assert!(status.out.contains("BACK ") && status.out.contains("calls failed"), "{}", status.out);
    let explain = ["explain", "--admin", &admin, "--client", IN_GERMANY, "GET", "http://shop.example/"];
    let explained = run_command(&explain);
    assert!(explained.out.contains("rollout next (100 % of the sessions"), "{}", explained.out);
    assert!(explained.out.contains("acts for nobody:") && explained.out.contains("calls failed"), "{}", explained.out);

    let calls = || pop.metrics().count("portolan_policy_calls_total", &[("policy", "next")]);
    let before = calls();
    assert_eq!((pop.get("/").text().as_str(), calls()), ("home", before), "it is not asked any more");
    assert_eq!(pop.reload().status, 200);
    assert_eq!(pop.status_of("/rollouts/next/state"), "back", "a reload that changes nothing changes nothing");

    let on = run_command(&["rollout", "next", "--state", "on", "--admin", &admin]);
    assert_eq!((on.code, on.out.as_str()), (0, "next acts for its share of the sessions\n"), "{}", on.err);
    assert_eq!(pop.status_of("/rollouts/next/state"), "on");
    assert_eq!(pop.get("/").text(), "home");
    assert_eq!(calls(), before + 1, "it is asked again");
    let back = run_command(&["rollout", "next", "--state", "back", "--admin", &admin]);
    assert_eq!(back.code, 0, "{}", back.err);
    assert_eq!(pop.status_of("/rollouts/next/returned/cause"), "operator");
    let nobody = run_command(&["rollout", "live", "--state", "on", "--admin", &admin]);
    assert_eq!(nobody.code, 2);
    assert!(
        nobody.err.contains("no policy \"live\" is given to a share of the sessions; there are: next"),
        "{}",
        nobody.err
    );

    pop.change(&world.site(&next("{ share = 1 }")));
    assert_eq!(pop.status_of("/rollouts/next/state"), "on", "another component is another rollout");
    assert_eq!(pop.get("/").text(), "away");
}

#[test]
fn one_that_sends_too_many_elsewhere_gives_its_sessions_back() {
    let world = World::new();
    let pop = Pop::start(&world.site(&next("{ share = 0.5, disagreements = 0.2 }")));
    until_back(&pop, "disagreements");
    assert!(away(&pop).0.is_empty(), "new sessions stay at home");
    let moved = [("policy", "next"), ("service", "shop"), ("from", FRANKFURT.0), ("to", VIRGINIA.0)];
    wait_until("what it moved is in the metrics", || {
        pop.metrics().count("portolan_policy_compared_total", &moved) >= 20
    });
    let admin = format!("http://{}", pop.admin_address());
    let diff = run_command(&["policy", "diff", "--admin", &admin, "next"]);
    assert!(diff.out.contains("next in service shop, in place of live") && diff.out.contains("moved"), "{}", diff.out);
}

#[test]
fn a_record_says_who_acted_and_a_replay_follows_it() {
    let world = World::new();
    let record = "[record]\nfile = \"decisions\"\nshare = 1\n";
    let mut pop = Pop::start(&(world.site(&next("{ share = 0.5, disagreements = 1 }")) + record));
    let (half, _) = away(&pop);
    wait_until("every decision is written", || {
        pop.metrics().count("portolan_recorded_decisions_total", &[("outcome", "written")]) == SESSIONS as u64
    });
    pop.terminate(Duration::from_secs(30));
    let file = pop.folder().join("decisions");
    let acted = std::fs::read_to_string(&file).unwrap().matches("\"rollouts\":[\"next\"]").count();
    assert_eq!(acted, half.len());
    let replay = |replaces: &str, config: Option<&str>| {
        let plugin = binaries::plugin("residency").display().to_string();
        let file = file.display().to_string();
        let mut arguments = vec!["replay", &file, "--policy", &plugin, "--replaces", replaces];
        arguments.extend(config.iter().flat_map(|config| ["--config", config]));
        let run = run_command(&arguments);
        assert_eq!(run.code, 0, "{}", run.err);
        run.out
    };
    for replaced in ["next", "live"] {
        let same = replay(replaced, None);
        assert!(same.contains(&format!("0 of {SESSIONS} decisions move (0.00 %)")), "{replaced}: {same}");
        assert_eq!(replay(replaced, None), same, "to the byte");
    }
    let home = replay("next", Some(&format!("{{ allow = [\"{}\"] }}", FRANKFURT.0)));
    assert!(home.contains(&format!("{} of {SESSIONS} decisions move", half.len())), "{home}");
}
