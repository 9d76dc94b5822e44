//! Verifying: is the evidence right, and how far could that be checked?
//!
//! Each thing that can be checked is a [`checks::Check`] of its own that passed, failed, or was not
//! checked, and says why. Nothing is called wrong that is only missing. Verifying needs no private
//! key, writes nothing, and believes nothing that a certificate says of itself.
//!
//! What is decided and said here is the same in a command, in a page and in a test: this crate knows no
//! file, no thread, no clock and no engine. What a place must bring is a [`platform::Platform`].

mod agreement;
pub mod alone;
pub mod answer;
pub mod cert_log;
pub mod chain;
pub mod checks;
pub mod conflict;
mod difference;
pub mod explain;
pub mod failure;
pub mod freshness;
mod heads;
pub mod hex;
pub mod inputs;
mod judging;
pub mod kernels;
pub mod keys;
pub mod kind;
mod log;
pub mod placing;
pub mod platform;
pub mod proofs;
pub mod report;
mod request;
mod signers;
pub mod trust;

use omega_kernel::body::VerdictKind;
use omega_kernel::certificate::Certificate;

pub use agreement::read_body;
pub use answer::report;
pub use difference::{Difference, first as first_difference, named as named_difference};
pub use freshness::Pinned;
pub use log::Start;
pub use request::{Evidence, Request, Verified, verify};

/// Bytes in the longest proof: a Merkle or trie walk and one event's header.
pub const MAX_PROOF_BYTES: u64 = 1 << 20;

/// Bytes that a kernel file may have: the component model's own tools refuse more.
pub const MAX_KERNEL_BYTES: u64 = 64 << 20;

const NO_HEAD: &str = "not asked for; --head names the newest certificate that you know of";

/// The verdict in the mission's words; none where the certificate states none.
pub fn verdict_name(certificate: &Certificate) -> Option<&'static str> {
    certificate.verdict().map(|verdict| match verdict {
        VerdictKind::Merge => "merge",
        VerdictKind::Obstruction => "obstruction",
    })
}
