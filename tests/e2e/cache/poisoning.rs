//! What one client says must not choose what others get.

use super::{pop, said};
use portolan_tests::site::{IN_GERMANY, IN_JAPAN};
use portolan_tests::{Ask, Origin, scripts};

/// Answers with what it sees of these fields.
fn telling(fields: &'static str, names: &'static [&'static str]) -> Origin {
    Origin::start(move |speaker| {
        while let Some(seen) = speaker.request()? {
            let told: Vec<_> = names.iter().map(|name| seen.field(name).unwrap_or("-")).collect();
            speaker.say(scripts::response("200 OK", fields, told.join(" ")))?;
        }
        Ok(())
    })
}

#[test]
fn what_connection_names_is_not_what_an_answer_is_stored_for() {
    for (fields, cache, name, value) in [
        ("cache-control: max-age=60\r\nvary: accept-language\r\n", "", "accept-language", "de"),
        ("cache-control: max-age=60\r\n", "key_headers = [\"x-tenant\"]", "x-tenant", "a"),
        ("cache-control: max-age=60\r\n", "key_cookies = [\"plan\"]", "cookie", "plan=gold"),
    ] {
        let origin = telling(fields, &["accept-language", "x-tenant", "cookie"]);
        let pop = pop(&origin, cache);
        let named = Ask::get("/").field(name, value).field("connection", &format!("close, {name}"));
        assert_eq!(pop.ask(&named).text(), "- - -", "{name}: it ends at this hop");
        let honest = pop.ask(&Ask::get("/").field(name, value));
        assert_eq!((honest.text().contains(value), said(&honest).ends_with("stored")), (true, true), "{name}");
    }
}

#[test]
fn rfc9110_7_6_1_an_origins_connection_option_makes_nothing_storable() {
    let old = "last-modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    for (named, fields) in [
        ("cache-control", "cache-control: private\r\n"),
        ("close, CDN-Cache-Control", "cdn-cache-control: no-store\r\ncache-control: max-age=60\r\n"),
        ("set-cookie", "set-cookie: sid=1\r\ncache-control: max-age=60\r\n"),
        ("vary", "vary: accept-language\r\ncache-control: max-age=60\r\n"),
        ("age", "age: 100\r\ncache-control: max-age=60\r\n"),
    ] {
        let fields = format!("connection: {named}\r\n{old}{fields}");
        let origin = telling(Box::leak(fields.into_boxed_str()), &["accept-language"]);
        let pop = pop(&origin, "");
        for _ in 0..2 {
            assert_eq!(said(&pop.get("/")), "fwd=uri-miss;detail=connection", "{named}");
        }
    }
    // A 304 that hides what it forbids ends what is stored.
    let origin = Origin::start(|speaker| {
        while let Some(seen) = speaker.request()? {
            let fields = "cache-control: no-cache\r\netag: \"a\"\r\n";
            speaker.say(match seen.field("if-none-match") {
                Some(_) => {
                    format!("HTTP/1.1 304 Not Modified\r\nconnection: vary\r\nvary: *\r\n{fields}\r\n").into_bytes()
                }
                None => scripts::response("200 OK", fields, "page"),
            })?;
        }
        Ok(())
    });
    let pop = pop(&origin, "");
    let all: Vec<_> = (0..3).map(|_| said(&pop.get("/"))).collect();
    assert_eq!(all, ["fwd=uri-miss;stored", "fwd=stale;fwd-status=304;detail=connection", "fwd=uri-miss;stored"]);
}

#[test]
fn what_one_client_says_at_length_is_shared_by_the_others_all_the_same() {
    let origin = telling("cache-control: max-age=60\r\nvary: accept-language\r\n", &["accept-encoding"]);
    let pop = pop(&origin, "");
    let long = "x".repeat(5000);
    let absurd = Ask::get("/").field("accept-language", &long);
    let plain = Ask::get("/").field("accept-language", "de");
    assert_eq!(said(&pop.ask(&absurd)), "fwd=uri-miss;detail=vary-values");
    assert_eq!(pop.status_of("/cache/entries"), 0);
    let cold = Ask::get("/").field("if-none-match", "\"x\"").field("accept-language", "de");
    assert_eq!(said(&pop.ask(&cold)), "fwd=uri-miss;stored", "the next asks for all, and not for itself alone");
    assert_eq!(origin.seen()[1].field("if-none-match"), None);
    assert_eq!(said(&pop.ask(&absurd)), "fwd=vary-miss;detail=vary-values");
    assert_eq!(said(&pop.ask(&plain)), "hit");
}

#[test]
fn what_the_router_tells_of_one_client_is_not_given_to_another() {
    for vary in ["Portolan-Client-Country", "X-Forwarded-For", "Forwarded", "X-Request-Id"] {
        let fields = format!("cache-control: max-age=60\r\nvary: {vary}\r\n");
        let origin = telling(Box::leak(fields.into_boxed_str()), &["portolan-client-country", "x-forwarded-for"]);
        let told = |pop: &portolan_tests::Pop, from: &str| {
            let answer = pop.ask(&Ask::get("/").field("x-forwarded-for", from));
            (answer.text().contains(from), answer.text()[..2].to_owned(), said(&answer).ends_with("hit"))
        };
        let plain = pop(&origin, "");
        for (from, country) in [(IN_GERMANY, "DE"), (IN_JAPAN, "JP"), (IN_GERMANY, "DE")] {
            assert_eq!(told(&plain, from), (true, country.to_owned(), false), "{vary}");
        }
        let keyed = pop(&origin, "key_country = true");
        told(&keyed, IN_GERMANY);
        assert_eq!(told(&keyed, IN_JAPAN).1, "JP", "{vary}");
        assert_eq!(
            told(&keyed, IN_GERMANY).2,
            vary.ends_with("Country"),
            "{vary}: what is in the key may be varied on"
        );
    }
}

#[test]
fn fields_that_frameworks_read_as_others_do_not_pass() {
    let names = &[
        "x-forwarded-host",
        "x_forwarded_host",
        "x-original_url",
        "x-original-uri",
        "x-forwarded-protocol",
        "x-http-host-override",
        "x-forwarded-uri",
    ];
    let origin = telling("cache-control: max-age=60\r\n", names);
    let pop = pop(&origin, "");
    let ask = names.iter().fold(Ask::get("/"), |ask, name| ask.field(name, "evil"));
    assert!(!pop.ask(&ask).text().contains("evil"), "{}", pop.ask(&ask).text());
}

#[test]
fn a_field_that_origins_read_as_one_that_counts_poisons_nobody() {
    let origin = telling("cache-control: max-age=60\r\n", &["x-tenant", "x_tenant"]);
    let keyed = pop(&origin, "key_headers = [\"x-tenant\"]");
    assert!(!keyed.ask(&Ask::get("/").field("x_tenant", "evil")).text().contains("evil"));

    let origin = telling("cache-control: max-age=60\r\nvary: x-tenant\r\n", &["x-tenant", "x_tenant"]);
    let varied = pop(&origin, "");
    let own = varied.ask(&Ask::get("/").field("x_tenant", "evil"));
    assert!(own.text().contains("evil") && said(&own).ends_with("detail=vary-values"), "{own:?}");
    for expected in ["fwd=uri-miss;stored", "hit"] {
        let plain = varied.get("/");
        assert_eq!((said(&plain).as_str(), plain.text().contains("evil")), (expected, false));
    }
}

/// What is found by another key may be stored for who asks so, and reaches nobody else.
#[test]
fn a_host_that_origins_would_repeat_is_in_the_key_as_they_see_it() {
    let origin = telling("cache-control: max-age=60\r\n", &["host"]);
    let pop = pop(&origin, "");
    for host in ["shop.test:0", "shop.test:99999", "shop.test."] {
        let asked = pop.ask(&Ask::get("/").host(host));
        assert_eq!((asked.status, said(&asked).as_str()), (200, "fwd=uri-miss;stored"), "{host}");
        assert!(asked.text().contains(host), "{host}: {}", asked.text());
    }
    // What is one in the key is one for the origin.
    let first = pop.ask(&Ask::get("/").host("SHOP.test:080"));
    assert_eq!((said(&first).as_str(), first.text().as_str()), ("fwd=uri-miss;stored", "shop.test"));
    assert_eq!(said(&pop.ask(&Ask::get("/").host("shop.test"))), "hit");
    for host in ["SHOP.test", "shop.test:80", "shop.test:"] {
        assert_eq!(said(&pop.ask(&Ask::get("/").host(host))), "hit", "{host}");
    }
}

#[test]
fn an_upgrade_is_no_way_around_the_cache() {
    let origin = telling("cache-control: max-age=60\r\n", &["upgrade", "http2-settings"]);
    let pop = pop(&origin, "");
    let clear = Ask::get("/").field("connection", "upgrade, http2-settings").field("upgrade", "h2c");
    let clear = clear.field("http2-settings", "AAMAAABk");
    let first = pop.ask(&clear);
    assert_eq!(
        (first.text().as_str(), said(&first).as_str()),
        ("- -", "fwd=uri-miss;stored"),
        "nobody speaks h2c behind us"
    );
    assert_eq!(said(&pop.ask(&clear)), "hit");
    assert_eq!(
        said(&pop.ask(&Ask::get("/").field("upgrade", "x"))),
        "hit",
        "what Connection does not name is no upgrade"
    );
    let other = pop.ask(&Ask::get("/").field("connection", "upgrade").field("upgrade", "other/1"));
    assert_eq!((other.text().as_str(), said(&other).as_str()), ("other/1 -", "fwd=bypass;detail=upgrade"));
    let write = Ask::post("/", "x").field("connection", "upgrade").field("upgrade", "other/1");
    assert_eq!(pop.ask(&write).status, 200);
    assert_eq!(said(&pop.get("/")), "fwd=uri-miss;stored", "RFC 9111 section 4.4");
}
