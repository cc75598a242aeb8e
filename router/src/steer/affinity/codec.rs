//! The bytes of a token.
//!
//! Owns the layout of version 1: version, key id, service hash, flags, region, endpoint, times, ttl, cohort, payload, then the
//! signature; numbers little-endian, texts behind their length. Checks shape only; `keys` checks the signature first.

use super::keys::ID_MAX;
use super::{PAYLOAD_MAX, Token, TokenError};
use crate::base::{Timestamp, hash};
use bytes::Bytes;
use std::time::Duration;

/// Signed in front of every token and never sent: a signature made for something else is no token.
pub(super) const CONTEXT: &[u8] = b"portolan-affinity:";
/// Bytes of the signature.
pub(super) const TAG_LEN: usize = 32;

const VERSION: u8 = 1;
const HAS_ENDPOINT: u8 = 1;
const HAS_TTL: u8 = 2;
const HAS_COHORT: u8 = 4;
const FLAGS_MAX: u8 = HAS_ENDPOINT + HAS_TTL + HAS_COHORT;
const REGION_MAX: usize = 255;
const BYTES_MAX: usize = 1 + 1 + ID_MAX + 8 + 1 + 1 + REGION_MAX + 8 + 3 * 8 + 8 + 4 + 2 + PAYLOAD_MAX + TAG_LEN;

/// Longest token as text, bytes.
pub const TOKEN_MAX: usize = (BYTES_MAX * 4).div_ceil(3);
pub(super) const TEXT_MAX: usize = TOKEN_MAX;
const _: () = assert!(TOKEN_MAX <= 1024);

/// What is signed: context and content.
pub(super) fn write(token: &Token, service: &str, key_id: &str) -> Result<Vec<u8>, TokenError> {
    let region_len = u8::try_from(token.region.len()).map_err(|_| TokenError::TooLong)?;
    let payload_len = u16::try_from(token.payload.len()).map_err(|_| TokenError::TooLong)?;
    if token.payload.len() > PAYLOAD_MAX || key_id.len() > ID_MAX {
        return Err(TokenError::TooLong);
    }
    let flag = |is_there, flag| u8::from(is_there) * flag;
    let flags = flag(token.endpoint.is_some(), HAS_ENDPOINT)
        + flag(token.ttl.is_some(), HAS_TTL)
        + flag(token.cohort.is_some(), HAS_COHORT);
    let mut out = Vec::with_capacity(CONTEXT.len() + BYTES_MAX);
    out.extend_from_slice(CONTEXT);
    out.extend_from_slice(&[VERSION, key_id.len() as u8]);
    out.extend_from_slice(key_id.as_bytes());
    out.extend_from_slice(&service_hash(service).to_le_bytes());
    out.extend_from_slice(&[flags, region_len]);
    out.extend_from_slice(token.region.as_bytes());
    let ttl_ms = token.ttl.map(|ttl| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
    let times = [token.session_started.0, token.pinned_at.0, token.last_used.0];
    let numbers = token.endpoint.into_iter().chain(times).chain(ttl_ms);
    numbers.for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
    token.cohort.iter().for_each(|cohort| out.extend_from_slice(&cohort.to_le_bytes()));
    out.extend_from_slice(&payload_len.to_le_bytes());
    out.extend_from_slice(&token.payload);
    Ok(out)
}

/// The key id of a message that nobody has vouched for yet.
pub(super) fn key_id(message: &[u8]) -> Result<&[u8], TokenError> {
    Reader(&message[CONTEXT.len()..]).key_id().ok_or(TokenError::Malformed)?
}

/// The token in a message whose signature was checked.
pub(super) fn read(message: &[u8], service: &str) -> Result<Token, TokenError> {
    let mut reader = Reader(&message[CONTEXT.len()..]);
    reader.key_id().ok_or(TokenError::Malformed)??;
    if reader.number().ok_or(TokenError::Malformed)? != service_hash(service) {
        return Err(TokenError::OtherService);
    }
    let token = reader.token().ok_or(TokenError::Malformed)?;
    if reader.0.is_empty() { Ok(token) } else { Err(TokenError::Malformed) }
}

fn service_hash(service: &str) -> u64 {
    hash::of(&[b"service", service.as_bytes()])
}

/// Takes fields off the front; none when the bytes run out.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn number(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_le_bytes)
    }

    /// Version and key id; the inner error is for a version that may be laid out in another way.
    fn key_id(&mut self) -> Option<Result<&'a [u8], TokenError>> {
        let version = self.byte()?;
        if version != VERSION {
            return Some(Err(TokenError::UnknownVersion(version)));
        }
        let len = usize::from(self.byte()?);
        self.take(len).map(Ok)
    }

    fn token(&mut self) -> Option<Token> {
        let flags = self.byte().filter(|flags| *flags <= FLAGS_MAX)?;
        let region_len = usize::from(self.byte()?);
        let region = std::str::from_utf8(self.take(region_len)?).ok()?.into();
        let endpoint = if flags & HAS_ENDPOINT != 0 { Some(self.number()?) } else { None };
        let [session_started, pinned_at, last_used] = [self.number()?, self.number()?, self.number()?].map(Timestamp);
        let ttl = if flags & HAS_TTL != 0 { Some(Duration::from_millis(self.number()?)) } else { None };
        let cohort =
            if flags & HAS_COHORT != 0 { Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?)) } else { None };
        let payload_len = u16::from_le_bytes(self.take(2)?.try_into().ok()?);
        let payload = Bytes::copy_from_slice(self.take(usize::from(payload_len))?);
        Some(Token { region, endpoint, session_started, pinned_at, last_used, ttl, payload, cohort })
    }
}
