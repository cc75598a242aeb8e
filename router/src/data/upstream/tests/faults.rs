//! Origins that fail: what the failure says about blame and repetition, and that nothing leaks.

use std::net::TcpListener as StdListener;
use std::time::Duration;

use http_body_util::BodyExt;

use super::flows::Unsized;
use super::{Scripted, Step, get, pool, post, run, send, send_to, text};
use crate::base::clock;
use crate::data::body::{Body, BodyError};
use crate::data::h1::HeadError;
use crate::data::upstream::{FailureKind, Origin, Pool, PoolSettings, PoolStats, SendFailure, Sent, Timeouts};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn quick() -> Timeouts {
    let short = Duration::from_millis(50);
    Timeouts { connect: Duration::from_secs(1), response: short, body: Some(short), ..Timeouts::default() }
}

#[test]
fn a_refused_connection_gives_the_request_back() {
    run(async {
        let unused = StdListener::bind("127.0.0.1:0").unwrap();
        let origin = Origin::plain(unused.local_addr().unwrap());
        drop(unused);
        let pool = pool();
        let body = Body::boxed(Unsized { frames: 1, trailers: None, stalls: false });
        let failure = send_to(&pool, &origin, post(body), &Timeouts::default()).await.unwrap_err();
        assert!(matches!(failure.kind, FailureKind::Connect(_)), "{failure:?}");
        assert_eq!(failure.sent, Sent::Nothing);
        let body = failure.body.unwrap();
        assert_eq!(body.collect().await.unwrap().to_bytes().len(), 1000);
        assert_eq!(pool.stats(), PoolStats::default());
    });
}

#[test]
fn stale_connections_are_noticed_or_repeated() {
    run(async {
        use Step::{Head, Wait, Write};
        // The first connection closes while idle, the second when the next request is on it.
        let scripted =
            Scripted::start(vec![vec![Head, Write(OK)], vec![Head, Write(OK), Head], vec![Head, Write(OK), Wait]])
                .await;
        let pool = pool();
        assert_eq!(text(send(&pool, &scripted, get()).await.unwrap()).await, "ok");
        scripted.closed(1).await;
        assert_eq!(text(send(&pool, &scripted, get()).await.unwrap()).await, "ok");
        assert_eq!(pool.stats(), PoolStats { open: 1, idle: 1, created: 2, reused: 0 });
        assert_eq!(text(send(&pool, &scripted, get()).await.unwrap()).await, "ok");
        assert_eq!(pool.stats(), PoolStats { open: 1, idle: 1, created: 3, reused: 1 });
    });
}

#[test]
fn unsafe_methods_are_not_repeated_but_see_a_close_at_once() {
    run(async {
        use Step::{Head, Read, Wait, Write};
        let scripted = Scripted::start(vec![
            vec![Head, Write(OK), Head, Read(1)],
            vec![Head, Write(OK)],
            vec![Head, Read(1), Write(OK), Wait],
        ])
        .await;
        let pool = pool();
        assert_eq!(text(send(&pool, &scripted, get()).await.unwrap()).await, "ok");
        let failure = send(&pool, &scripted, post(Body::full("x"))).await.unwrap_err();
        assert!(matches!(failure.kind, FailureKind::Closed | FailureKind::Reset(_)), "{failure:?}");
        assert_eq!(failure.sent, Sent::Head);
        assert!(failure.body.is_some(), "the caller may still decide to repeat it");
        assert_eq!(text(send(&pool, &scripted, get()).await.unwrap()).await, "ok");
        scripted.closed(2).await;
        assert_eq!(text(send(&pool, &scripted, post(Body::full("x"))).await.unwrap()).await, "ok");
    });
}

#[test]
fn unexpected_bytes_on_an_idle_connection_end_it() {
    run(async {
        use Step::{Head, Wait, Write};
        let extra = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";
        let scripted = Scripted::start(vec![vec![Head, Write(extra), Wait], vec![Head, Write(OK), Wait]]).await;
        let pool = pool();
        assert_eq!(text(send(&pool, &scripted, get()).await.unwrap()).await, "ok");
        assert_eq!(text(send(&pool, &scripted, get()).await.unwrap()).await, "ok");
        assert_eq!(pool.stats().created, 2);
    });
}

async fn body_error(scripted: &Scripted, pool: &Pool) -> BodyError {
    let response = send_to(pool, &scripted.origin, get(), &quick()).await.unwrap();
    response.into_body().collect().await.unwrap_err()
}

#[test]
fn broken_response_bodies_are_errors() {
    run(async {
        use Step::{Head, Reset, Wait, Write};
        let short = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc";
        let chunk = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n";
        let scripted = Scripted::start(vec![
            vec![Head, Write(short)],
            vec![Head, Write(chunk)],
            vec![Head, Write(chunk), Write("zz\r\n"), Wait],
            vec![Head, Write(short), Wait],
            vec![Head, Write("HTTP/1.1 200 OK\r\n\r\nabc"), Reset],
        ])
        .await;
        let pool = pool();
        assert!(matches!(body_error(&scripted, &pool).await, BodyError::Truncated));
        assert!(matches!(body_error(&scripted, &pool).await, BodyError::Truncated));
        assert!(matches!(body_error(&scripted, &pool).await, BodyError::Malformed(_)));
        assert!(matches!(body_error(&scripted, &pool).await, BodyError::TimedOut));
        let response = send_to(&pool, &scripted.origin, get(), &quick()).await;
        match response {
            Ok(response) => {
                let error = response.into_body().collect().await.unwrap_err();
                assert!(matches!(error, BodyError::Io(_)), "{error:?}");
            }
            Err(failure) => assert!(matches!(failure.kind, FailureKind::Reset(_)), "{failure:?}"),
        }
        assert_eq!(pool.stats(), PoolStats { open: 0, idle: 0, created: 5, reused: 0 });
    });
}

async fn failure(script: Vec<Step>) -> SendFailure {
    let scripted = Scripted::start(vec![script]).await;
    let pool = pool();
    let failure = send_to(&pool, &scripted.origin, get(), &quick()).await.unwrap_err();
    assert_eq!(pool.stats().open, 0);
    failure
}

#[test]
fn failures_before_the_head_say_what_happened() {
    run(async {
        use Step::{Head, Reset, Wait, Write};
        let closed = failure(vec![Head]).await;
        assert!(matches!(closed.kind, FailureKind::Closed) && closed.sent == Sent::Head, "{closed:?}");
        let reset = failure(vec![Head, Reset]).await;
        assert!(matches!(reset.kind, FailureKind::Reset(_)), "{reset:?}");
        let slow = failure(vec![Head, Wait]).await;
        assert!(matches!(slow.kind, FailureKind::ResponseTimeout) && slow.body.is_some(), "{slow:?}");
        let half = failure(vec![Head, Write("HTTP/1.1 200 OK\r\ncontent-le"), Wait]).await;
        assert!(matches!(half.kind, FailureKind::ResponseTimeout), "{half:?}");
        let lying = "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n";
        let lied = failure(vec![Head, Write(lying), Wait]).await;
        assert!(matches!(lied.kind, FailureKind::BadResponse(HeadError::LengthAndCoding)), "{lied:?}");
        let switched = failure(vec![Head, Write("HTTP/1.1 101 Switching Protocols\r\n\r\n"), Wait]).await;
        assert!(matches!(switched.kind, FailureKind::UnexpectedUpgrade), "{switched:?}");
        let hint: &'static str = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(40).leak();
        let flood = failure(vec![Head, Write(hint), Wait]).await;
        assert!(matches!(flood.kind, FailureKind::InterimFlood), "{flood:?}");
    });
}

#[test]
fn a_failing_request_body_is_not_the_origins_fault() {
    run(async {
        struct Broken;
        impl http_body::Body for Broken {
            type Data = bytes::Bytes;
            type Error = BodyError;
            fn poll_frame(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, BodyError>>> {
                std::task::Poll::Ready(Some(Err(BodyError::Truncated)))
            }
        }
        let scripted = Scripted::start(vec![vec![Step::Head, Step::Wait]]).await;
        let pool = pool();
        let failure = send(&pool, &scripted, post(Body::boxed(Broken))).await.unwrap_err();
        assert!(matches!(failure.kind, FailureKind::RequestBody(BodyError::Truncated)), "{failure:?}");
        assert!(failure.body.is_none());
        assert_eq!(pool.stats().open, 0);
        scripted.task.await.unwrap();
    });
}

#[test]
fn abandoned_work_closes_its_connection() {
    run(async {
        use Step::{Head, Wait, Write};
        let long = "HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\nabc";
        let scripted = Scripted::start(vec![vec![Head, Write(long), Wait], vec![Head, Wait]]).await;
        let pool = pool();
        drop(send(&pool, &scripted, get()).await.unwrap());
        assert_eq!(pool.stats().open, 0);
        let waited = tokio::time::timeout(Duration::from_millis(30), send(&pool, &scripted, get())).await;
        assert!(waited.is_err());
        assert_eq!(pool.stats(), PoolStats { open: 0, idle: 0, created: 2, reused: 0 });
        scripted.task.await.unwrap();
    });
}

#[test]
fn idle_connections_are_bounded_in_number_and_age() {
    run(async {
        use Step::{Head, Wait, Write};
        let scripted = Scripted::start(vec![vec![Head, Write(OK), Wait]; 3]).await;
        let settings =
            PoolSettings { idle_per_origin: 2, idle_timeout: Duration::from_millis(30), ..PoolSettings::default() };
        let pool = Pool::new(settings);
        let (first, second, third) =
            tokio::join!(send(&pool, &scripted, get()), send(&pool, &scripted, get()), send(&pool, &scripted, get()));
        for response in [first, second, third] {
            assert_eq!(text(response.unwrap()).await, "ok");
        }
        assert_eq!(pool.stats(), PoolStats { open: 2, idle: 2, created: 3, reused: 0 });
        let now = clock::monotonic();
        pool.sweep(now);
        assert_eq!(pool.stats().idle, 2);
        pool.sweep(now + Duration::from_millis(40));
        assert_eq!(pool.stats(), PoolStats { open: 0, idle: 0, created: 3, reused: 0 });
        scripted.task.await.unwrap();
    });
}
