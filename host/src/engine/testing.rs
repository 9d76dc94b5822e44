//! A kernel that computes something else, for tests of what compares engines.

use std::path::{Path, PathBuf};

use omega_kernel::hash;

use super::Kernel;

/// The built-in component with one hash's key changed. Beside the native build either stands for an engine
/// that computes wrongly.
pub(crate) fn another_component() -> Vec<u8> {
    let mut component = Kernel::embedded_component().to_vec();
    let key = hash::BATCH_ID.key;
    let at = component.windows(key.len()).position(|bytes| bytes == key).unwrap();
    component[at] ^= 1;
    component
}

/// The command that compiles strangers' kernels: built beside the tests, where it was built.
pub(crate) fn command() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    tests.parent().and_then(Path::parent).unwrap().join("omega")
}
