//! The few file operations that the store is built on. Two implementations: the real file, and the
//! simulation that the crash tests break at every step.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::Path;

use omega_verify::cert_log::{Bytes, cut};

use crate::failure::Failure;
use crate::files;

/// A file that is read and written at places.
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
