//! The keys of affinity tokens: one signs, all verify.
//!
//! Owns rotation: add a new key, make it active once every PoP has it, drop the old one after the longest lifetime.
//! Secrets never leave this file and are never printed.

use super::codec::{self, TEXT_MAX};
use super::{Proven, Terms, Token, TokenError};
use crate::base::Timestamp;
use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Shortest secret: the size of SHA-256's output (RFC 2104, section 3).
const SECRET_MIN: usize = 32;
/// Longest key id, bytes.
pub(super) const ID_MAX: usize = 16;
/// How many cookies of our name are looked at: each costs a signature.
const COOKIES_MAX: usize = 4;

/// What is wrong with the keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No key at all.
    #[error("there is no key; at least one is needed")]
    None,
    /// An id that does not fit.
    #[error("the key id {0:?} has {len} bytes; 1 to 16 are accepted", len = .0.len())]
    Id(String),
    /// Twice the same id.
    #[error("the key id {0:?} is used twice")]
    Twice(String),
    /// A secret that can be guessed.
    #[error("the secret of key {id:?} has {len} bytes; at least 32 are accepted")]
    Short {
        /// Which key.
        id: String,
        /// Its length.
        len: usize,
    },
}

/// Keys by id; the first one signs.
pub struct Keys {
    all: Vec<(String, hmac::Key)>,
    /// A digest of all ids and secrets: what one set proved, only the same set has proven.
    identity: [u8; 32],
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Keys").field(&self.ids().collect::<Vec<_>>()).finish()
    }
}

impl Keys {
    /// Keys as (id, secret); the first one is active.
    ///
    /// # Errors
    /// When there is none, an id is empty, too long or used twice, or a secret is shorter than 32 bytes.
    pub fn new<'a>(keys: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Self, KeyError> {
        let mut all: Vec<(String, hmac::Key)> = Vec::new();
        let mut content = digest::Context::new(&digest::SHA256);
        for (id, secret) in keys {
            if id.is_empty() || id.len() > ID_MAX {
                return Err(KeyError::Id(id.to_owned()));
            }
            if all.iter().any(|(other, _)| other == id) {
                return Err(KeyError::Twice(id.to_owned()));
            }
            if secret.len() < SECRET_MIN {
                return Err(KeyError::Short { id: id.to_owned(), len: secret.len() });
            }
            for part in [id.as_bytes(), secret] {
                content.update(&part.len().to_le_bytes());
                content.update(part);
            }
            all.push((id.to_owned(), hmac::Key::new(hmac::HMAC_SHA256, secret)));
        }
        if all.is_empty() {
            return Err(KeyError::None);
        }
        let mut identity = [0; 32];
        identity.copy_from_slice(content.finish().as_ref());
        Ok(Self { all, identity })
    }

    /// Ids, the active one first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|(id, _)| id.as_str())
    }

    /// A token as text, signed with the active key.
    ///
    /// # Errors
    /// `TooLong` when its region name or payload is.
    pub fn encode(&self, token: &Token, service: &str) -> Result<String, TokenError> {
        Ok(self.signed(codec::write(token, service, &self.all[0].0)?))
    }

    /// Any content as if a PoP with these keys had written it: for fuzzing what stands behind the signature.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn seal(&self, content: &[u8]) -> String {
        self.signed([codec::CONTEXT, content].concat())
    }

    fn signed(&self, mut message: Vec<u8>) -> String {
        let tag = hmac::sign(&self.all[0].1, &message);
        message.extend_from_slice(tag.as_ref());
        URL_SAFE_NO_PAD.encode(&message[codec::CONTEXT.len()..])
    }

    /// The token in a text, if its signature matches and the service's terms are met. The signature is compared in
    /// constant time and before anything else of the content is looked at.
    ///
    /// # Errors
    /// Why it is not honoured.
    pub fn decode(&self, text: &str, terms: &Terms<'_>, now: Timestamp) -> Result<Token, TokenError> {
        let context = codec::CONTEXT.len();
        if text.len() > TEXT_MAX {
            return Err(TokenError::Malformed);
        }
        let mut buffer = [0u8; codec::CONTEXT.len() + TEXT_MAX];
        buffer[..context].copy_from_slice(codec::CONTEXT);
        let size = URL_SAFE_NO_PAD.decode_slice(text, &mut buffer[context..]).map_err(|_| TokenError::Malformed)?;
        let signed = size.checked_sub(codec::TAG_LEN).ok_or(TokenError::Malformed)?;
        let (message, tag) = buffer[..context + size].split_at(context + signed);

        let id = codec::key_id(message)?;
        let (_, key) = self.all.iter().find(|(known, _)| known.as_bytes() == id).ok_or(TokenError::UnknownKey)?;
        hmac::verify(key, message, tag).map_err(|_| TokenError::BadSignature)?;
        let token = codec::read(message, terms.service)?;
        token.check(terms, now)?;
        Ok(token)
    }

    /// The first valid token among a request's cookies of our name; none when there is no such cookie. A token that its
    /// connection has `proven` before is not checked again, but for its age.
    ///
    /// # Errors
    /// When no cookie is valid: why the first was not.
    pub fn first_valid<'a>(
        &self,
        values: impl IntoIterator<Item = &'a str>,
        terms: &Terms<'_>,
        now: Timestamp,
        proven: Option<&Proven>,
    ) -> Result<Option<Token>, TokenError> {
        let mut refused = Ok(None);
        for value in values.into_iter().take(COOKIES_MAX) {
            let recalled = proven.and_then(|proven| proven.recall(&self.identity, value, terms, now));
            let known = recalled.is_some();
            match recalled.unwrap_or_else(|| self.decode(value, terms, now)) {
                Ok(token) => {
                    if let Some(proven) = proven.filter(|_| !known) {
                        proven.remember(&self.identity, value, terms, &token);
                    }
                    return Ok(Some(token));
                }
                Err(error) => refused = refused.and(Err(error)),
            }
        }
        refused
    }
}
