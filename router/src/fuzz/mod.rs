//! Every parser that network, peers or files feed, as functions of any bytes that assert what must hold: for fuzzers.
//!
//! Owns the targets by name and what each asserts. Not part of the product: compiled for tests, where the inputs of
//! `tests/fuzz/corpus/` run through them, and under `cfg(fuzzing)` for `cargo xtask fuzz`. It is the one door through which
//! fuzzers reach what is private; the asserting functions stand here and nothing else becomes public for them.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a target fails by panicking")]

mod chunks;
mod clients;
mod fields;
mod files;
mod heads;
mod links;
mod rules;
mod stored;
#[cfg(test)]
mod tests;

use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::base::Timestamp;
use crate::cache::address::Address;

/// Lines of an input that are read as header fields; real messages are allowed a hundred.
const LINES_MAX: usize = 128;
/// Saturday, 21 November 2026, noon.
const NOW: Timestamp = Timestamp(1_795_262_400_000);

/// One parser and what must hold of it.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Name of the target and of its folder of inputs.
    pub name: &'static str,
    /// Runs it; panics when something does not hold.
    pub run: fn(&[u8]),
}

/// All targets, in order of name.
pub const TARGETS: [Target; 24] = [
    Target { name: "accept", run: fields::accept },
    Target { name: "cache-address", run: fields::address },
    Target { name: "cache-directives", run: fields::directives },
    Target { name: "cache-links", run: links::hints },
    Target { name: "cache-rules", run: rules::walk },
    Target { name: "cache-status", run: fields::status },
    Target { name: "cache-tags", run: fields::tags },
    Target { name: "cache-targeted", run: fields::targeted },
    Target { name: "cache-vary", run: rules::vary },
    Target { name: "challenge", run: links::challenge },
    Target { name: "chunked-body", run: chunks::body },
    Target { name: "config", run: files::config },
    Target { name: "date", run: fields::date },
    Target { name: "disk-purges", run: stored::purges },
    Target { name: "disk-record", run: stored::record },
    Target { name: "etag", run: fields::etag },
    Target { name: "forwarded", run: clients::forwarded },
    Target { name: "geo-database", run: files::geo_database },
    Target { name: "page-links", run: links::page },
    Target { name: "range", run: fields::range },
    Target { name: "request-head", run: heads::request },
    Target { name: "response-head", run: heads::response },
    Target { name: "static-path", run: files::static_path },
    Target { name: "token", run: clients::token },
];

/// The lines of an input that can be values of a header field; the codec lets no others through.
fn values(input: &[u8]) -> Vec<HeaderValue> {
    input.split(|byte| *byte == b'\n').take(LINES_MAX).filter_map(|line| HeaderValue::from_bytes(line).ok()).collect()
}

/// The lines of an input as values of one field.
fn field(name: &HeaderName, input: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values(input) {
        headers.append(name, value);
    }
    headers
}

/// Lines of `name: value`; others are left out.
fn section(input: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in input.split(|byte| *byte == b'\n').take(LINES_MAX) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = HeaderName::from_bytes(&line[..colon]);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii())) {
            headers.append(name, value);
        }
    }
    headers
}

/// An input in two, at its first empty line.
fn halves(input: &[u8]) -> (&[u8], &[u8]) {
    let end = input.windows(2).position(|pair| pair == b"\n\n");
    end.map_or((input, &[]), |end| (&input[..end], &input[end + 2..]))
}

fn here() -> Address {
    Address::of("https", "shop.example", "/a/b", Some("c")).expect("it is one")
}
