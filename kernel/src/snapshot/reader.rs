//! Rebuilding a state from a snapshot that is not trusted.

use alloc::format;
use alloc::vec::Vec;

use super::header::Header;
use super::{ChainPosition, HEADER_BYTES, malformed};
use crate::bytes::Reader;
use crate::commitment::StateCommitment;
use crate::fault::{Fault, FaultCode};
use crate::limits;
use crate::state::State;
use crate::trie::FixedLeaf;

/// Rebuilds a state from its snapshot, chunk by chunk.
#[derive(Debug, Default)]
pub struct SnapshotReader {
    header: Option<Header>,
    state: State,
    last_id: Option<u128>,
    last_frontier: Option<u128>,
    /// The beginning of a record whose end is still to come.
    partial: Vec<u8>,
    /// Bytes of all complete records.
    read: u64,
    /// Set once something is wrong: nothing that follows can mend it.
    fault: Option<Fault>,
}

impl SnapshotReader {
    /// Starts before the first byte.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes, at most [`limits::MAX_CHUNK_BYTES`] in one call.
    ///
    /// # Errors
    ///
    /// [`FaultCode::SnapshotMalformed`] with the offset in the snapshot,
    /// [`FaultCode::SnapshotVersion`] or [`FaultCode::LimitExceeded`]. After a fault every call
    /// gives it again.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        self.take(bytes).inspect_err(|fault| self.fault = Some(fault.clone()))
    }

    /// The state, once all bytes were pushed, and the place in a chain that the snapshot names.
    ///
    /// # Errors
    ///
    /// Any of [`SnapshotReader::push`]'s; [`FaultCode::SnapshotMalformed`] where bytes are missing;
    /// [`FaultCode::SnapshotRoot`] where the state is not the one that the header names.
    pub fn finish(self) -> Result<(State, Option<ChainPosition>), Fault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let at = self.read + self.partial.len() as u64;
        let Some(header) = self.header.filter(|header| at == header.snapshot_bytes()) else {
            return Err(malformed("it ends too early", at));
        };
        if self.state.commitment() != header.commitment {
            let message = "the snapshot's content does not have the roots that its header names: it was altered; \
                           take another copy or judge the logs again";
            return Err(Fault::new(FaultCode::SnapshotRoot, message));
        }
        Ok((self.state, header.position))
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        if bytes.len() as u64 > limits::MAX_CHUNK_BYTES.into() {
            let message = format!(
                "a snapshot moves in chunks of at most {} bytes, not {}",
                limits::MAX_CHUNK_BYTES,
                bytes.len()
            );
            return Err(Fault::new(FaultCode::LimitExceeded, message));
        }
        let mut joined = core::mem::take(&mut self.partial);
        let mut rest = bytes;
        if !joined.is_empty() {
            joined.extend_from_slice(bytes);
            rest = &joined;
        }
        if self.header.is_none() {
            let Some((header, after)) = rest.split_at_checked(HEADER_BYTES) else {
                self.partial = rest.to_vec();
                return Ok(());
            };
            self.header = Some(Header::decode(header)?);
            self.read = HEADER_BYTES as u64;
            rest = after;
        }
        rest = self.take_ids(rest)?;
        rest = self.take_frontiers(rest)?;
        self.partial = rest.to_vec();
        Ok(())
    }

    /// Takes the complete ids at the start of `bytes`; gives what comes after.
    fn take_ids<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], Fault> {
        let missing = self.named().id_count - self.state.ids().len();
        let (ids, rest) = read_leaves(bytes, missing, self.read, &mut self.last_id)?;
        self.read += (bytes.len() - rest.len()) as u64;
        self.state.accept(&ids, &[])?;
        Ok(rest)
    }

    /// Takes the complete frontiers at the start of `bytes`, where no id is missing.
    fn take_frontiers<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], Fault> {
        if self.state.ids().len() < self.named().id_count {
            return Ok(bytes);
        }
        let missing = self.named().frontier_count - self.state.frontiers().len();
        let (frontiers, rest) = read_leaves(bytes, missing, self.read, &mut self.last_frontier)?;
        self.read += (bytes.len() - rest.len()) as u64;
        self.state.accept(&[], &frontiers)?;
        if self.state.frontiers().len() == self.named().frontier_count && !rest.is_empty() {
            return Err(malformed("something follows after its last record", self.read));
        }
        Ok(rest)
    }

    /// What the header names; the empty state before there is one.
    fn named(&self) -> StateCommitment {
        self.header.map_or_else(StateCommitment::empty, |header| header.commitment)
    }
}

/// Reads the complete leaves at the start of `bytes`, at most `missing`, each after `last`.
fn read_leaves<'b, L: FixedLeaf>(
    bytes: &'b [u8],
    missing: u64,
    offset: u64,
    last: &mut Option<u128>,
) -> Result<(Vec<L>, &'b [u8]), Fault> {
    let count = missing.min((bytes.len() / L::BYTES) as u64) as usize;
    let (records, rest) = bytes.split_at(count * L::BYTES);
    let mut from = Reader::new(records);
    let mut leaves = Vec::with_capacity(count);
    while from.remaining() > 0 {
        let at = offset + from.at() as u64;
        let leaf = L::read(&mut from)
            .map_err(|what| malformed(&format!("expected {}", what.expected), offset + what.at))?;
        if last.is_some_and(|last| last >= leaf.key_bits()) {
            return Err(malformed("a key does not come after the one before", at));
        }
        *last = Some(leaf.key_bits());
        leaves.push(leaf);
    }
    Ok((leaves, rest))
}
