//! What was fetched before, by digest.
//!
//! Owns one folder, `sha256/<digest>` in the one that the operator names, and its bound. Nothing in it is believed: each
//! file is verified whenever it is read, and removed when it is not what its name says. Several processes may share it: files
//! appear whole, by a rename. That it cannot be written is a warning; policies are fetched at each start then.

use crate::base::Digest;
use crate::metrics::Metrics;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// End of the name of a signature's file.
const SIGNATURE: &str = ".sig";

/// A folder of verified files.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    size_max: u64,
    metrics: Metrics,
}

impl Folder {
    pub(super) fn new(path: &Path, size_max: u64, metrics: Metrics) -> Self {
        Self { path: path.join("sha256"), size_max, metrics }
    }

    /// What is kept with this digest.
    pub(super) fn get(&self, digest: Digest) -> Option<Vec<u8>> {
        let path = self.path.join(digest.hex());
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!("{} cannot be read, and is fetched again: {error}", path.display());
                return None;
            }
        };
        if digest.check(&bytes).is_err() {
            tracing::warn!("{} is not what its name says, and is fetched again", path.display());
            Metrics::count(&self.metrics.component_fetches, "result", "corrupt");
            // Replaced by what is fetched; when that fails, better nothing than this.
            let _ = fs::remove_file(&path);
            return None;
        }
        // Tells when it was used last, by which the folder is cleared. A folder that is read-only stays as it is.
        let _ = File::options().append(true).open(&path).and_then(|file| file.set_modified(now()));
        Some(bytes)
    }

    /// The signature that is kept beside a component; whoever reads it verifies it.
    pub(super) fn signature(&self, digest: Digest) -> Option<Vec<u8>> {
        fs::read(self.path.join(digest.hex() + SIGNATURE)).ok()
    }

    /// Keeps a signature from now on.
    pub(super) fn keep_signature(&self, digest: Digest, bytes: &[u8]) {
        self.keep_as(&(digest.hex() + SIGNATURE), bytes);
    }

    /// Keeps verified bytes from now on.
    pub(super) fn keep(&self, digest: Digest, bytes: &[u8]) {
        self.keep_as(&digest.hex(), bytes);
    }

    fn keep_as(&self, name: &str, bytes: &[u8]) {
        if let Err(error) = self.write(name, bytes).and_then(|()| self.clear(name)) {
            tracing::warn!("components cannot be kept in {}: {error}", self.path.display());
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.path)?;
        let fresh = self.path.join(format!("{name}.{}.new", std::process::id()));
        let written = File::create(&fresh).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        });
        written.and_then(|()| fs::rename(&fresh, self.path.join(name))).inspect_err(|_| {
            // Half a file is of no use; that it cannot be removed either is told by the error itself.
            let _ = fs::remove_file(&fresh);
        })
    }

    /// Removes what was unused for longest until the rest fits. The file that has just been kept stays whatever its time: files are
    /// stamped by a clock that runs milliseconds behind the one that marks their use.
    fn clear(&self, kept: &str) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let (path, metadata) = entry.and_then(|entry| Ok((entry.path(), entry.metadata()?)))?;
            files.push((metadata.modified()?, metadata.len(), path));
        }
        files.sort();
        let mut total: u64 = files.iter().map(|(_, size, _)| size).sum();
        let kept = self.path.join(kept);
        for (_, size, path) in files.iter().filter(|(_, _, path)| *path != kept) {
            if total <= self.size_max {
                break;
            }
            fs::remove_file(path)?;
            total -= size;
        }
        self.metrics.component_cache_bytes.set(i64::try_from(total).unwrap_or(i64::MAX));
        Ok(())
    }
}

#[allow(clippy::disallowed_methods, reason = "a file's time is the machine's, and decides only which file goes first")]
fn now() -> SystemTime {
    SystemTime::now()
}
