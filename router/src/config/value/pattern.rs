//! Patterns: query parameters that count, media types that are compressed, files that never change.
//!
//! Owns what can be found in a request, an answer or a bundle at all: a pattern that fits nothing is an error, not a setting that is
//! quietly without effect.

use super::Text;

/// Splits a pattern into what is compared and whether more may follow.
fn start_of(text: &str) -> (&str, bool) {
    text.strip_suffix('*').map_or((text, false), |start| (start, true))
}

/// The name of a query parameter, or what names begin with.
#[derive(Debug, Clone)]
pub(in crate::config) struct Parameter(pub(in crate::config) String);

impl Text for Parameter {
    const TYPE: &'static str = "parameter";
    fn accepted() -> String {
        "the name of a query parameter as it stands in URLs, percent-encoded, such as \"page\"; \"utm_*\" for all that begin so".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        let (start, is_open) = start_of(text);
        let inside = |byte: u8| byte.is_ascii_graphic() && !b"=&#*\"<>".contains(&byte);
        match start.bytes().find(|byte| !inside(*byte)) {
            None if is_open || !start.is_empty() => Ok(Self(text.into())),
            Some(b'=') => Err(format!("{text:?} is a parameter with its value: only its name is compared")),
            Some(b'*') => Err(format!("{text:?} has a `*` that is not its end")),
            _ => Err(format!("{text:?} is no name that a query parameter has in a URL")),
        }
    }
}

/// A media type without parameters, in lower case, or what types begin with.
#[derive(Debug, Clone)]
pub(in crate::config) struct MediaType(pub(in crate::config) String);

impl Text for MediaType {
    const TYPE: &'static str = "media type";
    fn accepted() -> String {
        "a media type without parameters, such as \"text/html\" or \"application/json\"; \"text/*\" for all that begin so".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        let (start, is_open) = start_of(text);
        // RFC 6838 section 4.2.
        let inside = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte));
        let is_type = match start.split_once('/') {
            Some((kind, rest)) => !kind.is_empty() && inside(kind) && inside(rest) && (is_open || !rest.is_empty()),
            None => is_open && start.is_empty(),
        };
        match is_type {
            true => Ok(Self(text.to_ascii_lowercase())),
            false if text.contains(';') => Err(format!("{text:?} has parameters, which are not compared")),
            false => Err(format!("{text:?} is not a media type")),
        }
    }
}

/// The path of a file in a bundle, or what such paths begin with.
#[derive(Debug, Clone)]
pub(in crate::config) struct FilePattern(pub(in crate::config) String);

impl Text for FilePattern {
    const TYPE: &'static str = "path";
    fn accepted() -> String {
        "the path of a file below `root`, as it is on disk, such as \"app.js\"; \"assets/*\" for all that begin so"
            .into()
    }
    fn read(text: &str) -> Result<Self, String> {
        let (start, is_open) = start_of(text);
        // RFC 8615 names the one hidden folder that is served.
        let well_known =
            |part: &str| part == ".well-known" || is_open && part == start && ".well-known".starts_with(part);
        let is_hidden = |at: usize, part: &str| part.starts_with('.') && !(at == 0 && well_known(part));
        let last = start.rsplit('/').next().unwrap_or_default();
        if start.contains('*') {
            Err(format!("{text:?} has a `*` that is not its end"))
        } else if start.starts_with('/') {
            Err(format!("{text:?} begins with a slash: paths begin below `root`"))
        } else if !is_open && (text.is_empty() || text.ends_with('/')) {
            Err(format!("{text:?} is not a file"))
        } else if start.contains("//") || start.contains(['\\', '\0']) {
            Err(format!("{text:?} is not a path that a file has"))
        } else if start.split('/').enumerate().any(|(at, part)| is_hidden(at, part)) {
            Err(format!("{text:?} is hidden, and never served"))
        } else if !is_open && [".html", ".htm"].iter().any(|end| last.len() > end.len() && last.ends_with(end)) {
            Err(format!("{text:?} is a page, and people keep its address: pages are asked for again"))
        } else {
            Ok(Self(text.into()))
        }
    }
}
