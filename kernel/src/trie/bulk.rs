//! The root of a set of leaves that is used once: built whole, hashed side by side.

use alloc::vec::Vec;

use super::divergence;
use super::levels::{Child, Waiting};
use crate::hash::{self, Domain, Hash};

/// Root over leaves whose keys ascend strictly; `leaves` are their hashes, in the same order. Takes
/// about 80 bytes a leaf; [`super::root_of_sorted`] gives the same root with next to none, slower.
///
/// # Panics
///
/// Where the keys do not ascend, or are not as many as the leaves: errors of the caller, which must
/// not become a root.
pub fn root_of_hashes(keys: impl Iterator<Item = u128>, leaves: Vec<Hash>) -> Hash {
    let Some(last) = leaves.len().checked_sub(1) else { return hash::TRIE_EMPTY.hash(b"") };
    let mut trie = Bulk { leaves, branches: Vec::with_capacity(last) };
    let root = trie.build(keys);
    let mut waiting = Waiting::default();
    for (index, branch) in (0u32..).zip(&trie.branches) {
        waiting.push(branch.bit, index);
    }
    // All leaves are hashed already, so their domain is never asked for.
    waiting.hash_all(&UNUSED, &mut trie, Bulk::children, |trie, branch, hash| {
        trie.branches[branch as usize].hash = hash;
    });
    *trie.hash_of(root)
}

const UNUSED: Domain = hash::TRIE_EMPTY;

const BRANCH: u32 = 1 << 31;

struct Bulk {
    leaves: Vec<Hash>,
    branches: Vec<Branch>,
}

struct Branch {
    bit: u8,
    /// A leaf's index, or a branch's with [`BRANCH`] set.
    left: u32,
    right: u32,
    hash: Hash,
}

impl Bulk {
    /// Makes the branches: one between each pair of neighbouring leaves, at the bit where they part.
    /// Of two branches the one at the earlier bit stands above. Gives the root.
    fn build(&mut self, keys: impl Iterator<Item = u128>) -> u32 {
        // Branches whose right side is still open; their bits ascend.
        let mut open: Vec<u32> = Vec::new();
        let mut before: Option<u128> = None;
        let mut count = 0u32;
        for key in keys {
            if let Some(before) = before {
                assert!(before < key, "keys must ascend");
                let bit = divergence(before, key) as u8;
                let left = self.close(&mut open, bit, count - 1);
                open.push(self.branches.len() as u32);
                self.branches.push(Branch { bit, left, right: 0, hash: [0; 32] });
            }
            before = Some(key);
            count += 1;
        }
        assert_eq!(count as usize, self.leaves.len(), "a key for each leaf");
        self.close(&mut open, 0, count - 1)
    }

    /// Ends every open branch at `bit` or below, each as the right side of the one above it.
    #[inline]
    fn close(&mut self, open: &mut Vec<u32>, bit: u8, mut subtree: u32) -> u32 {
        while let Some(branch) = open.pop_if(|branch| self.branches[*branch as usize].bit >= bit) {
            self.branches[branch as usize].right = subtree;
            subtree = branch | BRANCH;
        }
        subtree
    }

    #[inline]
    fn children(&self, branch: u32) -> [Child<'_, Hash>; 2] {
        let Branch { left, right, .. } = &self.branches[branch as usize];
        [left, right].map(|&node| Child::Hashed(self.hash_of(node)))
    }

    #[inline]
    fn hash_of(&self, node: u32) -> &Hash {
        match node & BRANCH {
            0 => &self.leaves[node as usize],
            _ => &self.branches[(node & !BRANCH) as usize].hash,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::root_of_sorted;
    use super::*;

    #[test]
    fn the_root_is_the_one_of_leaves_that_come_one_by_one() {
        let mut keys: Vec<u128> =
            (0..700u128).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)).collect();
        keys.extend((0..128).map(|bit| 1u128 << bit));
        keys.sort_unstable();
        keys.dedup();
        for count in (0..70).chain([keys.len()]) {
            let keys = &keys[keys.len() - count..];
            let leaves: Vec<Hash> = keys.iter().map(|key| hash::plain(&key.to_le_bytes())).collect();
            let expected = root_of_sorted(keys.iter().copied().zip(leaves.iter().copied()));
            assert_eq!(root_of_hashes(keys.iter().copied(), leaves), expected);
        }
    }

    #[test]
    #[should_panic(expected = "ascend")]
    fn a_key_twice_has_no_root() {
        root_of_hashes([4, 4].into_iter(), Vec::from([[0; 32]; 2]));
    }
}
