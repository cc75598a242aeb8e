//! One request at a time over HTTP/1.1, for components and nothing else.
//!
//! Owns the bounds of a fetch: time to connect and in all, bytes, redirects, and where plain HTTP may lead. Redirects leave
//! the password behind when they leave the server. No proxies, no cookies, no connections kept: a load fetches a handful of
//! files. On hyper and rustls, which the router stands on anyway.

use super::error::{FetchError, Wrong};
use super::registry::verified;
use super::{Digest, MakeTls};
use crate::config::{ComponentSettings, Image, Url};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

/// Time to connect to a server and to agree on TLS.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// Redirects that are followed: a registry's to its storage, and that one's to a nearer copy.
const REDIRECTS_MAX: usize = 5;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) url: &'a Url,
    pub(super) accept: &'a str,
    pub(super) authorization: Option<&'a str>,
    /// Largest body that is read, bytes.
    pub(super) size_max: u64,
}

/// What came. The body of an answer that is no success is not read.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    /// The body of a success.
    pub(super) fn body(self) -> Result<Vec<u8>, Wrong> {
        if self.status == StatusCode::OK { Ok(self.body) } else { Err(Wrong::Status(self.status)) }
    }
}

/// Fetches for one load.
pub(super) struct Client<'a> {
    settings: &'a ComponentSettings,
    make_tls: MakeTls<'a>,
    tls: Option<Arc<rustls::ClientConfig>>,
    runtime: Option<Runtime>,
    /// Tokens by registry and repository.
    tokens: BTreeMap<(String, String), String>,
    /// Servers that could not be connected to: one that is dead costs its time once, however many policies it has.
    silent: BTreeSet<String>,
}

impl Drop for Client<'_> {
    fn drop(&mut self) {
        // A look-up of a name that hangs must not hold the load up.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl<'a> Client<'a> {
    pub(super) fn new(settings: &'a ComponentSettings, make_tls: MakeTls<'a>) -> Self {
        Self { settings, make_tls, tls: None, runtime: None, tokens: BTreeMap::new(), silent: BTreeSet::new() }
    }

    /// A file of a web server, verified.
    pub(super) fn file(&mut self, url: &Url, digest: Digest) -> Result<Vec<u8>, FetchError> {
        verified(url, self.bytes_of(url, self.settings.size_max)?, digest)
    }

    /// A file of a web server, whatever is in it.
    pub(super) fn bytes_of(&mut self, url: &Url, size_max: u64) -> Result<Vec<u8>, FetchError> {
        let answer = self.get(&Ask { url, accept: "*/*", authorization: None, size_max })?;
        answer.body().map_err(|wrong| FetchError { url: url.to_string(), wrong })
    }

    pub(super) fn size_max(&self) -> u64 {
        self.settings.size_max
    }

    pub(super) fn credentials(&self) -> Option<&'a Path> {
        self.settings.credentials.as_deref()
    }

    pub(super) fn token(&self, image: &Image) -> Option<String> {
        self.tokens.get(&(image.registry.authority(), image.repository.clone())).cloned()
    }

    pub(super) fn keep_token(&mut self, image: &Image, token: String) {
        self.tokens.insert((image.registry.authority(), image.repository.clone()), token);
    }

    /// Waits between two attempts; servers that were silent are asked again afterwards.
    pub(super) fn wait(&mut self, pause: Duration) {
        self.silent.clear();
        if let Ok(runtime) = self.runtime() {
            runtime.block_on(async { tokio::time::sleep(pause).await });
        }
    }

    /// Asks, follows redirects, and reads the body of a success.
    pub(super) fn get(&mut self, ask: &Ask<'_>) -> Result<Answer, FetchError> {
        let mut url = ask.url.clone();
        let mut authorization = ask.authorization;
        for _ in 0..=REDIRECTS_MAX {
            let fault = |wrong| FetchError { url: url.to_string(), wrong };
            let answer = self.get_once(&Ask { url: &url, authorization, ..*ask }).map_err(fault)?;
            if !matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(answer);
            }
            let to = answer.headers.get(header::LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default();
            let next = if to.starts_with('/') && !to.starts_with("//") {
                url.with_target(to.to_owned())
            } else {
                self.allowed(to).map_err(fault)?
            };
            if !next.same_server(&url) {
                authorization = None;
            }
            url = next;
        }
        let wrong = Wrong::Redirect { to: url.to_string(), why: "and has redirected too often" };
        Err(FetchError { url: ask.url.to_string(), wrong })
    }

    /// A URL that a server named, when it may be asked.
    pub(super) fn allowed(&self, text: &str) -> Result<Url, Wrong> {
        let wrong = |why| Wrong::Redirect { to: text.to_owned(), why };
        let url = Url::parse(text).ok_or_else(|| wrong("which is no URL that can be asked"))?;
        if url.tls || self.settings.allows_plain(&url) {
            Ok(url)
        } else {
            Err(wrong("which is without TLS and not in `components.plain_http`"))
        }
    }

    fn runtime(&mut self) -> Result<&Runtime, Wrong> {
        if self.runtime.is_none() {
            let made = tokio::runtime::Builder::new_current_thread().enable_all().build();
            self.runtime = Some(made.map_err(|error| Wrong::Connect(error.to_string()))?);
        }
        self.runtime.as_ref().ok_or_else(|| Wrong::Connect("no runtime".to_owned()))
    }

    fn get_once(&mut self, ask: &Ask<'_>) -> Result<Answer, Wrong> {
        let server = ask.url.authority();
        if self.silent.contains(&server) {
            return Err(Wrong::Silent(server));
        }
        let timeout = self.settings.timeout;
        let tls = if ask.url.tls { Some(self.tls()?) } else { None };
        let exchange = async { tokio::time::timeout(timeout, exchange(ask, tls)).await };
        let answered = self.runtime()?.block_on(exchange).unwrap_or(Err(Wrong::Timeout(timeout.as_secs())));
        if matches!(answered, Err(Wrong::Connect(_) | Wrong::Timeout(_))) {
            self.silent.insert(server);
        }
        answered
    }

    fn tls(&mut self) -> Result<Arc<rustls::ClientConfig>, Wrong> {
        if let Some(tls) = &self.tls {
            return Ok(Arc::clone(tls));
        }
        let made = (self.make_tls)().map_err(Wrong::NoTls)?;
        Ok(Arc::clone(self.tls.insert(made)))
    }
}

async fn exchange(ask: &Ask<'_>, tls: Option<Arc<rustls::ClientConfig>>) -> Result<Answer, Wrong> {
    let url = ask.url;
    let connect = TcpStream::connect((url.host.as_str(), url.port));
    let late = |_| Wrong::Connect(format!("not within {} s", CONNECT_TIME.as_secs()));
    let stream = tokio::time::timeout(CONNECT_TIME, connect).await.map_err(late)?;
    let stream = stream.map_err(|error| Wrong::Connect(error.to_string()))?;
    let Some(tls) = tls else { return speak(ask, stream).await };
    let name = ServerName::try_from(url.host.clone()).map_err(|error| Wrong::Tls(error.to_string()))?;
    let handshake = tokio_rustls::TlsConnector::from(tls).connect(name, stream);
    let stream = tokio::time::timeout(CONNECT_TIME, handshake).await.map_err(late)?;
    speak(ask, stream.map_err(|error| Wrong::Tls(error.to_string()))?).await
}

async fn speak<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(ask: &Ask<'_>, stream: S) -> Result<Answer, Wrong> {
    let broke = |error: hyper::Error| Wrong::Broke(error.to_string());
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broke)?;
    let driver = tokio::spawn(connection);
    let request = Request::get(&ask.url.target)
        .header(header::HOST, ask.url.authority())
        .header(header::USER_AGENT, concat!("portolan/", env!("CARGO_PKG_VERSION")))
        .header(header::ACCEPT, ask.accept);
    let request = match ask.authorization {
        Some(authorization) => request.header(header::AUTHORIZATION, authorization),
        None => request,
    };
    let request = request.body(Empty::<Bytes>::new()).map_err(|error| Wrong::Broke(error.to_string()))?;
    let response = sender.send_request(request).await.map_err(broke)?;
    let (head, body) = response.into_parts();
    let body = if head.status == StatusCode::OK { read(body, ask.size_max).await? } else { Vec::new() };
    driver.abort();
    Ok(Answer { status: head.status, headers: head.headers, body })
}

async fn read(mut body: Incoming, size_max: u64) -> Result<Vec<u8>, Wrong> {
    let announced = body.size_hint().exact();
    if announced.is_some_and(|announced| announced > size_max) {
        return Err(Wrong::TooLarge(size_max));
    }
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let found = bytes.len() as u64;
        let frame = frame.map_err(|error| match announced {
            Some(wanted) if error.is_incomplete_message() || found < wanted => Wrong::Truncated { found, wanted },
            _ => Wrong::Broke(error.to_string()),
        })?;
        let Ok(data) = frame.into_data() else { continue };
        if found + data.len() as u64 > size_max {
            return Err(Wrong::TooLarge(size_max));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}
