//! Clients that leave, stall or come in numbers, and the end of the process while some are there.

use std::io::Read;
use std::time::{Duration, Instant};

use portolan_tests::scripts::{Gate, answering, gated, named, ok};
use portolan_tests::site::{FRANKFURT, Service};
use portolan_tests::{Ask, Client, Origin, Pop, wait_until, wait_until_within};

fn alone(origin: &Origin, more: &str) -> Pop {
    Pop::start(&(Service::new("shop").region(FRANKFURT, &[origin.url()]).site() + more))
}

#[test]
fn who_leaves_in_the_middle_of_an_upload_is_counted_as_one_who_left() {
    let origin = Origin::start(|speaker| {
        let Some(mut seen) = speaker.head()? else { return Ok(()) };
        let _ = speaker.body(&mut seen);
        Ok(())
    });
    let pop = alone(&origin, "");
    let count =
        |status: &str| pop.metrics().count("portolan_exchanges_total", &[("service", "shop"), ("status", status)]);
    for (number, resets) in [(1, false), (2, true)] {
        let mut client = Client::to(pop.address());
        client.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nhalf");
        wait_until("the origin has the head", || origin.seen().len() == number);
        if resets {
            client.reset()
        } else {
            drop(client)
        }
        wait_until("the exchange is counted", || count("aborted") + count("4xx") == number as u64);
    }
    assert_eq!((count("aborted"), count("4xx")), (2, 0), "nothing was wrong with these requests");
    let mut wrong = Client::to(pop.address());
    wrong.send(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nnonsense");
    assert_eq!(wrong.answer("POST").unwrap().status, 400);
    assert_eq!((count("aborted"), count("4xx")), (2, 1));
}

#[test]
fn rfc9110_7_6_2_forwards_are_counted_down_and_the_last_is_answered_here() {
    let origin = answering(ok("the application"));
    let pop = alone(&origin, "");
    let ask = |method: &str, target: &str, forwards: &str| {
        let mut client = Client::to(pop.address());
        client.send(format!("{method} {target} HTTP/1.1\r\nhost: a\r\nmax-forwards: {forwards}\r\n\r\n").as_bytes());
        client.answer(method).unwrap()
    };
    for method in ["OPTIONS", "TRACE", "GET"] {
        assert_eq!(ask(method, "/", "3").text(), "the application");
    }
    let left: Vec<_> = origin.seen().iter().map(|seen| seen.field("max-forwards").map(str::to_owned)).collect();
    assert_eq!(left, ["2", "2", "3"].map(|left| Some(left.to_owned())));
    for (method, target, forwards, status) in [
        ("OPTIONS", "/", "0", 200),
        ("TRACE", "/", "0", 501),
        ("OPTIONS", "*", "3", 200),
        ("OPTIONS", "http://a", "0", 200),
    ] {
        let answer = ask(method, target, forwards);
        assert_eq!((answer.status, answer.text().contains("application")), (status, false), "{method} {target}");
    }
    assert_eq!(origin.seen().len(), 3);
}

#[test]
fn clients_that_leave_leave_nothing_behind() {
    let gate = Gate::default();
    let waiting = gated("late", &gate);
    let endless = Origin::start(|speaker| {
        speaker.request()?;
        speaker.say("HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")?;
        loop {
            speaker.say([b'x'; 16 * 1024])?;
        }
    });
    let config = Service::new("shop").region(FRANKFURT, &[waiting.url()]).site()
        + &Service::new("endless").region(FRANKFURT, &[endless.url()]).text()
        + "[[routes]]\npath = \"/endless\"\nservice = \"endless\"\n";
    let pop = Pop::start(&config);
    let connect = || Client::to(pop.address());
    for resets in [false, true] {
        let leave = |client: Client| if resets { client.reset() } else { drop(client) };
        for _ in 0..10 {
            leave(connect());
            let mut client = connect();
            client.send(b"GET /inside-the-head HTTP/1.1\r\nho");
            leave(client);
            let mut client = connect();
            client.send(b"POST /inside-the-body HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nhalf");
            leave(client);
            let mut client = connect();
            client.send(b"POST /inside-a-chunk HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n100\r\nhalf");
            leave(client);
            let mut client = connect();
            client.send(&Ask::get("/before-the-answer").bytes());
            leave(client);
            let mut client = connect();
            client.send(&Ask::get("/endless").bytes());
            client.head().unwrap();
            client.exactly(100_000, "some of it").unwrap();
            leave(client);
        }
    }
    pop.wait_quiet();
    wait_until("the origins are left too", || endless.open() == 0);
    gate.open();
    assert_eq!(pop.get("/").text(), "late");
    wait_until("connections to origins are counted, and few", || {
        (1..=16).contains(&pop.metrics().count("portolan_upstream_connections", &[]))
    });
}

#[test]
fn a_half_closed_client_still_gets_its_answer() {
    let origin = named("origin");
    let pop = alone(&origin, "");
    let mut client = Client::to(pop.address());
    client.send(&Ask::get("/").bytes());
    let _ = client.stream().shutdown(std::net::Shutdown::Write);
    // RFC 9112 section 9.6 lets a server take this for a client that left; either way nothing may hang.
    match client.answer("GET") {
        Ok(answer) => assert_eq!(answer.status, 200),
        Err(error) => assert!(matches!(error.kind(), "closed" | "truncated"), "{error}"),
    }
    drop(client);
    pop.wait_quiet();
}

#[test]
fn a_slow_reader_is_cut_off_and_holds_nobody_up() {
    let endless = Origin::start(|speaker| {
        speaker.request()?;
        speaker.say("HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")?;
        loop {
            speaker.say([b'x'; 64 * 1024])?;
        }
    });
    let pop = alone(&endless, "[client]\nwrite_timeout = \"500ms\"\n");
    let mut readers: Vec<_> = (0..20)
        .map(|_| {
            let mut client = Client::to(pop.address());
            client.send(&Ask::get("/").bytes());
            client
        })
        .collect();
    wait_until("all are being served", || endless.seen().len() == 20);
    let mut fast = Client::to(pop.address());
    fast.send(&Ask::get("/").bytes());
    fast.head().unwrap();
    fast.exactly(20 << 20, "20 MiB").unwrap();
    drop(fast);
    pop.wait_quiet();
    wait_until("the origin's connections are closed", || endless.open() == 0);
    for reader in &mut readers {
        let mut rest = Vec::new();
        let _ = reader.stream().read_to_end(&mut rest);
        assert!(rest.len() < 1_000_000_000);
    }
}

#[test]
fn a_body_that_stalls_is_answered_with_408() {
    let origin = named("origin");
    let pop = alone(&origin, "[client]\nbody_timeout = \"500ms\"\n");
    let mut client = Client::to(pop.address());
    client.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf");
    assert_eq!(client.answer("POST").unwrap().status, 408);
    pop.wait_quiet();
}

#[test]
fn a_slow_head_is_answered_with_408() {
    let origin = named("origin");
    let pop = alone(&origin, "[client]\nheader_timeout = \"500ms\"\nidle_timeout = \"30s\"\n");
    let mut slow = Client::to(pop.address());
    slow.send(b"GET / HTTP/1.1\r\nhost: a\r\nx-slow: ");
    let begun = Instant::now();
    let answer = slow.answer("GET").unwrap();
    assert_eq!(answer.status, 408);
    assert!(begun.elapsed() >= Duration::from_millis(400), "{:?}", begun.elapsed());
    assert!(slow.is_closed());
    // A byte now and then does not extend it.
    let mut dripping = Client::to(pop.address());
    let begun = Instant::now();
    let mut second = dripping.stream().try_clone().unwrap();
    let dripper = std::thread::spawn(move || {
        use std::io::Write;
        let head = b"GET / HTTP/1.1\r\nhost: a\r\nx-drip: drip drip drip drip drip drip drip drip drip drip drip";
        for byte in head {
            if second.write_all(&[*byte]).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    assert_eq!(dripping.answer("GET").unwrap().status, 408);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    drop(dripping);
    dripper.join().unwrap();
    assert!(origin.raw().is_empty());
    let timed_out = || pop.metrics().count("portolan_refused_requests_total", &[("reason", "head-timeout")]);
    wait_until("both are counted", || timed_out() == 2);
}

#[test]
fn an_idle_connection_is_closed_after_its_time() {
    let origin = named("origin");
    let pop = alone(&origin, "[client]\nidle_timeout = \"300ms\"\n");
    let mut fresh = Client::to(pop.address());
    let mut used = Client::to(pop.address());
    assert_eq!(used.ask(&Ask::get("/")).unwrap().status, 200);
    assert!(fresh.is_closed() && used.is_closed());
    pop.wait_quiet();
}

#[test]
fn a_thousand_idle_connections_hold_nobody_up() {
    let origin = named("origin");
    let pop = alone(&origin, "");
    let mut idle: Vec<_> = (0..1_000).map(|_| Client::to(pop.address())).collect();
    wait_until("all are accepted", || pop.metrics().count("portolan_client_connections", &[]) >= 1_000);
    for _ in 0..50 {
        let begun = Instant::now();
        assert_eq!(pop.get("/").status, 200);
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
    for client in idle.iter_mut().step_by(50) {
        assert_eq!(client.ask(&Ask::get("/")).unwrap().status, 200, "an idle connection can be used");
    }
    drop(idle);
    pop.wait_quiet();
}

#[test]
fn more_connections_than_allowed_are_closed_at_once() {
    let origin = named("origin");
    let site = Service::new("shop").region(FRANKFURT, &[origin.url()]).site().replace("workers = 2", "workers = 1");
    let pop = Pop::start(&(site + "[client]\nconnections_max = 10\n"));
    let mut kept: Vec<_> = (0..10).map(|_| Client::to(pop.address())).collect();
    for client in &mut kept {
        assert_eq!(client.ask(&Ask::get("/")).unwrap().status, 200);
    }
    assert!(Client::to(pop.address()).is_closed());
    let over = || pop.metrics().count("portolan_accepted_connections_total", &[("result", "over-limit")]);
    assert_eq!(over(), 1);
    drop(kept);
    wait_until("there is room again", || pop.try_ask(&Ask::get("/")).is_ok_and(|answer| answer.status == 200));
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let origin = Origin::start(|speaker| {
        while let Some(seen) = speaker.request()? {
            speaker.say(ok(&seen.target))?;
        }
        Ok(())
    });
    let pop = alone(&origin, "");
    let mut client = Client::to(pop.address());
    let all: Vec<u8> = (0..50).flat_map(|number| Ask::get(&format!("/{number}")).bytes()).collect();
    client.send(&all);
    for number in 0..50 {
        assert_eq!(client.answer("GET").unwrap().text(), format!("/{number}"));
    }
}

#[test]
fn shutdown_finishes_what_is_in_progress_and_takes_nothing_new() {
    let gate = Gate::default();
    let slow = gated("finished", &gate);
    let mut pop = alone(&slow, "");
    let mut busy = Client::to(pop.address());
    busy.send(&Ask::get("/").bytes());
    let mut idle = Client::to(pop.address());
    wait_until("the request is with the origin", || slow.seen().len() == 1);
    pop.process().signal("TERM");
    let address = pop.address();
    // Closed for good, on every worker: each of many attempts could meet another one's socket.
    wait_until("new connections are refused", || (0..16).all(|_| Client::connect(address).is_err()));
    assert!(idle.is_closed(), "an idle connection has nothing to finish");
    assert!(pop.process().is_alive(), "it waits for the exchange");
    gate.open();
    let answer = busy.answer("GET").unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, "finished"));
    assert_eq!(answer.field("connection"), Some("close"));
    assert!(busy.is_closed());
    let status = pop.process().wait(Duration::from_secs(10));
    assert_eq!(status.code(), Some(0), "{}", pop.process().output());
}

#[test]
fn shutdown_has_a_deadline() {
    let stuck = portolan_tests::scripts::silent();
    let mut pop = alone(&stuck, "[shutdown]\ndeadline = \"1s\"\n");
    let mut client = Client::to(pop.address());
    client.send(&Ask::get("/").bytes());
    wait_until("the request is with the origin", || stuck.seen().len() == 1);
    let begun = Instant::now();
    let status = pop.terminate(Duration::from_secs(10));
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(8), "{took:?}");
    assert_eq!(status.code(), Some(0), "{}", pop.process().output());
    assert!(client.answer("GET").is_err(), "cut, not answered");
}

#[test]
fn draining_the_pop_is_shown_and_still_serves() {
    let origin = named("origin");
    let pop = alone(&origin, "");
    assert_eq!(pop.admin("POST", "/drain").status, 200);
    wait_until_within(Duration::from_secs(5), "it is shown", || pop.status_of("/draining") == true);
    assert_eq!(pop.get("/").status, 200, "who comes all the same is served");
    assert_eq!(pop.admin("POST", "/drain?state=on").status, 200);
    wait_until("it is over", || pop.status_of("/draining") == false);
}

#[test]
fn a_client_that_stops_inside_its_body_does_not_pin_an_origin_for_ever() {
    let origin = answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let pop = alone(&origin, "");
    let mut client = Client::to(pop.address());
    client.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf");
    wait_until("the head is with the origin", || origin.seen().len() == 1);
    client.reset();
    pop.wait_quiet();
    wait_until("the origin is left", || origin.open() == 0);
}
