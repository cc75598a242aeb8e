//! Tests of the HTTP/1.1 codec and of client connections. `heads` and `chunks` are tables and properties of pure code;
//! `serving` runs connections over in-memory pipes in paused time.
#![allow(clippy::unwrap_used, reason = "tests")]

mod chunks;
mod heads;
mod serving;
