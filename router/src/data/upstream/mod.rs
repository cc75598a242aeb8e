//! HTTP/1.1 towards origins: one keep-alive pool per worker, one attempt per call.
//! Owns connections, the wire form of requests, and the facts of a failure; never picks an endpoint, never edits an
//! end-to-end field, and repeats nothing but a request that met a stale connection. Called by the exchange, per attempt.

mod connect;
pub(crate) mod connection;
pub mod failure;
pub mod incoming;
pub mod pool;
mod pump;
mod send;

pub use crate::snapshot::origin::Origin;
pub use failure::{FailureKind, SendFailure, Sent};
pub use pool::{Pool, PoolSettings, PoolStats, Timeouts};
pub use send::{Answered, Outgoing};

#[cfg(test)]
mod tests;
