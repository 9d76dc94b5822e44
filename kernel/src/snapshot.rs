//! A state as bytes, moved both ways in chunks (`schemas/state.md`, "Snapshot").
//!
//! A snapshot says which state it holds, and the reader believes none of it: it builds the tries
//! anew and compares. Whether that state is the right one is for the chain to say. Neither side
//! ever holds the whole snapshot's bytes.

use alloc::format;
use alloc::vec::Vec;

use crate::fault::{Fault, FaultCode};
use crate::hash::Hash;
use crate::limits;
use crate::state::{FRONTIER_LEAF_BYTES, ID_LEAF_BYTES, State};
use crate::trie::{FixedLeaf, Trie};

mod header;
mod reader;

pub use header::Header;
pub use reader::SnapshotReader;

/// First bytes of a snapshot.
pub const MAGIC: [u8; 8] = *b"\x89OMS\r\n\x1a\n";

/// Version of the snapshot's bytes.
pub const VERSION: u16 = 1;

/// Bytes before the first id.
pub const HEADER_BYTES: usize = 144;

/// Where in a chain a state was left: a hint for the host, never a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainPosition {
    /// Chain hash of the genesis certificate.
    pub chain_id: Hash,
    /// Height of the certificate that left the state.
    pub height: u64,
}

/// Gives a state's snapshot, any part of it at a time.
#[derive(Debug)]
pub struct SnapshotWriter<'a> {
    state: &'a State,
    header: Header,
}

impl<'a> SnapshotWriter<'a> {
    /// Costs a header: nothing is laid out in advance.
    pub fn new(state: &'a State, position: Option<ChainPosition>) -> Self {
        SnapshotWriter { state, header: Header { commitment: state.commitment(), position } }
    }

    /// Bytes in the snapshot; never none.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> u64 {
        self.header.snapshot_bytes()
    }

    /// The snapshot's bytes from `offset` on: `max` of them, or fewer at its end, and never more
    /// than [`limits::MAX_CHUNK_BYTES`].
    pub fn read(&self, offset: u64, max: u32) -> Vec<u8> {
        let left = self.len().saturating_sub(offset);
        // At most a chunk, so it fits any address width.
        let wanted = left.min(max.min(limits::MAX_CHUNK_BYTES).into()) as usize;
        let mut out = Vec::with_capacity(wanted + FRONTIER_LEAF_BYTES);
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(HEADER_BYTES);
        out.extend_from_slice(&self.header.encode()[from..]);
        let offset = offset.saturating_sub(HEADER_BYTES as u64);
        copy_leaves(self.state.ids(), offset, wanted, &mut out);
        let offset = offset.saturating_sub(self.state.ids().len() * ID_LEAF_BYTES as u64);
        copy_leaves(self.state.frontiers(), offset, wanted, &mut out);
        out.truncate(wanted);
        out
    }
}

/// Appends a section from `offset` in it on, until `out` has the wanted bytes or some more.
fn copy_leaves<L: FixedLeaf>(trie: &Trie<L>, offset: u64, wanted: usize, out: &mut Vec<u8>) {
    let mut skip = (offset % L::BYTES as u64) as usize;
    let mut leaves = trie.iter_from(offset / L::BYTES as u64);
    while out.len() < wanted {
        let Some(leaf) = leaves.next() else { return };
        out.extend_from_slice(&leaf.pack().as_ref()[skip..]);
        skip = 0;
    }
}

fn malformed(why: &str, at: u64) -> Fault {
    Fault::new(FaultCode::SnapshotMalformed, format!("the snapshot is malformed at byte {at}: {why}")).at(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::Writer;
    use crate::crc::crc32;
    use crate::hash;
    use crate::state::{FrontierLeaf, IdLeaf};

    const PLACE: ChainPosition = ChainPosition { chain_id: [0xC4; 32], height: 41 };

    fn state(ids: u128, streams: u16) -> State {
        let event_hash = |id: u128| hash::plain(&id.to_le_bytes());
        let ids: Vec<_> = (1..=ids)
            .map(|id| IdLeaf { id: id << 50, lamport: id as u64, event_hash: event_hash(id) })
            .collect();
        let frontiers: Vec<_> = (0..streams)
            .map(|stream| FrontierLeaf {
                node: 7,
                stream,
                lamport: 3,
                id: 1 << 50,
                event_hash: event_hash(1),
                linked: stream % 2 == 0,
            })
            .collect();
        let mut state = State::new();
        state.accept(&ids, &frontiers).unwrap();
        state
    }

    fn bytes(state: &State) -> Vec<u8> {
        SnapshotWriter::new(state, Some(PLACE)).read(0, u32::MAX)
    }

    fn restore(bytes: &[u8]) -> Result<(State, Option<ChainPosition>), Fault> {
        let mut reader = SnapshotReader::new();
        reader.push(bytes)?;
        reader.finish()
    }

    #[track_caller]
    fn refused(bytes: &[u8], code: FaultCode, at: Option<u64>) {
        let fault = restore(bytes).unwrap_err();
        assert_eq!((fault.code, fault.offset), (code, at), "{fault}");
    }

    /// The snapshot with other bytes at `at` and a header checksum that fits them.
    fn edited(bytes: &[u8], at: usize, new: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        bytes[at..at + new.len()].copy_from_slice(new);
        let crc = crc32(&bytes[..140]).to_le_bytes();
        bytes[140..144].copy_from_slice(&crc);
        bytes
    }

    #[test]
    fn bytes_are_what_the_specification_draws() {
        let state = state(2, 1);
        let bytes = bytes(&state);
        assert_eq!(bytes.len(), 144 + 2 * 56 + 63);
        assert_eq!(bytes[..12], [0x89, 0x4F, 0x4D, 0x53, 0x0D, 0x0A, 0x1A, 0x0A, 1, 0, 1, 0]);
        let mut commitment = Writer::new();
        state.commitment().write(&mut commitment);
        assert_eq!(bytes[12..96], commitment.bytes);
        assert_eq!(bytes[96..128], PLACE.chain_id);
        assert_eq!(bytes[128..136], PLACE.height.to_le_bytes());
        assert_eq!(bytes[136..140], [0; 4]);
        assert_eq!(bytes[144..200], state.id(1 << 50).unwrap().pack());
        assert_eq!(bytes[256..], state.frontier(7, 0).unwrap().pack());
    }

    #[test]
    fn bytes_and_root_are_the_ones_another_implementation_computed() {
        // From a second implementation, in Python, of schemas/state.md.
        const ROOT: &str = "6b7ca764868d4a3add99ac4ea6824f54179f14feec67ade6eba9350c180bb587";
        const SNAPSHOT: &str = "41816041f64d8b34a3da83e5f17c6999da03270f6505222672236b64a924a540";
        let ids = [1, 2, 3, 1 << 111, (1 << 112) - 1].map(|id: u128| IdLeaf {
            id,
            lamport: 10 + (id % 7) as u64,
            event_hash: [(id % 251) as u8; 32],
        });
        let streams = [(0, 0, false), (0, 0xFFFF, true), (u32::MAX, 7, true)];
        let frontiers: Vec<_> = (1u8..)
            .zip(streams)
            .map(|(n, (node, stream, linked))| FrontierLeaf {
                node,
                stream,
                lamport: 10 + u64::from(n),
                id: n.into(),
                event_hash: [n; 32],
                linked,
            })
            .collect();
        let mut state = State::new();
        state.accept(&ids, &frontiers).unwrap();
        let hex = |hash: Hash| hash.map(|byte| format!("{byte:02x}")).concat();
        assert_eq!(hex(state.commitment().root()), ROOT);
        assert_eq!(hex(hash::plain(&bytes(&state))), SNAPSHOT);
    }

    #[test]
    fn a_restored_state_is_the_same_state() {
        for (ids, streams) in [(0, 0), (1, 0), (1, 1), (300, 20)] {
            let state = state(ids, streams);
            let (restored, place) = restore(&bytes(&state)).unwrap();
            assert_eq!((restored.commitment(), place), (state.commitment(), Some(PLACE)));
            assert_eq!(restored.id(1 << 50), state.id(1 << 50));
            assert_eq!(bytes(&restored), bytes(&state));
            let alone = SnapshotWriter::new(&state, None).read(0, u32::MAX);
            assert_eq!(restore(&alone).unwrap().1, None);
        }
    }

    #[test]
    fn any_part_can_be_read_alone() {
        let state = state(5, 3);
        let whole = bytes(&state);
        let writer = SnapshotWriter::new(&state, Some(PLACE));
        assert_eq!(writer.len(), whole.len() as u64);
        for offset in 0..whole.len() + 2 {
            for max in [0, 1, 55, 56, 57, 200, 1000] {
                let end = whole.len().min(offset + max);
                let part = whole.get(offset..end).unwrap_or_default();
                assert_eq!(writer.read(offset as u64, max as u32), part, "{max} at {offset}");
            }
        }
        assert_eq!(writer.read(u64::MAX, 9), []);
    }

    #[test]
    fn chunks_stay_within_the_limit() {
        let mut state = State::new();
        let ids: Vec<_> = (0..150_000).map(|id| IdLeaf { id, lamport: 1, event_hash: [0; 32] }).collect();
        state.accept(&ids, &[]).unwrap();
        let writer = SnapshotWriter::new(&state, None);
        let first = writer.read(0, u32::MAX);
        assert_eq!(first.len() as u32, limits::MAX_CHUNK_BYTES);
        let mut reader = SnapshotReader::new();
        reader.push(&first).unwrap();
        reader.push(&writer.read(first.len() as u64, u32::MAX)).unwrap();
        assert_eq!(reader.finish().unwrap().0.commitment(), state.commitment());
        let fault = SnapshotReader::new().push(&[first.as_slice(), &[0]].concat()).unwrap_err();
        assert_eq!(fault.code, FaultCode::LimitExceeded);
    }

    #[test]
    fn every_truncation_and_every_flipped_bit_is_refused() {
        let good = bytes(&state(3, 2));
        for end in 0..good.len() {
            refused(&good[..end], FaultCode::SnapshotMalformed, Some(end as u64));
        }
        refused(&[good.as_slice(), &[0]].concat(), FaultCode::SnapshotMalformed, Some(good.len() as u64));
        for bit in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(restore(&bytes).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn each_field_of_the_header_is_held_to_its_meaning() {
        let good = bytes(&state(1, 1));
        refused(&edited(&good, 0, b"\x89OMG"), FaultCode::SnapshotMalformed, Some(0));
        refused(&edited(&good, 8, &[2]), FaultCode::SnapshotVersion, Some(8));
        refused(&edited(&good, 10, &[2]), FaultCode::SnapshotMalformed, Some(10));
        refused(&edited(&good, 11, &[1]), FaultCode::SnapshotMalformed, Some(11));
        refused(&edited(&good, 12, &[2]), FaultCode::SnapshotVersion, Some(12));
        refused(&edited(&good, 136, &[1]), FaultCode::SnapshotMalformed, Some(136));
        refused(&edited(&good, 10, &[0]), FaultCode::SnapshotMalformed, Some(96));
        for root in [24, 64] {
            refused(&edited(&good, root, &[1, 2, 3]), FaultCode::SnapshotRoot, None);
        }
        let mut damaged = good.clone();
        damaged[30] ^= 1;
        refused(&damaged, FaultCode::SnapshotMalformed, Some(140));
    }

    #[test]
    fn counts_are_refused_one_past_the_limit_and_believed_nowhere() {
        let good = bytes(&state(1, 0));
        for (at, max) in [(16, limits::MAX_STATE_IDS), (56, limits::MAX_STATE_FRONTIERS)] {
            let at_limit = edited(&good, at, &max.to_le_bytes());
            refused(&at_limit, FaultCode::SnapshotMalformed, Some(good.len() as u64));
            refused(&edited(&good, at, &(max + 1).to_le_bytes()), FaultCode::LimitExceeded, Some(at as u64));
            refused(&edited(&good, at, &[0xFF; 8]), FaultCode::LimitExceeded, Some(at as u64));
        }
        let fewer = edited(&bytes(&state(1, 1)), 56, &[0]);
        refused(&fewer, FaultCode::SnapshotMalformed, Some(144 + 56));
    }

    #[test]
    fn records_out_of_order_are_refused_also_across_chunks() {
        let good = bytes(&state(3, 2));
        let swapped = |at: usize, size: usize| {
            let mut bytes = good.clone();
            bytes[at..at + 2 * size].rotate_left(size);
            bytes
        };
        let doubled = |at: usize, size: usize| {
            let mut bytes = good.clone();
            bytes.copy_within(at..at + size, at + size);
            bytes
        };
        let frontiers = 144 + 3 * 56;
        for (bytes, at) in [
            (swapped(144, 56), 144 + 56),
            (doubled(144, 56), 144 + 56),
            (swapped(frontiers, 63), frontiers + 63),
            (doubled(frontiers, 63), frontiers + 63),
        ] {
            refused(&bytes, FaultCode::SnapshotMalformed, Some(at as u64));
            let mut reader = SnapshotReader::new();
            let fault = bytes.chunks(1).find_map(|byte| reader.push(byte).err()).unwrap();
            assert_eq!((fault.code, fault.offset), (FaultCode::SnapshotMalformed, Some(at as u64)));
            assert_eq!(reader.push(&[]), Err(fault.clone()), "a fault stays");
            assert_eq!(reader.finish().unwrap_err(), fault);
        }
        let mut unlinked = good.clone();
        unlinked[frontiers + 62] = 2;
        refused(&unlinked, FaultCode::SnapshotMalformed, Some(frontiers as u64 + 62));
    }
}
