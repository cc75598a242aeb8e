//! Memory of a guest: freed blocks are kept by size and handed out again.
//!
//! Owns the global allocator of a component. A call brings and leaves some twenty small blocks whose sizes hardly change
//! from call to call, so a block of up to [`MOST`] bytes is taken from a list of its size and goes back to it, in a few
//! instructions. What is larger, and what a list does not have, comes from the standard library's allocator. Blocks of
//! a list stay there: each list keeps as many as were ever in use at once. Natively only its own tests use it.
//! With `bindings`, the only place where unsafe code is allowed: docs/adr/0005-unsafe-in-the-sdk.md.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr;

/// Smallest block, bytes, and the alignment of all. A free block holds the address of the next one.
const LEAST: usize = 16;
/// Largest block that is kept, bytes.
const MOST: usize = 4096;
/// One list for each power of two from [`LEAST`] to [`MOST`].
const LISTS: usize = (MOST / LEAST).ilog2() as usize + 1;

/// The lists of free blocks.
#[derive(Debug)]
pub(crate) struct Blocks {
    first: [Cell<*mut u8>; LISTS],
}

impl Blocks {
    /// No free blocks yet.
    pub(crate) const fn new() -> Self {
        Self { first: [const { Cell::new(ptr::null_mut()) }; LISTS] }
    }
}

// SAFETY: a component has one thread, and where there could be more this file is not compiled (`lib.rs`). Each native
// test has lists of its own and stays on its thread.
unsafe impl Sync for Blocks {}

/// Number of the list for blocks of this size; none when the standard library's allocator has them.
#[inline]
fn list_of(size: usize, align: usize) -> Option<usize> {
    let sixteenths = size.saturating_sub(1) / LEAST;
    (size <= MOST && align <= LEAST).then(|| (usize::BITS - sixteenths.leading_zeros()) as usize)
}

/// A block that no list has. It is never given back to the allocator that it comes from.
#[cold]
fn fresh(list: usize) -> *mut u8 {
    match Layout::from_size_align(LEAST << list, LEAST) {
        // SAFETY: the size is not zero.
        Ok(layout) => unsafe { System.alloc(layout) },
        Err(_) => ptr::null_mut(),
    }
}

// SAFETY: a block is in use or on one list, never both: only `alloc` takes it off and only `dealloc` puts it on. The
// caller gives a block back once and with the layout that it was asked for, and that leads to the list whose blocks
// are as large. Every block is aligned to `LEAST` and has room for an address.
unsafe impl GlobalAlloc for Blocks {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(list) = list_of(layout.size(), layout.align()) else {
            // SAFETY: the caller's promises hold for it too.
            return unsafe { System.alloc(layout) };
        };
        let block = self.first[list].get();
        if block.is_null() {
            return fresh(list);
        }
        // SAFETY: a block on a list begins with the address of the next one.
        self.first[list].set(unsafe { block.cast::<*mut u8>().read() });
        block
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match list_of(layout.size(), layout.align()) {
            Some(list) => {
                // SAFETY: nobody uses the block any more.
                unsafe { block.cast::<*mut u8>().write(self.first[list].get()) };
                self.first[list].set(block);
            }
            // SAFETY: blocks of this layout came from there.
            None => unsafe { System.dealloc(block, layout) },
        }
    }

    #[inline]
    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        match (list_of(layout.size(), layout.align()), list_of(size, layout.align())) {
            // SAFETY: both the old and the new block are that allocator's.
            (None, None) => unsafe { System.realloc(old, layout, size) },
            (before, after) if before == after => old,
            // SAFETY: the caller promises that the new layout is valid; the copy stays inside both blocks.
            _ => unsafe {
                let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
                if !new.is_null() {
                    ptr::copy_nonoverlapping(old, new, layout.size().min(size));
                    self.dealloc(old, layout);
                }
                new
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_holds_what_fits_and_what_does_not_waste_half() {
        for (size, list) in [
            (0, Some(0)),
            (1, Some(0)),
            (16, Some(0)),
            (17, Some(1)),
            (32, Some(1)),
            (33, Some(2)),
            (2048, Some(7)),
            (2049, Some(8)),
            (MOST, Some(LISTS - 1)),
            (MOST + 1, None),
            (usize::MAX, None),
        ] {
            assert_eq!(list_of(size, 8), list, "{size} bytes");
        }
        assert_eq!((list_of(8, LEAST), list_of(8, 2 * LEAST)), (Some(0), None), "alignment");
    }

    #[test]
    fn a_block_comes_back_to_whoever_asks_for_its_size() {
        let blocks = Blocks::new();
        let layout = |size| Layout::from_size_align(size, 4).expect("a small layout");
        // SAFETY: each block is given back once, with its own layout, and not read afterwards.
        unsafe {
            let (a, b) = (blocks.alloc(layout(20)), blocks.alloc(layout(30)));
            assert_ne!(a, b);
            blocks.dealloc(a, layout(20));
            assert_ne!(blocks.alloc(layout(16)), a, "another list");
            assert_eq!(blocks.realloc(b, layout(30), 32), b, "it fits where it is");
            assert_eq!(blocks.alloc(layout(32)), a);
        }
    }

    /// Blocks of many sizes live and die in a shuffled order; each keeps its bytes, so no two share any.
    #[test]
    fn blocks_never_overlap() {
        let blocks = Blocks::new();
        let mut live: Vec<(*mut u8, Layout, u8)> = Vec::new();
        let mut dice = 1u64;
        for turn in 0..20_000u32 {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let size = 1 + (dice >> 33) as usize % if turn % 16 == 0 { 3 * MOST } else { 100 };
            let layout = Layout::from_size_align(size, 1 << (dice >> 60 & 3)).expect("a small layout");
            let mark = turn as u8;
            // SAFETY: each block is used inside its size, and given back once with the layout it has then.
            unsafe {
                match live.len() {
                    64 => {
                        let (block, old, mark) = live.swap_remove((dice >> 40) as usize % 64);
                        let kept = old.size().min(size);
                        let block = blocks.realloc(block, old, size);
                        assert!((0..kept).all(|at| block.add(at).read() == mark), "turn {turn}");
                        blocks.dealloc(block, Layout::from_size_align(size, old.align()).expect("a small layout"));
                    }
                    _ => {
                        let block = blocks.alloc(layout);
                        assert_eq!(block as usize % layout.align(), 0, "turn {turn}");
                        block.write_bytes(mark, size);
                        live.push((block, layout, mark));
                    }
                }
            }
        }
    }
}
