//! One stream: a request, and its answer until the client has made room for all of it.
//!
//! Owns the flow of the answer's body and how long the client may leave no room for more. A client that resets its stream ends
//! the exchange; a body that breaks off resets the stream, so that no client takes it for whole.

use super::body::RequestBody;
use super::head;
use super::interim::Interim;
use crate::config::ClientLimits;
use crate::data::body::Body;
use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{Request, Response};
use http_body::Body as _;
use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// The most that a stream claims of the connection's window at once, so that it leaves some to the others.
const PIECE: usize = 64 * 1024;

/// The client reset the stream, or the connection ended.
struct Gone;

/// Serves one stream to its end.
pub(super) async fn serve<S>(
    request: Request<RecvStream>,
    reply: SendResponse<Bytes>,
    limits: ClientLimits,
    service: impl FnOnce(Request<Body>) -> S,
) where
    S: Future<Output = Response<Body>>,
{
    let reply = Rc::new(RefCell::new(reply));
    let (parts, incoming) = request.into_parts();
    let body = RequestBody::new(incoming, &parts.headers, Interim::new(&reply), limits.body_timeout);
    let Ok(response) = answer(service(Request::from_parts(parts, Body::http2(body))), &reply).await else { return };
    let (mut parts, body) = response.into_parts();
    head::finish(&mut parts, &body);
    let is_over = body.is_end_stream();
    let sent = reply.borrow_mut().send_response(Response::from_parts(parts, ()), is_over);
    match sent {
        Ok(_) if is_over => {}
        Ok(mut stream) => {
            if let Err(reason) = send(body, &mut stream, limits.write_timeout).await {
                stream.send_reset(reason);
            }
        }
        Err(error) => {
            tracing::debug!(%error, "an answer could not be sent over HTTP/2");
            reply.borrow_mut().send_reset(Reason::INTERNAL_ERROR);
        }
    }
}

/// Runs the service, and drops it when the client leaves.
async fn answer(
    service: impl Future<Output = Response<Body>>,
    reply: &RefCell<SendResponse<Bytes>>,
) -> Result<Response<Body>, Gone> {
    let mut service = pin!(service);
    poll_fn(|cx| {
        if let Poll::Ready(response) = service.as_mut().poll(cx) {
            return Poll::Ready(Ok(response));
        }
        reply.borrow_mut().poll_reset(cx).map(|_| Err(Gone))
    })
    .await
}

/// Sends a body to its end.
///
/// # Errors
/// Why the stream is to be reset.
async fn send(mut body: Body, stream: &mut SendStream<Bytes>, timeout: Duration) -> Result<(), Reason> {
    loop {
        let frame = poll_fn(|cx| {
            if stream.poll_reset(cx).is_ready() {
                return Poll::Ready(Err(Gone));
            }
            Pin::new(&mut body).poll_frame(cx).map(Ok)
        });
        let Ok(frame) = frame.await else { return Err(Reason::CANCEL) };
        match frame {
            Some(Ok(frame)) => match frame.into_data() {
                // What is empty may be the last of it: then nothing comes behind it, and that ends the stream.
                Ok(data) if data.is_empty() => {}
                Ok(data) => {
                    let is_last = body.is_end_stream();
                    send_data(data, is_last, stream, timeout).await?;
                    if is_last {
                        return Ok(());
                    }
                }
                Err(frame) => {
                    let Ok(trailers) = frame.into_trailers() else { continue };
                    return stream.send_trailers(trailers).map_err(|_| Reason::CANCEL);
                }
            },
            Some(Err(error)) => {
                tracing::debug!(%error, "a response could not be completed");
                return Err(Reason::INTERNAL_ERROR);
            }
            None => return stream.send_data(Bytes::new(), true).map_err(|_| Reason::CANCEL),
        }
    }
}

/// Sends data as the client makes room for it.
async fn send_data(
    mut data: Bytes,
    is_last: bool,
    stream: &mut SendStream<Bytes>,
    timeout: Duration,
) -> Result<(), Reason> {
    while !data.is_empty() {
        stream.reserve_capacity(data.len().min(PIECE));
        let room = stream.capacity();
        if room == 0 {
            match tokio::time::timeout(timeout, poll_fn(|cx| stream.poll_capacity(cx))).await {
                Ok(Some(Ok(_))) => continue,
                Ok(_) => return Err(Reason::CANCEL),
                Err(_) => {
                    tracing::debug!("an HTTP/2 client took nothing of an answer in the time allowed");
                    return Err(Reason::CANCEL);
                }
            }
        }
        let piece = data.split_to(room.min(data.len()));
        stream.send_data(piece, is_last && data.is_empty()).map_err(|_| Reason::CANCEL)?;
    }
    Ok(())
}
