//! What a call of a policy reads besides what it is passed: what it keeps, and what it looks up.
//!
//! Owns what a question says of that (`Reads`) and what is known of it afterwards (`Noted`). Both are inputs of a verdict, so a
//! record has them and `explain` shows them. Where nobody asks, a call notes nothing.

use super::kv::{Given, Journal, KvCall};
use std::sync::Arc;

/// How a call reads what the policy keeps.
#[derive(Debug, Clone, Copy)]
pub enum Reads<'a> {
    /// From its buckets.
    Live,
    /// From its buckets, and what it reads is noted, as are its look-ups.
    Noted,
    /// From a record: nothing is kept. What it looks up and what is missing is noted.
    Given(&'a Arc<[KvCall]>),
}

impl Reads<'_> {
    pub(super) fn journal(&self) -> Journal {
        match self {
            Self::Live => Journal::Off,
            Self::Noted => Journal::Noting(Default::default()),
            Self::Given(calls) => Journal::Given(Given::new(calls)),
        }
    }
}

/// What a call read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Noted {
    /// Its calls of `kv`.
    pub kv: Vec<KvCall>,
    /// There were more of them than are noted.
    pub cut: bool,
    /// Its look-ups: the place of the field in the manifest, and how many bytes it has; none where there is no such field.
    pub lookups: Vec<(u32, Option<usize>)>,
    /// Buckets in which it wanted something that the record does not have.
    pub unknown: Vec<Arc<str>>,
}

impl Noted {
    pub(super) fn of(journal: Journal, lookups: Vec<(u32, Option<usize>)>) -> Self {
        match journal {
            Journal::Off => Self { lookups, ..Self::default() },
            Journal::Noting(noted) => Self { kv: noted.calls, cut: noted.cut, lookups, ..Self::default() },
            Journal::Given(given) => Self { lookups, unknown: given.unknown, ..Self::default() },
        }
    }

    /// Whether it read nothing.
    pub fn is_empty(&self) -> bool {
        let Self { kv, cut, lookups, unknown } = self;
        kv.is_empty() && !cut && lookups.is_empty() && unknown.is_empty()
    }
}
