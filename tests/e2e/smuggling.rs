//! Requests that two parsers could read in two ways: refused, the connection closed, and not a byte of them forwarded.

use portolan_tests::scripts::named;
use portolan_tests::site::{FRANKFURT, Service};
use portolan_tests::{Client, Origin, Pop, wait_until};

const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";

fn start() -> (Origin, Pop) {
    let origin = named("origin");
    let pop = Pop::start(&Service::new("shop").region(FRANKFURT, &[origin.url()]).site());
    (origin, pop)
}

/// Heads that are refused before anything is forwarded, and the status.
fn heads() -> Vec<(&'static str, Vec<u8>, u16)> {
    let post = |fields: &str, rest: &str| format!("POST /first HTTP/1.1\r\nhost: a\r\n{fields}\r\n{rest}").into_bytes();
    let get = |head: &str| head.as_bytes().to_vec();
    vec![
        ("length and chunks", post("content-length: 5\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n"), 400),
        ("chunks and length", post("transfer-encoding: chunked\r\ncontent-length: 5\r\n", "0\r\n\r\n"), 400),
        ("two lengths that differ", post("content-length: 5\r\ncontent-length: 0\r\n", "hello"), 400),
        ("two lengths that agree", post("content-length: 5\r\ncontent-length: 5\r\n", "hello"), 400),
        ("a list of lengths", post("content-length: 5, 5\r\n", "hello"), 400),
        ("a length with a sign", post("content-length: +5\r\n", "hello"), 400),
        ("a negative length", post("content-length: -5\r\n", "hello"), 400),
        ("a length in hexadecimal", post("content-length: 0x5\r\n", "hello"), 400),
        ("an empty length", post("content-length:\r\n", "hello"), 400),
        ("an endless length", post("content-length: 99999999999999999999\r\n", "hello"), 400),
        ("a coding that nobody has", post("transfer-encoding: gzip\r\n", "hello"), 501),
        ("chunked twice", post("transfer-encoding: chunked, chunked\r\n", "0\r\n\r\n"), 400),
        (
            "chunked in two lines",
            post("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n"),
            400,
        ),
        ("chunked not last", post("transfer-encoding: chunked, identity\r\n", "0\r\n\r\n"), 501),
        ("chunked with a tab in it", post("transfer-encoding: \x0bchunked\r\n", "0\r\n\r\n"), 400),
        ("space before the colon", post("content-length : 5\r\n", "hello"), 400),
        ("space before chunked's colon", post("transfer-encoding : chunked\r\n", "0\r\n\r\n"), 400),
        ("a folded line", post("x-a: 1\r\n content-length: 5\r\n", "hello"), 400),
        ("a folded first line", get("GET / HTTP/1.1\r\n host: a\r\n\r\n"), 400),
        ("a bare line feed", get("GET /first HTTP/1.1\nhost: a\n\n"), 400),
        ("a bare line feed in between", get("GET /first HTTP/1.1\r\nhost: a\nx-b: 1\r\n\r\n"), 400),
        ("a bare carriage return", get("GET /first HTTP/1.1\r\nhost: a\r\nx-a: 1\rx-b: 2\r\n\r\n"), 400),
        ("a NUL", get("GET /first HTTP/1.1\r\nhost: a\r\nx-a: 1\x002\r\n\r\n"), 400),
        ("no host", get("GET /first HTTP/1.1\r\nx-a: 1\r\n\r\n"), 400),
        ("two hosts", get("GET /first HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n"), 400),
        ("a host with a path", get("GET /first HTTP/1.1\r\nhost: a/b\r\n\r\n"), 400),
        ("a host with a user", get("GET /first HTTP/1.1\r\nhost: a@b\r\n\r\n"), 400),
        ("a name that is no token", get("GET /first HTTP/1.1\r\nhost: a\r\nx(a): 1\r\n\r\n"), 400),
        ("a line without a colon", get("GET /first HTTP/1.1\r\nhost: a\r\nx-a\r\n\r\n"), 400),
        ("a space in the target", get("GET /first part HTTP/1.1\r\nhost: a\r\n\r\n"), 400),
        ("a method that is no token", get("G@T /first HTTP/1.1\r\nhost: a\r\n\r\n"), 400),
        ("HTTP/2 in words", get("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505),
        ("a version of the future", get("GET /first HTTP/1.2\r\nhost: a\r\n\r\n"), 505),
        (
            "chunks in HTTP/1.0",
            get("POST /first HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
            400,
        ),
        ("an endless field", post(&format!("x-a: {}\r\n", "y".repeat(64 * 1024)), ""), 431),
        ("endless fields", post(&"x-a: 1\r\n".repeat(5_000), ""), 431),
        ("an endless target", get(&format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "y".repeat(64 * 1024))), 414),
        ("TLS on a plain port", vec![0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0, b'\r', b'\n', b'\r', b'\n'], 400),
    ]
}

#[test]
fn malformed_heads_are_refused_and_nothing_reaches_the_origin() {
    let (origin, pop) = start();
    let heads = heads();
    let count = heads.len() as u64;
    let mut wrong = Vec::new();
    for (name, mut bytes, status) in heads {
        // What a second parser would take for another request.
        bytes.extend_from_slice(SMUGGLED.as_bytes());
        let mut client = Client::to(pop.address());
        client.send(&bytes);
        match client.answer("GET") {
            Ok(answer) if answer.status != status => wrong.push(format!("{name}: {} {}", answer.status, answer.text())),
            Ok(answer) if answer.field("connection") != Some("close") => {
                wrong.push(format!("{name}: keeps the connection"))
            }
            Ok(_) if !client.is_closed() => wrong.push(format!("{name}: something followed the refusal")),
            Ok(_) => {}
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
        if !origin.raw().is_empty() {
            panic!("{name}: the origin was sent {:?}", String::from_utf8_lossy(&origin.raw()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Counted when the connection has ended, which is a moment after its last byte.
    wait_until("each is counted", || pop.metrics().count("portolan_refused_requests_total", &[]) == count);
    assert_eq!(pop.get("/after").text(), "origin");
}

#[test]
fn a_refused_request_behind_a_good_one_ends_the_connection_there() {
    let (origin, pop) = start();
    for (name, mut bytes, status) in heads().into_iter().filter(|(_, bytes, _)| bytes.len() < 1_000) {
        let before = origin.seen().len();
        bytes.extend_from_slice(SMUGGLED.as_bytes());
        let mut both = b"GET /good HTTP/1.1\r\nhost: a\r\n\r\n".to_vec();
        both.extend_from_slice(&bytes);
        let mut client = Client::to(pop.address());
        client.send(&both);
        assert_eq!(client.answer("GET").unwrap().status, 200, "{name}");
        assert_eq!(client.answer("GET").unwrap().status, status, "{name}");
        assert!(client.is_closed(), "{name}");
        let targets: Vec<_> = origin.seen()[before..].iter().map(|seen| seen.target.clone()).collect();
        assert_eq!(targets, ["/good"], "{name}");
    }
}

#[test]
fn malformed_chunks_never_make_a_whole_request() {
    let bodies = [
        ("a size that is no number", "xyz\r\nhello\r\n0\r\n\r\n"),
        ("a negative size", "-5\r\nhello\r\n0\r\n\r\n"),
        ("a size with a sign", "+5\r\nhello\r\n0\r\n\r\n"),
        ("a size with 0x", "0x5\r\nhello\r\n0\r\n\r\n"),
        ("a space before the size", " 5\r\nhello\r\n0\r\n\r\n"),
        ("an endless size", "fffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
        ("a chunk longer than it said", "5\r\nhello!\r\n0\r\n\r\n"),
        ("no end of the chunk", "5\r\nhello0\r\n\r\n"),
        ("a bare line feed after the size", "5\nhello\r\n0\r\n\r\n"),
        ("a bare line feed after the chunk", "5\r\nhello\n0\r\n\r\n"),
        ("a bare carriage return in the extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"),
        ("framing among the trailers", "5\r\nhello\r\n0\r\ncontent-length: 5\r\n\r\n"),
        ("a trailer without a colon", "5\r\nhello\r\n0\r\nx-a\r\n\r\n"),
    ];
    for (name, body) in bodies {
        // Another origin each time: what it has of the request is looked at whole.
        let origin = Origin::start(|speaker| {
            if let Some(mut seen) = speaker.head()? {
                let _ = speaker.body(&mut seen);
                speaker.say(portolan_tests::scripts::ok("whole"))?;
            }
            Ok(())
        });
        let pop = Pop::start(&Service::new("shop").region(FRANKFURT, &[origin.url()]).site());
        let mut client = Client::to(pop.address());
        let head = "POST /first HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
        client.send(format!("{head}{body}{SMUGGLED}").as_bytes());
        if let Ok(answer) = client.answer("POST") {
            assert!((400..500).contains(&answer.status), "{name}: {} {}", answer.status, answer.text());
        }
        assert!(client.is_closed(), "{name}: the connection goes on");
        let raw = String::from_utf8_lossy(&origin.raw()).into_owned();
        assert!(!raw.ends_with("0\r\n\r\n") && !raw.contains("/smuggled"), "{name}: a whole request went out:\n{raw}");
    }
}

#[test]
fn what_is_unusual_but_sound_passes_in_one_reading() {
    let (origin, pop) = start();
    let mut client = Client::to(pop.address());
    client.send(b"\r\nPOST /a HTTP/1.1\r\nHOST: shop.example\r\nTransfer-Encoding: CHUNKED\r\n\r\n5;ext=\"v\"\r\nhello\r\n0\r\n\r\n");
    assert_eq!(client.answer("POST").unwrap().status, 200);
    client.send(b"GET http://shop.example/b HTTP/1.1\r\nhost: other.example\r\nconnection: x-hop\r\nx-hop: 1\r\nte: trailers\r\n\r\n");
    assert_eq!(client.answer("GET").unwrap().status, 200);
    client.send(b"GET /c?d=%0d%0a HTTP/1.1\r\nhost: shop.example\r\nx-empty:\r\nx-long:   v  \r\n\r\n");
    assert_eq!(client.answer("GET").unwrap().status, 200);
    let seen = origin.seen();
    assert_eq!(seen[0].body, b"hello");
    assert_eq!(seen[1].target, "/b", "the origin form goes to an origin");
    assert_eq!(seen[1].field("host"), Some("shop.example"), "RFC 9112 section 3.2.2: the target's host counts");
    assert_eq!(seen[1].field("x-hop"), None, "hop-by-hop");
    assert_eq!(
        (seen[2].target.as_str(), seen[2].field("x-empty"), seen[2].field("x-long")),
        ("/c?d=%0d%0a", Some(""), Some("v"))
    );
}
