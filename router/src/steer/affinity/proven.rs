//! A token that was checked a moment ago on the same connection.
//!
//! A browser sends the same cookie on every request of its connection, and checking a signature costs as much as all
//! the rest of a decision. Owns the one text that is remembered with what it proved to be; its age is looked at every time.
//! Remembering changes no answer: the same text under the same keys is the same token. Called by `Keys::first_valid`.

use super::{Terms, Token, TokenError};
use crate::base::Timestamp;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use std::cell::RefCell;

/// The last token that was proven genuine, if any.
#[derive(Debug, Default)]
pub struct Proven(RefCell<Option<Memory>>);

#[derive(Debug)]
struct Memory {
    text: Box<str>,
    /// Which keys proved it (`Keys::identity`).
    keys: [u8; 32],
    service: Box<str>,
    token: Token,
}

impl Proven {
    /// The token in a text that these keys proved genuine before; the outer `None` when they did not.
    pub(super) fn recall(
        &self,
        keys: &[u8; 32],
        text: &str,
        terms: &Terms<'_>,
        now: Timestamp,
    ) -> Option<Result<Token, TokenError>> {
        let memory = self.0.borrow();
        let known = memory.as_ref().filter(|known| known.keys == *keys && *known.service == *terms.service)?;
        // In constant time: behind a shared proxy the remembered text may be another client's.
        verify_slices_are_equal(known.text.as_bytes(), text.as_bytes()).ok()?;
        Some(known.token.check(terms, now).map(|()| known.token.clone()))
    }

    /// Remembers a token that was just proven, in place of the one before.
    pub(super) fn remember(&self, keys: &[u8; 32], text: &str, terms: &Terms<'_>, token: &Token) {
        let memory = Memory { text: text.into(), keys: *keys, service: terms.service.into(), token: token.clone() };
        self.0.replace(Some(memory));
    }
}
