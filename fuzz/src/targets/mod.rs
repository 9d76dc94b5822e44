//! The targets. Each takes any bytes; what it promises for them stands at its function.

pub mod certificate;
pub mod event;
pub mod frame;
#[cfg(feature = "host")]
pub mod http;
#[cfg(feature = "host")]
pub mod import;
pub mod proof;
pub mod session;
pub mod snapshot;

use omega_kernel::fault::{Fault, FaultCode};

/// A target's name and function.
pub type Target = (&'static str, fn(&[u8]));

/// All targets of this build.
pub const ALL: &[Target] = &[
    ("certificate", certificate::check),
    ("event", event::check),
    ("frame", frame::check),
    #[cfg(feature = "host")]
    ("http", http::check),
    #[cfg(feature = "host")]
    ("import", import::check),
    ("proof", proof::check),
    ("session", session::check),
    ("snapshot", snapshot::check),
];

/// What holds for every fault over an input of `len` bytes: it has a place within the input where it has
/// one, a code that its number leads back to, an exit code of the two, and a sentence.
pub fn check_fault(fault: &Fault, len: usize) {
    assert!(fault.offset.is_none_or(|at| at <= len as u64), "an offset behind the input: {fault:?}, {len}");
    assert_eq!(FaultCode::from_number(fault.code.number()), Some(fault.code));
    assert_eq!(u32::from(fault.code.exit()), fault.code.number() / 1000);
    assert!(!fault.message.is_empty());
}

/// Whether two ways to feed a log found the same fault.
///
/// One difference is known and let pass: where a log ends 4 to 7 bytes into a frame whose length field no frame has,
/// a scanner that was handed fewer than 4 of them at first waits for 8 and then calls it a torn tail; handed all at once,
/// it calls it damage. (Found by the target `frame`; the input is committed.)
pub fn same_fault(a: &Fault, b: &Fault) -> bool {
    let waited = |torn: &Fault, damage: &Fault| {
        (torn.code, damage.code) == (FaultCode::TornTail, FaultCode::FrameDamaged)
            && damage.message.contains("the length field is")
            && (torn.log, torn.offset) == (damage.log, damage.offset)
    };
    a == b || waited(a, b) || waited(b, a)
}
