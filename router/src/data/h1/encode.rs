//! Heads to bytes, appended to a reused buffer: no formatting machinery, no allocation.
//! Owns the framing fields (`content-length`, `transfer-encoding`, and `connection` towards clients); writes every other
//! field as given. Used by client connections for responses and by upstream connections for requests.

use http::header::{CONNECTION, CONTENT_LENGTH, DATE, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, Method, StatusCode, request};

use super::date::write_date;

/// What the head says about the body that follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WireLength {
    /// No framing field at all: there is no body, or it ends with the connection.
    Unstated,
    /// `content-length`.
    Exact(u64),
    /// `transfer-encoding: chunked`.
    Chunked,
}

/// What the response head says about the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Persistence {
    /// Nothing: HTTP/1.1's default, it stays.
    Implied,
    /// `connection: keep-alive`, for an HTTP/1.0 client.
    KeepAlive,
    /// `connection: close`.
    Close,
}

/// Appends a final response head.
pub(crate) fn write_response(
    into: &mut Vec<u8>,
    status: StatusCode,
    headers: &HeaderMap,
    length: WireLength,
    persistence: Persistence,
) {
    write_status_line(into, status);
    write_fields(into, headers, |name| {
        name == CONTENT_LENGTH
            || name == TRANSFER_ENCODING
            || (name == CONNECTION && status != StatusCode::SWITCHING_PROTOCOLS)
    });
    // 426 and its like name protocols; the field is only valid when `connection` lists it.
    let offers = status != StatusCode::SWITCHING_PROTOCOLS && headers.contains_key(UPGRADE);
    into.extend_from_slice(match (persistence, offers) {
        (Persistence::Implied, false) => b"",
        (Persistence::Implied, true) => b"connection: upgrade\r\n",
        (Persistence::KeepAlive, false) => b"connection: keep-alive\r\n",
        (Persistence::KeepAlive, true) => b"connection: keep-alive, upgrade\r\n",
        (Persistence::Close, false) => b"connection: close\r\n".as_slice(),
        (Persistence::Close, true) => b"connection: close, upgrade\r\n",
    });
    write_length(into, length);
    if !headers.contains_key(DATE) {
        into.extend_from_slice(b"date: ");
        write_date(into);
        into.extend_from_slice(b"\r\n");
    }
    into.extend_from_slice(b"\r\n");
}

/// Appends an interim (1xx) response head.
pub(crate) fn write_interim(into: &mut Vec<u8>, status: StatusCode, headers: &HeaderMap) {
    write_status_line(into, status);
    write_fields(into, headers, |name| name == CONTENT_LENGTH || name == TRANSFER_ENCODING || name == CONNECTION);
    into.extend_from_slice(b"\r\n");
}

/// Appends a request head. A missing `host` is made from the URI's authority; `added` are fields that are encoded already.
pub(crate) fn write_request(into: &mut Vec<u8>, head: &request::Parts, added: &[u8], length: WireLength) {
    let request::Parts { method, uri, headers, .. } = head;
    into.extend_from_slice(method.as_str().as_bytes());
    into.push(b' ');
    match (method, uri.authority()) {
        (&Method::CONNECT, Some(authority)) => into.extend_from_slice(authority.as_str().as_bytes()),
        _ => {
            let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
            if path.starts_with('?') {
                into.push(b'/');
            }
            into.extend_from_slice(path.as_bytes());
        }
    }
    into.extend_from_slice(b" HTTP/1.1\r\n");
    if !headers.contains_key(HOST) {
        into.extend_from_slice(b"host: ");
        into.extend_from_slice(uri.authority().map_or("", http::uri::Authority::as_str).as_bytes());
        into.extend_from_slice(b"\r\n");
    }
    write_fields(into, headers, |name| name == CONTENT_LENGTH || name == TRANSFER_ENCODING);
    into.extend_from_slice(added);
    write_length(into, length);
    into.extend_from_slice(b"\r\n");
}

/// Appends all fields but those that `skip` names.
pub(crate) fn write_fields(into: &mut Vec<u8>, headers: &HeaderMap, skip: impl Fn(&HeaderName) -> bool) {
    for (name, value) in headers {
        if skip(name) {
            continue;
        }
        write_field(into, name, value.as_bytes());
    }
}

/// Appends one field. The value must be one.
pub(crate) fn write_field(into: &mut Vec<u8>, name: &HeaderName, value: &[u8]) {
    let name = name.as_str().as_bytes();
    into.reserve(name.len() + value.len() + 4);
    into.extend_from_slice(name);
    into.extend_from_slice(b": ");
    into.extend_from_slice(value);
    into.extend_from_slice(b"\r\n");
}

fn write_length(into: &mut Vec<u8>, length: WireLength) {
    match length {
        WireLength::Unstated => {}
        WireLength::Exact(length) => {
            into.extend_from_slice(b"content-length: ");
            into.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
            into.extend_from_slice(b"\r\n");
        }
        WireLength::Chunked => into.extend_from_slice(b"transfer-encoding: chunked\r\n"),
    }
}

fn write_status_line(into: &mut Vec<u8>, status: StatusCode) {
    if status == StatusCode::OK {
        into.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
        return;
    }
    into.extend_from_slice(b"HTTP/1.1 ");
    into.extend_from_slice(status.as_str().as_bytes());
    into.push(b' ');
    into.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    into.extend_from_slice(b"\r\n");
}
