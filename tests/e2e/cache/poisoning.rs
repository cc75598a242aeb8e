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
    let names = &["x-forwarded-host", "x_forwarded_host", "x-original_url", "x-original-uri"];
    let origin = telling("cache-control: max-age=60\r\n", names);
    let pop = pop(&origin, "");
    let ask = names.iter().fold(Ask::get("/"), |ask, name| ask.field(name, "evil"));
    assert!(!pop.ask(&ask).text().contains("evil"), "{}", pop.ask(&ask).text());
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
