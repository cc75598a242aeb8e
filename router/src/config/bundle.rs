//! Static bundles.
//!
//! Owns what a `static` table means. Names a directory; whether it can be served is found out when it is loaded.

use http::{HeaderName, HeaderValue};
use std::path::PathBuf;
use std::time::Duration;

/// A directory of files, and how it is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The directory.
    pub root: PathBuf,
    /// File for navigations that match nothing.
    pub fallback: Option<String>,
    /// Page for navigations that match nothing and have no fallback.
    pub not_found: Option<String>,
    /// Files that never change: paths below `root`, or what they begin with and a `*`. Left out: guessed by their names.
    pub immutable: Option<Vec<String>>,
    /// How long assets of the build before stay.
    pub keep_previous: Duration,
    /// Most bytes of files and variants in memory, and as many again of builds before.
    pub memory: u64,
    /// Variants are made where the build left none.
    pub compress: bool,
    /// Pages name beforehand what they need.
    pub preload: bool,
    /// Answers carry headers that any page can bear.
    pub security_headers: bool,
    /// Headers of every answer.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}
