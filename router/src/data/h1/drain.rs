//! The worker's shutdown signal: a flag that connections read for free, and a list of wakers for those that wait.
//! Owns the registration of connections; never closes anything itself. The worker starts it, connections obey it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Waker};

use tokio::sync::Notify;

/// Shared by everything on one worker. Starts once, never stops.
#[derive(Clone, Default)]
pub struct Drain(Rc<State>);

#[derive(Default)]
struct State {
    started: Cell<bool>,
    called: Notify,
    waiting: RefCell<Vec<Option<Waker>>>,
    free: RefCell<Vec<usize>>,
}

impl Drain {
    /// A drain that has not started.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts draining: idle connections close, busy ones close after their exchange.
    pub fn start(&self) {
        self.0.started.set(true);
        self.0.called.notify_waiters();
        for waker in self.0.waiting.borrow().iter().flatten() {
            waker.wake_by_ref();
        }
    }

    /// Whether draining has started.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.0.started.get()
    }

    /// Connections that are registered now.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.0.waiting.borrow().len() - self.0.free.borrow().len()
    }

    /// Waits for the start, without being counted.
    pub async fn started(&self) {
        let called = self.0.called.notified();
        if !self.is_started() {
            called.await;
        }
    }

    /// Counts a connection in; it is woken by [`Self::start`] once it has called `refresh`.
    pub(crate) fn register(&self) -> Registered {
        let mut waiting = self.0.waiting.borrow_mut();
        let slot = self.0.free.borrow_mut().pop().unwrap_or_else(|| {
            waiting.push(None);
            waiting.len() - 1
        });
        Registered { drain: self.clone(), slot }
    }
}

/// One connection's place in the drain.
pub(crate) struct Registered {
    drain: Drain,
    slot: usize,
}

impl Registered {
    /// Remembers the task to wake, if it is not the same as before.
    pub(crate) fn refresh(&self, cx: &Context<'_>) {
        let mut waiting = self.drain.0.waiting.borrow_mut();
        let slot = &mut waiting[self.slot];
        if !slot.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            *slot = Some(cx.waker().clone());
        }
    }

    pub(crate) fn is_started(&self) -> bool {
        self.drain.is_started()
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.drain.0.waiting.borrow_mut()[self.slot] = None;
        self.drain.0.free.borrow_mut().push(self.slot);
    }
}
