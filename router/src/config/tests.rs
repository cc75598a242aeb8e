//! Tests of the configuration as a whole: good files and their meaning, broken files and what is said about them.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::cache::key::Parameters;
use crate::cache::settings::SetCookie;
use crate::steer::route::PathPattern;
use crate::steer::table::{AffinityMode, Balance, Metric};
use proptest::prelude::*;
use std::path::Path;

const DESIGN: &str = include_str!("tests/design.toml");

fn good(text: &str) -> Config {
    parse(text, "edge.toml", Path::new("/etc/portolan")).unwrap_or_else(|errors| panic!("{errors}"))
}

/// Compares a text with a file, or writes the file when `UPDATE=1` is set.
fn check_file(path: &Path, text: &str) {
    if std::env::var_os("UPDATE").is_some_and(|update| update == "1") {
        std::fs::write(path, text).unwrap();
    }
    let stored = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(stored, text, "{} is stale; UPDATE=1 rewrites it", path.display());
}

/// The smallest file, with room for more in the service and at the end.
fn small(service: &str, end: &str) -> String {
    format!(
        r#"
[pop]
name = "p"
location = {{ latitude = 1, longitude = 2 }}
[[listeners]]
address = "127.0.0.1:0"
[[routes]]
path = "/"
service = "s"
[services.s]
{service}
[services.s.regions.r]
location = {{ latitude = 3, longitude = 4 }}
endpoints = ["http://a"]
{end}
"#
    )
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn reads_the_example_of_the_design() {
    let Config { boot, live } = good(DESIGN);
    assert_eq!(boot.listeners, [Listener { address: "0.0.0.0:8080".parse().unwrap(), tls: None }]);
    assert_eq!(boot.admin, Some(Admin { address: "127.0.0.1:9900".parse().unwrap(), token: None }));
    assert_eq!((&*live.pop.name, live.pop.location.latitude()), ("fra1", 50.11));
    assert_eq!(live.geo.database.as_deref(), Some(Path::new("/etc/portolan/city.mmdb")));
    assert_eq!(live.geo.trusted_proxies, ["127.0.0.0/8".parse().unwrap()]);
    let germany = PlaceOverride { country: Some(*b"DE"), location: None };
    assert_eq!(live.geo.overrides, [("10.1.0.0/16".parse().unwrap(), germany)]);

    let policy = &live.policies[0];
    let file = Source::File("/etc/portolan/plugins/residency.wasm".into());
    assert_eq!(policy.component, Component { source: file, digest: None, signature: None });
    assert_eq!(&*policy.config, br#"{"allow":["eu"]}"#);
    assert_eq!((policy.on_error, policy.limits.memory), (OnError::Reject, 16 << 20));
    let config_at = policy.config_at.as_ref().unwrap();
    assert_eq!(DESIGN.lines().nth(config_at.line - 1).unwrap().split_at(config_at.column - 1).0, "config = ");

    let Action::Service { service: 0, cache: Some(cache) } = &live.routes[0].action else { panic!("no cache") };
    assert_eq!(cache.settings.set_cookie, SetCookie::Bypass);
    let root = PathBuf::from("/etc/portolan/dist");
    let Action::Static(bundle) = &live.routes[1].action else { panic!("{:?}", live.routes[1].action) };
    let fallback = Some("index.html".into());
    assert_eq!((&bundle.root, &bundle.fallback, &bundle.not_found), (&root, &fallback, &None));
    assert_eq!((bundle.keep_previous.as_secs(), bundle.memory, bundle.compress), (3600, 64 << 20, true));
    assert!(!bundle.preload && !bundle.security_headers && bundle.headers.is_empty());
    assert_eq!(live.routes[1].key.path, PathPattern::Prefix("/".into()));
    let route_at = live.routes[1].at.as_ref().unwrap();
    assert_eq!(DESIGN.lines().nth(route_at.line - 1), Some("[[routes]]"));
}

#[test]
fn reads_the_service_of_the_design() {
    let shop = good(DESIGN).live.services.remove(0);
    assert_eq!(shop.policies, [0, 1]);
    let affinity = shop.affinity.unwrap();
    assert_eq!((&*affinity.cookie, affinity.secure), ("__Host-portolan", true));
    assert_eq!(affinity.lifetime, Duration::from_secs(8 * 3600));
    let probe = shop.health.probe.unwrap();
    assert_eq!((probe.interval, probe.timeout, probe.fall, probe.rise), (2 * SECOND, SECOND, 3, 2));
    let status = vec![http::StatusCode::OK];
    assert_eq!(probe.kind, ProbeKind::Http { path: "/healthz".into(), status, host: None });
    let region = &shop.regions[0];
    assert_eq!((&*region.name, region.weight, region.capacity), ("eu-west", 100, Some(2000)));
    assert_eq!(region.labels["zone"], "eu");
    assert_eq!((&*region.endpoints[1].host, region.endpoints[1].port), ("10.0.1.11", 8080));
    let identity = crate::base::hash::of(&[b"shop", b"eu-west", b"http://10.0.1.11:8080"]);
    assert_eq!(region.endpoints[1].id, identity);
}

/// What holds where the file is silent: a change here is a change of the public contract.
#[test]
fn defaults() {
    let Config { boot, live } = good(&small("affinity = {}\nhealth = { tcp = {} }", "[admin]"));
    assert_eq!(boot.admin.unwrap().address.to_string(), "127.0.0.1:9900");
    assert_eq!(boot.shutdown_deadline, 30 * SECOND);
    assert!(boot.workers >= 1 && boot.policy_cache.is_none());
    let client = live.client;
    assert_eq!((client.header_timeout, client.idle_timeout), (10 * SECOND, 75 * SECOND));
    assert_eq!((client.head_max, client.connections_max), (32 * 1024, 10_000));
    let service = &live.services[0];
    let steering = &service.steering;
    assert_eq!((steering.metric, steering.balance), (Metric::ClientDistance, Balance::PowerOfTwo));
    assert_eq!((steering.affinity, steering.retries), (Some(AffinityMode::Sticky), 1));
    assert_eq!((steering.panic_below, steering.spill_from, steering.slow_start), (0.5, 0.8, 60 * SECOND));
    assert_eq!((steering.tie_band_km, steering.tie_band_rtt), (100.0, Duration::from_millis(50)));
    assert_eq!(service.retry, Retry { budget: 0.2, floor_per_s: 10, body_max: 65_536 });
    assert_eq!((service.timeout.connect, service.timeout.total), (SECOND, 15 * SECOND));
    assert_eq!(service.timeout.tunnel, 3600 * SECOND);
    let ejection = service.health.ejection.unwrap();
    assert_eq!((ejection.consecutive, ejection.requests_min, ejection.success_below), (5, 20, 0.8));
    let probe = service.health.probe.clone().unwrap();
    assert_eq!((probe.kind, probe.interval, probe.timeout), (ProbeKind::Tcp, 5 * SECOND, 2 * SECOND));
    assert_eq!(probe.down_interval, 10 * SECOND);
    assert_eq!((service.queue.wait, service.queue.waiting_max), (SECOND, 1024));
    assert_eq!((service.fence.clone(), &*service.affinity.clone().unwrap().cookie), (None, "portolan"));
    assert!(live.affinity_keys.is_empty() && good(&small("", "")).boot.admin.is_none());
}

#[test]
fn switches_and_fences() {
    let service = |text: &str| good(&small(text, "")).live.services.remove(0);
    assert_eq!(service("ejection = false").health.ejection, None);
    assert_eq!(service("health = { tcp = {}, interval = \"1s\" }").health.probe.unwrap().timeout, SECOND);
    let down = |text: &str| service(&format!("health = {{ tcp = {{}}, {text} }}")).health.probe.unwrap().down_interval;
    assert_eq!((down("interval = \"1h\""), down("down_interval = \"5s\"")), (7_200 * SECOND, 5 * SECOND));
    assert_eq!(service("fence = [\"r\", \"r\"]").fence, Some(vec![0]));
    let second = r#"
labels = { zone = "eu" }
[services.s.regions.q]
location = { latitude = 0, longitude = 0 }
endpoints = ["http://b"]
labels = { zone = "eu", tier = "1" }
"#;
    let fence = |fence: &str| good(&small(fence, second)).live.services.remove(0).fence;
    assert_eq!(fence("fence = { zone = \"eu\" }"), Some(vec![0, 1]));
    assert_eq!(fence("fence = { zone = \"eu\", tier = \"1\" }"), Some(vec![1]));
}

/// The cookie's name and its `Secure` follow the listeners, unless the name demands it.
#[test]
fn cookies_follow_the_listeners() {
    let cookie = |listener: &str, affinity: &str| {
        let text = small(affinity, "").replace("[[routes]]", &format!("{listener}\n[[routes]]"));
        let affinity = good(&text).live.services.remove(0).affinity.unwrap();
        (affinity.cookie.to_string(), affinity.secure)
    };
    let tls = r#"tls = { certificate = "c.pem", key = "k.pem" }"#;
    assert_eq!(cookie("", "affinity = {}"), ("portolan".into(), false));
    assert_eq!(cookie(tls, "affinity = {}"), ("__Host-portolan".into(), true));
    assert_eq!(cookie(tls, "affinity = { cookie = \"x\" }"), ("x".into(), true));
    assert_eq!(cookie("", "affinity = { cookie = \"__host-x\" }"), ("__host-x".into(), true));
    let both = format!("{tls}\n[[listeners]]\naddress = \"127.0.0.1:0\"");
    assert_eq!(cookie(&both, "affinity = {}"), ("portolan".into(), false));
}

#[test]
fn what_never_changes_is_said_or_guessed() {
    let immutable = |said: &str| {
        let route = format!("[[routes]]\npath = \"/docs/\"\nstatic = {{ root = \"dist\", {said} }}");
        let config = parse(&small("", &route), "edge.toml", Path::new("")).unwrap_or_else(|errors| panic!("{errors}"));
        let Action::Static(bundle) = &config.live.routes[1].action else { panic!("no bundle") };
        bundle.immutable.clone()
    };
    assert_eq!(immutable(""), None);
    assert_eq!(immutable("immutable = []"), Some(Vec::new()));
    for pattern in ["*", "assets/*", "assets/index-*", "app.js", ".well-known/*", ".well*", "a b/é.svg", "about.html*"]
    {
        assert_eq!(immutable(&format!("immutable = [\"{pattern}\"]")), Some(vec![pattern.to_owned()]), "{pattern}");
    }
}

#[test]
fn secrets_come_from_text_and_files() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("raw"), [0xff; 40]).unwrap();
    std::fs::write(folder.path().join("hex"), format!(" hex:{}\n", "00ff".repeat(16))).unwrap();
    std::fs::write(folder.path().join("token"), "a-token-of-the-admin\n").unwrap();
    let end = r#"
[admin]
address = "0.0.0.0:0"
token_file = "token"
[affinity]
keys = [
    { id = "a", secret_file = "raw" },
    { id = "b", secret_file = "hex" },
    { id = "c", secret = "a secret of thirty-two characters" },
]
"#;
    let config = parse(&small("", end), "edge.toml", folder.path()).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(config.boot.admin.unwrap().token.as_deref(), Some("a-token-of-the-admin"));
    let keys: Vec<_> = config.live.affinity_keys.iter().map(|key| key.secret.clone()).collect();
    assert_eq!(keys, [vec![0xff; 40], [0, 255].repeat(16), b"a secret of thirty-two characters".to_vec()]);
    assert!(!format!("{:?}", config.live.affinity_keys).contains("255"));
}

#[test]
fn load_names_what_it_cannot_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("edge.toml");
    let missing = load(&file).unwrap_err().to_string();
    assert!(missing.starts_with("error: cannot read ") && missing.contains("edge.toml"), "{missing}");
    std::fs::write(&file, b"[pop]\nname = \"\xff\"").unwrap();
    let place = load(&file).unwrap_err().0.remove(0).place.unwrap();
    assert_eq!((place.line, place.column), (2, 9));
}

#[test]
fn errors_are_bounded_and_regions_are_at_most_64() {
    let many: String = (0..300).map(|n| format!("key{n} = 1\n")).collect();
    let errors = parse(&many, "edge.toml", Path::new("")).unwrap_err();
    assert_eq!(errors.0.len(), 101);

    let region = |n| {
        let name = format!("[services.s.regions.x{n}]\nlocation = {{ latitude = 0, longitude = 0 }}\n");
        format!("{name}endpoints = [\"http://x{n}\"]\n")
    };
    let regions = |count: usize| -> String { (1..count).map(region).collect() };
    assert_eq!(good(&small("", &regions(64))).live.services[0].regions.len(), 64);
    let errors = parse(&small("", &regions(65)), "edge.toml", Path::new("")).unwrap_err();
    assert_eq!(errors.0[0].message, "the service has 65 regions");
}

#[test]
fn errors_have_a_form_for_programs() {
    let errors = parse("[pop]\nnme = \"x\"\n", "edge.toml", Path::new("")).unwrap_err();
    let json = serde_json::to_value(&errors).unwrap();
    let unknown = json.as_array().unwrap().iter().find(|error| error["message"] == "unknown key `nme`").unwrap();
    let expected = serde_json::json!({
        "message": "unknown key `nme`",
        "file": "edge.toml",
        "line": 2,
        "column": 1,
        "text": "nme = \"x\"",
        "length": 3,
        "note": null,
        "help": ["did you mean `name`?", "accepted here: `name`, `location`"],
    });
    assert_eq!(*unknown, expected);
}

#[test]
fn changes_that_need_a_restart_are_named() {
    let old = good(&small("", "[admin]")).boot;
    assert!(boot_changes(&old, &old).is_empty());
    let changed = small(
        "",
        "[process]\nworkers = 1000\npolicy_cache = \"p\"\ncache_disk = { path = \"c\", size = \"1GiB\" }\n[shutdown]\ndeadline = \"1s\"",
    );
    let changed = good(&changed.replace("127.0.0.1:0", "127.0.0.1:1")).boot;
    let keys =
        ["listeners", "admin", "process.workers", "process.policy_cache", "process.cache_disk", "shutdown.deadline"];
    assert_eq!(boot_changes(&old, &changed), keys);
}

/// Every broken file has a twin that holds what is said about it.
#[test]
fn says_what_is_wrong() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/tests/broken");
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    assert!(files.len() >= 4, "the broken files are gone");
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let errors = parse(&text, name, Path::new("/etc/portolan")).expect_err(name);
        check_file(&path.with_extension("txt"), &format!("{errors}\n"));
    }
}

/// Every example's configuration is read, wherever examples are added.
#[test]
fn reads_every_example() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let folders = std::fs::read_dir(examples).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = folders.map(|folder| folder.join("edge.toml")).filter(|file| file.exists()).collect();
    assert!(!files.is_empty(), "no example has an edge.toml");
    for file in files {
        load(&file).unwrap_or_else(|errors| panic!("{errors}"));
    }
}

/// The configuration that a newcomer copies is one that is accepted.
#[test]
fn reads_the_readme() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).unwrap();
    let (_, rest) = readme.split_once("```toml\n").unwrap();
    let (text, _) = rest.split_once("```").unwrap();
    parse(text, "README.md", Path::new("")).unwrap_or_else(|errors| panic!("{errors}"));
}

#[test]
fn the_schema_and_the_reference_in_docs_are_fresh() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    check_file(&docs.join("portolan.schema.json"), &format!("{:#}\n", schema()));
    check_file(&docs.join("config.md"), &reference());
}

/// Whatever the text, reading it ends in a configuration or in errors whose places are in it.
fn never_panics(text: &str) {
    let Err(errors) = parse(text, "edge.toml", Path::new("/etc/portolan")) else { return };
    assert!(!errors.0.is_empty());
    assert!(!errors.to_string().is_empty());
    let lines = text.split('\n').count();
    assert!(errors.0.iter().filter_map(|error| error.place.as_ref()).all(|place| place.line <= lines));
}

/// Pieces that are put into good files: punctuation, wrong kinds, extremes.
const PIECES: [&str; 24] = [
    "",
    "\"",
    "'''",
    "[",
    "]",
    "[[",
    "{",
    "}",
    "=",
    ".",
    ",",
    "\n",
    "\r\n",
    "\u{feff}",
    "ä",
    "\0",
    "-1",
    "nan",
    "1e999",
    "99999999999999999999",
    "true",
    "\"\"",
    "x = 1\n",
    "[pop]\n",
];

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC*|[\\[\\]{}=\",.\\n a-c0-9]*") {
        never_panics(&text);
    }

    #[test]
    fn no_damage_makes_it_panic(
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0..30usize, 0..PIECES.len()), 1..6)
    ) {
        let mut text: Vec<char> = DESIGN.chars().collect();
        for (at, length, piece) in damage {
            let at = at.index(text.len());
            let end = (at + length).min(text.len());
            text.splice(at..end, PIECES[piece].chars());
        }
        never_panics(&text.into_iter().collect::<String>());
    }
}

/// The cache of each route, as the file says it.
fn caches(service: &str, routes: &[&str]) -> Vec<Option<Arc<Cache>>> {
    let routes = routes
        .iter()
        .enumerate()
        .map(|(place, cache)| format!("[[routes]]\npath = \"/{place}\"\nservice = \"s\"\n{cache}\n"));
    let live = good(&small(service, &routes.collect::<String>())).live;
    let cache = |route: &Route| match &route.action {
        Action::Service { cache, .. } => cache.clone(),
        Action::Static(_) => panic!("no route serves files"),
    };
    live.routes.iter().skip(1).map(cache).collect()
}

#[test]
fn a_routes_cache_stands_key_by_key_over_its_services() {
    let ages = |cache: &Option<Arc<Cache>>| {
        let settings = &cache.as_ref().unwrap().settings;
        [settings.default_age, settings.age_max, settings.forced_age].map(|age| age.map(|age| age.as_secs()))
    };
    let none = caches("", &["", "cache = { enabled = false }", "cache = { enabled = true }", "cache = {}"]);
    assert_eq!(none.iter().map(Option::is_some).collect::<Vec<_>>(), [false, false, true, true]);
    let service = "cache = { default_age = \"10s\", max_age = \"1m\", query_drop = [\"utm_*\"], key_country = true }";
    let over = caches(
        service,
        &[
            "",
            "cache = { enabled = false }",
            "cache = { default_age = \"20s\", key_country = false, key_headers = [\"x-tier\"] }",
            "cache = { force_age = \"5s\", query_keep = [] }",
        ],
    );
    assert_eq!(ages(&over[0]), [Some(10), Some(60), None]);
    assert_eq!(over[1], None);
    assert_eq!(ages(&over[2]), [Some(20), Some(60), None]);
    let third = over[2].as_ref().unwrap();
    assert_eq!((third.key_country, third.key_headers.len()), (false, 1));
    assert_eq!(third.parameters, Parameters::Without(vec!["utm_*".into()]));
    assert_eq!(ages(&over[3]), [Some(10), Some(60), Some(5)]);
    assert_eq!(over[3].as_ref().unwrap().parameters, Parameters::None);
    let off = caches("cache = { enabled = false, force_age = \"9s\" }", &["", "cache = { enabled = true }"]);
    assert_eq!((&off[0], ages(&off[1])), (&None, [None, None, Some(9)]));
    let forced = caches("cache = { force_age = \"9s\" }", &["cache = { default_age = \"3s\" }"]);
    assert_eq!(ages(&forced[0]), [Some(3), None, None]);
}

/// What is said of the one mistake in a cache's table: message and help.
fn said_of(cache: &str) -> String {
    let text = small(&format!("cache = {{ {cache} }}"), "");
    let errors = parse(&text, "edge.toml", Path::new("")).expect_err(cache).0;
    assert_eq!(errors.len(), 1, "{cache}: {errors:?}");
    format!("{}; {}", errors[0].message, errors[0].help.join("; "))
}

/// Each value could be read, and would fit nothing, or contradicts another one.
#[test]
fn values_of_a_cache_that_would_be_without_effect_are_refused() {
    for (cache, parts) in [
        (r#"compress = true, compress_types = ["html"]"#, &["`compress_types`", "\"html\"", "\"text/html\""][..]),
        (r#"compress = true, compress_types = ["text/html; charset=utf-8"]"#, &["`compress_types`", "parameters"]),
        (r#"compress = true, compress_types = ["*/*"]"#, &["`compress_types`", "\"*/*\" is not a media type"]),
        (r#"compress = true, compress_types = ["a/b/c"]"#, &["`compress_types`", "\"a/b/c\""]),
        (r#"compress = true, compress_types = []"#, &["`compress_types` is empty", "`compress = false`"]),
        (
            r#"compress = true, compress_types = ["text/css", "Text/CSS"]"#,
            &["`compress_types` names \"text/css\" twice"],
        ),
        (r#"query_keep = ["a=b"]"#, &["`query_keep`", "\"a=b\"", "only its name is compared", "\"page\""]),
        (r#"query_drop = [""]"#, &["`query_drop`", "\"\""]),
        (r#"query_drop = ["a*b"]"#, &["`query_drop`", "a `*` that is not its end"]),
        (r#"query_drop = ["ä"]"#, &["`query_drop`", "percent-encoded"]),
        (r#"query_drop = ["a", "a"]"#, &["`query_drop` names \"a\" twice"]),
        (r#"query_keep = ["a"], query_drop = ["b"]"#, &["`query_keep` and `query_drop` exclude each other"]),
        (r#"key_cookies = ["a b"]"#, &["`key_cookies`", "\"a b\" is not a cookie name", "RFC 6265"]),
        (r#"key_cookies = ["a", "a"]"#, &["`key_cookies` names \"a\" twice"]),
        (r#"key_headers = ["X Y"]"#, &["`key_headers`", "\"X Y\" is not the name of a header"]),
        (r#"key_headers = ["x-a", "X-A"]"#, &["`key_headers` names \"x-a\" twice"]),
        (r#"key_headers = ["Host"]"#, &["`key_headers`", "`host` is in every key"]),
        (r#"key_headers = ["connection"]"#, &["`key_headers`", "`connection` never reaches an origin"]),
        (r#"key_headers = ["x-forwarded-for"]"#, &["`key_headers`", "the router writes `x-forwarded-for` itself"]),
        (r#"key_headers = ["portolan-pop"]"#, &["`key_headers`", "the router writes `portolan-pop` itself"]),
        (r#"key_headers = ["portolan-client-country"]"#, &["`key_headers`", "`key_country = true`"]),
        (r#"key_headers = ["range"]"#, &["`key_headers`", "the cache answers `range` itself"]),
        (r#"set_cookie = true"#, &["`set_cookie`: found something", "accepted here: \"bypass\", \"store\""]),
        (r#"object_max = "1""#, &["`object_max`: \"1\" is not a size", "a number with a unit"]),
        (r#"object_max = "0B""#, &["`object_max`: \"0B\" is out of range", "from 1B"]),
        (r#"max_age = "60""#, &["`max_age`: \"60\" is not a duration", "a number with a unit"]),
        (r#"max_age = "1m", default_age = "1h""#, &["`default_age`, 1h, is longer than `max_age`, 1m"]),
        (r#"object_max = "1MiB", slice = "2MiB""#, &["`slice`, 2MiB, is larger than `object_max`, 1MiB"]),
        (
            r#"slice = "64MiB""#,
            &["`slice`, 64MiB, is larger than what the cache stores, 32MiB", "`process.cache_memory`"],
        ),
        (
            r#"compress = true, object_max = "1KiB", compress_min = "2KiB""#,
            &["`compress_min`, 2KiB, is larger than `object_max`, 1KiB"],
        ),
    ] {
        let said = said_of(cache);
        parts.iter().for_each(|part| assert!(said.contains(part), "{part} is missing for {cache} in {said}"));
    }
}

#[test]
fn values_of_a_cache_that_mean_something_are_taken() {
    let types = r#"compress = true, compress_types = ["text/*", "application/vnd.api+json", "*"]"#;
    let query = r#"query_drop = ["utm_*", "a%3Db", "q[]", "*"]"#;
    let key = r#"key_headers = ["accept-language", "authorization", "x-forwarded-host"], key_cookies = ["__Host-a"]"#;
    good(&small(&format!("cache = {{ {types}, {query}, {key}, slice = \"32MiB\" }}"), ""));
}

/// What a route says must be of use over what its service says; that a route takes less than its service is no contradiction.
#[test]
fn a_routes_cache_does_not_contradict_its_services() {
    let route = |service: &str, route: &str| {
        let route = format!("[[routes]]\npath = \"/x\"\nservice = \"s\"\ncache = {{ {route} }}\n");
        let text = small(&format!("cache = {{ {service} }}"), &route);
        parse(&text, "edge.toml", Path::new("")).map(drop).map_err(|errors| errors.0[0].message.clone())
    };
    let wrong = route("max_age = \"1m\"", "default_age = \"1h\"").unwrap_err();
    assert_eq!(wrong, "`default_age`, 1h, is longer than `max_age`, 1m");
    let wrong = route("object_max = \"1MiB\"", "slice = \"2MiB\"").unwrap_err();
    assert_eq!(wrong, "`slice`, 2MiB, is larger than `object_max`, 1MiB");
    assert_eq!(route("default_age = \"1h\", slice = \"2MiB\"", "max_age = \"1m\", object_max = \"1MiB\""), Ok(()));
}
