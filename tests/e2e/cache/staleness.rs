//! Answers that are not fresh any more.

use super::{origin, pop, said};
use portolan_tests::site::{FRANKFURT, Service, VIRGINIA};
use portolan_tests::{Ask, Client, Origin, Pop, scripts, wait_until};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

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
