//! Static files: a bundle of a build, served from its folder.
//! Owns: which file answers a request, and every rule of HTTP about it: conditions, ranges, variants, freshness.
//! Never: serves anything outside the root, hidden names, or HTML in place of an asset; blocks a worker on the disk.
//! Called by: `exchange` for a static route; opened when a snapshot is built.

mod answer;
mod body;
mod condition;
mod encoding;
mod find;
mod kind;
mod path;
mod tag;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use http::header::{self, HeaderValue};
use http::{Method, Response, StatusCode, request};

use self::answer::{Ask, answer, text};
pub use self::body::FileBody;
use self::path::Wanted;
use self::tag::Tags;
use crate::base::Timestamp;

/// Why a folder cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The root is missing, unreadable or not a folder.
    #[error("static root {}: {cause}; accepted is a folder that the router can read", .path.display())]
    Root {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The fallback leads out of the root.
    #[error("static fallback {name:?}: accepted is the name of a file below the root, such as \"index.html\"")]
    FallbackName {
        /// The name as configured.
        name: String,
    },
    /// The fallback is missing, unreadable or not a file.
    #[error("static fallback {}: {cause}; accepted is a file that the router can read", .path.display())]
    Fallback {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
}

/// A folder whose files are served. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Bundle {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    /// Relative to the root.
    fallback: Option<PathBuf>,
    tags: Tags,
}

impl Bundle {
    /// A bundle in the folder `root`. `fallback` is the page for navigations that match no file (single-page
    /// applications: `index.html`).
    ///
    /// # Errors
    /// When root or fallback do not exist or cannot be read, or the fallback is not below the root.
    pub fn open(root: &Path, fallback: Option<&str>) -> Result<Self, BundleError> {
        let refused = |cause| BundleError::Root { path: root.to_owned(), cause };
        std::fs::read_dir(root).map_err(refused)?;
        let absolute = std::path::absolute(root).map_err(refused)?;
        let fallback = fallback.map(|name| checked(root, name)).transpose()?;
        Ok(Self { shared: Arc::new(Shared { root: absolute, fallback, tags: Tags::default() }) })
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.shared.root
    }

    /// The answer to a request. `path` is the part of the URI's path that names a file under the root (all of it, unless
    /// the route takes a prefix off). Failures are answers too: 404, 405, or 500 with a log line.
    pub async fn respond(&self, head: &request::Parts, path: &str, now: Timestamp) -> Response<FileBody> {
        if head.method != Method::GET && head.method != Method::HEAD {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "a file can be read only");
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        let Some(wanted) = Wanted::new(path) else {
            return for_method(&head.method, text(StatusCode::NOT_FOUND, "no such file"));
        };
        let ask = Ask {
            method: head.method.clone(),
            path: path.to_owned(),
            query: head.uri.query().map(str::to_owned),
            headers: head.headers.clone(),
            wanted,
            now,
        };
        let shared = Arc::clone(&self.shared);
        let answered = tokio::task::spawn_blocking(move || answer(&shared, &ask)).await;
        let response = answered.map_err(io::Error::other).flatten().unwrap_or_else(|error| {
            tracing::warn!(%path, root = %self.shared.root.display(), %error, "a static file cannot be read");
            text(StatusCode::INTERNAL_SERVER_ERROR, "the file cannot be read")
        });
        for_method(&head.method, response)
    }
}

/// The answer to HEAD is that to GET without its body.
fn for_method(method: &Method, mut response: Response<FileBody>) -> Response<FileBody> {
    if *method == Method::HEAD {
        *response.body_mut() = FileBody::empty();
    }
    response
}

/// The fallback as a path below the root, after it was opened once.
fn checked(root: &Path, name: &str) -> Result<PathBuf, BundleError> {
    let path = PathBuf::from(name);
    if name.is_empty() || !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(BundleError::FallbackName { name: name.to_owned() });
    }
    let full = root.join(&path);
    let refused = |cause| BundleError::Fallback { path: full.clone(), cause };
    if !std::fs::metadata(&full).map_err(refused)?.is_file() {
        return Err(refused(io::Error::other("not a regular file")));
    }
    File::open(&full).map_err(refused)?;
    let (real_root, real) =
        (std::fs::canonicalize(root).map_err(refused)?, std::fs::canonicalize(&full).map_err(refused)?);
    if real.starts_with(real_root) { Ok(path) } else { Err(BundleError::FallbackName { name: name.to_owned() }) }
}
