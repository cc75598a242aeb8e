//! What can be wrong with a component before it is one.
//!
//! Owns the words. The policy's name and the component as configured are put before them by the caller.

use crate::base::Digest;
use std::io;

/// Why a component cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SupplyError {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
    /// The file is too large.
    #[error("is larger than {size_max} bytes, which `components.size_max` allows")]
    TooLarge {
        /// The limit, bytes.
        size_max: u64,
    },
    /// It has another digest.
    #[error("has the digest {found}, but {wanted} is configured")]
    Digest {
        /// The digest that is configured.
        wanted: Digest,
        /// The digest that it has.
        found: Digest,
    },
    /// A component of a web server without a digest.
    #[error("has no digest in the configuration")]
    NoDigest,
    /// It is not kept here, and nothing is fetched.
    #[error("is not kept on this machine, and was not fetched from {url}")]
    NotFetched {
        /// Where it would have been fetched from.
        url: String,
    },
    /// It cannot be fetched.
    #[error("cannot be fetched: {0}")]
    Fetch(FetchError),
    /// It is not signed.
    #[error("is not signed, and `components.keys` wants it to be: give `signature`, or {place}")]
    Unsigned {
        /// Where a signature may be.
        place: String,
    },
    /// What should be a signature is none.
    #[error("has a signature that is none: {place} is not 64 bytes or their base64")]
    NotASignature {
        /// Where it is.
        place: String,
    },
    /// Nobody who is trusted signed it.
    #[error("has a signature that none of the {keys} `components.keys` made for {digest}")]
    WrongSignature {
        /// Digest of the component's file.
        digest: Digest,
        /// How many keys there are.
        keys: usize,
    },
}

impl SupplyError {
    /// Whether another attempt may succeed although nothing changes on this machine.
    pub fn is_remote(&self) -> bool {
        matches!(self, Self::Fetch(_))
    }
}

/// Why a fetch failed.
#[derive(Debug, thiserror::Error)]
#[error("{url}: {wrong}")]
pub struct FetchError {
    /// What was asked for.
    pub url: String,
    /// What is wrong.
    pub wrong: Wrong,
}

/// What is wrong with a fetch.
#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    /// No connection.
    #[error("no connection: {0}")]
    Connect(String),
    /// The server did not answer a moment ago, in this load.
    #[error("not asked again: {0} did not answer a moment ago")]
    Silent(String),
    /// TLS failed.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// TLS cannot be set up on this machine.
    #[error("{0}")]
    NoTls(String),
    /// It took too long.
    #[error("not complete within {0} s, which `components.timeout` allows")]
    Timeout(u64),
    /// The server broke the exchange off or does not speak HTTP.
    #[error("the exchange broke: {0}")]
    Broke(String),
    /// The body ended early.
    #[error("cut short: {found} of {wanted} bytes came")]
    Truncated {
        /// Bytes that came.
        found: u64,
        /// Bytes that were announced.
        wanted: u64,
    },
    /// Too many bytes.
    #[error("larger than {0} bytes, which is allowed at most")]
    TooLarge(u64),
    /// An answer that is no success.
    #[error("the server answers {0}{hint}", hint = hint(.0.as_u16()))]
    Status(http::StatusCode),
    /// The server wants to know who asks.
    #[error("the registry refuses access: {0}")]
    Unauthorized(String),
    /// A redirect that is not followed.
    #[error("the server redirects to {to:?}, {why}")]
    Redirect {
        /// Where to.
        to: String,
        /// Why it is not followed.
        why: &'static str,
    },
    /// The bytes have another digest.
    #[error("the server sent bytes with the digest {found}, but {wanted} is configured")]
    Digest {
        /// The digest that was asked for.
        wanted: Digest,
        /// The digest of what came.
        found: Digest,
    },
    /// The manifest cannot be read.
    #[error("is no image manifest: {0}")]
    Manifest(String),
    /// The manifest is an index of several images.
    #[error("is an index of several images; name the digest of the one with the component")]
    Index,
    /// The artifact has several layers, or none.
    #[error("has {0} layers; a component is one layer of the type application/wasm")]
    Layers(usize),
    /// The layer is something else.
    #[error("has a layer of the type {0:?}; a component has application/wasm")]
    MediaType(String),
    /// The file with passwords cannot be used.
    #[error("the credentials cannot be used: {0}")]
    Credentials(String),
}

fn hint(status: u16) -> &'static str {
    match status {
        404 => ": there is no such file or manifest, or it is not for everybody",
        403 => ": who asks may not have it",
        _ => "",
    }
}

impl Wrong {
    /// Whether it may be over in a moment.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Silent(_) | Self::Timeout(_) | Self::Broke(_) | Self::Truncated { .. } => true,
            Self::Status(status) => status.is_server_error() || matches!(status.as_u16(), 408 | 429),
            _ => false,
        }
    }
}
