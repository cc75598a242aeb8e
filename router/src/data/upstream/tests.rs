//! The pool against scripted origins on real loopback sockets: what it sends, what it reuses, how it fails.
//! An origin is a list of connections, each a list of steps; it reports what it received.
#![allow(clippy::unwrap_used, reason = "tests")]

mod faults;
mod flows;
mod tls;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, LocalSet, spawn_local, yield_now};

use super::{Origin, Outgoing, Pool, PoolSettings, SendFailure, Timeouts};
use crate::base::clock;
use crate::data::body::Body;

/// Runs a test on a worker-like runtime, in real time: real sockets and paused clocks do not mix.
pub(super) fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limited = async { tokio::time::timeout(Duration::from_secs(20), test).await.expect("the test hangs") };
    LocalSet::new().block_on(&runtime, limited)
}

/// What an origin does on one connection, in order. After the last step it closes.
#[derive(Clone)]
pub(super) enum Step {
    /// Reads up to the end of a head, byte by byte so that nothing behind it is taken.
    Head,
    /// Reads this many bytes.
    Read(usize),
    Write(&'static str),
    /// Writes this many bytes of `x`.
    Fill(usize),
    /// Closes with a reset.
    Reset,
    /// Waits until the router closes.
    Wait,
    /// Sends back whatever comes, until the router closes.
    Echo,
}

/// A running origin and what it saw: one text per connection.
pub(super) struct Scripted {
    pub(super) origin: Origin,
    pub(super) seen: Rc<RefCell<Vec<String>>>,
    closed: Rc<Cell<usize>>,
    pub(super) task: JoinHandle<()>,
}

impl Scripted {
    /// Connection `n` follows script `n`; connections beyond the scripts are closed at once.
    pub(super) async fn start(scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = Origin::plain(listener.local_addr().unwrap());
        let seen: Rc<RefCell<Vec<String>>> = Rc::default();
        let record = seen.clone();
        let closed: Rc<Cell<usize>> = Rc::default();
        let closing = closed.clone();
        let task = spawn_local(async move {
            let mut connections = Vec::new();
            for (at, script) in scripts.into_iter().enumerate() {
                let (socket, _) = listener.accept().await.unwrap();
                record.borrow_mut().push(String::new());
                let record = record.clone();
                let closing = closing.clone();
                connections.push(spawn_local(async move {
                    play(socket, script, at, &record).await;
                    closing.set(closing.get() + 1);
                }));
            }
            for connection in connections {
                connection.await.unwrap();
            }
        });
        Self { origin, seen, closed, task }
    }

    /// Waits until this many connections were closed by the origin, and the runtime had occasion to notice.
    pub(super) async fn closed(&self, connections: usize) {
        while self.closed.get() < connections {
            yield_now().await;
        }
        for _ in 0..8 {
            yield_now().await;
        }
    }

    pub(super) fn seen(&self, connection: usize) -> String {
        self.seen.borrow()[connection].clone()
    }
}

async fn play(mut socket: TcpStream, script: Vec<Step>, at: usize, record: &RefCell<Vec<String>>) {
    for step in script {
        match step {
            Step::Head => {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    match socket.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => return,
                    }
                }
                record.borrow_mut()[at].push_str(&String::from_utf8(head).unwrap());
            }
            Step::Read(size) => {
                let mut left = size;
                let mut block = vec![0; 64 * 1024];
                while left > 0 {
                    let room = block.len().min(left);
                    let read = socket.read(&mut block[..room]).await.unwrap();
                    assert!(read > 0, "the router closed with {left} bytes missing");
                    left -= read;
                    if size < 1000 {
                        record.borrow_mut()[at].push_str(&String::from_utf8_lossy(&block[..read]));
                    }
                }
            }
            Step::Write(text) => {
                if socket.write_all(text.as_bytes()).await.is_err() {
                    return;
                }
            }
            Step::Fill(size) => {
                if socket.write_all(&vec![b'x'; size]).await.is_err() {
                    return;
                }
            }
            Step::Reset => {
                socket.set_zero_linger().unwrap();
                return;
            }
            Step::Wait => while socket.read_u8().await.is_ok() {},
            Step::Echo => {
                let (mut read, mut write) = socket.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            }
        }
    }
}

pub(super) fn pool() -> Pool {
    Pool::new(PoolSettings::default())
}

pub(super) fn get() -> Request<Body> {
    Request::builder().uri("/").header("host", "a").body(Body::empty()).unwrap()
}

pub(super) fn post(body: Body) -> Request<Body> {
    Request::builder().method("POST").uri("/").header("host", "a").body(body).unwrap()
}

pub(super) async fn send(
    pool: &Pool,
    scripted: &Scripted,
    request: Request<Body>,
) -> Result<Response<Body>, SendFailure> {
    send_to(pool, &scripted.origin, request, &Timeouts::default()).await
}

pub(super) async fn send_to(
    pool: &Pool,
    origin: &Origin,
    request: Request<Body>,
    timeouts: &Timeouts,
) -> Result<Response<Body>, SendFailure> {
    let (head, body) = request.into_parts();
    let now = clock::monotonic();
    let outgoing = Outgoing { head: &head, added: b"", timeouts, interim: None, now };
    pool.send(origin, &outgoing, body).await.map(|answered| answered.response)
}

pub(super) async fn text(response: Response<Body>) -> String {
    String::from_utf8(bytes(response).await.to_vec()).unwrap()
}

pub(super) async fn bytes(response: Response<Body>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}
