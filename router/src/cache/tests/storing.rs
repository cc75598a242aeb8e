//! What may be stored (RFC 9111 section 3).

use super::super::settings::SetCookie;
use super::super::stored::Extent;
use super::*;

fn refusal(case: &Case, settings: &Settings) -> Option<&'static str> {
    case.admit(settings).err().map(Refusal::word)
}

fn refused(request: Fields<'_>, status: u16, response: Fields<'_>) -> Option<&'static str> {
    refusal(&Case::new(request, status, response), &Settings::default())
}

const FRESH: (&str, &str) = ("cache-control", "max-age=60");

#[test]
fn rfc9111_3_methods() {
    for (method, has_body, expected) in [
        ("GET", false, None),
        ("GET", true, Some("request-body")),
        ("HEAD", false, Some("method")),
        ("POST", true, Some("method")),
        ("PUT", true, Some("method")),
        ("OPTIONS", false, Some("method")),
        ("M-SEARCH", false, Some("method")),
    ] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let case = Case { method, has_body, ..Case::ok(&[FRESH]) };
        assert_eq!(refusal(&case, &Settings::default()), expected, "{}", case.method);
    }
}

#[test]
fn rfc9110_9_3_3_post_answers_with_content_location_and_a_lifetime() {
    let here = ("content-location", "/b?c");
    for (status, response, expected) in [
        (200, &[FRESH, here][..], None),
        (201, &[FRESH, ("content-location", "https://A:443/b?c")], None),
        (200, &[FRESH], Some("method")),
        (200, &[FRESH, ("content-location", "/other")], Some("method")),
        (200, &[here, DATE, ("last-modified", DAY_AGO)], Some("method")), // guessed is not enough
        (404, &[FRESH, here], Some("method")),
    ] {
        let case = Case { method: Method::POST, has_body: true, ..Case::new(&[], status, response) };
        assert_eq!(refusal(&case, &Settings::default()), expected, "{status} {response:?}");
    }
}

#[test]
fn rfc9111_3_statuses() {
    for status in [200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 499, 500, 502, 503, 504, 599] {
        assert_eq!(refused(&[], status, &[FRESH]), None, "{status} with a lifetime");
    }
    for status in [101, 103, 304, 412, 416, 417] {
        assert_eq!(refused(&[], status, &[FRESH]), Some("status"), "{status}");
    }
    for (status, expected) in
        [(200, None), (400, Some("range")), (403, Some("range")), (416, Some("range")), (404, None)]
    {
        assert_eq!(refused(&[("range", "bytes=0-9")], status, &[FRESH]), expected, "{status} to a range");
    }
    for status in [428, 429, 431, 511] {
        for control in ["max-age=60", "public, max-age=60", "max-age=60, no-store, must-understand"] {
            let refused = refused(&[], status, &[("cache-control", control)]);
            assert_eq!(refused, Some("status"), "RFC 6585 sections 3 to 6: {status} {control}");
        }
    }
    let modified = [DATE, ("last-modified", DAY_AGO)];
    for (status, expected) in [
        (200, None),
        (404, None),
        (451, None), // RFC 7725 section 3
        (501, None),
        (201, Some("no-lifetime")),
        (302, Some("no-lifetime")),
        (403, Some("no-lifetime")),
        (503, Some("no-lifetime")),
        (599, Some("no-lifetime")),
    ] {
        assert_eq!(refused(&[], status, &modified), expected, "{status} without a lifetime");
    }
    assert_eq!(refused(&[], 599, &[("cache-control", "public"), DATE, ("last-modified", DAY_AGO)]), None);
}

#[test]
fn rfc9111_3_a_forced_lifetime_makes_nothing_storable() {
    let forced = Settings { forced_age: Some(Duration::from_secs(60)), ..Settings::default() };
    let of = |status, response: Fields<'_>| {
        Case::new(&[], status, response).admit(&forced).map(|stored| stored.ttl_s(START))
    };
    for status in [201, 202, 302, 303, 307, 400, 401, 403, 500, 503, 599] {
        assert_eq!(of(status, &[]).unwrap_err(), Refusal::NoLifetime, "{status} says nothing");
    }
    for status in [200, 203, 301, 404, 410, 451, 501] {
        assert_eq!(of(status, &[]).unwrap(), 60, "{status} may be kept by heuristics");
    }
    for control in ["max-age=0", "s-maxage=5", "public"] {
        assert_eq!(of(503, &[("cache-control", control)]).unwrap(), 60, "{control}");
    }
    assert_eq!(of(302, &[("expires", "0")]).unwrap(), 60);
    assert_eq!(of(302, &[("expires", "0"), ("cdn-cache-control", "foo")]).unwrap_err(), Refusal::NoLifetime);
    // What counts as explicit is what the origin says, here too.
    let cookies = Settings { set_cookie: SetCookie::Store, ..forced.clone() };
    let cookie = ("set-cookie", "a=b");
    assert_eq!(refusal(&Case::ok(&[cookie]), &cookies), Some("set-cookie"));
    assert_eq!(refusal(&Case::ok(&[cookie, FRESH]), &cookies), None);
    let here = ("content-location", "/b?c");
    let post = |response: Fields<'_>| Case { method: Method::POST, has_body: true, ..Case::ok(response) };
    assert_eq!(refusal(&post(&[here]), &forced), Some("method"));
    assert_eq!(refusal(&post(&[here, FRESH]), &forced), None);
}

#[test]
fn rfc9111_5_2_2_what_forbids_storing() {
    for (status, value, expected) in [
        (200, "no-store", Some("no-store")),
        (200, "No-StOrE, max-age=60", Some("no-store")),
        (200, "private, max-age=60", Some("private")),
        (200, "private=\"a\", max-age=60", None),
        (200, "max-age=60, no-store, must-understand", None), // section 5.2.2.3
        (404, "max-age=60, no-store, must-understand", None),
        (451, "max-age=60, no-store, must-understand", None),
        (599, "max-age=60, must-understand", Some("not-understood")),
        (299, "max-age=60, must-understand", Some("not-understood")),
        (200, "max-age=0", Some("never-fresh")),
        (200, "max-age=0, stale-while-revalidate=5", None),
        (200, "no-cache, max-age=60", Some("never-fresh")),
        (200, "public", Some("never-fresh")),
    ] {
        assert_eq!(refused(&[], status, &[("cache-control", value)]), expected, "{status} {value}");
    }
    for validator in [("etag", "\"a\""), ("last-modified", DAY_AGO)] {
        assert_eq!(refused(&[], 200, &[("cache-control", "no-cache"), validator]), None);
        assert_eq!(refused(&[], 200, &[("cache-control", "max-age=0"), validator]), None);
    }
    assert_eq!(refused(&[], 200, &[FRESH, ("age", "60")]), Some("never-fresh"), "it came stale");
    assert_eq!(refused(&[], 200, &[]), Some("never-fresh"));
    assert_eq!(refused(&[("cache-control", "no-store")], 200, &[FRESH]), Some("request-no-store"));
    let deaf = Settings { request_directives: false, ..Settings::default() };
    assert_eq!(refusal(&Case::new(&[("cache-control", "no-store")], 200, &[FRESH]), &deaf), None);
}

#[test]
fn rfc9110_7_6_1_what_connection_took_off_may_have_forbidden_it() {
    let case = |response: Fields<'_>| Case { is_abridged: true, ..Case::ok(response) };
    for fields in [&[FRESH][..], &[DATE, ("last-modified", DAY_AGO)], &[("cdn-cache-control", "max-age=60")]] {
        assert_eq!(refusal(&case(fields), &Settings::default()), Some("connection"));
    }
}

#[test]
fn rfc9111_4_1_what_one_request_says_at_length_is_no_matter_of_others() {
    let long = "x".repeat(5000);
    let refused = Case::new(&[("foo", &long)], 200, &[FRESH, ("vary", "foo")]).admit(&Settings::default()).unwrap_err();
    assert_eq!((refused.word(), refused.is_of_request()), ("vary-values", true));
    let refused = Case::ok(&[FRESH, ("vary", "*")]).admit(&Settings::default()).unwrap_err();
    assert_eq!((refused.word(), refused.is_of_request()), ("vary", false));
}

#[test]
fn rfc9213_2_2_a_targeted_field_overrides_no_store() {
    let targeted = |value| ("cdn-cache-control", value);
    assert_eq!(refused(&[], 200, &[("cache-control", "no-store"), targeted("max-age=60")]), None);
    assert_eq!(refused(&[], 200, &[FRESH, targeted("no-store")]), Some("no-store"));
    assert_eq!(refused(&[], 200, &[FRESH, targeted("private")]), Some("private"));
    assert_eq!(refused(&[], 200, &[("cache-control", "no-store"), targeted("max-age=\"60\"")]), Some("no-store"));
}

#[test]
fn rfc9111_3_5_authorization() {
    let authorised = [("authorization", "Basic x")];
    for (value, expected) in [
        ("max-age=60", Some("authorization")),
        ("max-age=60, public", None),
        ("max-age=60, must-revalidate", None),
        ("s-maxage=60", None),
        ("max-age=60, proxy-revalidate", Some("authorization")),
        ("max-age=60, private", Some("private")),
    ] {
        assert_eq!(refused(&authorised, 200, &[("cache-control", value)]), expected, "{value}");
    }
}

#[test]
fn rfc9111_7_3_set_cookie_by_setting() {
    let store = Settings { set_cookie: SetCookie::Store, ..Settings::default() };
    let cookie = ("set-cookie", "a=b");
    for (response, bypass, stored) in [
        (&[FRESH, cookie][..], Some("set-cookie"), None),
        (&[("expires", "Sun, 06 Nov 1994 09:49:37 GMT"), cookie], Some("set-cookie"), None),
        (&[DATE, ("last-modified", DAY_AGO), cookie], Some("set-cookie"), Some("set-cookie")),
        (&[("cache-control", "max-age=60, no-cache=\"set-cookie\""), cookie], None, None),
        (&[("cache-control", "max-age=60, private=Set-Cookie"), cookie], None, None),
    ] {
        let case = Case::ok(response);
        assert_eq!((refusal(&case, &Settings::default()), refusal(&case, &store)), (bypass, stored), "{response:?}");
    }
    let kept = Case::ok(&[FRESH, cookie]).admit(&store).unwrap();
    assert_eq!(kept.headers["set-cookie"], "a=b");
    let kept = Case::ok(&[("cache-control", "max-age=60, private=Set-Cookie"), cookie]).stored();
    assert!(!kept.headers.contains_key("set-cookie"), "nobody gets another's");
}

#[test]
fn rfc9111_4_1_what_nobody_else_could_match() {
    assert_eq!(refused(&[], 200, &[FRESH, ("vary", "*")]), Some("vary"));
    let long = "x".repeat(5000);
    assert_eq!(refused(&[("foo", &long)], 200, &[FRESH, ("vary", "foo")]), Some("vary-values"));
    assert_eq!(refused(&[], 200, &[FRESH, ("surrogate-key", &"k".repeat(2000))]), Some("tags"));
}

#[test]
fn rfc9111_3_3_parts() {
    let range = ("range", "bytes=0-4");
    for (request, value, expected) in [
        (&[range][..], "bytes 0-4/10", None),
        (&[range], "bytes 0-4/*", Some("part")),
        (&[range], "bytes 4-0/10", Some("part")),
        (&[range], "bytes 5-10/10", Some("part")),
        (&[range], "bytes 0-4", Some("part")),
        (&[range], "lines 0-4/10", Some("part")),
        (&[], "bytes 0-4/10", Some("part")), // nobody asked for a part
    ] {
        assert_eq!(refused(request, 206, &[FRESH, ("content-range", value)]), expected, "{value}");
    }
    assert_eq!(refused(&[range], 206, &[FRESH]), Some("part"), "several parts are not kept");
    for (length, expected) in [("5", None), ("6", Some("part")), ("4", Some("part"))] {
        let fields = [FRESH, ("content-range", "bytes 0-4/10"), ("content-length", length)];
        assert_eq!(refused(&[range], 206, &fields), expected, "{length}");
    }
    let kept = Case::new(&[range], 206, &[FRESH, ("content-range", "bytes 0-4/10")]).stored();
    assert_eq!((kept.status, kept.length()), (StatusCode::OK, Some(10)));
    assert!(matches!(kept.extent, Extent::Parts { total: 10, .. }) && !kept.headers.contains_key("content-range"));
    let whole = Case::ok(&[FRESH, ("content-range", "bytes 0-0/1")]).stored();
    assert_eq!(whole.headers["content-range"], "bytes 0-0/1", "in a 200 it means nothing and is left alone");
}
