//! Which bytes of a representation are held: a few spans that neither overlap nor touch.
//!
//! Owns adding, asking and what is missing. Bounded: a set that is full takes only what joins one that it has. Pure.

use std::ops::Range;

/// Spans of one representation. Clients that jump about a film make a few; more are an attack on the book-keeping.
pub const SPANS_MAX: usize = 64;

/// Spans in rising order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spans(Vec<Range<u64>>);

impl Spans {
    /// One span.
    pub fn one(span: Range<u64>) -> Self {
        let mut spans = Self::default();
        spans.add(span);
        spans
    }

    /// Adds a span; false when the set is full and has nothing that it joins.
    pub fn add(&mut self, span: Range<u64>) -> bool {
        if span.is_empty() {
            return true;
        }
        // Those that it overlaps or touches lie side by side.
        let from = self.0.partition_point(|held| held.end < span.start);
        let to = self.0.partition_point(|held| held.start <= span.end);
        if from == to && self.0.len() >= SPANS_MAX {
            return false;
        }
        let joined = &self.0[from..to];
        let start = joined.first().map_or(span.start, |held| held.start.min(span.start));
        let end = joined.last().map_or(span.end, |held| held.end.max(span.end));
        self.0.splice(from..to, std::iter::once(start..end));
        true
    }

    /// Whether every byte of a span is held.
    pub fn covers(&self, span: &Range<u64>) -> bool {
        span.is_empty() || self.0.iter().any(|held| held.start <= span.start && span.end <= held.end)
    }

    /// The least span that holds every byte of `span` that is missing.
    pub fn missing(&self, span: &Range<u64>) -> Option<Range<u64>> {
        if self.covers(span) {
            return None;
        }
        let holding = |at: u64| self.0.iter().find(|held| held.contains(&at));
        let start = holding(span.start).map_or(span.start, |held| held.end);
        let end = holding(span.end - 1).map_or(span.end, |held| held.start);
        Some(start..end)
    }

    /// What is missing from `at` on, up to the next byte that is held, or `end`.
    pub fn gap(&self, at: u64, end: u64) -> Range<u64> {
        at..self.0.iter().map(|held| held.start).find(|start| *start > at).unwrap_or(end).min(end)
    }

    /// The end of the span that holds the byte at a place.
    pub fn held_until(&self, at: u64) -> Option<u64> {
        self.0.iter().find(|held| held.contains(&at)).map(|held| held.end)
    }

    /// The spans.
    pub fn iter(&self) -> impl Iterator<Item = &Range<u64>> {
        self.0.iter()
    }
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "one range is what is meant")]
mod tests {
    use super::*;

    fn of(added: &[Range<u64>]) -> Spans {
        let mut spans = Spans::default();
        assert!(added.iter().all(|span| spans.add(span.clone())));
        spans
    }

    #[test]
    fn what_overlaps_or_touches_is_joined() {
        for (added, expected) in [
            (&[0..5][..], &[0..5][..]),
            (&[3..3], &[]),
            (&[0..5, 5..8], &[0..8]),
            (&[5..8, 0..5], &[0..8]),
            (&[0..5, 7..9], &[0..5, 7..9]),
            (&[7..9, 0..5], &[0..5, 7..9]),
            (&[0..2, 4..6, 8..10, 1..9], &[0..10]),
            (&[0..2, 4..6, 8..10, 2..4], &[0..6, 8..10]),
            (&[0..10, 2..3], &[0..10]),
        ] {
            assert_eq!(of(added).0, expected, "{added:?}");
        }
    }

    #[test]
    fn what_is_missing() {
        let spans = of(&[2..4, 6..8]);
        for (span, expected) in [
            (0..1, Some(0..1)),
            (2..4, None),
            (2..5, Some(4..5)),
            (1..4, Some(1..2)),
            (3..7, Some(4..6)),
            (0..10, Some(0..10)),
            (5..5, None),
        ] {
            assert_eq!(spans.missing(&span), expected, "{span:?}");
            assert_eq!(spans.covers(&span), expected.is_none());
        }
    }

    #[test]
    fn what_is_next() {
        let spans = of(&[2..4, 6..8]);
        for (at, end, gap, held) in
            [(0, 9, 0..2, None), (4, 9, 4..6, None), (4, 5, 4..5, None), (8, 9, 8..9, None), (3, 9, 3..6, Some(4))]
        {
            assert_eq!((spans.gap(at, end), spans.held_until(at)), (gap, held), "{at}");
        }
    }

    #[test]
    fn a_full_set_takes_what_it_can_join() {
        let mut spans = of(&(0..SPANS_MAX as u64).map(|n| n * 10..n * 10 + 5).collect::<Vec<_>>());
        assert!(!spans.add(5000..5001));
        assert!(spans.add(5..10) && spans.add(5000..5001), "joining two makes room for one");
        assert_eq!(spans.iter().count(), SPANS_MAX);
    }
}
