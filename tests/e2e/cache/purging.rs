//! Purges, and what counts as one.

use super::{origin, pop, said};
use portolan_tests::scripts::Gate;
use portolan_tests::{Ask, Client, Origin, scripts, wait_until};
use std::sync::mpsc;

#[test]
fn unsafe_methods_and_purges_take_effect_at_once() {
    let origin = origin("cache-control: max-age=60\r\netag: \"1\"\r\nsurrogate-key: sale\r\n", "x");
    let pop = pop(&origin, "");
    let host = "shop.example";
    let get = |path: &str| said(&pop.ask(&Ask::get(path).host(host)));
    let purge = |query: &str| {
        let answer = pop.admin("POST", &format!("/purge?{query}"));
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    for (path, purged) in [
        ("/post", ""),
        ("/url", "url=http://shop.example/url"),
        ("/pre/fix", "prefix=http://shop.example/pre/"),
        ("/origin", "origin=http://shop.example"),
        ("/key", "key=sale"),
        ("/all", "all=true"),
    ] {
        assert_eq!((get(path).as_str(), get(path).as_str()), ("fwd=uri-miss;stored", "hit"), "{path}");
        if purged.is_empty() {
            pop.ask(&Ask::post(path, "y").host(host));
        } else {
            purge(purged);
        }
        assert_eq!(get(path), "fwd=uri-miss;stored", "{path}");
    }
    assert_eq!(get("/soft"), "fwd=uri-miss;stored");
    purge("url=http://shop.example/soft&soft=true");
    assert!(get("/soft").starts_with("fwd=stale"), "it is asked whether it is still good");
    assert_eq!(pop.admin("POST", "/purge?ulr=x").status, 400);
    assert_eq!(pop.admin("GET", "/purge?all=true").status, 405);
}

#[test]
fn rfc9111_4_4_what_an_answer_names_is_found_by_the_key() {
    let origin =
        origin("cache-control: max-age=60\r\nlocation: /x?id=1&utm_source=a\r\ncontent-location: y?utm_a=b\r\n", "x");
    let pop = pop(&origin, "query_drop = [\"utm_*\"]");
    for path in ["/x?id=1", "/y", "/x"] {
        assert_eq!((said(&pop.get(path)).as_str(), said(&pop.get(path)).as_str()), ("fwd=uri-miss;stored", "hit"));
    }
    assert_eq!(pop.ask(&Ask::post("/post", "x")).status, 200);
    assert_eq!([said(&pop.get("/x?id=1")), said(&pop.get("/y"))], ["fwd=uri-miss;stored"; 2]);
    assert_eq!(said(&pop.get("/x")), "hit", "of this one nothing was said");
}

#[test]
fn a_purge_is_not_undone_by_an_answer_that_was_on_its_way() {
    let (go, gate) = mpsc::sync_channel::<()>(0);
    let gate = std::sync::Mutex::new(gate);
    let origin = Origin::start(move |speaker| {
        while speaker.request()?.is_some() {
            let _ = gate.lock().unwrap().recv();
            speaker.say(scripts::response("200 OK", "cache-control: max-age=60\r\n", "old"))?;
        }
        Ok(())
    });
    let pop = pop(&origin, "");
    let mut client = Client::to(pop.address());
    client.send(&Ask::get("/").bytes());
    wait_until("the origin is asked", || !origin.seen().is_empty());
    assert_eq!(pop.admin("POST", "/purge?all=true").status, 200);
    go.send(()).unwrap();
    assert_eq!(client.answer("GET").unwrap().text(), "old");
    let mut again = Client::to(pop.address());
    again.send(&Ask::get("/").bytes());
    go.send(()).unwrap();
    assert_eq!(said(&again.answer("GET").unwrap()), "fwd=uri-miss;stored", "it was purged before it came");
}

#[test]
fn a_purge_is_not_undone_by_what_an_unsafe_method_brings() {
    let gate = Gate::default();
    let held = gate.clone();
    let origin = Origin::start(move |speaker| {
        while let Some(seen) = speaker.request()? {
            if seen.target == "/held" {
                held.pass();
            }
            let fields = format!("cache-control: max-age=60\r\ncontent-location: {}\r\n", seen.target);
            speaker.say(scripts::response("200 OK", &fields, "new"))?;
        }
        Ok(())
    });
    let pop = pop(&origin, "");
    pop.ask(&Ask::post("/free", "x"));
    assert_eq!(said(&pop.get("/free")), "hit", "what it brings is newer than what it made invalid");
    let mut client = Client::to(pop.address());
    client.send(&Ask::post("/held", "x").bytes());
    wait_until("the origin is asked", || origin.seen().len() == 2);
    assert_eq!(pop.admin("POST", "/purge?all=true").status, 200);
    gate.open();
    assert_eq!(client.answer("POST").unwrap().text(), "new");
    assert_eq!(said(&pop.get("/held")), "fwd=uri-miss;stored", "it was asked for before the purge");
}

#[test]
fn nobody_is_let_into_an_answer_that_was_purged_on_its_way() {
    let gate = Gate::default();
    let held = gate.clone();
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let origin = Origin::start(move |speaker| {
        while let Some(seen) = speaker.request()? {
            if seen.method == "POST" {
                speaker.say(scripts::ok("done"))?;
                continue;
            }
            let is_first = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst).is_multiple_of(2);
            let state = if is_first { "old" } else { "new" };
            let head = "HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\ncontent-length: 8\r\n\r\n";
            speaker.say(format!("{head}{state}"))?;
            if is_first {
                held.pass();
            }
            speaker.say("-tail")?;
        }
        Ok(())
    });
    let pop = pop(&origin, "");
    for (path, purge) in [("/a", "url=http://shop.example/a"), ("/b", "all=true"), ("/c", "")] {
        gate.shut();
        let mut early = Client::to(pop.address());
        early.send(&Ask::get(path).bytes());
        early.head().unwrap();
        assert_eq!(early.exactly(3, "the beginning").unwrap(), b"old");
        if purge.is_empty() {
            assert_eq!(pop.ask(&Ask::post(path, "x")).status, 200);
        } else {
            assert_eq!(pop.admin("POST", &format!("/purge?{purge}")).status, 200);
        }
        let late = pop.get(path);
        assert_eq!(late.text(), "new-tail", "{path}: it was asked for behind the purge");
        gate.open();
        assert_eq!(early.exactly(5, "the rest").unwrap(), b"-tail");
        assert_eq!((pop.get(path).text(), said(&pop.get(path)).as_str()), ("new-tail".to_owned(), "hit"), "{path}");
    }
}
