//! The bytes of a stored response, in runs at their places.
//!
//! Owns joining runs and cutting out of them without a copy. A whole body is one run or several that touch; a response
//! held in parts has gaps. Never knows what the bytes are. Pure.

use bytes::{Bytes, BytesMut};

/// Bytes of one run of a stored body: large enough to be few, small enough to be found room for.
pub const RUN_BYTES_MAX: usize = 1024 * 1024;

/// A run of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Where its first byte stands in the representation.
    pub start: u64,
    /// The bytes; never empty.
    pub bytes: Bytes,
}

impl Run {
    /// The place behind its last byte.
    pub fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

/// Runs in their order; none overlaps another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Segments(Vec<Run>);

impl Segments {
    /// One run that begins at `start`.
    pub fn one(start: u64, bytes: Bytes) -> Self {
        Self(if bytes.is_empty() { Vec::new() } else { vec![Run { start, bytes }] })
    }

    /// Copies pieces that follow one another from `start` into runs of their own, so that no piece keeps alive the larger
    /// buffer that it was read into.
    pub fn gathered(start: u64, pieces: &[Bytes]) -> Self {
        let mut left: usize = pieces.iter().map(Bytes::len).sum();
        let mut runs = Vec::with_capacity(left.div_ceil(RUN_BYTES_MAX));
        let mut place = start;
        let mut run = BytesMut::with_capacity(left.min(RUN_BYTES_MAX));
        for piece in pieces {
            let mut piece = &piece[..];
            while !piece.is_empty() {
                let (now, later) = piece.split_at(piece.len().min(RUN_BYTES_MAX - run.len()));
                run.extend_from_slice(now);
                piece = later;
                if run.len() == RUN_BYTES_MAX {
                    left -= run.len();
                    let next = BytesMut::with_capacity(left.min(RUN_BYTES_MAX));
                    let bytes = std::mem::replace(&mut run, next).freeze();
                    let begin = place;
                    place += bytes.len() as u64;
                    runs.push(Run { start: begin, bytes });
                }
            }
        }
        if !run.is_empty() {
            runs.push(Run { start: place, bytes: run.freeze() });
        }
        Self(runs)
    }

    /// These runs with newer ones over them.
    #[must_use]
    pub fn with(&self, newer: &Self) -> Self {
        let mut runs = newer.0.clone();
        for run in &self.0 {
            let mut place = run.start;
            // What the newer ones leave of this one.
            for over in newer.0.iter().filter(|over| over.start < run.end() && over.end() > run.start) {
                if over.start > place {
                    runs.push(cut(run, place, over.start));
                }
                place = place.max(over.end());
            }
            if place < run.end() {
                runs.push(cut(run, place, run.end()));
            }
        }
        runs.sort_by_key(|run| run.start);
        Self(runs)
    }

    /// Bytes from `place` on, up to `end` at the most and as many as lie together; none when that place is not held.
    pub fn at(&self, place: u64, end: u64) -> Option<Bytes> {
        let index = self.0.partition_point(|run| run.end() <= place);
        let run = self.0.get(index).filter(|run| run.start <= place && place < end)?;
        Some(cut(run, place, end.min(run.end())).bytes)
    }

    /// All of them, when they are one run from the beginning or none at all.
    pub fn whole(&self) -> Option<Bytes> {
        match &self.0[..] {
            [] => Some(Bytes::new()),
            [run] if run.start == 0 => Some(run.bytes.clone()),
            _ => None,
        }
    }

    /// How many bytes are held.
    pub fn bytes(&self) -> u64 {
        self.0.iter().map(|run| run.bytes.len() as u64).sum()
    }
}

fn cut(run: &Run, from: u64, to: u64) -> Run {
    // Both lie inside the run, whose length is a usize.
    let offset = |place: u64| (place - run.start) as usize;
    Run { start: from, bytes: run.bytes.slice(offset(from)..offset(to)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(start: u64, text: &'static str) -> Segments {
        Segments::one(start, Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn newer_bytes_lie_over_older_ones() {
        let old = run(0, "aaaaaaaaaa").with(&run(12, "bb"));
        let joined = old.with(&run(3, "XX")).with(&run(9, "YYY"));
        let text: Vec<u8> = (0..14).flat_map(|place| joined.at(place, place + 1)).flatten().collect();
        assert_eq!(text, b"aaaXXaaaaYYYbb");
        assert_eq!(joined.bytes(), 14);
        assert_eq!(joined.whole(), None);
        assert_eq!(run(0, "abc").whole().as_deref(), Some(&b"abc"[..]));
        assert_eq!(run(1, "abc").whole(), None);
        assert_eq!(Segments::default().whole(), Some(Bytes::new()));
    }

    #[test]
    fn a_gap_is_not_held() {
        let held = run(2, "cd").with(&run(6, "gh"));
        for (place, end, expected) in [
            (0, 9, None),
            (2, 9, Some("cd")),
            (3, 9, Some("d")),
            (2, 3, Some("c")),
            (4, 9, None),
            (7, 99, Some("h")),
            (8, 9, None),
            (6, 6, None),
        ] {
            assert_eq!(held.at(place, end).as_deref(), expected.map(str::as_bytes), "{place}..{end}");
        }
    }

    proptest! {
        #[test]
        fn what_is_gathered_reads_back(pieces in proptest::collection::vec(0usize..700_000, 0..8), start in 0u64..5) {
            let mut next = 0u8;
            let pieces: Vec<Bytes> = pieces.into_iter().map(|length| {
                (0..length).map(|_| { next = next.wrapping_mul(31).wrapping_add(7); next }).collect::<Vec<_>>().into()
            }).collect();
            let all = pieces.concat();
            let held = Segments::gathered(start, &pieces);
            prop_assert_eq!(held.bytes(), all.len() as u64);
            let (mut place, end, mut read) = (start, start + all.len() as u64, Vec::new());
            while let Some(bytes) = held.at(place, end) {
                prop_assert!(bytes.len() <= RUN_BYTES_MAX);
                place += bytes.len() as u64;
                read.extend_from_slice(&bytes);
            }
            prop_assert!(read == all);
        }
    }
}
