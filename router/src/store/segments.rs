//! The bytes of a stored response, in runs at their places.
//!
//! Owns joining runs and cutting out of them without a copy. A whole body is one run or several that touch; a response
//! held in parts has gaps. A run is in memory or on disk; of what is in memory some may have a copy there, which it keeps when
//! others join it: only what is new is written. Never knows what the bytes are, and never reads.

use super::disk::block::{Block, Slice};
use crate::cache::spans::Spans;
use arc_swap::ArcSwapOption;
use bytes::{Bytes, BytesMut};
use std::sync::Arc;

/// Bytes of one run of a stored body: large enough to be few, small enough to be found room for.
pub const RUN_BYTES_MAX: usize = 1024 * 1024;

/// Bytes that a run costs besides what it holds.
const RUN_COST: u64 = 64;

/// Where bytes that are in memory lie on disk as well, those of them that were written there.
type Home = Arc<ArcSwapOption<Vec<Run>>>;

/// A run of bytes.
#[derive(Debug, Clone)]
pub struct Run {
    /// Where its first byte stands in the representation.
    pub start: u64,
    /// The bytes; never empty.
    pub piece: Piece,
    /// Shared by all clones and cuts of what is in memory; what is on disk has none.
    home: Option<Home>,
}

/// Bytes, or where they are.
#[derive(Debug, Clone)]
pub enum Piece {
    /// In memory.
    Here(Bytes),
    /// On disk.
    Below(Slice),
}

impl Piece {
    /// How many bytes.
    pub fn length(&self) -> u64 {
        match self {
            Self::Here(bytes) => bytes.len() as u64,
            Self::Below(slice) => slice.length(),
        }
    }

    /// Those from `from` to `to`, both inside of it.
    fn cut(&self, from: u64, to: u64) -> Self {
        match self {
            // Both lie inside the run, whose length is a usize.
            Self::Here(bytes) => Self::Here(bytes.slice(from as usize..to as usize)),
            Self::Below(slice) => Self::Below(slice.cut(from, to)),
        }
    }
}

impl Run {
    /// Bytes at a place.
    pub(super) fn new(start: u64, piece: Piece) -> Self {
        let home = matches!(piece, Piece::Here(_)).then(Home::default);
        Self { start, piece, home }
    }

    /// Those from `from` to `to`, both inside of it.
    fn cut(&self, from: u64, to: u64) -> Self {
        let piece = self.piece.cut(from - self.start, to - self.start);
        Self { start: from, piece, home: self.home.clone() }
    }

    /// Where its bytes lie that are on disk as well, in their order.
    pub(super) fn copies(&self) -> Vec<Self> {
        let home = self.home.as_ref().and_then(|home| home.load_full());
        let (start, end) = (self.start, self.end());
        let within = home.iter().flat_map(|runs| runs.iter()).filter(|run| run.start < end && run.end() > start);
        within.filter(|run| run.is_there()).map(|run| run.cut(run.start.max(start), run.end().min(end))).collect()
    }

    /// Where it lies on disk, as far as it does.
    fn below(&self) -> Vec<Self> {
        match &self.piece {
            Piece::Here(_) => self.copies(),
            Piece::Below(_) => vec![self.clone()],
        }
    }

    /// Notes where copies on disk lie, over those that are known.
    pub(super) fn copied(&self, runs: &[Self]) {
        if let Some(home) = &self.home {
            let known = home.load_full().map_or_else(Segments::default, |runs| Segments::of(runs.to_vec()));
            home.store(Some(Arc::new(known.with(&Segments::of(runs.to_vec())).0)));
        }
    }

    /// Whether it can be read.
    fn is_there(&self) -> bool {
        match &self.piece {
            Piece::Here(_) => true,
            Piece::Below(slice) => slice.pin().is_some(),
        }
    }

    /// The place behind its last byte.
    pub fn end(&self) -> u64 {
        self.start + self.piece.length()
    }
}

/// Runs in their order; none overlaps another.
#[derive(Debug, Clone, Default)]
pub struct Segments(Vec<Run>);

impl Segments {
    /// These runs, in their order.
    pub(super) fn of(runs: Vec<Run>) -> Self {
        Self(runs)
    }

    /// One run that begins at `start`.
    pub fn one(start: u64, bytes: Bytes) -> Self {
        Self::of(if bytes.is_empty() { Vec::new() } else { vec![Run::new(start, Piece::Here(bytes))] })
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
                    runs.push(Run::new(begin, Piece::Here(bytes)));
                }
            }
        }
        if !run.is_empty() {
            runs.push(Run::new(place, Piece::Here(run.freeze())));
        }
        Self::of(runs)
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
                    runs.push(run.cut(place, over.start));
                }
                place = place.max(over.end());
            }
            if place < run.end() {
                runs.push(run.cut(place, run.end()));
            }
        }
        runs.sort_by_key(|run| run.start);
        Self::of(runs)
    }

    /// Notes which of the same bytes an older body of the same state has on disk, so that they are not written again.
    pub(super) fn lie_where(&self, older: &Self) {
        let known: Vec<Run> = older.0.iter().flat_map(Run::below).collect();
        if !known.is_empty() {
            self.0.iter().for_each(|run| run.copied(&known));
        }
    }

    /// Whether both lie in the same places on disk, all of them.
    pub(super) fn lies_with(&self, other: &Self) -> bool {
        let places = |body: &Self| -> Vec<_> {
            let place = |run: Run| match run.piece {
                Piece::Below(slice) => Some((run.start, slice.place())),
                Piece::Here(_) => None,
            };
            body.0.iter().flat_map(Run::below).filter_map(place).collect()
        };
        let below: u64 = self.0.iter().flat_map(Run::below).map(|run| run.piece.length()).sum();
        (self.bytes(), below) == (other.bytes(), other.bytes()) && places(self) == places(other)
    }

    /// Bytes from `place` on, up to `end` at the most and as many as lie together; none when that place is not held.
    pub fn at(&self, place: u64, end: u64) -> Option<Piece> {
        Self::piece_of(&self.0, place, end)
    }

    /// The same of runs that are no body yet.
    pub(super) fn piece_of(runs: &[Run], place: u64, end: u64) -> Option<Piece> {
        let index = runs.partition_point(|run| run.end() <= place);
        let run = runs.get(index).filter(|run| run.start <= place && place < end)?;
        Some(run.piece.cut(place - run.start, end.min(run.end()) - run.start))
    }

    /// All of them, when they are in memory as one run from the beginning, or none at all.
    pub fn whole(&self) -> Option<Bytes> {
        match &self.0[..] {
            [] => Some(Bytes::new()),
            [Run { start: 0, piece: Piece::Here(bytes), .. }] => Some(bytes.clone()),
            _ => None,
        }
    }

    /// How many bytes are held.
    pub fn bytes(&self) -> u64 {
        self.0.iter().map(|run| run.piece.length()).sum()
    }

    /// Bytes of memory that they take, with the places of a copy.
    pub(super) fn weight(&self) -> u64 {
        let one = |run: &Run| match &run.piece {
            Piece::Here(bytes) => {
                bytes.len() as u64 + RUN_COST * (1 + bytes.len() as u64 / super::disk::PIECE_BYTES as u64)
            }
            Piece::Below(_) => RUN_COST,
        };
        self.0.iter().map(one).sum()
    }

    /// The runs.
    pub(super) fn runs(&self) -> &[Run] {
        &self.0
    }

    /// The runs, to put others behind them.
    pub(super) fn into_runs(self) -> Vec<Run> {
        self.0
    }

    /// Whether all of them are in memory.
    pub fn is_here(&self) -> bool {
        self.0.iter().all(|run| matches!(run.piece, Piece::Here(_)))
    }

    /// What keeps those on disk readable for as long as it is held; none when some made room already.
    pub fn pins(&self) -> Option<Vec<Arc<Block>>> {
        pins(&self.0)
    }

    /// Those that can be read, when others made room.
    pub(super) fn left(&self) -> Self {
        Self(self.0.iter().filter(|run| run.is_there()).cloned().collect())
    }

    /// Which bytes are held; none when they lie too far apart.
    pub(super) fn spans(&self) -> Option<Spans> {
        let mut spans = Spans::default();
        self.0.iter().all(|run| spans.add(run.start..run.end())).then_some(spans)
    }
}

fn pins(runs: &[Run]) -> Option<Vec<Arc<Block>>> {
    let mut pins: Vec<Arc<Block>> = Vec::new();
    for run in runs {
        if let Piece::Below(slice) = &run.piece {
            let block = slice.pin()?;
            // Most runs lie in the block of the run before.
            if !pins.last().is_some_and(|last| Arc::ptr_eq(last, &block)) {
                pins.push(block);
            }
        }
    }
    Some(pins)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes_at(held: &Segments, place: u64, end: u64) -> Option<Bytes> {
        match held.at(place, end)? {
            Piece::Here(bytes) => Some(bytes),
            Piece::Below(_) => None,
        }
    }

    fn run(start: u64, text: &'static str) -> Segments {
        Segments::one(start, Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn newer_bytes_lie_over_older_ones() {
        let old = run(0, "aaaaaaaaaa").with(&run(12, "bb"));
        let joined = old.with(&run(3, "XX")).with(&run(9, "YYY"));
        let text: Vec<u8> = (0..14).flat_map(|place| bytes_at(&joined, place, place + 1)).flatten().collect();
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
            assert_eq!(bytes_at(&held, place, end).as_deref(), expected.map(str::as_bytes), "{place}..{end}");
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
            while let Some(bytes) = bytes_at(&held, place, end) {
                prop_assert!(bytes.len() <= RUN_BYTES_MAX);
                place += bytes.len() as u64;
                read.extend_from_slice(&bytes);
            }
            prop_assert!(read == all);
        }
    }
}
