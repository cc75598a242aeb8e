//! The text of `[record]`: decisions written to a file.
//!
//! Owns its keys, as `raw` owns the others.

use crate::config::defaults;
use crate::config::value::{At, Field, FileName, RecordField, Share, Size, TextField, Written, shown_bytes};
use schemars::JsonSchema;
use serde::Deserialize;

/// Decisions written to a file: what the policies of a service declared that they read, what they read and wrote of what they
/// keep, the states and loads of its regions, the session's pin, the dice and the time, and what was decided. Never a body.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(in crate::config) struct RawRecord {
    /// The file. When it is full it is kept as FILE.1 and begun anew, and so is what an earlier process wrote.
    #[schemars(required)]
    pub(in crate::config) file: TextField<FileName>,
    /// Share of decisions that are written, 0 to 1.
    #[schemars(extend("default" = defaults::RECORD_SHARE))]
    pub(in crate::config) share: Field<Share>,
    /// Bytes that both files together may take.
    #[schemars(extend("default" = shown_bytes(defaults::RECORD_SIZE)))]
    pub(in crate::config) size: TextField<Size<{ 1 << 20 }, { 1 << 40 }>>,
    /// Fields that are never written, as manifests name them (`header:NAME`, `cookie:NAME`, `client.ip` ...), and
    /// `client.location`, `pin.payload` and `kv:BUCKET`. What depends on them cannot be replayed. What a policy keeps that sees
    /// such a field is not written either.
    #[schemars(extend("default" = defaults::RECORD_REDACT))]
    pub(in crate::config) redact: Field<Vec<At<Written<RecordField>>>>,
}
