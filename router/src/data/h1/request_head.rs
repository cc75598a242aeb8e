//! Request heads: bytes in, a checked head out (RFC 9112 sections 3 and 6). Pure: no I/O, no clock.
//! Stricter than the RFC obliges wherever two implementations are known to disagree; never repairs, never guesses.
//! Called by the client connection for every request.

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, HeaderValue, Method, Uri, Version};

use super::fields::{self, FIELDS_MAX, Facts, Framing, HeadLimits, Side};
use super::head_error::HeadError;

/// A request head that may be acted upon.
#[derive(Debug)]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// Origin form (`/path?query`), `*`, or for CONNECT the authority. An absolute target has become origin form,
    /// its authority the `host` header (RFC 9112 section 3.2.2).
    pub uri: Uri,
    /// 1.0 or 1.1.
    pub version: Version,
    /// All fields, in order per name, hop-by-hop fields included but for a `connection` of `keep-alive` or `close` alone.
    pub headers: HeaderMap,
    /// How the body ends.
    pub framing: Framing,
    /// Whether the client lets the connection live on.
    pub keep_alive: bool,
    /// Whether the client waits for 100 before it sends the body (RFC 9110 section 10.1.1).
    pub expects_continue: bool,
    /// Whether the client asked for another protocol (`connection: upgrade` with `upgrade`).
    pub upgrade: bool,
    /// Bytes of the head.
    pub len: usize,
}

/// Parses one head from the front of `buffer`. `Ok(None)`: more bytes are needed.
///
/// # Errors
/// The first fault found; the connection must not be read further.
pub fn parse_request(buffer: &[u8], limits: &HeadLimits) -> Result<Option<RequestHead>, HeadError> {
    match buffer {
        [] | [b'\r'] => return Ok(None),
        [b'\n', ..] => return Err(HeadError::BareLineFeed),
        [b'\r', ..] => return Err(HeadError::BareCarriageReturn),
        [b' ' | b'\t', ..] => return Err(HeadError::Method),
        _ => {}
    }
    let mut fields = [const { MaybeUninit::uninit() }; FIELDS_MAX];
    let mut parsed = httparse::Request::new(&mut []);
    let len = match parsed.parse_with_uninit_headers(buffer, &mut fields[..limits.fields.min(FIELDS_MAX)]) {
        Ok(httparse::Status::Complete(len)) if len <= limits.head_bytes => len,
        Ok(httparse::Status::Complete(_)) => return Err(too_large(buffer, limits)),
        Ok(httparse::Status::Partial) => return incomplete(buffer, limits),
        Err(error) => return Err(HeadError::diagnose(buffer, error)),
    };
    let (Some(method), Some(target), Some(minor)) = (parsed.method, parsed.path, parsed.version) else {
        return Err(HeadError::Target);
    };
    let line_end = fields::offset(buffer, target.as_bytes()) + target.len() + b" HTTP/1.1".len();
    if buffer.get(line_end) != Some(&b'\r') || !buffer[..len].ends_with(b"\r\n\r\n") {
        return Err(HeadError::BareLineFeed);
    }
    // The whole line counts, as it does while the head arrives: whether it is refused must not depend on how it was cut.
    if target.len() > limits.target_bytes || line_end + 1 > limits.first_line_bytes() {
        return Err(HeadError::TargetTooLong);
    }
    let head = Bytes::copy_from_slice(&buffer[..len]);
    let (headers, facts) = fields::collect(buffer, &head, parsed.headers, Side::Request)?;
    let version = if minor == 0 { Version::HTTP_10 } else { Version::HTTP_11 };
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| HeadError::Method)?;
    let start = fields::offset(buffer, target.as_bytes());
    let target = head.slice(start..start + target.len());
    complete(method, target, version, headers, facts, len).map(Some)
}

fn complete(
    method: Method,
    target: Bytes,
    version: Version,
    mut headers: HeaderMap,
    facts: Facts,
    len: usize,
) -> Result<RequestHead, HeadError> {
    let old = version == Version::HTTP_10;
    if old && facts.chunked {
        return Err(HeadError::CodingOnHttp10);
    }
    if !old && !facts.has_host {
        return Err(HeadError::MissingHost);
    }
    let uri = parse_target(&method, target, &mut headers)?;
    let framing = if facts.chunked { Framing::Chunked } else { Framing::Length(facts.length.unwrap_or(0)) };
    let keep_alive = if old { facts.keep_alive && !facts.close } else { !facts.close };
    let expects_continue = facts.expects_continue && !old && framing != Framing::Length(0);
    Ok(RequestHead {
        method,
        uri,
        version,
        headers,
        framing,
        keep_alive,
        expects_continue,
        upgrade: facts.upgrade,
        len,
    })
}

fn parse_target(method: &Method, target: Bytes, headers: &mut HeaderMap) -> Result<Uri, HeadError> {
    // `#` never goes over the wire; the URI type would cut the target there without a word.
    if target.iter().any(|&byte| byte <= b' ' || byte >= 0x7f || byte == b'#') {
        return Err(HeadError::Target);
    }
    if method == Method::CONNECT {
        let valid = fields::is_host(&target) && target.contains(&b':') && !target.ends_with(b":");
        return if valid { uri_of(target) } else { Err(HeadError::TargetForm) };
    }
    match target[0] {
        b'/' => uri_of(target),
        b'*' if target.len() == 1 && method == Method::OPTIONS => Ok(Uri::from_static("*")),
        b'*' => Err(HeadError::TargetForm),
        _ => absolute_target(target, headers),
    }
}

fn absolute_target(target: Bytes, headers: &mut HeaderMap) -> Result<Uri, HeadError> {
    let scheme_len = target.iter().position(|&byte| byte == b':').ok_or(HeadError::TargetForm)?;
    let scheme = &target[..scheme_len];
    let web = scheme.eq_ignore_ascii_case(b"http") || scheme.eq_ignore_ascii_case(b"https");
    if !web || !target[scheme_len..].starts_with(b"://") {
        return Err(HeadError::TargetForm);
    }
    let mut parts = uri_of(target)?.into_parts();
    let authority = parts.authority.take().ok_or(HeadError::Target)?;
    if !fields::is_host(authority.as_str().as_bytes()) {
        return Err(HeadError::Host);
    }
    headers.insert(HOST, HeaderValue::from_str(authority.as_str()).map_err(|_| HeadError::Host)?);
    parts.scheme = None;
    Uri::from_parts(parts).map_err(|_| HeadError::Target)
}

fn uri_of(target: Bytes) -> Result<Uri, HeadError> {
    Uri::from_maybe_shared(target).map_err(|_| HeadError::Target)
}

fn incomplete(buffer: &[u8], limits: &HeadLimits) -> Result<Option<RequestHead>, HeadError> {
    match too_large(buffer, limits) {
        HeadError::TooLarge if buffer.len() < limits.head_bytes => Ok(None),
        error => Err(error),
    }
}

fn too_large(buffer: &[u8], limits: &HeadLimits) -> HeadError {
    let line_end = buffer.iter().position(|&byte| byte == b'\n').unwrap_or(buffer.len());
    if line_end > limits.first_line_bytes() { HeadError::TargetTooLong } else { HeadError::TooLarge }
}
