//! The text of a policy's buckets.
//!
//! Owns the keys below `[policies.NAME.kv.BUCKET]`, as `raw` owns the others.

use crate::config::defaults;
use crate::config::value::{Field, Size, TextField, Whole, shown_bytes};
use schemars::JsonSchema;
use serde::Deserialize;

/// How much a bucket of a policy may hold.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(in crate::config) struct RawBucket {
    /// Entries.
    #[schemars(extend("default" = defaults::BUCKET_ENTRIES))]
    pub(in crate::config) entries: Field<Whole<1, 10_000_000>>,
    /// All keys and values, with about 96 bytes for each entry.
    #[schemars(extend("default" = shown_bytes(defaults::BUCKET_SIZE)))]
    pub(in crate::config) size: TextField<Size<1024, { 1 << 32 }>>,
    /// One value.
    #[schemars(extend("default" = shown_bytes(defaults::BUCKET_VALUE)))]
    pub(in crate::config) value_size: TextField<Size<8, { 64 << 10 }>>,
}
