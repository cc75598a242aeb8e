//! Whose answer is waited for, and what has changed when the wait is over.

use super::collapsing::{burst, pop, wait_for_waiting};
use super::said;
use portolan_tests::scripts::{Barrier, Gate};
use portolan_tests::site::{FRANKFURT, Service};
use portolan_tests::{Ask, Client, Origin, Pop, scripts, wait_until};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

const FRESH: &str = "cache-control: max-age=60\r\n";

#[test]
fn a_purge_is_not_undone_by_who_has_waited() {
    let gate = Gate::default();
    let (held, asked) = (gate.clone(), AtomicUsize::new(0));
    let fields = "cache-control: max-age=60\r\netag: \"1\"\r\n";
    let origin = Origin::start(move |speaker| {
        while let Some(seen) = speaker.request()? {
            let number = asked.fetch_add(1, SeqCst);
            if number == 1 {
                held.pass();
            }
            speaker.say(match (number, seen.field("if-none-match")) {
                (0, _) => scripts::response("200 OK", fields, "damaged"),
                (1, _) => scripts::response("503 Service Unavailable", "", "not now"),
                (_, Some(_)) => format!("HTTP/1.1 304 Not Modified\r\n{fields}\r\n").into_bytes(),
                (_, None) => scripts::response("200 OK", fields, "sound"),
            })?;
        }
        Ok(())
    });
    let service = Service::new("shop").with("cache = { stale_on_error = \"0s\" }\nretry = { attempts = 0 }");
    let pop = Pop::start(&service.region(FRANKFURT, &[origin.url()]).site());
    let purge = |how: &str| assert_eq!(pop.admin("POST", &format!("/purge?all=true{how}")).status, 200);
    assert_eq!(pop.get("/").text(), "damaged");
    purge("&soft=true");
    let mut first = Client::to(pop.address());
    first.send(&Ask::get("/").bytes());
    wait_until("it is asked whether it is still good", || origin.seen().len() == 2);
    let mut second = Client::to(pop.address());
    second.send(&Ask::get("/").bytes());
    wait_for_waiting(&pop, 1);
    purge("");
    gate.open();
    assert_eq!(first.answer("GET").unwrap().status, 503);
    assert_eq!(second.answer("GET").unwrap().text(), "sound", "it looks again");
    assert_eq!(pop.get("/").text(), "sound");
}

#[test]
fn an_answer_about_one_request_is_none_for_those_who_wait() {
    let gate = Gate::default();
    let (held, asked) = (gate.clone(), AtomicUsize::new(0));
    let origin = Origin::start(move |speaker| {
        while speaker.request()?.is_some() {
            if asked.fetch_add(1, SeqCst) == 0 {
                held.pass();
            }
            speaker.say(scripts::response("200 OK", FRESH, "page"))?;
        }
        Ok(())
    });
    let pop = pop(&origin);
    let leader = burst(&pop, 1, &Ask::get("/").field("authorization", "Basic YTpi"));
    wait_until("the origin is asked", || origin.seen().len() == 1);
    let others = burst(&pop, 20, &Ask::get("/"));
    wait_for_waiting(&pop, 20);
    gate.open();
    for mut client in leader.into_iter().chain(others) {
        assert_eq!(client.answer("GET").unwrap().text(), "page");
    }
    assert_eq!(origin.seen().len(), 2, "one for itself, one for all others");
}

#[test]
fn who_is_known_to_get_answers_of_its_own_waits_for_nobody() {
    let all = Barrier::of(10);
    let asked = AtomicUsize::new(0);
    let origin = Origin::start(move |speaker| {
        while speaker.request()?.is_some() {
            if asked.fetch_add(1, SeqCst) > 0 {
                all.pass();
            }
            speaker.say(scripts::response("200 OK", FRESH, "mine"))?;
        }
        Ok(())
    });
    let pop = pop(&origin);
    let ask = Ask::get("/").field("authorization", "Basic YTpi");
    assert_eq!(said(&pop.ask(&ask)), "fwd=uri-miss;detail=authorization");
    // The origin holds each of them until all have come.
    for mut client in burst(&pop, 10, &ask) {
        assert_eq!(client.answer("GET").unwrap().text(), "mine");
    }
}

#[test]
fn who_reloads_what_is_not_stored_waits_for_nobody() {
    let (gate, all) = (Gate::default(), Barrier::of(5));
    let held = gate.clone();
    let origin = Origin::start(move |speaker| {
        while let Some(seen) = speaker.request()? {
            if seen.field("cache-control").is_some() {
                all.pass();
            } else {
                held.pass();
            }
            speaker.say(scripts::response("200 OK", FRESH, "page"))?;
        }
        Ok(())
    });
    let pop = pop(&origin);
    let mut leader = burst(&pop, 1, &Ask::get("/"));
    wait_until("the origin is asked", || origin.seen().len() == 1);
    for mut client in burst(&pop, 5, &Ask::get("/").field("cache-control", "no-cache")) {
        assert_eq!(client.answer("GET").unwrap().text(), "page");
    }
    gate.open();
    assert_eq!(leader[0].answer("GET").unwrap().text(), "page");
}

#[test]
fn those_who_want_another_variant_than_is_arriving_wait_for_one_another() {
    let gates = [Gate::default(), Gate::default()];
    let held = gates.clone();
    let origin = Origin::start(move |speaker| {
        while speaker.request()?.is_some() {
            held[0].pass();
            speaker.say(
                "HTTP/1.1 200 OK\r\nvary: accept-language\r\ncache-control: max-age=60\r\ncontent-length: 4\r\n\r\npa",
            )?;
            held[1].pass();
            speaker.say("ge")?;
        }
        Ok(())
    });
    let pop = pop(&origin);
    let leader = burst(&pop, 1, &Ask::get("/"));
    wait_until("the origin is asked", || origin.seen().len() == 1);
    let others = burst(&pop, 20, &Ask::get("/").field("accept-language", "de"));
    wait_for_waiting(&pop, 20);
    gates[0].open();
    wait_until("one of the others asks", || origin.seen().len() == 2);
    gates[1].open();
    for mut client in leader.into_iter().chain(others) {
        assert_eq!(client.answer("GET").unwrap().text(), "page");
    }
    assert_eq!(origin.seen().len(), 2);
}

#[test]
fn after_a_failure_of_the_origin_one_asks_for_all_again() {
    let gate = Gate::default();
    let (held, asked) = (gate.clone(), AtomicUsize::new(0));
    let origin = Origin::start(move |speaker| {
        while speaker.request()?.is_some() {
            if asked.fetch_add(1, SeqCst) == 0 {
                speaker.say(scripts::response("500 Internal Server Error", "", "not now"))?;
                continue;
            }
            held.pass();
            speaker.say(scripts::response("200 OK", FRESH, "page"))?;
        }
        Ok(())
    });
    let pop = pop(&origin);
    assert_eq!(pop.get("/").status, 500);
    let clients = burst(&pop, 20, &Ask::get("/"));
    wait_for_waiting(&pop, 19);
    gate.open();
    for mut client in clients {
        assert_eq!(client.answer("GET").unwrap().text(), "page");
    }
    assert_eq!(origin.seen().len(), 2);
}

#[test]
fn an_origin_that_fails_is_left_alone_while_stale_answers_serve() {
    let asked = AtomicUsize::new(0);
    let origin = Origin::start(move |speaker| {
        while speaker.request()?.is_some() {
            let fields = "cache-control: max-age=0, stale-while-revalidate=60\r\n";
            let status = if asked.fetch_add(1, SeqCst) == 0 { "200 OK" } else { "503 Service Unavailable" };
            speaker.say(scripts::response(status, fields, "page"))?;
        }
        Ok(())
    });
    let pop = super::pop(&origin, "");
    pop.get("/");
    for _ in 0..40 {
        assert_eq!(said(&pop.get("/")), "hit");
    }
    // Once in two seconds, however long this takes.
    assert!(origin.seen().len() < 20, "{} requests", origin.seen().len());
}

#[test]
fn what_breaks_off_does_not_take_the_place_of_a_whole() {
    let asked = AtomicUsize::new(0);
    let origin = Origin::start(move |speaker| {
        while speaker.request()?.is_some() {
            if asked.fetch_add(1, SeqCst) == 0 {
                speaker.say(scripts::response("200 OK", "cache-control: max-age=600\r\netag: \"1\"\r\n", "whole"))?;
                continue;
            }
            speaker
                .say("HTTP/1.1 200 OK\r\ncache-control: max-age=600\r\netag: \"2\"\r\ncontent-length: 9\r\n\r\nbro")?;
            speaker.reset();
            return Ok(());
        }
        Ok(())
    });
    let pop = super::pop(&origin, "");
    assert_eq!(pop.get("/").text(), "whole");
    assert!(pop.try_ask(&Ask::get("/").field("cache-control", "no-cache")).is_err(), "it is cut");
    pop.wait_quiet();
    let again = pop.get("/");
    assert_eq!((again.text().as_str(), said(&again).as_str()), ("whole", "hit"));
}

#[test]
fn a_part_does_not_take_the_place_of_a_fresh_whole() {
    let origin = Origin::start(|speaker| {
        while let Some(seen) = speaker.request()? {
            let fields = "cache-control: max-age=600\r\nlast-modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
            speaker.say(match seen.field("range") {
                Some(_) => scripts::response(
                    "206 Partial Content",
                    &format!("content-range: bytes 0-0/5\r\n{fields}etag: \"1\"\r\n"),
                    "w",
                ),
                None => scripts::response("200 OK", fields, "whole"),
            })?;
        }
        Ok(())
    });
    let pop = super::pop(&origin, "");
    assert_eq!(pop.get("/").text(), "whole");
    let part = Ask::get("/").field("range", "bytes=0-0").field("if-unmodified-since", "Sun, 06 Nov 2039 08:49:37 GMT");
    let part = pop.ask(&part);
    assert_eq!((part.status, part.text().as_str()), (206, "w"));
    assert_eq!(said(&part), "fwd=bypass;detail=part");
    assert_eq!(said(&pop.get("/")), "hit");
}

#[test]
fn a_part_of_a_newer_state_takes_the_place_of_a_whole_of_the_past() {
    let asked = AtomicUsize::new(0);
    let origin = Origin::start(move |speaker| {
        while let Some(seen) = speaker.request()? {
            let tag = if asked.fetch_add(1, SeqCst) == 0 { "1" } else { "2" };
            let fields = format!("cache-control: max-age=600\r\netag: \"{tag}\"\r\n");
            speaker.say(match seen.field("range") {
                Some("bytes=0-0") => {
                    scripts::response("206 Partial Content", &format!("content-range: bytes 0-0/5\r\n{fields}"), "N")
                }
                _ => scripts::response("200 OK", &fields, if tag == "1" { "whole" } else { "Newer" }),
            })?;
        }
        Ok(())
    });
    let pop = super::pop(&origin, "");
    assert_eq!(pop.get("/").text(), "whole");
    let part = pop.ask(&Ask::get("/").field("range", "bytes=0-0").field("cache-control", "no-cache"));
    assert_eq!((part.status, part.text().as_str()), (206, "N"));
    assert_eq!(pop.get("/").text(), "Newer");
}
