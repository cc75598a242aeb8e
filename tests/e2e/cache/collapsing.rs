//! Requests for the same thing at the same time.

use super::said;
use portolan_tests::scripts::{Barrier, Gate};
use portolan_tests::site::{FRANKFURT, Service};
use portolan_tests::{Ask, Client, Origin, Pop, scripts, wait_until};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;

/// A PoP that gives an origin up before a request gives up waiting for another's answer (5 s): who waits in vain fails.
pub(super) fn pop(origin: &Origin) -> Pop {
    let service = Service::new("shop").with("cache = {}\ntimeout = { response = \"4s\" }");
    Pop::start(&service.region(FRANKFURT, &[origin.url()]).site())
}

/// Asks on so many connections at once.
pub(super) fn burst(pop: &Pop, count: usize, ask: &Ask) -> Vec<Client> {
    let mut clients: Vec<Client> = (0..count).map(|_| Client::to(pop.address())).collect();
    for client in &mut clients {
        client.send(&ask.bytes());
    }
    clients
}

/// Each of them gets this.
#[track_caller]
fn assert_all_get(clients: Vec<Client>, text: &str) {
    for mut client in clients {
        assert_eq!(client.answer("GET").unwrap().text(), text);
    }
}

pub(super) fn wait_for_waiting(pop: &Pop, count: u64) {
    let waiting = || pop.metrics().count("portolan_cache_waiting", &[("service", "shop")]);
    wait_until(&format!("{count} wait for one"), || waiting() == count);
}

#[test]
fn one_request_for_fifty_clients() {
    let gate = Gate::default();
    let held = gate.clone();
    let origin = Origin::start(move |speaker| {
        while speaker.request()?.is_some() {
            held.pass();
            speaker.say(scripts::response("200 OK", "cache-control: max-age=60\r\n", "shared"))?;
        }
        Ok(())
    });
    let pop = pop(&origin);
    let clients = burst(&pop, 50, &Ask::get("/"));
    wait_for_waiting(&pop, 49);
    gate.open();
    let answers: Vec<_> = clients.into_iter().map(|mut client| client.answer("GET").unwrap()).collect();
    assert!(answers.iter().all(|answer| answer.text() == "shared"));
    assert_eq!(origin.seen().len(), 1);
    // RFC 9211 section 2: what was forwarded, by whomever, is no hit.
    let mut words: Vec<_> = answers.iter().map(said).collect();
    words.sort();
    words.dedup();
    assert_eq!(words, ["fwd=uri-miss;collapsed", "fwd=uri-miss;stored"]);
    wait_for_waiting(&pop, 0);
}

#[test]
fn rfc9111_5_2_2_7_who_reads_along_gets_no_field_of_the_one_who_asked() {
    let gate = Gate::default();
    let held = gate.clone();
    let origin = Origin::start(move |speaker| {
        while speaker.request()?.is_some() {
            held.pass();
            let fields = "cache-control: max-age=60, private=set-cookie\r\nset-cookie: s=1\r\n";
            speaker.say(scripts::response("200 OK", fields, "shared"))?;
        }
        Ok(())
    });
    let pop = pop(&origin);
    let clients = burst(&pop, 10, &Ask::get("/"));
    wait_for_waiting(&pop, 9);
    gate.open();
    let answers: Vec<_> = clients.into_iter().map(|mut client| client.answer("GET").unwrap()).collect();
    let with = |name: &str| answers.iter().filter(|answer| answer.field(name).is_some()).count();
    assert_eq!((origin.seen().len(), with("set-cookie"), with("age")), (1, 1, 9));
}

#[test]
fn nobody_waits_for_what_is_not_stored() {
    let (gate, rest, all) = (Gate::default(), Barrier::of(49), Barrier::of(50));
    let (held, asked) = (gate.clone(), AtomicUsize::new(0));
    let origin = Origin::start(move |speaker| {
        while speaker.request()?.is_some() {
            match asked.fetch_add(1, SeqCst) {
                0 => held.pass(),
                1..50 => rest.pass(),
                _ => all.pass(),
            }
            speaker.say(scripts::response("200 OK", "cache-control: no-store\r\n", "mine"))?;
        }
        Ok(())
    });
    let pop = pop(&origin);
    // The first answer frees all that wait for it at once: the origin holds each of them until all have come.
    let clients = burst(&pop, 50, &Ask::get("/"));
    wait_for_waiting(&pop, 49);
    gate.open();
    let answered = |clients: Vec<Client>| {
        assert_all_get(clients, "mine");
        origin.seen().len()
    };
    assert_eq!(answered(clients), 50);
    // The second burst knows.
    assert_eq!(answered(burst(&pop, 50, &Ask::get("/"))), 100);
}

#[test]
fn nobody_waits_where_nothing_is_stored_and_everybody_where_something_is() {
    let (rest, gates) = (Barrier::of(20), [Gate::default(), Gate::default()]);
    let held = gates.clone();
    let origin = Origin::start(move |speaker| {
        while let Some(seen) = speaker.request()? {
            let (status, age) = match seen.target.as_str() {
                "/api/new" => {
                    rest.pass();
                    ("200 OK", "no-store")
                }
                "/api/mine" => ("200 OK", "no-store"),
                "/down/new" => {
                    held[0].pass();
                    ("200 OK", "max-age=60")
                }
                "/api/late" => {
                    held[1].pass();
                    ("200 OK", "max-age=60")
                }
                "/down/failed" => ("500 Internal Server Error", "no-store"),
                _ => ("200 OK", "max-age=60"),
            };
            speaker.say(scripts::response(status, &format!("cache-control: {age}\r\n"), "answer"))?;
        }
        Ok(())
    });
    let pop = pop(&origin);
    let asked = |path: &str| origin.seen().iter().filter(|seen| seen.target == path).count();
    let all_answer = |clients: Vec<Client>| {
        for mut client in clients {
            assert!(client.answer("GET").is_ok());
        }
    };
    pop.get("/api/mine");
    // The origin holds each of them until all have come.
    all_answer(burst(&pop, 20, &Ask::get("/api/new")));
    assert_eq!(asked("/api/new"), 20);
    // What is stored beside it tells more than what is not, and what failed tells nothing.
    pop.get("/api/kept");
    pop.get("/api/mine");
    pop.get("/down/failed");
    for (path, gate) in [("/down/new", &gates[0]), ("/api/late", &gates[1])] {
        let clients = burst(&pop, 20, &Ask::get(path));
        wait_for_waiting(&pop, 19);
        gate.open();
        all_answer(clients);
        assert_eq!(asked(path), 1, "{path}");
    }
}

#[test]
fn one_asks_whether_a_stale_answer_is_still_good_and_what_is_never_fresh_makes_nobody_wait() {
    const PATHS: [&str; 4] = ["/never", "/always", "/late", "/reload"];
    let (gate, all) = (Gate::default(), PATHS.map(|_| Barrier::of(20)));
    let held = gate.clone();
    let origin = Origin::start(move |speaker| {
        while let Some(seen) = speaker.request()? {
            let asks = seen.field("if-none-match").is_some();
            let age = match (seen.target.as_str(), asks) {
                ("/never", _) => "no-cache",
                ("/always", _) => "no-cache, max-age=60",
                ("/late", _) => "max-age=60\r\nage: 60",
                ("/reload", _) => "max-age=60",
                (_, false) => "max-age=1",
                (_, true) => "max-age=60",
            };
            let fields = format!("cache-control: {age}\r\netag: \"1\"\r\n");
            match (seen.target.as_str(), asks) {
                (_, false) => {
                    speaker.say(scripts::response("200 OK", &fields, "kept"))?;
                    continue;
                }
                (path, true) => match PATHS.iter().position(|known| *known == path) {
                    Some(at) => all[at].pass(),
                    None => held.pass(),
                },
            }
            speaker.say(format!("HTTP/1.1 304 Not Modified\r\n{fields}\r\n"))?;
        }
        Ok(())
    });
    let pop = pop(&origin);
    // As browsers ask: with what they have.
    let again = |path: &str| Ask::get(path).field("if-none-match", "\"1\"");
    let answered = |clients: Vec<Client>| {
        for mut client in clients {
            let answer = client.answer("GET").unwrap();
            assert_eq!((answer.status, said(&answer).contains("origin-failed")), (304, false));
        }
        origin.seen().len()
    };
    pop.get("/");
    wait_until("it is stale", || pop.ask(&Ask::get("/").field("cache-control", "only-if-cached")).status == 504);
    let clients = burst(&pop, 20, &again("/"));
    wait_for_waiting(&pop, 19);
    gate.open();
    assert_eq!(answered(clients), 2, "one asks for all");
    for (round, path) in PATHS.into_iter().enumerate() {
        pop.get(path);
        let ask = if path == "/reload" { again(path).field("cache-control", "no-cache") } else { again(path) };
        assert_eq!(answered(burst(&pop, 20, &ask)), 2 + 21 * (round + 1), "{path}: nobody could use another's answer");
    }
}

#[test]
fn variants_do_not_wait_for_one_another() {
    let (gate, others, all) = (Gate::default(), Barrier::of(19), Barrier::of(20));
    let (held, asked) = (gate.clone(), AtomicUsize::new(0));
    let origin = Origin::start(move |speaker| {
        while let Some(seen) = speaker.request()? {
            match asked.fetch_add(1, SeqCst) {
                0 => held.pass(),
                1..20 => others.pass(),
                _ => all.pass(),
            }
            let fields = "cache-control: max-age=60\r\nvary: x-shop\r\n";
            speaker.say(scripts::response("200 OK", fields, seen.field("x-shop").unwrap_or("-")))?;
        }
        Ok(())
    });
    let pop = pop(&origin);
    let shops = |first: usize| {
        let ask = |shop: usize| Ask::get("/").field("x-shop", &shop.to_string());
        (first..first + 20).flat_map(|shop| burst(&pop, 1, &ask(shop))).collect::<Vec<_>>()
    };
    let answered = |clients: Vec<Client>, first: usize| {
        for (shop, mut client) in clients.into_iter().enumerate() {
            assert_eq!(client.answer("GET").unwrap().text(), (first + shop).to_string());
        }
        origin.seen().len()
    };
    // Nobody knows before the first answer; the origin holds all others until all have come.
    let clients = shops(0);
    wait_for_waiting(&pop, 19);
    gate.open();
    assert_eq!(answered(clients, 0), 20);
    assert_eq!(answered(shops(20), 20), 40, "now all know");
}

#[test]
fn a_slow_leader_is_joined_by_one_other() {
    let (two, asked) = (Barrier::of(2), AtomicUsize::new(0));
    let origin = Origin::start(move |speaker| {
        while speaker.request()?.is_some() {
            if asked.fetch_add(1, SeqCst) < 2 {
                two.pass();
            }
            speaker.say(scripts::response("200 OK", "cache-control: max-age=60\r\n", "slow"))?;
        }
        Ok(())
    });
    // The origin answers nobody before two have asked.
    let service = Service::new("shop").with("cache = {}").region(FRANKFURT, &[origin.url()]);
    let pop = Pop::start(&service.site());
    assert_all_get(burst(&pop, 20, &Ask::get("/")), "slow");
    assert_eq!(origin.seen().len(), 2);
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
    let pop = pop(&origin);
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
fn an_answer_to_one_clients_conditions_tells_nothing_of_others() {
    let gate = Gate::default();
    let held = gate.clone();
    let origin = Origin::start(move |speaker| {
        while let Some(seen) = speaker.request()? {
            if seen.field("if-match").is_some() || seen.field("range").is_some() {
                let status = if seen.field("range").is_some() { "416 Range Not Satisfiable" } else { "412 No" };
                speaker.say(scripts::response(status, "", "no"))?;
                continue;
            }
            held.pass();
            speaker.say(scripts::response("200 OK", "cache-control: max-age=60\r\n", "shared"))?;
        }
        Ok(())
    });
    let pop = pop(&origin);
    assert_eq!(pop.ask(&Ask::get("/").field("if-match", "\"other\"")).status, 412);
    assert_eq!(pop.ask(&Ask::get("/").field("range", "bytes=900-")).status, 416);
    let clients = burst(&pop, 20, &Ask::get("/"));
    wait_for_waiting(&pop, 19);
    gate.open();
    assert_all_get(clients, "shared");
    assert_eq!(origin.seen().len(), 3);
}
