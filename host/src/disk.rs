//! The few file operations that everything durable is built on: the certificate store, and a node's
//! segments and journals. Two implementations of each trait: the real file system, and the simulation
//! that the crash tests break at every step.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use omega_verify::cert_log::{Bytes, cut};

use crate::failure::Failure;
use crate::files;

/// A file that is read and written at places.
#[expect(clippy::len_without_is_empty, reason = "nobody asks whether a file is empty")]
pub trait Disk {
    /// Bytes in the file.
    fn len(&self) -> io::Result<u64>;
    /// Fills the buffer from `offset`; an end before that is `UnexpectedEof`.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
    /// Writes all bytes at `offset`; growing the file where they pass its end.
    fn write_all_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Cuts the file.
    fn set_len(&mut self, length: u64) -> io::Result<()>;
    /// Returns when content and length are on disk (`fdatasync`).
    fn sync(&mut self) -> io::Result<()>;

    /// The whole file.
    fn read_all(&self) -> io::Result<Vec<u8>> {
        let length = usize::try_from(self.len()?).map_err(|_| ErrorKind::FileTooLarge)?;
        let mut bytes = vec![0; length];
        self.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }
}

impl Disk for File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, buffer, offset)
    }

    fn write_all_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        FileExt::write_all_at(self, bytes, offset)
    }

    fn set_len(&mut self, length: u64) -> io::Result<()> {
        File::set_len(self, length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// A folder whose files are opened by name. Cheap to share.
pub trait Volume: Clone + Debug + Send + Sync {
    /// A file in it.
    type Disk: Disk + Debug;
    /// Names of the files in it, ascending.
    fn names(&self) -> io::Result<Vec<String>>;
    /// Opens a file for reading and writing; makes it where there is none.
    fn open(&self, name: &str) -> io::Result<Self::Disk>;
    /// Returns when the names in it are on disk.
    fn sync(&self) -> io::Result<()>;
    /// For messages: where a file is.
    fn path(&self, name: &str) -> PathBuf;
}

/// A folder of the file system.
#[derive(Debug, Clone)]
pub struct Folder(Arc<Path>);

impl Folder {
    /// Opens a folder; makes it, for its owner alone, where there is none.
    ///
    /// # Errors
    /// `write-failed` where it cannot be made.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        use std::os::unix::fs::DirBuilderExt;
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|error| files::unwritable(&error, path))?;
        Ok(Folder(path.into()))
    }
}

impl Volume for Folder {
    type Disk = File;

    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            // Nothing that we write has a name that is no text.
            names.extend(entry?.file_name().into_string().ok());
        }
        names.sort_unstable();
        Ok(names)
    }

    fn open(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(self.path(name))
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

/// A disk, for whoever only reads records.
#[derive(Debug)]
pub struct Reading<'d, D>(pub &'d D);

impl<D: Disk> Bytes for Reading<'_, D> {
    fn len(&self) -> Result<u64, Failure> {
        self.0.len().map_err(unreadable)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), Failure> {
        self.0.read_exact_at(buffer, offset).map_err(unreadable)
    }
}

fn unreadable(error: io::Error) -> Failure {
    match error.kind() {
        ErrorKind::UnexpectedEof => cut(),
        _ => files::unreadable(&error, Path::new("")),
    }
}
