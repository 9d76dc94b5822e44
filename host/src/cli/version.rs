//! `omega --version`: the program's version and the hash of the kernel inside it.

use crate::engine::Kernel;
use crate::report::{Outcome, Report};

/// The answer to `--version`.
pub fn report() -> Report {
    let version = env!("CARGO_PKG_VERSION");
    let kernel = data_encoding::HEXLOWER.encode(Kernel::embedded_hash());
    let text = format!("omega {version}\nkernel {kernel}\n");
    Report::new("version", Outcome::Ok).field("version", version).field("kernel_hash", kernel).text(text)
}
