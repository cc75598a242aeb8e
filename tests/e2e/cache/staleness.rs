//! Answers that are not fresh any more.

use super::{origin, pop, said};
use portolan_tests::site::{FRANKFURT, Service, VIRGINIA};
use portolan_tests::{Ask, Client, Origin, Pop, scripts, wait_until};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

#[test]
fn stale_answers_stand_in_for_a_failed_origin_after_failover() {
    let far = origin("cache-control: max-age=0, stale-if-error=60\r\netag: \"far\"\r\n", "far");
    let asked = AtomicUsize::new(0);
    let near = Origin::start(move |speaker| {
        while speaker.request()?.is_some() {
            if asked.fetch_add(1, SeqCst) > 0 {
                speaker.reset();
                return Ok(());
            }
            let fields = "cache-control: max-age=0, stale-if-error=60\r\netag: \"near\"\r\n";
            speaker.say(scripts::response("200 OK", fields, "near"))?;
        }
        Ok(())
    });
    let service = Service::new("shop").with("cache = {}\nejection = false").region(FRANKFURT, &[near.url()]);
    let pop = Pop::start(&service.region(VIRGINIA, &[far.url()]).site());
    assert_eq!(pop.get("/").text(), "near");
    let over = pop.get("/");
    assert_eq!((over.status, over.text().as_str()), (200, "far"), "another region is asked before stale is served");

    let alone = Origin::start(|speaker| {
        while let Some(seen) = speaker.request()? {
            let forbids = seen.target == "/strict";
            let fields = if forbids {
                "cache-control: max-age=0, must-revalidate\r\netag: \"1\"\r\n"
            } else {
                "cache-control: max-age=0\r\netag: \"1\"\r\n"
            };
            if seen.field("if-none-match").is_some() {
                speaker.reset();
                return Ok(());
            }
            speaker.say(scripts::response("200 OK", fields, "kept"))?;
        }
        Ok(())
    });
    let pop =
        Pop::start(&Service::new("shop").with("cache = {}\nejection = false").region(FRANKFURT, &[alone.url()]).site());
    assert_eq!(pop.get("/").text(), "kept");
    let stale = pop.get("/");
    assert_eq!((stale.text().as_str(), said(&stale).as_str()), ("kept", "hit;detail=origin-failed"));
    pop.get("/strict");
    assert_eq!(pop.get("/strict").status, 502, "must-revalidate forbids it");
}

#[test]
fn stale_while_revalidate_answers_at_once_and_asks_once() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let origin = Origin::start(move |speaker| {
        while speaker.request()?.is_some() {
            let number = count.fetch_add(1, SeqCst);
            speaker.say(scripts::response(
                "200 OK",
                "cache-control: max-age=0, stale-while-revalidate=60\r\n",
                format!("{number}"),
            ))?;
        }
        Ok(())
    });
    let pop = pop(&origin, "");
    assert_eq!(pop.get("/").text(), "0");
    let stale = pop.get("/");
    assert_eq!((stale.text().as_str(), said(&stale).as_str()), ("0", "hit"));
    wait_until("the background request is stored", || asked.load(SeqCst) >= 2 && pop.get("/").text() != "0");
}

#[test]
fn what_is_stored_is_served_when_no_region_can_serve() {
    let origin = Origin::start(|speaker| {
        while let Some(seen) = speaker.request()? {
            let fields = match seen.target.as_str() {
                "/fresh" => "cache-control: max-age=600\r\n",
                "/strict" => "cache-control: max-age=0, must-revalidate\r\netag: \"1\"\r\n",
                _ => "cache-control: max-age=0\r\netag: \"1\"\r\n",
            };
            speaker.say(scripts::response("200 OK", fields, "kept"))?;
        }
        Ok(())
    });
    let service = Service::new("shop").probed().with("cache = {}").region(FRANKFURT, &[origin.url()]);
    let pop = Pop::start(&service.site());
    pop.wait_health("shop", FRANKFURT.0, "healthy");
    for path in ["/fresh", "/stale", "/strict"] {
        assert_eq!(pop.get(path).text(), "kept");
    }
    drop(origin);
    pop.wait_health("shop", FRANKFURT.0, "down");
    for (path, expected) in [
        ("/fresh", (200, "hit")),
        ("/stale", (200, "hit;detail=origin-failed")),
        ("/strict", (503, "")),
        ("/unknown", (503, "")),
    ] {
        let answer = pop.get(path);
        assert_eq!((answer.status, said(&answer).as_str()), expected, "{path}");
    }
    let only = pop.ask(&Ask::get("/unknown").field("cache-control", "only-if-cached"));
    assert_eq!((only.status, said(&only).as_str()), (504, "detail=only-if-cached"));
    assert_eq!(pop.ask(&Ask::new("POST", "/fresh").body("x")).status, 503);
    assert_eq!(said(&pop.get("/fresh")), "hit", "what nobody did makes nothing invalid");
}

#[test]
fn what_is_fresh_needs_no_room() {
    let gate = scripts::Gate::default();
    let opened = gate.clone();
    let origin = Origin::start(move |speaker| {
        while let Some(seen) = speaker.request()? {
            if seen.target == "/slow" {
                opened.pass();
            }
            speaker.say(scripts::response("200 OK", "cache-control: max-age=600\r\n", "kept"))?;
        }
        Ok(())
    });
    let service = Service::new("shop").with("cache = {}\nqueue = { wait = \"0s\" }");
    let pop = Pop::start(&service.region_with(FRANKFURT, &[origin.url()], "capacity = 1").site());
    assert_eq!(pop.get("/a").text(), "kept");
    let mut slow = Client::to(pop.address());
    slow.send(&Ask::get("/slow").bytes());
    wait_until("the region is full", || origin.seen().len() == 2);
    assert_eq!(pop.get("/b").status, 503);
    assert_eq!(said(&pop.get("/a")), "hit");
    gate.open();
    assert_eq!(slow.answer("GET").unwrap().status, 200);
}

/// What the origin says in the end of something that it called old before, by the path.
static LATER: [(&str, &[(&str, &str)]); 13] = [
    ("/200-private", &[("200 OK", "cache-control: private\r\n")]),
    ("/200-no-store", &[("200 OK", "cache-control: no-store\r\n")]),
    ("/200-bare", &[("200 OK", "")]),
    ("/302", &[("302 Found", "location: /\r\n")]),
    ("/304-then-404", &[("304 Not Modified", "etag: \"2\"\r\n"), ("404 Not Found", "")]),
    ("/401", &[("401 Unauthorized", "www-authenticate: Basic realm=x\r\n")]),
    ("/404", &[("404 Not Found", "")]),
    ("/410", &[("410 Gone", "cache-control: no-store\r\n")]),
    ("/451", &[("451 Unavailable For Legal Reasons", "")]),
    ("/kept-400", &[("400 Bad Request", "")]),
    ("/kept-429", &[("429 Too Many Requests", "")]),
    ("/kept-501", &[("501 Not Implemented", "")]),
    ("/kept-own", &[("200 OK", "cache-control: private\r\n")]),
];

/// A PoP that does not give up an origin for its failures.
fn trusting(origin: &Origin) -> Pop {
    let service = Service::new("shop").with("cache = {}\nejection = false");
    Pop::start(&service.region(FRANKFURT, &[origin.url()]).site())
}

/// An origin whose first answer is "old" and stale when it comes; the next ones are what `LATER` has, and then it fails.
fn changing(window: &'static str) -> Origin {
    let asked = Mutex::new(HashMap::<String, usize>::new());
    Origin::start(move |speaker| {
        while let Some(seen) = speaker.request()? {
            let number = {
                let mut asked = asked.lock().unwrap();
                let number = asked.entry(seen.target.clone()).or_default();
                std::mem::replace(number, *number + 1)
            };
            if number == 0 {
                let fields = format!("cache-control: max-age=10{window}\r\nage: 20\r\netag: \"1\"\r\n");
                speaker.say(scripts::response("200 OK", &fields, "old"))?;
                continue;
            }
            let later =
                LATER.iter().find(|(path, _)| *path == seen.target).and_then(|(_, later)| later.get(number - 1));
            let (status, fields) = later.copied().unwrap_or(("503 Service Unavailable", ""));
            if status.starts_with("304") {
                speaker.say(format!("HTTP/1.1 {status}\r\n{fields}\r\n"))?;
            } else {
                speaker.say(scripts::response(status, fields, "new"))?;
            }
        }
        Ok(())
    })
}

#[test]
fn rfc9111_4_3_3_what_the_origin_has_replaced_does_not_come_back() {
    let origin = changing("");
    let pop = trusting(&origin);
    for (path, later) in &LATER {
        assert_eq!(pop.get(path).text(), "old");
        let is_kept = path.starts_with("/kept");
        let ask = Ask::get(path);
        let ask = if *path == "/kept-own" { ask.field("authorization", "Basic eDp5") } else { ask };
        let (next, status) = (pop.ask(&ask), later.last().unwrap().0);
        // Only what says that the origin failed is not said to the client.
        assert_eq!((next.text().as_str(), status.starts_with(&next.status.to_string())), ("new", true), "{path}");
        let last = pop.get(path);
        let expected = if is_kept { (200, "old") } else { (503, "new") };
        assert_eq!((last.status, last.text().as_str()), expected, "{path}");
    }
}

#[test]
fn rfc5861_3_what_the_background_request_found_replaced_is_served_no_longer() {
    let origin = changing(", stale-while-revalidate=600");
    let pop = trusting(&origin);
    for (path, _) in LATER.iter().filter(|(path, _)| !path.starts_with("/kept")) {
        assert_eq!((pop.get(path).text().as_str(), pop.get(path).text().as_str()), ("old", "old"), "{path}");
        wait_until(path, || pop.get(path).text() == "new");
    }
}
