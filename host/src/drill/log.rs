//! A drill's report: an `.omega` log with one event for each thing that happened, and a head that signs it.
//! `omega check` and `omega ingest` tell whether it is as it was signed.

use std::path::Path;

use omega_kernel::frame::LogHeader;
use omega_kernel::wire::PayloadRef;
use serde_json::Value;

use crate::failure::Failure;
use crate::produce::event::Place;
use crate::produce::head::{self, Leaves};
use crate::produce::output::NewFile;
use crate::produce::writer::LogWriter;
use crate::sign::Signer;

const NAME: &str = "drill";
/// Who writes the events: a drill's log has one writer.
const NODE: u32 = 1;

/// A report being written. It appears under its name when it is finished.
pub(super) struct Report {
    header: LogHeader,
    writer: LogWriter<NewFile>,
    leaves: Leaves,
    last: u128,
}

impl Report {
    /// # Errors
    /// `write-failed`; where a file stands there and may not be replaced.
    pub(super) fn create(path: &Path, force: bool) -> Result<Self, Failure> {
        let writer = LogWriter::create(path, NAME, force)?;
        Ok(Report { header: LogHeader::new(NAME)?, writer, leaves: Leaves::default(), last: 0 })
    }

    /// Appends an event whose payload is this JSON. Its id is made from where it stands and what it says.
    ///
    /// # Errors
    /// `write-failed`.
    pub(super) fn event(&mut self, content: &Value) -> Result<(), Failure> {
        let payload = content.to_string().into_bytes();
        let lamport = self.leaves.count() + 1;
        let place = Place {
            lamport,
            node: NODE,
            stream: 0,
            id: id(lamport, &payload),
            prev: self.last,
            deps: Vec::new(),
        };
        let header = place.header(&payload, None)?;
        let message = self.leaves.encode(&header, PayloadRef::Present { bytes: &payload, salt: None })?;
        self.last = header.id;
        self.writer.message(&message)
    }

    /// Signs, and puts the log under its name. Gives how many events it has.
    ///
    /// # Errors
    /// `write-failed`.
    pub(super) fn finish(mut self, signer: &Signer) -> Result<u64, Failure> {
        let head = head::sign(&mut self.leaves, &self.header, signer);
        self.writer.head(&head)?;
        Ok(self.writer.finish()?.events)
    }
}

/// An id from 1 up to 2^112.
fn id(nth: u64, payload: &[u8]) -> u128 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&nth.to_le_bytes()).update(payload);
    let mut bytes = [0; 16];
    bytes[..14].copy_from_slice(&hasher.finalize().as_bytes()[..14]);
    u128::from_le_bytes(bytes).max(1)
}
