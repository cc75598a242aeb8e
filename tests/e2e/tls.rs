//! TLS on both sides: HTTP/2 and HTTP/1.1 towards clients, verified origins, and certificates that change.

use std::net::SocketAddr;
use std::path::Path;

use bytes::Bytes;
use http_body_util::Full;
use portolan_tests::pop::run_file;
use portolan_tests::scripts::{Gate, echo, gated, named};
use portolan_tests::secure::{Authority, Http2, Identity, runtime};
use portolan_tests::site::{FRANKFURT, IN_GERMANY, Service};
use portolan_tests::{Origin, Pop, wait_until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(super) const HOST: &str = "shop.example";

/// A service behind a listener with this identity.
pub(super) fn site(identity: &Identity, folder: &Path, service: Service) -> String {
    identity.write(folder, "edge");
    service.site().replacen(
        "address = \"127.0.0.1:0\"",
        "address = \"127.0.0.1:0\"\ntls = { certificate = \"edge.pem\", key = \"edge.key\" }",
        1,
    )
}

fn shop(origin: &str) -> Service {
    Service::new("shop").with("affinity = {}").region(FRANKFURT, &[origin.to_owned()])
}

fn start(authority: &Authority, origin: &Origin) -> Pop {
    let folder = tempfile::tempdir().unwrap();
    let site = site(&authority.issue(&[HOST]), folder.path(), shop(&origin.url()));
    Pop::start_in(folder, &site)
}

pub(super) fn request(method: &str, path: &str) -> http::request::Builder {
    http::Request::builder().method(method).uri(format!("https://{HOST}{path}"))
}

#[test]
fn http_2_by_alpn() {
    let (authority, origin) = (Authority::new(), echo());
    let pop = start(&authority, &origin);
    let address = pop.address();
    runtime().block_on(async {
        let stream = authority.connect(address, HOST, &["h2", "http/1.1"]).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let client = Http2::on(stream).await;
        let large = vec![b'x'; 2 << 20];
        for body in [Bytes::new(), Bytes::from_static(b"hello"), Bytes::from(large)] {
            let ask =
                request("POST", "/echo").header("x-forwarded-for", IN_GERMANY).body(Full::new(body.clone())).unwrap();
            let answer = client.send(ask).await.unwrap();
            assert_eq!((answer.status().as_u16(), answer.body() == &body), (200, true));
            let cookie = answer.headers()["set-cookie"].to_str().unwrap();
            assert!(cookie.starts_with("__Host-portolan=") && cookie.ends_with("; Secure"), "{cookie}");
        }
        let hints = client.send(request("GET", "/").body(Full::default()).unwrap()).await.unwrap();
        assert!(hints.headers().get("connection").is_none(), "{:?}", hints.headers());
    });
    let seen = origin.seen();
    assert_eq!(seen[1].field("host"), Some(HOST));
    assert_eq!((seen[1].field("via"), seen[1].field("x-forwarded-proto")), (Some("2.0 test"), Some("https")));
    pop.wait_quiet();
}

#[test]
fn many_streams_of_one_connection_at_once() {
    let gate = Gate::default();
    let (authority, origin) = (Authority::new(), gated("late", &gate));
    let pop = start(&authority, &origin);
    let address = pop.address();
    let runtime = runtime();
    let answers = runtime.block_on(async {
        let client = Http2::on(authority.connect(address, HOST, &["h2"]).await.unwrap()).await;
        let streams: Vec<_> = (0..60)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { client.send(request("GET", "/").body(Full::default()).unwrap()).await })
            })
            .collect();
        let all_there = tokio::task::spawn_blocking(move || {
            wait_until("all are with the origin", || origin.seen().len() == 60);
            gate.open();
            origin
        });
        let mut answers = Vec::new();
        for stream in streams {
            answers.push(stream.await.unwrap().unwrap().status().as_u16());
        }
        let _ = all_there.await.unwrap();
        answers
    });
    assert_eq!(answers, vec![200; 60]);
    drop(runtime);
    pop.wait_quiet();
}

#[test]
fn http_1_1_by_alpn_and_without_it() {
    let (authority, origin) = (Authority::new(), named("origin"));
    let pop = start(&authority, &origin);
    let address = pop.address();
    runtime().block_on(async {
        for protocols in [&["http/1.1"][..], &[]] {
            let answer = get(&authority, address, HOST, protocols).await;
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\norigin"), "{answer}");
            assert!(answer.contains("__Host-portolan="), "{answer}");
        }
        // Whoever does not trust the authority is not talked into it.
        assert!(Authority::new().connect(address, HOST, &[]).await.is_err());
        // Plain HTTP on a TLS port is no request.
        let mut plain = tokio::net::TcpStream::connect(address).await.unwrap();
        plain.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        let _ = plain.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    });
    assert_eq!(origin.seen().len(), 2);
    wait_until("failed handshakes are counted", || {
        pop.metrics().count("portolan_accepted_connections_total", &[("result", "tls-failed")]) >= 1
    });
}

async fn get(authority: &Authority, address: SocketAddr, host: &str, protocols: &[&str]) -> String {
    let mut stream = authority.connect(address, host, protocols).await.unwrap();
    stream.write_all(format!("GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

#[test]
fn a_new_certificate_is_served_without_a_restart() {
    let (authority, origin) = (Authority::new(), named("origin"));
    let pop = start(&authority, &origin);
    let address = pop.address();
    let runtime = runtime();
    let served = || {
        let connected = runtime.block_on(authority.connect(address, HOST, &["http/1.1"]));
        connected.unwrap().get_ref().1.peer_certificates().unwrap()[0].clone()
    };
    let first = served();
    let mut old = runtime.block_on(authority.connect(address, HOST, &["http/1.1"])).unwrap();
    let renewed = authority.issue(&[HOST]);
    renewed.write(pop.folder(), "edge");
    wait_until("the new certificate is served", || served() == renewed.der);
    assert_ne!(first, renewed.der);
    // Connections from before go on.
    let answer = runtime.block_on(async {
        old.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        let _ = old.read_to_end(&mut answer).await;
        answer
    });
    assert!(answer.starts_with(b"HTTP/1.1 200 OK"));
    // A key that does not belong to it is refused, and the good pair stays.
    std::fs::write(pop.folder().join("edge.key"), &authority.issue(&[HOST]).key).unwrap();
    wait_until("/status names the key", || pop.status_of("/config/refused_files").to_string().contains("edge.key"));
    assert_eq!(served(), renewed.der);
    let refused = pop.reload();
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("do not go together"), "{}", refused.text());
}

#[test]
fn a_wrong_key_is_told_at_the_start() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let text = site(&authority.issue(&[HOST]), folder.path(), shop("http://127.0.0.1:9"));
    let file = folder.path().join("edge.toml");
    std::fs::write(&file, text.replace("policy_cache = \"@policy_cache@\"\n", "")).unwrap();
    for (key, told) in [
        (authority.issue(&[HOST]).key, "do not go together"),
        ("no PEM at all".to_owned(), "holds no PRIVATE KEY block"),
    ] {
        std::fs::write(folder.path().join("edge.key"), key).unwrap();
        let run = run_file(&file, &["run"]);
        assert_eq!(run.code, 2, "{}", run.err);
        assert!(run.err.contains(told) && run.err.contains("edge.key"), "{}", run.err);
        assert!(!run.err.contains("BEGIN"), "a key is never printed");
    }
}

/// An origin behind TLS: decrypts in front of a scripted one.
fn secure_front(runtime: &tokio::runtime::Runtime, identity: &Identity, behind: SocketAddr) -> SocketAddr {
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let (address, acceptor) = (listener.local_addr().unwrap(), identity.acceptor());
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut inside) = acceptor.accept(stream).await else { return };
                let mut outside = tokio::net::TcpStream::connect(behind).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut inside, &mut outside).await;
            });
        }
    });
    address
}

#[test]
fn origins_behind_tls_are_verified() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let behind = named("behind");
    let runtime = runtime();
    let by_address = secure_front(&runtime, &authority.issue(&["127.0.0.1"]), behind.address());
    let by_name = secure_front(&runtime, &authority.issue(&["origin.internal"]), behind.address());
    let by_stranger = secure_front(&runtime, &stranger.issue(&["127.0.0.1"]), behind.address());
    for (address, tls, status) in [
        (by_address, "tls = { ca = \"ca.pem\" }", 200),
        (by_name, "tls = { ca = \"ca.pem\", server_name = \"origin.internal\" }", 200),
        (by_name, "tls = { ca = \"ca.pem\" }", 502),
        (by_name, "tls = { ca = \"ca.pem\", server_name = \"other.internal\" }", 502),
        (by_stranger, "tls = { ca = \"ca.pem\" }", 502),
        (by_address, "", 502),
        // Plain behind `https://`: it waits for the rest of a request, and the router for a handshake.
        (behind.address(), "tls = { ca = \"ca.pem\" }", 504),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        let service = Service::new("shop").with(tls).region(FRANKFURT, &[format!("https://{address}")]);
        let pop = Pop::start_in(folder, &service.site());
        let answer = pop.get("/");
        assert_eq!(answer.status, status, "{address} {tls}: {}", answer.text());
    }
    assert_eq!(behind.seen().len(), 2, "a request went to an origin that was not verified");
}
