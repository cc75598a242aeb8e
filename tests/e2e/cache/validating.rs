//! What the origin says of stored answers when it is asked: which of them it means, and what becomes of them.

use super::{pop, said};
use portolan_tests::{Ask, Origin, scripts};

/// An origin with one representation for each language, stale when it comes. All share the tag "same"; a 304 or a HEAD makes
/// fresh what it is about, and says its language.
fn languages() -> Origin {
    Origin::start(|speaker| {
        while let Some(seen) = speaker.request()? {
            let language = seen.field("accept-language").unwrap_or("none").to_owned();
            let is_kept = seen.target == "/kept" && language == "de";
            let age = if seen.method == "HEAD" || is_kept {
                "max-age=60"
            } else {
                "max-age=10, stale-if-error=60\r\nage: 20"
            };
            let tag = if seen.target == "/304" { "etag: \"same\"\r\n" } else { "" };
            let fields = format!("vary: accept-language\r\ncontent-language: {language}\r\n{tag}");
            if seen.field("if-none-match").is_some() {
                speaker.say(format!("HTTP/1.1 304 Not Modified\r\ncache-control: max-age=60\r\n{fields}\r\n"))?;
            } else if seen.method == "HEAD" {
                let length = if seen.target == "/kept" { 9 } else { 2 };
                let head =
                    format!("HTTP/1.1 200 OK\r\ncache-control: {age}\r\n{fields}content-length: {length}\r\n\r\n");
                speaker.say(head)?;
            } else {
                speaker.say(scripts::response("200 OK", &format!("cache-control: {age}\r\n{fields}"), language))?;
            }
        }
        Ok(())
    })
}

#[test]
fn rfc9111_4_3_4_a_304_is_about_what_could_have_answered_its_request() {
    let origin = languages();
    let pop = pop(&origin, "");
    let get = |language: &str| pop.ask(&Ask::get("/304").field("accept-language", language));
    assert_eq!((get("de").text().as_str(), get("en").text().as_str()), ("de", "en"));
    assert_eq!(said(&get("en")), "fwd=stale;fwd-status=304;stored");
    let other = get("de");
    assert_eq!((other.field("content-language"), other.text().as_str()), (Some("de"), "de"));
    assert_eq!(said(&other), "fwd=stale;fwd-status=304;stored", "nobody asked about this one yet");
    assert_eq!((said(&get("de")).as_str(), said(&get("en")).as_str()), ("hit", "hit"));
}

#[test]
fn rfc9111_4_3_4_an_origin_that_compresses_is_asked_once() {
    // As nginx with gzip: it makes the tag of what it compresses weak, and leaves that of a 304 as it is.
    let origin = Origin::start(|speaker| {
        while let Some(seen) = speaker.request()? {
            let fields = "cache-control: no-cache\r\nlast-modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
            speaker.say(match seen.field("if-none-match") {
                Some(_) => format!("HTTP/1.1 304 Not Modified\r\n{fields}etag: \"a\"\r\n\r\n").into_bytes(),
                None => {
                    let coded = "etag: W/\"a\"\r\nvary: accept-encoding\r\ncontent-encoding: gzip\r\n";
                    scripts::response("200 OK", &format!("{fields}{coded}"), "not really gzip")
                }
            })?;
        }
        Ok(())
    });
    let pop = pop(&origin, "");
    let get = || pop.ask(&Ask::get("/").field("accept-encoding", "gzip"));
    assert_eq!(said(&get()), "fwd=uri-miss;stored");
    for _ in 0..2 {
        let answer = get();
        assert_eq!(
            (said(&answer).as_str(), answer.field("etag")),
            ("fwd=stale;fwd-status=304;stored", Some("W/\"a\""))
        );
    }
    assert_eq!(origin.seen().len(), 3);
}

#[test]
fn rfc9111_4_3_5_a_head_is_about_what_could_have_answered_its_request() {
    let origin = languages();
    let pop = pop(&origin, "");
    let ask =
        |method: &str, path: &str, language: &str| pop.ask(&Ask::new(method, path).field("accept-language", language));
    for path in ["/fresher", "/kept"] {
        assert_eq!((ask("GET", path, "de").text().as_str(), ask("GET", path, "en").text().as_str()), ("de", "en"));
        assert_eq!(said(&ask("HEAD", path, "en")), "fwd=stale");
    }
    let other = ask("GET", "/fresher", "de");
    assert_eq!((other.field("content-language"), said(&other).as_str()), (Some("de"), "fwd=stale;stored"));
    assert_eq!(said(&ask("GET", "/kept", "de")), "hit", "another length ends the freshness of its own language alone");
}

#[test]
fn rfc9111_4_3_5_an_authorised_head_drops_nothing() {
    let origin = Origin::start(|speaker| {
        while let Some(seen) = speaker.request()? {
            let fields = "cache-control: max-age=10\r\nage: 20\r\netag: \"1\"\r\n";
            match seen.field("if-none-match") {
                Some(_) => speaker.say(format!("HTTP/1.1 304 Not Modified\r\n{fields}\r\n"))?,
                None if seen.method == "HEAD" => {
                    speaker.say(format!("HTTP/1.1 200 OK\r\n{fields}content-length: 4\r\n\r\n"))?;
                }
                None => speaker.say(scripts::response("200 OK", fields, "kept"))?,
            }
        }
        Ok(())
    });
    let pop = pop(&origin, "");
    assert_eq!(pop.get("/").text(), "kept");
    assert_eq!(pop.ask(&Ask::new("HEAD", "/").field("authorization", "Basic eDp5")).status, 200);
    assert_eq!(said(&pop.get("/")), "fwd=stale;fwd-status=304;stored");
}

/// An origin whose answers are stale when they come, and whose 304 says what the path names.
fn confirming() -> Origin {
    Origin::start(|speaker| {
        while let Some(seen) = speaker.request()? {
            if seen.field("if-none-match").is_none() {
                let fields = "cache-control: max-age=10\r\nage: 20\r\netag: \"1\"\r\n";
                speaker.say(scripts::response("200 OK", fields, "kept"))?;
                continue;
            }
            let fields = match seen.target.as_str() {
                "/no-store" => "cache-control: no-store\r\n",
                "/private" => "cache-control: private\r\n",
                "/vary" => "cache-control: max-age=60\r\nvary: *\r\n",
                "/own" => "cache-control: max-age=60, private=\"set-cookie\"\r\nset-cookie: s=2\r\n",
                _ => "cache-control: max-age=60\r\n",
            };
            speaker.say(format!("HTTP/1.1 304 Not Modified\r\n{fields}etag: \"1\"\r\n\r\n"))?;
        }
        Ok(())
    })
}

#[test]
fn rfc9211_2_5_what_a_304_has_dropped_is_not_called_stored() {
    let origin = confirming();
    let pop = pop(&origin, "");
    for word in ["no-store", "private", "vary"] {
        let path = format!("/{word}");
        assert_eq!(pop.get(&path).text(), "kept");
        let confirmed = pop.get(&path);
        let expected = format!("fwd=stale;fwd-status=304;detail={word}");
        assert_eq!((confirmed.text(), said(&confirmed)), ("kept".to_owned(), expected));
        assert!(said(&pop.get(&path)).starts_with("fwd=uri-miss"), "{word}");
    }
    assert_eq!(pop.get("/").text(), "kept");
    let own = pop.ask(&Ask::get("/").field("authorization", "Basic eDp5"));
    assert_eq!(said(&own), "fwd=stale;fwd-status=304;detail=authorization");
    assert_eq!(said(&pop.get("/")), "fwd=stale;fwd-status=304;stored", "what it is about stays as it was");
}

#[test]
fn rfc9111_5_2_2_4_what_a_304_brings_is_for_the_one_who_asked() {
    let origin = confirming();
    let pop = pop(&origin, "");
    pop.get("/own");
    let confirmed = pop.get("/own");
    assert_eq!(said(&confirmed), "fwd=stale;fwd-status=304;stored");
    assert_eq!((confirmed.field("set-cookie"), confirmed.field("age")), (Some("s=2"), None), "validated just now");
    let next = pop.get("/own");
    assert_eq!(said(&next), "hit");
    assert!(next.field("set-cookie").is_none() && next.field("age").is_some());
}
