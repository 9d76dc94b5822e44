//! Packed structures: written and read again, and any bytes either refused or read to what writes them.

use omega_kernel::bytes::{Reader, Writer};
use omega_kernel::commitment::StateCommitment;
use omega_kernel::event::{EVENT_HASH_FIXED_BYTES, EventHeader};
use omega_kernel::state::{FRONTIER_LEAF_BYTES, FrontierLeaf, ID_LEAF_BYTES, IdLeaf};
use omega_kernel::trie::{FixedLeaf, Leaf};

use crate::kani;

harnesses! {
    /// An event header of up to two deps is read as it was written.
    #[unwind(34)]
    fn an_event_header_is_read_as_it_was_written() {
        let mut deps: Vec<u128> = Vec::new();
        for _ in 0..kani::any::<u8>() % 3 {
            deps.push(kani::any());
        }
        kani::assume(deps.is_sorted_by(|a, b| a < b));
        let header = EventHeader {
            lamport: kani::any(),
            node: kani::any(),
            stream: kani::any(),
            id: kani::any(),
            prev: kani::any(),
            claim: if kani::any() { Some(kani::any()) } else { None },
            payload_len: kani::any::<u64>() % (1 << 20),
            payload_hash: kani::any(),
            deps,
        };
        let mut bytes = Vec::new();
        header.write(&mut bytes);
        let mut from = Reader::new(&bytes);
        assert_eq!(EventHeader::read(&mut from), Ok(header));
        assert_eq!(from.remaining(), 0);
    }

    /// Any bytes of a header without deps are refused, or written again as they were read.
    #[unwind(34)]
    fn an_event_header_has_one_encoding() {
        let mut bytes: [u8; EVENT_HASH_FIXED_BYTES] = kani::any();
        if kani::any() {
            bytes[46] %= 2;
            bytes[83..87].fill(0);
            bytes[119..].fill(0);
        }
        let mut from = Reader::new(&bytes);
        if let Ok(header) = EventHeader::read(&mut from) {
            let mut again = Vec::new();
            header.write(&mut again);
            assert_eq!(again, bytes);
        }
    }

    /// An id's leaf is its packed bytes, and they it.
    #[unwind(65)]
    fn an_id_leaf_has_one_encoding() {
        let bytes: [u8; ID_LEAF_BYTES] = kani::any();
        let leaf = IdLeaf::read(&mut Reader::new(&bytes)).unwrap();
        assert_eq!(leaf.pack(), bytes);
        assert_eq!(IdLeaf::unpack(&leaf.pack()), leaf);
    }

    /// A frontier's leaf is refused, or its packed bytes.
    #[unwind(65)]
    fn a_frontier_leaf_has_one_encoding() {
        let mut bytes: [u8; FRONTIER_LEAF_BYTES] = kani::any();
        bytes[FRONTIER_LEAF_BYTES - 1] %= 3;
        match FrontierLeaf::read(&mut Reader::new(&bytes)) {
            Ok(leaf) => {
                assert_eq!(leaf.pack(), bytes);
                assert_eq!(FrontierLeaf::unpack(&leaf.pack()), leaf);
            }
            Err(wrong) => assert!(bytes[FRONTIER_LEAF_BYTES - 1] == 2 && wrong.at == 62),
        }
    }

    /// A state's commitment is refused, or written again as it was read.
    #[unwind(85)]
    fn a_commitment_has_one_encoding() {
        let bytes: [u8; 84] = kani::any();
        if let Ok(commitment) = StateCommitment::read(&mut Reader::new(&bytes)) {
            let mut again = Writer::new();
            commitment.write(&mut again);
            assert_eq!(again.bytes, bytes);
        }
    }
}
