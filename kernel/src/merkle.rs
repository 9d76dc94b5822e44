//! Merkle trees of the RFC 9162 shape, over hashes that are leaves already.
//!
//! For log roots and trace roots. Inner nodes are separated from leaves by their hash domain, not
//! by a prefix byte, so each is one compression. A proof carries siblings only: index and count
//! come from outside, where they are signed beside the root. This module knows nothing of what a
//! leaf stands for.

use alloc::vec::Vec;

use crate::hash::{self, Hash};
use crate::lanes;

/// Leaves that are hashed together, a level at a time: a power of two.
const GROUP: usize = 64;

/// Computes a root from leaves as they come, in memory logarithmic in their count.
#[derive(Debug, Clone, Default)]
pub struct Accumulator {
    /// Leaves in complete groups.
    grouped: u64,
    /// Leaves that wait for their group to be complete.
    waiting: Vec<Hash>,
    /// Roots of the complete subtrees of groups, one for each set bit of `grouped`, largest first.
    peaks: Vec<Hash>,
}

impl Accumulator {
    /// Starts with no leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a leaf.
    #[inline]
    pub fn push(&mut self, leaf: Hash) {
        self.waiting.push(leaf);
        if self.waiting.len() < GROUP {
            return;
        }
        let mut subtree = level_by_level(&mut self.waiting);
        let groups = self.grouped / GROUP as u64;
        for _ in 0..groups.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                subtree = hash::MERKLE_NODE.pair(&left, &subtree);
            }
        }
        self.peaks.push(subtree);
        self.grouped += GROUP as u64;
        self.waiting.clear();
    }

    /// Leaves so far.
    pub fn count(&self) -> u64 {
        self.grouped + self.waiting.len() as u64
    }

    /// Root over the leaves so far.
    pub fn root(&self) -> Hash {
        let rest = (!self.waiting.is_empty()).then(|| level_by_level(&mut self.waiting.clone()));
        let smallest_first = rest.into_iter().chain(self.peaks.iter().rev().copied());
        smallest_first
            .reduce(|right, left| hash::MERKLE_NODE.pair(&left, &right))
            .unwrap_or_else(|| hash::MERKLE_EMPTY.hash(b""))
    }
}

/// Root over leaves, at least one. Pairing neighbours level by level and carrying an odd last one up
/// gives RFC 9162's tree.
fn level_by_level(level: &mut Vec<Hash>) -> Hash {
    while level.len() > 1 {
        let odd = (level.len() % 2 == 1).then(|| level[level.len() - 1]);
        let mut above = Vec::with_capacity(level.len().div_ceil(2));
        lanes::hash_pairs(&hash::MERKLE_NODE, level, &mut above);
        above.extend(odd);
        *level = above;
    }
    level[0]
}

/// Root over `leaves`.
pub fn root(leaves: &[Hash]) -> Hash {
    let mut accumulator = Accumulator::new();
    for leaf in leaves {
        accumulator.push(*leaf);
    }
    accumulator.root()
}

/// Siblings on the way from leaf `index` to the root, the lowest first (RFC 9162, 2.1.3.1).
///
/// # Panics
///
/// Where `leaves` has no leaf `index`: the caller proves what it holds.
pub fn inclusion_proof(leaves: &[Hash], index: usize) -> Vec<Hash> {
    assert!(index < leaves.len(), "only a leaf of the tree has a proof");
    let (mut leaves, mut index) = (leaves, index);
    let mut siblings = Vec::new();
    while leaves.len() > 1 {
        let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
        if index < left.len() {
            siblings.push(root(right));
            leaves = left;
        } else {
            siblings.push(root(left));
            index -= left.len();
            leaves = right;
        }
    }
    siblings.reverse();
    siblings
}

/// Whether `siblings` lead from `leaf`, at `index` of `count` leaves, to `root` (RFC 9162, 2.1.3.2).
/// All of them must be needed.
///
/// `count` must be the one that stands beside the root: trees of different counts can share a
/// path's shape, so a proof does not show its own count.
pub fn verify_inclusion(root: &Hash, count: u64, index: u64, leaf: &Hash, siblings: &[Hash]) -> bool {
    if index >= count {
        return false;
    }
    // `fn`, `sn` and `r` of the RFC.
    let (mut position, mut last) = (index, count - 1);
    let mut node = *leaf;
    for sibling in siblings {
        if last == 0 {
            return false;
        }
        if position & 1 == 1 || position == last {
            node = hash::MERKLE_NODE.pair(sibling, &node);
            // The rightmost path skips the levels where it has no sibling.
            while position & 1 == 0 && position != 0 {
                position >>= 1;
                last >>= 1;
            }
        } else {
            node = hash::MERKLE_NODE.pair(&node, sibling);
        }
        position >>= 1;
        last >>= 1;
    }
    last == 0 && node == *root
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count as u64).map(|i| hash::plain(&i.to_le_bytes())).collect()
    }

    /// MTH of RFC 9162, 2.1.1, word for word.
    fn naive_root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => hash::MERKLE_EMPTY.hash(b""),
            [leaf] => *leaf,
            _ => {
                let k = split_point(leaves.len());
                hash::MERKLE_NODE.pair(&naive_root(&leaves[..k]), &naive_root(&leaves[k..]))
            }
        }
    }

    /// PATH of RFC 9162, 2.1.3.1, word for word.
    fn naive_path(leaves: &[Hash], m: usize) -> Vec<Hash> {
        if leaves.len() == 1 {
            return Vec::new();
        }
        let k = split_point(leaves.len());
        let (mut path, sibling) = if m < k {
            (naive_path(&leaves[..k], m), naive_root(&leaves[k..]))
        } else {
            (naive_path(&leaves[k..], m - k), naive_root(&leaves[..k]))
        };
        path.push(sibling);
        path
    }

    /// The largest power of two smaller than `n`.
    fn split_point(n: usize) -> usize {
        (0..).map(|i| 1 << i).take_while(|power| *power < n).last().unwrap()
    }

    #[test]
    fn every_tree_and_path_up_to_130_leaves_is_the_rfc_s() {
        let all = leaves(130);
        let mut accumulator = Accumulator::new();
        assert_eq!(accumulator.root(), naive_root(&[]));
        for count in 1..=all.len() {
            let leaves = &all[..count];
            accumulator.push(leaves[count - 1]);
            assert_eq!(accumulator.count(), count as u64);
            assert_eq!(accumulator.root(), naive_root(leaves), "{count}");
            assert_eq!(root(leaves), naive_root(leaves), "{count}");
            for index in 0..count {
                let path = inclusion_proof(leaves, index);
                assert_eq!(path, naive_path(leaves, index), "{index} of {count}");
                let (index, count) = (index as u64, count as u64);
                assert!(verify_inclusion(&root(leaves), count, index, &leaves[index as usize], &path));
            }
        }
    }

    #[test]
    fn the_accumulator_keeps_one_hash_for_each_set_bit_of_its_groups() {
        let mut accumulator = Accumulator::new();
        for leaf in leaves(1000) {
            accumulator.push(leaf);
            assert_eq!(accumulator.peaks.len(), accumulator.grouped.count_ones() as usize);
            assert!(accumulator.waiting.len() < GROUP);
        }
    }

    #[test]
    fn a_proof_with_any_flipped_byte_is_refused() {
        for count in [1usize, 2, 3, 7, 8, 11, 32, 33] {
            let leaves = leaves(count);
            let root = root(&leaves);
            for index in 0..count {
                let good = inclusion_proof(&leaves, index);
                let holds = |root: &Hash, leaf: &Hash, path: &[Hash]| {
                    verify_inclusion(root, count as u64, index as u64, leaf, path)
                };
                assert!(holds(&root, &leaves[index], &good));
                for byte in 0..32 {
                    let flip = |hash: &Hash| {
                        let mut hash = *hash;
                        hash[byte] ^= 0x10;
                        hash
                    };
                    for sibling in 0..good.len() {
                        let mut path = good.clone();
                        path[sibling] = flip(&path[sibling]);
                        assert!(!holds(&root, &leaves[index], &path));
                    }
                    assert!(!holds(&flip(&root), &leaves[index], &good));
                    assert!(!holds(&root, &flip(&leaves[index]), &good));
                }
            }
        }
    }

    #[test]
    fn a_proof_of_another_place_or_length_is_refused() {
        for count in 1..=40usize {
            let leaves = leaves(count);
            let root = root(&leaves);
            for index in 0..count {
                let good = inclusion_proof(&leaves, index);
                let at = |place: u64, path: &[Hash]| {
                    verify_inclusion(&root, count as u64, place, &leaves[index], path)
                };
                for place in (0..count as u64 + 3).chain([u64::MAX]) {
                    assert_eq!(at(place, &good), place == index as u64, "{index} at {place} of {count}");
                }
                for shorter in 0..good.len() {
                    assert!(!at(index as u64, &good[..shorter]));
                    assert!(!at(index as u64, &good[shorter + 1..]));
                }
                for extra in [root, leaves[0], [0; 32]] {
                    assert!(!at(index as u64, &[good.as_slice(), &[extra]].concat()));
                    assert!(!at(index as u64, &[&[extra], good.as_slice()].concat()));
                }
            }
        }
    }

    #[test]
    fn a_path_longer_than_the_count_allows_is_refused_under_the_root_it_leads_to() {
        let [leaf, sibling] = [[1; 32], [2; 32]];
        let two = root(&[sibling, leaf]);
        assert!(verify_inclusion(&two, 2, 1, &leaf, &[sibling]));
        assert!(!verify_inclusion(&two, 1, 0, &leaf, &[sibling]));
    }

    #[test]
    fn nothing_is_in_the_empty_tree() {
        let empty = root(&[]);
        assert!(!verify_inclusion(&empty, 0, 0, &empty, &[]));
    }
}
