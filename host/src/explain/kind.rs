//! What stands where another kind of file was wanted, as a hint: read from the file itself.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use omega_verify::kind::{self, START_BYTES};

use crate::failure::Failure;

/// A failure about a file of another kind, with a hint that says so; any other as it is.
pub fn advised(failure: Failure) -> Failure {
    let Some(file) = failure.file.as_deref().filter(|_| kind::wanted(failure.code).is_some()) else {
        return failure;
    };
    match start(Path::new(file)).and_then(|start| kind::advice(failure.code, file, &start)) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// The first bytes of a file; none where it is no regular file, or cannot be read. A pipe was read
/// already, and would wait for ever.
pub fn start(path: &Path) -> Option<Vec<u8>> {
    if !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut start = Vec::new();
    File::open(path).ok()?.take(START_BYTES).read_to_end(&mut start).ok()?;
    Some(start)
}
