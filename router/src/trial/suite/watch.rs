//! What a cases file says of the hook `health`.
//!
//! Owns its keys. What comes of them is `trial::watch`'s.

use super::{Lines, Span, State};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A call of the background instance.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Watch {
    /// What the same instance was told in a call before this one, where regions were otherwise then; left out, it begins here
    /// and is told of every region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<BTreeMap<String, State>>,
    /// How servers answer, by URL; the others do not: `no-connection`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub servers: BTreeMap<String, Server>,
    /// What it asks, in order: `GET http://10.0.1.10/load`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asks: Option<Vec<String>>,
    /// After how long it wants to be called again; `0s` is not before a region changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause: Option<Span>,
}

/// How a server answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged, expecting = "the word of a failure, such as \"timeout\", or a table with status, headers and body")]
pub enum Server {
    /// It does not, with the contract's word for why.
    Failure(String),
    /// With this.
    Answer(ServerAnswer),
}

/// What a server answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerAnswer {
    /// Its status.
    #[serde(default = "good")]
    pub status: u16,
    /// Its headers, as those of a request.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Lines>,
    /// Its body; `\xHH` is one byte.
    #[serde(default)]
    pub body: String,
}

fn good() -> u16 {
    200
}
