//! Tests of the route table: a table of cases, and every table against a matcher that looks at each route in turn.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use proptest::prelude::*;

fn key(text: &str) -> RouteKey {
    let (host, path) = text.split_at(text.find(['/', '=']).unwrap());
    let path = match path.strip_prefix('=') {
        Some(exact) => PathPattern::Exact(exact.to_owned()),
        None => PathPattern::Prefix(path.to_owned()),
    };
    RouteKey { host: if host.is_empty() { HostPattern::Any } else { HostPattern::parse(host).unwrap() }, path }
}

/// `routes` as `host/prefix` or `host=/exact`; each case is a request and the route it must take, or `-`.
fn check(routes: &[&str], cases: &[(&str, &str, &str)]) {
    let table = RouteTable::build(routes.iter().map(|text| key(text)).collect()).unwrap();
    for (host, path, expected) in cases {
        let got = table.find(host, path).map_or("-", |index| routes[index]);
        assert_eq!(got, *expected, "{host}{path}");
    }
}

#[test]
fn prefixes_hold_on_segment_borders() {
    check(
        &["/api", "/api/", "/api/v1/", "/assets", "=/api/", "/"],
        &[
            ("", "/api", "/api"),
            ("", "/api/", "=/api/"),
            ("", "/api/x", "/api/"),
            ("", "/apix", "/"),
            ("", "/api/v1", "/api/"),
            ("", "/api/v1/x", "/api/v1/"),
            ("", "/assets/", "/assets"),
            ("", "/assets/a/b", "/assets"),
            ("", "//api", "/"),
            ("", "*", "-"),
            ("", "", "-"),
        ],
    );
    check(&["/api/"], &[("", "/api", "-"), ("", "/API/", "-"), ("", "/api/", "/api/")]);
    check(&["//"], &[("", "/", "-"), ("", "//", "//"), ("", "//x", "//"), ("", "/x", "-")]);
}

#[test]
fn hosts_go_from_exact_to_any() {
    check(
        &["shop.example/", "*.example/", "*.eu.example/", "*.example=/only", "/any"],
        &[
            ("shop.example", "/x", "shop.example/"),
            ("SHOP.Example:8443", "/x", "shop.example/"),
            ("shop.example.", "/x", "shop.example/"),
            ("www.example", "/x", "*.example/"),
            ("www.example", "/only", "*.example=/only"),
            ("a.b.eu.example", "/x", "*.eu.example/"),
            ("eu.example", "/x", "*.example/"),
            ("example", "/any", "/any"),
            (".example", "/x", "-"),
            ("other.test", "/x", "-"),
            ("other.test", "/any/x", "/any"),
            ("[::1]:80", "/any", "/any"),
        ],
    );
    // A host that has routes, none of them for this path, does not hide the routes for any host.
    check(&["a.test/api/", "/health"], &[("a.test", "/health", "/health"), ("a.test", "/other", "-")]);
    check(&["[::1]/"], &[("[::1]:80", "/", "[::1]/"), ("[::2]", "/", "-")]);
}

#[test]
fn the_same_key_twice_is_a_conflict() {
    let conflict = |routes: &[&str]| RouteTable::build(routes.iter().map(|text| key(text)).collect()).err();
    assert_eq!(conflict(&["/a", "/b", "/a"]), Some(RouteConflict { first: 0, second: 2 }));
    assert_eq!(conflict(&["A.test/", "a.TEST./"]), Some(RouteConflict { first: 0, second: 1 }));
    assert_eq!(conflict(&["/a", "/a/", "=/a", "a.test/a", "*.a.test/a"]), None);
}

#[test]
fn host_patterns_that_cannot_be_meant_are_refused() {
    for text in ["", "*.", "a.*.test", "a.test:80", "a.test/x", "*.*.test", "a..test", "u@a.test"] {
        assert_eq!(HostPattern::parse(text), None, "{text:?}");
    }
    assert_eq!(HostPattern::parse("*"), Some(HostPattern::Any));
    assert_eq!(HostPattern::parse("*.A.test"), Some(HostPattern::Wildcard("a.test".to_owned())));
}

/// How exactly a key matches, if it does: the rules, written the slow and obvious way.
fn rank(key: &RouteKey, host: &str, path: &str) -> Option<(usize, usize, usize, usize)> {
    let (kind, length) = match &key.host {
        HostPattern::Any => (0, 0),
        HostPattern::Wildcard(domain) => {
            let label = host.strip_suffix(domain.as_str())?.strip_suffix('.')?;
            (!label.is_empty()).then_some((1, domain.len()))?
        }
        HostPattern::Exact(name) => (name == host).then_some((2, 0))?,
    };
    let (exact, long) = match &key.path {
        PathPattern::Exact(exact) => (exact == path).then_some((1, 0))?,
        PathPattern::Prefix(prefix) => {
            let rest = path.strip_prefix(prefix.as_str())?;
            (rest.is_empty() || prefix.ends_with('/') || rest.starts_with('/')).then_some((0, prefix.len()))?
        }
    };
    Some((kind, length, exact, long))
}

fn arbitrary_key() -> impl Strategy<Value = RouteKey> {
    let host = prop_oneof![
        Just(HostPattern::Any),
        "[ab](\\.[ab]){0,2}".prop_map(HostPattern::Exact),
        "[ab](\\.[ab]){0,2}".prop_map(HostPattern::Wildcard),
    ];
    let path =
        prop_oneof!["(/[xy]?){1,4}".prop_map(PathPattern::Prefix), "(/[xy]{0,2}){1,3}".prop_map(PathPattern::Exact)];
    (host, path).prop_map(|(host, path)| RouteKey { host, path })
}

proptest! {
    #[test]
    fn finds_what_looking_at_every_route_finds(
        keys in proptest::collection::vec(arbitrary_key(), 0..24),
        requests in proptest::collection::vec(("[ab](\\.[ab]){0,4}", "(/[xy]{0,2}){1,5}"), 1..24),
    ) {
        let mut unique: Vec<RouteKey> = Vec::new();
        for key in keys {
            if !unique.contains(&key) {
                unique.push(key);
            }
        }
        let table = RouteTable::build(unique.clone()).unwrap();
        for (host, path) in requests {
            let naive = (0..unique.len())
                .filter_map(|index| Some((rank(&unique[index], &host, &path)?, index)))
                .max()
                .map(|(_, index)| index);
            prop_assert_eq!(table.find(&host, &path), naive, "{}{}", host, path);
        }
    }

    #[test]
    fn no_text_makes_it_panic(host in ".{0,40}", path in ".{0,40}") {
        let table = RouteTable::build(vec![key("*.a/"), key("/x")]).unwrap();
        table.find(&host, &path);
        HostPattern::parse(&host);
    }
}
