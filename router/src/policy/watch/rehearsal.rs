//! A background instance that is called by hand, for trials of a policy.
//!
//! Owns nothing but the order of things: the same instance, limits and grants as in the router, with somebody who answers in the
//! place of servers, so that no socket is opened and the same trial has the same end.

use super::Feed;
use super::telling::Telling;
use crate::base::Timestamp;
use crate::policy::failure::PolicyFailure;
use crate::policy::load::Loaded;
use crate::policy::outgoing::{Asked, Outgoing, Servers};
use std::sync::Arc;
use std::time::Duration;

/// A background instance in a trial. For the thread that made it.
pub struct Rehearsal(Telling);

impl std::fmt::Debug for Rehearsal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rehearsal").finish_non_exhaustive()
    }
}

impl Rehearsal {
    /// Of this policy; `servers` answer what its grant lets through.
    pub fn new(policy: Arc<Loaded>, servers: Servers) -> Self {
        let outgoing = Outgoing::rehearsed(Arc::clone(&policy), servers);
        Self(Telling::new(policy, outgoing))
    }

    /// Calls it: for the first time with every region, then with what changed; after how long it wants to be called again, none is
    /// not before a region changes.
    ///
    /// # Errors
    /// How the call failed. The next one has a new instance.
    pub fn call(&mut self, feed: &Feed, now: Timestamp, entropy: f64) -> Result<Option<Duration>, PolicyFailure> {
        let pause = self.0.tell(feed, now, entropy)?;
        Ok((pause > 0).then(|| Duration::from_millis(pause.into())))
    }

    /// What it asked of servers in its last call, in order.
    pub fn asked(&mut self) -> Vec<Asked> {
        self.0.outgoing().map(Outgoing::take_asked).unwrap_or_default()
    }
}
