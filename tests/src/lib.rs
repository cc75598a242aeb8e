//! The harness of the end-to-end tests: real processes and real sockets on 127.0.0.1.
//!
//! Owns how a PoP and its origins are started, asked and ended, and what counts as an answer. Says nothing about what
//! the router should do: that is in `tests/e2e`. Everything here is bounded in time, waits on conditions rather than
//! for a while, and ends the processes it started, by their handles, also when a test fails.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    reason = "a harness of threads: real time, plain locks, and a panic is how a test fails"
)]

pub mod binaries;
pub mod browser;
pub mod client;
pub mod demo;
pub mod load;
pub mod metrics;
pub mod origin;
pub mod pop;
pub mod process;
pub mod registry;
pub mod scripts;
pub mod secure;
pub mod site;
pub mod wait;

pub use client::{Answer, AnswerError, Ask, Client};
pub use demo::DemoOrigin;
pub use load::{Load, Report};
pub use origin::{Origin, Seen, Speaker};
pub use pop::Pop;
pub use wait::{eventually, wait_until, wait_until_within};
