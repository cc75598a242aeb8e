//! Who waits for room at a service whose regions are full, and who is told when some comes free.
//!
//! Owns the waiting list of one service, shared by all workers and carried across snapshots. While nobody waits it is
//! one counter that the end of an attempt reads; only when someone does is there a lock, held for a few nanoseconds.
//! Whoever has waited longest for the region that came free is woken, on whatever worker, and looks for room again.
//! Nothing is reserved: an exchange that arrives in that moment may be faster, and the woken one goes back to the front.

#![allow(clippy::disallowed_types, reason = "touched only while exchanges wait; never when there is room")]

use smallvec::SmallVec;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// The regions that one exchange waits for, by stable identity; few services have more.
pub type WaitsFor = SmallVec<[u64; 8]>;

/// The waiting list of one service.
#[derive(Debug, Default)]
pub struct Queue {
    /// Places taken, parked or not.
    waiting: AtomicU32,
    list: Mutex<List>,
}

#[derive(Debug, Default)]
struct List {
    parked: VecDeque<Parked>,
    last: u64,
}

#[derive(Debug)]
struct Parked {
    id: u64,
    regions: WaitsFor,
    waker: Waker,
}

impl Queue {
    /// How many wait.
    pub fn waiting(&self) -> u32 {
        self.waiting.load(SeqCst)
    }

    /// A place at the end of the queue; none when `max` wait already.
    pub fn enter(&self, max: u32) -> Option<Place<'_>> {
        // Before the look for room: with the order in `came_free`, one of the two sides sees the other.
        if self.waiting.fetch_add(1, SeqCst) >= max {
            self.waiting.fetch_sub(1, SeqCst);
            return None;
        }
        let mut list = self.list();
        list.last += 1;
        Some(Place { queue: self, id: list.last, regions: WaitsFor::new(), parked: false })
    }

    /// An attempt in this region has ended: wakes who has waited longest for it. Called after the count went down.
    pub fn came_free(&self, region: u64) {
        if self.waiting.load(SeqCst) > 0 {
            self.wake(&[region]);
        }
    }

    fn wake(&self, regions: &[u64]) {
        let woken = {
            let mut list = self.list();
            let fits = |parked: &Parked| parked.regions.iter().any(|region| regions.contains(region));
            let found = list.parked.iter().position(fits);
            found.and_then(|at| list.parked.remove(at))
        };
        // Outside the lock: waking may run code of the runtime.
        if let Some(woken) = woken {
            woken.waker.wake();
        }
    }

    /// No code under the lock can leave the list half changed, so a poisoned lock is as good as any.
    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue, given up by its drop.
#[derive(Debug)]
pub struct Place<'q> {
    queue: &'q Queue,
    id: u64,
    regions: WaitsFor,
    parked: bool,
}

impl Place<'_> {
    /// Waits for these regions: `waker` is woken when one of them has come free. To be called before each look for room;
    /// who was woken and found none is at the front again.
    pub fn park(&mut self, regions: WaitsFor, waker: &Waker) {
        let mut list = self.queue.list();
        if let Some(parked) = list.parked.iter_mut().find(|parked| parked.id == self.id) {
            parked.waker.clone_from(waker);
            parked.regions.clone_from(&regions);
        } else {
            let parked = Parked { id: self.id, regions: regions.clone(), waker: waker.clone() };
            if self.parked { list.parked.push_front(parked) } else { list.parked.push_back(parked) }
        }
        (self.regions, self.parked) = (regions, true);
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let was_woken = {
            let mut list = self.queue.list();
            let found = list.parked.iter().position(|parked| parked.id == self.id);
            found.map(|at| list.parked.remove(at)).is_none() && self.parked
        };
        self.queue.waiting.fetch_sub(1, SeqCst);
        // It may leave without using what it was woken for: the next one has a look.
        if was_woken && self.queue.waiting() > 0 {
            self.queue.wake(&self.regions);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::task::Wake;

    #[derive(Default)]
    struct Bell(AtomicBool);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.store(true, SeqCst);
        }
    }

    impl Bell {
        fn rang(&self) -> bool {
            self.0.swap(false, SeqCst)
        }
    }

    fn park(place: &mut Place<'_>, regions: &[u64], bell: &Arc<Bell>) {
        place.park(regions.into(), &Waker::from(Arc::clone(bell)));
    }

    #[test]
    fn the_longest_waiting_for_that_region_is_woken() {
        let queue = Queue::default();
        let bells = [(); 3].map(|()| Arc::new(Bell::default()));
        let mut places: Vec<_> = (0..3).map(|_| queue.enter(3).unwrap()).collect();
        assert!(queue.enter(3).is_none(), "bounded");
        assert_eq!(queue.waiting(), 3);
        for ((place, regions), bell) in places.iter_mut().zip([&[1][..], &[2], &[1, 2]]).zip(&bells) {
            park(place, regions, bell);
        }
        let rang = || bells.each_ref().map(|bell| bell.rang());
        queue.came_free(3);
        assert_eq!(rang(), [false; 3], "nobody waits for it");
        queue.came_free(2);
        assert_eq!(rang(), [false, true, false]);
        queue.came_free(2);
        assert_eq!(rang(), [false, false, true], "the first one has left the list");
        // It found no room: to the front again, before the one that had waited longer for the other region.
        park(&mut places[2], &[1, 2], &bells[2]);
        queue.came_free(1);
        assert_eq!(rang(), [false, false, true]);
        queue.came_free(1);
        assert_eq!(rang(), [true, false, false]);
    }

    #[test]
    fn who_leaves_without_using_it_wakes_the_next() {
        let queue = Queue::default();
        let (first, second) = (Arc::new(Bell::default()), Arc::new(Bell::default()));
        let mut leaves = queue.enter(9).unwrap();
        let mut stays = queue.enter(9).unwrap();
        park(&mut leaves, &[1], &first);
        park(&mut stays, &[1], &second);
        queue.came_free(1);
        assert!(first.rang() && !second.rang());
        drop(leaves);
        assert!(second.rang());
        let mut never_woken = queue.enter(9).unwrap();
        park(&mut never_woken, &[1], &first);
        park(&mut stays, &[1], &second);
        drop(never_woken);
        assert!(!second.rang(), "nothing came free");
        drop(stays);
        assert_eq!(queue.waiting(), 0);
        assert!(queue.list().parked.is_empty());
    }
}
