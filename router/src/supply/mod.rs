//! Brings the bytes of a policy's component here: from a file, a web server or a registry.
//!
//! Owns the order of things: what is kept already, else a fetch that is tried again with back-off, then the digest, and
//! only then is anything handed on or kept. What came from a server is always known by its digest. Compiles and judges no
//! component. Blocks, for as long as the settings allow: called by `control` on a thread for loads, once per load.

mod credentials;
mod error;
mod folder;
mod http;
pub(crate) mod registry;
mod signature;
#[cfg(test)]
mod tests;

pub use error::{FetchError, SupplyError, Wrong};

use self::folder::Folder;
use self::http::Client;
use crate::base::clock::monotonic;
use crate::base::{Digest, hash};
use crate::config::{Component, ComponentSettings, Source, Url};
use crate::metrics::Metrics;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Pause before the second attempt; doubles up to [`PAUSE_MAX`], each time with a jitter of half of it.
const PAUSE_FIRST: Duration = Duration::from_millis(250);
/// Longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(4);

/// How hard a load tries to fetch what is not here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Not at all: what is kept must do.
    Offline,
    /// Again and again, until this much time has passed; zero is once.
    For(Duration),
}

/// TLS towards servers of components, or why there is none; made when the first one is asked.
pub type MakeTls<'a> = &'a dyn Fn() -> Result<Arc<rustls::ClientConfig>, String>;

/// A component's file.
#[derive(Debug)]
pub struct Brought {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Their digest.
    pub digest: Digest,
}

/// Brings components for one load.
pub struct Supply<'a> {
    settings: &'a ComponentSettings,
    effort: Effort,
    /// No fetch is tried again after this.
    until: Instant,
    metrics: &'a Metrics,
    folder: Option<Folder>,
    client: Client<'a>,
}

impl std::fmt::Debug for Supply<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Supply").field("effort", &self.effort).finish_non_exhaustive()
    }
}

impl<'a> Supply<'a> {
    /// For one load.
    pub fn new(settings: &'a ComponentSettings, effort: Effort, tls: MakeTls<'a>, metrics: &'a Metrics) -> Self {
        let folder = settings.cache.as_deref().map(|path| Folder::new(path, settings.cache_size, metrics.clone()));
        let patience = if let Effort::For(patience) = effort { patience } else { Duration::ZERO };
        let client = Client::new(settings, tls);
        Self { settings, effort, until: monotonic() + patience, metrics, folder, client }
    }

    /// Whether the same keys are trusted as with these settings.
    pub fn trusts_as(&self, other: &ComponentSettings) -> bool {
        self.settings.keys == other.keys
    }

    /// A component. Its bytes have the digest that the configuration names, when it names one, and are signed by
    /// one of the keys, when there are any.
    ///
    /// # Errors
    /// Why they cannot be had.
    pub fn component(&mut self, component: &Component) -> Result<Brought, SupplyError> {
        match &component.source {
            Source::File(path) => {
                let bytes = read_file(path, self.settings.size_max)?;
                let digest = Digest::of(&bytes);
                if let Some(wanted) = component.digest.filter(|wanted| *wanted != digest) {
                    return Err(SupplyError::Digest { wanted, found: digest });
                }
                let place = component.signature_file().unwrap_or_default();
                self.check_signature(component, digest, &place.display(), |_| {
                    std::fs::read(&place).map(Some).or_else(|error| match error.kind() {
                        std::io::ErrorKind::NotFound => Ok(None),
                        _ => Err(SupplyError::Unreadable(error)),
                    })
                })?;
                Ok(Brought { bytes, digest })
            }
            Source::Web(url) => {
                let digest = component.digest.ok_or(SupplyError::NoDigest)?;
                let bytes = self.kept_or(digest, url, |client| client.file(url, digest))?;
                let place = registry::signature_url(url);
                self.check_signature(component, digest, &place, |supply| supply.signature(digest, &place))?;
                Ok(Brought { bytes, digest })
            }
            Source::Registry(image) => {
                let at = registry::manifest_url(image);
                let manifest = self.kept_or(image.manifest, &at, |client| client.manifest(image))?;
                let layer = registry::layer(&manifest)
                    .map_err(|wrong| SupplyError::Fetch(FetchError { url: at.to_string(), wrong }))?;
                if let Some(wanted) = component.digest.filter(|wanted| *wanted != layer.digest) {
                    return Err(SupplyError::Digest { wanted, found: layer.digest });
                }
                let place = format!("the annotation {} of {}", signature::ANNOTATION, image.manifest);
                self.check_signature(component, layer.digest, &place, |_| Ok(registry::annotation(&manifest)))?;
                let (at, digest) = (registry::blob_url(image, layer.digest), layer.digest);
                let bytes = self.kept_or(digest, &at, |client| client.blob(image, layer))?;
                Ok(Brought { bytes, digest })
            }
        }
    }

    /// Wants a signature when there are keys: the configuration's own, else what `find` finds at `place`.
    fn check_signature(
        &mut self,
        component: &Component,
        digest: Digest,
        place: &dyn std::fmt::Display,
        find: impl FnOnce(&mut Self) -> Result<Option<Vec<u8>>, SupplyError>,
    ) -> Result<(), SupplyError> {
        if self.settings.keys.is_empty() {
            return Ok(());
        }
        let signature = match component.signature {
            Some(signature) => signature,
            None => {
                let found = find(self)?.ok_or_else(|| SupplyError::Unsigned { place: place.to_string() })?;
                signature::read(&found).ok_or_else(|| SupplyError::NotASignature { place: place.to_string() })?
            }
        };
        signature::verify(digest, &signature, &self.settings.keys)
    }

    /// The signature of a web server's component, kept beside it; none when the server has none. One that is kept and that
    /// no key made is asked for again: it may have been made anew.
    fn signature(&mut self, digest: Digest, url: &Url) -> Result<Option<Vec<u8>>, SupplyError> {
        let kept = self.folder.as_ref().and_then(|folder| folder.signature(digest));
        let keys = &self.settings.keys;
        let good = |kept: &Vec<u8>| signature::read(kept).is_some_and(|s| signature::verify(digest, &s, keys).is_ok());
        if let Some(kept) = kept.filter(good) {
            return Ok(Some(kept));
        }
        if self.effort == Effort::Offline {
            return Err(SupplyError::NotFetched { url: url.to_string() });
        }
        match self.patiently(|client| client.bytes_of(url, signature::FILE_MAX)) {
            Ok(bytes) => {
                if let Some(folder) = &self.folder {
                    folder.keep_signature(digest, &bytes);
                }
                Ok(Some(bytes))
            }
            Err(FetchError { wrong: Wrong::Status(::http::StatusCode::NOT_FOUND), .. }) => Ok(None),
            Err(error) => Err(SupplyError::Fetch(error)),
        }
    }

    /// What is kept with this digest, else what is fetched, verified and kept from now on.
    fn kept_or(
        &mut self,
        digest: Digest,
        from: &impl std::fmt::Display,
        fetch: impl Fn(&mut Client<'a>) -> Result<Vec<u8>, FetchError>,
    ) -> Result<Vec<u8>, SupplyError> {
        if let Some(bytes) = self.folder.as_ref().and_then(|folder| folder.get(digest)) {
            self.count("cached");
            return Ok(bytes);
        }
        if self.effort == Effort::Offline {
            return Err(SupplyError::NotFetched { url: from.to_string() });
        }
        let fetched = self.patiently(fetch);
        self.count(if fetched.is_ok() { "fetched" } else { "failed" });
        let bytes = fetched.map_err(SupplyError::Fetch)?;
        if let Some(folder) = &self.folder {
            folder.keep(digest, &bytes);
        }
        Ok(bytes)
    }

    /// Tries again what may succeed later.
    fn patiently<T>(&mut self, fetch: impl Fn(&mut Client<'a>) -> Result<T, FetchError>) -> Result<T, FetchError> {
        let mut pause = PAUSE_FIRST;
        loop {
            let failed = match fetch(&mut self.client) {
                Ok(fetched) => return Ok(fetched),
                Err(failed) => failed,
            };
            let jittered = pause.mul_f64(0.75 + hash::unit(hash::mix(fastrand::u64(..))) / 2.0);
            if !failed.wrong.is_passing() || monotonic() + jittered > self.until {
                return Err(failed);
            }
            tracing::warn!("{failed}; trying again in {} ms", jittered.as_millis());
            self.client.wait(jittered);
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    fn count(&self, result: &str) {
        Metrics::count(&self.metrics.component_fetches, "result", result);
    }
}

fn read_file(path: &Path, size_max: u64) -> Result<Vec<u8>, SupplyError> {
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(size_max + 1).read_to_end(&mut bytes));
    match read {
        Ok(count) if count as u64 <= size_max => Ok(bytes),
        Ok(_) => Err(SupplyError::TooLarge { size_max }),
        Err(error) => Err(SupplyError::Unreadable(error)),
    }
}
