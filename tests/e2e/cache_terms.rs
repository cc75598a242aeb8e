//! What routes and policies say to the cache: who shares an answer, how long one is kept, who passes the cache by.

use portolan_tests::pop::{run_command, run_file};
use portolan_tests::site::{FRANKFURT, IN_GERMANY, Service, VIRGINIA, policy, pop};
use portolan_tests::{Answer, Ask, Origin, Pop, binaries, scripts};
use serde_json::{Value, json};

/// An origin that answers each request with these fields.
fn origin(fields: &'static str) -> Origin {
    scripts::repeating(scripts::response("200 OK", fields, "page"))
}

/// A PoP whose service asks these policies: names and configurations of the guest `terms`.
fn told(origin: &Origin, cache: &str, policies: &[(&str, &str)]) -> Pop {
    let names: Vec<_> = policies.iter().map(|(name, _)| *name).collect();
    let service = Service::new("shop").with(&format!("policies = {names:?}\ncache = {{ {cache} }}"));
    let text = |(name, config): &(&str, &str)| policy(name, &binaries::guest("terms"), config, SLOW);
    let policies: String = policies.iter().map(text).collect();
    Pop::start(&(service.region(FRANKFURT, &[origin.url()]).site() + &policies))
}

/// More time than in production, for the tests share a machine with compilers.
const SLOW: &str = "limits = { time = \"200ms\" }";

/// What the cache says it did, without its own name and times.
fn said(answer: &Answer) -> String {
    let status = answer.field("cache-status").unwrap_or("-");
    let words = status.split(';').skip(1).filter(|word| !word.starts_with("ttl="));
    words.collect::<Vec<_>>().join(";")
}

fn get(pop: &Pop, fields: &[(&str, &str)]) -> String {
    said(&pop.ask(&fields.iter().fold(Ask::get("/"), |ask, (name, value)| ask.field(name, value))))
}

const MISS: &str = "fwd=uri-miss;stored";
const TIERS: &str = "{ key = \"header:x-tier\" }";

#[test]
fn a_policys_part_of_the_key_tells_requests_apart() {
    let origin = origin("cache-control: max-age=60\r\n");
    let pop = told(&origin, "", &[("tiers", TIERS)]);
    for (fields, expected) in [
        (&[][..], MISS),
        (&[("x-tier", "gold")], MISS),
        (&[("x-tier", "tin")], MISS),
        (&[("x-tier", "gold")], "hit"),
        (&[("x-tier", "tin"), ("x-other", "1")], "hit"),
        (&[], "hit"),
    ] {
        assert_eq!(get(&pop, fields), expected, "{fields:?}");
    }
    assert_eq!(origin.seen().len(), 3);
}

#[test]
fn parts_of_two_policies_do_not_stand_for_one_another() {
    let origin = origin("cache-control: max-age=60\r\n");
    let pop = told(&origin, "", &[("tiers", TIERS), ("tests", "{ key = \"header:x-test\", ttl_s = 30 }")]);
    for (fields, expected) in [
        (&[("x-tier", "a")][..], MISS),
        (&[("x-test", "a")], MISS),
        (&[("x-tier", "a"), ("x-test", "a")], MISS),
        (&[("x-test", "a")], "hit"),
    ] {
        assert_eq!(get(&pop, fields), expected, "{fields:?}");
    }
}

#[test]
fn what_passes_by_is_neither_taken_from_the_cache_nor_kept() {
    let origin = origin("cache-control: max-age=60\r\n");
    let pop = told(&origin, "", &[("preview", "{ bypass = \"header:x-preview\" }"), ("tiers", TIERS)]);
    let (preview, by) = ([("x-preview", "1")], "fwd=bypass;detail=policy");
    for (fields, expected) in [(&preview[..], by), (&[], MISS), (&preview, by), (&[], "hit")] {
        assert_eq!(get(&pop, fields), expected, "{fields:?}");
    }
    assert_eq!(origin.seen().len(), 3);
    let written = pop.ask(&Ask::new("POST", "/").field("x-preview", "1").body("x"));
    assert_eq!(said(&written), by);
    assert_eq!(get(&pop, &[]), MISS, "a write is a write, also past the cache");
}

#[test]
fn a_policys_lifetime_holds_within_the_operators() {
    let ttl = |pop: &Pop| {
        assert_eq!(pop.get("/").status, 200);
        let status = pop.get("/").field("cache-status").unwrap_or("-").to_owned();
        let words = status.split(';').find_map(|word| word.strip_prefix("ttl="));
        words.map(|seconds| seconds.parse::<i64>().unwrap() / 10)
    };
    let minute = ("minute", "{ ttl_s = 69 }");
    for (fields, cache, policies, tens) in [
        ("", "", &[minute][..], Some(6)),
        ("cache-control: max-age=900\r\n", "", &[minute], Some(6)),
        ("cache-control: max-age=900\r\n", "", &[minute, ("short", "{ ttl_s = 39 }")], Some(3)),
        ("cache-control: max-age=900\r\n", "max_age = \"29s\"", &[minute], Some(2)),
        ("cache-control: no-store\r\n", "", &[minute], None),
        ("cache-control: private\r\n", "", &[minute], None),
        ("set-cookie: a=b\r\n", "", &[minute], None),
    ] {
        let origin = origin(fields);
        assert_eq!(ttl(&told(&origin, cache, policies)), tens, "{fields:?} {cache} {policies:?}");
    }
}

#[test]
fn vary_looks_at_what_a_policy_wrote() {
    // `good` writes the length of what it was shown into `x-guest-bytes`.
    let origin = origin("cache-control: max-age=60\r\nvary: x-guest-bytes\r\n");
    let service = Service::new("shop").with("policies = [\"good\"]\ncache = {}").region(FRANKFURT, &[origin.url()]);
    let pop = Pop::start(&(service.site() + &policy("good", &binaries::guest("good"), "{}", SLOW)));
    let tenant = |name| get(&pop, &[("x-tenant", name)]);
    assert_eq!([tenant("a"), tenant("bb"), tenant("c")], [MISS, "fwd=vary-miss;stored", "hit"]);
}

#[test]
fn a_routes_cache_stands_over_its_services() {
    let origin = origin("cache-control: max-age=60\r\n");
    let service = Service::new("shop").with("cache = { query_keep = [] }").region(FRANKFURT, &[origin.url()]);
    let route = |path: &str, cache: &str| format!("[[routes]]\npath = {path:?}\nservice = \"shop\"\n{cache}\n");
    let routes = [
        route("/", ""),
        route("/off", "cache = { enabled = false }"),
        route("/search", "cache = { query_keep = [\"q\"] }"),
    ];
    let pop = Pop::start(&(pop() + &service.text() + &routes.concat()));
    for (path, expected) in [
        ("/?q=1", MISS),
        ("/?q=2", "hit"),
        ("/search?q=1", MISS),
        ("/search?q=2", MISS),
        ("/search?q=2&utm=x", "hit"),
        ("/off", ""),
        ("/off", ""),
    ] {
        assert_eq!(said(&pop.get(path)), expected, "{path}");
    }
    assert_eq!(pop.get("/off").field("cache-status"), None);
}

#[test]
fn what_a_canary_answers_is_cached_for_its_cohort_alone() {
    let answering =
        |text: &'static str| scripts::answering(scripts::response("200 OK", "cache-control: max-age=60\r\n", text));
    let (old, new) = (answering("old"), answering("new"));
    let service = Service::new("shop").with("policies = [\"canary\"]\ncache = {}").region(FRANKFURT, &[old.url()]);
    let service = service.region_with(VIRGINIA, &[new.url()], "labels = { track = \"canary\" }");
    let config = "{ header = \"x-canary\" }";
    let pop = Pop::start(&(service.site() + &policy("canary", &binaries::plugin("canary"), config, SLOW)));
    let always = || pop.ask(&Ask::get("/").field("x-canary", "always"));
    for (answer, expected) in [
        (pop.get("/"), ("old", MISS)),
        (always(), ("new", MISS)),
        (pop.get("/"), ("old", "hit")),
        (always(), ("new", "hit")),
    ] {
        assert_eq!((answer.text().as_str(), said(&answer).as_str()), expected);
    }
}

/// What the PoP says about the cache for a request from Germany.
fn explained(pop: &Pop, path: &str, header: &str) -> Value {
    let header = if header.is_empty() { String::new() } else { format!("&header={}", header.replace(' ', "%20")) };
    let host = pop.address();
    let url = format!("http://{host}{path}").replace('?', "%3F");
    pop.admin("GET", &format!("/explain?client={IN_GERMANY}&url={url}{header}")).json()["cache"].clone()
}

#[test]
fn explain_says_what_the_cache_would_do_and_why() {
    let origin = origin("cache-control: max-age=300\r\nvary: x-lang\r\n");
    let cache = "key_country = true, query_drop = [\"utm_*\"]";
    let pop =
        told(&origin, cache, &[("tiers", "{ key = \"header:x-tier\", bypass = \"header:x-preview\", ttl_s = 60 }")]);
    let path = "/a?utm_x=1";
    let get =
        |tier: &str| pop.ask(&Ask::get(path).host(&pop.address().to_string()).from(IN_GERMANY).field("x-tier", tier));
    let before = explained(&pop, path, "x-tier: gold");
    assert_eq!(before["address"], format!("http://{}/a", pop.address()));
    let part = |source: &str, name: &str, value: &str| json!({ "source": source, "name": name, "value": value });
    assert_eq!(before["key"], json!([part("country", "", "DE"), part("policy", "tiers", "gold")]));
    assert_eq!(before["policies"], json!({ "bypass": false, "ttl_s": 60 }));
    assert_eq!((&before["now"]["outcome"], &before["now"]["why"]), (&json!("miss"), &json!("uri-miss")));
    assert_eq!(said(&get("gold")), MISS);
    let after = explained(&pop, path, "x-tier: gold");
    assert_eq!((&after["now"]["outcome"], &after["now"]["variants"]), (&json!("hit"), &json!(1)));
    let stored = &after["now"]["stored"][0];
    assert_eq!(
        (&stored["chosen"], &stored["lifetime_s"], &stored["vary"]),
        (&json!(true), &json!(60), &json!(["x-lang"]))
    );
    assert!(stored["ttl_s"].as_i64().unwrap() > 0 && stored["age_s"].as_i64().unwrap() < 60, "{stored}");
    assert_eq!(said(&get("gold")), "hit", "as it was explained");
    assert_eq!(explained(&pop, path, "x-tier: tin")["now"]["why"], "uri-miss");
    assert_eq!(explained(&pop, path, "x-preview: 1")["why"], "a policy passes the cache by");
    assert_eq!(origin.seen().len(), 1, "explaining asks no origin");

    let url = format!("http://{}{path}", pop.address());
    let arguments = ["explain", "--client", IN_GERMANY, "-H", "x-tier: gold", "GET", &url];
    let offline = run_file(&pop.file(), &[&arguments[..], &["--json"]].concat());
    let offline: Value = serde_json::from_str(&offline.out).unwrap_or_else(|error| panic!("{error}: {}", offline.err));
    let mut live = after;
    live.as_object_mut().unwrap().remove("now");
    assert_eq!(offline["cache"], live, "without a store all but what is stored");
    assert_eq!(live["settings"]["query"], json!({ "drop": ["utm_*"] }));
    let text = run_file(&pop.file(), &arguments).out;
    assert!(text.contains(" query={\"drop\":[\"utm_*\"]} "), "{text}");
    for line in
        ["cache: asked", "  lifetime by a policy 1m00s", "  key + country: \"DE\"", "  key + policy tiers: \"gold\""]
    {
        assert!(text.lines().any(|found| found == line), "{line:?} is not in\n{text}");
    }
    let admin = format!("http://{}", pop.admin_address());
    let text = run_command(&[&arguments[..], &["--admin", &admin]].concat()).out;
    for words in
        ["cache: hit", "> stored: 200, ", "fresh for ", "lifetime 1m00s from force_age or a policy, vary x-lang"]
    {
        assert!(text.contains(words), "{words:?} is not in\n{text}");
    }
}
