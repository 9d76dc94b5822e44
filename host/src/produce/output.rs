//! Files that appear under their name only when they are complete and on disk.
//!
//! Order: write under a temporary name in the same folder, sync the file, rename, sync the folder. A
//! crash leaves either the old file or the new one, never half of one.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::failure::{Failure, HostCode};
use crate::files::{sync_folder_of, unwritable};

/// A file being written. Dropped before [`NewFile::finish`], it leaves nothing.
#[derive(Debug)]
pub struct NewFile {
    temp: NamedTempFile,
    path: PathBuf,
    force: bool,
}

impl NewFile {
    /// Starts a file that will stand at `path`. Refuses a path that is taken, unless `force`.
    pub fn create(path: &Path, force: bool) -> Result<Self, Failure> {
        if path.is_dir() {
            return Err(Failure::new(HostCode::IsDirectory, format!("{} is a folder", path.display()))
                .hint("Name a file in it.")
                .file(path));
        }
        // A dangling link is taken too: it would be replaced.
        if !force && path.symlink_metadata().is_ok() {
            return Err(exists(path));
        }
        let folder = folder(path);
        if !folder.is_dir() {
            return Err(Failure::new(
                HostCode::WriteFailed,
                format!("there is no folder {}", folder.display()),
            )
            .hint("Create it first.")
            .file(path));
        }
        let temp = tempfile::Builder::new()
            .prefix(".omega-")
            .suffix(".tmp")
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder)
            .map_err(|error| unwritable(&error, path))?;
        Ok(NewFile { temp, path: path.to_owned(), force })
    }

    /// Where it will stand.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the file under its name, durably.
    pub fn finish(self) -> Result<(), Failure> {
        let NewFile { temp, path, force } = self;
        temp.as_file().sync_all().map_err(|error| unwritable(&error, &path))?;
        let done = if force { temp.persist(&path) } else { temp.persist_noclobber(&path) };
        if let Err(error) = done {
            return Err(match error.error.kind() {
                io::ErrorKind::AlreadyExists => exists(&path),
                _ => unwritable(&error.error, &path),
            });
        }
        sync_folder_of(&path).map_err(|error| unwritable(&error, &path))
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.temp.as_file_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.temp.as_file_mut().flush()
    }
}

fn exists(path: &Path) -> Failure {
    Failure::new(HostCode::WriteFailed, format!("{} exists already", path.display()))
        .hint("Choose another name, or pass --force to replace it where the command has that flag.")
        .file(path)
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_only_when_finished() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.omega");
        let mut file = NewFile::create(&path, false).unwrap();
        file.write_all(b"half").unwrap();
        assert!(!path.exists());
        drop(file);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left");

        let mut file = NewFile::create(&path, false).unwrap();
        file.write_all(b"whole").unwrap();
        file.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
    }

    #[test]
    fn a_taken_name_is_refused_at_both_ends() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.omega");
        let late = NewFile::create(&path, false).unwrap();
        std::fs::write(&path, b"first").unwrap();
        assert_eq!(NewFile::create(&path, false).unwrap_err().code.name(), "write-failed");
        assert_eq!(late.finish().unwrap_err().code.name(), "write-failed");
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        let mut forced = NewFile::create(&path, true).unwrap();
        forced.write_all(b"second").unwrap();
        forced.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
        let missing = NewFile::create(&dir.path().join("no/a.omega"), false).unwrap_err();
        assert_eq!((missing.code.name(), missing.hint.is_some()), ("write-failed", true));
        assert_eq!(NewFile::create(dir.path(), true).unwrap_err().code.name(), "is-a-directory");
    }
}
