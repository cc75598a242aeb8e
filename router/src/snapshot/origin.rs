//! Which connections are interchangeable: the same address, and for TLS the same configuration and name.
//! Cheap to clone, compare and hash, since it keys the pool. Built once per endpoint and snapshot, shared by all workers.

use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;

/// A place to connect to. Clones share one allocation.
#[derive(Clone)]
pub struct Origin(Arc<Inner>);

struct Inner {
    address: SocketAddr,
    tls: Option<Tls>,
    hash: u64,
}

/// How to speak TLS to an origin.
pub(crate) struct Tls {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) name: ServerName<'static>,
}

impl Origin {
    /// An origin without TLS.
    #[must_use]
    pub fn plain(address: SocketAddr) -> Self {
        Self::new(address, None)
    }

    /// An origin with TLS, verified as `name`. Offer only `http/1.1` by ALPN in `config`.
    #[must_use]
    pub fn tls(address: SocketAddr, config: Arc<ClientConfig>, name: ServerName<'static>) -> Self {
        Self::new(address, Some(Tls { config, name }))
    }

    fn new(address: SocketAddr, tls: Option<Tls>) -> Self {
        let name = tls.as_ref().map(|tls| (&tls.name, Arc::as_ptr(&tls.config) as usize));
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one((address, name));
        Self(Arc::new(Inner { address, tls, hash }))
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    pub(crate) fn tls_settings(&self) -> Option<&Tls> {
        self.0.tls.as_ref()
    }
}

impl PartialEq for Origin {
    fn eq(&self, other: &Self) -> bool {
        let same_tls = || match (&self.0.tls, &other.0.tls) {
            (None, None) => true,
            (Some(left), Some(right)) => Arc::ptr_eq(&left.config, &right.config) && left.name == right.name,
            _ => false,
        };
        Arc::ptr_eq(&self.0, &other.0)
            || (self.0.hash == other.0.hash && self.0.address == other.0.address && same_tls())
    }
}

impl Eq for Origin {}

impl Hash for Origin {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.0.tls.is_some() { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.0.address)
    }
}

/// Takes the hash that an [`Origin`] brings with it.
#[derive(Default)]
pub(crate) struct BroughtHash(u64);

impl Hasher for BroughtHash {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
