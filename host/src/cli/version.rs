//! `omega --version`: the program's version and the hash of the kernel inside it.

use omega_kernel::hash::Hash;

use crate::report::{Outcome, Report};

/// Hash of the kernel component that this program carries, where it carries one.
pub fn kernel_hash() -> Option<Hash> {
    None
}

/// The answer to `--version`.
pub fn report() -> Report {
    let version = env!("CARGO_PKG_VERSION");
    let kernel = kernel_hash().map(|hash| hex(&hash));
    let text = format!("omega {version}\nkernel {}\n", kernel.as_deref().unwrap_or("none embedded"));
    Report::new("version", Outcome::Ok).field("version", version).field("kernel_hash", kernel).text(text)
}

fn hex(hash: &Hash) -> String {
    data_encoding::HEXLOWER.encode(hash)
}
