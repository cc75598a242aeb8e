//! The threads that read from disk, so that no worker waits for one.
//!
//! Owns the queue in front of them, which is bounded: a request that finds it full goes to the origin instead.
#![allow(
    clippy::disallowed_types,
    reason = "a queue between workers and reading threads, held to put in or take out one"
)]

use super::block::{Block, Place};
use super::figures::Figures;
use bytes::Bytes;
use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use tokio::sync::oneshot;

/// Threads that read: enough for a solid-state disk to have several requests at once.
const THREADS: usize = 4;
/// Reads that may wait.
const WAITING_MAX: usize = 1024;

/// Why bytes could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// Their block made room for newer ones.
    #[error("the stored bytes made room for others")]
    Gone,
    /// Too many reads are waiting.
    #[error("too many reads of the disk are waiting")]
    Busy,
    /// The disk failed, or gave back other bytes; counted and logged already.
    #[error("the stored bytes cannot be read")]
    Failed,
}

/// What a read comes to; a thread that ended without a word dropped it.
pub type Reply = oneshot::Receiver<Result<Bytes, Unread>>;

/// The reply about a block that is not there any more.
pub(super) fn gone() -> Reply {
    answered(Err(Unread::Gone))
}

fn answered(answer: Result<Bytes, Unread>) -> Reply {
    let (sender, reply) = oneshot::channel();
    // The receiver is right here.
    let _ = sender.send(answer);
    reply
}

#[derive(Debug)]
struct Read {
    block: Arc<Block>,
    place: Place,
    span: Range<usize>,
    reply: oneshot::Sender<Result<Bytes, Unread>>,
}

#[derive(Debug, Default)]
struct Queue {
    reads: VecDeque<Read>,
    is_closed: bool,
}

/// The reading threads.
#[derive(Debug)]
pub struct Readers {
    queue: Mutex<Queue>,
    wake: Condvar,
    figures: Arc<Figures>,
}

impl Readers {
    /// Starts them.
    pub(super) fn start(figures: Arc<Figures>) -> io::Result<Arc<Self>> {
        let readers = Arc::new(Self { queue: Mutex::default(), wake: Condvar::new(), figures });
        for number in 0..THREADS {
            let own = Arc::clone(&readers);
            std::thread::Builder::new().name(format!("cache-read-{number}")).spawn(move || own.work())?;
        }
        Ok(readers)
    }

    /// The counters.
    pub(super) fn figures(&self) -> &Figures {
        &self.figures
    }

    /// Reads a place and gives back some of its bytes.
    pub(super) fn read(&self, block: Arc<Block>, place: Place, span: Range<usize>) -> Reply {
        let (reply, answer) = oneshot::channel();
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.reads.len() >= WAITING_MAX || queue.is_closed {
            self.figures.busy.fetch_add(1, Relaxed);
            return answered(Err(Unread::Busy));
        }
        queue.reads.push_back(Read { block, place, span, reply });
        self.figures.waiting.store(queue.reads.len() as u64, Relaxed);
        drop(queue);
        self.wake.notify_one();
        answer
    }

    /// Ends the threads when they have done what they were asked.
    pub(super) fn close(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).is_closed = true;
        self.wake.notify_all();
    }

    fn work(&self) {
        while let Some(Read { block, place, span, reply }) = self.next() {
            // Nobody waits for it any more.
            if reply.is_closed() {
                continue;
            }
            self.figures.reads.fetch_add(1, Relaxed);
            let answer = block.read(place).map_err(|(fault, error)| {
                self.figures.failed(fault, "a read failed", &error);
                Unread::Failed
            });
            let _ =
                reply.send(answer.and_then(|bytes| {
                    if span.end <= bytes.len() { Ok(bytes.slice(span)) } else { Err(Unread::Failed) }
                }));
        }
    }

    fn next(&self) -> Option<Read> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(read) = queue.reads.pop_front() {
                self.figures.waiting.store(queue.reads.len() as u64, Relaxed);
                return Some(read);
            }
            if queue.is_closed {
                return None;
            }
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
