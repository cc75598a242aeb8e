//! The rules of the HTTP cache: given a request, what is stored and the time, what may be done, and why.
//!
//! Values in, values out: no I/O, no clock, no randomness, no locks, no async, and no serialised form. It never holds a body
//! and never asks an origin; a store keeps what `storable` admits, and a flow does what `select` chooses. Every rule stands
//! with the section of the RFC that it comes from: 9110 (semantics), 9111 (caching), 5861 (stale), 9211 (`Cache-Status`),
//! 9213 (targeted control), 9875 (groups).
//!
//! The walk of a request: `address` and `key` say under which key to look; `select` chooses; on a hit `answer` makes the
//! response; otherwise `validate` or `partial` make the question for the origin, and what comes back is admitted by
//! `storable`, or changes what is stored by `freshen` or `partial`; `stale` says what may stand in when nothing comes.
//! `invalidate` and `tags` say what an answer makes invalid. `tests/model.rs` is that walk as a program.
//!
//! `hints` says what a client may be told while it waits. `compress` says what may be sent in a coding of ours. `coding`, `etag`, `condition`, `range`, `date` and `weights` are HTTP in general; static files use them too.

pub mod address;
pub mod key;
pub mod settings;

pub mod select;
pub mod stale;
pub mod stored;

pub mod answer;
pub mod hints;
pub mod multipart;
pub mod status;

pub mod freshen;
pub mod partial;
pub mod slices;
pub mod spans;
pub mod storable;
pub mod validate;

pub mod invalidate;
pub mod tags;

pub mod age;
pub mod directives;
pub mod fields;
pub mod freshness;
pub mod targeted;
pub mod vary;
pub mod wishes;

pub mod coding;
pub mod compress;
pub mod condition;
pub mod date;
pub mod encoding;
pub mod etag;
pub mod list;
pub mod range;
pub mod weights;

#[cfg(test)]
mod tests;
