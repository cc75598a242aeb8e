//! Streams over in-memory pipes: what a client sees of bodies however their pieces fall.

#![allow(clippy::unwrap_used, reason = "tests")]

use super::stream;
use crate::config::ClientLimits;
use crate::data::body::{Body, BodyError};
use bytes::Bytes;
use h2::{client, server};
use http::{Request, Response};
use http_body::Frame;
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::duplex;
use tokio::task::{LocalSet, spawn_local};

/// A body of these pieces, which knows when it has given the last.
struct Pieces(VecDeque<Bytes>);

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }
}

const LIMITS: ClientLimits = ClientLimits {
    header_timeout: Duration::from_secs(10),
    idle_timeout: Duration::from_secs(10),
    body_timeout: Duration::from_secs(10),
    write_timeout: Duration::from_secs(10),
    head_max: 16 * 1024,
    connections_max: 1,
};

/// What a client gets of a body in these pieces.
async fn received(pieces: &[&'static str]) -> Result<String, h2::Error> {
    let (near, far) = duplex(1 << 20);
    let body = Pieces(pieces.iter().map(|piece| Bytes::from_static(piece.as_bytes())).collect());
    spawn_local(async move {
        let mut streams = server::handshake(far).await.unwrap();
        let (request, reply) = streams.accept().await.unwrap().unwrap();
        spawn_local(stream::serve(request, reply, LIMITS, |_| async { Response::new(Body::boxed(body)) }));
        while streams.accept().await.is_some() {}
    });
    let (sender, connection) = client::handshake(near).await?;
    spawn_local(connection);
    let request = Request::get("https://a.example/").body(()).unwrap();
    let (response, _) = sender.ready().await?.send_request(request, true)?;
    let mut body = response.await?.into_body();
    let mut text = String::new();
    while let Some(data) = body.data().await {
        let data = data?;
        text.push_str(&String::from_utf8_lossy(&data));
        body.flow_control().release_capacity(data.len())?;
    }
    Ok(text)
}

#[test]
fn a_body_ends_however_its_pieces_fall() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    for pieces in [&[][..], &["a"], &["a", "b"], &[""], &["a", ""], &["", "a"], &["a", "", "b", "", ""]] {
        let received = LocalSet::new().block_on(&runtime, received(pieces));
        assert_eq!(received.unwrap(), pieces.concat(), "{pieces:?}");
    }
}
