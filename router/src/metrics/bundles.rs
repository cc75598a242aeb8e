//! The families of static bundles.
//!
//! Owns their names, what answers count with, and what is shown of each bundle. The label `bundle` is the root as
//! configured. Counted by `files`, shown by the conductor.

use super::families::Labels;
use http::StatusCode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Content codings that variants are made in.
const ENCODINGS: [&str; 3] = ["br", "zstd", "gzip"];

/// How much there is of one bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BundleSizes {
    /// Files.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Variants, found and made.
    pub variants: usize,
    /// Assets of earlier builds.
    pub previous: usize,
    /// Bytes of files in memory.
    pub files_memory: u64,
    /// Bytes of variants that were made.
    pub variants_memory: u64,
    /// Bytes of assets of earlier builds in memory.
    pub previous_memory: u64,
}

/// Every family of bundles.
#[derive(Debug, Clone, Default)]
pub struct Bundles {
    answers: Family<Labels, Counter>,
    bytes: Family<Labels, Counter>,
    previous: Family<Labels, Counter>,
    indexes: Family<Labels, Counter>,
    variants_made: Family<Labels, Counter>,
    files: Family<Labels, Gauge>,
    memory: Family<Labels, Gauge>,
}

impl Bundles {
    pub(super) fn register(&self, r: &mut Registry) {
        r.register("bundle_answers", "Answers from static bundles, by what they were", self.answers.clone());
        r.register("bundle_bytes", "Bytes of the bodies of those answers", self.bytes.clone());
        r.register("bundle_previous", "Answers with an asset of an earlier build", self.previous.clone());
        r.register("bundle_indexes", "Attempts to index a bundle, by result", self.indexes.clone());
        r.register("bundle_variants_made", "Variants made of files, by encoding", self.variants_made.clone());
        r.register("bundle_files", "Files in the bundle", self.files.clone());
        r.register("bundle_memory_bytes", "Bytes held in memory, by what they are", self.memory.clone());
    }

    /// Handles of one bundle.
    pub fn of(&self, root: &str) -> BundleMetrics {
        let labels = |key: &'static str, word: &str| vec![("bundle", root.to_owned()), (key, word.to_owned())];
        let answer = |word| self.answers.get_or_create_owned(&labels("result", word));
        let index = |word| self.indexes.get_or_create_owned(&labels("result", word));
        let only = vec![("bundle", root.to_owned())];
        BundleMetrics {
            served: answer("served"),
            not_modified: answer("not-modified"),
            redirected: answer("redirected"),
            missing: answer("missing"),
            refused_request: answer("refused"),
            failed: answer("failed"),
            bytes: self.bytes.get_or_create_owned(&only),
            previous: self.previous.get_or_create_owned(&only),
            indexed: index("indexed"),
            refused: index("refused"),
            unsettled: index("unsettled"),
            made: ENCODINGS.map(|word| self.variants_made.get_or_create_owned(&labels("encoding", word))),
        }
    }

    /// Shows how much there is of a bundle.
    pub fn show(&self, root: &str, sizes: &BundleSizes) {
        let number = |size: u64| i64::try_from(size).unwrap_or(i64::MAX);
        self.files.get_or_create(&vec![("bundle", root.to_owned())]).set(number(sizes.files as u64));
        let kinds =
            [("files", sizes.files_memory), ("variants", sizes.variants_memory), ("previous", sizes.previous_memory)];
        for (kind, bytes) in kinds {
            self.memory.get_or_create(&vec![("bundle", root.to_owned()), ("kind", kind.to_owned())]).set(number(bytes));
        }
    }

    /// Forgets how much there is of any bundle; what is still configured is shown again.
    pub(super) fn forget(&self) {
        self.files.clear();
        self.memory.clear();
    }
}

/// Handles of one bundle.
#[derive(Debug, Clone)]
pub struct BundleMetrics {
    served: Counter,
    not_modified: Counter,
    redirected: Counter,
    missing: Counter,
    refused_request: Counter,
    failed: Counter,
    bytes: Counter,
    previous: Counter,
    indexed: Counter,
    refused: Counter,
    unsettled: Counter,
    made: [Counter; ENCODINGS.len()],
}

impl BundleMetrics {
    /// Counts an answer with a body of this many bytes.
    pub fn answered(&self, status: StatusCode, bytes: u64) {
        let counter = match status {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => &self.served,
            StatusCode::NOT_MODIFIED => &self.not_modified,
            StatusCode::NOT_FOUND => &self.missing,
            status if status.is_redirection() => &self.redirected,
            status if status.is_server_error() => &self.failed,
            _ => &self.refused_request,
        };
        counter.inc();
        self.bytes.inc_by(bytes);
    }

    /// Counts an answer with an asset of an earlier build.
    pub fn previous(&self) {
        self.previous.inc();
    }

    /// Counts a new index.
    pub fn indexed(&self) {
        self.indexed.inc();
    }

    /// Counts an index that could not be made.
    pub fn refused(&self) {
        self.refused.inc();
    }

    /// Counts a folder that changed while it was looked at.
    pub fn unsettled(&self) {
        self.unsettled.inc();
    }

    /// Counts a variant that was made.
    pub fn made(&self, encoding: &str) {
        if let Some(at) = ENCODINGS.iter().position(|word| *word == encoding) {
            self.made[at].inc();
        }
    }
}
