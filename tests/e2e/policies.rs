//! Policies that misbehave cost nobody but themselves, and what cannot work is refused at the start, by name.

use portolan_tests::pop::run;
use portolan_tests::scripts::named;
use portolan_tests::site::{FRANKFURT, IN_GERMANY, Service, VIRGINIA, policy, pop};
use portolan_tests::{Ask, Client, Origin, Pop, binaries, wait_until, wait_until_within};
use std::time::Duration;

/// Guests of `tests/guests` that are refused at the start, what the refusal must say, and their configuration.
const REFUSED: [(&str, &str, &[&str]); 14] = [
    ("imports-env", "{}", &["imports wasi:sockets/"]),
    ("imports-forbidden", "{}", &["portolan:forbidden/door@0.1.0"]),
    ("newer-version", "{}", &["0.2.0", "0.1.0"]),
    ("no-route", "{}", &["route"]),
    ("not-a-policy", "{}", &["portolan:policy"]),
    ("wasi-inert", "{}", &["trap"]),
    ("sinner", "{ sin = \"bad-config\" }", &["the moon is not a region; try `eu-west`"]),
    ("sinner", "{ sin = \"bad-fields\" }", &["moon.phase"]),
    ("sinner", "{ sin = \"thousand-metrics\" }", &["declares 1000 metrics; at most 32 are accepted"]),
    ("sinner", "{ sin = \"hoard\" }", &["wants the bucket", "which is not granted; `kv = { hoard = {} }`"]),
    ("sinner", "{ sin = \"trap-describe\" }", &["trap"]),
    ("sinner", "{ sin = \"spin-describe\" }", &["time limit"]),
    ("sinner", "{ sin = \"init-fails\" }", &["the tide is out"]),
    ("sinner", "{ sin = \"init-traps\" }", &["trap"]),
];

/// Sins of each call: the word by which it is counted, or none where the verdict is made sense of.
const SINS: [(&str, Option<&str>); 17] = [
    ("trap", Some("trap")),
    ("spin", Some("timeout")),
    ("stall", Some("timeout")),
    ("hog", Some("out-of-memory")),
    ("recurse", Some("trap")),
    ("bad-reply", Some("nonsense")),
    ("bad-headers", Some("nonsense")),
    ("huge-reply", Some("nonsense")),
    ("huge-payload", Some("nonsense")),
    ("long-key", Some("nonsense")),
    ("odd-key", Some("nonsense")),
    ("essay", Some("nonsense")),
    ("huge-order", None),
    ("huge-ext", None),
    ("no-order", None),
    ("undeclared", None),
    ("latin1", None),
];

/// The sinner; it has more time than in production, for the tests share a machine with compilers.
fn sinner(sin: &str, more: &str) -> String {
    let more = format!("limits = {{ time = \"200ms\" }}\n{more}");
    policy("sinner", &binaries::guest("sinner"), &format!("{{ sin = \"{sin}\" }}"), &more)
}

/// Two regions; the sinner stands before the service `shop`, the service `quiet` has no policy.
struct World {
    home: Origin,
    away: Origin,
    pop: Pop,
}

impl World {
    fn start(settings: &str, policies: &str) -> Self {
        let (home, away) = (named("home"), named("away"));
        let shop = Service::new("shop").with("policies = [\"sinner\"]").with(settings);
        let shop = shop.region(FRANKFURT, &[home.url()]).region(VIRGINIA, &[away.url()]);
        let quiet = Service::new("quiet").region(FRANKFURT, &[home.url()]);
        let quiet_route = "[[routes]]\nhost = \"quiet.example\"\npath = \"/\"\nservice = \"quiet\"\n";
        // One worker, so that whoever is served beside the sinner is served by the same thread.
        let pop = pop().replace("workers = 2", "workers = 1");
        let pop = Pop::start(&(pop + &shop.routed() + &quiet.text() + quiet_route + policies));
        Self { home, away, pop }
    }

    fn count(&self, outcome: &str) -> u64 {
        self.pop.metrics().count("portolan_policy_calls_total", &[("policy", "sinner"), ("outcome", outcome)])
    }

    /// Instances of the sinner that live, and their memory in bytes.
    fn living(&self) -> (u64, u64) {
        let metrics = self.pop.metrics();
        let count = |name| metrics.count(name, &[("policy", "sinner")]);
        (count("portolan_policy_instances"), count("portolan_policy_memory_bytes"))
    }

    #[track_caller]
    fn neighbour_is_served(&self, when: &str) {
        let answer = self.pop.ask(&Ask::get("/").host("quiet.example"));
        assert_eq!((answer.status, answer.text().as_str()), (200, "home"), "a neighbour without the policy, {when}");
    }
}

#[test]
fn what_cannot_work_is_refused_at_the_start_by_name() {
    let origin = named("home");
    for (guest, config, told) in REFUSED {
        let service = Service::new("shop").with("policies = [\"guest\"]").region(FRANKFURT, &[origin.url()]);
        let config = service.site() + &policy("guest", &binaries::guest(guest), config, "");
        for command in ["run", "check"] {
            let run = run(&config, &[command]);
            assert_eq!(run.code, 2, "{command} of {guest} {config}: {}{}", run.out, run.err);
            for words in told.iter().chain(&["policy \"guest\"", "edge.toml:"]) {
                assert!(run.err.contains(words), "{command} of {guest} does not say {words:?}:\n{}", run.err);
            }
        }
    }
    // Files that are no component, or not all of one.
    let whole = std::fs::read(binaries::guest("good")).unwrap();
    let files: [(&str, &[u8], &str); 3] = [
        ("module", b"\0asm\x01\0\0\0", "is a core module; a component is wanted"),
        ("truncated", &whole[..whole.len() * 2 / 3], "is cut short: it has"),
        ("text", b"(component)", "is not WebAssembly"),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes, told) in files {
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        let service = Service::new("shop").with("policies = [\"guest\"]").region(FRANKFURT, &[origin.url()]);
        let run = run(&(service.site() + &policy("guest", &file, "{}", "")), &["check"]);
        assert_eq!(run.code, 2, "{name}: {}{}", run.out, run.err);
        for words in [told, "policy \"guest\"", "edge.toml:"] {
            assert!(run.err.contains(words), "{name} does not say {words:?}:\n{}", run.err);
        }
    }
    // A policy that never becomes ready is a refusal too, in bounded time.
    let service = Service::new("shop").with("policies = [\"sinner\"]").region(FRANKFURT, &[origin.url()]);
    let run = run(&(service.site() + &sinner("init-spins", "")), &["check"]);
    assert_eq!(run.code, 2, "{}", run.err);
    assert!(run.err.contains("time limit"), "{}", run.err);
}

#[test]
fn every_sin_is_survived_counted_and_answered_by_the_hosts_own_order() {
    for (sin, word) in SINS {
        let world = World::start("", &sinner(sin, ""));
        let answer = world.pop.ask(&Ask::get("/").from(IN_GERMANY));
        assert_eq!((answer.status, answer.text().as_str()), (200, "home"), "{sin}");
        world.neighbour_is_served(sin);
        if let Some(word) = word {
            assert!(world.count(word) > 0, "{sin} is not counted as {word}: {:#}", world.pop.status_of("/policies"));
        }
        assert!(world.away.seen().is_empty(), "{sin}: the host's own order is the nearest");
        // What failed is gone with its memory; what was read is one warm instance within its limit.
        let (instances, memory) = world.living();
        let ended = matches!(word, Some("trap" | "timeout" | "out-of-memory"));
        assert!(instances <= u64::from(!ended), "{sin}: {instances} instances are left");
        assert!(memory <= instances * (16 << 20), "{sin}: {memory} bytes are left");
    }
}

#[test]
fn on_error_reject_answers_503_for_every_failure() {
    for (sin, word) in SINS {
        let Some(word) = word else { continue };
        let world = World::start("", &sinner(sin, "on_error = \"reject\""));
        let answer = world.pop.ask(&Ask::get("/").from(IN_GERMANY));
        assert_eq!(answer.status, 503, "{sin}: {}", answer.text());
        assert!(world.count(word) > 0, "{sin} is not counted as {word}");
        assert!(world.home.seen().is_empty() && world.away.seen().is_empty(), "{sin}: nothing is forwarded");
        world.neighbour_is_served(sin);
    }
}

#[test]
fn a_flood_of_log_lines_is_cut_short_and_forges_none() {
    let mut world = World::start("", &sinner("flood", ""));
    let answer = world.pop.ask(&Ask::get("/").from(IN_GERMANY));
    assert_eq!((answer.status, answer.text().as_str()), (200, "home"));
    assert!(world.count("pass") > 0, "{:#}", world.pop.status_of("/policies"));
    let dropped = world.pop.status_of("/policies/sinner/dropped_lines");
    assert!(dropped.as_u64().is_some_and(|lines| lines >= 900), "{dropped}");
    wait_until("the log has what the policy said first", || world.pop.process().output().contains("flood 0"));
    let output = world.pop.process().output();
    assert!(!output.lines().any(|line| line.starts_with('\u{1b}') || line.starts_with("forged")), "{output}");
    let said: Vec<_> = output.lines().filter(|line| line.contains("flood ")).collect();
    assert!(said.iter().all(|line| line.contains("sinner")), "{said:?}");
}

#[test]
fn declared_metrics_are_shown_and_what_fits_none_is_dropped() {
    let world = World::start("", &sinner("stray-metrics", ""));
    for _ in 0..3 {
        assert_eq!(world.pop.ask(&Ask::get("/").from(IN_GERMANY)).text(), "home");
    }
    let metrics = world.pop.metrics();
    let told = |label| metrics.count("portolan_policy_counter_total", &[("metric", "told"), ("label", label)]);
    assert_eq!((told("a"), told("b")), (3, 0));
    assert_eq!(metrics.count("portolan_policy_stray_writes_total", &[("policy", "sinner")]), 21);
    assert!(metrics.has("portolan_policy_gauge") && !metrics.has("portolan_policy_values"));
    // A reload of the same policy goes on counting; one that no longer declares it takes it away.
    let config = std::fs::read_to_string(world.pop.file()).unwrap();
    world.pop.change(&config.replace("time = \"200ms\"", "time = \"201ms\""));
    assert_eq!(world.pop.ask(&Ask::get("/").from(IN_GERMANY)).text(), "home");
    let told = world.pop.metrics().count("portolan_policy_counter_total", &[("metric", "told"), ("label", "a")]);
    assert_eq!(told, 4);
    world.pop.change(&config.replace("stray-metrics", "no-order"));
    assert!(!world.pop.metrics().has("portolan_policy_counter"));
}

#[test]
fn a_bucket_that_is_full_refuses_and_costs_no_verdict() {
    for (sin, kept) in [("hoard", 100), ("stray-keys", 1)] {
        let world = World::start("", &sinner(sin, "kv = { hoard = { entries = 100, value_size = \"64KiB\" } }"));
        for _ in 0..3 {
            assert_eq!(world.pop.ask(&Ask::get("/").from(IN_GERMANY)).text(), "home", "{sin}");
            world.neighbour_is_served(sin);
        }
        let metrics = world.pop.metrics();
        let bucket = |name| metrics.count(name, &[("policy", "sinner"), ("bucket", "hoard")]);
        assert_eq!(bucket("portolan_policy_kv_entries"), kept, "{sin}");
        assert!(bucket("portolan_policy_kv_refused_total") >= 3, "{sin}");
        assert_eq!(world.count("route"), 3, "{sin}: {:#}", world.pop.status_of("/policies"));
    }
}

#[test]
fn three_failures_quarantine_a_policy_for_a_while() {
    let world = World::start("", &sinner("trap", ""));
    let quarantine = || world.pop.status_of("/policies/sinner/quarantine");
    let mut client = Client::to(world.pop.address());
    wait_until("it is in quarantine", || {
        assert_eq!(client.ask(&Ask::get("/").from(IN_GERMANY)).unwrap().text(), "home");
        !quarantine().is_null()
    });
    let traps = world.count("trap");
    for _ in 0..20 {
        assert_eq!(client.ask(&Ask::get("/").from(IN_GERMANY)).unwrap().text(), "home");
    }
    assert!(world.count("quarantined") > 0, "it is not asked for now");
    assert!(world.count("trap") <= traps + 1, "it was asked all the same");
    // The quarantine ends with another try, which fails, and the next one is longer.
    let first = quarantine()["backoff_ms"].as_u64().unwrap();
    wait_until("a longer quarantine", || {
        let _ = client.ask(&Ask::get("/").from(IN_GERMANY));
        quarantine()["backoff_ms"].as_u64().is_some_and(|backoff| backoff > first)
    });
    assert!(world.count("trap") > traps);
}

#[test]
fn a_policy_that_recovers_leaves_quarantine() {
    let world = World::start("", &sinner("trap", ""));
    let mut client = Client::to(world.pop.address());
    wait_until("it is in quarantine", || {
        let _ = client.ask(&Ask::get("/"));
        !world.pop.status_of("/policies/sinner/quarantine").is_null()
    });
    // The operator mends it: the sin is in its configuration.
    let config = std::fs::read_to_string(world.pop.file()).unwrap();
    world.pop.change(&config.replace("sin = \"trap\"", "sin = \"trap-nth\", n = 1000000"));
    let passed = world.count("pass");
    wait_until_within(Duration::from_secs(10), "it is asked again", || {
        let _ = client.ask(&Ask::get("/"));
        world.count("pass") > passed
    });
    assert!(world.pop.status_of("/policies/sinner/quarantine").is_null());
}

#[test]
fn an_occasional_trap_costs_one_call() {
    let limits = "limits = { time = \"200ms\" }";
    let policies = policy("sinner", &binaries::guest("sinner"), "{ sin = \"trap-nth\", n = 200 }", limits);
    let world = World::start("", &policies);
    let mut client = Client::to(world.pop.address());
    for _ in 0..450 {
        assert_eq!(client.ask(&Ask::get("/").from(IN_GERMANY)).unwrap().text(), "home");
    }
    let (traps, passes) = (world.count("trap"), world.count("pass"));
    assert!((1..=2).contains(&traps) && traps + passes == 450, "{traps} traps, {passes} passes");
}

#[test]
fn no_order_leads_out_of_the_fence() {
    // The sinner insists on every region, those that it was not offered first, or widens the fence to them.
    for sin in ["outside", "wide-fence", "nonsense"] {
        for fence in ["fence = [\"us-virginia\"]", "fence = [\"eu-frankfurt\"]"] {
            let world = World::start(fence, &sinner(sin, ""));
            for _ in 0..20 {
                assert_eq!(world.pop.ask(&Ask::get("/").from(IN_GERMANY)).status, 200, "{sin} {fence}");
            }
            let (inside, outside) =
                if fence.contains("virginia") { (&world.away, &world.home) } else { (&world.home, &world.away) };
            assert_eq!((inside.seen().len(), outside.seen().len()), (20, 0), "{sin} {fence}");
        }
    }
}

#[test]
fn an_empty_fence_is_503_and_goes_nowhere() {
    let world = World::start("", &sinner("no-fence", ""));
    let answer = world.pop.get("/");
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(world.home.seen().is_empty() && world.away.seen().is_empty());
    assert_eq!(world.pop.metrics().count("portolan_no_target_total", &[("reason", "empty-fence")]), 1);
}

#[test]
fn header_edits_that_could_split_a_request_are_nonsense_as_a_whole() {
    let world = World::start("", &sinner("bad-headers", ""));
    let answer = world.pop.ask(&Ask::post("/", "the body"));
    assert_eq!(answer.status, 200);
    let seen = world.home.only();
    assert_eq!(seen.body, b"the body", "framing is not a policy's business");
    assert_eq!((seen.count("content-length"), seen.count("transfer-encoding"), seen.count("host")), (1, 0, 1));
    let head = String::from_utf8(seen.head.clone()).unwrap();
    for name in ["x-good", "x-injected", "x-split", "x-newline", "x-nul", "bad name", "x-colon", "elsewhere.example"] {
        assert!(!head.contains(name), "{name} came through:\n{head}");
    }
}

#[test]
fn a_huge_payload_is_no_pin() {
    let world = World::start("affinity = {}", &sinner("huge-payload", ""));
    let answer = world.pop.get("/");
    assert_eq!(answer.status, 200);
    let longest = answer.all("set-cookie").iter().map(|cookie| cookie.len()).max().unwrap_or(0);
    assert!(longest < 4_096, "a cookie of {longest} bytes");
}

#[test]
fn the_good_guest_is_asked_and_obeyed() {
    let (home, away) = (named("home"), named("away"));
    let service = Service::new("shop")
        .with("policies = [\"good\"]")
        .region(FRANKFURT, &[home.url()])
        .region(VIRGINIA, &[away.url()]);
    let limits = "limits = { time = \"500ms\" }";
    let pop = Pop::start(&(service.site() + &policy("good", &binaries::guest("good"), "{}", limits)));
    let answer = pop.ask(&Ask::get("/path?lang=de").from(IN_GERMANY).field("x-tenant", "t1").cookie("session", "s1"));
    assert_eq!(answer.text(), "home");
    // GET, shop.example, /path, DE, t1, s1, de: the network's number is not in the built-in data.
    assert_eq!(home.only().field("x-guest-bytes"), Some("28"));
    assert_eq!(pop.metrics().count("portolan_policy_calls_total", &[("policy", "good"), ("outcome", "route")]), 1);
}

#[test]
fn every_guest_has_a_test() {
    let folder = binaries::root().join("tests/guests");
    let files = std::fs::read_dir(binaries::root().join("tests/e2e")).unwrap().flatten().map(|entry| entry.path());
    let files = files.filter(|path| path.is_file());
    let tests: String = files.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let mut guests: Vec<String> = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap().flatten() {
        let path = entry.path();
        let is_guest = path.join("Cargo.toml").is_file() || path.extension().is_some_and(|ending| ending == "wit");
        guests.extend(is_guest.then(|| path.file_stem().unwrap().to_string_lossy().into_owned()));
    }
    assert!(guests.len() >= 8, "{guests:?}");
    let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let listed = |guest: &str, list: &str| sins(&std::fs::read_to_string(folder.join(guest)).unwrap(), list);
    let mut sins = listed("sinner/src/lib.rs", "pub enum Sin {");
    sins.extend(listed("watchman/src/lib.rs", "pub enum Deed {"));
    assert!(sins.len() >= 37, "{sins:?}");
    for sin in &sins {
        assert!(readme.contains(&format!("`{sin}`")), "the README does not tell of the sin `{sin}`");
    }
    for name in guests.iter().chain(&sins) {
        assert!(
            tests.contains(&format!("\"{name}\"")) || tests.contains(&format!("{name}\\\"")),
            "no test names the guest or sin `{name}`"
        );
    }
    // Sins that no toolchain makes are components written by hand, each with its test.
    let (_, by_hand) = readme.split_once("## By hand").unwrap();
    let hosts = ["contain.rs", "load.rs"].map(|name| binaries::root().join("router/src/policy/tests").join(name));
    let hosts: String = hosts.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let named: Vec<_> = by_hand.split('`').skip(1).step_by(2).filter(|word| word.contains('_')).collect();
    assert!(named.len() >= 10, "{named:?}");
    for test in named {
        assert!(hosts.contains(&format!("fn {test}()")), "the README names the test `{test}`, which does not exist");
    }
}

/// The sins that a guest's source lists, as its configuration writes them.
fn sins(source: &str, list: &str) -> Vec<String> {
    let (_, cases) = source.split_once(list).unwrap();
    let (cases, _) = cases.split_once('}').unwrap();
    let kebab = |name: &str| {
        let mut word = String::new();
        for letter in name.chars() {
            if letter.is_uppercase() && !word.is_empty() {
                word.push('-');
            }
            word.extend(letter.to_lowercase());
        }
        word
    };
    cases.split(',').map(str::trim).filter(|name| !name.is_empty()).map(kebab).collect()
}
