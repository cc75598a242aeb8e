//! Requests for the same thing at the same time.

use super::pop;
use portolan_tests::{Ask, Client, Origin, scripts, wait_until};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;
use std::time::{Duration, Instant};

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
