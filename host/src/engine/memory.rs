//! A kernel's linear memory, on large pages where the system has them.
//!
//! A kernel goes over hundreds of megabytes in no order that a processor could guess. With pages of
//! 2 MiB instead of 4 KiB its memory comes with fewer faults and is found with fewer steps: a twentieth
//! of the time. It is a hint. A system that does not follow it gives ordinary pages.

#![allow(unsafe_code, reason = "reserves memory that Wasmtime hands to compiled code")]

use std::ffi::c_void;
use std::ptr::{self, NonNull};

use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mmap_anonymous, mprotect, munmap};
use wasmtime::{LinearMemory, MemoryCreator, MemoryType};

/// Bytes of a large page: where a memory starts at a multiple, all of it can have them.
const LARGE_PAGE: usize = 2 << 20;

/// How an error of [`LargePages`] begins: of one that makes no memory Wasmtime keeps the words alone.
pub(super) const REFUSED: &str = "the system did not give the kernel its memory";

/// Makes memories on large pages.
pub(super) struct LargePages;

// SAFETY: a new mapping is zeroed and nobody else's. `Reserved` keeps what its comment says.
unsafe impl MemoryCreator for LargePages {
    fn new_memory(
        &self,
        _ty: MemoryType,
        minimum: usize,
        _maximum: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        let memory = Reserved::new(minimum, reserved.unwrap_or(minimum), guard);
        memory.map(|memory| Box::new(memory) as Box<_>).map_err(|error| format!("{REFUSED}: {error}"))
    }
}

/// Address space, of which the first bytes of the memory can be used and nothing else: compiled code
/// that goes past them, or past the guards, faults.
struct Reserved {
    /// All of it: guard, memory, guard, and what it takes to start the memory at a large page.
    space: NonNull<c_void>,
    space_bytes: usize,
    /// Where the memory starts.
    base: NonNull<u8>,
    bytes: usize,
    capacity: usize,
}

// SAFETY: it owns its mapping, and nothing in it belongs to a thread.
unsafe impl Send for Reserved {}
// SAFETY: a shared reference only reads its fields.
unsafe impl Sync for Reserved {}

impl Reserved {
    fn new(bytes: usize, capacity: usize, guard: usize) -> rustix::io::Result<Self> {
        let space_bytes = LARGE_PAGE + guard + capacity + guard;
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: a mapping at a place that the system chooses touches no other.
        let space = unsafe { mmap_anonymous(ptr::null_mut(), space_bytes, ProtFlags::empty(), flags)? };
        let start = space.cast::<u8>().wrapping_add(guard);
        let base = start.wrapping_add(start.align_offset(LARGE_PAGE));
        let (Some(space), Some(base)) = (NonNull::new(space), NonNull::new(base)) else {
            return Err(rustix::io::Errno::NOMEM);
        };
        let mut memory = Reserved { space, space_bytes, base, bytes: 0, capacity };
        // SAFETY: the range lies within the mapping, behind the first guard and before the second. The
        // advice changes nothing that can be seen; a system without large pages refuses it.
        #[cfg(target_os = "linux")]
        let _ = unsafe { madvise(base.as_ptr().cast(), capacity, Advice::LinuxHugepage) };
        memory.open(bytes)?;
        Ok(memory)
    }

    /// Lets so many of its first bytes be used. Those that could be before still can.
    fn open(&mut self, bytes: usize) -> rustix::io::Result<()> {
        if bytes > self.capacity {
            return Err(rustix::io::Errno::NOMEM);
        }
        if bytes > self.bytes {
            let rights = MprotectFlags::READ | MprotectFlags::WRITE;
            // SAFETY: the range lies within the mapping, and within its capacity.
            unsafe { mprotect(self.base.as_ptr().cast(), bytes, rights)? };
            self.bytes = bytes;
        }
        Ok(())
    }
}

// SAFETY: the base is a multiple of the page size and never moves; of the space only the first bytes,
// as many as `byte_size` tells, can be used, and a guard of the size that was asked for follows the
// capacity.
unsafe impl LinearMemory for Reserved {
    fn byte_size(&self) -> usize {
        self.bytes
    }

    fn byte_capacity(&self) -> usize {
        self.capacity
    }

    fn grow_to(&mut self, new_size: usize) -> wasmtime::Result<()> {
        Ok(self.open(new_size).map_err(std::io::Error::from)?)
    }

    fn as_ptr(&self) -> *mut u8 {
        self.base.as_ptr()
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        // SAFETY: the mapping is this memory's own, whole, and nothing uses it any more. It cannot fail
        // for a mapping that is there; if it did, address space would be lost and nothing else.
        let _ = unsafe { munmap(self.space.as_ptr(), self.space_bytes) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(memory: &Reserved) -> bool {
        // SAFETY: so many bytes can be read, and nothing writes to them.
        unsafe { std::slice::from_raw_parts(memory.as_ptr(), memory.byte_size()) }
            .iter()
            .any(|&byte| byte != 0)
    }

    #[test]
    fn it_starts_at_a_large_page_empty_and_grows_in_place() {
        let mut memory = Reserved::new(1 << 16, 1 << 26, 1 << 21).unwrap();
        let base = memory.as_ptr();
        assert_eq!(base.align_offset(LARGE_PAGE), 0);
        assert!(!filled(&memory));
        for bytes in [1 << 16, 3 << 20, 1 << 26] {
            memory.grow_to(bytes).unwrap();
            assert_eq!((memory.as_ptr(), memory.byte_size()), (base, bytes));
            // SAFETY: the last byte can be written now, and nobody else does.
            unsafe { base.add(bytes - 1).write(1) };
        }
        assert!(memory.grow_to((1 << 26) + (1 << 16)).is_err());
        assert_eq!(memory.byte_size(), 1 << 26);
    }

    #[test]
    fn a_memory_may_be_empty_and_none_is_larger_than_there_is_room_for() {
        let memory = Reserved::new(0, 1 << 16, 1 << 16).unwrap();
        assert_eq!((memory.byte_size(), memory.byte_capacity()), (0, 1 << 16));
        assert!(Reserved::new(0, 1 << 60, 1 << 16).is_err());
        assert!(Reserved::new(2 << 16, 1 << 16, 1 << 16).is_err());
    }
}
