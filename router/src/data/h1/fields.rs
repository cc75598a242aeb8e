//! The header section: strict line ends, fields into a `HeaderMap` without copying each, and the fields that decide
//! framing and connection life (RFC 9112 section 6, RFC 9110 sections 7.6 and 10.1). Never looks at a body.
//! Used by the request head, the response head and trailers.

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::buffers;
use super::head_error::HeadError;

/// The most header fields that any setting may allow.
pub const FIELDS_MAX: usize = 256;

/// Limits of a message head. The defaults are those of our configuration reference; nginx allows 32 KiB, Envoy 60 KiB.
#[derive(Debug, Clone, Copy)]
pub struct HeadLimits {
    /// Bytes of the whole head, the first line included.
    pub head_bytes: usize,
    /// Bytes of the request target.
    pub target_bytes: usize,
    /// Number of header fields, at most [`FIELDS_MAX`].
    pub fields: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self { head_bytes: 64 * 1024, target_bytes: 16 * 1024, fields: 100 }
    }
}

impl HeadLimits {
    /// Beyond this many bytes without a line end, the request line is too long whatever follows.
    pub(crate) fn first_line_bytes(&self) -> usize {
        // Room for the method, the spaces and the version.
        self.target_bytes.saturating_add(64)
    }
}

/// How the end of a body is found (RFC 9112 section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is none, or it has this many bytes.
    Length(u64),
    /// The chunked coding.
    Chunked,
    /// A response that ends with its connection.
    UntilClose,
}

/// What the header section says about framing and the connection.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) length: Option<u64>,
    pub(crate) chunked: bool,
    /// A response's `transfer-encoding` names what is no coding: its body ends with the connection.
    pub(crate) until_close: bool,
    pub(crate) close: bool,
    pub(crate) keep_alive: bool,
    pub(crate) upgrade: bool,
    pub(crate) expects_continue: bool,
    pub(crate) has_host: bool,
    names_upgrade: bool,
}

/// Which rules apply to repeated fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Request,
    Response,
}

/// Turns tokenised fields of `buffer` into a map whose values are slices of `head`, a copy of the same bytes. A `connection` that
/// says no more than whether the connection lives on is in the facts and not in the map: nearly every origin sends one, and it
/// would have to be taken out again at this hop.
pub(crate) fn collect(
    buffer: &[u8],
    head: &Bytes,
    fields: &[httparse::Header<'_>],
    side: Side,
) -> Result<(HeaderMap, Facts), HeadError> {
    let mut headers = buffers::take_headers();
    let mut facts = Facts::default();
    for field in fields {
        check_line_end(buffer, field)?;
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| HeadError::FieldName)?;
        facts.note(&name, field.value, side)?;
        if name == CONNECTION && is_life_alone(field.value) {
            continue;
        }
        let value = value_of(buffer, head, field.value)?;
        headers.try_append(name, value).map_err(|_| HeadError::TooManyFields)?;
    }
    if facts.length.is_some() && facts.chunked {
        return Err(HeadError::LengthAndCoding);
    }
    if facts.until_close {
        headers.remove(CONTENT_LENGTH);
    }
    facts.upgrade = facts.upgrade && facts.names_upgrade;
    Ok((headers, facts))
}

/// Whether a `connection` names no field, and no protocol.
fn is_life_alone(value: &[u8]) -> bool {
    value.eq_ignore_ascii_case(b"keep-alive") || value.eq_ignore_ascii_case(b"close")
}

/// The tokeniser takes a bare LF for a line end; this does not. It leaves nothing but blanks between value and line end.
fn check_line_end(buffer: &[u8], field: &httparse::Header<'_>) -> Result<(), HeadError> {
    let blanks = |mut at: usize| {
        while matches!(buffer.get(at), Some(b' ' | b'\t')) {
            at += 1;
        }
        at
    };
    let colon = offset(buffer, field.name.as_bytes()) + field.name.len();
    let value_end = blanks(colon + 1) + field.value.len();
    match buffer.get(blanks(value_end)) {
        Some(b'\r') => Ok(()),
        _ => Err(HeadError::BareLineFeed),
    }
}

/// Where `part`, a slice of `buffer`, starts in it.
pub(crate) fn offset(buffer: &[u8], part: &[u8]) -> usize {
    (part.as_ptr() as usize).wrapping_sub(buffer.as_ptr() as usize)
}

fn value_of(buffer: &[u8], head: &Bytes, value: &[u8]) -> Result<HeaderValue, HeadError> {
    if value.is_empty() {
        return Ok(HeaderValue::from_static(""));
    }
    let start = offset(buffer, value);
    HeaderValue::from_maybe_shared(head.slice(start..start + value.len())).map_err(|_| HeadError::FieldValue)
}

impl Facts {
    fn note(&mut self, name: &HeaderName, value: &[u8], side: Side) -> Result<(), HeadError> {
        if name == CONTENT_LENGTH {
            let length = parse_length(value)?;
            match (self.length, side) {
                (None, _) => self.length = Some(length),
                (Some(known), Side::Response) if known == length => {}
                _ => return Err(HeadError::RepeatedLength),
            }
        } else if name == TRANSFER_ENCODING {
            if self.chunked || self.until_close {
                return Err(HeadError::Coding);
            }
            self.until_close = side == Side::Response && is_no_coding(value);
            if !self.until_close {
                check_coding(value)?;
                self.chunked = true;
            }
        } else if name == CONNECTION {
            for token in value.split(|&byte| byte == b',') {
                let token = token.trim_ascii();
                self.close |= token.eq_ignore_ascii_case(b"close");
                self.keep_alive |= token.eq_ignore_ascii_case(b"keep-alive");
                self.upgrade |= token.eq_ignore_ascii_case(b"upgrade");
            }
        } else if name == HOST && side == Side::Request {
            if self.has_host {
                return Err(HeadError::RepeatedHost);
            }
            if !is_host(value) {
                return Err(HeadError::Host);
            }
            self.has_host = true;
        } else if name == EXPECT {
            self.expects_continue |= value.eq_ignore_ascii_case(b"100-continue");
        } else if name == UPGRADE {
            self.names_upgrade = true;
        }
        Ok(())
    }
}

/// A `content-length`: digits only, below 2^63.
pub(crate) fn parse_length(value: &[u8]) -> Result<u64, HeadError> {
    if value.is_empty() || value.len() > 19 || !value.iter().all(u8::is_ascii_digit) {
        return Err(HeadError::Length);
    }
    let number = value.iter().fold(0_u64, |number, digit| number * 10 + u64::from(digit - b'0'));
    if number > i64::MAX as u64 { Err(HeadError::Length) } else { Ok(number) }
}

/// Whether a response claims a coding that does not exist. Its body is then read to the end of the connection (RFC 9112
/// section 6.3, rule 4) and is what it is; a coding that exists would have to be undone, and nobody asked for one.
fn is_no_coding(value: &[u8]) -> bool {
    const CODINGS: [&[u8]; 7] = [b"chunked", b"gzip", b"x-gzip", b"compress", b"x-compress", b"deflate", b"identity"];
    let name =
        |token: &[u8]| token.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
    let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let odd = |name: &[u8]| !name.is_empty() && name.iter().all(token) && !CODINGS.contains(&name);
    value.split(|&byte| byte == b',').all(|part| odd(&name(part)))
}

fn check_coding(value: &[u8]) -> Result<(), HeadError> {
    if value.eq_ignore_ascii_case(b"chunked") {
        return Ok(());
    }
    let mut unknown = false;
    for token in value.split(|&byte| byte == b',') {
        let token = token.trim_ascii();
        if token.is_empty() {
            return Err(HeadError::Coding);
        }
        unknown |= !token.eq_ignore_ascii_case(b"chunked");
    }
    Err(if unknown { HeadError::UnknownCoding } else { HeadError::Coding })
}

/// Whether this is `uri-host [":" port]` (RFC 9110 section 7.2) without user information, and not empty.
pub(crate) fn is_host(value: &[u8]) -> bool {
    let (host, port) = if value.first() == Some(&b'[') {
        let Some(end) = value.iter().position(|&byte| byte == b']') else { return false };
        let inside = &value[1..end];
        if inside.is_empty() || !inside.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')) {
            return false;
        }
        (&value[..=end], &value[end + 1..])
    } else {
        let end = value.iter().position(|&byte| byte == b':').unwrap_or(value.len());
        if !value[..end].iter().all(|&byte| is_host_byte(byte)) {
            return false;
        }
        (&value[..end], &value[end..])
    };
    let port_fits = match port {
        [] => true,
        [b':', digits @ ..] => digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    !host.is_empty() && port_fits
}

/// unreserved, sub-delims and percent (RFC 3986 section 3.2.2).
fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
                | b'%'
        )
}
