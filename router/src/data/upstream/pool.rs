//! The worker's idle connections, per origin, newest first. Owns their number and age; never writes or parses.
//! Called by attempts (take) and by response bodies that ended well (give).

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::connection::OriginConnection;
use crate::data::h1::fields::HeadLimits;
use crate::snapshot::origin::{BroughtHash, Origin};

/// Time limits of one attempt.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// TCP connect and TLS handshake together.
    pub connect: Duration,
    /// From the request's last byte to the response head's; also how long the origin may take no byte of the request.
    pub response: Duration,
    /// Longest silence inside the response body, if there is such a limit.
    pub body: Option<Duration>,
    /// Longest silence in both directions of an upgraded connection.
    pub tunnel: Duration,
}

impl Default for Timeouts {
    /// 1 s to connect, 10 s to respond and 1 h in a tunnel (the service defaults of the configuration), no limit inside
    /// the body.
    fn default() -> Self {
        let (connect, response) = (Duration::from_secs(1), Duration::from_secs(10));
        Self { connect, response, body: None, tunnel: Duration::from_secs(3600) }
    }
}

/// Bounds of a worker's pool.
#[derive(Debug, Clone)]
pub struct PoolSettings {
    /// Idle connections kept per origin.
    pub idle_per_origin: usize,
    /// Idle connections kept in all.
    pub idle_total: usize,
    /// How long a connection may be idle (nginx `keepalive_timeout` of upstreams: 60 s).
    pub idle_timeout: Duration,
    /// How long to wait for 100 before the body is sent anyway (RFC 9110 section 10.1.1).
    pub continue_timeout: Duration,
    /// Limits of response heads.
    pub limits: HeadLimits,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            idle_per_origin: 256,
            idle_total: 4096,
            idle_timeout: Duration::from_secs(60),
            continue_timeout: Duration::from_secs(1),
            limits: HeadLimits::default(),
        }
    }
}

/// What a pool has done and holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolStats {
    /// Connections that exist: idle ones and those in use.
    pub open: usize,
    /// Of these, idle ones.
    pub idle: usize,
    /// Connections made since the start.
    pub created: u64,
    /// Requests that found an idle connection, since the start.
    pub reused: u64,
}

#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) open: Cell<usize>,
    pub(crate) created: Cell<u64>,
    pub(crate) reused: Cell<u64>,
    idle: Cell<usize>,
}

/// A worker's connections to origins. Clones are the same pool.
#[derive(Clone)]
pub struct Pool(Rc<Inner>);

struct Inner {
    settings: PoolSettings,
    idle: RefCell<HashMap<Origin, Vec<Idle>, BuildHasherDefault<BroughtHash>>>,
    counters: Rc<Counters>,
}

struct Idle {
    connection: Box<OriginConnection>,
    since: Instant,
}

impl Pool {
    /// An empty pool.
    #[must_use]
    pub fn new(settings: PoolSettings) -> Self {
        Self(Rc::new(Inner { settings, idle: RefCell::default(), counters: Rc::default() }))
    }

    /// Counts for metrics.
    #[must_use]
    pub fn stats(&self) -> PoolStats {
        let counters = &self.0.counters;
        PoolStats {
            open: counters.open.get(),
            idle: counters.idle.get(),
            created: counters.created.get(),
            reused: counters.reused.get(),
        }
    }

    /// Closes connections that were idle for too long. Call it about once a second.
    pub fn sweep(&self, now: Instant) {
        let mut closed = 0;
        self.0.idle.borrow_mut().retain(|_, idle| {
            // Oldest first: they are pushed and popped at the end.
            let expired =
                idle.partition_point(|one| now.saturating_duration_since(one.since) >= self.0.settings.idle_timeout);
            closed += expired;
            idle.drain(..expired);
            !idle.is_empty()
        });
        self.0.counters.idle.set(self.0.counters.idle.get() - closed);
    }

    /// Closes all idle connections, to this origin or to all.
    pub fn close_idle(&self, origin: Option<&Origin>) {
        let mut idle = self.0.idle.borrow_mut();
        let closed: usize = match origin {
            Some(origin) => idle.remove(origin).map_or(0, |list| list.len()),
            None => idle.drain().map(|(_, list)| list.len()).sum(),
        };
        self.0.counters.idle.set(self.0.counters.idle.get() - closed);
    }

    pub(crate) fn settings(&self) -> &PoolSettings {
        &self.0.settings
    }

    pub(crate) fn counters(&self) -> &Rc<Counters> {
        &self.0.counters
    }

    /// The connection to this origin that was used last, if it is not too old. Its health is the caller's to check.
    pub(crate) fn take(&self, origin: &Origin, now: Instant) -> Option<Box<OriginConnection>> {
        let mut idle = self.0.idle.borrow_mut();
        let one = idle.get_mut(origin)?.pop()?;
        self.0.counters.idle.set(self.0.counters.idle.get() - 1);
        // All others are older still; `sweep` closes them.
        Some(one.connection).filter(|_| now.saturating_duration_since(one.since) < self.0.settings.idle_timeout)
    }

    /// Takes back a connection whose exchange ended well. Full: it is closed.
    pub(crate) fn give(&self, mut connection: Box<OriginConnection>, now: Instant) {
        let inner = &self.0;
        if inner.counters.idle.get() >= inner.settings.idle_total || !connection.read.bytes.is_empty() {
            return;
        }
        connection.read.release();
        connection.timer.clear();
        let mut idle = inner.idle.borrow_mut();
        let list = match idle.get_mut(&connection.origin) {
            Some(list) => list,
            None => idle.entry(connection.origin.clone()).or_default(),
        };
        if list.len() < inner.settings.idle_per_origin {
            list.push(Idle { connection, since: now });
            inner.counters.idle.set(inner.counters.idle.get() + 1);
        }
    }
}
