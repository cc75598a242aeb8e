//! Client connections over in-memory pipes, in paused time: what a client sees, and how the connection ends.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::{JoinHandle, LocalSet, spawn_local};

use crate::data::body::{Body, BodyError, BodyWatch};
use crate::data::h1::{Drain, End, HeadError, ServerSettings, Tunnel, serve_connection};

const PIPE: usize = 1 << 20;

/// Runs a test on a worker-like runtime whose clock jumps when everything waits.
fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    LocalSet::new().block_on(&runtime, test)
}

fn start<S>(service: S) -> (DuplexStream, JoinHandle<End>)
where
    S: AsyncFn(Request<Body>) -> Response<Body> + 'static,
{
    start_with(ServerSettings::default(), Drain::new(), PIPE, service)
}

fn start_with<S>(settings: ServerSettings, drain: Drain, pipe: usize, service: S) -> (DuplexStream, JoinHandle<End>)
where
    S: AsyncFn(Request<Body>) -> Response<Body> + 'static,
{
    let (client, server) = duplex(pipe);
    let task = spawn_local(async move { serve_connection(server, &settings, service, &drain).await });
    (client, task)
}

/// Sends `input` and reads until the server closes.
async fn talk<S>(service: S, input: &str) -> (String, End)
where
    S: AsyncFn(Request<Body>) -> Response<Body> + 'static,
{
    let (mut client, task) = start(service);
    client.write_all(input.as_bytes()).await.unwrap();
    let mut output = Vec::new();
    client.read_to_end(&mut output).await.unwrap();
    drop(client);
    (without_dates(&output), task.await.unwrap())
}

fn without_dates(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    text.split_inclusive("\r\n").filter(|line| !line.starts_with("date: ")).collect()
}

/// Reads until the output ends in `end`.
async fn read_to(client: &mut DuplexStream, end: &str) -> String {
    let mut output = Vec::new();
    while !output.ends_with(end.as_bytes()) {
        let mut byte = [0];
        let read = client.read(&mut byte).await.unwrap();
        assert!(read > 0, "closed after {:?}", String::from_utf8_lossy(&output));
        output.push(byte[0]);
    }
    without_dates(&output)
}

async fn hello(_: Request<Body>) -> Response<Body> {
    Response::new(Body::full("hello"))
}

async fn echo(request: Request<Body>) -> Response<Body> {
    match request.into_body().collect().await {
        Ok(all) => Response::new(Body::full(all.to_bytes())),
        Err(error) => {
            let mut response = Response::new(Body::full(error.to_string()));
            *response.status_mut() = StatusCode::BAD_REQUEST;
            response
        }
    }
}

/// A body of these frames, in this order; `None` is an error.
struct Frames(Vec<Option<Frame<Bytes>>>);

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.0.is_empty() {
            return Poll::Ready(None);
        }
        Poll::Ready(Some(self.0.remove(0).ok_or(BodyError::Truncated)))
    }
}

fn frames(data: &[&'static str]) -> Vec<Option<Frame<Bytes>>> {
    data.iter().map(|text| Some(Frame::data(Bytes::from_static(text.as_bytes())))).collect()
}

#[test]
fn keeps_alive_and_pipelines() {
    run(async {
        let input = "GET /1 HTTP/1.1\r\nhost: a\r\n\r\n\r\nPOST /2 HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc\
                     GET /3 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\nGET /4 HTTP/1.1\r\nhost: a\r\n\r\n";
        let service = async |request: Request<Body>| {
            let path = request.uri().path().to_owned();
            let body = request.into_body().collect().await.unwrap().to_bytes();
            Response::new(Body::full([path.as_bytes(), &body].concat()))
        };
        let (output, end) = talk(service, input).await;
        assert_eq!(
            output,
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n/1HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n/2abc\
             HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n/3"
        );
        assert!(matches!(end, End::Closed), "{end:?}");
    });
}

#[test]
fn answers_http_1_0() {
    run(async {
        let (output, _) = talk(hello, "GET / HTTP/1.0\r\n\r\n").await;
        assert_eq!(output, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello");
        let service = async |_| Response::new(Body::boxed(Frames(frames(&["a", "b"]))));
        let (output, _) = talk(service, "GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n").await;
        assert_eq!(output, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nab");
        let keep = "GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n";
        let (output, _) = talk(hello, keep).await;
        assert!(
            output.starts_with("HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ncontent-length: 5\r\n\r\nhelloHTTP/1.1")
        );
    });
}

#[test]
fn head_and_bodiless_statuses_have_no_body() {
    run(async {
        let (output, _) = talk(hello, "HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
        assert_eq!(output, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\n");
        let service = async |_| Response::builder().status(204).body(Body::empty()).unwrap();
        let (output, _) = talk(service, "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
        assert_eq!(output, "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
        let service =
            async |_| Response::builder().status(304).header("content-length", "77").body(Body::empty()).unwrap();
        let (output, _) = talk(service, "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
        assert_eq!(output, "HTTP/1.1 304 Not Modified\r\nconnection: close\r\ncontent-length: 77\r\n\r\n");
    });
}

#[test]
fn unknown_lengths_are_chunked_with_trailers() {
    run(async {
        let service = async |_| {
            let mut trailers = HeaderMap::new();
            trailers.insert("x-sum", HeaderValue::from_static("1"));
            let mut body = frames(&["hello", "", "world"]);
            body.push(Some(Frame::trailers(trailers)));
            Response::new(Body::boxed(Frames(body)))
        };
        let (output, _) = talk(service, "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
        assert_eq!(
            output,
            "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n\
             5\r\nhello\r\n5\r\nworld\r\n0\r\nx-sum: 1\r\n\r\n"
        );
    });
}

#[test]
fn request_trailers_reach_the_service() {
    run(async {
        let service = async |request: Request<Body>| {
            let all = request.into_body().collect().await.unwrap();
            let sum = all.trailers().unwrap()["x-sum"].clone();
            Response::builder().header("got", sum).body(Body::full(all.to_bytes())).unwrap()
        };
        let input = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n\
                     3\r\nabc\r\n0\r\nx-sum: 9\r\n\r\n";
        let (output, _) = talk(service, input).await;
        assert_eq!(output, "HTTP/1.1 200 OK\r\ngot: 9\r\nconnection: close\r\ncontent-length: 3\r\n\r\nabc");
    });
}

#[test]
fn bad_heads_are_answered_and_closed() {
    run(async {
        let service = async |_: Request<Body>| -> Response<Body> { panic!("a refused request reached the service") };
        let (output, end) = talk(service, "GET / HTTP/1.1\r\nhost : a\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert!(
            output.starts_with("HTTP/1.1 400 Bad Request\r\n") && output.contains("connection: close\r\n"),
            "{output}"
        );
        assert!(output.ends_with("white space before the colon of a header field\n"), "{output}");
        assert!(matches!(end, End::Refused(HeadError::SpaceBeforeColon)));
        let long = format!("GET /{} HTTP/1.1\r\n", "a".repeat(40_000));
        let (output, _) = talk(service, &long).await;
        assert!(output.starts_with("HTTP/1.1 414 "), "{output}");
        let large = format!("GET / HTTP/1.1\r\nhost: a\r\nb: {}\r\n", "a".repeat(70_000));
        let (output, _) = talk(service, &large).await;
        assert!(output.starts_with("HTTP/1.1 431 "), "{output}");
    });
}

#[test]
fn bad_chunks_fail_the_body_and_close() {
    run(async {
        let input = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n";
        let (output, end) = talk(echo, input).await;
        assert!(output.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{output}");
        assert!(matches!(end, End::Closed), "{end:?}");
    });
}

#[test]
fn hundred_continue_is_sent_when_the_body_is_wanted() {
    run(async {
        let (mut client, task) = start(echo);
        let head =
            "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 3\r\nconnection: close\r\n\r\n";
        client.write_all(head.as_bytes()).await.unwrap();
        assert_eq!(read_to(&mut client, "\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
        client.write_all(b"abc").await.unwrap();
        assert!(read_to(&mut client, "abc").await.starts_with("HTTP/1.1 200 OK\r\n"));
        assert!(matches!(task.await.unwrap(), End::Closed));
        // A body that is here already needs no invitation.
        let (output, _) = talk(echo, &format!("{head}abc")).await;
        assert!(output.starts_with("HTTP/1.1 200 OK\r\n"), "{output}");
        // A final answer first: no 100, and the connection closes.
        let refuse = async |_| Response::builder().status(413).body(Body::empty()).unwrap();
        let head = "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n";
        let (output, _) = talk(refuse, head).await;
        assert_eq!(output, "HTTP/1.1 413 Payload Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    });
}

#[test]
fn unread_bodies_are_drained_or_the_connection_closes() {
    run(async {
        let small = format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 60000\r\n\r\n{}", "x".repeat(60_000));
        let last = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        let (output, _) = talk(hello, &format!("{small}{last}")).await;
        assert_eq!(output.matches("HTTP/1.1 200 OK").count(), 2);
        let large = format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n{}", "x".repeat(100_000));
        let (output, end) = talk(hello, &format!("{large}{last}")).await;
        assert_eq!(output.matches("HTTP/1.1 200 OK\r\nconnection: close\r\n").count(), 1, "{output}");
        assert!(matches!(end, End::Closed), "{end:?}");
        let chunk = format!("{:x}\r\n{}\r\n", 100_000, "x".repeat(100_000));
        let chunked = format!("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n{chunk}0\r\n\r\n{last}");
        let (output, _) = talk(hello, &chunked).await;
        assert_eq!(output.matches("HTTP/1.1 200 OK").count(), 1, "{output}");
    });
}

#[test]
fn broken_bodies_never_end_well() {
    run(async {
        let service = async |_| {
            let mut body = frames(&["hello"]);
            body.push(None);
            Response::new(Body::boxed(Frames(body)))
        };
        let (output, end) = talk(service, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert!(!output.contains("\r\n0\r\n"), "{output}");
        assert!(matches!(end, End::Aborted(BodyError::Truncated)), "{end:?}");
        for (declared, sent) in [("9", "hello"), ("3", "hello")] {
            let service = async move |_| {
                Response::builder()
                    .header("content-length", declared)
                    .body(Body::boxed(Frames(frames(&[sent]))))
                    .unwrap()
            };
            let (output, end) = talk(service, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
            assert!(matches!(end, End::Aborted(BodyError::Length { .. })), "{end:?} {output}");
        }
        // A contradiction that is known before anything was written is our fault, and says so.
        let service = async |_| Response::builder().header("content-length", "3").body(Body::full("hello")).unwrap();
        let (output, _) = talk(service, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert!(output.starts_with("HTTP/1.1 500 "), "{output}");
    });
}

/// Tells when it is dropped.
struct Guard(Rc<Cell<bool>>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

#[test]
fn a_client_that_leaves_drops_the_service() {
    run(async {
        let dropped = Rc::new(Cell::new(false));
        let seen = dropped.clone();
        let (mut client, task) = start(async move |_| {
            let _guard = Guard(seen.clone());
            pending().await
        });
        client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        tokio::task::yield_now().await;
        assert!(!dropped.get());
        drop(client);
        assert!(matches!(task.await.unwrap(), End::ClientGone));
        assert!(dropped.get());
    });
}

#[test]
fn truncated_request_bodies_end_the_exchange() {
    run(async {
        let (mut client, task) = start(echo);
        client.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nabc").await.unwrap();
        tokio::task::yield_now().await;
        drop(client);
        assert!(matches!(task.await.unwrap(), End::ClientGone));
    });
}

#[test]
fn silence_is_limited() {
    run(async {
        let (mut client, task) = start(echo);
        let mut output = Vec::new();
        client.read_to_end(&mut output).await.unwrap();
        assert!(output.is_empty() && matches!(task.await.unwrap(), End::Idle));

        let (mut client, task) = start(echo);
        client.write_all(b"GET / HTT").await.unwrap();
        client.read_to_end(&mut output).await.unwrap();
        assert!(output.starts_with(b"HTTP/1.1 408 ") && matches!(task.await.unwrap(), End::HeadTimedOut));

        output.clear();
        let (mut client, task) = start(echo);
        client.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nabc").await.unwrap();
        client.read_to_end(&mut output).await.unwrap();
        let output = String::from_utf8(output).unwrap();
        assert!(
            output.starts_with("HTTP/1.1 400 ") && output.ends_with("no byte of the body came within the time allowed")
        );
        assert!(matches!(task.await.unwrap(), End::Closed));
    });
}

#[test]
fn a_slow_head_has_a_deadline_of_its_own() {
    run(async {
        let settings = ServerSettings { head_timeout: Duration::from_secs(5), ..ServerSettings::default() };
        let (mut client, task) = start_with(settings, Drain::new(), PIPE, hello);
        let started = tokio::time::Instant::now();
        client.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if client.write_all(b"a: b\r\n").await.is_err() || task.is_finished() {
                break;
            }
        }
        let elapsed = started.elapsed();
        assert!(elapsed < Duration::from_secs(9), "{elapsed:?}");
        drop(client);
        assert!(matches!(task.await.unwrap(), End::HeadTimedOut));
    });
}

#[test]
fn a_client_that_stops_reading_is_cut_off() {
    run(async {
        let service = async |_| Response::new(Body::full(vec![b'x'; 100_000]));
        let (mut client, task) = start_with(ServerSettings::default(), Drain::new(), 1000, service);
        client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        assert!(matches!(task.await.unwrap(), End::WriteTimedOut));
    });
}

#[test]
fn draining_closes_idle_connections_and_lets_others_finish() {
    run(async {
        let drain = Drain::new();
        let (mut idle, idle_task) = start_with(ServerSettings::default(), drain.clone(), PIPE, hello);
        idle.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        read_to(&mut idle, "hello").await;

        let release = Rc::new(tokio::sync::Notify::new());
        let released = release.clone();
        let (mut busy, busy_task) = start_with(ServerSettings::default(), drain.clone(), PIPE, async move |_| {
            released.notified().await;
            Response::new(Body::full("done"))
        });
        busy.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        tokio::task::yield_now().await;
        assert_eq!(drain.connections(), 2);

        drain.start();
        assert!(matches!(idle_task.await.unwrap(), End::Closed));
        assert!(!busy_task.is_finished());
        release.notify_one();
        assert!(read_to(&mut busy, "done").await.contains("connection: close\r\n"));
        assert!(matches!(busy_task.await.unwrap(), End::Closed));
        assert_eq!(drain.connections(), 0);
        drain.started().await;
    });
}

#[test]
fn interim_responses_pass_to_http_1_1_only() {
    run(async {
        let service = async |request: Request<Body>| {
            let interim = request.body().interim().unwrap();
            let mut headers = HeaderMap::new();
            headers.insert("link", HeaderValue::from_static("</a.css>"));
            interim.send(StatusCode::EARLY_HINTS, &headers);
            tokio::task::yield_now().await;
            Response::new(Body::full("x"))
        };
        let (output, _) = talk(service, "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
        assert!(
            output.starts_with("HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\n"),
            "{output}"
        );
        let (output, _) = talk(service, "GET / HTTP/1.0\r\n\r\n").await;
        assert!(output.starts_with("HTTP/1.1 200 OK\r\n"), "{output}");
    });
}

fn switching(tunnel: Tunnel) -> Response<Body> {
    let response = Response::builder().status(101).header("connection", "upgrade").header("upgrade", "echo");
    response.body(Body::tunnel(tunnel)).unwrap()
}

#[test]
fn upgrades_become_tunnels() {
    run(async {
        let (origin, mut far) = duplex(PIPE);
        let origin = Rc::new(RefCell::new(Some(origin)));
        let (mut client, task) = start(async move |_| {
            let origin = origin.borrow_mut().take().unwrap();
            switching(Tunnel::new(Box::new(origin), Bytes::from_static(b"early "), Duration::from_secs(60)))
        });
        client
            .write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\nahead ")
            .await
            .unwrap();
        let head = read_to(&mut client, "\r\n\r\n").await;
        assert_eq!(head, "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n");
        client.write_all(b"ping").await.unwrap();
        far.write_all(b"pong").await.unwrap();
        assert_eq!(read_to(&mut far, "ping").await, "ahead ping");
        assert_eq!(read_to(&mut client, "pong").await, "early pong");
        drop(client);
        let mut rest = Vec::new();
        far.read_to_end(&mut rest).await.unwrap();
        drop(far);
        assert!(rest.is_empty() && matches!(task.await.unwrap(), End::Tunnelled));
    });
}

/// Notes how a body ended.
struct Ended(Rc<RefCell<String>>);

impl BodyWatch for Ended {
    fn data(&mut self, _: usize) {}

    fn end(&mut self, error: Option<&BodyError>) {
        self.0.borrow_mut().push_str(&error.map_or("well".to_owned(), ToString::to_string));
    }
}

#[test]
fn a_tunnel_without_a_byte_in_either_direction_is_closed() {
    run(async {
        let (origin, mut far) = duplex(PIPE);
        let (origin, ended) = (Rc::new(RefCell::new(Some(origin))), Rc::<RefCell<String>>::default());
        let noted = Rc::clone(&ended);
        let (mut client, task) = start(async move |_| {
            let origin = origin.borrow_mut().take().unwrap();
            let response = switching(Tunnel::new(Box::new(origin), Bytes::new(), Duration::from_secs(60)));
            response.map(|body| body.watched(Box::new(Ended(Rc::clone(&noted)))))
        });
        client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n").await.unwrap();
        read_to(&mut client, "\r\n\r\n").await;
        // Bytes in one direction are enough, whichever it is.
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_secs(50)).await;
            client.write_all(b"ping").await.unwrap();
            assert_eq!(read_to(&mut far, "ping").await, "ping");
            tokio::time::sleep(Duration::from_secs(50)).await;
            far.write_all(b"pong").await.unwrap();
            assert_eq!(read_to(&mut client, "pong").await, "pong");
        }
        let silent = tokio::time::Instant::now();
        let mut rest = Vec::new();
        assert_eq!(client.read_to_end(&mut rest).await.unwrap(), 0, "closed");
        assert_eq!(silent.elapsed().as_secs(), 60);
        assert_eq!(far.read_to_end(&mut rest).await.unwrap(), 0, "on the origin's side too");
        assert!(matches!(task.await.unwrap(), End::TunnelIdle));
        assert_eq!(*ended.borrow(), BodyError::Idle.to_string());
    });
}

#[test]
fn large_bodies_stream_both_ways_through_small_pipes() {
    run(async {
        // The response body is the request body: each end waits for the other.
        let service = async |request: Request<Body>| Response::new(request.into_body());
        let (client, task) = start_with(ServerSettings::default(), Drain::new(), 8 * 1024, service);
        let (mut read, mut write) = tokio::io::split(client);
        let size = 3 << 20;
        let writer = spawn_local(async move {
            let head = format!("POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {size}\r\n\r\n");
            write.write_all(head.as_bytes()).await.unwrap();
            let block: Vec<u8> = (0..1 << 16).map(|at| (at % 251) as u8).collect();
            for _ in 0..size >> 16 {
                write.write_all(&block).await.unwrap();
            }
            write
        });
        let mut output = Vec::new();
        read.read_to_end(&mut output).await.unwrap();
        let at = output.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        assert_eq!(output.len() - at, size);
        assert!(
            output[at..]
                .chunks(1 << 16)
                .all(|block| block.iter().enumerate().all(|(at, &byte)| byte == (at % 251) as u8))
        );
        drop(writer.await.unwrap());
        assert!(matches!(task.await.unwrap(), End::Closed));
    });
}

#[test]
fn a_handle_cannot_reach_into_the_next_exchange() {
    run(async {
        let kept: Rc<RefCell<Option<Body>>> = Rc::default();
        let keep = kept.clone();
        let (mut client, _task) = start(async move |request: Request<Body>| {
            keep.borrow_mut().get_or_insert(request.into_body());
            Response::new(Body::full("x"))
        });
        client.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nab").await.unwrap();
        read_to(&mut client, "\r\n\r\nx").await;
        client.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\ncd").await.unwrap();
        read_to(&mut client, "\r\n\r\nx").await;
        let mut body = kept.borrow_mut().take().unwrap();
        let frame = poll_fn(|cx| http_body::Body::poll_frame(Pin::new(&mut body), cx)).await;
        assert!(matches!(frame, Some(Err(BodyError::Abandoned))), "{frame:?}");
    });
}

#[test]
fn an_idle_connection_does_not_pay_for_its_exchanges() {
    let (settings, drain) = (ServerSettings::default(), Drain::new());
    let (_client, server) = duplex(16);
    let service = async |_: Request<Body>| {
        let large = [1_u8; 64 * 1024];
        tokio::task::yield_now().await;
        Response::new(Body::full(large.to_vec()))
    };
    let size = size_of_val(&serve_connection(server, &settings, service, &drain));
    assert!(size <= 1024, "{size} bytes");
}
