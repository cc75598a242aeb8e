//! One request for a static file, from name to response.
//! Owns: the order of the steps and the headers of each answer. Never: runs on a worker's thread: it reads files.
//! Called by: `Bundle::respond`.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};

use super::Shared;
use super::body::FileBody;
use super::condition::{Outcome, Validators, judge, range_applies};
use super::encoding::{Encoding, accepted};
use super::find::{Found, Opened, find, variant};
use super::kind::{cache_control, media_type};
use super::path::Wanted;
use super::range::{Asked, asked};
use crate::base::Timestamp;

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
    let wanted = if ranged { Vec::new() } else { accepted(&ask.headers) };
    let (better, varies) = variant(root, &name, &wanted)?;
    let (encoding, chosen) = match better {
        Some((encoding, opened)) => (Some(encoding), opened),
        None => (None, plain),
    };
    let tag = bundle.tags.of(&chosen.real, &chosen.file, &chosen.state, ask.now)?;
    let validators = validators(tag, chosen.state.modified().ok(), ask.now);
    let mut vary: Vec<&str> = vary.to_vec();
    vary.extend(varies.then_some("accept-encoding"));

    let mut response = Response::new(FileBody::empty());
    let headers = response.headers_mut();
    validity(headers, &name, &validators, &vary);
    match judge(&ask.headers, &validators) {
        Outcome::NotModified => *response.status_mut() = StatusCode::NOT_MODIFIED,
        Outcome::Failed => return Ok(text(StatusCode::PRECONDITION_FAILED, "the file is in another state")),
        Outcome::Proceed => {
            content(headers, &name, encoding);
            let length = chosen.state.len();
            let part = match ranged && range_applies(&ask.headers, &validators) {
                true => asked(&ask.headers, length),
                false => Asked::Whole,
            };
            body(&mut response, chosen, part, length, ask.method == Method::HEAD)?;
        }
    }
    Ok(response)
}

fn validators(tag: String, modified: Option<SystemTime>, now: Timestamp) -> Validators {
    let since = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).ok().map(|since| since.as_secs());
    // RFC 9110 section 8.8.2.1: no Last-Modified after the Date of the answer.
    let modified_s = modified.and_then(since).filter(|modified| *modified <= now.seconds());
    Validators {
        tag,
        modified: modified_s.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)),
        modified_is_strong: modified_s.is_some_and(|modified| modified < now.seconds()),
    }
}

/// The headers that a 200, 206, 304 and 416 share.
fn validity(headers: &mut HeaderMap, name: &Path, validators: &Validators, vary: &[&str]) {
    set(headers, header::ETAG, &validators.tag);
    if let Some(modified) = validators.modified {
        set(headers, header::LAST_MODIFIED, &httpdate::fmt_http_date(modified));
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

fn body(response: &mut Response<FileBody>, chosen: Opened, part: Asked, length: u64, head: bool) -> io::Result<()> {
    let part = match part {
        Asked::Whole => 0..length,
        Asked::Part(part) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let range = format!("bytes {}-{}/{length}", part.start, part.end - 1);
            set(response.headers_mut(), header::CONTENT_RANGE, &range);
            part
        }
        Asked::Unsatisfiable => {
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
