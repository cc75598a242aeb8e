//! Brings the bytes of a policy's component here: from a file, a web server or a registry.
//!
//! Owns the order of things: what is kept already, else a fetch that is tried again with back-off, then the digest, and
//! only then is anything handed on or kept. What came from a server is always known by its digest. Compiles and judges no
//! component. Blocks, for as long as the settings allow: called by `control` on a thread for loads, once per load.

mod credentials;
mod error;
mod folder;
mod http;
mod registry;
#[cfg(test)]
mod tests;

pub use error::{FetchError, SupplyError, Wrong};

use self::folder::Folder;
use self::http::Client;
use crate::base::clock::monotonic;
use crate::base::{Digest, hash};
use crate::config::{Component, ComponentSettings, Source};
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

    /// The bytes of a component. They have the digest that the configuration names, when it names one.
    ///
    /// # Errors
    /// Why they cannot be had.
    pub fn component(&mut self, component: &Component) -> Result<Vec<u8>, SupplyError> {
        match &component.source {
            Source::File(path) => {
                let bytes = read_file(path, self.settings.size_max)?;
                component.digest.map_or(Ok(()), |digest| verify(&bytes, digest))?;
                Ok(bytes)
            }
            Source::Web(url) => {
                let digest = component.digest.ok_or(SupplyError::NoDigest)?;
                self.kept_or(digest, url, |client| client.file(url, digest))
            }
            Source::Registry(image) => {
                let at = registry::manifest_url(image);
                let manifest = self.kept_or(image.manifest, &at, |client| client.manifest(image))?;
                let layer = registry::layer(&manifest)
                    .map_err(|wrong| SupplyError::Fetch(FetchError { url: at.to_string(), wrong }))?;
                if let Some(wanted) = component.digest.filter(|wanted| *wanted != layer.digest) {
                    return Err(SupplyError::Digest { wanted, found: layer.digest });
                }
                let at = registry::blob_url(image, layer.digest);
                self.kept_or(layer.digest, &at, |client| client.blob(image, layer))
            }
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

/// Refuses bytes that have another digest.
fn verify(bytes: &[u8], wanted: Digest) -> Result<(), SupplyError> {
    let found = Digest::of(bytes);
    if found == wanted { Ok(()) } else { Err(SupplyError::Digest { wanted, found }) }
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
