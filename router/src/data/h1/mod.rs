//! HTTP/1.1 towards clients, and the parts of the codec that the origin side shares (RFC 9110, RFC 9112).
//! Owns parsing, framing and the connection's life; never routes, never edits an end-to-end header, never retries.
//! `serve_connection` is what a listener calls; `upstream` uses the heads, the chunked coding and the buffers.

pub mod buffers;
pub mod chunked;
pub(crate) mod connection;
pub mod date;
pub mod deadline;
pub(crate) mod decode;
pub mod drain;
pub mod encode;
pub mod fields;
pub mod head_error;
pub mod incoming;
pub mod interim;
pub mod io;
pub mod out;
pub mod request_head;
mod respond;
pub mod response_head;
pub(crate) mod sending;
pub mod server;
pub mod tunnel;

pub use drain::Drain;
pub use head_error::HeadError;
pub use interim::Interim;
pub use io::Io;
pub use server::{End, ServerSettings, serve_connection};
pub use tunnel::Tunnel;

#[cfg(test)]
mod tests;
