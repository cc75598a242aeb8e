//! Certificates, keys and trusted authorities, from files to what TLS works with.
//!
//! Owns reading and checking them, with messages that name the file and what is wrong with it. Never watches or
//! serves. Called by `load` at start, at a reload and when one of the files changed.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where systems keep their trusted authorities: Debian and Alpine, Fedora, openSUSE, FreeBSD and macOS.
const SYSTEM_AUTHORITIES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Why TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsError {
    /// The file cannot be read or is no PEM.
    #[error("{what} {path} cannot be read: {source}", path = path.display())]
    Unreadable {
        /// What the file is for.
        what: &'static str,
        /// Its name.
        path: PathBuf,
        /// Why.
        source: rustls::pki_types::pem::Error,
    },
    /// Nothing of the kind is in the file.
    #[error("{what} {path} holds no {expected}", path = path.display())]
    Empty {
        /// What the file is for.
        what: &'static str,
        /// Its name.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
    /// The key is not the certificate's, or of a kind that is not supported.
    #[error("certificate {certificate} and key {key} do not go together: {source}",
        certificate = certificate.display(), key = key.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// No file of authorities is where systems keep it.
    #[error("no trusted authorities found on this system (looked at {looked}); name a file with `ca`")]
    NoSystemAuthorities {
        /// The files that were looked at.
        looked: String,
    },
    /// TLS itself refused.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// TLS of a listener: HTTP/2 and HTTP/1.1.
///
/// # Errors
/// When a file cannot be read, holds nothing of use, or the two do not go together.
pub(super) fn listener(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = certificates("certificate", certificate)?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|source| match source {
        rustls::pki_types::pem::Error::NoItemsFound => {
            TlsError::Empty { what: "key", path: key.to_path_buf(), expected: "PRIVATE KEY block" }
        }
        source => TlsError::Unreadable { what: "key", path: key.to_path_buf(), source },
    })?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(|source| TlsError::Mismatch { certificate: certificate.into(), key: key.into(), source })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// TLS towards origins: HTTP/1.1, trusting the authorities in this file.
///
/// # Errors
/// When the file cannot be read or holds no certificate.
pub(super) fn origin(path: &Path) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore::empty();
    // Stores of systems hold a few certificates that no longer parse; one that does is needed.
    let (added, _) = roots.add_parsable_certificates(certificates("authorities", path)?);
    if added == 0 {
        let expected = "certificate that can be used";
        return Err(TlsError::Empty { what: "authorities", path: path.to_path_buf(), expected });
    }
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The file of trusted authorities: the one that is configured, else the system's.
///
/// # Errors
/// When the system has none where systems keep it.
pub(super) fn authorities(configured: Option<&Path>) -> Result<PathBuf, TlsError> {
    if let Some(path) = configured {
        return Ok(path.to_path_buf());
    }
    let found = SYSTEM_AUTHORITIES.iter().map(PathBuf::from).find(|path| path.is_file());
    found.ok_or_else(|| TlsError::NoSystemAuthorities { looked: SYSTEM_AUTHORITIES.join(", ") })
}

fn certificates(what: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable = |source| TlsError::Unreadable { what, path: path.to_path_buf(), source };
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(unreadable)?.collect();
    let found = found.map_err(unreadable)?;
    if found.is_empty() {
        return Err(TlsError::Empty { what, path: path.to_path_buf(), expected: "CERTIFICATE block" });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn pair(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (certificate, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        (certificate, key)
    }

    #[test]
    fn a_pair_that_goes_together_offers_both_protocols() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = pair(folder.path(), "a");
        let config = listener(&certificate, &key).unwrap();
        assert_eq!(config.alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
        assert!(origin(&certificate).is_ok());
    }

    #[test]
    fn messages_name_the_file_and_the_fault() {
        let folder = tempfile::tempdir().unwrap();
        let (a, a_key) = pair(folder.path(), "a");
        let (_, b_key) = pair(folder.path(), "b");
        let missing = folder.path().join("none.pem");
        let text = folder.path().join("text.pem");
        std::fs::write(&text, "not a certificate").unwrap();
        let cases = [
            (listener(&a, &b_key).unwrap_err(), "do not go together"),
            (listener(&missing, &a_key).unwrap_err(), "none.pem cannot be read"),
            (listener(&text, &a_key).unwrap_err(), "text.pem holds no CERTIFICATE block"),
            (listener(&a, &text).unwrap_err(), "text.pem holds no PRIVATE KEY block"),
            (listener(&a, &a).unwrap_err(), "a.pem holds no PRIVATE KEY block"),
            (origin(&missing).unwrap_err(), "authorities"),
            (origin(&a_key).unwrap_err(), "holds no CERTIFICATE block"),
        ];
        for (error, expected) in cases {
            let text = error.to_string();
            assert!(text.contains(expected), "{text:?} does not say {expected:?}");
        }
    }
}
