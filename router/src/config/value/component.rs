//! Where a component comes from, digests, and hosts that are asked without TLS.
//!
//! Owns how they are written. Whether plain HTTP is allowed is related to other keys by `resolve`.

use super::network::OriginUrl;
use super::{FileName, Text};
use crate::base::Digest;
use crate::config::component::{Image, Source, Url};
use crate::config::outgoing::is_ambiguous;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Where a component comes from; a relative file still starts at the folder of the configuration.
#[derive(Debug, Clone)]
pub(in crate::config) struct ComponentSource(pub(in crate::config) Source);

/// The digest of a component's file.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct DigestText(pub(in crate::config) Digest);

/// A key that signs components.
#[derive(Debug, Clone)]
pub(in crate::config) struct PublicKey(pub(in crate::config) [u8; 32]);

/// A signature over a component's digest.
#[derive(Debug, Clone)]
pub(in crate::config) struct SignatureText(pub(in crate::config) [u8; 64]);

/// What stands before the key in a SubjectPublicKeyInfo of ed25519 (RFC 8410, section 4).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A place that a policy may ask.
#[derive(Debug, Clone)]
pub(in crate::config) struct GrantedUrl(pub(in crate::config) Url);

impl Text for GrantedUrl {
    const TYPE: &'static str = "URL";
    fn accepted() -> String {
        "\"http://\" or \"https://\", a host, a port if need be, and a path without a query, such as \
         \"http://10.0.1.10:8080/status\""
            .into()
    }
    fn read(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no URL that can be granted");
        let url = Url::asked(text).filter(|url| !url.target.contains('?')).ok_or_else(wrong)?;
        // A path that nothing may ask for would grant nothing.
        if is_ambiguous(&url.target) { Err(wrong()) } else { Ok(Self(url)) }
    }
}

/// A host, with or without a port.
#[derive(Debug, Clone)]
pub(in crate::config) struct PlainHost(pub(in crate::config) String);

impl Text for ComponentSource {
    const TYPE: &'static str = "path or URL";
    fn accepted() -> String {
        "a file, \"https://HOST/PATH\" with a `digest`, or \"oci://REGISTRY/NAME@sha256:..\"".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
        if lower.starts_with("oci://") {
            return image(text).map(|image| Self(Source::Registry(image)));
        }
        if lower.starts_with("https://") || lower.starts_with("http://") {
            return url(text).map(|url| Self(Source::Web(url)));
        }
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(format!("{text:?} has the scheme {scheme:?}, which components cannot be fetched by"));
        }
        FileName::read(text).map(|FileName(path)| Self(Source::File(path)))
    }
}

impl Text for DigestText {
    const TYPE: &'static str = "digest";
    fn accepted() -> String {
        "\"sha256:\" and 64 hex digits in lower case, as `portolan policy inspect` shows it".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|error| format!("{text:?} {error}"))
    }
}

impl Text for PublicKey {
    const TYPE: &'static str = "ed25519 public key";
    fn accepted() -> String {
        "an ed25519 public key in PEM, as `openssl pkey -pubout` writes it, or base64 of its 32 bytes".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        let body: String = text.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
        let bytes = STANDARD.decode(body).unwrap_or_default();
        let raw = bytes.strip_prefix(&SPKI[..]).unwrap_or(&bytes);
        raw.try_into().map(Self).map_err(|_| "this is not an ed25519 public key".to_owned())
    }
}

impl Text for SignatureText {
    const TYPE: &'static str = "signature";
    fn accepted() -> String {
        "base64 of the 64 bytes of an ed25519 signature".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        let bytes = STANDARD.decode(text.trim()).unwrap_or_default();
        bytes.try_into().map(Self).map_err(|_| format!("{text:?} is not an ed25519 signature"))
    }
}

impl Text for PlainHost {
    const TYPE: &'static str = "host";
    fn accepted() -> String {
        "a host, with or without a port, such as \"registry.internal:5000\"".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a host");
        let read = server(&format!("http://{text}")).map_err(|_| wrong())?;
        let port = text.rsplit_once(':').is_some_and(|(_, port)| port.parse() == Ok(read.port));
        Ok(Self(if port { format!("{}:{}", read.host, read.port) } else { read.host }))
    }
}

impl Url {
    /// Reads `https://` or `http://`, a host, a port if need be, and a path.
    pub fn parse(text: &str) -> Option<Self> {
        url(text).ok()
    }

    /// The same where the path may be left out or be `/`.
    pub fn asked(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let target = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let valid = !target.contains('#') && target.parse::<http::uri::PathAndQuery>().is_ok();
        let server = server(&format!("{scheme}://{authority}")).ok().filter(|_| valid)?;
        Some(server.with_target(target))
    }
}

/// A server by scheme and authority alone.
fn server(text: &str) -> Result<Url, String> {
    let OriginUrl { text: _, tls, host, port } = OriginUrl::read(text)?;
    Ok(Url { tls, host, port, target: "/".into() })
}

fn url(text: &str) -> Result<Url, String> {
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let valid = path.len() > 1 && path.starts_with('/') && !path.contains('#');
    if !valid || path.parse::<http::uri::PathAndQuery>().is_err() {
        return Err(format!("{text:?} has no path that can be asked for"));
    }
    Ok(server(&format!("{scheme}://{authority}"))?.with_target(path.to_owned()))
}

fn image(text: &str) -> Result<Image, String> {
    let wrong = |why: &str| format!("{text:?} {why}");
    let rest = text.get(6..).unwrap_or_default();
    let (name, digest) = rest.split_once('@').ok_or_else(|| {
        wrong("names no digest; a tag can be moved to other bytes, so the digest of the manifest is needed")
    })?;
    let manifest = digest.parse().map_err(|error| wrong(&format!("has a digest that {error}")))?;
    let (authority, path) = name.split_once('/').ok_or_else(|| wrong("has no repository"))?;
    // A tag beside a digest is a remark for people, as for docker.
    let repository = path.split_once(':').map_or(path, |(repository, _)| repository);
    if !is_repository(repository) {
        return Err(wrong("has no valid repository: lower-case letters, digits, \".\", \"_\" and \"-\" between \"/\""));
    }
    let mut registry = server(&format!("https://{authority}"))
        .map_err(|_| wrong("has no valid registry: a host with or without a port"))?;
    if registry.is_loopback() {
        registry = registry.without_tls();
    }
    Ok(Image { text: text.to_owned(), registry, repository: repository.to_owned(), manifest })
}

/// OCI distribution specification 1.1, "Pulling manifests".
fn is_repository(text: &str) -> bool {
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-');
    let part = |part: &str| edge(part.bytes().next()) && edge(part.bytes().last()) && part.bytes().all(inside);
    text.len() <= 255 && text.split('/').all(part)
}
