//! The switch of a region: off and on, for all its endpoints at once, as a file in the region's folder.
//!
//! Owns that file and the answers under `/control/`. Never touches a session. Pages of other ports on this machine
//! may use it (CORS), pages from elsewhere may not.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::answer::{self, Body};

/// The switch of one region.
#[derive(Debug)]
pub(crate) struct Switch {
    data: PathBuf,
    file: PathBuf,
}

impl Switch {
    /// The switch of `region`; it stands as it was left.
    pub(crate) fn new(data: &Path, region: &str) -> Self {
        Self { data: data.to_owned(), file: data.join(region).join("off") }
    }

    /// Whether the region is switched off.
    pub(crate) fn is_off(&self) -> bool {
        self.file.exists()
    }

    fn set(&self, off: bool) -> io::Result<()> {
        let done = if off { fs::write(&self.file, b"") } else { fs::remove_file(&self.file) };
        match done {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    /// Every region that has a store, with its state.
    fn state(&self) -> io::Result<Value> {
        let mut regions = serde_json::Map::new();
        for entry in fs::read_dir(&self.data)?.flatten() {
            if entry.path().is_dir() {
                let on = !entry.path().join("off").exists();
                regions.insert(entry.file_name().to_string_lossy().into_owned(), json!({ "on": on }));
            }
        }
        Ok(json!({ "regions": regions }))
    }

    /// Answers a request under `/control/`.
    pub(crate) fn answer<B>(&self, request: &Request<B>) -> Response<Body> {
        let origin = request.headers().get(header::ORIGIN);
        if origin.is_some_and(|origin| !is_loopback_page(origin)) {
            return answer::error(StatusCode::FORBIDDEN, "only a page of this machine may use the switch");
        }
        let mut response = self.act(request.method(), request.uri().path());
        allow_page(response.headers_mut(), origin);
        response
    }

    fn act(&self, method: &Method, path: &str) -> Response<Body> {
        let done = match (method, path) {
            (&Method::OPTIONS, _) => return answer::empty(StatusCode::NO_CONTENT),
            (&Method::GET, "/control/state") => Ok(()),
            (&Method::POST, "/control/off") => self.set(true),
            (&Method::POST, "/control/on") => self.set(false),
            _ => return answer::error(StatusCode::NOT_FOUND, "accepted: POST off, POST on, GET state"),
        };
        match done.and_then(|()| self.state()) {
            Ok(state) => answer::json(StatusCode::OK, &state),
            Err(error) => answer::error(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        }
    }
}

fn allow_page(headers: &mut HeaderMap, origin: Option<&HeaderValue>) {
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
    }
    headers.insert(header::VARY, HeaderValue::from_static("origin"));
}

/// A page served from this machine, on any port.
fn is_loopback_page(origin: &HeaderValue) -> bool {
    let Some(authority) = origin.to_str().ok().and_then(|text| text.split_once("://")).map(|(_, rest)| rest) else {
        return false;
    };
    let host =
        authority.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(authority, |(host, _)| host);
    matches!(host, "127.0.0.1" | "localhost" | "[::1]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_this_machine_may_switch() {
        let cases = [
            ("http://127.0.0.1:18080", true),
            ("http://localhost", true),
            ("http://[::1]:18080", true),
            ("https://localhost.example.com", false),
            ("http://127.0.0.1.example.com:18080", false),
            ("null", false),
        ];
        for (origin, expected) in cases {
            assert_eq!(is_loopback_page(&HeaderValue::from_static(origin)), expected, "{origin}");
        }
    }
}
