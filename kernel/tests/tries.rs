//! What of tries, states and slabs no other test asks.

use omega_kernel::fault::FaultCode;
use omega_kernel::hash::{self, Hash};
use omega_kernel::slab::Slab;
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
    let frontier =
        |stream| FrontierLeaf { node: 1, stream, lamport: 1, id: 1, event_hash: [2; 32], linked: false };
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
