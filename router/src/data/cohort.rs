//! Lets work of one kind be done together.
//!
//! The code that one exchange runs through is several times what the processor's first cache holds, so each exchange that
//! runs from end to end fetches all of it anew. One that steps back at a border lets the others that are ready come as far,
//! and what follows the border is then run for all of them from a warm cache: cohort scheduling (Larus and Parkes, USENIX
//! 2002). Used by `forward`, once per attempt; ADR 30 has what it brings.

use std::future::poll_fn;
use std::task::Poll;

/// Goes on when every task of this worker that is ready now had its turn. It costs one poll, and asks nothing of the system.
pub(super) async fn step_back() {
    let mut stepped = false;
    poll_fn(|cx| {
        if stepped {
            return Poll::Ready(());
        }
        stepped = true;
        // Not `tokio::task::yield_now`, which looks for events in between: a system call each time.
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;
    use tokio::task::{LocalSet, spawn_local};

    #[test]
    fn all_that_are_ready_reach_the_border_before_one_crosses_it() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let seen = Rc::new(RefCell::new(Vec::new()));
        let work = async {
            let tasks: Vec<_> = (0..3)
                .map(|number| {
                    let seen = Rc::clone(&seen);
                    spawn_local(async move {
                        seen.borrow_mut().push(("decided", number));
                        step_back().await;
                        seen.borrow_mut().push(("sent", number));
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        };
        LocalSet::new().block_on(&runtime, work);
        let expected = ["decided", "sent"].into_iter().flat_map(|what| (0..3).map(move |number| (what, number)));
        assert_eq!(*seen.borrow(), expected.collect::<Vec<_>>());
    }
}
