//! How connections of HTTP/2 end: idle, stalled, too many of them, sent elsewhere.

use super::tls::{HOST, request, site};
use bytes::Bytes;
use futures_util::stream::pending;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use portolan_tests::scripts::{repeating, response};
use portolan_tests::secure::{Authority, Http2, Upload, runtime};
use portolan_tests::site::{FRANKFURT, Service};
use portolan_tests::{Origin, Pop, wait_until};
use std::convert::Infallible;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// A PoP with one worker, two listeners and these client limits, and what is connected to it.
struct Edge {
    pop: Pop,
    authority: Authority,
    runtime: tokio::runtime::Runtime,
    origin: Origin,
}

impl Edge {
    fn start(limits: &str, origin: Origin) -> Self {
        let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
        let service = Service::new("shop").region(FRANKFURT, &[origin.url()]);
        let site = site(&authority.issue(&[HOST]), folder.path(), service)
            .replace("workers = 2", "workers = 1")
            .replacen("[geo]", &format!("[[listeners]]\naddress = \"127.0.0.1:0\"\n[client]\n{limits}\n[geo]"), 1);
        Self { pop: Pop::start_in(folder, &site), authority, runtime: runtime(), origin }
    }

    fn connect(&self) -> std::io::Result<TlsStream<TcpStream>> {
        self.runtime.block_on(self.authority.connect(self.pop.address(), HOST, &["h2"]))
    }

    fn client(&self) -> Http2 {
        self.runtime.block_on(Http2::on(self.connect().unwrap()))
    }

    fn status(&self, client: &Http2) -> Result<u16, hyper::Error> {
        let sent = client.send(request("GET", "/").body(Full::default()).unwrap());
        self.runtime.block_on(sent).map(|answer| answer.status().as_u16())
    }

    fn open(&self) -> u64 {
        self.pop.metrics().count("portolan_client_connections", &[])
    }

    fn accepted(&self, result: &str) -> u64 {
        self.pop.metrics().count("portolan_accepted_connections_total", &[("result", result)])
    }
}

fn short() -> Origin {
    repeating(response("200 OK", "", "here"))
}

#[test]
fn a_connection_that_is_idle_or_silent_is_closed() {
    let edge = Edge::start("idle_timeout = \"1s\"\nheader_timeout = \"1s\"", short());
    let (_silent, client) = (edge.connect().unwrap(), edge.client());
    assert_eq!(edge.status(&client).unwrap(), 200);
    wait_until("both are closed", || edge.open() == 0);
    assert_eq!(edge.accepted("accepted"), 2);
}

#[test]
fn a_client_that_makes_no_room_for_its_answers_is_cut_off() {
    for body in ["here", &"x".repeat(1 << 20)] {
        let edge =
            Edge::start("idle_timeout = \"1s\"\nwrite_timeout = \"1s\"", repeating(response("200 OK", "", body)));
        let stream = edge.connect().unwrap();
        let client = edge.runtime.block_on(Http2::with_window(stream, 2));
        let ask = || client.ask(request("GET", "/").body(Upload::default()).unwrap());
        let answers: Vec<_> = (0..3).map(|_| edge.runtime.block_on(ask()).unwrap()).collect();
        wait_until("the connection is cut", || edge.open() == 0);
        for answer in answers {
            assert!(edge.runtime.block_on(answer.into_body().collect()).is_err());
        }
        edge.pop.wait_quiet();
        wait_until("the origin's connections are not held", || edge.origin.open() <= 3);
    }
}

#[test]
fn an_origin_that_takes_its_time_is_not_the_clients_fault() {
    let slow = Origin::start(|speaker| {
        while speaker.request()?.is_some() {
            speaker.say("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhe")?;
            std::thread::sleep(std::time::Duration::from_millis(2_500));
            speaker.say("re")?;
        }
        Ok(())
    });
    let edge = Edge::start("idle_timeout = \"1s\"\nwrite_timeout = \"300ms\"", slow);
    assert_eq!(edge.status(&edge.client()).unwrap(), 200);
}

#[test]
fn a_body_that_stalls_is_not_waited_for() {
    let edge = Edge::start("body_timeout = \"500ms\"", short());
    let client = edge.client();
    let never = StreamBody::new(pending::<Result<Frame<Bytes>, Infallible>>()).boxed();
    let answer = edge.runtime.block_on(client.ask(request("POST", "/").body(never).unwrap())).unwrap();
    assert_eq!(answer.status().as_u16(), 408);
}

#[test]
fn connections_beyond_the_most_are_closed() {
    let edge = Edge::start("connections_max = 2", short());
    let kept = [edge.client(), edge.client()];
    for client in &kept {
        assert_eq!(edge.status(client).unwrap(), 200);
    }
    assert!(edge.connect().is_err());
    assert_eq!((edge.accepted("accepted"), edge.accepted("over-limit"), edge.open()), (2, 1, 2));
    drop(kept);
    wait_until("they are gone", || edge.open() == 0);
    assert_eq!(edge.status(&edge.client()).unwrap(), 200);
}

#[test]
fn a_draining_pop_sends_its_clients_elsewhere() {
    let edge = Edge::start("", short());
    let client = edge.client();
    assert_eq!(edge.status(&client).unwrap(), 200);
    assert_eq!(edge.pop.admin("POST", "/drain").status, 200);
    assert_eq!(edge.status(&client).unwrap(), 200, "answered, and told to go");
    wait_until("the connection is closed", || edge.open() == 0);
    assert!(edge.status(&client).is_err());
}
