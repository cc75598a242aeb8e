//! A stored response's bytes in other content codings, each made when it is first wanted.
//!
//! Owns what became of each coding, for all workers. Belongs to the bytes: whoever has them under newer fields has these
//! too, and they go when the bytes go. Never makes any.
#![allow(clippy::disallowed_types, reason = "held for a copy of pointers, by requests that take a coding")]

use super::filling::Filling;
use super::segments::Segments;
use crate::cache::coding::Encoding;
use std::sync::{Arc, PoisonError, RwLock};

/// What became of one coding.
#[derive(Debug, Clone, Default)]
pub enum Form {
    /// Nobody wanted it yet.
    #[default]
    Unmade,
    /// It is being made.
    Arriving(Arc<Filling>),
    /// Its bytes.
    Made(Arc<Segments>),
    /// It was not worth its place.
    Useless,
}

/// The codings of one response.
#[derive(Debug, Default)]
pub struct Codings(RwLock<[Form; Encoding::ALL.len()]>);

impl Codings {
    /// What became of a coding.
    pub fn form(&self, encoding: Encoding) -> Form {
        self.0.read().unwrap_or_else(PoisonError::into_inner)[encoding as usize].clone()
    }

    /// Takes on the making of a coding; false when it is not unmade any more.
    pub fn begin(&self, encoding: Encoding, filling: &Arc<Filling>) -> bool {
        let form = &mut self.0.write().unwrap_or_else(PoisonError::into_inner)[encoding as usize];
        let is_unmade = matches!(form, Form::Unmade);
        if is_unmade {
            *form = Form::Arriving(Arc::clone(filling));
        }
        is_unmade
    }

    /// Says what became of it.
    pub fn settle(&self, encoding: Encoding, became: Form) {
        self.0.write().unwrap_or_else(PoisonError::into_inner)[encoding as usize] = became;
    }

    /// Bytes of those that were made.
    pub fn bytes(&self) -> u64 {
        let forms = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let made = |form: &Form| if let Form::Made(bytes) = form { bytes.bytes() } else { 0 };
        forms.iter().map(made).sum()
    }
}
