//! What would have become of answers otherwise, counted.
//!
//! Owns the counters of the hook `response` in a comparison: how often both chains make the same of an answer, and what
//! differs where they do not. Relaxed atomics, as those of decisions.

use super::Counted;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// What policies make of one answer, without the policy that is compared and with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ComparedAnswer {
    /// One of both has another region asked; then there is nothing else to compare.
    pub next: bool,
    /// The session's pin would be another.
    pub pin: bool,
    /// The client would have other headers.
    pub headers: bool,
    /// The policy failed.
    pub failed: bool,
    /// Time of its call.
    pub took: Duration,
}

/// Counters of answers.
#[derive(Debug, Default)]
pub(super) struct Answers {
    compared: Counted,
    differed: AtomicU64,
    next: Counted,
    pins: Counted,
    headers: Counted,
    failed: AtomicU64,
    took_ns: AtomicU64,
}

/// What is new of answers since metrics were told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AnswerNews {
    /// Answers that were compared.
    pub compared: u64,
    /// Of those: one of both has another region asked.
    pub next: u64,
    /// Of those: the session's pin would be another.
    pub pins: u64,
    /// Of those: the client would have other headers.
    pub headers: u64,
}

/// The counters of answers at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AnswerTotals {
    /// Answers that were compared.
    pub compared: u64,
    /// Of those: nothing would have been different.
    pub agreed: u64,
    /// Of those: one of both has another region asked.
    pub next: u64,
    /// Of those: the session's pin would be another.
    pub pins: u64,
    /// Of those: the client would have other headers.
    pub headers: u64,
    /// Of those: the policy failed.
    pub failed: u64,
    /// Time of its calls.
    pub took: Duration,
}

impl Answers {
    pub(super) fn count(&self, compared: &ComparedAnswer) {
        self.compared.add();
        let facts = [(compared.next, &self.next), (compared.pin, &self.pins), (compared.headers, &self.headers)];
        facts.into_iter().filter(|(differs, _)| *differs).for_each(|(_, counted)| counted.add());
        let differed = compared.next || compared.pin || compared.headers;
        self.differed.fetch_add(differed.into(), Relaxed);
        self.failed.fetch_add(compared.failed.into(), Relaxed);
        self.took_ns.fetch_add(u64::try_from(compared.took.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    pub(super) fn totals(&self) -> AnswerTotals {
        let compared = self.compared.now();
        AnswerTotals {
            compared,
            agreed: compared.saturating_sub(self.differed.load(Relaxed)),
            next: self.next.now(),
            pins: self.pins.now(),
            headers: self.headers.now(),
            failed: self.failed.load(Relaxed),
            took: Duration::from_nanos(self.took_ns.load(Relaxed)),
        }
    }

    pub(super) fn news(&self) -> AnswerNews {
        AnswerNews {
            compared: self.compared.untold(),
            next: self.next.untold(),
            pins: self.pins.untold(),
            headers: self.headers.untold(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_what_differs_and_tells_it_once() {
        let answers = Answers::default();
        let same = ComparedAnswer { took: Duration::from_micros(3), ..ComparedAnswer::default() };
        answers.count(&same);
        answers.count(&ComparedAnswer { pin: true, headers: true, ..same });
        answers.count(&ComparedAnswer { next: true, ..same });
        answers.count(&ComparedAnswer { failed: true, ..same });
        let totals = answers.totals();
        assert_eq!((totals.compared, totals.agreed, totals.failed), (4, 2, 1));
        assert_eq!((totals.next, totals.pins, totals.headers), (1, 1, 1));
        assert_eq!(totals.took, Duration::from_micros(12));
        assert_eq!(answers.news(), AnswerNews { compared: 4, next: 1, pins: 1, headers: 1 });
        assert_eq!(answers.news(), AnswerNews::default(), "told already");
    }
}
