//! What is stored, for whom, and what is answered from it.

use super::{origin, pop, said};
use portolan_tests::{Ask, Origin, scripts, wait_until};

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

#[test]
fn rfc9111_5_2_2_7_fields_for_one_user_reach_that_user_alone() {
    let fields = "cache-control: max-age=60, private=\"set-cookie\", no-cache=x-user\r\nset-cookie: s=1\r\nx-user: u\r\n\
                  surrogate-key: k\r\netag: \"1\"\r\n";
    let origin = origin(fields, "page");
    let pop = pop(&origin, "");
    let own = ["set-cookie", "x-user"];
    for (method, condition, status) in [("GET", "\"0\"", 200), ("GET", "\"1\"", 304), ("HEAD", "\"0\"", 200)] {
        let path = format!("/{method}{status}");
        let ask = || pop.ask(&Ask::new(method, &path).field("if-none-match", condition));
        let first = ask();
        assert_eq!(own.map(|name| first.field(name)), [Some("s=1"), Some("u")], "{path}");
        assert!(first.status == status && said(&first).ends_with("stored"), "{path}");
        assert!(first.field("age").is_none(), "RFC 9111 section 5.1: the origin made it for this request");
        assert!(first.field("surrogate-key").is_none());
        wait_until("it is stored", || said(&ask()) == "hit");
        let next = ask();
        assert_eq!((own.map(|name| next.field(name)), next.status), ([None, None], status), "{path}");
        assert!(next.field("age").is_some());
    }
    assert_eq!(origin.seen().len(), 3);
}

#[test]
fn rfc9111_5_1_the_age_that_an_origin_says_is_told() {
    let origin = origin("cache-control: max-age=60\r\nage: 30\r\n", "x");
    let pop = pop(&origin, "");
    let age = || pop.get("/").field("age").and_then(|age| age.parse::<u32>().ok());
    assert!(age() >= Some(30) && age() >= Some(30));
}

/// An origin that judges conditions itself, stores nothing of `/mine`, and tells by what it was asked.
fn judging() -> Origin {
    Origin::start(|speaker| {
        while let Some(seen) = speaker.request()? {
            let own = if seen.target == "/mine" { "no-store" } else { "max-age=60" };
            let fields = format!("cache-control: {own}\r\netag: \"1\"\r\ncontent-type: text/plain\r\n");
            match (seen.method.as_str(), seen.field("if-none-match")) {
                (_, Some("\"1\"")) => speaker.say(format!("HTTP/1.1 304 Not Modified\r\n{fields}\r\n"))?,
                ("HEAD", _) => speaker.say(format!("HTTP/1.1 200 OK\r\n{fields}content-length: 5\r\n\r\n"))?,
                _ => speaker.say(scripts::response("200 OK", &fields, "hello"))?,
            }
        }
        Ok(())
    })
}

fn asked(origin: &Origin) -> Vec<(String, bool)> {
    origin.seen().iter().map(|seen| (seen.method.clone(), seen.field("if-none-match").is_some())).collect()
}

#[test]
fn a_condition_on_what_is_not_stored_brings_it_and_is_answered() {
    let origin = judging();
    let pop = pop(&origin, "");
    let ask = |path: &str, tag: &str| pop.ask(&Ask::get(path).field("if-none-match", tag));
    let same = ask("/a", "\"1\"");
    assert_eq!(
        (same.status, said(&same).as_str(), same.text()),
        (304, "fwd=uri-miss;fwd-status=200;stored", String::new())
    );
    assert_eq!((same.field("etag"), same.field("content-type")), (Some("\"1\""), None));
    assert_eq!(said(&pop.get("/a")), "hit");
    let other = ask("/b", "\"0\"");
    assert_eq!((other.status, other.text().as_str()), (200, "hello"));
    assert_eq!(said(&ask("/b", "\"1\"")), "hit");
    let get = || ("GET".to_owned(), false);
    assert_eq!(asked(&origin), [get(), get()]);
}

#[test]
fn head_brings_what_get_would() {
    let origin = judging();
    let pop = pop(&origin, "");
    let head = pop.ask(&Ask::new("HEAD", "/"));
    assert_eq!(
        (head.status, head.field("content-length"), said(&head).as_str()),
        (200, Some("5"), "fwd=uri-miss;stored")
    );
    wait_until("it is stored", || pop.status_of("/cache/entries") == 1);
    let get = pop.get("/");
    assert_eq!((get.text().as_str(), said(&get).as_str()), ("hello", "hit"));
    assert_eq!(asked(&origin), [("GET".to_owned(), false)]);
}

#[test]
fn what_is_known_not_to_be_stored_is_asked_for_as_the_client_does() {
    let origin = judging();
    let pop = pop(&origin, "");
    let again = || pop.ask(&Ask::get("/mine").field("if-none-match", "\"1\""));
    let first = again();
    assert_eq!((first.status, said(&first).as_str()), (304, "fwd=uri-miss;fwd-status=200;detail=no-store"));
    let second = again();
    assert_eq!((second.status, said(&second).as_str()), (304, "fwd=uri-miss;detail=status"));
    let head = pop.ask(&Ask::new("HEAD", "/mine"));
    assert_eq!((head.status, head.field("content-length")), (200, Some("5")));
    // What is authorised is hardly ever stored.
    let own = pop.ask(&Ask::get("/b").field("if-none-match", "\"1\"").field("authorization", "Basic eDp5"));
    assert_eq!(own.status, 304);
    let expected = [("GET", false), ("GET", true), ("HEAD", false), ("GET", true)];
    assert_eq!(asked(&origin), expected.map(|(method, condition)| (method.to_owned(), condition)));
}
