//! Origins that are slow, cut short, lie or vanish, and what a client may and may not see of it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use portolan_tests::scripts::{Gate, answering, echo, gated, named, ok, response, silent};
use portolan_tests::site::{FRANKFURT, IN_GERMANY, Service, VIRGINIA};
use portolan_tests::{Ask, Client, Origin, Pop, secure, wait_until};
use tokio_tungstenite::tungstenite::Message;

fn alone(origin: &Origin, settings: &str) -> Pop {
    Pop::start(&Service::new("shop").with(settings).region(FRANKFURT, &[origin.url()]).site())
}

/// The first is nearer to the clients of these tests.
fn pair(first: &Origin, second: &Origin, settings: &str) -> Pop {
    let service = Service::new("shop").with(settings);
    Pop::start(&service.region(FRANKFURT, &[first.url()]).region(VIRGINIA, &[second.url()]).site())
}

/// Bytes that no compression or repetition could fake.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

#[test]
fn a_slow_origin_is_a_504_or_another_region() {
    let quiet = silent();
    let timeout = "timeout = { response = \"300ms\", total = \"5s\" }";
    let pop = alone(&quiet, timeout);
    let begun = Instant::now();
    let answer = pop.get("/");
    assert_eq!(answer.status, 504, "{}", answer.text());
    assert!(begun.elapsed() < Duration::from_secs(5));

    let (quiet, other) = (silent(), named("other"));
    let pop = pair(&quiet, &other, timeout);
    assert_eq!(pop.ask(&Ask::get("/").from(IN_GERMANY)).text(), "other", "a GET may be asked elsewhere");
    let answer = pop.ask(&Ask::post("/", "buy").from(IN_GERMANY));
    assert_eq!(answer.status, 504, "a POST that was sent may not: {}", answer.text());
    assert_eq!(other.seen().len(), 1, "the POST went to a second origin");
    assert_eq!(pop.metrics().count("portolan_attempt_failures_total", &[("kind", "response-timeout")]), 2);
}

#[test]
fn the_total_deadline_includes_retries() {
    let (one, two) = (silent(), silent());
    let pop = pair(&one, &two, "timeout = { response = \"10s\", total = \"500ms\" }");
    let begun = Instant::now();
    assert_eq!(pop.ask(&Ask::get("/").from(IN_GERMANY)).status, 504);
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
}

#[test]
fn silence_inside_a_body_ends_it() {
    let origin = Origin::start(|speaker| {
        speaker.request()?;
        speaker.say("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")?;
        speaker.until_closed()
    });
    let pop = alone(&origin, "timeout = { idle = \"300ms\" }");
    let error = pop.try_ask(&Ask::get("/")).unwrap_err();
    assert_eq!(error.kind(), "truncated", "{error}");
    pop.wait_quiet();
}

#[test]
fn a_cut_response_is_cut_for_the_client_too() {
    let cut = |bytes: &'static str, resets: bool| {
        Origin::start(move |speaker| {
            speaker.request()?;
            speaker.say(bytes)?;
            if resets {
                speaker.reset();
            }
            Ok(())
        })
    };
    let length = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this";
    let chunks = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nonly this\r\n";
    let inside = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n20\r\nonly this";
    let bad = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nonly this\r\nxyz\r\n\r\n0\r\n\r\n";
    for (name, bytes, resets) in [
        ("a length", length, false),
        ("a length, reset", length, true),
        ("chunks", chunks, false),
        ("chunks, reset", chunks, true),
        ("inside a chunk", inside, false),
        ("a bad chunk size", bad, false),
    ] {
        let origin = cut(bytes, resets);
        let pop = alone(&origin, "");
        match pop.try_ask(&Ask::get("/")) {
            // A reset may overtake the head: then there is nothing to cut, and an error is the honest answer.
            Ok(answer) => {
                assert!(resets && answer.status == 502, "{name}: a whole answer: {} {}", answer.status, answer.text())
            }
            Err(error) => assert_eq!(error.kind(), "truncated", "{name}: {error}"),
        }
        pop.wait_quiet();
    }
}

#[test]
fn a_head_that_lies_is_a_502_and_none_of_it_passes() {
    let secret = "secret of another response";
    for (name, head) in [
        ("length and chunks", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 26\r\n\r\n"),
        ("a length with a sign", "HTTP/1.1 200 OK\r\ncontent-length: +5\r\n\r\n"),
        ("an unknown coding", "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n"),
        ("chunked twice", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, chunked\r\n\r\n"),
        ("a bare line feed", "HTTP/1.1 200 OK\nx-a: 1\ncontent-length: 26\n\n"),
        ("a folded line", "HTTP/1.1 200 OK\r\nx-a: 1\r\n b\r\ncontent-length: 26\r\n\r\n"),
        ("space before the colon", "HTTP/1.1 200 OK\r\ncontent-length : 26\r\n\r\n"),
        ("a NUL", "HTTP/1.1 200 OK\r\nx-a: \0\r\ncontent-length: 26\r\n\r\n"),
        ("no status", "HTTP/1.1 OK\r\n\r\n"),
        ("no HTTP", "220 smtp.example ESMTP\r\n\r\n"),
        (
            "an upgrade that nobody asked for",
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
        ),
        ("another protocol", "HTTP/2.0 200 OK\r\n\r\n"),
    ] {
        let origin = answering(format!("{head}{secret}"));
        let pop = alone(&origin, "retry = { attempts = 0 }");
        let answer = pop.get("/");
        assert_eq!(answer.status, 502, "{name}: {}", answer.text());
        assert!(!answer.text().contains("secret"), "{name}: {}", answer.text());
    }
}

#[test]
fn bytes_beyond_the_length_never_reach_a_client() {
    let origin = Origin::start(|speaker| {
        while speaker.request()?.is_some() {
            speaker.say(
                "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison",
            )?;
        }
        Ok(())
    });
    let pop = alone(&origin, "");
    let mut client = Client::to(pop.address());
    for _ in 0..10 {
        assert_eq!(client.ask(&Ask::get("/")).unwrap().text(), "ok");
    }
    assert!(origin.connections() >= 10, "a connection with bytes that nobody asked for was used again");
}

#[test]
fn a_headless_end_is_asked_elsewhere_or_502() {
    let (gone, other) = (answering(""), named("other"));
    let pop = pair(&gone, &other, "");
    assert_eq!(pop.ask(&Ask::get("/").from(IN_GERMANY)).text(), "other");
    let answer = pop.ask(&Ask::post("/", "buy").from(IN_GERMANY));
    assert_eq!(answer.status, 502, "{}", answer.text());
    let puts = pop.ask(&Ask::new("PUT", "/").body("same").from(IN_GERMANY));
    assert_eq!(puts.text(), "other", "a PUT may be repeated, with its body");
    let posts = |origin: &Origin| origin.seen().iter().filter(|seen| seen.method == "POST").count();
    assert_eq!((posts(&gone), posts(&other)), (1, 0), "a POST that an origin had seen was repeated");
    assert_eq!(other.seen()[1].body, b"same");
}

#[test]
fn a_refused_connection_is_tried_elsewhere_for_any_method() {
    let refused = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let other = named("other");
    let service = Service::new("shop").with("ejection = false").region(FRANKFURT, &[refused]);
    let pop = Pop::start(&service.region(VIRGINIA, &[other.url()]).site());
    for method in ["GET", "POST", "PATCH", "DELETE"] {
        let answer = pop.ask(&Ask::new(method, "/").body("once").from(IN_GERMANY));
        assert_eq!((answer.status, answer.text().as_str()), (200, "other"), "{method}");
    }
    assert_eq!(other.seen().len(), 4);
    assert!(other.seen().iter().all(|seen| seen.body == b"once"));
}

#[test]
fn an_unwell_answer_is_asked_elsewhere_but_not_for_a_post() {
    let (unwell, other) = (answering(response("503 Service Unavailable", "x-from: first\r\n", "no")), named("other"));
    let pop = pair(&unwell, &other, "ejection = false");
    assert_eq!(pop.ask(&Ask::get("/").from(IN_GERMANY)).text(), "other");
    let answer = pop.ask(&Ask::post("/", "buy").from(IN_GERMANY));
    assert_eq!((answer.status, answer.field("x-from")), (503, Some("first")), "the origin's own answer");
    // 500 is the application's own word, not a sign of a broken way.
    let (failing, other) = (answering(response("500 Internal Server Error", "", "oops")), named("other"));
    let pop = pair(&failing, &other, "");
    assert_eq!(pop.ask(&Ask::get("/").from(IN_GERMANY)).status, 500);
    assert!(other.seen().is_empty());
}

#[test]
fn the_retry_budget_keeps_a_sick_region_from_doubling_the_load() {
    let (gone, other) = (answering(""), named("other"));
    let retry = "retry = { budget = 0.1, floor = 1 }\nejection = false";
    let pop = pair(&gone, &other, retry);
    let mut client = Client::to(pop.address());
    let (mut fine, mut refused) = (0, 0);
    for _ in 0..200 {
        match client.ask(&Ask::get("/").from(IN_GERMANY)).unwrap().status {
            200 => fine += 1,
            502 => refused += 1,
            status => panic!("{status}"),
        }
    }
    assert!(refused > 100, "{fine} of 200 were retried, with a budget of a tenth");
    assert!(fine >= 10, "the budget allows some: {fine}");
    assert_eq!(other.seen().len(), fine);
    let metrics = pop.metrics();
    assert_eq!(metrics.count("portolan_retries_total", &[("result", "tried")]), fine as u64);
    assert_eq!(metrics.count("portolan_retries_total", &[("result", "over-budget")]), refused as u64);
}

#[test]
fn ten_megabytes_pass_both_ways_unchanged() {
    const LENGTH: usize = 10 << 20;
    let origin = echo();
    let pop = alone(&origin, "");
    let body = noise(LENGTH);
    let answer = pop.ask(&Ask::post("/echo", body.clone()));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body.len(), LENGTH);
    assert!(answer.body == body, "the bytes that came back are others");
    assert!(origin.only().body == body, "the bytes that arrived are others");

    // The same in chunks, of uneven sizes.
    let mut client = Client::to(pop.address());
    client.send(b"POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
    let sending = body.clone();
    let mut second = client.stream().try_clone().unwrap();
    let sender = std::thread::spawn(move || {
        use std::io::Write;
        for (number, chunk) in sending.chunks(70_001).enumerate() {
            let extension = if number % 2 == 0 { ";n=1" } else { "" };
            write!(second, "{:x}{extension}\r\n", chunk.len()).unwrap();
            second.write_all(chunk).unwrap();
            second.write_all(b"\r\n").unwrap();
        }
        second.write_all(b"0\r\n\r\n").unwrap();
    });
    let answer = client.answer("POST").unwrap();
    sender.join().unwrap();
    assert!(answer.body == body, "chunked: {} bytes came back", answer.body.len());
    drop(client);
    pop.wait_quiet();
}

#[test]
fn an_early_answer_reaches_a_client_that_still_sends() {
    let origin = Origin::start(|speaker| {
        speaker.head()?;
        speaker.say(response("413 Content Too Large", "connection: close\r\n", "too much"))?;
        // It reads no more, as a server does that has said no.
        Ok(())
    });
    let pop = alone(&origin, "");
    let mut client = Client::to(pop.address());
    client.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 104857600\r\n\r\n");
    client.send(&vec![b'x'; 1 << 20]);
    let answer = client.answer("POST").unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (413, "too much"));
    drop(client);
    pop.wait_quiet();
}

#[test]
fn rfc9110_6_5_1_framing_among_an_origins_trailers_is_left_out() {
    let origin = Origin::start(|speaker| {
        while speaker.request()?.is_some() {
            let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n";
            speaker.say(format!("{head}content-length: 1\r\nx-sum: 42\r\nhost: b\r\ntransfer-encoding: x\r\n\r\n"))?;
        }
        Ok(())
    });
    let pop = alone(&origin, "");
    // One connection, so that one worker's pool serves both.
    let mut client = Client::to(pop.address());
    for _ in 0..2 {
        let answer = client.ask(&Ask::get("/")).unwrap();
        assert_eq!((answer.text().as_str(), answer.trailers), ("ok", vec![("x-sum".to_owned(), "42".to_owned())]));
    }
    assert_eq!(origin.connections(), 1, "the connection is in order");
}

#[test]
fn trailers_pass_both_ways() {
    let origin = Origin::start(|speaker| {
        while speaker.request()?.is_some() {
            speaker.say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n2\r\nok\r\n0\r\nx-sum: 42\r\n\r\n")?;
        }
        Ok(())
    });
    let pop = alone(&origin, "");
    let mut client = Client::to(pop.address());
    client.send(b"POST / HTTP/1.1\r\nhost: a\r\nte: trailers\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-check: 7\r\n\r\n");
    let answer = client.answer("POST").unwrap();
    assert_eq!(answer.text(), "ok");
    assert_eq!(answer.trailers, [("x-sum".to_owned(), "42".to_owned())]);
    let seen = origin.only();
    assert_eq!(
        (seen.body.as_slice(), seen.trailers.as_slice()),
        (&b"hello"[..], &[("x-check".to_owned(), "7".to_owned())][..])
    );
}

#[test]
fn expect_100_continue_asks_before_the_body_is_sent() {
    let origin = echo();
    let pop = alone(&origin, "");
    let mut client = Client::to(pop.address());
    client.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n");
    let (status, _) = client.head().unwrap();
    assert_eq!(status, 100);
    client.send(b"hello");
    assert_eq!(client.answer("POST").unwrap().text(), "hello");

    // Who says no at once is spared the body.
    let refusing = Origin::start(|speaker| {
        speaker.head()?;
        speaker.say(response("401 Unauthorized", "connection: close\r\n", "who are you"))
    });
    let pop = alone(&refusing, "");
    let mut client = Client::to(pop.address());
    client.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5000000\r\nexpect: 100-continue\r\n\r\n");
    let answer = client.answer("POST").unwrap();
    assert_eq!(answer.status, 401, "{:?}", answer.interim);
    drop(client);
    pop.wait_quiet();
}

#[test]
fn early_hints_pass_before_the_answer() {
    let origin = Origin::start(|speaker| {
        while speaker.request()?.is_some() {
            speaker.say("HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n")?;
            speaker.say("HTTP/1.1 103 Early Hints\r\nlink: </b.js>; rel=preload\r\n\r\n")?;
            speaker.say(ok("page"))?;
        }
        Ok(())
    });
    let pop = alone(&origin, "");
    let answer = pop.get("/");
    assert_eq!(answer.text(), "page");
    let links: Vec<_> = answer.interim.iter().map(|(status, fields)| (*status, fields[0].1.as_str())).collect();
    assert_eq!(links, [(103, "</a.css>; rel=preload"), (103, "</b.js>; rel=preload")]);
}

#[test]
fn head_and_bodiless_answers_leave_the_connection_in_step() {
    let origin = Origin::start(|speaker| {
        while let Some(seen) = speaker.request()? {
            match (seen.method.as_str(), seen.target.as_str()) {
                ("HEAD", _) => speaker.say("HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n")?,
                (_, "/204") => speaker.say("HTTP/1.1 204 No Content\r\n\r\n")?,
                (_, "/304") => {
                    speaker.say("HTTP/1.1 304 Not Modified\r\netag: \"x\"\r\ncontent-length: 1234\r\n\r\n")?
                }
                _ => speaker.say(ok("body"))?,
            }
        }
        Ok(())
    });
    let pop = alone(&origin, "");
    let mut client = Client::to(pop.address());
    for _ in 0..5 {
        let head = client.ask(&Ask::new("HEAD", "/")).unwrap();
        assert_eq!((head.status, head.field("content-length")), (200, Some("1234")));
        assert_eq!(client.ask(&Ask::get("/204")).unwrap().status, 204);
        assert_eq!(client.ask(&Ask::get("/304")).unwrap().field("etag"), Some("\"x\""));
        assert_eq!(client.ask(&Ask::get("/")).unwrap().text(), "body");
    }
    assert!(origin.connections() <= 2, "{} connections", origin.connections());
}

#[test]
fn connections_to_origins_are_used_again_and_a_stale_one_costs_no_request() {
    let origin = named("origin");
    let pop = alone(&origin, "");
    let mut client = Client::to(pop.address());
    for _ in 0..100 {
        assert_eq!(client.ask(&Ask::get("/")).unwrap().status, 200);
    }
    assert_eq!(origin.connections(), 1, "one client after another needs one connection");

    // An origin that closes after each answer without having said so.
    let forgetful = Origin::start(|speaker| {
        speaker.request()?;
        speaker.say(ok("once"))
    });
    let pop = alone(&forgetful, "retry = { attempts = 0 }");
    let mut client = Client::to(pop.address());
    for number in 0..50 {
        let seen = forgetful.seen().len();
        // In order, so that the close has arrived: a request that races with it may fail, as RFC 9112 section 9.3.1 says.
        wait_until("the origin closed its side", || forgetful.open() == 0);
        let answer = client.ask(&Ask::post("/", "x")).unwrap();
        assert_eq!(answer.status, 200, "request {number}: {}", answer.text());
        assert_eq!(forgetful.seen().len(), seen + 1);
    }
}

#[test]
fn a_response_without_length_ends_with_its_connection() {
    let origin = answering("HTTP/1.1 200 OK\r\nx-a: 1\r\n\r\nuntil the end");
    let pop = alone(&origin, "");
    let mut client = Client::to(pop.address());
    for _ in 0..3 {
        assert_eq!(client.ask(&Ask::get("/")).unwrap().text(), "until the end");
    }
    let old = answering("HTTP/1.0 200 OK\r\n\r\nold");
    assert_eq!(alone(&old, "").get("/").text(), "old");
}

#[test]
fn a_client_of_http_1_0_is_served() {
    let origin = answering("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n");
    let pop = alone(&origin, "");
    let mut client = Client::to(pop.address());
    client.send(b"GET / HTTP/1.0\r\nhost: a\r\n\r\n");
    let answer = client.answer("GET").unwrap();
    assert_eq!((answer.text().as_str(), answer.field("transfer-encoding")), ("ok", None), "chunks do not exist there");
    assert!(client.is_closed());
}

#[test]
fn answers_say_which_way_they_took() {
    let origin = named("origin");
    let pop = alone(&origin, "");
    let answer = pop.ask(&Ask::get("/").field("portolan-timing", "1").field("portolan-decision", "1"));
    assert_eq!(answer.field("via"), Some("1.1 test"));
    let id = answer.field("x-request-id").unwrap().to_owned();
    assert_eq!(id.len(), 32);
    assert!(answer.field("server-timing").is_some_and(|timing| timing.starts_with("portolan;dur=")));
    let decision = answer.field("portolan-decision").unwrap();
    assert!(decision.contains("service=shop; region=eu-frankfurt; reason=nearest"), "{decision}");
    let seen = origin.only();
    assert_eq!(seen.field("x-request-id"), Some(id.as_str()));
    assert_eq!((seen.field("via"), seen.field("portolan-pop")), (Some("1.1 test"), Some("test")));
    assert_eq!(seen.field("portolan-region"), Some(FRANKFURT.0));
    assert_eq!(seen.field("portolan-decision"), None);
    // A request that comes through the same PoP again runs in a circle.
    assert_eq!(pop.ask(&Ask::get("/").field("via", "1.1 test")).status, 508);
    let ids: BTreeSet<_> = (0..50).map(|_| pop.get("/").field("x-request-id").unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 50);
}

#[test]
fn a_websocket_passes_through() {
    let runtime = secure::runtime();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
                while let Some(Ok(message)) = socket.next().await {
                    if message.is_text() || message.is_binary() {
                        socket.send(message).await.unwrap();
                    }
                }
            });
        }
    });
    let pop = Pop::start(&Service::new("shop").region(FRANKFURT, &[url]).site());
    let address = pop.address();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (mut socket, answer) = tokio_tungstenite::client_async("ws://shop.example/socket", stream).await.unwrap();
        assert_eq!(answer.status(), 101);
        for message in [Message::text("hello"), Message::binary(noise(300_000)), Message::text("again")] {
            socket.send(message.clone()).await.unwrap();
            assert_eq!(socket.next().await.unwrap().unwrap(), message);
        }
        socket.close(None).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
    });
    pop.wait_quiet();
}

#[test]
fn a_hundred_slow_exchanges_hold_nobody_up() {
    let gate = Gate::default();
    let (slow, quick) = (gated("slow", &gate), named("quick"));
    let config = Service::new("shop").region(FRANKFURT, &[slow.url()]).site()
        + &Service::new("quick").region(FRANKFURT, &[quick.url()]).text()
        + "[[routes]]\npath = \"/quick\"\nservice = \"quick\"\n";
    let pop = Pop::start(&config);
    let mut held: Vec<_> = (0..100)
        .map(|_| {
            let mut client = Client::to(pop.address());
            client.send(&Ask::get("/").bytes());
            client
        })
        .collect();
    wait_until("all are with the origin", || slow.seen().len() == 100);
    for _ in 0..50 {
        let begun = Instant::now();
        assert_eq!(pop.get("/quick").text(), "quick");
        assert!(begun.elapsed() < Duration::from_secs(2));
    }
    gate.open();
    for client in &mut held {
        assert_eq!(client.answer("GET").unwrap().text(), "slow");
    }
    drop(held);
    pop.wait_quiet();
}
