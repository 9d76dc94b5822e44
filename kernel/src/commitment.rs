//! What a verdict says of a state: two roots, their counts, and the one hash over all of it.

use crate::bytes::{Malformed, Reader, Writer};
use crate::hash::{self, Hash};

/// Version of the state's shape and hashes. A kernel that knows another one names another.
pub const STATE_FORMAT: u32 = 1;

/// Bytes of a packed commitment.
pub const COMMITMENT_BYTES: usize = 84;

/// A state's roots and counts (`schemas/state.md`, "State root").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateCommitment {
    /// Version of the state's shape and hashes.
    pub state_format: u32,
    /// Accepted ids.
    pub id_count: u64,
    /// Root of the trie id → (lamport, event hash).
    pub id_root: Hash,
    /// Streams with an accepted event.
    pub frontier_count: u64,
    /// Root of the trie (node, stream) → greatest accepted event.
    pub frontier_root: Hash,
}

impl StateCommitment {
    /// The state that nothing was accepted into.
    pub fn empty() -> Self {
        let empty = hash::TRIE_EMPTY.hash(b"");
        StateCommitment {
            state_format: STATE_FORMAT,
            id_count: 0,
            id_root: empty,
            frontier_count: 0,
            frontier_root: empty,
        }
    }

    /// The state root.
    pub fn root(&self) -> Hash {
        let mut bytes = Writer::new();
        self.write(&mut bytes);
        hash::STATE_ROOT.hash(&bytes.bytes)
    }

    /// Appends the packed commitment, 84 bytes.
    pub fn write(&self, out: &mut Writer) {
        out.u32(self.state_format).u64(self.id_count).put(&self.id_root);
        out.u64(self.frontier_count).put(&self.frontier_root);
    }

    /// Reads what [`StateCommitment::write`] wrote.
    pub fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(StateCommitment {
            state_format: from.u32("the state format")?,
            id_count: from.u64("the count of ids")?,
            id_root: from.array("the id root")?,
            frontier_count: from.u64("the count of frontiers")?,
            frontier_root: from.array("the frontier root")?,
        })
    }
}
