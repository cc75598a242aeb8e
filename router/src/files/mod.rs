//! Static files: a bundle of a build, indexed when it is loaded and served from the index.
//! Owns: which file answers a request, and every rule of HTTP about it: conditions, ranges, variants, freshness.
//! Never: serves anything outside the root, hidden names, or HTML in place of an asset; looks a name up on the disk for a
//! request; blocks a worker.
//! Called by: `exchange` for a static route; loaded by the control plane.

mod answer;
mod body;
mod condition;
mod entry;
mod hashed;
mod index;
mod kept;
mod kind;
mod load;
mod parts;
pub(crate) mod path;
pub(crate) mod preload;
#[cfg(test)]
mod tests;
mod tree;
mod variants;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::header::{HeaderName, HeaderValue};

pub use self::body::FileBody;
use self::index::Index;
use self::kept::Kept;
pub use self::tree::digest;
pub use self::variants::Variants;
use crate::base::Timestamp;
use crate::config;
use crate::metrics::{BundleMetrics, BundleSizes};

/// Why a folder cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The root, or a folder in it, is missing, unreadable or not a folder.
    #[error("static root {}: {cause}; accepted is a folder that the router can read", .path.display())]
    Root {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// A page that is configured is not in the bundle.
    #[error("static {key} {}: there is no such file; accepted is a file in the bundle, not a hidden one", .path.display())]
    Page {
        /// The key that names it.
        key: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A link leads somewhere else.
    #[error("static link {}: {to}; accepted is a link to a file or folder in the bundle", .link.display())]
    Link {
        /// The link.
        link: PathBuf,
        /// Where it leads, or why nowhere.
        to: String,
    },
    /// A file cannot be read.
    #[error("static file {}: {cause}; accepted is a file that the router can read", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// More than a bundle has.
    #[error("static root {}: accepted are up to {names} names, and {depth} folders in each other", .path.display())]
    TooLarge {
        /// The root.
        path: PathBuf,
        /// Most names.
        names: usize,
        /// Most folders in each other.
        depth: usize,
    },
    /// It changes all the time.
    #[error("static root {}: it is still being written; accepted is a folder that holds still for a moment", .path.display())]
    Unsettled {
        /// The root.
        path: PathBuf,
    },
}

/// A folder whose files are served, as it was when it was indexed. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Bundle {
    settings: Arc<config::Bundle>,
    index: Arc<Index>,
    kept: Arc<Kept>,
    /// What every answer carries.
    fields: Arc<[(HeaderName, HeaderValue)]>,
    meters: Arc<BundleMetrics>,
}

impl Bundle {
    /// The folder.
    pub fn root(&self) -> &Path {
        &self.settings.root
    }

    /// What the folder looked like when it was indexed, as `digest` tells it.
    pub fn digest(&self) -> u64 {
        self.index.tree.digest
    }

    /// When it was indexed.
    pub fn indexed_at(&self) -> Timestamp {
        self.index.made_at
    }

    /// How much there is of it.
    pub fn sizes(&self) -> BundleSizes {
        let (files_memory, variants_memory) = self.index.in_memory();
        let forms = self.index.entries.iter().flat_map(|entry| entry.coded.iter().flatten());
        BundleSizes {
            files: self.index.entries.len(),
            bytes: self.index.entries.iter().map(|entry| entry.plain.length).sum(),
            variants: forms.count(),
            previous: self.kept.count(),
            files_memory,
            variants_memory,
            previous_memory: self.kept.in_memory(),
        }
    }
}
