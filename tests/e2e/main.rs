//! End-to-end tests, by what they prove. Each starts its own PoP and origins, and asks as a client would.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    reason = "tests: real time, plain locks, and a panic is how a test fails"
)]

/// Sessions keep their region: pins, tokens, moves, drains.
mod affinity;
/// What a wrong configuration or a wrong command is told.
mod bad_input;
/// The demo's page in a browser.
mod browser;
/// Builds come and go under a static route.
mod bundles;
/// The HTTP cache: rules, collapsing, purges, broken origins.
mod cache;
/// The cache on disk: restarts, crashes, disks that fail.
mod cache_disk;
/// What routes and policies say to the cache.
mod cache_terms;
/// Clients that leave, stall or come in numbers; the end of the process.
mod clients;
/// HTTP/2 clients have what HTTP/1.1 clients have.
mod http2;
mod http2_ends;
mod http2_wire;
/// Policies in other languages than Rust.
mod languages;
/// A client is served where it is nearest to.
mod lookups;
mod moved;
mod nearest;
/// Origins that behave in every wrong way, and the right ones.
mod origins;
/// Policies that misbehave cost nobody but themselves.
mod policies;
/// What an author is told by `portolan policy`.
mod policy_command;
/// When every region is full: a short wait for room.
mod queue;
/// A region dies under load and comes back.
mod region_death;
/// New configurations and files under load; what is wrong changes nothing.
mod reload;
/// The three policies that ship do what their READMEs say.
mod responses;
/// Policies given to a share of the sessions, and back.
mod rollouts;
mod session_keys;
mod shipped;
/// Requests that two parsers could read in two ways.
mod smuggling;
/// A single-page application from a folder.
mod static_files;
/// Components from registries and web servers.
mod supply;
/// Policies that are replaced again and again.
mod swaps;
/// TLS on both sides.
mod tls;
/// What a policy would do, before it does it: shadows and records.
mod trust;
/// Policies that watch the regions, and what they ask of servers.
mod watching;
