//! One request for a static file, from path to response.
//! Owns: the order of the steps and the headers of each answer. Never: blocks: a file in memory is answered at once, and the
//! first piece of a large one is read on another thread.
//! Called by: `exchange`.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode, request};

use super::Bundle;
use super::body::FileBody;
use super::condition::{Outcome, judge};
use super::entry::{Content, Disk, Entry, Form};
use super::index::Target;
use super::parts::Parts;
use super::path::{has_extension, name_of};
use crate::base::Timestamp;
use crate::cache::coding::{Encoding, accepted};
use crate::cache::compress::is_range_by_date;
use crate::cache::condition::{Validators, range_applies};
use crate::cache::date::HttpDate;
use crate::cache::etag::EntityTag;
use crate::cache::multipart::{self, content_range};
use crate::cache::range::{Wanted, wanted};
use crate::cache::settings::RANGE_PARTS_MAX;

/// Room for the headers of a file answer and those that every answer carries.
const HEADERS: usize = 24;
/// Headers that make an answer depend on what the client has; most requests carry none.
const CONDITIONS: [HeaderName; 4] =
    [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::IF_MATCH, header::IF_UNMODIFIED_SINCE];

/// What is asked.
#[derive(Clone, Copy)]
struct Ask<'a> {
    head: &'a request::Parts,
    /// The URI's path, for a redirect to itself with a slash.
    path: &'a str,
    now: Timestamp,
    seed: u64,
}

impl Ask<'_> {
    fn is_head(&self) -> bool {
        self.head.method == Method::HEAD
    }
}

impl Bundle {
    /// The answer to a request. `path` is the part of the URI's path that names a file under the root (all of it, unless
    /// the route takes a prefix off). Failures are answers too: 404, 405, 503 while a file is being replaced, or 500 with a
    /// log line. `seed` makes the boundary between several parts: clients must not be able to guess it.
    pub async fn respond(&self, head: &request::Parts, path: &str, now: Timestamp, seed: u64) -> Response<FileBody> {
        let ask = Ask { head, path, now, seed };
        let mut response = match self.find(ask) {
            Answer::Ready(response) => response,
            Answer::Disk { disk, parts, response } => Box::pin(with_first_piece(disk, parts, response)).await,
        };
        if ask.is_head() {
            *response.body_mut() = FileBody::empty();
        }
        self.meters.answered(response.status(), response.body().length());
        for (name, value) in &*self.fields {
            response.headers_mut().insert(name, value.clone());
        }
        response
    }

    fn find(&self, ask: Ask<'_>) -> Answer {
        if ask.head.method != Method::GET && !ask.is_head() {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "a file can be read only");
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return Answer::Ready(response);
        }
        // An application's own routes may hold what no file's name does: they are for its page, like others.
        let Some(name) = name_of(ask.path) else { return self.nothing(ask, ask.path.as_bytes()) };
        match self.index.target(&name) {
            Some(Target::File(at)) => self.file(ask, &self.index.entries[at], false),
            Some(Target::Folder) => Answer::Ready(redirect(ask)),
            None => match self.kept.file(&name, ask.now) {
                Some(entry) => {
                    self.meters.previous();
                    self.file(ask, entry, false)
                }
                None => self.nothing(ask, &name),
            },
        }
    }

    /// A name that does not exist or cannot: the application's page for navigations, or the page that says so.
    fn nothing(&self, ask: Ask<'_>, name: &[u8]) -> Answer {
        let entry = |at: Option<usize>| at.and_then(|at| self.index.entries.get(at));
        let (fallback, not_found) = (entry(self.index.fallback), entry(self.index.not_found));
        let wants_page = accepts_html(&ask.head.headers);
        if let Some(page) = fallback.filter(|_| wants_page && !has_extension(name)) {
            return self.file(ask, page, true);
        }
        if let Some(page) = not_found.filter(|_| wants_page) {
            return missing_page(ask, page);
        }
        let mut response = text(StatusCode::NOT_FOUND, "no such file");
        if fallback.or(not_found).is_some() {
            response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
        }
        Answer::Ready(response)
    }

    fn file(&self, ask: Ask<'_>, entry: &Entry, is_fallback: bool) -> Answer {
        let asked = &ask.head.headers;
        let ranged = !ask.is_head() && asked.contains_key(header::RANGE) && !is_of_any_form(asked, entry);
        // A range is always of the plain file: parts of a coded one are of no use to who resumes a download.
        let (encoding, form) = if ranged { (None, &entry.plain) } else { best(asked, entry) };
        let mut headers = HeaderMap::with_capacity(HEADERS);
        validity(&mut headers, entry, form, ask.now);
        vary(&mut headers, is_fallback, entry.varies());
        if CONDITIONS.iter().any(|name| asked.contains_key(name)) {
            match judge(asked, &validators(entry, form, ask.now), ask.now) {
                Outcome::NotModified => return Answer::Ready(response(StatusCode::NOT_MODIFIED, headers)),
                Outcome::Failed => {
                    return Answer::Ready(text(StatusCode::PRECONDITION_FAILED, "the file is in another state"));
                }
                Outcome::Proceed => {}
            }
        }
        content(&mut headers, entry, encoding);
        let part = match ranged && range_applies(asked, &validators(entry, form, ask.now), ask.now) {
            true => wanted(asked, form.length, RANGE_PARTS_MAX),
            false => Wanted::Whole,
        };
        body(ask, response(StatusCode::OK, headers), form, part)
    }
}

/// Opens the file and reads its first piece on a thread that may block.
async fn with_first_piece(disk: Arc<Disk>, parts: Parts, mut response: Response<FileBody>) -> Response<FileBody> {
    let from = Arc::clone(&disk);
    let opened = tokio::task::spawn_blocking(move || parts.of_file(&from));
    match opened.await.map_err(io::Error::other).flatten() {
        Ok(body) => {
            *response.body_mut() = body;
            response
        }
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::StaleNetworkFileHandle) => {
            let mut response = text(StatusCode::SERVICE_UNAVAILABLE, "the file is being replaced");
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            response
        }
        Err(error) => {
            tracing::warn!(path = %disk.path.display(), %error, "a static file cannot be read");
            text(StatusCode::INTERNAL_SERVER_ERROR, "the file cannot be read")
        }
    }
}

/// An answer, or all of it but the bytes of a file.
enum Answer {
    Ready(Response<FileBody>),
    Disk { disk: Arc<Disk>, parts: Parts, response: Response<FileBody> },
}

/// A navigation asks for HTML by name; one without `Accept` gets the benefit of the doubt. Scripts and images send
/// `*/*` or their own types: an HTML page in their place is how single-page applications break after a deployment.
fn accepts_html(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(header::ACCEPT).iter().peekable();
    let html = |value: &HeaderValue| value.to_str().is_ok_and(|value| value.to_ascii_lowercase().contains("text/html"));
    lines.peek().is_none() || lines.any(html)
}

/// The form that the client likes best.
fn best<'a>(headers: &HeaderMap, entry: &'a Entry) -> (Option<Encoding>, &'a Form) {
    if entry.varies() {
        for encoding in accepted(headers) {
            if let Some(form) = &entry.coded[encoding as usize] {
                return (Some(encoding), form);
            }
        }
    }
    (None, &entry.plain)
}

/// Whether a client goes on by a date that several forms of a file have: it does not say which of them the client has (RFC 9110
/// section 8.8.2.2). One that takes no coding has the plain one.
fn is_of_any_form(headers: &HeaderMap, entry: &Entry) -> bool {
    entry.varies() && is_range_by_date(headers) && accepted(headers).next().is_some()
}

/// The page for a name that does not exist: never kept, never a part of it.
fn missing_page(ask: Ask<'_>, page: &Entry) -> Answer {
    let (encoding, form) = best(&ask.head.headers, page);
    let mut headers = HeaderMap::with_capacity(HEADERS);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    vary(&mut headers, true, page.varies());
    content(&mut headers, page, encoding);
    headers.remove(header::ACCEPT_RANGES);
    body(ask, response(StatusCode::NOT_FOUND, headers), form, Wanted::Whole)
}

fn validators<'a>(entry: &Entry, form: &'a Form, now: Timestamp) -> Validators<'a> {
    let modified_s = entry.modified.as_ref().map(|(seconds, _)| *seconds).filter(|seconds| *seconds <= now.seconds());
    Validators {
        tag: EntityTag::parse(form.tag.as_bytes()),
        modified: modified_s.and_then(|seconds| i64::try_from(seconds).ok()).map(HttpDate),
        modified_is_strong: modified_s.is_some_and(|modified| modified < now.seconds()),
    }
}

/// The headers that a 200, 206, 304 and 416 share. No Last-Modified is later than the Date of the answer (RFC 9110 section
/// 8.8.2.1).
fn validity(headers: &mut HeaderMap, entry: &Entry, form: &Form, now: Timestamp) {
    headers.insert(header::ETAG, form.tag.clone());
    if let Some((_, date)) = entry.modified.as_ref().filter(|(seconds, _)| *seconds <= now.seconds()) {
        headers.insert(header::LAST_MODIFIED, date.clone());
    }
    headers.insert(header::CACHE_CONTROL, entry.cache_control.clone());
}

fn vary(headers: &mut HeaderMap, by_accept: bool, by_encoding: bool) {
    let value = match (by_accept, by_encoding) {
        (true, true) => "accept, accept-encoding",
        (true, false) => "accept",
        (false, true) => "accept-encoding",
        (false, false) => return,
    };
    headers.insert(header::VARY, HeaderValue::from_static(value));
}

fn content(headers: &mut HeaderMap, entry: &Entry, encoding: Option<Encoding>) {
    headers.insert(header::CONTENT_TYPE, entry.content_type.clone());
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
    }
    if let Some(link) = &entry.link {
        headers.insert(header::LINK, link.clone());
    }
}

fn body(ask: Ask<'_>, mut response: Response<FileBody>, form: &Form, wanted: Wanted) -> Answer {
    let total = form.length;
    let parts = match wanted {
        Wanted::Whole => Parts::One(0..total),
        Wanted::Parts(spans) => partial(&mut response, &spans, total, ask.seed),
        Wanted::Unsatisfiable => {
            let mut refused = text(StatusCode::RANGE_NOT_SATISFIABLE, "the range lies beyond the file");
            set(refused.headers_mut(), header::CONTENT_RANGE, &format!("bytes */{total}"));
            return Answer::Ready(refused);
        }
    };
    let length = parts.length();
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    match &form.content {
        Content::Memory(content) => *response.body_mut() = parts.of_bytes(content),
        Content::Disk(_) if ask.is_head() || length == 0 => {}
        Content::Disk(disk) => return Answer::Disk { disk: Arc::clone(disk), parts, response },
    }
    Answer::Ready(response)
}

/// Makes an answer one of these spans.
fn partial(response: &mut Response<FileBody>, spans: &[Range<u64>], total: u64, seed: u64) -> Parts {
    let head = response.headers_mut();
    let parts = match spans {
        [span] => {
            set(head, header::CONTENT_RANGE, &content_range(span, total));
            Parts::One(span.clone())
        }
        spans => match multipart::plan(spans, total, head.get(header::CONTENT_TYPE), seed) {
            Some(several) => {
                head.insert(header::CONTENT_TYPE, several.content_type.clone());
                Parts::Several(several)
            }
            None => return Parts::One(0..total),
        },
    };
    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    parts
}

/// To the same name with a slash: relative, so that it holds behind any prefix, scheme and host.
fn redirect(ask: Ask<'_>) -> Response<FileBody> {
    let name = ask.path.rsplit('/').next().unwrap_or_default();
    let query = ask.head.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut response = text(StatusCode::MOVED_PERMANENTLY, "it is a folder");
    // With "./" a colon in the name cannot make it look like a scheme.
    set(response.headers_mut(), header::LOCATION, &format!("./{name}/{query}"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}

/// A short answer of our own, not to be kept.
fn text(status: StatusCode, words: &'static str) -> Response<FileBody> {
    let words = format!("{words}\n");
    let mut headers = HeaderMap::with_capacity(HEADERS);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(words.len()));
    let mut response = response(status, headers);
    *response.body_mut() = FileBody::Memory(words.into());
    response
}

fn response(status: StatusCode, headers: HeaderMap) -> Response<FileBody> {
    let mut response = Response::new(FileBody::empty());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// Values are made of ranges and URI characters; one that is not is left out.
fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
