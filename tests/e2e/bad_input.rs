//! What a wrong configuration or a wrong command is told: one clear message for each thing, and the right exit code.

use portolan_tests::pop::{run, run_file};
use portolan_tests::scripts::named;
use portolan_tests::site::{FRANKFURT, IN_GERMANY, Service, TOKYO, VIRGINIA, pop};
use portolan_tests::{Ask, Client, Pop, client};
use serde_json::Value;

fn site() -> String {
    Service::new("shop").region(FRANKFURT, &["http://127.0.0.1:9".to_owned()]).site()
}

/// Changes to a good configuration, and what must be said of each.
fn mistakes() -> Vec<(&'static str, String, Vec<&'static str>)> {
    let site = site();
    let with = |from: &str, to: &str| {
        assert!(site.contains(from), "{from} is not in\n{site}");
        site.replacen(from, to, 1)
    };
    let and = |more: &str| format!("{site}\n{more}\n");
    vec![
        (
            "a database that is not there",
            with("[geo]", "[geo]\ndatabase = \"no/such.mmdb\""),
            vec!["no/such.mmdb", "No such file"],
        ),
        ("a database that is none", with("[geo]", "[geo]\ndatabase = \"edge.toml\""), vec!["edge.toml", "database"]),
        ("routes that conflict", and("[[routes]]\npath = \"/\"\nservice = \"shop\""), vec!["route", "edge.toml:"]),
        (
            "a policy that is not defined",
            with("slow_start", "policies = [\"residencia\"]\nslow_start"),
            vec!["there is no policy \"residencia\""],
        ),
        (
            "a component that is not there",
            and("[policies.p]\ncomponent = \"no/such.wasm\""),
            vec!["policy \"p\"", "no/such.wasm"],
        ),
        (
            "a component that is none",
            and("[policies.p]\ncomponent = \"edge.toml\""),
            vec!["policy \"p\"", "is not WebAssembly"],
        ),
        (
            "a region without endpoints",
            with("endpoints = [\"http://127.0.0.1:9\"]", "endpoints = []"),
            vec!["has no endpoints", "eu-frankfurt"],
        ),
        (
            "an unknown key",
            with("slow_start", "slow_strat = \"1s\"\nslow_start"),
            vec!["unknown key `slow_strat`", "did you mean `slow_start`?"],
        ),
        ("an unknown section", and("[cache]\nsize = \"1GiB\""), vec!["cache"]),
        (
            "a service that is not there",
            and("[[routes]]\npath = \"/x\"\nservice = \"shp\""),
            vec!["there is no service \"shp\"", "did you mean \"shop\"?"],
        ),
        (
            "a static root that is not there",
            and("[[routes]]\npath = \"/x\"\nstatic = { root = \"no/such\" }"),
            vec!["no/such"],
        ),
        (
            "a certificate that is not there",
            with(
                "address = \"127.0.0.1:0\"",
                "address = \"127.0.0.1:0\"\ntls = { certificate = \"c.pem\", key = \"k.pem\" }",
            ),
            vec!["c.pem"],
        ),
        (
            "admin for everyone without a token",
            with("[admin]\naddress = \"127.0.0.1:0\"", "[admin]\naddress = \"0.0.0.0:0\""),
            vec!["token", "loopback"],
        ),
        ("a key that can be guessed", and("[[affinity.keys]]\nid = \"k\"\nsecret = \"short\""), vec!["32"]),
        ("no TOML at all", "[pop\nname = 1".to_owned(), vec!["edge.toml:1:"]),
    ]
}

#[test]
fn each_mistake_is_told_and_ends_with_2() {
    for (name, config, told) in mistakes() {
        for command in ["run", "check"] {
            let run = run(&config, &[command]);
            assert_eq!(run.code, 2, "{name}, {command}: {}{}", run.out, run.err);
            for words in &told {
                assert!(run.err.contains(words), "{name}, {command}: {words:?} is not in\n{}", run.err);
            }
            assert!(!run.err.contains("panicked"), "{name}: {}", run.err);
            assert!(run.err.lines().count() < 25, "{name}: one message, not\n{}", run.err);
        }
    }
}

#[test]
fn several_mistakes_are_told_at_once() {
    let wrong = site().replacen("[geo]", "[geo]\ndatabase = \"no/such.mmdb\"", 1)
        + "[policies.one]\ncomponent = \"no/one.wasm\"\n[policies.two]\ncomponent = \"no/two.wasm\"\n\
           [[routes]]\npath = \"/x\"\nstatic = { root = \"no/root\" }\n";
    let checked = run(&wrong, &["check"]);
    assert_eq!(checked.code, 2);
    for words in ["no/such.mmdb", "no/one.wasm", "no/two.wasm", "no/root", "4 errors"] {
        assert!(checked.err.contains(words), "{words:?} is not in\n{}", checked.err);
    }
    let checked = run(&wrong, &["check", "--json"]);
    assert_eq!(checked.code, 2);
    let document: Value = serde_json::from_str(&checked.out).unwrap();
    assert_eq!(document["ok"], false);
    assert_eq!(document["errors"].as_array().unwrap().len(), 4, "{document:#}");
}

#[test]
fn a_start_that_fails_tells_each_problem_once() {
    let wrong = site() + "[policies.p]\ncomponent = \"edge.toml\"\n";
    let ran = run(&wrong, &["run"]);
    assert_eq!((ran.code, ran.err.matches("is not WebAssembly").count()), (2, 1), "{}", ran.err);
}

#[test]
fn check_says_fine_and_listens_nowhere() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let config = site().replace("127.0.0.1:0", &taken.local_addr().unwrap().to_string());
    // Two listeners on one port are a mistake of the configuration, so one of them stays free.
    let config = config.replacen("[admin]\naddress = ", "[admin]\naddress = \"127.0.0.1:0\" #", 1);
    let checked = run(&config, &["check"]);
    assert_eq!((checked.code, checked.err.as_str()), (0, ""), "{}", checked.out);
    assert!(checked.out.contains("is fine"), "{}", checked.out);
}

#[test]
fn a_port_in_use_is_told_with_the_address() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for section in ["[[listeners]]", "[admin]"] {
        let free = format!("{section}\naddress = \"127.0.0.1:0\"");
        let config = site().replace(&free, &free.replace("127.0.0.1:0", &address));
        let ran = run(&config, &["run"]);
        assert_eq!(ran.code, 2, "{section}: {}", ran.err);
        assert!(
            ran.err.contains(&address) && ran.err.contains("another process listens there"),
            "{section}: {}",
            ran.err
        );
    }
    // Also when the other one is a router that shares its ports among its workers.
    let first = Pop::start(&site());
    let second = site().replacen("127.0.0.1:0", &first.address().to_string(), 1);
    let ran = run(&second, &["run"]);
    assert_eq!(ran.code, 2, "a second router took over the port of the first: {}", ran.err);
}

#[test]
fn bad_usage_ends_with_2() {
    for arguments in [
        &["run", "--no-such-flag"][..],
        &["no-such-command"],
        &["explain"],
        &["explain", "--client", "here", "GET", "http://a/"],
    ] {
        let ran = run(&site(), arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.err);
    }
    let folder = tempfile::tempdir().unwrap();
    let missing = run_file(&folder.path().join("edge.toml"), &["run"]);
    assert_eq!(missing.code, 2, "{}", missing.err);
    assert!(missing.err.contains("edge.toml"), "{}", missing.err);
}

#[test]
fn explain_offline_says_what_happens_live() {
    let origins = [named("f"), named("v"), named("t")];
    let service = Service::new("shop").with("fence = { zone = \"open\" }");
    let service = service
        .region_with(FRANKFURT, &[origins[0].url()], "labels = { zone = \"open\" }\nadmin = \"off\"")
        .region_with(VIRGINIA, &[origins[1].url()], "labels = { zone = \"open\" }")
        .region_with(TOKYO, &[origins[2].url()], "labels = { zone = \"closed\" }");
    let pop = Pop::start(&service.site());
    for (client, header, expected) in
        [(IN_GERMANY, "", "v"), ("202.232.0.1", "", "v"), ("127.0.0.1", "x-forwarded-for: 202.232.0.1", "v")]
    {
        let arguments = ["explain", "--client", client, "--json", "GET", "http://shop.example/cart"];
        let arguments: Vec<&str> =
            if header.is_empty() { arguments.to_vec() } else { [&arguments[..], &["-H", header]].concat() };
        let offline = run_file(&pop.file(), &arguments);
        assert_eq!(offline.code, 0, "{}", offline.err);
        let offline: Value = serde_json::from_str(&offline.out).unwrap();
        let header = if header.is_empty() { String::new() } else { format!("&header={}", header.replace(' ', "%20")) };
        let live = pop.admin("GET", &format!("/explain?client={client}&url=http://shop.example/cart{header}")).json();
        for part in ["client", "service", "decision", "route"] {
            assert_eq!(offline[part], live[part], "{part}");
        }
        let reasons = |document: &Value| -> Vec<(String, String)> {
            let regions = document["regions"].as_array().unwrap().iter();
            regions.map(|r| (r["region"].to_string(), r["reason"].to_string())).collect()
        };
        assert_eq!(reasons(&offline), reasons(&live));
        let reason = |region: &str| {
            live["regions"].as_array().unwrap().iter().find(|r| r["region"] == region).unwrap()["reason"].clone()
        };
        assert_eq!((reason(FRANKFURT.0), reason(TOKYO.0)), ("admin-off".into(), "outside-fence".into()));
        let answer = pop.ask(&Ask::get("/cart").from(if client == "127.0.0.1" { "202.232.0.1" } else { client }));
        assert_eq!(answer.text(), expected);
        let target = live["decision"]["targets"][0]["endpoint"].as_str().unwrap().to_owned();
        assert!(target.starts_with(&origins[1].url()), "{target}");
    }
    let text = run_file(&pop.file(), &["explain", "--client", IN_GERMANY, "GET", "http://shop.example/cart"]);
    assert!(text.out.contains("us-virginia") && text.out.contains("admin-off"), "{}", text.out);
}

#[test]
fn the_admin_listener_wants_its_token() {
    let token = "correct-horse-battery";
    let config = site().replace("[admin]\n", &format!("[admin]\ntoken = \"{token}\"\n"));
    let pop = Pop::start_with_token(tempfile::tempdir().unwrap(), &config, Some(token));
    assert_eq!(pop.admin("GET", "/status").status, 200);
    let ask = |field: Option<(&str, &str)>| {
        let ask = Ask::get("/status").host(&pop.admin_address().to_string()).field("connection", "close");
        let ask = field.into_iter().fold(ask, |ask, (name, value)| ask.field(name, value));
        client::ask(pop.admin_address(), &ask).unwrap()
    };
    for field in
        [None, Some(("authorization", "Bearer wrong-horse-battery")), Some(("authorization", "Basic Y29ycmVjdA=="))]
    {
        let answer = ask(field);
        assert_eq!(answer.status, 401, "{field:?}");
        assert_eq!(answer.field("www-authenticate"), Some("Bearer"));
        assert!(!answer.text().contains(token));
    }
}

#[test]
fn without_a_token_only_programs_of_this_machine_may_ask() {
    let pop = Pop::start(&site());
    let ask = |host: &str, field: Option<(&str, &str)>| {
        let ask = Ask::get("/status").host(host).field("connection", "close");
        let ask = field.into_iter().fold(ask, |ask, (name, value)| ask.field(name, value));
        client::ask(pop.admin_address(), &ask).unwrap().status
    };
    let own = pop.admin_address().to_string();
    assert_eq!(ask(&own, None), 200);
    assert_eq!(ask("rebound.example", None), 403, "DNS rebinding");
    assert_eq!(ask(&own, Some(("origin", "https://evil.example"))), 403);
    assert_eq!(ask(&own, Some(("sec-fetch-site", "cross-site"))), 403);
    assert_eq!(pop.admin("GET", "/nothing").status, 404);
    let wrong = pop.admin("GET", "/reload");
    assert_eq!((wrong.status, wrong.field("allow")), (405, Some("POST")));
    assert_eq!(pop.admin("POST", "/drain?regoin=x").status, 400);
    // The admin paths do not exist for clients.
    assert_ne!(pop.try_ask(&Ask::get("/status")).unwrap().status, 200);
}

#[test]
fn a_request_without_a_route_is_404() {
    let origin = named("origin");
    let service = Service::new("shop").region(FRANKFURT, &[origin.url()]).text();
    let route = "[[routes]]\nhost = \"shop.example\"\npath = \"/api/\"\nservice = \"shop\"\n";
    let pop = Pop::start(&(pop() + &service + route));
    let mut client = Client::to(pop.address());
    for (host, path, status) in [
        ("shop.example", "/api/", 200),
        ("SHOP.example:8080", "/api/x", 200),
        ("shop.example", "/apis", 404),
        ("shop.example", "/", 404),
        ("other.example", "/api/", 404),
    ] {
        assert_eq!(client.ask(&Ask::get(path).host(host)).unwrap().status, status, "{host}{path}");
    }
    assert_eq!(origin.seen().len(), 2);
}

#[test]
fn the_other_commands_speak_to_a_running_pop() {
    let origin = named("origin");
    let pop = Pop::start(&Service::new("shop").region(FRANKFURT, &[origin.url()]).site());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("edge.toml");
    let config = std::fs::read_to_string(pop.file()).unwrap();
    // As the operator's file would have it: with the port.
    let admin = format!("[admin]\naddress = \"{}\"", pop.admin_address());
    std::fs::write(&file, config.replace("[admin]\naddress = \"127.0.0.1:0\"", &admin)).unwrap();
    let status = run_file(&file, &["status"]);
    assert_eq!(status.code, 0, "{}", status.err);
    assert!(status.out.contains("eu-frankfurt"), "{}", status.out);
    let document: Value = serde_json::from_str(&run_file(&file, &["status", "--json"]).out).unwrap();
    assert_eq!(document["pop"], "test");
    let drained = run_file(&file, &["drain", "--service", "shop", "--region", FRANKFURT.0]);
    assert_eq!(drained.code, 0, "{}", drained.err);
    assert_eq!(pop.status_of("/services/shop/regions/eu-frankfurt/admin"), "drain");
    let unknown = run_file(&file, &["drain", "--service", "shop", "--region", "atlantis"]);
    assert_eq!(unknown.code, 2, "{}", unknown.err);
    assert!(unknown.err.contains("atlantis"), "{}", unknown.err);
    assert_eq!(run_file(&file, &["reload"]).code, 0);
    pop.write("not = \"a configuration\"");
    let refused = run_file(&file, &["reload"]);
    assert_ne!(refused.code, 0);
    assert!(refused.err.contains("unknown key `not`"), "{}{}", refused.out, refused.err);
    drop(pop);
    let gone = run_file(&file, &["status"]);
    assert_eq!(gone.code, 1, "{}", gone.err);
}
