//! Copying out of a mapping while others may cut the file under it.
//!
//! Reading a page that the file no longer has raises SIGBUS on the reading thread. A handler puts
//! an empty page in its place, so the copy goes on to its end, and notes that it did; the copy is
//! thrown away then. Only addresses inside a running copy are treated so: every other bus error
//! goes to whatever handled it before.

#![allow(
    unsafe_code,
    reason = "copies from memory that others may change, and repairs it in a signal handler"
)]

use std::io;
use std::mem;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use memmap2::MmapRaw;

/// The file ended before the mapping did.
#[derive(Debug)]
pub(super) struct Cut;

/// Copies `buffer.len()` bytes that stand at `offset`, which must lie inside the mapping.
pub(super) fn copy(map: &MmapRaw, offset: usize, buffer: &mut [u8]) -> Result<(), Cut> {
    assert!(
        offset.checked_add(buffer.len()).is_some_and(|end| end <= map.len()),
        "a copy stays inside its mapping"
    );
    install_once();
    let slot = Slot::take();
    slot.cover(map.as_ptr() as usize, map.len());
    // SAFETY: source: the assertion keeps it inside the mapping, which `map` holds until this
    // returns, and a page that is gone is replaced by the handler while `slot` covers it. No
    // reference to the mapping exists: others may write to it, so it is only read raw.
    // Destination: `buffer` is exclusively ours, and a mapping never overlaps it.
    unsafe { ptr::copy_nonoverlapping(map.as_ptr().add(offset), buffer.as_mut_ptr(), buffer.len()) };
    if slot.release() { Err(Cut) } else { Ok(()) }
}

/// A running copy. Fields are written by the thread in `owner` only, and the handler looks only
/// at slots of the thread that it interrupted: it never sees one half written by another.
struct Slot {
    /// The thread that copies; 0 where the slot is free.
    owner: AtomicUsize,
    /// The mapping, as addresses; empty outside a copy.
    start: AtomicUsize,
    end: AtomicUsize,
    /// A page was replaced.
    cut: AtomicBool,
}

/// More than threads ever copy at once; a thread waits where all are taken.
static SLOTS: [Slot; 64] = [const {
    Slot {
        owner: AtomicUsize::new(0),
        start: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
        cut: AtomicBool::new(false),
    }
}; 64];

impl Slot {
    fn take() -> &'static Slot {
        let thread = this_thread();
        loop {
            let free = |slot: &&Slot| slot.owner.compare_exchange(0, thread, SeqCst, SeqCst).is_ok();
            match SLOTS.iter().find(free) {
                Some(slot) => return slot,
                None => std::thread::yield_now(),
            }
        }
    }

    fn cover(&self, start: usize, length: usize) {
        self.cut.store(false, SeqCst);
        self.start.store(start, SeqCst);
        self.end.store(start + length, SeqCst);
    }

    /// Frees the slot; true where a page was replaced.
    fn release(&self) -> bool {
        self.end.store(0, SeqCst);
        let cut = self.cut.load(SeqCst);
        self.owner.store(0, SeqCst);
        cut
    }
}

fn this_thread() -> usize {
    // SAFETY: has no preconditions, and never returns 0 where threads exist (glibc, musl, macOS:
    // it is the address of the thread's descriptor).
    unsafe { libc::pthread_self() as usize }
}

/// What is needed inside the handler, settled before it is installed.
struct Before {
    action: libc::sigaction,
    page_bytes: usize,
}

static BEFORE: OnceLock<Before> = OnceLock::new();

/// Installs the handler, once per process.
fn install_once() {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        // SAFETY: `sysconf` and `sigaction` get valid pointers to values that live through the
        // calls; all-zero is a valid `sigaction`. `on_bus_error` has the signature that SA_SIGINFO
        // asks for and calls only what is async-signal-safe. SA_ONSTACK: the standard library
        // gives each of its threads an alternate stack.
        unsafe {
            let mut action: libc::sigaction = mem::zeroed();
            assert_eq!(
                libc::sigaction(libc::SIGBUS, ptr::null(), &mut action),
                0,
                "{}",
                io::Error::last_os_error()
            );
            let page_bytes = libc::sysconf(libc::_SC_PAGESIZE) as usize;
            assert!(page_bytes.is_power_of_two());
            assert!(BEFORE.set(Before { action, page_bytes }).is_ok(), "installed once");

            let mut ours: libc::sigaction = mem::zeroed();
            ours.sa_sigaction = on_bus_error as *const () as usize;
            ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            assert_eq!(
                libc::sigaction(libc::SIGBUS, &ours, ptr::null_mut()),
                0,
                "{}",
                io::Error::last_os_error()
            );
        }
    });
}

/// Runs on the thread that touched the missing page.
extern "C" fn on_bus_error(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let Some(before) = BEFORE.get() else { return };
    // SAFETY: with SA_SIGINFO the system passes a valid `info`; SIGBUS carries an address in it
    // (where somebody merely sent the signal, a number that no slot covers or that is mapped).
    let (address, raised_by_hardware) = unsafe { ((*info).si_addr() as usize, (*info).si_code > 0) };
    if raised_by_hardware && replace_page(address, before.page_bytes) {
        return;
    }
    hand_on(&before.action, signal, info, context);
}

/// Puts an empty page where a running copy of this thread lost one.
fn replace_page(address: usize, page_bytes: usize) -> bool {
    let thread = this_thread();
    let covers = |slot: &&Slot| {
        slot.owner.load(SeqCst) == thread
            && (slot.start.load(SeqCst)..slot.end.load(SeqCst)).contains(&address)
    };
    let Some(slot) = SLOTS.iter().find(covers) else { return false };
    let page = address & !(page_bytes - 1);
    // SAFETY: the page belongs to a mapping that the interrupted copy keeps alive (mappings begin
    // on page borders and own their last page whole); nothing has a reference into it; it stays
    // readable. `mmap` is a plain system call, safe in a handler.
    let placed = unsafe {
        libc::mmap(
            page as *mut libc::c_void,
            page_bytes,
            libc::PROT_READ,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED,
            -1,
            0,
        )
    };
    slot.cut.store(true, SeqCst);
    placed as usize == page
}

/// Does what would have been done without this module.
fn hand_on(
    before: &libc::sigaction,
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    type Full = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
    type Short = extern "C" fn(libc::c_int);
    // SAFETY: the action was read from the system: its flags say which of the two signatures its
    // handler has. Resetting to the default lets the fault, or the raised signal, strike again.
    unsafe {
        match before.sa_sigaction {
            libc::SIG_IGN => {}
            libc::SIG_DFL => {
                let mut default: libc::sigaction = mem::zeroed();
                default.sa_sigaction = libc::SIG_DFL;
                libc::sigaction(libc::SIGBUS, &default, ptr::null_mut());
                libc::raise(signal);
            }
            handler if before.sa_flags & libc::SA_SIGINFO != 0 => {
                mem::transmute::<usize, Full>(handler)(signal, info, context);
            }
            handler => mem::transmute::<usize, Short>(handler)(signal),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, Stdio};

    use memmap2::MmapOptions;

    use super::*;

    /// A bus error outside a copy still ends the process, as it did before: seen in a process of
    /// its own.
    #[test]
    fn other_bus_errors_still_kill() {
        const INSIDE: &str = "OMEGA_TEST_BUS_ERROR";
        if std::env::var_os(INSIDE).is_some() {
            let file = tempfile::tempfile().unwrap();
            file.set_len(1 << 16).unwrap();
            let map = MmapOptions::new().map_raw_read_only(&file).unwrap();
            copy(&map, 0, &mut [0; 100]).unwrap();
            file.set_len(0).unwrap();
            copy(&map, 0, &mut [0; 100]).unwrap_err();
            // SAFETY: inside the mapping; the page is gone, which is the point.
            unsafe { ptr::read_volatile(map.as_ptr().add(1 << 15)) };
            std::process::exit(0);
        }
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "map::copy::tests::other_bus_errors_still_kill"])
            .env(INSIDE, "1")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert_eq!(status.signal(), Some(libc::SIGBUS));
    }
}
