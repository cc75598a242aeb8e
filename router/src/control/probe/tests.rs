//! Probes against small servers on real sockets.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::config::Probe;
use tokio::net::TcpListener;

fn target(address: std::net::SocketAddr, kind: ProbeKind) -> ProbeTarget {
    let interval = Duration::from_millis(20);
    let probe =
        Probe { kind, interval, down_interval: 2 * interval, timeout: Duration::from_millis(400), fall: 3, rise: 2 };
    ProbeTarget { endpoint: 9, address, tls: None, authority: "origin.test".into(), probe: Arc::new(probe) }
}

fn http() -> ProbeKind {
    ProbeKind::Http {
        path: "/healthz?x=1".to_owned(),
        status: vec![StatusCode::OK, StatusCode::NO_CONTENT],
        host: None,
    }
}

/// Answers every connection with these bytes; gives what the first one asked.
async fn origin(
    answer: &'static [u8],
    keep_open: bool,
) -> (std::net::SocketAddr, JoinHandle<()>, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (asked, received) = mpsc::channel(16);
    let task = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).await.unwrap_or(0);
            let _ = asked.try_send(String::from_utf8_lossy(&request[..read]).into_owned());
            let _ = stream.write_all(answer).await;
            if keep_open {
                held.push(stream);
            }
        }
    });
    (address, task, received)
}

#[tokio::test]
async fn answers_and_what_they_mean() {
    let cases: [(&'static [u8], bool, Option<&str>); 7] = [
        (b"HTTP/1.1 200 OK\r\n\r\n", true, None),
        (b"HTTP/1.0 204 No Content\r\nx: y\r\n\r\n", false, None),
        (b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", false, None),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", false, Some("status 503, accepted: 200, 204")),
        (b"HTTP/1.1 200", false, Some("closed before the end of the response head")),
        (b"HTTP/1.1 200 OK\r\nhalf", true, Some("no answer within 400ms")),
        (b"SSH-2.0-OpenSSH_9.2\r\n", false, Some("not an HTTP/1 response: ")),
    ];
    for (answer, keep_open, failure) in cases {
        let (address, task, mut asked) = origin(answer, keep_open).await;
        let verdict = once(&target(address, http())).await;
        let shown = String::from_utf8_lossy(answer);
        match (&verdict.failure, failure) {
            (None, None) => {}
            (Some(found), Some(expected)) if found.starts_with(expected) => {}
            (found, _) => panic!("{shown}: {found:?}, expected {failure:?}"),
        }
        assert!(verdict.round_trip.is_some(), "{shown}: it did connect");
        let request = asked.recv().await.unwrap();
        assert!(request.starts_with("GET /healthz?x=1 HTTP/1.1\r\nhost: origin.test\r\n"), "{request}");
        task.abort();
    }
}

#[tokio::test]
async fn a_closed_port_fails_at_once_and_an_open_one_is_enough_for_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    assert_eq!(once(&target(address, ProbeKind::Tcp)).await.failure, None);
    drop(listener);
    let verdict = once(&target(address, ProbeKind::Tcp)).await;
    assert!(verdict.failure.unwrap().starts_with("cannot connect: "));
    assert_eq!(verdict.round_trip, None);
}

#[tokio::test]
async fn repeats_until_it_is_stopped() {
    let (address, task, _asked) = origin(b"HTTP/1.1 200 OK\r\n\r\n", false).await;
    let (sender, mut events) = mpsc::channel(16);
    let mut prober = Prober::new(sender);
    prober.start(target(address, http()));
    for _ in 0..3 {
        let Some(Event::Probe { endpoint: 9, verdict, .. }) = events.recv().await else { panic!("not a probe") };
        assert_eq!(verdict.failure, None);
    }
    prober.stop(9);
    drop(prober);
    while events.recv().await.is_some() {}
    task.abort();
}
