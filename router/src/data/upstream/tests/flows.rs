//! Exchanges that end well: reuse, early answers, 100-continue, trailers, upgrades, large bodies, the whole proxy.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::task::spawn_local;

use super::{Outgoing, Scripted, Step, bytes, get, pool, post, run, send, text};
use crate::base::clock;
use crate::data::body::{Body, BodyError};
use crate::data::h1::{Drain, ServerSettings, serve_connection};
use crate::data::upstream::{PoolSettings, PoolStats, Timeouts};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A body of unknown length: this many frames of 1000 bytes, then trailers.
pub(super) struct Unsized {
    pub(super) frames: usize,
    pub(super) trailers: Option<HeaderMap>,
    /// Pending for ever instead of ending.
    pub(super) stalls: bool,
}

impl http_body::Body for Unsized {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.frames > 0 {
            self.frames -= 1;
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 1000])))));
        }
        if self.stalls {
            return Poll::Pending;
        }
        Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }
}

#[test]
fn connections_are_kept_and_reused() {
    run(async {
        use Step::{Head, Wait, Write};
        let scripted = Scripted::start(vec![vec![Head, Write(OK), Head, Write(OK), Head, Write(OK), Wait]]).await;
        let pool = pool();
        for turn in 0..3 {
            assert_eq!(text(send(&pool, &scripted, get()).await.unwrap()).await, "ok");
            assert_eq!(pool.stats(), PoolStats { open: 1, idle: 1, created: 1, reused: turn });
        }
        assert_eq!(scripted.seen(0), "GET / HTTP/1.1\r\nhost: a\r\n\r\n".repeat(3));
        pool.close_idle(Some(&scripted.origin));
        assert_eq!(pool.stats(), PoolStats { open: 0, idle: 0, created: 1, reused: 2 });
        scripted.task.await.unwrap();
    });
}

#[test]
fn requests_are_framed_by_their_bodies() {
    run(async {
        use Step::{Head, Read, Wait, Write};
        let chunked = "3e8\r\n".len() + 1000 + "\r\n".len() + "0\r\nx-sum: 1\r\n\r\n".len();
        let scripted = Scripted::start(vec![vec![
            Head,
            Read(5),
            Write(OK),
            Head,
            Write(OK),
            Head,
            Read(chunked),
            Write(OK),
            Head,
            Write("HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n"),
            Wait,
        ]])
        .await;
        let pool = pool();
        assert_eq!(text(send(&pool, &scripted, post(Body::full("hello"))).await.unwrap()).await, "ok");
        assert_eq!(text(send(&pool, &scripted, post(Body::empty())).await.unwrap()).await, "ok");
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", HeaderValue::from_static("1"));
        trailers.insert("content-length", HeaderValue::from_static("1"));
        let body = Body::boxed(Unsized { frames: 1, trailers: Some(trailers), stalls: false });
        assert_eq!(text(send(&pool, &scripted, post(body)).await.unwrap()).await, "ok");
        let mut head = get();
        *head.method_mut() = Method::HEAD;
        let response = send(&pool, &scripted, head).await.unwrap();
        assert_eq!(response.headers()["content-length"], "7");
        assert_eq!(text(response).await, "");
        assert_eq!(
            scripted.seen(0),
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello\
             POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n\
             POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n\
             HEAD / HTTP/1.1\r\nhost: a\r\n\r\n"
        );
        assert_eq!(pool.stats().created, 1);
    });
}

#[test]
fn responses_are_read_in_every_framing() {
    run(async {
        use Step::{Head, Wait, Write};
        let chunked =
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1;x\r\nc\r\n0\r\nx-sum: 3\r\n\r\n";
        let closing = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 3\r\n\r\nabc";
        let scripted = Scripted::start(vec![
            vec![Head, Write(chunked), Head, Write(closing), Wait],
            vec![Head, Write("HTTP/1.0 200 OK\r\n\r\nabc")],
            vec![Head, Write("HTTP/1.1 204 No Content\r\n\r\n"), Wait],
        ])
        .await;
        let pool = pool();
        let all = send(&pool, &scripted, get()).await.unwrap().into_body().collect().await.unwrap();
        assert_eq!(all.trailers().unwrap()["x-sum"], "3");
        assert_eq!(all.to_bytes(), "abc");
        assert_eq!(pool.stats().idle, 1);
        for (body, idle) in [("abc", 0), ("abc", 0), ("", 1)] {
            assert_eq!(text(send(&pool, &scripted, get()).await.unwrap()).await, body);
            assert_eq!((pool.stats().idle, pool.stats().open), (idle, idle));
        }
        assert_eq!(pool.stats().created, 3);
    });
}

#[test]
fn an_early_answer_does_not_wait_for_the_request() {
    run(async {
        use Step::{Head, Wait, Write};
        let early = "HTTP/1.1 413 Payload Too Large\r\ncontent-length: 3\r\n\r\nbig";
        let scripted = Scripted::start(vec![vec![Head, Write(early), Wait]]).await;
        let pool = pool();
        let body = Body::boxed(Unsized { frames: 1, trailers: None, stalls: true });
        let response = send(&pool, &scripted, post(body)).await.unwrap();
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(text(response).await, "big");
        // The request was never finished, so nobody can use the connection again.
        assert_eq!(pool.stats(), PoolStats { open: 0, idle: 0, created: 1, reused: 0 });
        scripted.task.await.unwrap();
    });
}

#[test]
fn an_upload_goes_on_during_the_response() {
    run(async {
        use Step::{Fill, Head, Read, Wait, Write};
        let size = 4 << 20;
        let start = "HTTP/1.1 200 OK\r\ncontent-length: 1004\r\n\r\nbody";
        let scripted = Scripted::start(vec![vec![Head, Write(start), Read(size), Fill(1000), Wait]]).await;
        let pool = pool();
        let response = send(&pool, &scripted, post(Body::full(vec![b'y'; size]))).await.unwrap();
        assert_eq!(bytes(response).await.len(), 1004);
        assert_eq!(pool.stats().idle, 1);
    });
}

#[test]
fn bodies_wait_for_100() {
    run(async {
        use Step::{Head, Read, Wait, Write};
        let go = "HTTP/1.1 100 Continue\r\n\r\n";
        let no = "HTTP/1.1 417 Expectation Failed\r\ncontent-length: 0\r\n\r\n";
        let scripted = Scripted::start(vec![
            vec![Head, Write(go), Read(5), Write(OK), Head, Write(no), Wait],
            vec![Head, Read(5), Write(OK), Wait],
        ])
        .await;
        let settings =
            PoolSettings { continue_timeout: std::time::Duration::from_millis(50), ..PoolSettings::default() };
        let pool = crate::data::upstream::Pool::new(settings);
        let request = || {
            let mut request = post(Body::full("hello"));
            request.headers_mut().insert("expect", HeaderValue::from_static("100-continue"));
            request
        };
        assert_eq!(text(send(&pool, &scripted, request()).await.unwrap()).await, "ok");
        assert_eq!(send(&pool, &scripted, request()).await.unwrap().status(), 417);
        assert_eq!(pool.stats().open, 0, "the promised body was not sent");
        // No answer at all: the body goes after the wait.
        assert_eq!(text(send(&pool, &scripted, request()).await.unwrap()).await, "ok");
        assert!(scripted.seen(1).ends_with("\r\n\r\nhello"));
    });
}

#[test]
fn upgrades_carry_what_was_read_ahead() {
    run(async {
        use Step::{Echo, Head, Write};
        let switch = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\nearly ";
        let scripted = Scripted::start(vec![vec![Head, Write(switch), Echo]]).await;
        let pool = pool();
        let mut request = get();
        request.headers_mut().insert("connection", HeaderValue::from_static("upgrade"));
        request.headers_mut().insert("upgrade", HeaderValue::from_static("echo"));
        let mut response = send(&pool, &scripted, request).await.unwrap();
        assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
        let mut tunnel = response.body_mut().take_tunnel().unwrap();
        tunnel.write_all(b"ping").await.unwrap();
        let mut read = [0; 10];
        tunnel.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"early ping");
        assert_eq!(pool.stats().open, 1);
        drop(tunnel);
        assert_eq!(pool.stats().open, 0);
    });
}

/// A connection served through the pool: the smallest proxy there is.
async fn proxy(scripted: &Scripted, client: tokio::io::DuplexStream) {
    let (pool, origin) = (pool(), scripted.origin.clone());
    let service = async |request: Request<Body>| {
        let interim = request.body().interim();
        let (head, body) = request.into_parts();
        let (timeouts, now) = (Timeouts::default(), clock::monotonic());
        let outgoing = Outgoing { head: &head, added: b"", timeouts: &timeouts, interim: interim.as_ref(), now };
        match pool.send(&origin, &outgoing, body).await {
            Ok(answered) => answered.response,
            Err(failure) => Response::builder().status(502).body(Body::full(failure.to_string())).unwrap(),
        }
    };
    serve_connection(client, &ServerSettings::default(), service, &Drain::new()).await;
}

#[test]
fn ten_mebibytes_pass_both_ways() {
    run(async {
        use Step::{Fill, Head, Read, Wait, Write};
        let size = 10 << 20;
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 10485760\r\n\r\n";
        let scripted = Scripted::start(vec![vec![Head, Read(size), Write(head), Fill(size), Wait]]).await;
        let (client, server) = duplex(64 * 1024);
        let origin = Rc::new(scripted);
        let origins = origin.clone();
        let served = spawn_local(async move { proxy(&origins, server).await });
        let (mut read, mut write) = tokio::io::split(client);
        let writer = spawn_local(async move {
            let head = format!("POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {size}\r\n\r\n");
            write.write_all(head.as_bytes()).await.unwrap();
            write.write_all(&vec![b'y'; size]).await.unwrap();
            write
        });
        let mut output = Vec::new();
        read.read_to_end(&mut output).await.unwrap();
        let at = output.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        assert_eq!(output.len() - at, size);
        drop(writer.await.unwrap());
        served.await.unwrap();
    });
}

#[test]
fn interim_responses_and_100_pass_through() {
    run(async {
        use Step::{Head, Read, Wait, Write};
        let hints = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n";
        let go = "HTTP/1.1 100 Continue\r\n\r\n";
        let scripted = Scripted::start(vec![vec![Head, Write(hints), Write(go), Read(3), Write(OK), Wait]]).await;
        let (mut client, server) = duplex(64 * 1024);
        spawn_local(async move { proxy(&scripted, server).await });
        let head = "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n";
        client.write_all(head.as_bytes()).await.unwrap();
        let expected = format!("{hints}{go}");
        let mut interim = vec![0; expected.len()];
        client.read_exact(&mut interim).await.unwrap();
        assert_eq!(String::from_utf8(interim).unwrap(), expected);
        client.write_all(b"abc").await.unwrap();
        let mut output = vec![0; 15];
        client.read_exact(&mut output).await.unwrap();
        assert_eq!(output, b"HTTP/1.1 200 OK");
    });
}

#[test]
fn a_client_that_leaves_closes_the_origin_connection() {
    run(async {
        use Step::{Head, Wait};
        let scripted = Scripted::start(vec![vec![Head, Wait]]).await;
        let (mut client, server) = duplex(64 * 1024);
        let task = Rc::new(scripted);
        let origins = task.clone();
        let served = spawn_local(async move { proxy(&origins, server).await });
        client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        while task.seen.borrow().first().is_none_or(String::is_empty) {
            tokio::task::yield_now().await;
        }
        drop(client);
        served.await.unwrap();
        // The origin's `Wait` ends only when the router closes its side.
        Rc::try_unwrap(task).ok().unwrap().task.await.unwrap();
    });
}
