//! What is carried from batch to batch: accepted ids, and each stream's greatest accepted event.
//!
//! The state answers lookups, proves its answers, and takes in what a merging batch accepted. It
//! judges nothing: that what it accepts belongs there is the verdict's business
//! (`schemas/state.md`).

use crate::bytes::{Malformed, Reader, Writer};
use crate::commitment::{STATE_FORMAT, StateCommitment};
use crate::fault::{Fault, FaultCode};
use crate::hash::{self, Domain, Hash};
use crate::limits;
use crate::trie::{FixedLeaf, Leaf, Trie, TrieProof};

/// The accepted history, as far as later batches need it.
#[derive(Debug, Clone, Default)]
pub struct State {
    ids: Trie<IdLeaf>,
    frontiers: Trie<FrontierLeaf>,
}

/// An accepted id and its event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdLeaf {
    /// The id: the trie's key, all 128 bits of it.
    pub id: u128,
    /// The event's lamport time.
    pub lamport: u64,
    /// The event's hash.
    pub event_hash: Hash,
}

/// A stream's greatest accepted event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrontierLeaf {
    /// The writer: with `stream` the trie's key.
    pub node: u32,
    /// The writer's sequence.
    pub stream: u16,
    /// The event's lamport time.
    pub lamport: u64,
    /// The event's id.
    pub id: u128,
    /// The event's hash.
    pub event_hash: Hash,
    /// Whether any accepted event of the stream was linked (prev ≠ 0).
    pub linked: bool,
}

/// Bytes of a packed [`IdLeaf`].
pub const ID_LEAF_BYTES: usize = 56;

/// Bytes of a packed [`FrontierLeaf`].
pub const FRONTIER_LEAF_BYTES: usize = 63;

/// Key of a stream in the frontier trie: 48 bits, the writer first.
pub fn frontier_key(node: u32, stream: u16) -> u128 {
    u128::from(node) << 96 | u128::from(stream) << 80
}

impl State {
    /// The state that nothing was accepted into.
    pub fn new() -> Self {
        Self::default()
    }

    /// Roots and counts, as certificates name them.
    pub fn commitment(&self) -> StateCommitment {
        StateCommitment {
            state_format: STATE_FORMAT,
            id_count: self.ids.len(),
            id_root: self.ids.root(),
            frontier_count: self.frontiers.len(),
            frontier_root: self.frontiers.root(),
        }
    }

    /// The accepted event with this id.
    pub fn id(&self, id: u128) -> Option<IdLeaf> {
        self.ids.get(id)
    }

    /// The stream's greatest accepted event.
    pub fn frontier(&self, node: u32, stream: u16) -> Option<FrontierLeaf> {
        self.frontiers.get(frontier_key(node, stream))
    }

    /// Takes in accepted ids and the frontiers that they move: inserts, or replaces by key. Both
    /// ascend strictly by key.
    ///
    /// # Errors
    ///
    /// [`FaultCode::LimitExceeded`] where the state would outgrow [`limits::MAX_STATE_IDS`] or
    /// [`limits::MAX_STATE_FRONTIERS`]; the state is then untouched.
    ///
    /// # Panics
    ///
    /// Where the keys do not ascend: an error of the kernel itself, which must not become a root.
    pub fn accept(&mut self, ids: &[IdLeaf], frontiers: &[FrontierLeaf]) -> Result<(), Fault> {
        self.accept_within(ids, frontiers, limits::MAX_STATE_IDS, limits::MAX_STATE_FRONTIERS)
    }

    fn accept_within(
        &mut self,
        ids: &[IdLeaf],
        frontiers: &[FrontierLeaf],
        max_ids: u64,
        max_frontiers: u64,
    ) -> Result<(), Fault> {
        check_room(&self.ids, ids, max_ids, "ids")?;
        check_room(&self.frontiers, frontiers, max_frontiers, "streams")?;
        self.ids.merge_sorted(ids);
        self.frontiers.merge_sorted(frontiers);
        Ok(())
    }

    /// Proves that an id was accepted, or that it was not.
    pub fn prove_id(&self, id: u128) -> TrieProof<IdLeaf> {
        self.ids.prove(id)
    }

    /// Proves what a stream's frontier is, or that it has none.
    pub fn prove_frontier(&self, node: u32, stream: u16) -> TrieProof<FrontierLeaf> {
        self.frontiers.prove(frontier_key(node, stream))
    }

    /// Nodes hashed by all that was accepted so far: what updates cost.
    pub fn hashed(&self) -> u64 {
        self.ids.hashed() + self.frontiers.hashed()
    }

    /// The trie of ids, for snapshots.
    pub(crate) fn ids(&self) -> &Trie<IdLeaf> {
        &self.ids
    }

    /// The trie of frontiers, for snapshots.
    pub(crate) fn frontiers(&self) -> &Trie<FrontierLeaf> {
        &self.frontiers
    }
}

/// Keys are looked up only where the batch might not fit.
fn check_room<L: FixedLeaf>(trie: &Trie<L>, leaves: &[L], max: u64, what: &str) -> Result<(), Fault> {
    if trie.len() + leaves.len() as u64 <= max {
        return Ok(());
    }
    let new = leaves.iter().filter(|leaf| trie.get(leaf.key_bits()).is_none()).count() as u64;
    if trie.len() + new <= max {
        return Ok(());
    }
    let message = alloc::format!(
        "the state holds {} {what} and has no room for {new} more: the limit is {max}",
        trie.len()
    );
    Err(Fault::new(FaultCode::LimitExceeded, message))
}

impl Leaf for IdLeaf {
    const KEY_BITS: u8 = 128;

    fn key_bits(&self) -> u128 {
        self.id
    }

    fn hash(&self) -> Hash {
        Self::DOMAIN.hash(&self.block())
    }

    fn write(&self, out: &mut Writer) {
        out.put(&self.pack());
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self::unpack(&from.array("an id with its event")?))
    }
}

impl FixedLeaf for IdLeaf {
    const BYTES: usize = ID_LEAF_BYTES;

    const DOMAIN: Domain = hash::STATE_ID;

    type Packed = [u8; ID_LEAF_BYTES];

    fn pack(&self) -> Self::Packed {
        let mut out = [0; ID_LEAF_BYTES];
        out[..16].copy_from_slice(&self.id.to_le_bytes());
        out[16..24].copy_from_slice(&self.lamport.to_le_bytes());
        out[24..].copy_from_slice(&self.event_hash);
        out
    }

    fn unpack(packed: &Self::Packed) -> Self {
        IdLeaf {
            id: u128::from_le_bytes(part(packed, 0)),
            lamport: u64::from_le_bytes(part(packed, 16)),
            event_hash: part(packed, 24),
        }
    }
}

impl Leaf for FrontierLeaf {
    const KEY_BITS: u8 = 48;

    fn key_bits(&self) -> u128 {
        frontier_key(self.node, self.stream)
    }

    fn hash(&self) -> Hash {
        Self::DOMAIN.hash(&self.block())
    }

    fn write(&self, out: &mut Writer) {
        out.put(&self.pack());
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(FrontierLeaf {
            node: from.u32("a frontier's node")?,
            stream: from.u16("a frontier's stream")?,
            lamport: from.u64("a frontier's lamport time")?,
            id: from.u128("a frontier's id")?,
            event_hash: from.array("a frontier's event hash")?,
            linked: from.flag("0 or 1 for whether a stream is linked")?,
        })
    }
}

impl FixedLeaf for FrontierLeaf {
    const BYTES: usize = FRONTIER_LEAF_BYTES;

    const DOMAIN: Domain = hash::STATE_FRONTIER;

    type Packed = [u8; FRONTIER_LEAF_BYTES];

    fn pack(&self) -> Self::Packed {
        let mut out = [0; FRONTIER_LEAF_BYTES];
        out[..4].copy_from_slice(&self.node.to_le_bytes());
        out[4..6].copy_from_slice(&self.stream.to_le_bytes());
        out[6..14].copy_from_slice(&self.lamport.to_le_bytes());
        out[14..30].copy_from_slice(&self.id.to_le_bytes());
        out[30..62].copy_from_slice(&self.event_hash);
        out[62] = u8::from(self.linked);
        out
    }

    fn unpack(packed: &Self::Packed) -> Self {
        FrontierLeaf {
            node: u32::from_le_bytes(part(packed, 0)),
            stream: u16::from_le_bytes(part(packed, 4)),
            lamport: u64::from_le_bytes(part(packed, 6)),
            id: u128::from_le_bytes(part(packed, 14)),
            event_hash: part(packed, 30),
            linked: packed[62] == 1,
        }
    }
}

/// The `N` bytes of a packed leaf from `at` on.
fn part<const N: usize>(packed: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&packed[at..at + N]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(id: u128) -> IdLeaf {
        IdLeaf { id, lamport: id as u64 + 1, event_hash: hash::plain(&id.to_le_bytes()) }
    }

    fn frontier(node: u32, stream: u16) -> FrontierLeaf {
        FrontierLeaf { node, stream, lamport: 3, id: 1 << 100 | 4, event_hash: [5; 32], linked: true }
    }

    #[test]
    fn leaves_are_packed_as_the_specification_draws_them() {
        let mut out = Writer::new();
        let leaf = frontier(0x0102_0304, 0x0506);
        out.u32(leaf.node).u16(leaf.stream).u64(leaf.lamport).u128(leaf.id).put(&leaf.event_hash).u8(1);
        assert_eq!(leaf.pack().as_slice(), out.bytes);
        assert_eq!(leaf.hash(), hash::STATE_FRONTIER.hash(&[&out.bytes[..], &[0]].concat()));
        assert_eq!(FrontierLeaf::unpack(&leaf.pack()), leaf);
        assert_eq!(FrontierLeaf::read(&mut Reader::new(&out.bytes)), Ok(leaf));
        assert_eq!(leaf.key_bits() >> 80, 0x0102_0304_0506);

        let mut out = Writer::new();
        let leaf = id(u128::MAX - 7);
        out.u128(leaf.id).u64(leaf.lamport).put(&leaf.event_hash);
        assert_eq!(leaf.pack().as_slice(), out.bytes);
        assert_eq!(leaf.hash(), hash::STATE_ID.hash(&[&out.bytes[..], &[0; 8]].concat()));
        assert_eq!(IdLeaf::read(&mut Reader::new(&out.bytes)), Ok(leaf));
    }

    #[test]
    fn a_new_state_is_the_empty_commitment() {
        assert_eq!(State::new().commitment(), StateCommitment::empty());
        assert_eq!(State::new().prove_id(7).leaf, None);
    }

    #[test]
    fn accepted_events_are_found_and_proved() {
        let mut state = State::new();
        state.accept(&[id(3), id(9)], &[frontier(1, 2), frontier(1, 3)]).unwrap();
        let now = state.commitment();
        assert_eq!((now.id_count, now.frontier_count), (2, 2));
        assert_eq!((state.id(9), state.id(4)), (Some(id(9)), None));
        assert_eq!((state.frontier(1, 3), state.frontier(2, 3)), (Some(frontier(1, 3)), None));
        let check = |key| state.prove_id(key).verify(&now.id_root, 2, key).unwrap().copied();
        assert_eq!((check(9), check(4)), (Some(id(9)), None));
        let check = |node, stream| {
            let proof = state.prove_frontier(node, stream);
            proof.verify(&now.frontier_root, 2, frontier_key(node, stream)).unwrap().copied()
        };
        assert_eq!((check(1, 2), check(0, 2)), (Some(frontier(1, 2)), None));
    }

    #[test]
    fn a_full_state_refuses_one_more_and_is_left_as_it_was() {
        let mut state = State::new();
        state.accept_within(&[id(1), id(2)], &[frontier(1, 1)], 2, 1).unwrap();
        let full = state.commitment();
        for (ids, frontiers) in [
            ([id(1), id(3)].as_slice(), [frontier(1, 1)].as_slice()),
            (&[IdLeaf { lamport: 9, ..id(2) }], &[frontier(1, 1), frontier(1, 2)]),
            (&[id(3)], &[]),
            (&[], &[frontier(1, 2)]),
        ] {
            let fault = state.accept_within(ids, frontiers, 2, 1).unwrap_err();
            assert_eq!(fault.code, FaultCode::LimitExceeded);
            assert_eq!(state.commitment(), full);
        }
        let newer = FrontierLeaf { lamport: 4, ..frontier(1, 1) };
        state.accept_within(&[id(1), id(2)], &[newer], 2, 1).unwrap();
        assert_eq!(state.commitment().id_root, full.id_root);
        assert_eq!(state.frontier(1, 1), Some(newer), "a known stream needs no room");
    }
}
