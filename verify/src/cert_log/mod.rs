//! Reading a log of certificates: its records in order, one in memory at a time, a torn tail told from
//! damage. Formats: `schemas/certificate.md`. Nothing is written here, and nothing is repaired.

use omega_kernel::cert_index::Summary;
use omega_kernel::cert_log::{HEADER_BYTES, Rolling};

use crate::failure::{Failure, HostCode};

mod record;
mod walk;

pub use record::{Entry, Place, Record};
pub use walk::{Tail, Walk, record_at};

/// The log's bytes: a file's, or some in memory.
#[expect(clippy::len_without_is_empty, reason = "nobody asks")]
pub trait Bytes {
    /// How many there are.
    ///
    /// # Errors
    /// Those of reading.
    fn len(&self) -> Result<u64, Failure>;

    /// Fills the buffer from `offset`.
    ///
    /// # Errors
    /// `file-changed-while-read` where the log ends before the buffer is full; those of reading.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), Failure>;
}

impl Bytes for &[u8] {
    fn len(&self) -> Result<u64, Failure> {
        Ok(<[u8]>::len(self) as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), Failure> {
        let start = usize::try_from(offset).ok();
        let part = start.and_then(|start| self.get(start..)?.get(..buffer.len()));
        buffer.copy_from_slice(part.ok_or_else(cut)?);
        Ok(())
    }
}

/// The failure of a log that ends earlier than it did.
pub fn cut() -> Failure {
    Failure::new(HostCode::ChangedWhileRead, "the certificate log was cut while it was read")
        .hint("Try again.")
}

/// A log's records, readable more than once.
pub trait Records {
    /// The log's bytes.
    type Bytes<'r>: Bytes
    where
        Self: 'r;

    /// All records from the first on; the unfinished append behind them is the walk's tail.
    ///
    /// # Errors
    /// Those of [`Walk::new`].
    fn records(&self) -> Result<Walk<Self::Bytes<'_>>, Failure>;
}

/// A log that is in memory.
#[derive(Debug)]
pub struct InMemory {
    name: String,
    bytes: Vec<u8>,
    stated: Option<Summary>,
}

impl InMemory {
    /// Checks the header. `hash` are the bytes of the log's `cert.hash`, where it is at hand: without
    /// it, an append that did not finish cannot be told from damage everywhere.
    ///
    /// # Errors
    /// Those of [`Walk::new`].
    pub fn new(name: &str, bytes: Vec<u8>, hash: Option<&[u8]>) -> Result<Self, Failure> {
        let stated = hash.and_then(|hash| Summary::decode(hash).ok());
        let log = InMemory { name: name.to_owned(), bytes, stated };
        log.records()?;
        Ok(log)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Records for InMemory {
    type Bytes<'r> = &'r [u8];

    fn records(&self) -> Result<Walk<&[u8]>, Failure> {
        Walk::new(&self.bytes[..], self.stated).map_err(|failure| failure.file(&self.name))
    }
}

/// What `cert.hash` says of a log without records.
pub fn start() -> Summary {
    Summary {
        record_count: 0,
        log_len: HEADER_BYTES as u64,
        height: 0,
        chain_hash: [0; 32],
        rolling: Rolling::start().hash(),
    }
}

/// What it says of the log with one more record; `framed` are its bytes.
pub fn after(before: &Summary, framed: &[u8], record: &Record) -> Summary {
    let mut rolling = Rolling::resume(before.rolling);
    rolling.push(framed);
    let place = record.place();
    Summary {
        record_count: before.record_count + 1,
        log_len: before.log_len + framed.len() as u64,
        height: place.map_or(before.height, |place| place.height),
        chain_hash: place.map_or(before.chain_hash, |place| place.chain_hash),
        rolling: rolling.hash(),
    }
}
