//! The root of a set of leaves that is used once: hashed side by side, in memory that does not grow
//! with the set.

use alloc::vec::Vec;

use super::divergence;
use super::levels::{Child, MANY, Waiting};
use crate::hash::{self, Domain, Hash};

/// Builds the trie over leaves that come in ascending order, and keeps only what leaves to come can
/// still change: the left siblings of their ancestors. [`super::root_of_sorted`] gives the same root,
/// one hash after the other.
#[derive(Default)]
pub struct RootBuilder {
    nodes: Nodes,
    /// Branches whose right side is still open, with their left side; their bits ascend.
    open: Vec<(u8, u32)>,
    /// The last key, and the subtree that ends with it.
    last: Option<(u128, u32)>,
    waiting: Waiting,
}

/// Hashes of leaves and branches; a branch also has its children, which stand before it.
#[derive(Default)]
struct Nodes {
    hashes: Vec<Hash>,
    children: Vec<[u32; 2]>,
}

/// Whatever is not a branch has been hashed.
const NO_CHILDREN: [u32; 2] = [0; 2];

/// All leaves are hashed already, so their domain is never asked for.
const UNUSED: Domain = hash::TRIE_EMPTY;

impl RootBuilder {
    /// Adds the next leaf: its key and its hash.
    ///
    /// # Panics
    ///
    /// Where the key is not greater than the one before: an error of the caller, which must not become a root.
    pub fn push(&mut self, key: u128, leaf: &Hash) {
        if let Some((before, subtree)) = self.last {
            assert!(before < key, "keys must ascend");
            let bit = divergence(before, key) as u8;
            let left = self.close(bit, subtree);
            self.open.push((bit, left));
        }
        if self.waiting.len() >= MANY {
            self.forget();
        }
        self.last = Some((key, self.nodes.add(*leaf, NO_CHILDREN)));
    }

    /// The root over all leaves.
    pub fn root(mut self) -> Hash {
        let Some((_, subtree)) = self.last else { return hash::TRIE_EMPTY.hash(b"") };
        let root = self.close(0, subtree);
        self.hash_waiting();
        self.nodes.hashes[root as usize]
    }

    /// Ends every open branch at `bit` or below, each as the right side of the one above it.
    #[inline]
    fn close(&mut self, bit: u8, mut subtree: u32) -> u32 {
        while let Some((bit, left)) = self.open.pop_if(|(open, _)| *open >= bit) {
            subtree = self.nodes.add([0; 32], [left, subtree]);
            self.waiting.push(bit, subtree);
        }
        subtree
    }

    /// Hashes all branches that are whole, and keeps of all nodes the left sides of open branches.
    fn forget(&mut self) {
        self.hash_waiting();
        let hashes: Vec<Hash> = self.open.iter().map(|&(_, left)| self.nodes.hashes[left as usize]).collect();
        self.nodes.hashes.clear();
        self.nodes.children.clear();
        for ((_, left), hash) in self.open.iter_mut().zip(hashes) {
            *left = self.nodes.add(hash, NO_CHILDREN);
        }
    }

    fn hash_waiting(&mut self) {
        let set = |nodes: &mut Nodes, node: u32, hash| nodes.hashes[node as usize] = hash;
        self.waiting.hash_all(&UNUSED, &mut self.nodes, Nodes::children_of, set);
    }
}

impl Nodes {
    #[inline]
    fn add(&mut self, hash: Hash, children: [u32; 2]) -> u32 {
        self.hashes.push(hash);
        self.children.push(children);
        self.hashes.len() as u32 - 1
    }

    #[inline]
    fn children_of(&self, node: u32) -> [Child<'_, Hash>; 2] {
        self.children[node as usize].map(|child| Child::Hashed(&self.hashes[child as usize]))
    }
}

#[cfg(test)]
mod tests {
    use super::super::root_of_sorted;
    use super::*;

    #[test]
    fn the_root_is_the_one_of_leaves_that_come_one_by_one() {
        let mut keys: Vec<u128> =
            (0..7000u128).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)).collect();
        keys.extend((0..128).map(|bit| 1u128 << bit));
        keys.sort_unstable();
        keys.dedup();
        for count in (0..70).chain([keys.len()]) {
            let keys = &keys[keys.len() - count..];
            let leaves: Vec<Hash> = keys.iter().map(|key| hash::plain(&key.to_le_bytes())).collect();
            let expected = root_of_sorted(keys.iter().copied().zip(leaves.iter().copied()));
            let mut root = RootBuilder::default();
            keys.iter().zip(&leaves).for_each(|(key, leaf)| root.push(*key, leaf));
            assert_eq!(root.root(), expected);
        }
    }

    #[test]
    #[should_panic(expected = "ascend")]
    fn a_key_twice_has_no_root() {
        let mut root = RootBuilder::default();
        root.push(4, &[0; 32]);
        root.push(4, &[0; 32]);
    }
}
