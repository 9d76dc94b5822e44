//! Small files: read whole, with a cap; folders synced after something in them was made or renamed.
//! Logs are not small files: they are mapped.

use std::fs::{File, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tempfile::NamedTempFile;

use crate::failure::{Failure, HostCode};
use crate::interrupt;
use crate::outputs::Kind;

/// Why a file could not be opened or read.
pub fn unreadable(error: &io::Error, path: &Path) -> Failure {
    if let Some(interrupted) = interrupt::of(error) {
        return interrupted;
    }
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
    if let Some(interrupted) = interrupt::of(error) {
        return interrupted;
    }
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

/// Writes a file whole or not at all: under a temporary name, synced, renamed over an older one of
/// its kind. A file of another kind is kept, and the failure is `write-failed`.
pub fn write_whole(path: &Path, kind: Kind, bytes: &[u8]) -> Result<(), Failure> {
    write_streamed(path, kind, |file| file.write_all(bytes).map_err(|error| unwritable(&error, path)))
}

/// As [`write_whole`], for content that `write` makes piece by piece.
pub fn write_streamed(
    path: &Path,
    kind: Kind,
    write: impl FnOnce(&mut File) -> Result<(), Failure>,
) -> Result<(), Failure> {
    write_unsynced(path, kind, write)?.keep()
}

/// A file that is written under a temporary name, and not yet safe. Dropped, it is gone.
#[derive(Debug)]
pub struct Unsynced {
    file: NamedTempFile,
    path: PathBuf,
}

/// What temporary names begin and end with.
const TEMPORARY: (&str, &str) = (".omega-", ".partial");

/// The first half of [`write_streamed`]: it waits for no disk.
pub fn write_unsynced(
    path: &Path,
    kind: Kind,
    write: impl FnOnce(&mut File) -> Result<(), Failure>,
) -> Result<Unsynced, Failure> {
    kind.may_replace(path)?;
    let mut file = tempfile::Builder::new()
        .prefix(TEMPORARY.0)
        .suffix(TEMPORARY.1)
        .permissions(Permissions::from_mode(0o644))
        .tempfile_in(folder_of(path))
        .map_err(|error| unwritable(&error, path))?;
    write(file.as_file_mut())?;
    Ok(Unsynced { file, path: path.to_owned() })
}

impl Unsynced {
    /// The second half: syncs it and gives it its name.
    pub fn keep(self) -> Result<(), Failure> {
        let failed = |error: io::Error| unwritable(&error, &self.path);
        self.file.as_file().sync_all().map_err(failed)?;
        self.file.persist(&self.path).map_err(|error| failed(error.error))?;
        sync_folder_of(&self.path).map_err(failed)
    }
}

/// Removes what processes left under temporary names that ended while they wrote. For a folder that
/// only one process writes to.
pub fn remove_unfinished(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(TEMPORARY.0) && name.ends_with(TEMPORARY.1) {
            // What stays costs room and nothing else.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Makes a write past the file size limit fail. Left alone, the kernel's SIGXFSZ ends the process in
/// the middle of it.
pub fn survive_size_limit() {
    let signal = rustix::process::Signal::XFSZ.as_raw();
    // Where it cannot be handled, what was being written is found torn, or under a temporary name.
    let _ = signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)));
}

/// Our folder among this user's: below what the variable names (XDG Base Directory Specification), or
/// below this folder of the home. None where neither is an absolute path.
pub fn folder_of_user(variable: &str, in_home: &str) -> Option<PathBuf> {
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    let set = std::env::var_os(variable).map(PathBuf::from).and_then(absolute);
    let home = || std::env::home_dir().and_then(absolute).map(|home| home.join(in_home));
    set.or_else(home).map(|folder| folder.join("omega-sheaf"))
}

/// The folder that a file stands in, or would.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Brings a file's name to the disk: syncs the folder that it stands in.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
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
