//! The worker's spare buffers and header maps. A connection borrows them while an exchange is in flight, so an idle
//! connection holds none; a busy worker allocates none. Bounded in count and size. Never shared between threads.

use std::cell::RefCell;

use bytes::BytesMut;
use http::HeaderMap;

use super::io::READ_MAX;

/// Most spare objects of each kind kept by a worker: 64 read buffers of at most 64 KiB are 4 MiB.
const SPARE: usize = 64;
/// Largest write buffer and header map worth keeping.
const WRITE_KEEP: usize = 64 * 1024;
const HEADERS_KEEP: usize = 128;

#[derive(Default)]
struct Spare {
    read: Vec<BytesMut>,
    write: Vec<Vec<u8>>,
    headers: Vec<HeaderMap>,
}

thread_local! {
    static SPARE_OBJECTS: RefCell<Spare> = RefCell::default();
}

/// `None` while the thread is ending: then nothing is kept any more.
fn with_spare<R>(work: impl FnOnce(&mut Spare) -> R) -> Option<R> {
    SPARE_OBJECTS.try_with(|spare| work(&mut spare.borrow_mut())).ok()
}

/// An empty read buffer of at least `room` bytes.
pub(crate) fn take_read(room: usize) -> BytesMut {
    let spare = with_spare(|spare| spare.read.pop()).flatten();
    // A frame of its last body may still be on its way to a client; then the buffer is not ours alone yet.
    let reclaimed = spare.and_then(|mut buffer| buffer.try_reclaim(room).then_some(buffer));
    reclaimed.unwrap_or_else(|| BytesMut::with_capacity(room))
}

/// Takes back a read buffer; what it holds is dropped.
pub(crate) fn give_read(mut buffer: BytesMut) {
    buffer.clear();
    if buffer.capacity() <= 2 * READ_MAX {
        with_spare(|spare| {
            if spare.read.len() < SPARE {
                spare.read.push(buffer);
            }
        });
    }
}

/// An empty write buffer.
pub(crate) fn take_write() -> Vec<u8> {
    with_spare(|spare| spare.write.pop()).flatten().unwrap_or_else(|| Vec::with_capacity(4096))
}

/// Takes back a write buffer.
pub(crate) fn give_write(mut buffer: Vec<u8>) {
    if buffer.capacity() == 0 || buffer.capacity() > WRITE_KEEP {
        return;
    }
    buffer.clear();
    with_spare(|spare| {
        if spare.write.len() < SPARE {
            spare.write.push(buffer);
        }
    });
}

/// An empty header map, with room if one was given back.
#[must_use]
pub fn take_headers() -> HeaderMap {
    with_spare(|spare| spare.headers.pop()).flatten().unwrap_or_else(|| HeaderMap::with_capacity(24))
}

/// Takes back a header map that nobody needs any more.
pub fn give_headers(mut headers: HeaderMap) {
    if headers.capacity() == 0 || headers.capacity() > HEADERS_KEEP {
        return;
    }
    headers.clear();
    with_spare(|spare| {
        if spare.headers.len() < SPARE {
            spare.headers.push(headers);
        }
    });
}
