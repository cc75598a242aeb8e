//! What a cases file says of things that a policy keeps.

use super::Span;
use serde::{Deserialize, Serialize};

/// A value that a policy keeps.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged, expecting = "a text, a whole number, or a table with value and ttl")]
pub enum Kept {
    /// Bytes.
    Text(String),
    /// A number.
    Number(i64),
    /// For a time.
    Lasting(Lasting),
}

/// A value that a policy keeps for a time.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lasting {
    /// The value.
    pub value: Box<Kept>,
    /// For how long; `0s` is for good.
    pub ttl: Span,
}
