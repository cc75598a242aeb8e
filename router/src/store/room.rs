//! Room for bodies that are arriving: how much memory they have together, beside what is stored, and what goes to disk when that
//! is not enough. Owns the count. Called by the flow for each piece that an origin sends.

use super::filling::Filling;
use super::{ARRIVING_SHARE, DISK_PATIENCE, Store, disk};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

impl Store {
    /// Room for a body that is arriving; what memory has no room for may go to disk.
    pub fn room(self: &Arc<Self>) -> Room {
        Room { store: Arc::clone(self), taken: 0, lagging: 0, may_move: true }
    }

    /// Room in memory alone.
    pub fn room_in_memory(self: &Arc<Self>) -> Room {
        Room { store: Arc::clone(self), taken: 0, lagging: 0, may_move: false }
    }

    /// Bytes of bodies that are not stored, and that slow readers lack.
    pub fn lagging(&self) -> u64 {
        self.lagging.load(Relaxed)
    }
}

/// Bytes that one arriving body takes; given back when it is dropped.
#[derive(Debug)]
pub struct Room {
    store: Arc<Store>,
    taken: u64,
    lagging: u64,
    may_move: bool,
}

impl Room {
    /// Takes more; false when all arriving bodies together have their share already.
    pub fn take(&mut self, bytes: u64) -> bool {
        self.taken += bytes;
        self.store.arriving.fetch_add(bytes, Relaxed) + bytes <= self.store.memory.capacity() / ARRIVING_SHARE
    }

    /// Makes sure that bytes which have come can stay: in memory, or on disk when they are many. False when they cannot.
    pub async fn hold(&mut self, filling: &Filling, more: u64) -> bool {
        let has_room = self.take(more);
        let store = Arc::clone(&self.store);
        let Some(disk) = store.disk.as_ref().filter(|_| self.may_move) else { return has_room };
        if has_room && !filling.is_moving() && filling.in_memory() <= store.memory.object_max() {
            return true;
        }
        // A disk that does not answer holds nobody up for longer.
        let moved = async {
            while let Some(pieces) = filling.oldest(disk::PIECE_BYTES) {
                let slice = disk.write(pieces).await?;
                self.give(slice.length());
                filling.moved(slice);
            }
            Some(())
        };
        tokio::time::timeout(DISK_PATIENCE, moved).await.is_ok_and(|moved| moved.is_some())
    }

    /// Its body will not be stored: what is held of it is for slow readers.
    pub fn lag(&mut self, filling: &Filling) {
        self.give_back();
        self.lags(filling.in_memory());
    }

    /// Whether such bodies have as much together as those that will be stored may have: then none should come faster than it is read
    /// of which nobody knows how long it is.
    pub fn is_tight(&self) -> bool {
        self.store.lagging() > self.store.memory.capacity() / ARRIVING_SHARE
    }

    fn lags(&mut self, bytes: u64) {
        let before = std::mem::replace(&mut self.lagging, bytes);
        self.store.lagging.fetch_add(bytes.wrapping_sub(before), Relaxed);
    }

    /// Gives some of it back.
    fn give(&mut self, bytes: u64) {
        let bytes = bytes.min(self.taken);
        self.taken -= bytes;
        self.store.arriving.fetch_sub(bytes, Relaxed);
    }

    /// Gives all of it back.
    pub fn give_back(&mut self) {
        self.give(self.taken);
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.give_back();
        self.lags(0);
    }
}
