//! A trie that lives on and takes in sorted batches: O(batch · log size) hashes each.

use alloc::vec::Vec;

use super::levels::{Child, MANY, Waiting};
use super::{FixedLeaf, TrieProof, ascending, divergence, is_set, split};
use crate::hash::{self, Hash};
use crate::slab::Slab;

/// A crit-bit trie in memory. Leaves are inserted or replaced, never removed.
///
/// Branches keep their hash, leaves do not: a leaf is hashed again where its sibling changes.
#[derive(Debug, Clone)]
pub struct Trie<L: FixedLeaf> {
    leaves: Slab<L::Packed>,
    branches: Slab<Branch>,
    root: Option<Node>,
    /// Branches of the merge at hand, which are hashed when it ends.
    waiting: Waiting,
    hashed: u64,
}

#[derive(Debug, Clone, Copy)]
struct Branch {
    hash: Hash,
    left: Node,
    right: Node,
    /// Leaves below.
    len: u32,
    bit: u8,
}

/// Where a node lies: the top bit tells a branch from a leaf, the others are its index.
#[derive(Debug, Clone, Copy)]
struct Node(u32);

const BRANCH: u32 = 1 << 31;

/// A node with what its parent needs of it, apart from the hash.
struct Subtree {
    node: Node,
    len: u32,
}

impl<L: FixedLeaf> Default for Trie<L> {
    fn default() -> Self {
        Self::new()
    }
}

impl<L: FixedLeaf> Trie<L> {
    /// Leaves that a trie has room for; owners set lower limits of their own.
    pub const MAX_LEN: u64 = BRANCH as u64;

    /// The empty trie.
    pub fn new() -> Self {
        Trie {
            leaves: Slab::new(),
            branches: Slab::new(),
            root: None,
            waiting: Waiting::default(),
            hashed: 0,
        }
    }

    /// Leaves.
    pub fn len(&self) -> u64 {
        self.leaves.len().into()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// The root over all leaves.
    pub fn root(&self) -> Hash {
        match self.root {
            None => hash::TRIE_EMPTY.hash(b""),
            Some(root) => self.hash_of(root),
        }
    }

    /// Nodes hashed by all merges so far: what updates cost.
    pub fn hashed(&self) -> u64 {
        self.hashed
    }

    /// The leaf with this key.
    pub fn get(&self, key: u128) -> Option<L> {
        let leaf = self.leaf(self.walk(self.root?, key, |_, _| ()));
        (leaf.key_bits() == key).then_some(leaf)
    }

    /// Proves that `key` is here, or that it is not.
    pub fn prove(&self, key: u128) -> TrieProof<L> {
        let mut steps = Vec::new();
        let leaf = self.root.map(|root| {
            self.leaf(self.walk(root, key, |branch, sibling| steps.push((branch.bit, self.hash_of(sibling)))))
        });
        TrieProof { leaf, steps }
    }

    /// All leaves, ascending by key.
    pub fn iter(&self) -> Iter<'_, L> {
        self.iter_from(0)
    }

    /// The leaves, ascending by key, without the first `rank`; found in one walk.
    pub fn iter_from(&self, rank: u64) -> Iter<'_, L> {
        let mut stack = Vec::new();
        let mut rank = rank;
        let mut next = self.root.filter(|_| rank < self.len());
        while let Some(node) = next {
            let Some(branch) = self.branch(node) else {
                stack.push(node);
                break;
            };
            let left_len = u64::from(self.len_of(branch.left));
            next = Some(if rank < left_len {
                stack.push(branch.right);
                branch.left
            } else {
                rank -= left_len;
                branch.right
            });
        }
        Iter { trie: self, stack }
    }

    /// Inserts leaves, or replaces those whose keys are here. `leaves` ascend strictly by key.
    /// Every branch above them is hashed once.
    ///
    /// # Panics
    ///
    /// Where the keys do not ascend, or past [`Trie::MAX_LEN`]: errors of the caller, which must
    /// not become a root.
    pub fn merge_sorted(&mut self, leaves: &[L]) {
        assert!(ascending(leaves), "keys must ascend");
        assert!(self.len() + leaves.len() as u64 <= Self::MAX_LEN, "the owner's limit is lower");
        let Some(first) = leaves.first() else { return };
        let merged = match self.root {
            None => self.build(leaves),
            Some(root) => {
                let near = self.near(root, first.key_bits());
                self.merge(root, near, leaves)
            }
        };
        self.root = Some(merged.node);
        self.hash_waiting();
    }

    /// Hashes the branches that a merge made or changed, and the leaves right below them.
    fn hash_waiting(&mut self) {
        let mut waiting = core::mem::take(&mut self.waiting);
        let set = |trie: &mut Self, branch: u32, hash| trie.branches.get_mut(branch).hash = hash;
        self.hashed += waiting.hash_all(&L::DOMAIN, self, Self::children, set);
        self.waiting = waiting;
    }

    /// Notes a branch whose children are as they will be, and hashes those noted so far where they are many: soon,
    /// while they are near.
    #[inline]
    fn wait(&mut self, bit: u8, branch: u32) {
        self.waiting.push(bit, branch);
        if self.waiting.len() >= MANY {
            self.hash_waiting();
        }
    }

    #[inline]
    fn children(&self, branch: u32) -> [Child<'_, L::Packed>; 2] {
        let branch = self.branches.get(branch);
        [branch.left, branch.right].map(|node| match self.branch(node) {
            Some(branch) => Child::Hashed(&branch.hash),
            None => Child::Leaf(self.leaves.get(node.index())),
        })
    }

    /// Merges leaves, at least one, into the subtree at `node`. `near` is the key of any leaf in
    /// there: up to the node's bit it stands for all of them. Each call goes to a later bit, so
    /// calls nest at most 129 deep.
    fn merge(&mut self, node: Node, near: u128, leaves: &[L]) -> Subtree {
        let (first, last) = (leaves[0].key_bits(), leaves[leaves.len() - 1].key_bits());
        // The leaves ascend, so all of them agree with `near` before this bit.
        let bit = divergence(first, near).min(divergence(last, near));
        let Some(branch) = self.branch(node).copied() else {
            return if bit == u128::BITS {
                self.leaves.set(node.index(), leaves[0].pack());
                self.subtree(node)
            } else {
                self.grow(node, near, leaves, bit)
            };
        };
        if bit < branch.bit.into() {
            return self.grow(node, near, leaves, bit);
        }
        let (zeros, ones) = split(leaves, branch.bit.into());
        let near_right = is_set(near, branch.bit.into());
        let left = self.merge_child(branch.left, (!near_right).then_some(near), zeros);
        let right = self.merge_child(branch.right, near_right.then_some(near), ones);
        let merged = join(branch.bit, &left, &right);
        self.branches.set(node.index(), merged);
        self.wait(merged.bit, node.index());
        Subtree { node, len: merged.len }
    }

    /// Puts a branch above `node`, at a bit where some of the leaves leave its keys.
    fn grow(&mut self, node: Node, near: u128, leaves: &[L], bit: u32) -> Subtree {
        let (zeros, ones) = split(leaves, bit);
        let (left, right) = if is_set(near, bit) {
            (self.build(zeros), self.merge_child(node, Some(near), ones))
        } else {
            (self.merge_child(node, Some(near), zeros), self.build(ones))
        };
        self.add_branch(bit, &left, &right)
    }

    /// Merges leaves, if any, into the subtree at `node`. One walk finds a key in it where none is
    /// known; that happens once for each time the leaves part, so walks cost what single
    /// insertions would.
    fn merge_child(&mut self, node: Node, near: Option<u128>, leaves: &[L]) -> Subtree {
        let Some(first) = leaves.first() else { return self.subtree(node) };
        let near = near.unwrap_or_else(|| self.near(node, first.key_bits()));
        self.merge(node, near, leaves)
    }

    /// Builds a subtree of new leaves, at least one.
    fn build(&mut self, leaves: &[L]) -> Subtree {
        // Left sides of branches whose right side is still open; their bits ascend.
        let mut open: Vec<(u32, Subtree)> = Vec::new();
        let mut subtree = self.add_leaf(&leaves[0]);
        for (before, leaf) in leaves.iter().zip(&leaves[1..]) {
            let bit = divergence(before.key_bits(), leaf.key_bits());
            let left = self.close(&mut open, bit, subtree);
            open.push((bit, left));
            subtree = self.add_leaf(leaf);
        }
        self.close(&mut open, 0, subtree)
    }

    /// Ends every open branch behind `bit`, each as the right side of the one above it.
    #[inline]
    fn close(&mut self, open: &mut Vec<(u32, Subtree)>, bit: u32, mut subtree: Subtree) -> Subtree {
        while let Some((bit, left)) = open.pop_if(|(open, _)| *open >= bit) {
            subtree = self.add_branch(bit, &left, &subtree);
        }
        subtree
    }

    #[inline]
    fn add_leaf(&mut self, leaf: &L) -> Subtree {
        Subtree { node: Node(self.leaves.push(leaf.pack())), len: 1 }
    }

    #[inline]
    fn add_branch(&mut self, bit: u32, left: &Subtree, right: &Subtree) -> Subtree {
        let branch = join(bit as u8, left, right);
        let index = self.branches.push(branch);
        self.wait(branch.bit, index);
        Subtree { node: Node(index | BRANCH), len: branch.len }
    }

    /// A node as it stands.
    fn subtree(&self, node: Node) -> Subtree {
        Subtree { node, len: self.len_of(node) }
    }

    /// Goes from `node` to the leaf where `key` leads, telling of each branch with the child that
    /// the key does not take.
    fn walk<'a>(&'a self, node: Node, key: u128, mut pass: impl FnMut(&'a Branch, Node)) -> Node {
        let mut node = node;
        while let Some(branch) = self.branch(node) {
            let right = is_set(key, branch.bit.into());
            let (taken, sibling) =
                if right { (branch.right, branch.left) } else { (branch.left, branch.right) };
            pass(branch, sibling);
            node = taken;
        }
        node
    }

    /// The key in the subtree at `node` that a walk along `key` ends at.
    fn near(&self, node: Node, key: u128) -> u128 {
        self.leaf(self.walk(node, key, |_, _| ())).key_bits()
    }

    #[inline]
    fn branch(&self, node: Node) -> Option<&Branch> {
        (node.0 & BRANCH != 0).then(|| self.branches.get(node.index()))
    }

    fn leaf(&self, node: Node) -> L {
        L::unpack(self.leaves.get(node.index()))
    }

    fn hash_of(&self, node: Node) -> Hash {
        self.branch(node).map_or_else(|| self.leaf(node).hash(), |branch| branch.hash)
    }

    #[inline]
    fn len_of(&self, node: Node) -> u32 {
        self.branch(node).map_or(1, |branch| branch.len)
    }
}

/// A branch over two subtrees; its hash comes later.
#[inline]
fn join(bit: u8, left: &Subtree, right: &Subtree) -> Branch {
    Branch { hash: [0; 32], left: left.node, right: right.node, len: left.len + right.len, bit }
}

impl Node {
    #[inline]
    fn index(self) -> u32 {
        self.0 & !BRANCH
    }
}

/// Leaves of a [`Trie`], ascending by key.
#[derive(Debug, Clone)]
pub struct Iter<'a, L: FixedLeaf> {
    trie: &'a Trie<L>,
    /// Subtrees that are still to come, the next one last.
    stack: Vec<Node>,
}

impl<L: FixedLeaf> Iterator for Iter<'_, L> {
    type Item = L;

    fn next(&mut self) -> Option<L> {
        let mut node = self.stack.pop()?;
        while let Some(branch) = self.trie.branch(node) {
            self.stack.push(branch.right);
            node = branch.left;
        }
        Some(self.trie.leaf(node))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Leaf, root_of_sorted};
    use super::*;
    use crate::state::IdLeaf;

    fn leaf(id: u128) -> IdLeaf {
        IdLeaf { id, lamport: 7, event_hash: hash::plain(&id.to_le_bytes()) }
    }

    fn leaves(ids: impl IntoIterator<Item = u128>) -> Vec<IdLeaf> {
        ids.into_iter().map(leaf).collect()
    }

    #[track_caller]
    fn holds(trie: &Trie<IdLeaf>, leaves: &[IdLeaf]) {
        assert_eq!(trie.len(), leaves.len() as u64);
        assert!(trie.iter().eq(leaves.iter().copied()));
        assert_eq!(trie.root(), root_of_sorted(leaves.iter().map(|leaf| (leaf.id, leaf.hash()))));
    }

    /// Keys whose branches stand at every bit: the deepest walk there is.
    fn staircase() -> Vec<IdLeaf> {
        leaves([0].into_iter().chain((0..128).map(|bit| 1 << bit)))
    }

    #[test]
    fn the_deepest_trie_is_walked_to_its_end() {
        let all = staircase();
        let mut trie = Trie::new();
        for leaf in all.iter().rev() {
            trie.merge_sorted(&[*leaf]);
        }
        holds(&trie, &all);
        assert_eq!(trie.prove(1).steps.len(), 128);
        assert_eq!(trie.prove(1).verify(&trie.root(), 129, 1), Ok(Some(&leaf(1))));
        let mut at_once = Trie::new();
        at_once.merge_sorted(&all);
        holds(&at_once, &all);
    }

    #[test]
    fn a_merge_hashes_each_node_above_its_leaves_once() {
        let all = leaves(0..1024);
        let mut trie = Trie::new();
        trie.merge_sorted(&all);
        assert_eq!(trie.hashed(), 1024 + 1023, "every leaf and every branch");
        trie.merge_sorted(&all);
        assert_eq!(trie.hashed(), 2 * (1024 + 1023));
        trie.merge_sorted(&[leaf(77)]);
        assert_eq!(trie.hashed(), 2 * (1024 + 1023) + 10 + 2, "ten branches, the leaf, and its sibling");
        trie.merge_sorted(&[]);
        assert_eq!(trie.hashed(), 2 * (1024 + 1023) + 12);
    }

    #[test]
    fn a_key_that_is_here_gets_the_new_value() {
        let mut trie = Trie::new();
        trie.merge_sorted(&leaves([1, 2, 3]));
        let newer = IdLeaf { lamport: 8, ..leaf(2) };
        trie.merge_sorted(&[newer, leaf(4)]);
        holds(&trie, &[leaf(1), newer, leaf(3), leaf(4)]);
        assert_eq!(trie.get(2), Some(newer));
        assert_eq!(trie.get(5), None);
    }

    #[test]
    fn leaves_are_found_by_rank() {
        let all = staircase();
        let mut trie = Trie::new();
        assert_eq!(trie.iter_from(0).count(), 0);
        trie.merge_sorted(&all);
        for rank in 0..all.len() + 3 {
            let rest = all.get(rank..).unwrap_or_default();
            assert!(trie.iter_from(rank as u64).eq(rest.iter().copied()), "{rank}");
        }
    }

    #[test]
    #[should_panic(expected = "ascend")]
    fn unsorted_leaves_are_an_error_of_the_caller() {
        Trie::new().merge_sorted(&leaves([2, 1]));
    }
}
