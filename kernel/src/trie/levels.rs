//! Hashes the branches of a trie bit by bit, from the deepest up: branches at one bit do not depend
//! on each other, so they go through SIMD lanes side by side.

use alloc::vec::Vec;

use crate::hash::{self, Domain, Hash};
use crate::lanes::{self, Block};

/// Branches that are hashed together.
const GROUP: usize = 64;

/// Branches that are enough to be hashed, though more may come: nearly all share their bit with others, and all of
/// them with their children fit the processor's nearer memory.
pub const MANY: usize = 2048;

/// A child, as far as hashing its branch goes.
pub enum Child<'t, P> {
    /// Its hash is known.
    Hashed(&'t Hash),
    /// It is a leaf with these bytes, at most a block, hashed as one block.
    Leaf(&'t P),
}

/// Branches that wait to be hashed, by their bit.
#[derive(Debug, Clone, Default)]
pub struct Waiting {
    by_bit: Vec<Vec<u32>>,
    len: usize,
}

impl Waiting {
    /// Notes a branch. Each once.
    #[inline]
    pub fn push(&mut self, bit: u8, branch: u32) {
        let bit = usize::from(bit);
        if self.by_bit.len() <= bit {
            self.by_bit.resize_with(bit + 1, Vec::new);
        }
        self.by_bit[bit].push(branch);
        self.len += 1;
    }

    /// Branches that wait.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Hashes all that wait; then none do. `children` gives both children of a branch, which are hashed or wait
    /// too; `set` takes its hash. Gives how many nodes were hashed.
    pub fn hash_all<T, P: AsRef<[u8]>>(
        &mut self,
        leaf_domain: &Domain,
        trie: &mut T,
        children: impl Fn(&T, u32) -> [Child<'_, P>; 2],
        set: impl Fn(&mut T, u32, Hash),
    ) -> u64 {
        let mut hashed = 0;
        let mut level = Level::default();
        for (bit, same_bit) in
            (0u8..=127).zip(&self.by_bit).rev().filter(|(_, same_bit)| !same_bit.is_empty())
        {
            let domain = hash::trie_branch_domain(bit);
            for group in same_bit.chunks(GROUP) {
                level.gather(group.iter().map(|&branch| children(trie, branch)));
                hashed += level.hash(leaf_domain, &domain);
                for (&branch, &hash) in group.iter().zip(&level.hashes) {
                    set(trie, branch, hash);
                }
            }
        }
        self.by_bit.iter_mut().for_each(Vec::clear);
        self.len = 0;
        hashed
    }
}

/// A group of branches at one bit; its vectors are reused.
#[derive(Default)]
struct Level {
    /// `left ‖ right` of each branch.
    pairs: Vec<Block>,
    /// Leaves among the children, and where their hashes go: twice the branch, plus one for right.
    leaves: Vec<Block>,
    places: Vec<usize>,
    hashes: Vec<Hash>,
}

impl Level {
    #[inline]
    fn gather<'t, P: AsRef<[u8]> + 't>(&mut self, children: impl Iterator<Item = [Child<'t, P>; 2]>) {
        self.pairs.clear();
        self.leaves.clear();
        self.places.clear();
        for (at, pair) in children.enumerate() {
            self.pairs.push([0; 64]);
            for (side, child) in pair.into_iter().enumerate() {
                match child {
                    Child::Hashed(hash) => self.put(2 * at + side, hash),
                    Child::Leaf(leaf) => {
                        self.leaves.push(padded(leaf.as_ref()));
                        self.places.push(2 * at + side);
                    }
                }
            }
        }
    }

    #[inline]
    fn put(&mut self, place: usize, hash: &Hash) {
        self.pairs.as_flattened_mut()[32 * place..32 * place + 32].copy_from_slice(hash);
    }

    #[inline]
    fn hash(&mut self, leaf_domain: &Domain, domain: &Domain) -> u64 {
        self.hashes.clear();
        lanes::hash_blocks(leaf_domain, &self.leaves, &mut self.hashes);
        for at in 0..self.places.len() {
            let hash = self.hashes[at];
            self.put(self.places[at], &hash);
        }
        self.hashes.clear();
        lanes::hash_blocks(domain, &self.pairs, &mut self.hashes);
        (self.leaves.len() + self.pairs.len()) as u64
    }
}

/// A leaf's bytes as the block that it is hashed as: filled up with zeros.
#[inline]
pub fn padded(leaf: &[u8]) -> Block {
    let mut block = [0; 64];
    block[..leaf.len()].copy_from_slice(leaf);
    block
}
