//! The certificate store: `cert.log`, append-only, is the truth; `cert.idx` (id → offset) and `cert.hash` (the length that is safely on disk and a rolling hash up to there) are
//! derived from it. The sidecars are named after the log: `X.log`, `X.idx`, `X.hash`.
//!
//! Formats: `schemas/certificate.md`. The store knows no more of a certificate than where its id,
//! its height and its signatures stand.
//!
//! # What a crash can leave
//!
//! Creation: make the log and lock it; write its header, `fdatasync`; make and write the sidecars,
//! `fdatasync` each; `fsync` the folder, so that the three names are on disk before the first
//! record is.
//!
//! Append: write the record in one piece at the end of the log, `fdatasync` the log; only then
//! write the index entry and the hash, `fdatasync` both. So the sidecars are never ahead of the
//! log, and behind by one record at most. An append that returned is on disk; one that did not
//! is there whole or not at all: what an unfinished append left is a *torn tail*, cut off when
//! the log is next opened for writing, ignored by readers, and reported by both.
//!
//! A tail is torn only where no good record follows it and `cert.hash` does not say that it was
//! once complete. Everything else that is wrong is damage: `store-damaged` with the offset, and
//! nothing is repaired. A log that is shorter than `cert.hash` says, or has another rolling hash,
//! has lost or changed records: damage too.
//!
//! One writer: the log itself is locked (`flock`), so a process that dies lets go of it. Readers
//! take no lock: what they see is a prefix.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use omega_kernel::cert_index::{IndexEntry, Summary};
use omega_kernel::cert_log::{self as framed, HEADER_BYTES, LOG_HEADER};
use omega_kernel::hash::Hash;
use omega_kernel::signature::SignatureRecord;

use crate::disk::{Disk, Reading};
use crate::failure::{Failure, HostCode};
use crate::files;

mod derived;
mod reader;

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod linear_tests;
#[cfg(test)]
mod tests;

pub use omega_verify::cert_log::{Entry, Record, Records, Tail};
pub use reader::CertLog;

use omega_verify::cert_log::{self, record_at};

/// All records of a log on a disk, in order.
pub type Walk<'d, D> = cert_log::Walk<Reading<'d, D>>;

/// Names of a log's sidecars.
pub fn sidecars(log: &Path) -> (PathBuf, PathBuf) {
    (log.with_extension("idx"), log.with_extension("hash"))
}

/// The log, open for writing by this process alone.
#[derive(Debug)]
pub struct Store<D = File> {
    path: PathBuf,
    log: D,
    index: D,
    hash: D,
    committed: Summary,
    index_end: u64,
    last: Option<u64>,
    recovery: Recovery,
    broken: bool,
}

/// What opening or appending had to put right, for the report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// The unfinished append that was cut off.
    pub torn: Option<Tail>,
    /// `cert.idx` was missing, behind or wrong, and was written again.
    pub index_rebuilt: bool,
    /// `cert.hash` was missing, behind or damaged, and was written again.
    pub hash_rebuilt: bool,
    /// A sidecar could not be written after an append. The certificate is safe all the same.
    pub sidecar_error: Option<String>,
}

impl Store<File> {
    /// Opens the log for writing; makes it where there is none.
    ///
    /// Reads the whole log once, record by record. Errors: `store-locked` where another process
    /// writes, `store-damaged`, and those of the file system.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let (index_path, hash_path) = sidecars(path);
        if index_path == path || hash_path == path {
            return Err(Failure::usage("a certificate log cannot have the ending of its sidecars")
                .hint("Name it with another ending, such as cert.log.")
                .file(path));
        }
        let log = open_file(path)?;
        match log.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::new(
                    HostCode::StoreLocked,
                    "another process is writing this certificate log",
                )
                .hint("Wait until it has finished; `verify` and `prove` can read it meanwhile.")
                .file(path));
            }
            Err(TryLockError::Error(error)) => return Err(files::unwritable(&error, path)),
        }
        // A file that is no certificate log gets no sidecars.
        if !has_begun(&log).map_err(|error| files::unreadable(&error, path))? {
            Walk::new(Reading(&log), None).map_err(|failure| failure.file(path))?;
        }
        let index = open_file(&index_path)?;
        let hash = open_file(&hash_path)?;
        let store = Store::on(path.to_owned(), log, index, hash)?;
        files::sync_folder_of(path).map_err(|error| files::unwritable(&error, path))?;
        Ok(store)
    }
}

impl<D: Disk> Store<D> {
    /// Opens a store on three files: checks the log, cuts a torn tail, rebuilds the sidecars.
    pub(crate) fn on(path: PathBuf, mut log: D, index: D, hash: D) -> Result<Self, Failure> {
        let stated = derived::read_summary(&hash).map_err(|error| files::unwritable(&error, &path))?;
        let mut recovery = Recovery::default();
        start(&mut log, stated.as_ref()).map_err(|failure| failure.file(&path))?;
        let mut entries = Vec::new();
        let mut last = None;
        let mut walk = Walk::new(Reading(&log), stated).map_err(|failure| failure.file(&path))?;
        for entry in &mut walk {
            let entry = entry.map_err(|failure| failure.file(&path))?;
            if let Some(indexed) = indexed(&entry) {
                last = Some(entry.offset);
                entries.extend_from_slice(&indexed.encode());
            }
        }
        recovery.torn = walk.tail();
        let committed = walk.committed();
        let mut store = Store {
            path,
            log,
            index,
            hash,
            committed,
            index_end: (HEADER_BYTES + entries.len()) as u64,
            last,
            recovery,
            broken: false,
        };
        store.settle(&entries, stated).map_err(|error| files::unwritable(&error, &store.path))?;
        Ok(store)
    }

    /// Cuts the torn tail first, then brings the sidecars up to date.
    fn settle(&mut self, entries: &[u8], stated: Option<Summary>) -> std::io::Result<()> {
        if self.recovery.torn.is_some() {
            self.log.set_len(self.committed.log_len)?;
        }
        // Also what a writer left that died before its sync: only what is on disk may be stated.
        self.log.sync()?;
        if !derived::index_is(&self.index, entries)? {
            derived::write_index(&mut self.index, entries)?;
            self.recovery.index_rebuilt = true;
        }
        if stated.as_ref() != Some(&self.committed) {
            derived::write_summary(&mut self.hash, &self.committed)?;
            self.recovery.hash_rebuilt = true;
        }
        Ok(())
    }

    /// Appends a certificate as its stored bytes; gives its offset. When this returns, it is on
    /// disk. Errors: `write-failed`, after which the log has its previous length; `store-damaged`
    /// where these bytes are no certificate.
    pub fn append_certificate(&mut self, bytes: &[u8]) -> Result<u64, Failure> {
        self.append(Record::Certificate(bytes.to_vec()))
    }

    /// Appends a signature that somebody added later to the certificate with this chain hash.
    pub fn append_cosignature(
        &mut self,
        chain_hash: &Hash,
        signature: &SignatureRecord,
    ) -> Result<u64, Failure> {
        self.append(Record::CoSignature { chain_hash: *chain_hash, signature: *signature })
    }

    fn append(&mut self, record: Record) -> Result<u64, Failure> {
        if self.broken {
            return Err(Failure::new(HostCode::WriteFailed, "an earlier write to this log failed half way")
                .hint("Open it again: that checks what is there.")
                .file(&self.path));
        }
        let bytes = encode(&record).map_err(|failure| failure.file(&self.path))?;
        let offset = self.committed.log_len;
        let written = self.log.write_all_at(&bytes, offset).and_then(|()| self.log.sync());
        if let Err(error) = written {
            // After a failed sync nobody knows what is on disk, so no more is written over it.
            self.broken = self.log.set_len(offset).and_then(|()| self.log.sync()).is_err();
            return Err(files::unwritable(&error, &self.path));
        }
        self.committed = cert_log::after(&self.committed, &bytes, &record);
        let entry = Entry { offset, record };
        if let Err(error) = self.append_sidecars(&entry) {
            self.recovery.sidecar_error = Some(error.to_string());
        }
        Ok(offset)
    }

    fn append_sidecars(&mut self, entry: &Entry) -> std::io::Result<()> {
        if let Some(indexed) = indexed(entry) {
            self.last = Some(entry.offset);
            let bytes = indexed.encode();
            self.index.write_all_at(&bytes, self.index_end)?;
            self.index.sync()?;
            self.index_end += bytes.len() as u64;
        }
        derived::write_summary(&mut self.hash, &self.committed)
    }

    /// The newest certificate.
    pub fn last_certificate(&self) -> Result<Option<Entry>, Failure> {
        let read = |offset| record_at(&Reading(&self.log), offset, self.committed.log_len);
        self.last.map(read).transpose().map_err(|failure| failure.file(&self.path))
    }

    /// Certificates and co-signatures in the log.
    pub fn record_count(&self) -> u64 {
        self.committed.record_count
    }

    /// Height of the newest certificate and its chain hash; none where there is no certificate.
    pub fn tip(&self) -> Option<(u64, Hash)> {
        self.last.map(|_| (self.committed.height, self.committed.chain_hash))
    }

    /// Rolling hash over all records.
    pub fn rolling_hash(&self) -> Hash {
        self.committed.rolling
    }

    /// What opening had to put right, and sidecars that could not be written since.
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }
}

impl<D: Disk> Records for Store<D> {
    type Bytes<'r>
        = Reading<'r, D>
    where
        Self: 'r;

    fn records(&self) -> Result<Walk<'_, D>, Failure> {
        Walk::new(Reading(&self.log), Some(self.committed)).map_err(|failure| failure.file(&self.path))
    }
}

/// A record's bytes, padded. Error: `store-damaged` for what is no certificate; the kernel's for one
/// that is too long.
fn encode(record: &Record) -> Result<Vec<u8>, Failure> {
    let record = match record {
        Record::Certificate(bytes) if record.place().is_some() => framed::Record::Certificate(bytes),
        Record::Certificate(_) => {
            return Err(Failure::new(HostCode::StoreDamaged, "not stored: these bytes are no certificate"));
        }
        Record::CoSignature { chain_hash, signature } => {
            framed::Record::CoSignature { chain_hash: *chain_hash, signature: *signature }
        }
    };
    let mut out = Vec::new();
    record.append(&mut out)?;
    Ok(out)
}

/// Where a certificate stands; a co-signature has no entry.
fn indexed(entry: &Entry) -> Option<IndexEntry> {
    let place = entry.record.place()?;
    Some(IndexEntry { id: place.id, offset: entry.offset })
}

/// Writes the header where the log is new, or where its creation did not finish.
fn start<D: Disk>(log: &mut D, stated: Option<&Summary>) -> Result<(), Failure> {
    let unwritable = |error: std::io::Error| files::unwritable(&error, Path::new(""));
    let length = log.len().map_err(unwritable)?;
    if length > LOG_HEADER.len() as u64 || stated.is_some_and(|stated| stated.record_count > 0) {
        return Ok(());
    }
    let mut found = vec![0; length as usize];
    log.read_exact_at(&mut found, 0).map_err(unwritable)?;
    if found != LOG_HEADER && is_beginning(&found) {
        log.write_all_at(&LOG_HEADER, 0).and_then(|()| log.sync()).map_err(unwritable)?;
    }
    Ok(())
}

/// Whether the file starts with the header, or with as much of it as an unfinished creation left.
fn has_begun(log: &File) -> std::io::Result<bool> {
    let mut found = vec![0; Disk::len(log)?.min(LOG_HEADER.len() as u64) as usize];
    Disk::read_exact_at(log, &mut found, 0)?;
    Ok(is_beginning(&found))
}

fn is_beginning(found: &[u8]) -> bool {
    // Zeros at the end: the length was on disk before the bytes were.
    let written = found.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    LOG_HEADER.starts_with(&found[..written])
}

fn open_file(path: &Path) -> Result<File, Failure> {
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    opened.map_err(|error| match error.kind() {
        std::io::ErrorKind::IsADirectory => files::unreadable(&error, path),
        _ => files::unwritable(&error, path),
    })
}
