//! The HTTP cache in front of real origins, also of those that misbehave.

use portolan_tests::site::{FRANKFURT, Service, VIRGINIA};
use portolan_tests::{Answer, Ask, Client, Origin, Pop, scripts, wait_until};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// An origin that answers each request with this head and body, and tells how often it was asked.
fn origin(fields: &'static str, body: &'static str) -> Origin {
    scripts::answering(scripts::response("200 OK", fields, body))
}

fn pop(origin: &Origin, cache: &str) -> Pop {
    Pop::start(&Service::new("shop").with(&format!("cache = {{ {cache} }}")).region(FRANKFURT, &[origin.url()]).site())
}

/// What the cache says it did, without its own name and times.
fn said(answer: &Answer) -> String {
    let status = answer.field("cache-status").unwrap_or("-");
    let words = status.split(';').skip(1).filter(|word| !word.starts_with("ttl="));
    words.collect::<Vec<_>>().join(";")
}

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
fn one_request_for_fifty_clients_and_none_waits_for_what_is_not_stored() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let delay = Duration::from_millis(400);
    let origin = Origin::start(move |speaker| {
        while let Some(seen) = speaker.request()? {
            count.fetch_add(1, SeqCst);
            std::thread::sleep(delay);
            let fields = if seen.target.contains("mine") {
                "cache-control: no-store\r\n"
            } else {
                "cache-control: max-age=60\r\n"
            };
            speaker.say(scripts::response("200 OK", fields, "x".repeat(1000)))?;
        }
        Ok(())
    });
    let pop = pop(&origin, "");
    let burst = |path: &'static str| -> Duration {
        let started = Instant::now();
        let mut clients: Vec<Client> = (0..50).map(|_| Client::to(pop.address())).collect();
        for client in &mut clients {
            client.send(&Ask::get(path).bytes());
        }
        for mut client in clients {
            assert_eq!(client.answer("GET").unwrap().text().len(), 1000);
        }
        started.elapsed()
    };
    burst("/shared");
    assert_eq!(asked.swap(0, SeqCst), 1);
    // The first burst learns that nothing is stored and frees all that wait; the second knows.
    burst("/mine");
    assert_eq!(asked.swap(0, SeqCst), 50);
    let second = burst("/mine");
    assert_eq!(asked.load(SeqCst), 50);
    assert!(second < 2 * delay, "they do not queue behind one another: {second:?}");
}

#[test]
fn one_asks_whether_a_stale_answer_is_still_good_and_what_is_never_fresh_makes_nobody_wait() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let origin = Origin::start(move |speaker| {
        while let Some(seen) = speaker.request()? {
            count.fetch_add(1, SeqCst);
            let fields =
                if seen.target == "/never" { "cache-control: no-cache\r\n" } else { "cache-control: max-age=1\r\n" };
            let fields = format!("{fields}etag: \"1\"\r\n");
            std::thread::sleep(Duration::from_millis(if seen.field("if-none-match").is_some() { 300 } else { 0 }));
            match seen.field("if-none-match") {
                Some(_) => speaker.say(format!("HTTP/1.1 304 Not Modified\r\n{fields}\r\n"))?,
                None => speaker.say(scripts::response("200 OK", &fields, "kept"))?,
            }
        }
        Ok(())
    });
    let pop = pop(&origin, "");
    let burst = |path: &str| -> Duration {
        let started = Instant::now();
        let mut clients: Vec<Client> = (0..20).map(|_| Client::to(pop.address())).collect();
        for client in &mut clients {
            // As browsers ask: with what they have.
            client.send(&Ask::get(path).field("if-none-match", "\"1\"").bytes());
        }
        for mut client in clients {
            assert_eq!(client.answer("GET").unwrap().status, 304);
        }
        started.elapsed()
    };
    pop.get("/");
    wait_until("it is stale", || pop.ask(&Ask::get("/").field("cache-control", "only-if-cached")).status == 504);
    asked.store(0, SeqCst);
    burst("/");
    assert_eq!(asked.load(SeqCst), 1, "one asks for all");
    pop.get("/never");
    asked.store(0, SeqCst);
    let took = burst("/never");
    assert_eq!(asked.load(SeqCst), 20);
    assert!(took < Duration::from_millis(900), "they do not wait for one another: {took:?}");
}

#[test]
fn a_follower_reads_behind_the_leader_and_stays_when_the_leader_leaves() {
    let (go, gate) = mpsc::sync_channel::<()>(0);
    let gate = std::sync::Mutex::new(gate);
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let origin = Origin::start(move |speaker| {
        while speaker.request()?.is_some() {
            count.fetch_add(1, SeqCst);
            speaker.say("HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\ncontent-length: 10\r\n\r\nfirst")?;
            let _ = gate.lock().unwrap().recv();
            speaker.say("later")?;
        }
        Ok(())
    });
    let pop = pop(&origin, "");
    let mut leader = Client::to(pop.address());
    leader.send(&Ask::get("/").bytes());
    leader.head().unwrap();
    leader.exactly(5, "the first half").unwrap();
    let mut follower = Client::to(pop.address());
    follower.send(&Ask::get("/").bytes());
    let (status, fields) = follower.head().unwrap();
    assert_eq!(status, 200);
    assert!(fields.iter().any(|(name, value)| name == "cache-status" && value.contains("collapsed")), "{fields:?}");
    assert_eq!(follower.exactly(5, "what has come").unwrap(), b"first");
    leader.reset();
    go.send(()).unwrap();
    assert_eq!(follower.exactly(5, "the rest").unwrap(), b"later");
    wait_until("it is stored", || pop.status_of("/cache/entries") == 1);
    assert_eq!((pop.get("/").text().as_str(), asked.load(SeqCst)), ("firstlater", 1));
}

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
fn broken_bodies_are_never_stored_whole() {
    for (head, body) in [
        ("HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\ncontent-length: 10\r\n\r\n", "five!"),
        ("HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\ntransfer-encoding: chunked\r\n\r\n", "5\r\nfive!\r\n"),
    ] {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let origin = Origin::start(move |speaker| {
            speaker.request()?;
            if count.fetch_add(1, SeqCst) == 0 {
                speaker.say(head)?;
                speaker.say(body)?;
                return Ok(());
            }
            speaker.say(scripts::response("200 OK", "cache-control: max-age=60\r\n", "whole body"))
        });
        let pop = pop(&origin, "");
        assert!(pop.try_ask(&Ask::get("/")).is_err(), "the client can tell");
        assert_eq!(pop.get("/").text(), "whole body");
        assert_eq!(pop.get("/").text(), "whole body");
        assert_eq!(asked.load(SeqCst), 2);
    }
}

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
fn what_is_too_large_passes_through_whole_and_is_not_stored() {
    const LENGTH: usize = 8 << 20;
    for chunked in [false, true] {
        let origin = Origin::start(move |speaker| {
            while speaker.request()?.is_some() {
                let head =
                    if chunked { "transfer-encoding: chunked".to_owned() } else { format!("content-length: {LENGTH}") };
                speaker.say(format!("HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\n{head}\r\n\r\n"))?;
                let piece = vec![b'x'; 1 << 20];
                for _ in 0..LENGTH / piece.len() {
                    if chunked {
                        speaker.say(format!("{:x}\r\n", piece.len()))?;
                    }
                    speaker.say(&piece)?;
                    if chunked {
                        speaker.say("\r\n")?;
                    }
                }
                if chunked {
                    speaker.say("0\r\n\r\n")?;
                }
            }
            Ok(())
        });
        let pop = pop(&origin, "object_max = \"1MiB\"");
        for _ in 0..2 {
            assert_eq!(pop.get("/").body.len(), LENGTH);
        }
        assert_eq!((origin.seen().len(), pop.status_of("/cache/entries")), (2, 0.into()));
    }
}

#[test]
fn parts_are_kept_and_completed() {
    let origin = Origin::start(|speaker| {
        while let Some(seen) = speaker.request()? {
            let all = "0123456789";
            let common = "cache-control: max-age=60\r\netag: \"1\"\r\n";
            match seen.field("range").and_then(|range| range.strip_prefix("bytes=")?.split_once('-')) {
                Some((from, to)) => {
                    let (from, to): (usize, usize) = (from.parse().unwrap(), to.parse().unwrap());
                    let fields = format!("{common}content-range: bytes {from}-{to}/10\r\n");
                    speaker.say(scripts::response("206 Partial Content", &fields, &all[from..=to]))?;
                }
                None => speaker.say(scripts::response("200 OK", common, all))?,
            }
        }
        Ok(())
    });
    let pop = pop(&origin, "");
    let range = |range: &str| pop.ask(&Ask::get("/").field("range", range));
    assert_eq!((range("bytes=2-5").text().as_str(), said(&range("bytes=2-5")).as_str()), ("2345", "hit"));
    assert_eq!((range("bytes=3-4").text().as_str(), origin.seen().len()), ("34", 1));
    let more = range("bytes=4-7");
    assert_eq!((more.status, more.text().as_str()), (206, "4567"));
    assert_eq!(origin.seen()[1].field("range"), Some("bytes=6-7"), "only what is missing is asked for");
    assert_eq!(said(&range("bytes=2-7")), "hit");
}
