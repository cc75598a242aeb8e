//! What is stored, for whom, and what is answered from it.

use super::{origin, pop, said};
use portolan_tests::Ask;

#[test]
fn a_fresh_answer_is_served_from_memory_with_its_age() {
    let origin = origin("cache-control: max-age=60\r\netag: \"1\"\r\nsurrogate-key: a b\r\n", "hello");
    let pop = pop(&origin, "");
    let first = pop.get("/a");
    assert_eq!((first.text().as_str(), said(&first).as_str()), ("hello", "fwd=uri-miss;stored"));
    let second = pop.get("/a");
    assert_eq!((second.text().as_str(), said(&second).as_str()), ("hello", "hit"));
    assert!(second.field("age").is_some() && second.field("surrogate-key").is_none());
    let same = pop.ask(&Ask::get("/a").field("if-none-match", "\"1\""));
    assert_eq!((same.status, said(&same).as_str()), (304, "hit"));
    let part = pop.ask(&Ask::get("/a").field("range", "bytes=1-2"));
    assert_eq!((part.status, part.text().as_str(), part.field("content-range")), (206, "el", Some("bytes 1-2/5")));
    let head = pop.ask(&Ask::new("HEAD", "/a"));
    assert_eq!((head.status, head.field("content-length"), head.text().as_str()), (200, Some("5"), ""));
    assert_eq!(pop.ask(&Ask::get("/b").field("cache-control", "only-if-cached")).status, 504);
    assert_eq!(origin.seen().len(), 1, "one request for all of it");
    let hits = pop.metrics().count("portolan_cache_requests_total", &[("service", "shop"), ("outcome", "hit")]);
    assert_eq!(hits, 4);
    assert_eq!(pop.status_of("/cache/entries"), 1);
}

#[test]
fn what_is_for_one_user_is_not_stored() {
    for fields in [
        "cache-control: private\r\n",
        "cache-control: no-store\r\n",
        "cache-control: max-age=60\r\nset-cookie: a=b\r\n",
        "",
    ] {
        let origin = origin(fields, "mine");
        let pop = pop(&origin, "");
        for _ in 0..2 {
            assert_eq!(pop.get("/").text(), "mine");
        }
        assert_eq!(origin.seen().len(), 2, "{fields:?}");
    }
    let origin = origin("cache-control: max-age=60\r\n", "page");
    let pop = pop(&origin, "");
    pop.ask(&Ask::get("/").field("x-forwarded-host", "evil.example").field("authorization", "Basic eDp5"));
    pop.get("/");
    assert_eq!(origin.seen().len(), 2, "what was authorised is not stored");
    assert!(origin.seen()[0].field("x-forwarded-host") != Some("evil.example"), "no unkeyed field passes");
}

#[test]
fn the_key_is_what_the_operator_says() {
    let origin = origin("cache-control: max-age=60\r\n", "x");
    let pop = pop(&origin, "query_drop = [\"utm_*\"], key_headers = [\"x-shop\"], key_cookies = [\"plan\"]");
    let ask = |path: &str, shop: &str, plan: &str| {
        said(&pop.ask(&Ask::get(path).field("x-shop", shop).field("cookie", &format!("other=1; plan={plan}"))))
    };
    assert_eq!(ask("/?a=1&utm_source=x", "1", "gold"), "fwd=uri-miss;stored");
    assert_eq!(origin.only().target, "/?a=1", "what does not count does not reach the origin");
    assert_eq!(ask("/?utm_medium=y&a=1", "1", "gold"), "hit");
    assert_eq!(ask("/?a=1", "2", "gold"), "fwd=uri-miss;stored");
    assert_eq!(ask("/?a=1", "1", "free"), "fwd=uri-miss;stored");
    assert_eq!(ask("/?a=2", "1", "gold"), "fwd=uri-miss;stored");
}
