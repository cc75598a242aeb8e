//! The HTTP cache in front of real origins, also of those that misbehave.
//!
//! Owns what the themes below share: an origin, a PoP in front of it, and what the cache says that it did.

mod answering;
mod bodies;
mod collapsing;
mod compression;
mod hints;
mod onwards;
mod parts;
mod pieces;
mod poisoning;
mod purging;
mod ranges;
mod slices;
mod slices_on_disk;
mod staleness;
mod turns;
mod validating;

use portolan_tests::site::{FRANKFURT, Service};
use portolan_tests::{Answer, Origin, Pop, scripts};

/// An origin that answers each request with this head and body, and tells how often it was asked.
fn origin(fields: &'static str, body: &'static str) -> Origin {
    scripts::repeating(scripts::response("200 OK", fields, body))
}

/// A PoP with one service that has this cache.
fn pop(origin: &Origin, cache: &str) -> Pop {
    Pop::start(&Service::new("shop").with(&format!("cache = {{ {cache} }}")).region(FRANKFURT, &[origin.url()]).site())
}

/// What the cache says it did, without its own name and times.
fn said(answer: &Answer) -> String {
    let status = answer.field("cache-status").unwrap_or("-");
    let words = status.split(';').skip(1).filter(|word| !word.starts_with("ttl="));
    words.collect::<Vec<_>>().join(";")
}
