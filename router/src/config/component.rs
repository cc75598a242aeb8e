//! Where a policy's component comes from and what it must be; how components are fetched.
//!
//! Owns the forms `oci://`, `https://`, `http://` and a file. Fetches nothing: `supply` does.

use crate::base::Digest;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A component and what it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// Where it comes from.
    pub source: Source,
    /// Digest of its file; always there for [`Source::Web`].
    pub digest: Option<Digest>,
    /// Ed25519 signature over its digest, when the configuration has it.
    pub signature: Option<[u8; 64]>,
}

/// Where a component comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file of this machine.
    File(PathBuf),
    /// A web server.
    Web(Url),
    /// A registry (OCI distribution specification 1.1).
    Registry(Image),
}

/// An artifact in a registry, named by the digest of its manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// As written.
    pub text: String,
    /// The registry; its target is `/`.
    pub registry: Url,
    /// Name of the repository.
    pub repository: String,
    /// Digest of the manifest.
    pub manifest: Digest,
}

/// What is asked for over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// Whether TLS is spoken.
    pub tls: bool,
    /// Host name or address literal without brackets, lower case.
    pub host: String,
    /// Port, also when it is the scheme's own.
    pub port: u16,
    /// Path and query.
    pub target: String,
}

/// How components are fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentSettings {
    /// Folder in which fetched components are kept, by digest; none keeps them nowhere.
    pub cache: Option<PathBuf>,
    /// What its files may take, bytes.
    pub cache_size: u64,
    /// Largest component, bytes.
    pub size_max: u64,
    /// Time for one component to arrive.
    pub timeout: Duration,
    /// Hosts beside loopback that are asked without TLS: `host` or `host:port`.
    pub plain_http: Vec<String>,
    /// Ed25519 keys, one of which must have signed each component; none wants no signatures.
    pub keys: Vec<[u8; 32]>,
    /// File with passwords for registries, as `docker login` writes it.
    pub credentials: Option<PathBuf>,
    /// File with the authorities that servers are verified by; none is the system's.
    pub ca: Option<PathBuf>,
}

impl Component {
    /// Where the signature of a file is when the configuration has none: `.sig` after its name.
    pub fn signature_file(&self) -> Option<PathBuf> {
        let Source::File(path) = &self.source else { return None };
        let mut name = path.clone().into_os_string();
        name.push(".sig");
        Some(name.into())
    }
}

impl ComponentSettings {
    /// Whether this host may be asked without TLS.
    pub fn allows_plain(&self, url: &Url) -> bool {
        let listed = |entry: &String| *entry == url.host || *entry == format!("{}:{}", url.host, url.port);
        url.is_loopback() || self.plain_http.iter().any(listed)
    }
}

impl Url {
    /// Whether it leads to this machine.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    }

    /// Host and port as in a `Host` header and in a URL.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == (if self.tls { 443 } else { 80 }) { host } else { format!("{host}:{}", self.port) }
    }

    /// Another target at the same server.
    #[must_use]
    pub fn with_target(&self, target: String) -> Self {
        Self { target, ..self.clone() }
    }

    /// The same server, asked without TLS. A port of its own stays.
    #[must_use]
    pub fn without_tls(self) -> Self {
        Self { tls: false, port: if self.port == 443 { 80 } else { self.port }, ..self }
    }

    /// Whether both lead to the same server.
    pub fn same_server(&self, other: &Self) -> bool {
        (self.tls, &self.host, self.port) == (other.tls, &other.host, other.port)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", if self.tls { "https" } else { "http" }, self.authority(), self.target)
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::File(path) => path.display().fmt(f),
            Source::Web(url) => url.fmt(f),
            Source::Registry(image) => f.write_str(&image.text),
        }
    }
}
