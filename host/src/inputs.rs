//! Log files at hand: opened by path, and placed as `omega_verify` places them.

use std::path::{Path, PathBuf};

use omega_kernel::body::LogEntry;
use omega_verify::{inputs, placing};
use pollster::block_on;

use crate::failure::Failure;
use crate::map::Source;

/// A log file.
pub type Input = inputs::Input<Source>;
/// The file that stands for one log of a verdict.
pub type Placed<'i> = placing::Placed<'i, Source>;

/// Opens all of them.
///
/// # Errors
/// Those of reading, and the kernel's where a file does not start like a log.
pub fn open_all(paths: &[PathBuf]) -> Result<Vec<Input>, Failure> {
    let open = |path: &Path| block_on(Input::open(Source::open(path)?));
    paths.iter().map(|path| open(path)).collect()
}

/// Finds for each log of a verdict, in their order, the file that stands for it.
///
/// # Errors
/// The fault of a damaged file; `log-missing` where a log is not there or too short.
pub fn place<'i>(logs: &[LogEntry], inputs: &'i [Input]) -> Result<Vec<Placed<'i>>, Failure> {
    block_on(placing::place(logs, inputs))
}
