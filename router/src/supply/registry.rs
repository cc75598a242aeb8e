//! Components in registries (OCI distribution specification 1.1; Wasm artifacts of CNCF's TAG Runtime).
//!
//! Owns how a manifest is asked for and read: an image manifest with one layer of the type `application/wasm`. Follows the
//! way of tokens that registries offer to everybody, with a password where the operator gave one. Chooses no tag and no
//! platform: the manifest is named by its digest.

use super::Digest;
use super::credentials;
use super::error::{FetchError, Wrong};
use super::http::{Answer, Ask, Client};
use super::signature::ANNOTATION;
use crate::config::{Image, Url};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Largest manifest, bytes: what registries must take at least (specification, "Pushing manifests").
const MANIFEST_MAX: u64 = 4 << 20;
/// Largest answer with a token, bytes.
const TOKEN_MAX: u64 = 256 << 10;
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const LAYER: &str = "application/wasm";

#[derive(Deserialize)]
struct Manifest {
    #[serde(rename = "mediaType")]
    media_type: Option<String>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<serde::de::IgnoredAny>,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Descriptor {
    #[serde(rename = "mediaType")]
    media_type: String,
    digest: String,
    size: u64,
}

/// The layer that is the component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layer {
    pub(super) digest: Digest,
    size: u64,
}

pub(super) fn manifest_url(image: &Image) -> Url {
    image.registry.with_target(format!("/v2/{}/manifests/{}", image.repository, image.manifest))
}

pub(super) fn blob_url(image: &Image, digest: Digest) -> Url {
    image.registry.with_target(format!("/v2/{}/blobs/{digest}", image.repository))
}

/// Where the signature of a web server's component is: `.sig` after the path.
pub(super) fn signature_url(url: &Url) -> Url {
    let (path, query) =
        url.target.split_once('?').map_or((url.target.as_str(), None), |(path, query)| (path, Some(query)));
    url.with_target(query.map_or(format!("{path}.sig"), |query| format!("{path}.sig?{query}")))
}

/// The signature in a manifest's annotations.
pub(super) fn annotation(manifest: &[u8]) -> Option<Vec<u8>> {
    let manifest: Manifest = serde_json::from_slice(manifest).ok()?;
    manifest.annotations?.remove(ANNOTATION).map(String::into_bytes)
}

/// The one layer of a manifest.
pub(super) fn layer(manifest: &[u8]) -> Result<Layer, Wrong> {
    let Manifest { media_type, layers, manifests, annotations: _ } =
        serde_json::from_slice(manifest).map_err(|error| Wrong::Manifest(error.to_string()))?;
    if manifests.is_some() || media_type.as_deref() == Some(INDEX) {
        return Err(Wrong::Index);
    }
    if let Some(other) = media_type.filter(|media_type| media_type != MANIFEST) {
        return Err(Wrong::Manifest(format!("it has the type {other:?}")));
    }
    let layers = layers.ok_or_else(|| Wrong::Manifest("it has no layers".to_owned()))?;
    let [layer] = &layers[..] else { return Err(Wrong::Layers(layers.len())) };
    if layer.media_type != LAYER {
        return Err(Wrong::MediaType(layer.media_type.clone()));
    }
    let digest = layer.digest.parse().map_err(|error| Wrong::Manifest(format!("the layer's digest {error}")))?;
    Ok(Layer { digest, size: layer.size })
}

impl Client<'_> {
    /// The manifest of an image, verified.
    pub(super) fn manifest(&mut self, image: &Image) -> Result<Vec<u8>, FetchError> {
        let url = manifest_url(image);
        let bytes = self.ask_registry(image, &url, MANIFEST, MANIFEST_MAX)?;
        verified(&url, bytes, image.manifest)
    }

    /// A layer, verified.
    pub(super) fn blob(&mut self, image: &Image, layer: Layer) -> Result<Vec<u8>, FetchError> {
        let url = blob_url(image, layer.digest);
        let size_max = self.size_max();
        if layer.size > size_max {
            return Err(FetchError { url: url.to_string(), wrong: Wrong::TooLarge(size_max) });
        }
        let bytes = self.ask_registry(image, &url, "*/*", layer.size)?;
        verified(&url, bytes, layer.digest)
    }

    /// Asks a registry; once more with a token or a password when it wants one.
    fn ask_registry(&mut self, image: &Image, url: &Url, accept: &str, size_max: u64) -> Result<Vec<u8>, FetchError> {
        let fault = |wrong| FetchError { url: url.to_string(), wrong };
        let token = self.token(image);
        let mut ask = Ask { url, accept, authorization: token.as_deref(), size_max };
        let mut answer = self.get(&ask)?;
        if answer.status == StatusCode::UNAUTHORIZED {
            let token = self.authorization(image, &answer.headers).map_err(fault)?;
            ask.authorization = Some(&token);
            answer = self.get(&ask)?;
            if answer.status == StatusCode::UNAUTHORIZED {
                let why = "it does not take the token or password".to_owned();
                return Err(fault(Wrong::Unauthorized(why)));
            }
            self.keep_token(image, token);
        }
        answer.body().map_err(fault)
    }

    /// What the registry wants to see, by its challenge (RFC 9110, section 11.6.1).
    fn authorization(&mut self, image: &Image, headers: &HeaderMap) -> Result<String, Wrong> {
        let basic = credentials::basic(self.credentials(), &image.registry)?;
        let challenges = headers.get_all(header::WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        for challenge in challenges {
            let (scheme, parameters) = challenge.trim().split_once(' ').unwrap_or((challenge, ""));
            if scheme.eq_ignore_ascii_case("bearer") {
                return self.fetch_token(image, parameters, basic.as_deref());
            }
            if scheme.eq_ignore_ascii_case("basic") {
                let missing = || {
                    format!(
                        "it wants a password, and `components.credentials` has none for {}",
                        image.registry.authority()
                    )
                };
                return basic.ok_or_else(|| Wrong::Unauthorized(missing()));
            }
        }
        Err(Wrong::Unauthorized("it names no way to log in that is known: Bearer, Basic".to_owned()))
    }

    /// A token, from where the challenge says (distribution's token authentication).
    fn fetch_token(&mut self, image: &Image, parameters: &str, basic: Option<&str>) -> Result<String, Wrong> {
        #[derive(Deserialize)]
        struct Token {
            token: Option<String>,
            access_token: Option<String>,
        }
        let refused = |why: String| Wrong::Unauthorized(why);
        let realm = parameter(parameters, "realm").ok_or_else(|| refused("its challenge has no realm".to_owned()))?;
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(service) = parameter(parameters, "service") {
            query.append_pair("service", &service);
        }
        let scope = parameter(parameters, "scope").unwrap_or_else(|| format!("repository:{}:pull", image.repository));
        query.append_pair("scope", &scope);
        let mark = if realm.contains('?') { '&' } else { '?' };
        let url = self.allowed(&format!("{realm}{mark}{}", query.finish()))?;
        let ask = Ask { url: &url, accept: "application/json", authorization: basic, size_max: TOKEN_MAX };
        let answer: Answer = self.get(&ask).map_err(|error| match error.wrong.is_passing() {
            true => Wrong::Broke(format!("no token: {error}")),
            false => refused(format!("no token: {error}")),
        })?;
        if matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            let whom =
                if basic.is_some() { "with this password" } else { "without a password (`components.credentials`)" };
            return Err(refused(format!("{} gives no token {whom}", url.authority())));
        }
        let body = answer.body().map_err(|wrong| refused(format!("no token from {}: {wrong}", url.authority())))?;
        let token: Option<Token> = serde_json::from_slice(&body).ok();
        let token = token.and_then(|token| token.token.or(token.access_token));
        token
            .map(|token| format!("Bearer {token}"))
            .ok_or_else(|| refused(format!("{} sent no token", url.authority())))
    }
}

/// The bytes, when they have this digest.
pub(super) fn verified(url: &Url, bytes: Vec<u8>, wanted: Digest) -> Result<Vec<u8>, FetchError> {
    match wanted.check(&bytes) {
        Ok(()) => Ok(bytes),
        Err(found) => Err(FetchError { url: url.to_string(), wrong: Wrong::Digest { wanted, found } }),
    }
}

/// A parameter of a challenge: `name="value"` or `name=value`.
pub(crate) fn parameter(mut text: &str, name: &str) -> Option<String> {
    loop {
        text = text.trim_start_matches([' ', ',', '\t']);
        let (key, rest) = text.split_once('=')?;
        let (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_value(quoted)?,
            None => {
                let end = rest.find([',', ' ']).unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        if key.trim().eq_ignore_ascii_case(name) {
            return Some(value);
        }
        text = rest;
    }
}

/// A quoted string (RFC 9110, section 5.6.4), and what follows it.
fn quoted_value(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}
