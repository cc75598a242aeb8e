//! One request to a server, within its bounds.
//!
//! Owns the way from a URL to an answer: look-up, connection, TLS, HTTP/1.1. Each request has a connection of its own, and
//! follows nothing. What is asked is settled before (`prepared`), so that nothing but the network can fail here.

use super::address::is_guarded;
use super::{Asked, FetchError, Request, Response};
use crate::config::Url;
use crate::policy::headers;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Body;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Most headers of a request.
const HEADERS_MAX: usize = 32;
/// Largest body of a request, bytes.
const BODY_MAX: usize = 64 * 1024;
/// Largest head of an answer, bytes, and most headers in it.
const HEAD_MAX: usize = 16 * 1024;
const ANSWER_HEADERS_MAX: usize = 64;
/// Addresses of a name that are tried.
const ADDRESSES_MAX: usize = 4;

/// A request that can be sent.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) url: Url,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
}

impl Prepared {
    /// What is asked, for whoever answers in the server's place.
    pub(super) fn asked(&self) -> Asked {
        Asked { method: self.method.to_string(), url: self.url.to_string() }
    }
}

/// Checks what a guest wants to send.
pub(super) fn prepared(request: Request) -> Result<Prepared, FetchError> {
    let url = Url::asked(&request.url).ok_or(FetchError::Invalid)?;
    let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| FetchError::Invalid)?;
    if method == Method::CONNECT || request.headers.len() > HEADERS_MAX || request.body.len() > BODY_MAX {
        return Err(FetchError::Invalid);
    }
    let mut headers = HeaderMap::with_capacity(request.headers.len() + 3);
    for (name, value) in &request.headers {
        let name = headers::request_name(name).map_err(|_| FetchError::Invalid)?;
        let value = headers::value(&name, value).map_err(|_| FetchError::Invalid)?;
        headers.append(name, value);
    }
    let host = HeaderValue::from_str(&url.authority()).map_err(|_| FetchError::Invalid)?;
    headers.insert(header::HOST, host);
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    let agent = HeaderValue::from_static(concat!("portolan-policy/", env!("CARGO_PKG_VERSION")));
    headers.entry(header::USER_AGENT).or_insert(agent);
    Ok(Prepared { url, method, headers, body: request.body.into() })
}

/// Asks, and reads an answer whose body has at most `size` bytes.
pub(super) async fn ask(
    ask: Prepared,
    tls: Option<Arc<rustls::ClientConfig>>,
    size: usize,
    limit: Duration,
) -> Result<Response, FetchError> {
    let whole = async {
        let stream = connect(&ask.url, limit).await?;
        if !ask.url.tls {
            return speak(ask, stream, size).await;
        }
        let config = tls.ok_or(FetchError::NoConnection)?;
        let name = ServerName::try_from(ask.url.host.clone()).map_err(|_| FetchError::NoConnection)?;
        let handshake = tokio_rustls::TlsConnector::from(config).connect(name, stream).await;
        speak(ask, handshake.map_err(|_| FetchError::NoConnection)?, size).await
    };
    tokio::time::timeout(limit, whole).await.unwrap_or(Err(FetchError::Timeout))
}

/// Connects to the first address that answers; each has its share of the time.
async fn connect(url: &Url, limit: Duration) -> Result<TcpStream, FetchError> {
    let addresses = addresses(url).await?;
    let share = limit / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
    for address in addresses {
        if let Ok(Ok(stream)) = tokio::time::timeout(share, TcpStream::connect(address)).await {
            // A small request and its answer; a failure to say so only costs a little time.
            let _ = stream.set_nodelay(true);
            return Ok(stream);
        }
    }
    Err(FetchError::NoConnection)
}

/// The addresses of a server, without those that it takes a literal grant to reach. What is connected to is what was looked at.
async fn addresses(url: &Url) -> Result<Vec<SocketAddr>, FetchError> {
    if let Ok(literal) = url.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(literal, url.port)]);
    }
    let found = tokio::net::lookup_host((url.host.as_str(), url.port)).await;
    let found: Vec<SocketAddr> = found.map_err(|_| FetchError::NoConnection)?.take(ADDRESSES_MAX).collect();
    let opens =
        |address: &SocketAddr| !is_guarded(address.ip()) || (url.host == "localhost" && address.ip().is_loopback());
    if !found.is_empty() && !found.iter().any(opens) {
        return Err(FetchError::NotGranted);
    }
    Ok(found.into_iter().filter(opens).collect())
}

async fn speak<S>(ask: Prepared, stream: S, size: usize) -> Result<Response, FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut client = http1::Builder::new();
    client.max_buf_size(HEAD_MAX).max_headers(ANSWER_HEADERS_MAX);
    let (mut sender, connection) = client.handshake(TokioIo::new(stream)).await.map_err(|_| FetchError::Broken)?;
    // Ends with this request, however that ends.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let Prepared { url, method, headers, body } = ask;
    let mut request = http::Request::new(Full::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = url.target.parse().map_err(|_| FetchError::Invalid)?;
    *request.headers_mut() = headers;
    let response = sender.send_request(request).await.map_err(|error| head_error(&error))?;
    let (head, body) = response.into_parts();
    if head.status.is_informational() {
        return Err(FetchError::Broken);
    }
    if body.size_hint().lower() > size as u64 {
        return Err(FetchError::TooLarge);
    }
    let body = Limited::new(body, size).collect().await.map_err(|error| match error.downcast_ref() {
        Some(LengthLimitError { .. }) => FetchError::TooLarge,
        None => FetchError::Broken,
    })?;
    let headers = head.headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
    Ok(Response { status: head.status.as_u16(), headers: headers.collect(), body: body.to_bytes().into() })
}

fn head_error(error: &hyper::Error) -> FetchError {
    if error.is_parse_too_large() { FetchError::TooLarge } else { FetchError::Broken }
}
