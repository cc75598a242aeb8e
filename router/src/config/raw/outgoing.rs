//! The text of what a policy may ask of HTTP servers.
//!
//! Owns the keys below `[policies.NAME.http]`, as `raw` owns the others.

use crate::config::defaults;
use crate::config::value::{
    At, Field, FileName, GrantedUrl, Size, TextField, Time, Whole, Written, shown_bytes, shown_time,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// What a policy may ask of HTTP servers. A redirect is an answer like any other: nothing follows it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub(in crate::config) struct RawOutgoing {
    /// URLs that may be asked, with any query: `http://10.0.1.10:8080/status` is that path and all below it,
    /// `https://status.example/` the whole server. An address of this machine, of the link, or of a cloud's metadata is only
    /// asked when it stands here itself (or `localhost` does), never because a name leads to it.
    #[schemars(required)]
    pub(in crate::config) allow: Field<Vec<At<Written<GrantedUrl>>>>,
    /// Time for one request, from the look-up of the name to the last byte.
    #[schemars(extend("default" = shown_time(defaults::OUTGOING_TIMEOUT)))]
    pub(in crate::config) timeout: TextField<Time<1_000, 10_000_000>>,
    /// Body of an answer; its head may have 16 KiB.
    #[schemars(extend("default" = shown_bytes(defaults::OUTGOING_SIZE)))]
    pub(in crate::config) size: TextField<Size<1, { 1 << 20 }>>,
    /// Requests in a second.
    #[schemars(extend("default" = defaults::OUTGOING_RATE))]
    pub(in crate::config) rate: Field<Whole<1, 1000>>,
    /// PEM file with the authorities that servers are verified by; left out: the system's.
    pub(in crate::config) ca: TextField<FileName>,
}
