//! Crit-bit tries: one shape, and so one root, for each set of keys.
//!
//! A key is a string of bits, bit 0 the most significant. A branch stands at the first bit in which
//! the keys below it differ and commits to that bit; a leaf commits to its whole key. So presence
//! and absence are the same walk, and the order of insertion leaves no trace.
//!
//! [`root_of_sorted`], [`RootBuilder`] and [`prove_sorted`] serve sets that are used once; [`Trie`] serves the state
//! that lives across batches; [`TrieProof`] is what both hand out. This module knows nothing of
//! what leaves mean, and takes no count from a proof.

use alloc::vec::Vec;
use core::fmt;

use crate::bytes::{Malformed, Reader, Writer};
use crate::hash::{self, Domain, Hash};
use crate::lanes::Block;

mod bulk;
mod levels;
mod live;
mod proof;

pub use bulk::RootBuilder;
pub use live::{Iter, Trie};
pub use proof::TrieProof;

/// What a trie holds: a key with the value beside it.
pub trait Leaf: Clone {
    /// Bits in a key, at most 128.
    const KEY_BITS: u8;

    /// The key, its first bit in the number's most significant; bits past `KEY_BITS` are zero.
    fn key_bits(&self) -> u128;

    /// The leaf's hash. Covers the whole key.
    fn hash(&self) -> Hash;

    /// Appends the leaf as proofs carry it.
    fn write(&self, out: &mut Writer);

    /// Reads what [`Leaf::write`] wrote.
    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed>;
}

/// A leaf of one size, which a [`Trie`] can keep.
pub trait FixedLeaf: Leaf {
    /// Bytes in a packed leaf.
    const BYTES: usize;

    /// The leaf as a [`Trie`] stores it: bytes, so that no alignment is paid for.
    type Packed: Copy + AsRef<[u8]> + fmt::Debug;

    /// Domain of the leaf's hash.
    const DOMAIN: Domain;

    /// The one block that the leaf is hashed as: its packed bytes, filled up with zeros.
    fn block(&self) -> Block {
        levels::padded(self.pack().as_ref())
    }

    /// Packs the leaf, into the bytes that [`Leaf::write`] writes.
    fn pack(&self) -> Self::Packed;

    /// The leaf that was packed.
    fn unpack(packed: &Self::Packed) -> Self;
}

/// Computes the root of leaves that come in ascending order.
#[derive(Debug, Default)]
struct SortedRoot {
    /// Left siblings that wait for the subtree at their right; bits ascend towards the top.
    waiting: Vec<(u32, Hash)>,
    open: Option<(u128, Hash)>,
}

impl SortedRoot {
    /// Adds the next leaf: its key and its hash.
    fn push(&mut self, key: u128, leaf: Hash) {
        if let Some((before, subtree)) = self.open {
            assert!(before < key, "keys must ascend");
            let bit = divergence(before, key);
            let left = close(&mut self.waiting, bit, subtree);
            self.waiting.push((bit, left));
        }
        self.open = Some((key, leaf));
    }

    /// The root over all leaves.
    fn finish(mut self) -> Hash {
        match self.open {
            None => hash::TRIE_EMPTY.hash(b""),
            Some((_, subtree)) => close(&mut self.waiting, 0, subtree),
        }
    }
}

/// Root over leaves (key, hash) whose keys ascend strictly, in memory bounded by the key's bits. The plain way, which
/// the faster ones are held against.
///
/// # Panics
///
/// Where the keys do not ascend: an error of the caller, which must not become a root.
pub fn root_of_sorted(leaves: impl IntoIterator<Item = (u128, Hash)>) -> Hash {
    let mut root = SortedRoot::default();
    leaves.into_iter().for_each(|(key, leaf)| root.push(key, leaf));
    root.finish()
}

/// Joins `subtree` with every left sibling that waits at `bit` or below.
fn close(waiting: &mut Vec<(u32, Hash)>, bit: u32, mut subtree: Hash) -> Hash {
    while let Some((at, left)) = waiting.pop_if(|(at, _)| *at >= bit) {
        subtree = branch_hash(at, &left, &subtree);
    }
    subtree
}

/// Proves that `key` is among `keys`, which ascend strictly, or that it is not. `leaf_at` makes the
/// leaf of the key at an index: leaves need not all be in memory.
///
/// # Panics
///
/// Where the keys do not ascend.
pub fn prove_sorted<L: Leaf>(keys: &[u128], leaf_at: impl Fn(usize) -> L, key: u128) -> TrieProof<L> {
    assert!(keys.is_sorted_by(|a, b| a < b), "keys must ascend");
    let mut steps = Vec::new();
    let mut rest = 0..keys.len();
    while rest.len() > 1 {
        let bit = divergence(keys[rest.start], keys[rest.end - 1]);
        let middle = rest.start + keys[rest.clone()].partition_point(|&key| !is_set(key, bit));
        let (zeros, ones) = (rest.start..middle, middle..rest.end);
        let (same, other) = if is_set(key, bit) { (ones, zeros) } else { (zeros, ones) };
        let mut sibling = RootBuilder::default();
        other.for_each(|index| sibling.push(keys[index], &leaf_at(index).hash()));
        steps.push((bit as u8, sibling.root()));
        rest = same;
    }
    TrieProof { leaf: rest.next().map(leaf_at), steps }
}

/// First bit in which two keys differ; 128 where they do not.
#[inline]
fn divergence(a: u128, b: u128) -> u32 {
    (a ^ b).leading_zeros()
}

/// Whether a key goes to the right at `bit`, which is below 128.
fn is_set(key: u128, bit: u32) -> bool {
    key << bit >> 127 == 1
}

/// Parts leaves that agree before `bit` into those without and with it.
fn split<L: Leaf>(leaves: &[L], bit: u32) -> (&[L], &[L]) {
    leaves.split_at(leaves.partition_point(|leaf| !is_set(leaf.key_bits(), bit)))
}

fn ascending<L: Leaf>(leaves: &[L]) -> bool {
    leaves.is_sorted_by(|a, b| a.key_bits() < b.key_bits())
}

/// Hash of a branch; bits of branches are below 128.
fn branch_hash(bit: u32, left: &Hash, right: &Hash) -> Hash {
    hash::trie_branch(bit as u8, left, right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::IdLeaf;

    fn leaf(id: u128) -> IdLeaf {
        IdLeaf { id, lamport: 7, event_hash: hash::plain(&id.to_le_bytes()) }
    }

    fn prove_leaves<L: Leaf>(leaves: &[L], key: u128) -> TrieProof<L> {
        let keys: Vec<u128> = leaves.iter().map(Leaf::key_bits).collect();
        prove_sorted(&keys, |index| leaves[index].clone(), key)
    }

    fn root(ids: &[u128]) -> Hash {
        root_of_sorted(ids.iter().map(|id| (*id, leaf(*id).hash())))
    }

    #[test]
    fn small_tries_have_the_roots_that_the_definition_gives() {
        let top = 1 << 127;
        assert_eq!(root(&[]), hash::TRIE_EMPTY.hash(b""));
        assert_eq!(root(&[5]), leaf(5).hash());
        // 0b0100 and 0b0101 differ in the last bit; 0b0110 leaves them one bit earlier; 2^127 at once.
        let low = hash::trie_branch(127, &leaf(4).hash(), &leaf(5).hash());
        assert_eq!(root(&[4, 5]), low);
        let three = hash::trie_branch(126, &low, &leaf(6).hash());
        assert_eq!(root(&[4, 5, 6]), three);
        assert_eq!(root(&[4, 5, 6, top]), hash::trie_branch(0, &three, &leaf(top).hash()));
        let high = hash::trie_branch(127, &leaf(6).hash(), &leaf(7).hash());
        assert_eq!(root(&[4, 6, 7]), hash::trie_branch(126, &leaf(4).hash(), &high));
    }

    #[test]
    fn every_pair_of_branch_bits_is_reached() {
        for bit in 0..128u32 {
            let high = 1u128 << (127 - bit);
            assert_eq!(divergence(0, high), bit);
            assert!(is_set(high, bit));
            assert_eq!(root(&[0, high]), hash::trie_branch(bit as u8, &leaf(0).hash(), &leaf(high).hash()));
        }
        assert_eq!(divergence(9, 9), 128);
    }

    #[test]
    fn a_proof_from_a_slice_walks_to_its_root() {
        let leaves: Vec<_> = [3, 4, 5, 900, 1 << 80, u128::MAX].map(leaf).into();
        for count in 0..=leaves.len() {
            let leaves = &leaves[..count];
            let root = root_of_sorted(leaves.iter().map(|leaf| (leaf.id, leaf.hash())));
            for key in (0..1000).chain([1 << 80, u128::MAX, u128::MAX - 1]) {
                let proof = prove_leaves(leaves, key);
                let held = leaves.iter().find(|leaf| leaf.id == key);
                assert_eq!(proof.verify(&root, count as u64, key).unwrap(), held);
            }
        }
    }

    #[test]
    #[should_panic(expected = "ascend")]
    fn a_key_twice_has_no_root() {
        root(&[4, 4]);
    }

    #[test]
    #[should_panic(expected = "ascend")]
    fn unsorted_leaves_have_no_proof() {
        prove_leaves(&[leaf(5), leaf(4)], 5);
    }
}
