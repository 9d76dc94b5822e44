//! The log, read only: no lock, nothing written, sidecars believed in nothing.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::derived::{self, Committed, IndexEntry};
use super::record::Entry;
use super::walk::{self, Walk};
use super::{Disk, sidecars};
use crate::failure::Failure;
use crate::files;

/// A certificate log for reading. A writer may append meanwhile; what is seen is a prefix.
#[derive(Debug)]
pub struct CertLog {
    path: PathBuf,
    log: File,
    index: Option<File>,
    stated: Option<Committed>,
}

impl CertLog {
    /// Opens the log. Errors: those of the file system; `store-damaged` where it is no such log.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let (index, hash) = sidecars(path);
        // Before the log: the statement may then be older than the log, never newer.
        let stated = File::open(hash).ok().and_then(|hash| Committed::read(&hash).ok().flatten());
        let log = File::open(path).map_err(|error| files::unreadable(&error, path))?;
        if log.metadata().is_ok_and(|meta| meta.is_dir()) {
            return Err(files::unreadable(&std::io::ErrorKind::IsADirectory.into(), path));
        }
        let log = CertLog { path: path.to_owned(), log, index: File::open(index).ok(), stated };
        log.records()?;
        Ok(log)
    }

    /// All records from the first on, one at a time; [`Walk::tail`] afterwards tells what an
    /// unfinished append left. Errors name no file: the caller knows it.
    pub fn records(&self) -> Result<Walk<'_, File>, Failure> {
        Walk::new(&self.log, self.stated.clone()).map_err(|failure| failure.file(&self.path))
    }

    /// The certificate with this id. Through the index where that leads to it, by reading the log
    /// where not.
    pub fn find(&self, id: u128) -> Result<Option<Entry>, Failure> {
        self.certificate(|entry| entry.id == id)
    }

    /// The certificate at this height, likewise.
    pub fn at_height(&self, height: u64) -> Result<Option<Entry>, Failure> {
        self.certificate(|entry| entry.height == height)
    }

    fn certificate(&self, wanted: impl Fn(&IndexEntry) -> bool) -> Result<Option<Entry>, Failure> {
        if let Some(entry) = self.through_index(&wanted) {
            return Ok(Some(entry));
        }
        let mut found = None;
        for entry in self.records()? {
            let entry = entry.map_err(|failure| failure.file(&self.path))?;
            if IndexEntry::of(&entry).as_ref().is_some_and(&wanted) {
                found = Some(entry);
            }
        }
        Ok(found)
    }

    /// What the index leads to, if the record there is the one that was wanted.
    fn through_index(&self, wanted: &impl Fn(&IndexEntry) -> bool) -> Option<Entry> {
        let indexed = derived::find(self.index.as_ref()?, wanted).ok()??;
        let entry = walk::record_at(&self.log, indexed.offset, self.log.len().ok()?).ok()?;
        (IndexEntry::of(&entry)? == indexed).then_some(entry)
    }
}
