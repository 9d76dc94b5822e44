//! Small files: read whole, with a cap; folders synced after something in them was made or renamed.
//! Logs are not small files: they are mapped.

use std::fs::{File, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::failure::{Failure, HostCode};

/// Why a file could not be opened or read.
pub fn unreadable(error: &io::Error, path: &Path) -> Failure {
    match error.kind() {
        ErrorKind::NotFound if path == Path::new("-") => {
            Failure::new(HostCode::NotFound, "standard input is not read here, and no file is named `-`")
                .hint("Write it to a file first, and name that.")
        }
        ErrorKind::NotFound => Failure::new(HostCode::NotFound, "there is no such file")
            .hint("Look at the name, and at the folder that it is seen from."),
        ErrorKind::NotADirectory => {
            Failure::new(HostCode::NotFound, "there is no such file: a part of its path is no folder")
                .hint("Look at the name.")
        }
        ErrorKind::IsADirectory => Failure::new(HostCode::IsDirectory, "this is a folder, not a file"),
        ErrorKind::PermissionDenied => Failure::new(HostCode::Unreadable, "you may not read this file")
            .hint("Ask its owner, or look at its mode with `ls -l`."),
        _ => Failure::new(HostCode::Unreadable, format!("the file cannot be read: {error}")),
    }
    .file(path)
}

/// Why a file could not be made or written.
pub fn unwritable(error: &io::Error, path: &Path) -> Failure {
    let failure = Failure::new(HostCode::WriteFailed, format!("the file could not be written: {error}"));
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            failure.hint("Make room on that disk and try again.")
        }
        ErrorKind::FileTooLarge => failure
            .hint("A limit on the size of files stops it: look at `ulimit -f`, or choose another disk."),
        ErrorKind::AlreadyExists => failure.hint("Choose another name, or move the old file away."),
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            Failure::new(HostCode::WriteFailed, "there is no folder to write it to")
                .hint("Create the folder first.")
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            Failure::new(HostCode::WriteFailed, "you may not write there")
                .hint("Choose a folder of your own, or look at its mode with `ls -ld`.")
        }
        _ if path.is_dir() => {
            Failure::new(HostCode::IsDirectory, "a folder stands where the file is to be written")
                .hint("Name a file in it.")
        }
        _ => failure,
    }
    .file(path)
}

/// Reads a file of at most `cap` bytes; `what` names it in the refusal of a larger one, which is
/// `file-unreadable`.
pub fn read_small(path: &Path, cap: u64, what: &str) -> Result<Vec<u8>, Failure> {
    let file = File::open(path).map_err(|error| unreadable(&error, path))?;
    let mut bytes = Vec::new();
    file.take(cap + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error, path))?;
    if bytes.len() as u64 > cap {
        let message = format!("the file is larger than {what} may be ({cap} bytes)");
        return Err(Failure::new(HostCode::Unreadable, message).file(path));
    }
    Ok(bytes)
}

/// Writes a file whole or not at all: under a temporary name, synced, renamed over an older one.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    write_streamed(path, |file| file.write_all(bytes).map_err(|error| unwritable(&error, path)))
}

/// As [`write_whole`], for content that `write` makes piece by piece.
pub fn write_streamed(
    path: &Path,
    write: impl FnOnce(&mut File) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let failed = |error: io::Error| unwritable(&error, path);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".omega-")
        .suffix(".partial")
        .permissions(Permissions::from_mode(0o644))
        .tempfile_in(folder)
        .map_err(failed)?;
    write(file.as_file_mut())?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    sync_folder_of(path).map_err(failed)
}

/// Makes a write past the file size limit fail. Left alone, the kernel's SIGXFSZ ends the process in
/// the middle of it.
pub fn survive_size_limit() {
    let signal = rustix::process::Signal::XFSZ.as_raw();
    // Where it cannot be handled, what was being written is found torn, or under a temporary name.
    let _ = signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)));
}

/// Brings a file's name to the disk: syncs the folder that it stands in.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cap_is_read_and_one_past_it_is_not() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), [7; 10]).unwrap();
        assert_eq!(read_small(file.path(), 10, "a test").unwrap(), [7; 10]);
        let failure = read_small(file.path(), 9, "a test").unwrap_err();
        assert!(failure.message.contains("a test may be (9 bytes)"));
    }

    #[test]
    fn what_is_no_file_is_named_as_such() {
        assert_eq!(read_small(Path::new("/"), 9, "a test").unwrap_err().code.name(), "is-a-directory");
        assert_eq!(read_small(Path::new("/no-such"), 9, "a test").unwrap_err().code.name(), "file-not-found");
    }
}
