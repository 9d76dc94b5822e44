//! `node.lock`: one process at a time has a data folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::Path;

use crate::failure::{Failure, HostCode};
use crate::files::{unreadable, unwritable};

const NAME: &str = "node.lock";

/// Takes a folder for as long as the file is kept.
///
/// # Errors
/// `store-locked` where another process has it; those of the file system.
pub(super) fn take(data: &Path) -> Result<File, Failure> {
    let path = data.join(NAME);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    held(file.map_err(|error| unwritable(&error, &path))?, data)
}

/// As [`take`], and writes nothing: none where no node ever ran on the folder.
///
/// # Errors
/// As [`take`].
pub(crate) fn take_if_there(data: &Path) -> Result<Option<File>, Failure> {
    let path = data.join(NAME);
    match File::open(&path) {
        Ok(file) => held(file, data).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(&error, &path)),
    }
}

fn held(file: File, data: &Path) -> Result<File, Failure> {
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(Failure::new(HostCode::StoreLocked, "another process runs a node on this data folder")
                .hint("Name another folder with --data, or end that process first.")
                .file(data))
        }
        Err(TryLockError::Error(error)) => Err(unreadable(&error, &data.join(NAME))),
    }
}
