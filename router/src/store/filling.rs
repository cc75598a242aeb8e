//! A body that is arriving, and those who read it meanwhile.
//!
//! Owns the bytes that have come, who waits for more, and the end. The one who fills never waits for readers as long as all
//! is kept. When it turns out to be more than may be stored, nothing is kept that all readers have had, and the one who fills
//! waits for the slowest of them.
#![allow(
    clippy::disallowed_types,
    reason = "readers and the one who fills may be on different threads; held for a copy of pointers"
)]

use super::codings::Codings;
use super::disk::block::{Block, Slice};
use super::purge::{Purges, Standing};
use super::segments::{Piece, RUN_BYTES_MAX, Run, Segments};
use crate::cache::address::Address;
use crate::cache::stored::Stored;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

/// Bytes that are held ready for the slowest reader of what is not stored.
const WINDOW: u64 = 256 * 1024;

/// Why a body has no more bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// The origin failed: why.
    Origin(Arc<str>),
    /// The bytes wanted are not kept any more.
    Passed,
}

/// A response whose body is arriving.
#[derive(Debug)]
pub struct Filling {
    /// The response.
    pub stored: Stored,
    /// The purge number when it was asked for.
    pub era: u64,
    /// The bytes in other codings, once one was wanted.
    pub codings: OnceLock<Arc<Codings>>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// What was moved to disk: all before `begin`.
    below: Vec<Run>,
    /// Keeps it there.
    pins: Vec<Arc<Block>>,
    pieces: VecDeque<Bytes>,
    /// Place of the first byte that is held in memory.
    begin: u64,
    /// Place behind the last that came.
    end: u64,
    ended: Option<Result<(), Arc<str>>>,
    keeps: bool,
    readers: Vec<Reader>,
    next: u64,
    filler: Option<Waker>,
}

#[derive(Debug)]
struct Reader {
    id: u64,
    place: u64,
    waker: Option<Waker>,
}

impl Filling {
    /// Nothing has come yet; the first byte will be that at `start`.
    pub fn new(stored: Stored, start: u64, era: u64) -> Self {
        let state = State {
            below: Vec::new(),
            pins: Vec::new(),
            pieces: VecDeque::new(),
            begin: start,
            end: start,
            ended: None,
            keeps: true,
            readers: Vec::new(),
            next: 0,
            filler: None,
        };
        Self { stored, era, codings: OnceLock::new(), state: Mutex::new(state) }
    }

    /// Whether it was purged since it was asked for, as what this address answers.
    pub fn is_purged(&self, purges: &Purges, address: &Address) -> bool {
        purges.standing(self.era, address, &self.stored.tags).0 != Standing::Untouched
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// More bytes have come. Returns how many there are now, of those that are kept.
    pub fn append(&self, bytes: Bytes) -> u64 {
        let mut state = self.state();
        if !bytes.is_empty() {
            state.end += bytes.len() as u64;
            state.pieces.push_back(bytes);
        }
        state.wake_readers();
        state.end - state.start()
    }

    /// The place behind the last byte that came.
    pub fn end(&self) -> u64 {
        self.state().end
    }

    /// Whether anybody reads it now.
    pub fn is_read(&self) -> bool {
        !self.state().readers.is_empty()
    }

    /// Bytes that are held in memory.
    pub(super) fn in_memory(&self) -> u64 {
        let state = self.state();
        state.end - state.begin
    }

    /// Whether some of it was moved to disk.
    pub(super) fn is_moving(&self) -> bool {
        !self.state().below.is_empty()
    }

    /// So many of the oldest bytes in memory, when there are more than readers are likely to want next.
    pub(super) fn oldest(&self, bytes: usize) -> Option<Vec<Bytes>> {
        let state = self.state();
        if state.end - state.begin < WINDOW + bytes as u64 {
            return None;
        }
        let (mut pieces, mut left) = (Vec::new(), bytes);
        for piece in &state.pieces {
            pieces.push(piece.slice(..piece.len().min(left)));
            left -= pieces.last().map_or(0, Bytes::len);
            if left == 0 {
                break;
            }
        }
        Some(pieces)
    }

    /// The oldest bytes in memory are on disk now.
    pub(super) fn moved(&self, slice: Slice) {
        let mut state = self.state();
        let mut left = slice.length() as usize;
        let (pin, start) = (slice.pin(), state.begin);
        state.begin += slice.length();
        state.below.push(Run::new(start, Piece::Below(slice)));
        if let Some(pin) = pin
            && !state.pins.last().is_some_and(|last| Arc::ptr_eq(last, &pin))
        {
            state.pins.push(pin);
        }
        while let Some(piece) = state.pieces.front_mut() {
            if piece.len() > left {
                *piece = piece.slice(left..);
                break;
            }
            left -= piece.len();
            state.pieces.pop_front();
        }
    }

    /// It is more than may be stored: from now on only what readers lack is held.
    pub fn let_go(&self) {
        let mut state = self.state();
        state.keeps = false;
        state.drop_read();
    }

    /// Waits until the readers have room for more, where it is not kept or memory is tight. False when there is nobody left to fill
    /// for.
    pub async fn room(&self, is_tight: bool) -> bool {
        std::future::poll_fn(|cx| {
            let mut state = self.state();
            if state.keeps && !is_tight {
                return Poll::Ready(true);
            }
            match state.readers.iter().map(|reader| reader.place).min() {
                None => Poll::Ready(state.keeps),
                Some(place) if state.end - place.min(state.end) < WINDOW => Poll::Ready(true),
                Some(_) => {
                    state.filler = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// No more will come: it is complete, or the origin failed. Returns the bytes if they were kept, and how many came. Copies
    /// them without the lock, a run at a time, and others of the worker have their turn in between: what is large would hold
    /// them up for tens of milliseconds.
    pub async fn finish(&self, ended: Result<(), Arc<str>>) -> (Option<Segments>, u64) {
        let (kept, mut place, bytes) = {
            let mut state = self.state();
            state.ended = Some(ended);
            state.wake_readers();
            let kept = |state: &State| (state.below.clone(), state.pieces.iter().cloned().collect::<Vec<_>>());
            (state.keeps.then(|| kept(&state)), state.begin, state.end - state.start())
        };
        let Some((mut runs, pieces)) = kept else { return (None, bytes) };
        let (mut group, mut length) = (Vec::new(), 0);
        for mut piece in pieces {
            while length + piece.len() > RUN_BYTES_MAX {
                group.push(piece.split_to(RUN_BYTES_MAX - length));
                runs.extend(Segments::gathered(place, &group).into_runs());
                place += RUN_BYTES_MAX as u64;
                (group, length) = (Vec::new(), 0);
                tokio::task::yield_now().await;
            }
            length += piece.len();
            group.push(piece);
        }
        runs.extend(Segments::gathered(place, &group).into_runs());
        (Some(Segments::of(runs)), bytes)
    }

    /// For one who comes now and will read from `place`: what lies behind it stays until then. None when it is not there any
    /// more, or the origin failed.
    pub fn hold(self: &Arc<Self>, place: u64) -> Option<Hold> {
        let mut state = self.state();
        let is_there = place >= state.start() && !matches!(state.ended, Some(Err(_)));
        is_there.then(|| Hold { filling: Arc::clone(self), id: state.join(place) })
    }

    /// A reader that begins at `place`; to be closed by `leave`.
    pub fn join(&self, place: u64) -> u64 {
        self.state().join(place)
    }

    /// The reader is done.
    pub fn leave(&self, id: u64) {
        let mut state = self.state();
        state.readers.retain(|reader| reader.id != id);
        state.drop_read();
    }

    /// The next bytes from `place`, up to `end`; none when the body ended before.
    pub fn poll_at(&self, id: u64, place: u64, end: u64, cx: &mut Context<'_>) -> Poll<Result<Option<Piece>, Broken>> {
        let mut state = self.state();
        if place < state.start() {
            return Poll::Ready(Err(Broken::Passed));
        }
        let found = state.piece_at(place, end);
        let at = found.as_ref().map_or(place, |piece| place + piece.length());
        if let Some(reader) = state.readers.iter_mut().find(|reader| reader.id == id) {
            reader.place = at;
            if found.is_none() && !reader.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                reader.waker = Some(cx.waker().clone());
            }
        }
        if found.is_some() {
            state.drop_read();
            return Poll::Ready(Ok(found));
        }
        match &state.ended {
            Some(Ok(())) => Poll::Ready(Ok(None)),
            Some(Err(why)) => Poll::Ready(Err(Broken::Origin(Arc::clone(why)))),
            None => Poll::Pending,
        }
    }
}

/// Keeps bytes for one who will read them.
#[derive(Debug)]
pub struct Hold {
    filling: Arc<Filling>,
    id: u64,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.filling.leave(self.id);
    }
}

impl State {
    fn join(&mut self, place: u64) -> u64 {
        let id = self.next;
        self.next += 1;
        self.readers.push(Reader { id, place, waker: None });
        id
    }

    /// Place of the first byte that can be read.
    fn start(&self) -> u64 {
        self.below.first().map_or(self.begin, |run| run.start)
    }

    fn piece_at(&self, place: u64, end: u64) -> Option<Piece> {
        if place >= self.end || place >= end {
            return None;
        }
        if place < self.begin {
            return Segments::piece_of(&self.below, place, end);
        }
        // From behind: most readers are at the newest bytes.
        let mut begin = self.end;
        for piece in self.pieces.iter().rev() {
            begin -= piece.len() as u64;
            if begin <= place {
                let to = (end - begin).min(piece.len() as u64);
                return Some(Piece::Here(piece.slice((place - begin) as usize..to as usize)));
            }
        }
        None
    }

    /// Lets the one who fills go on, and drops what everybody has read, when it is not kept.
    fn drop_read(&mut self) {
        if let Some(waker) = self.filler.take() {
            waker.wake();
        }
        if self.keeps {
            return;
        }
        let read = self.readers.iter().map(|reader| reader.place).min().unwrap_or(self.end);
        if read >= self.begin {
            self.below.clear();
            self.pins.clear();
        }
        while let Some(piece) = self.pieces.front()
            && self.begin + piece.len() as u64 <= read
        {
            self.begin += piece.len() as u64;
            self.pieces.pop_front();
        }
    }

    fn wake_readers(&mut self) {
        for reader in &mut self.readers {
            if let Some(waker) = reader.waker.take() {
                waker.wake();
            }
        }
    }
}
