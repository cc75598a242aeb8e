//! What would have been decided otherwise, counted.
//!
//! Owns the counters of one policy that is compared with what was decided without it, in one service: how often both
//! agree, from which region to which they differ, whose pins would break, what it cost. Relaxed atomics that workers add to
//! and `/status` and `/metrics` read; never consulted to decide anything.

mod answers;

use answers::Answers;
pub use answers::{AnswerNews, AnswerTotals, ComparedAnswer};
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
    /// The session would have had another key of its own, or none where it had one.
    pub other_key: bool,
    /// The policy failed.
    pub failed: bool,
    /// Time of its calls.
    pub took: Duration,
}

impl Compared {
    /// Two places, whether anything else of plan, key or answer `differs`, and the region that the session is pinned to.
    pub fn of(from: Place, to: Place, differs: bool, home: Option<u8>) -> Self {
        let broken_pin = from != to && home.is_some_and(|home| from == Place::Region(home));
        let changed = from == to && differs;
        Self { from, to, changed, broken_pin, other_key: false, failed: false, took: Duration::ZERO }
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
    other_keys: Counted,
    failed: AtomicU64,
    /// Time of the policy's calls.
    took_ns: AtomicU64,
    answers: Answers,
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
    /// Other keys.
    pub other_keys: u64,
    /// Answers.
    pub answers: AnswerNews,
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
    /// Sessions that would have had another key of their own.
    pub other_keys: u64,
    /// Of the decisions: those for which a call of the policy failed.
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
            other_keys: Counted::default(),
            failed: AtomicU64::new(0),
            took_ns: AtomicU64::new(0),
            answers: Answers::default(),
        }
    }

    /// Counts a comparison.
    pub fn count(&self, compared: &Compared) {
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
        if compared.other_key {
            self.other_keys.add();
        }
        if compared.failed {
            self.failed.fetch_add(1, Relaxed);
        }
        self.took_ns.fetch_add(u64::try_from(compared.took.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    /// Counts the comparison of an answer.
    pub fn count_answer(&self, compared: &ComparedAnswer) {
        self.answers.count(compared);
    }

    /// The sums of answers now.
    pub fn answers(&self) -> AnswerTotals {
        self.answers.totals()
    }

    /// The sums now.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals {
            changed: self.changed.now(),
            broken_pins: self.broken_pins.now(),
            other_keys: self.other_keys.now(),
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
        News {
            pairs: pairs.collect(),
            changed: self.changed.untold(),
            broken_pins: self.broken_pins.untold(),
            other_keys: self.other_keys.untold(),
            answers: self.answers.news(),
        }
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
            let took = Duration::from_micros(2);
            let other_key = changed;
            comparisons.count(&Compared {
                changed,
                broken_pin,
                other_key,
                took,
                ..Compared::of(from, to, false, None)
            });
        };
        count(Place::Region(0), Place::Region(0), false, false);
        count(Place::Region(0), Place::Region(0), true, false);
        count(Place::Region(0), Place::Region(1), false, true);
        count(Place::Region(1), Place::Refused, false, false);
        count(Place::Answered, Place::Answered, false, false);
        let totals = comparisons.totals();
        assert_eq!((totals.compared, totals.same_place, totals.changed, totals.agreed()), (5, 3, 1, 2));
        assert_eq!((totals.broken_pins, totals.other_keys, totals.took), (1, 1, Duration::from_micros(10)));
        let moved: Vec<_> = comparisons.pairs().filter(|(from, to, _)| from != to).collect();
        let expected = [(Place::Region(0), Place::Region(1), 1), (Place::Region(1), Place::Refused, 1)];
        assert_eq!(moved, expected);
        let news = comparisons.news();
        assert_eq!(news.pairs.iter().map(|(_, _, new)| new).sum::<u64>(), 5);
        assert_eq!((news.changed, news.broken_pins, news.other_keys), (1, 1, 1));
        assert_eq!(comparisons.news(), News::default(), "told already");
    }
}
