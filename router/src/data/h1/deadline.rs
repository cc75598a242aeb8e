//! One timer per connection that is cheap to move: it is only re-armed when it fires too early or must fire sooner.
//! Owns the tokio timer; never decides what a missed deadline means. Used by client and upstream connections.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// A deadline that may be unset.
#[derive(Default)]
pub(crate) struct Deadline {
    at: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    /// Sets the deadline `after` from now.
    pub(crate) fn set(&mut self, after: Duration) {
        // A duration beyond the clock's range is no deadline.
        self.at = Instant::now().checked_add(after);
    }

    /// Sets the deadline `after` from a moment that was read already, unless one is set.
    pub(crate) fn set_once_from(&mut self, moment: std::time::Instant, after: Duration) {
        if self.at.is_none() {
            self.at = Instant::from_std(moment).checked_add(after);
        }
    }

    /// Sets the deadline `after` from now, unless one is set.
    pub(crate) fn set_once(&mut self, after: Duration) {
        if self.at.is_none() {
            self.set(after);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.at = None;
    }

    /// Ready when the deadline has passed; pending (and watching) otherwise.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if sleep.deadline() > at {
            sleep.as_mut().reset(at);
        }
        loop {
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if sleep.deadline() >= at {
                self.at = None;
                return Poll::Ready(());
            }
            sleep.as_mut().reset(at);
        }
    }
}
