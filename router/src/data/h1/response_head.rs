//! Response heads of origins: bytes in, a checked head out (RFC 9112 sections 4 and 6.3). Pure: no I/O, no clock.
//! An origin that lies about framing could poison a shared connection, so it gets the same strictness as a client.
//! Called by upstream connections.

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Version};

use super::fields::{self, FIELDS_MAX, Framing, HeadLimits, Side};
use super::head_error::HeadError;

/// A response head that may be acted upon.
#[derive(Debug)]
pub struct ResponseHead {
    /// The status; 1xx are interim, except 101.
    pub status: StatusCode,
    /// 1.0 or 1.1.
    pub version: Version,
    /// All fields, in order per name, hop-by-hop fields included but for a `connection` of `keep-alive` or `close` alone.
    pub headers: HeaderMap,
    /// How the body ends, given the method of the request.
    pub framing: Framing,
    /// Whether the origin lets the connection live on.
    pub keep_alive: bool,
    /// Bytes of the head.
    pub len: usize,
}

/// Parses one head from the front of `buffer`, the answer to a request with this method. `Ok(None)`: more bytes needed.
///
/// # Errors
/// The first fault found; the connection must not be used further.
pub fn parse_response(buffer: &[u8], method: &Method, limits: &HeadLimits) -> Result<Option<ResponseHead>, HeadError> {
    match buffer {
        [] => return Ok(None),
        [b'\n', ..] => return Err(HeadError::BareLineFeed),
        [b'\r' | b' ' | b'\t', ..] => return Err(HeadError::Status),
        _ => {}
    }
    let mut fields = [const { MaybeUninit::uninit() }; FIELDS_MAX];
    let mut parsed = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let room = &mut fields[..limits.fields.min(FIELDS_MAX)];
    let len = match config.parse_response_with_uninit_headers(&mut parsed, buffer, room) {
        Ok(httparse::Status::Complete(len)) if len <= limits.head_bytes => len,
        Ok(httparse::Status::Partial) if buffer.len() < limits.head_bytes => return Ok(None),
        Ok(_) => return Err(HeadError::TooLarge),
        Err(error) => return Err(HeadError::diagnose(buffer, error)),
    };
    let (Some(code), Some(minor)) = (parsed.code, parsed.version) else { return Err(HeadError::Status) };
    let line_end = buffer.iter().position(|&byte| byte == b'\n').unwrap_or(0);
    if line_end == 0 || buffer[line_end - 1] != b'\r' || !buffer[..len].ends_with(b"\r\n\r\n") {
        return Err(HeadError::BareLineFeed);
    }
    let status = StatusCode::from_u16(code).ok().filter(|status| status.as_u16() < 600).ok_or(HeadError::Status)?;
    let version = if minor == 0 { Version::HTTP_10 } else { Version::HTTP_11 };
    let head = Bytes::copy_from_slice(&buffer[..len]);
    let (headers, facts) = fields::collect(buffer, &head, parsed.headers, Side::Response)?;
    if facts.chunked && version == Version::HTTP_10 {
        return Err(HeadError::CodingOnHttp10);
    }
    let framing = match (facts.chunked, facts.length) {
        _ if has_no_body(method, status) => Framing::Length(0),
        _ if facts.until_close => Framing::UntilClose,
        (true, _) => Framing::Chunked,
        (false, Some(length)) => Framing::Length(length),
        (false, None) => Framing::UntilClose,
    };
    let persistent = if version == Version::HTTP_10 { facts.keep_alive } else { true };
    let keep_alive = persistent && !facts.close && framing != Framing::UntilClose;
    Ok(Some(ResponseHead { status, version, headers, framing, keep_alive, len }))
}

/// Responses that end with their head whatever their fields say (RFC 9112 section 6.3, rules 1 and 2).
pub(crate) fn has_no_body(method: &Method, status: StatusCode) -> bool {
    method == Method::HEAD
        || status.is_informational()
        || status == StatusCode::NO_CONTENT
        || status == StatusCode::NOT_MODIFIED
        || (method == Method::CONNECT && status.is_success())
}
