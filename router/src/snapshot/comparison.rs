//! What would have been decided otherwise, counted.
//!
//! Owns the counters of one policy that is compared with what was decided without it, in one service: how often both
//! agree, from which region to which they differ, whose pins would break, what it cost. Relaxed atomics that workers add to
//! and `/status` and `/metrics` read; never consulted to decide anything.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Where a decision sends an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// To a region, by its index in the service.
    Region(u8),
    /// Nowhere: a policy answers.
    Answered,
    /// Nowhere: it cannot be served.
    Refused,
}

/// Two decisions about the same exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compared {
    /// Without the policy that is compared.
    pub from: Place,
    /// With it.
    pub to: Place,
    /// The place is the same, something else of the plan or the answer is not.
    pub changed: bool,
    /// A session that is served where it is pinned would not be.
    pub broken_pin: bool,
    /// The policy failed.
    pub failed: bool,
}

impl Compared {
    /// Two places, whether anything else of plan or answer `differs`, and the region that the session is pinned to.
    pub fn of(from: Place, to: Place, differs: bool, home: Option<u8>) -> Self {
        let broken_pin = from != to && home.is_some_and(|home| from == Place::Region(home));
        Self { from, to, changed: from == to && differs, broken_pin, failed: false }
    }
}

/// Counters of comparisons.
#[derive(Debug)]
pub struct Comparisons {
    regions: usize,
    /// By place without and place with, row by row.
    pairs: Box<[Counted]>,
    changed: Counted,
    broken_pins: Counted,
    failed: AtomicU64,
    /// Time of the policy's calls.
    took_ns: AtomicU64,
}

#[derive(Debug, Default)]
struct Counted {
    count: AtomicU64,
    /// What metrics were told of it; only the conductor touches it.
    told: AtomicU64,
}

impl Counted {
    fn add(&self) {
        self.count.fetch_add(1, Relaxed);
    }

    fn now(&self) -> u64 {
        self.count.load(Relaxed)
    }

    fn untold(&self) -> u64 {
        let now = self.now();
        now.saturating_sub(self.told.swap(now, Relaxed))
    }
}

/// What is new since metrics were told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct News {
    /// Pairs of places: without and with the policy.
    pub pairs: Vec<(Place, Place, u64)>,
    /// Same place, something else differs.
    pub changed: u64,
    /// Broken pins.
    pub broken_pins: u64,
}

/// The counters at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Totals {
    /// Decisions that were compared.
    pub compared: u64,
    /// Of those: both send the exchange to the same place.
    pub same_place: u64,
    /// Of those at the same place: something else differs.
    pub changed: u64,
    /// Sessions served where they are pinned that would not be.
    pub broken_pins: u64,
    /// Calls of the policy that failed.
    pub failed: u64,
    /// Time of its calls.
    pub took: Duration,
}

impl Totals {
    /// Decisions in which nothing would have been different.
    pub fn agreed(&self) -> u64 {
        self.same_place.saturating_sub(self.changed)
    }
}

impl Comparisons {
    /// Counters for a service of so many regions.
    pub fn new(regions: usize) -> Self {
        let places = regions + 2;
        Self {
            regions,
            pairs: (0..places * places).map(|_| Counted::default()).collect(),
            changed: Counted::default(),
            broken_pins: Counted::default(),
            failed: AtomicU64::new(0),
            took_ns: AtomicU64::new(0),
        }
    }

    /// Counts a comparison; `took` is the time of the policy's call.
    pub fn count(&self, compared: &Compared, took: Duration) {
        let cell = self.index(compared.from) * (self.regions + 2) + self.index(compared.to);
        if let Some(pair) = self.pairs.get(cell) {
            pair.add();
        }
        if compared.changed {
            self.changed.add();
        }
        if compared.broken_pin {
            self.broken_pins.add();
        }
        if compared.failed {
            self.failed.fetch_add(1, Relaxed);
        }
        self.took_ns.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    /// The sums now.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals {
            changed: self.changed.now(),
            broken_pins: self.broken_pins.now(),
            failed: self.failed.load(Relaxed),
            took: Duration::from_nanos(self.took_ns.load(Relaxed)),
            ..Totals::default()
        };
        for (from, to, count) in self.pairs() {
            totals.compared += count;
            totals.same_place += if from == to { count } else { 0 };
        }
        totals
    }

    /// Every pair of places that was met, with how often.
    pub fn pairs(&self) -> impl Iterator<Item = (Place, Place, u64)> {
        self.all().map(|(from, to, pair)| (from, to, pair.now())).filter(|(_, _, count)| *count > 0)
    }

    /// What is new since this was asked before. For one caller: the conductor.
    pub fn news(&self) -> News {
        let pairs = self.all().map(|(from, to, pair)| (from, to, pair.untold())).filter(|(_, _, new)| *new > 0);
        News { pairs: pairs.collect(), changed: self.changed.untold(), broken_pins: self.broken_pins.untold() }
    }

    fn all(&self) -> impl Iterator<Item = (Place, Place, &Counted)> {
        let places = self.regions + 2;
        let pairs = self.pairs.iter().enumerate();
        pairs.map(move |(cell, pair)| (self.place(cell / places), self.place(cell % places), pair))
    }

    fn index(&self, place: Place) -> usize {
        match place {
            Place::Region(region) => usize::from(region).min(self.regions),
            Place::Answered => self.regions,
            Place::Refused => self.regions + 1,
        }
    }

    fn place(&self, index: usize) -> Place {
        match index.checked_sub(self.regions) {
            // A service has at most 64 regions.
            None => Place::Region(u8::try_from(index).unwrap_or(u8::MAX)),
            Some(0) => Place::Answered,
            Some(_) => Place::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_pairs_and_tells_news_once() {
        let comparisons = Comparisons::new(2);
        let count = |from, to, changed, broken_pin| {
            let compared = Compared { from, to, changed, broken_pin, failed: false };
            comparisons.count(&compared, Duration::from_micros(2));
        };
        count(Place::Region(0), Place::Region(0), false, false);
        count(Place::Region(0), Place::Region(0), true, false);
        count(Place::Region(0), Place::Region(1), false, true);
        count(Place::Region(1), Place::Refused, false, false);
        count(Place::Answered, Place::Answered, false, false);
        let totals = comparisons.totals();
        assert_eq!((totals.compared, totals.same_place, totals.changed, totals.agreed()), (5, 3, 1, 2));
        assert_eq!((totals.broken_pins, totals.took), (1, Duration::from_micros(10)));
        let moved: Vec<_> = comparisons.pairs().filter(|(from, to, _)| from != to).collect();
        let expected = [(Place::Region(0), Place::Region(1), 1), (Place::Region(1), Place::Refused, 1)];
        assert_eq!(moved, expected);
        let news = comparisons.news();
        assert_eq!(news.pairs.iter().map(|(_, _, new)| new).sum::<u64>(), 5);
        assert_eq!((news.changed, news.broken_pins), (1, 1));
        assert_eq!(comparisons.news(), News::default(), "told already");
    }
}
