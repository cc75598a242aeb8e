//! Secrets: the admin token and the keys of session cookies.
//!
//! Owns their forms and the only files that reading a configuration opens. Never puts a secret into a message.

use super::Resolver;
use crate::config::raw::{RawAdmin, RawKey};
use crate::config::value::{At, FileName, Secret, Span, TextField};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::io::Read;

/// Fewest bytes of an affinity secret: the output of SHA-256, below which HMAC is weaker (RFC 2104, section 3).
const AFFINITY_MIN: usize = 32;

/// Fewest characters of an admin token.
const TOKEN_MIN: usize = 16;

/// Largest file that holds a secret, bytes.
const FILE_MAX: u64 = 64 * 1024;

impl Resolver<'_> {
    /// The secret of an affinity key.
    pub(super) fn affinity_secret(&mut self, key: &At<RawKey>) -> Option<Vec<u8>> {
        let (inline, file) = (&key.value.secret, &key.value.secret_file);
        let (bytes, span) = match self.one_secret(&key.span, inline, file, "secret")? {
            Some(found) => found,
            None => {
                let removed = self.removed.key(&key.span, "secret") || self.removed.key(&key.span, "secret_file");
                if !removed {
                    let error = self.error(&key.span, "the key has no secret");
                    error.help.push("give `secret` or `secret_file`".into());
                }
                return None;
            }
        };
        let secret = match decoded(bytes) {
            Ok(secret) => secret,
            Err(form) => {
                let error = self.error(&span, format!("the secret is not {form}"));
                error.help.push(format!("after \"{form}:\" only {form} digits are accepted"));
                return None;
            }
        };
        if secret.len() < AFFINITY_MIN {
            let error = self.error(&span, format!("the secret has {} bytes", secret.len()));
            error.help.push(format!(
                "accepted: at least {AFFINITY_MIN} bytes, for example \"hex:\" and the output of `openssl rand -hex 32`"
            ));
            return None;
        }
        Some(secret)
    }

    /// The admin token; outer none when it is wrong, inner none when there is none.
    pub(super) fn admin_token(&mut self, admin: &At<RawAdmin>) -> Option<Option<String>> {
        let Some((bytes, span)) = self.one_secret(&admin.span, &admin.value.token, &admin.value.token_file, "token")?
        else {
            return Some(None);
        };
        let token = String::from_utf8(bytes).unwrap_or_default().trim().to_owned();
        if token.len() >= TOKEN_MIN && token.chars().all(|c| c.is_ascii_graphic()) {
            return Some(Some(token));
        }
        let error = self.error(&span, "the token is too short or has characters that a header cannot carry");
        error.help.push(format!("accepted: at least {TOKEN_MIN} visible ASCII characters"));
        None
    }

    /// What `key` or `key_file` holds, and where that was said; outer none when it is wrong.
    fn one_secret(
        &mut self,
        table: &Span,
        inline: &TextField<Secret>,
        file: &TextField<FileName>,
        key: &str,
    ) -> Option<Option<(Vec<u8>, Span)>> {
        match (inline, file) {
            (Some(_), Some(_)) => {
                self.error(table, format!("`{key}` and `{key}_file` are both given"))
                    .help
                    .push("keep one of them".into());
                None
            }
            (Some(inline), None) => Some(Some((inline.value.0.0.clone().into_bytes(), inline.span.clone()))),
            (None, None) => Some(None),
            (None, Some(name)) => {
                let path = self.base_dir.join(&name.value.0.0);
                let mut bytes = Vec::new();
                let read = std::fs::File::open(&path).and_then(|file| file.take(FILE_MAX + 1).read_to_end(&mut bytes));
                match read {
                    Ok(count) if count as u64 <= FILE_MAX => Some(Some((bytes, name.span.clone()))),
                    Ok(_) => {
                        let wrong = format!("{} is larger than {FILE_MAX} bytes", path.display());
                        self.error(&name.span, wrong);
                        None
                    }
                    Err(error) => {
                        self.error(&name.span, format!("cannot read {}: {error}", path.display()));
                        None
                    }
                }
            }
        }
    }
}

/// The bytes meant by `hex:..`, `base64:..` or anything else; the error names the form that was announced and is not
/// there. Raw bytes that are no text stand for themselves.
fn decoded(bytes: Vec<u8>) -> Result<Vec<u8>, &'static str> {
    let Ok(text) = std::str::from_utf8(&bytes) else { return Ok(bytes) };
    let text = text.trim();
    if let Some(digits) = text.strip_prefix("hex:") {
        return from_hex(digits).ok_or("hex");
    }
    if let Some(digits) = text.strip_prefix("base64:") {
        return STANDARD.decode(digits).map_err(|_| "base64");
    }
    Ok(text.as_bytes().to_vec())
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let pair = |pair: &[u8]| match pair {
        [high, low] => {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            u8::try_from(digit(*high)? << 4 | digit(*low)?).ok()
        }
        _ => None,
    };
    digits.as_bytes().chunks(2).map(pair).collect()
}
