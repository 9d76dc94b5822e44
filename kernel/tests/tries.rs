//! What of tries, states, snapshots and slabs no other test asks.

use omega_kernel::fault::FaultCode;
use omega_kernel::hash::{self, Hash};
use omega_kernel::slab::Slab;
use omega_kernel::snapshot::{SnapshotReader, SnapshotWriter};
use omega_kernel::state::{FrontierLeaf, IdLeaf, State};
use omega_kernel::trie::{Leaf, Trie, TrieProof, root_of_sorted};

fn leaf(id: u128) -> IdLeaf {
    IdLeaf { id, lamport: 7, event_hash: hash::plain(&id.to_le_bytes()) }
}

#[test]
fn what_holds_nothing_says_so() {
    let (mut trie, mut slab) = (Trie::new(), Slab::new());
    assert!(trie.is_empty() && slab.is_empty());
    trie.merge_sorted(&[leaf(1)]);
    slab.push(1);
    assert!(!trie.is_empty() && !slab.is_empty());
}

#[test]
fn a_state_counts_the_nodes_that_both_its_tries_hashed() {
    let mut state = State::new();
    state.accept(&[leaf(1), leaf(2), leaf(3)], &[frontier(0), frontier(1)]).unwrap();
    assert_eq!(state.hashed(), 5 + 3, "of n leaves n and the n - 1 branches above them");
}

/// Of eight keys: all ways in which leaves part from each other and from those that are there.
#[test]
fn every_set_is_merged_into_every_set() {
    let sets: Vec<Vec<IdLeaf>> =
        (0..256u32).map(|set| (0..8).filter(|key| set >> key & 1 == 1).map(leaf).collect()).collect();
    let root = |set: &Vec<IdLeaf>| root_of_sorted(set.iter().map(|leaf| (leaf.id, leaf.hash())));
    let roots: Vec<Hash> = sets.iter().map(root).collect();
    for (held, first) in sets.iter().enumerate() {
        let mut trie = Trie::new();
        trie.merge_sorted(first);
        for (new, second) in sets.iter().enumerate() {
            let mut trie = trie.clone();
            trie.merge_sorted(second);
            assert_eq!(trie.root(), roots[held | new], "{new:b} into {held:b}");
            assert_eq!(trie.len(), sets[held | new].len() as u64);
        }
    }
}

/// Two branches at one bit: nobody's set has that shape, whatever root is made for it.
#[test]
fn a_branch_stands_behind_the_one_above_it() {
    let (leaf, sibling): (_, Hash) = (leaf(3), [7; 32]);
    let low = hash::trie_branch(127, &sibling, &leaf.hash());
    let root = hash::trie_branch(127, &sibling, &low);
    let proof = TrieProof { leaf: Some(leaf), steps: vec![(127, sibling), (127, sibling)] };
    assert_eq!(proof.verify(&root, 3, 3).unwrap_err().code, FaultCode::ProofWrong);
    let fault = TrieProof::<IdLeaf>::decode(&proof.encode()).unwrap_err();
    assert_eq!((fault.code, fault.offset), (FaultCode::ProofMalformed, Some(58 + 33)));
}

#[test]
fn a_proof_has_no_step_or_one_for_each_bit() {
    let empty = TrieProof::<IdLeaf> { leaf: None, steps: vec![] };
    assert_eq!(TrieProof::decode(&empty.encode()), Ok(empty));
    let keys = [0].into_iter().chain((0..128).map(|bit| 1 << bit));
    let mut trie = Trie::new();
    trie.merge_sorted(&keys.map(leaf).collect::<Vec<_>>());
    let longest = trie.prove(0);
    assert_eq!(longest.steps.len(), 128);
    assert_eq!(TrieProof::decode(&longest.encode()), Ok(longest));
}

#[test]
#[should_panic(expected = "keys must ascend")]
fn a_key_twice_is_an_error_of_the_caller() {
    Trie::new().merge_sorted(&[leaf(1), leaf(1)]);
}

fn frontier(stream: u16) -> FrontierLeaf {
    FrontierLeaf { node: 1, stream, lamport: 1, id: 1, event_hash: [2; 32], linked: false }
}

fn snapshot(ids: u128, streams: u16) -> (State, Vec<u8>) {
    let mut state = State::new();
    let ids: Vec<IdLeaf> = (1..=ids).map(leaf).collect();
    state.accept(&ids, &(0..streams).map(frontier).collect::<Vec<_>>()).unwrap();
    let bytes = SnapshotWriter::new(&state, None).read(0, u32::MAX);
    (state, bytes)
}

#[test]
fn a_snapshot_without_streams_may_be_cut_anywhere() {
    let (state, bytes) = snapshot(3, 0);
    for cut in 0..=bytes.len() {
        let mut reader = SnapshotReader::new();
        reader.push(&bytes[..cut]).unwrap();
        reader.push(&bytes[cut..]).unwrap();
        assert_eq!(reader.finish().unwrap().0.commitment(), state.commitment(), "cut at {cut}");
    }
}

/// The last record and the one too many may come in one piece, and not be the first.
#[test]
fn a_record_too_many_is_refused_wherever_the_snapshot_is_cut() {
    for (ids, streams) in [(3, 0), (0, 3), (2, 2)] {
        let (_, good) = snapshot(ids, streams);
        let (_, more) = snapshot(ids, streams + 1);
        let bytes = [&good[..], &more[more.len() - 63..]].concat();
        for cut in 0..=good.len() {
            let mut reader = SnapshotReader::new();
            reader.push(&bytes[..cut]).unwrap();
            let fault = reader.push(&bytes[cut..]).unwrap_err();
            let expected = (FaultCode::SnapshotMalformed, Some(good.len() as u64));
            assert_eq!((fault.code, fault.offset), expected, "cut at {cut}");
        }
    }
}

#[test]
fn a_slab_takes_what_it_is_given_at_once() {
    let mut slab: Slab<u8> = [1, 2].into_iter().collect();
    slab.extend([3]);
    assert!(slab.iter().eq(&[1, 2, 3]));
}
