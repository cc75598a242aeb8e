//! Waiting for room when every region that may serve an exchange is at its capacity.
//!
//! Owns how long an exchange waits and what came of it. The list of who waits is the service's (`snapshot::queue`).
//! Nothing is polled: the end of an attempt wakes one waiting exchange, which then asks `decide` again. Nothing was sent
//! by then, so asking again is no retry. Called by `exchange`.

use crate::base::RegionSet;
use crate::decide::Decision;
use crate::snapshot::Service;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// Waits until `again` finds room, for at most the service's limit and what is `left` of the exchange's time. None when
/// it did not come to that: the first refusal stands.
pub(super) async fn wait<'s>(
    service: &Service,
    full: RegionSet,
    left: Duration,
    mut again: impl FnMut() -> Decision<'s>,
) -> Option<Decision<'s>> {
    let limits = service.spec.queue;
    let longest = limits.wait.min(left);
    if longest.is_zero() {
        return None;
    }
    let Some(mut place) = service.queue.enter(limits.waiting_max) else {
        service.metrics.queued.count("overflow");
        return None;
    };
    let mut outcome = Outcome { service, word: "left" };
    let mut full = full;
    let mut over = pin!(tokio::time::sleep(longest));
    let decision = poll_fn(|cx| {
        // Parked before the look, so that what comes free after it is not missed.
        place.park(service.waits_for(full), cx.waker());
        if service.has_room(full) {
            let decision = again();
            match decision.no_target() {
                Some(why) if !why.full().is_empty() => full = why.full(),
                _ => return Poll::Ready(Some(decision)),
            }
        }
        over.as_mut().poll(cx).map(|()| None)
    })
    .await;
    outcome.word = match &decision {
        None => "timeout",
        Some(Decision::Refuse(..) | Decision::Stranded(..)) => "refused",
        Some(_) => "served",
    };
    decision
}

/// Counts what came of the wait, also when the client leaves in the middle of it.
struct Outcome<'a> {
    service: &'a Service,
    word: &'static str,
}

impl Drop for Outcome<'_> {
    fn drop(&mut self) {
        self.service.metrics.queued.count(self.word);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::decide::Refusal;
    use crate::snapshot::Snapshot;
    use crate::snapshot::build::Known;
    use crate::snapshot::build::tests::{build, config, parts};
    use crate::snapshot::stats::InFlight;
    use crate::steer::plan::NoTarget;
    use crate::steer::verdict::Reply;
    use bytes::Bytes;
    use http::StatusCode;
    use std::cell::Cell;
    use std::sync::Arc;
    use tokio::time::Instant;

    const SECOND: Duration = Duration::from_secs(1);

    /// One region that holds one exchange; `extra` goes into the service's table.
    fn snapshot(extra: &str) -> Arc<Snapshot> {
        let mut live = config(&[("eu", &["http://127.0.0.1:1"])], extra).live;
        live.services[0].regions[0].capacity = Some(1);
        build(&live, &parts(&live), &Known::default(), None)
    }

    fn begin(service: &Service) -> InFlight {
        service.endpoints[0][0].stats.begin()
    }

    fn full() -> RegionSet {
        RegionSet::first(1)
    }

    fn refused<'s>() -> Decision<'s> {
        Decision::Refuse(None, Refusal::NoTarget(NoTarget::AllFull(full())))
    }

    /// What `decide` would say: a slot is taken when there is one.
    fn taken<'s>(service: &'s Arc<Service>, held: &Cell<Option<InFlight>>) -> Decision<'s> {
        held.set(Some(begin(service)));
        Decision::Reply(service, Reply { status: StatusCode::OK, headers: Vec::new(), body: Bytes::new() })
    }

    fn run<T>(test: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, test)
    }

    #[test]
    fn room_on_another_thread_ends_the_wait() {
        let snapshot = snapshot("");
        let service = &snapshot.services[0];
        let first = begin(service);
        // Not paused: this waits for a thread, and far longer than that takes.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let held = Cell::new(None);
        let (waits, told) = std::sync::mpsc::sync_channel(1);
        let ends = std::thread::spawn(move || {
            told.recv().unwrap();
            drop(first);
        });
        let decision = runtime.block_on(async {
            let mut waiting = pin!(wait(service, full(), 60 * SECOND, || taken(service, &held)));
            // Once polled it is parked.
            assert!(poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx).is_pending())).await);
            assert_eq!(service.queue.waiting(), 1);
            waits.send(()).unwrap();
            waiting.await
        });
        ends.join().unwrap();
        assert!(matches!(decision, Some(Decision::Reply(..))));
        assert_eq!((service.queue.waiting(), service.endpoints[0][0].stats.in_flight()), (0, 1));
    }

    #[test]
    fn the_wait_ends_at_the_limit_and_at_the_deadline_of_the_exchange() {
        for (extra, left, expected) in [
            ("", 10 * SECOND, SECOND),
            ("", SECOND / 4, SECOND / 4),
            ("queue = { wait = \"3s\" }", 10 * SECOND, 3 * SECOND),
            ("queue = { wait = \"0s\" }", 10 * SECOND, Duration::ZERO),
            ("queue = { waiting_max = 0 }", 10 * SECOND, Duration::ZERO),
            ("", Duration::ZERO, Duration::ZERO),
        ] {
            let snapshot = snapshot(extra);
            let service = &snapshot.services[0];
            let _full = begin(service);
            run(async {
                let started = Instant::now();
                assert!(wait(service, full(), left, || panic!("there is no room to ask for")).await.is_none());
                let took = started.elapsed();
                assert!(took >= expected && took < expected + SECOND / 100, "{extra}, {left:?} left: {took:?}");
                assert_eq!(service.queue.waiting(), 0);
            });
        }
    }

    #[test]
    fn each_slot_that_comes_free_serves_one_and_who_came_first_is_first() {
        let snapshot = snapshot("");
        let service = &snapshot.services[0];
        let first = begin(service);
        run(async {
            let (one, two) = (Cell::new(None), Cell::new(None));
            let mut early = pin!(wait(service, full(), SECOND, || taken(service, &one)));
            let mut late = pin!(wait(service, full(), SECOND, || taken(service, &two)));
            let mut pending = async || {
                poll_fn(|cx| Poll::Ready((early.as_mut().poll(cx).is_pending(), late.as_mut().poll(cx).is_pending())))
                    .await
            };
            assert_eq!(pending().await, (true, true));
            drop(first);
            assert_eq!(pending().await, (false, true));
            drop(one.take());
            assert!(late.await.is_some());
        });
        assert_eq!(service.queue.waiting(), 0);
    }

    #[test]
    fn it_waits_on_when_others_were_faster_and_leaves_no_trace_when_the_client_leaves() {
        let snapshot = snapshot("");
        let service = &snapshot.services[0];
        run(async {
            let asked = Cell::new(0);
            let again = || {
                asked.set(asked.get() + 1);
                refused()
            };
            // There seems to be room, and the decision finds none: no spinning, and the limit holds.
            assert!(wait(service, full(), SECOND, again).await.is_none());
            assert!(asked.get() <= 3, "asked {} times", asked.get());
            let _full = begin(service);
            let mut leaves = Box::pin(wait(service, full(), SECOND, refused));
            assert!(poll_fn(|cx| Poll::Ready(leaves.as_mut().poll(cx).is_pending())).await);
            assert_eq!(service.queue.waiting(), 1);
            drop(leaves);
            assert_eq!(service.queue.waiting(), 0);
        });
    }
}
