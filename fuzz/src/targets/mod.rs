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
