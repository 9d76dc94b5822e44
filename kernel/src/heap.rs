//! The component's allocator: dlmalloc, which asks its host for memory by the large page.
//!
//! Hosts that map a linear memory on pages of 2 MiB (`host/src/engine/memory.rs`) can do so only where
//! all of such a page can be used. So the component starts with one of them (the linker's
//! `--initial-memory`, in `host/build.rs`) and takes whole ones from there. What is not touched costs
//! nothing; a host's limit is reached at most 2 MiB early.

#![allow(unsafe_code, reason = "an allocator hands out raw memory")]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;

use dlmalloc::Dlmalloc;

/// Bytes of a large page, by which memory is taken.
const STEP: usize = 2 << 20;

/// dlmalloc in a static.
pub(crate) struct Heap(UnsafeCell<Dlmalloc>);

impl Heap {
    pub(crate) const fn new() -> Self {
        let mut memory = Dlmalloc::new();
        assert!(memory.set_granularity(STEP), "a step is a power of two");
        Heap(UnsafeCell::new(memory))
    }
}

// SAFETY: a component has one thread.
unsafe impl Sync for Heap {}

// SAFETY: dlmalloc keeps the contract of an allocator, and calls back nobody who could enter it again:
// each of these calls is the only one that holds it.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above, and the caller keeps the contract of `GlobalAlloc`; so below.
        unsafe { (*self.0.get()).malloc(layout.size(), layout.align()) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `alloc`.
        unsafe { (*self.0.get()).calloc(layout.size(), layout.align()) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as in `alloc`.
        unsafe { (*self.0.get()).free(memory, layout.size(), layout.align()) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as in `alloc`.
        unsafe { (*self.0.get()).realloc(memory, layout.size(), layout.align(), size) }
    }
}
