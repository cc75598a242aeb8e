//! Making a connection to an origin: TCP without delay, then TLS where the origin has it, all inside one time limit.
//! Never pools. Called by an attempt that found no idle connection.

use std::io;
use std::rc::Rc;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::connection::{OriginConnection, Stream};
use super::failure::FailureKind;
use super::pool::{Counters, Timeouts};
use crate::snapshot::origin::Origin;

/// A fresh connection.
pub(crate) async fn connect(
    origin: &Origin,
    timeouts: &Timeouts,
    counters: &Rc<Counters>,
) -> Result<Box<OriginConnection>, FailureKind> {
    let stream = timeout(timeouts.connect, open(origin)).await.unwrap_or(Err(FailureKind::ConnectTimeout))?;
    Ok(Box::new(OriginConnection::new(stream, origin.clone(), counters)))
}

async fn open(origin: &Origin) -> Result<Stream, FailureKind> {
    let tcp = TcpStream::connect(origin.address()).await.map_err(FailureKind::Connect)?;
    tcp.set_nodelay(true).map_err(FailureKind::Connect)?;
    let Some(tls) = origin.tls_settings() else { return Ok(Stream::Plain(tcp)) };
    let connector = TlsConnector::from(tls.config.clone());
    let stream = connector.connect(tls.name.clone(), tcp).await.map_err(FailureKind::Tls)?;
    match stream.get_ref().1.alpn_protocol() {
        None | Some(b"http/1.1") => Ok(Stream::Tls(Box::new(stream))),
        Some(_) => Err(FailureKind::Tls(io::Error::other("the origin chose a protocol other than http/1.1"))),
    }
}
