//! Tasks of a worker that belong to no exchange.
//!
//! Owns their number: who is one too many does not begin.

use std::cell::Cell;
use std::thread::LocalKey;

/// Counts one that is running.
pub(super) struct Running(&'static LocalKey<Cell<usize>>);

impl Running {
    /// One more, unless `max` run.
    pub(super) fn begin(count: &'static LocalKey<Cell<usize>>, max: usize) -> Option<Self> {
        let now = count.get();
        (now < max).then(|| {
            count.set(now + 1);
            Self(count)
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
