//! The log, read only: no lock, nothing written, sidecars believed in nothing.

use std::fs::File;
use std::path::{Path, PathBuf};

use omega_kernel::cert_index::Summary;
use omega_verify::cert_log::Place;

use super::derived;
use super::{Entry, Records, Walk, record_at, sidecars};
use crate::disk::{Disk, Reading};
use crate::failure::Failure;
use crate::files;

/// A certificate log for reading. A writer may append meanwhile; what is seen is a prefix.
#[derive(Debug)]
pub struct CertLog<D = File> {
    path: PathBuf,
    log: D,
    index: Option<D>,
    stated: Option<Summary>,
}

impl CertLog {
    /// Opens the log. Errors: those of the file system; `store-damaged` where it is no such log.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let (index, hash) = sidecars(path);
        // Before the log: the statement may then be older than the log, never newer.
        let stated = File::open(hash).ok().and_then(|hash| derived::read_summary(&hash).ok().flatten());
        let log = File::open(path).map_err(|error| files::unreadable(&error, path))?;
        if log.metadata().is_ok_and(|meta| meta.is_dir()) {
            return Err(files::unreadable(&std::io::ErrorKind::IsADirectory.into(), path));
        }
        CertLog::on(path.to_owned(), log, File::open(index).ok(), stated)
    }
}

impl<D: Disk> CertLog<D> {
    /// A log on a disk, and what `cert.hash` stated before that was opened.
    pub(super) fn on(
        path: PathBuf,
        log: D,
        index: Option<D>,
        stated: Option<Summary>,
    ) -> Result<Self, Failure> {
        let log = CertLog { path, log, index, stated };
        log.records()?;
        Ok(log)
    }

    /// The certificate with this id. Through the index where that leads to it, by reading the log
    /// where not.
    pub fn find(&self, id: u128) -> Result<Option<Entry>, Failure> {
        self.certificate(|_, indexed| indexed == id, |place| place.id == id)
    }

    /// The certificate at this height, likewise: in a log of one whole chain, the entry of that
    /// number.
    pub fn at_height(&self, height: u64) -> Result<Option<Entry>, Failure> {
        self.certificate(|number, _| number == height, |place| place.height == height)
    }

    /// Where the certificate at this height ends in the log, with the signatures that were added right
    /// behind it. Of what may be written meanwhile, nothing.
    pub fn end_of(&self, height: u64) -> Result<Option<u64>, Failure> {
        let Some(mut entry) = self.at_height(height)? else { return Ok(None) };
        loop {
            let end = entry.offset + super::encode(&entry.record)?.len() as u64;
            let length = self.log.len().map_err(|error| files::unreadable(&error, &self.path))?;
            match record_at(&Reading(&self.log), end, length) {
                Ok(next) if next.record.place().is_none() => entry = next,
                // Another certificate, or nothing yet.
                _ => return Ok(Some(end)),
            }
        }
    }

    fn certificate(
        &self,
        indexed: impl Fn(u64, u128) -> bool,
        wanted: impl Fn(&Place) -> bool,
    ) -> Result<Option<Entry>, Failure> {
        let is_wanted = |entry: &Entry| entry.record.place().as_ref().is_some_and(&wanted);
        if let Some(entry) = self.through_index(indexed).filter(is_wanted) {
            return Ok(Some(entry));
        }
        for entry in self.records()? {
            let entry = entry.map_err(|failure| failure.file(&self.path))?;
            if is_wanted(&entry) {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// The record that the index leads to, if there is one.
    fn through_index(&self, indexed: impl Fn(u64, u128) -> bool) -> Option<Entry> {
        let offset = derived::find(self.index.as_ref()?, indexed).ok()??;
        record_at(&Reading(&self.log), offset, self.log.len().ok()?).ok()
    }
}

impl<D: Disk> Records for CertLog<D> {
    type Bytes<'r>
        = Reading<'r, D>
    where
        Self: 'r;

    fn records(&self) -> Result<Walk<'_, D>, Failure> {
        Walk::new(Reading(&self.log), self.stated).map_err(|failure| failure.file(&self.path))
    }
}
