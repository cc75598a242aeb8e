//! One request for a static file, from name to response.
//! Owns: the order of the steps and the headers of each answer. Never: runs on a worker's thread: it reads files.
//! Called by: `Bundle::respond`.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};

use super::Shared;
use super::body::FileBody;
use super::condition::{Outcome, judge};
use super::encoding::{Encoding, accepted};
use super::find::{Found, Opened, find, variant};
use super::kind::{cache_control, media_type};
use super::path::Wanted;
use crate::base::Timestamp;
use crate::cache::condition::{Validators, range_applies};
use crate::cache::date::{self, HttpDate};
use crate::cache::etag::EntityTag;
use crate::cache::multipart::content_range;
use crate::cache::range::{Wanted as Span, wanted};

/// What is asked, owned: it goes to another thread.
#[derive(Debug)]
pub(super) struct Ask {
    pub method: Method,
    /// The URI's path, for a redirect to itself with a slash.
    pub path: String,
    pub query: Option<String>,
    pub headers: HeaderMap,
    pub wanted: Wanted,
    pub now: Timestamp,
}

/// Blocks on the file system.
pub(super) fn answer(bundle: &Shared, ask: &Ask) -> io::Result<Response<FileBody>> {
    // Resolved for each request: deployments exchange the link that the root is.
    let root = std::fs::canonicalize(&bundle.root)?;
    let page = !ask.wanted.has_extension() && accepts_html(&ask.headers);
    let fallback = bundle.fallback.as_deref();
    match find(&root, &ask.wanted, fallback.filter(|_| page))? {
        Found::File { name, opened } => file(bundle, ask, &root, name, opened, &[]),
        Found::Fallback { name, opened } => file(bundle, ask, &root, name, opened, &["accept"]),
        Found::Folder => Ok(redirect(ask)),
        Found::Nothing => {
            let mut response = text(StatusCode::NOT_FOUND, "no such file");
            if fallback.is_some() {
                response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
            }
            Ok(response)
        }
    }
}

/// A navigation asks for HTML by name; one without `Accept` gets the benefit of the doubt. Scripts and images send
/// `*/*` or their own types: an HTML page in their place is how single-page applications break after a deployment.
fn accepts_html(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(header::ACCEPT).iter().peekable();
    let html = |value: &HeaderValue| value.to_str().is_ok_and(|value| value.to_ascii_lowercase().contains("text/html"));
    lines.peek().is_none() || lines.any(html)
}

fn file(
    bundle: &Shared,
    ask: &Ask,
    root: &Path,
    name: PathBuf,
    plain: Opened,
    vary: &[&str],
) -> io::Result<Response<FileBody>> {
    let ranged = ask.method == Method::GET && ask.headers.contains_key(header::RANGE);
    // A range is always of the plain file: parts of a coded one are of no use to who resumes a download.
    let codings = if ranged { Vec::new() } else { accepted(&ask.headers) };
    let (better, varies) = variant(root, &name, &codings)?;
    let (encoding, chosen) = match better {
        Some((encoding, opened)) => (Some(encoding), opened),
        None => (None, plain),
    };
    let tag = bundle.tags.of(&chosen.real, &chosen.file, &chosen.state, ask.now)?;
    let modified_s = modified_s(chosen.state.modified().ok(), ask.now);
    let validators = validators(&tag, modified_s, ask.now);
    let mut vary: Vec<&str> = vary.to_vec();
    vary.extend(varies.then_some("accept-encoding"));

    let mut response = Response::new(FileBody::empty());
    let headers = response.headers_mut();
    validity(headers, &name, &tag, modified_s, &vary);
    match judge(&ask.headers, &validators, ask.now) {
        Outcome::NotModified => *response.status_mut() = StatusCode::NOT_MODIFIED,
        Outcome::Failed => return Ok(text(StatusCode::PRECONDITION_FAILED, "the file is in another state")),
        Outcome::Proceed => {
            content(headers, &name, encoding);
            let length = chosen.state.len();
            let part = match ranged && range_applies(&ask.headers, &validators, ask.now) {
                // One part is what downloads and players ask for.
                true => wanted(&ask.headers, length, 1),
                false => Span::Whole,
            };
            body(&mut response, chosen, part, length, ask.method == Method::HEAD)?;
        }
    }
    Ok(response)
}

/// Seconds since 1970 of the last change; none when it lies ahead: no Last-Modified is later than the Date of the answer
/// (RFC 9110 section 8.8.2.1).
fn modified_s(modified: Option<SystemTime>, now: Timestamp) -> Option<u64> {
    let since = modified?.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    (since <= now.seconds()).then_some(since)
}

fn validators(tag: &str, modified_s: Option<u64>, now: Timestamp) -> Validators<'_> {
    Validators {
        tag: EntityTag::parse(tag.as_bytes()),
        modified: modified_s.and_then(|seconds| i64::try_from(seconds).ok()).map(HttpDate),
        modified_is_strong: modified_s.is_some_and(|modified| modified < now.seconds()),
    }
}

/// The headers that a 200, 206, 304 and 416 share.
fn validity(headers: &mut HeaderMap, name: &Path, tag: &str, modified_s: Option<u64>, vary: &[&str]) {
    set(headers, header::ETAG, tag);
    if let Some(date) = modified_s.and_then(|seconds| date::write(Timestamp(seconds.saturating_mul(1000)))) {
        headers.insert(header::LAST_MODIFIED, date);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache_control(name)));
    if !vary.is_empty() {
        set(headers, header::VARY, &vary.join(", "));
    }
}

fn content(headers: &mut HeaderMap, name: &Path, encoding: Option<Encoding>) {
    set(headers, header::CONTENT_TYPE, &media_type(name));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
    }
}

fn body(response: &mut Response<FileBody>, chosen: Opened, part: Span, length: u64, head: bool) -> io::Result<()> {
    let part = match part {
        Span::Whole => 0..length,
        Span::Parts(parts) => {
            let part = parts.into_iter().next().unwrap_or(0..length);
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            set(response.headers_mut(), header::CONTENT_RANGE, &content_range(&part, length));
            part
        }
        Span::Unsatisfiable => {
            let mut refused = text(StatusCode::RANGE_NOT_SATISFIABLE, "the range lies beyond the file");
            set(refused.headers_mut(), header::CONTENT_RANGE, &format!("bytes */{length}"));
            *response = refused;
            return Ok(());
        }
    };
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(part.end - part.start));
    if !head {
        *response.body_mut() = FileBody::part(chosen.file, part)?;
    }
    Ok(())
}

/// To the same name with a slash: relative, so that it holds behind any prefix, scheme and host.
fn redirect(ask: &Ask) -> Response<FileBody> {
    let name = ask.path.rsplit('/').next().unwrap_or_default();
    let query = ask.query.as_deref().map(|query| format!("?{query}")).unwrap_or_default();
    let mut response = text(StatusCode::MOVED_PERMANENTLY, "it is a folder");
    // With "./" a colon in the name cannot make it look like a scheme.
    set(response.headers_mut(), header::LOCATION, &format!("./{name}/{query}"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}

/// A short answer of our own, not to be kept.
pub(super) fn text(status: StatusCode, words: &'static str) -> Response<FileBody> {
    let words = format!("{words}\n");
    let mut response = Response::new(FileBody::empty());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(words.len()));
    *response.body_mut() = FileBody::whole(words);
    response
}

/// Values are made of hex digits, dates, media types and URI characters; one that is not is left out.
fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
