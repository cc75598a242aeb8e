//! TLS for tests: an authority of our own, certificates by it, and clients that trust it alone.
//!
//! Owns the making of certificates and the TLS clients of HTTP/1.1 and HTTP/2. HTTP/2 is hyper's.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// An authority.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority")
    }
}

/// A certificate and its key.
#[derive(Debug)]
pub struct Identity {
    /// PEM of the certificate.
    pub certificate: String,
    /// PEM of the key.
    pub key: String,
    /// DER of the certificate.
    pub der: CertificateDer<'static>,
    key_der: Vec<u8>,
}

impl Authority {
    /// A new one.
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "authority of a test");
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// PEM of its own certificate.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for names or addresses.
    pub fn issue(&self, names: &[&str]) -> Identity {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &self.0).unwrap();
        Identity {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            der: certificate.der().clone(),
            key_der: key.serialize_der(),
        }
    }

    /// A client that trusts this authority alone, and offers these protocols.
    fn client(&self, protocols: &[&str]) -> Arc<rustls::ClientConfig> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let mut config = rustls::ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Arc::new(config)
    }

    /// Connects as a client of `host`.
    ///
    /// # Errors
    /// When the handshake fails.
    pub async fn connect(
        &self,
        address: SocketAddr,
        host: &str,
        protocols: &[&str],
    ) -> io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from(host.to_owned()).unwrap();
        TlsConnector::from(self.client(protocols)).connect(name, stream).await
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Identity {
    /// Writes `NAME.pem` and `NAME.key` in a folder.
    pub fn write(&self, folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        let (certificate, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
        std::fs::write(&certificate, &self.certificate).unwrap();
        std::fs::write(&key, &self.key).unwrap();
        (certificate, key)
    }

    /// Accepts TLS connections as this identity.
    pub fn acceptor(&self) -> TlsAcceptor {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key_der.clone()));
        let config = rustls::ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.der.clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// A runtime for what needs one.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// A request body over HTTP/2.
pub type Upload = BoxBody<Bytes, Infallible>;

/// An HTTP/2 client on one connection.
#[derive(Debug, Clone)]
pub struct Http2 {
    sender: SendRequest<Upload>,
}

impl Http2 {
    /// Speaks HTTP/2 on a connection.
    pub async fn on(stream: TlsStream<TcpStream>) -> Self {
        Self::with(&http2::Builder::new(TokioExecutor::new()), stream).await
    }

    /// The same, with this room for a body that nobody reads, in bytes.
    pub async fn with_window(stream: TlsStream<TcpStream>, bytes: u32) -> Self {
        Self::with(http2::Builder::new(TokioExecutor::new()).initial_stream_window_size(bytes), stream).await
    }

    async fn with(builder: &http2::Builder<TokioExecutor>, stream: TlsStream<TcpStream>) -> Self {
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self { sender }
    }

    /// Sends a request and reads the answer whole.
    ///
    /// # Errors
    /// When there is no whole one.
    pub async fn send(&self, request: http::Request<Full<Bytes>>) -> Result<http::Response<Bytes>, hyper::Error> {
        let (parts, body) = self.ask(request.map(BodyExt::boxed)).await?.into_parts();
        Ok(http::Response::from_parts(parts, body.collect().await?.to_bytes()))
    }

    /// Sends a request and reads the head of the answer.
    ///
    /// # Errors
    /// When there is none.
    pub async fn ask(&self, request: http::Request<Upload>) -> Result<http::Response<Incoming>, hyper::Error> {
        self.sender.clone().send_request(request).await
    }
}
