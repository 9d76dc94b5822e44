//! A kernel's linear memory, on large pages where the system has them.
//!
//! A kernel goes over hundreds of megabytes in no order that a processor could guess. With pages of
//! 2 MiB instead of 4 KiB its memory comes with fewer faults and is found with fewer steps: a twentieth
//! of the time. It is a hint. A system that does not follow it gives ordinary pages.
//!
//! A process that runs many instances can keep the memory of one for the next. Then the system need not
//! find and clear it anew, which in a virtual machine that hands free memory back to its host can take
//! half as long as the judging. A memory that is used again is cleared as it is opened.

#![allow(unsafe_code, reason = "reserves memory that Wasmtime hands to compiled code")]

use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mmap_anonymous, mprotect, munmap};
use wasmtime::{LinearMemory, MemoryCreator, MemoryType};

/// Bytes of a large page: where a memory starts at a multiple, all of it can have them.
const LARGE_PAGE: usize = 2 << 20;

/// How an error of [`LargePages`] begins: of one that makes no memory Wasmtime keeps the words alone.
pub(super) const REFUSED: &str = "the system did not give the kernel its memory";

/// Makes memories on large pages.
pub(super) struct LargePages {
    /// The memory of an instance that is gone, where one is to be kept.
    kept: Option<Kept>,
}

/// Where a memory waits for its next instance.
type Kept = Arc<Mutex<Option<Reserved>>>;

impl LargePages {
    /// `keep`: the memory of one instance that ends is kept for the next.
    pub(super) fn new(keep: bool) -> Self {
        LargePages { kept: keep.then(Kept::default) }
    }
}

fn place(kept: &Kept) -> MutexGuard<'_, Option<Reserved>> {
    // Whoever panicked while it was held left it there or took it: both are whole.
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

// SAFETY: a new mapping is zeroed and nobody else's; one that was kept was its last instance's alone,
// and is closed. `Reserved` keeps what its comment says.
unsafe impl MemoryCreator for LargePages {
    fn new_memory(
        &self,
        _ty: MemoryType,
        minimum: usize,
        _maximum: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        let capacity = reserved.unwrap_or(minimum);
        let kept = self.kept.as_ref().and_then(|kept| place(kept).take());
        let memory = match kept.filter(|memory| (memory.capacity, memory.guard) == (capacity, guard)) {
            Some(mut memory) => memory.open(minimum).map(|()| memory),
            None => Reserved::new(minimum, capacity, guard),
        };
        let memory = memory.map_err(|error| format!("{REFUSED}: {error}"))?;
        Ok(Box::new(Leased { memory: Some(memory), home: self.kept.clone() }))
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
    /// So many were open once, and may hold what was written then.
    written: usize,
    capacity: usize,
    guard: usize,
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
        let mut memory = Reserved { space, space_bytes, base, bytes: 0, written: 0, capacity, guard };
        // SAFETY: the range lies within the mapping, behind the first guard and before the second. The
        // advice changes nothing that can be seen; a system without large pages refuses it.
        #[cfg(target_os = "linux")]
        let _ = unsafe { madvise(base.as_ptr().cast(), capacity, Advice::LinuxHugepage) };
        memory.open(bytes)?;
        Ok(memory)
    }

    /// Lets so many of its first bytes be used: those that could be before still can and hold what they
    /// held, the others are zero.
    fn open(&mut self, bytes: usize) -> rustix::io::Result<()> {
        if bytes > self.capacity {
            return Err(rustix::io::Errno::NOMEM);
        }
        if bytes > self.bytes {
            let rights = MprotectFlags::READ | MprotectFlags::WRITE;
            // SAFETY: the range lies within the mapping, and within its capacity.
            unsafe { mprotect(self.base.as_ptr().cast(), bytes, rights)? };
            let dirty = self.written.min(bytes).saturating_sub(self.bytes);
            // SAFETY: the range was opened just now, and nobody knows it yet.
            unsafe { self.base.as_ptr().add(self.bytes).write_bytes(0, dirty) };
            self.bytes = bytes;
            self.written = self.written.max(bytes);
        }
        Ok(())
    }

    /// Lets none of it be used.
    fn close(&mut self) -> rustix::io::Result<()> {
        // SAFETY: the range lies within the mapping, and whoever used it is gone.
        unsafe { mprotect(self.base.as_ptr().cast(), self.bytes, MprotectFlags::empty())? };
        self.bytes = 0;
        Ok(())
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        // SAFETY: the mapping is this memory's own, whole, and nothing uses it any more. It cannot fail
        // for a mapping that is there; if it did, address space would be lost and nothing else.
        let _ = unsafe { munmap(self.space.as_ptr(), self.space_bytes) };
    }
}

/// A memory while an instance has it.
struct Leased {
    /// There until it is dropped.
    memory: Option<Reserved>,
    home: Option<Kept>,
}

impl Leased {
    fn memory(&self) -> &Reserved {
        self.memory.as_ref().expect("it is there until it is dropped")
    }
}

// SAFETY: the base is a multiple of the page size and never moves; of the space only the first bytes,
// as many as `byte_size` tells, can be used, and a guard of the size that was asked for follows the
// capacity.
unsafe impl LinearMemory for Leased {
    fn byte_size(&self) -> usize {
        self.memory().bytes
    }

    fn byte_capacity(&self) -> usize {
        self.memory().capacity
    }

    fn grow_to(&mut self, new_size: usize) -> wasmtime::Result<()> {
        let memory = self.memory.as_mut().expect("it is there until it is dropped");
        Ok(memory.open(new_size).map_err(std::io::Error::from)?)
    }

    fn as_ptr(&self) -> *mut u8 {
        self.memory().base.as_ptr()
    }
}

impl Drop for Leased {
    fn drop(&mut self) {
        if let (Some(mut memory), Some(home)) = (self.memory.take(), &self.home)
            && memory.close().is_ok()
        {
            *place(home) = Some(memory);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(memory: &Reserved, byte: u8) -> bool {
        // SAFETY: so many bytes can be read, and nothing writes to them.
        unsafe { std::slice::from_raw_parts(memory.base.as_ptr(), memory.bytes) }.iter().all(|&b| b == byte)
    }

    fn fill(memory: &Reserved, byte: u8) {
        // SAFETY: so many bytes can be written, and nobody else does.
        unsafe { memory.base.as_ptr().write_bytes(byte, memory.bytes) };
    }

    #[test]
    fn it_starts_at_a_large_page_empty_and_grows_in_place() {
        let mut memory = Reserved::new(1 << 16, 1 << 26, 1 << 21).unwrap();
        let base = memory.base;
        assert_eq!(base.as_ptr().align_offset(LARGE_PAGE), 0);
        assert!(holds(&memory, 0));
        for bytes in [1 << 16, 3 << 20, 1 << 26] {
            memory.open(bytes).unwrap();
            assert_eq!((memory.base, memory.bytes), (base, bytes));
            // SAFETY: the last byte can be written now, and nobody else does.
            unsafe { base.as_ptr().add(bytes - 1).write(1) };
        }
        assert!(memory.open((1 << 26) + (1 << 16)).is_err());
        assert_eq!(memory.bytes, 1 << 26);
    }

    #[test]
    fn a_memory_may_be_empty_and_none_is_larger_than_there_is_room_for() {
        let memory = Reserved::new(0, 1 << 16, 1 << 16).unwrap();
        assert_eq!((memory.bytes, memory.capacity), (0, 1 << 16));
        assert!(Reserved::new(0, 1 << 60, 1 << 16).is_err());
        assert!(Reserved::new(2 << 16, 1 << 16, 1 << 16).is_err());
    }

    #[test]
    fn a_memory_that_is_used_again_is_zero_however_it_is_opened() {
        let mut memory = Reserved::new(1 << 20, 1 << 26, 1 << 16).unwrap();
        memory.open(8 << 20).unwrap();
        fill(&memory, 7);
        // Fewer than before, in two steps; then more than ever.
        for steps in [&[1 << 16, 3 << 20][..], &[0, 5 << 20, 16 << 20], &[20 << 20]] {
            memory.close().unwrap();
            assert_eq!(memory.bytes, 0);
            for &bytes in steps {
                memory.open(bytes).unwrap();
                assert!(holds(&memory, 0), "{bytes}");
            }
            fill(&memory, 7);
            memory.open(memory.bytes).unwrap();
            assert!(holds(&memory, 7), "what is open keeps what it holds");
        }
    }

    #[test]
    fn only_one_that_fits_is_used_again() {
        let makes = LargePages::new(true);
        let kept = || place(makes.kept.as_ref().unwrap()).as_ref().map(|memory| memory.base);
        let new = |capacity, guard| {
            let ty = MemoryType::new(0, None);
            makes.new_memory(ty, 1 << 16, None, Some(capacity), guard).unwrap()
        };
        let first = new(1 << 26, 1 << 16);
        let base = first.as_ptr();
        assert!(kept().is_none());
        drop(first);
        assert_eq!(kept().unwrap().as_ptr(), base);
        let (again, other) = (new(1 << 26, 1 << 16), new(1 << 26, 1 << 16));
        assert_eq!(again.as_ptr(), base);
        assert_ne!(other.as_ptr(), base);
        drop((again, other));
        let larger = new(1 << 27, 1 << 16);
        assert_eq!((larger.byte_size(), larger.byte_capacity()), (1 << 16, 1 << 27));
        assert!(kept().is_none(), "one that does not fit is given back");
    }
}
