//! Proofs of presence and absence, and their bytes (`schemas/state.md`, "Proofs").

use alloc::vec::Vec;

use super::{Leaf, branch_hash, is_set};
use crate::bytes::{Malformed, Reader, Writer};
use crate::fault::{Fault, FaultCode};
use crate::hash::{self, Hash};

/// Bytes of a step: its bit and the sibling.
const STEP_BYTES: usize = 33;

/// The walk that a key takes through a trie, and the leaf it ends at.
///
/// If that leaf holds the key, the key is present; if not, no leaf does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrieProof<L> {
    /// The leaf reached; none in the empty trie.
    pub leaf: Option<L>,
    /// Branches passed, from the root: bit, and hash of the child that the key does not take.
    pub steps: Vec<(u8, Hash)>,
}

impl<L: Leaf> TrieProof<L> {
    /// Checks the walk of `key` through the trie with this root and count. Gives the key's leaf, or
    /// `None` where the trie does not have the key.
    ///
    /// # Errors
    ///
    /// [`FaultCode::ProofWrong`] where the proof shows neither.
    pub fn verify(&self, root: &Hash, count: u64, key: u128) -> Result<Option<&L>, Fault> {
        let Some(leaf) = &self.leaf else {
            let empty = count == 0 && self.steps.is_empty() && *root == hash::TRIE_EMPTY.hash(b"");
            return if empty {
                Ok(None)
            } else {
                Err(wrong("it ends at no leaf, but the trie is not empty"))
            };
        };
        // Each branch on the way has a leaf on its other side, and only a single leaf has no branch.
        if self.steps.len() as u64 >= count || (count > 1 && self.steps.is_empty()) {
            return Err(wrong("it does not have the length that the trie's count allows"));
        }
        if !self.steps.is_sorted_by(|above, below| above.0 < below.0)
            || self.steps.last().is_some_and(|step| step.0 >= L::KEY_BITS)
        {
            return Err(wrong("its branches do not descend along the key"));
        }
        let mut node = leaf.hash();
        for &(bit, sibling) in self.steps.iter().rev() {
            let right = is_set(key, bit.into());
            if is_set(leaf.key_bits(), bit.into()) != right {
                return Err(wrong("it walks to another leaf than the key does"));
            }
            node = match right {
                true => branch_hash(bit.into(), &sibling, &node),
                false => branch_hash(bit.into(), &node, &sibling),
            };
        }
        if node != *root {
            return Err(wrong("it does not lead to the root"));
        }
        Ok((leaf.key_bits() == key).then_some(leaf))
    }

    /// Appends the proof.
    pub fn write(&self, out: &mut Writer) {
        out.u8(u8::from(self.leaf.is_some()));
        if let Some(leaf) = &self.leaf {
            leaf.write(out);
        }
        out.u8(u8::try_from(self.steps.len()).unwrap_or(u8::MAX));
        for (bit, sibling) in &self.steps {
            out.u8(*bit).put(sibling);
        }
    }

    /// Reads what [`TrieProof::write`] wrote, and nothing else: a proof has one encoding.
    pub fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let leaf = match from.flag("0 for the empty trie or 1 for a leaf")? {
            true => Some(L::read(from)?),
            false => None,
        };
        let longest = if leaf.is_some() { L::KEY_BITS } else { 0 };
        let wrong_count = from.malformed("a count of steps that the key's bits allow");
        let count = from.u8("the count of steps")?;
        if count > longest {
            return Err(wrong_count);
        }
        let wrong_length = from.malformed("as many steps as were counted");
        if from.remaining() < STEP_BYTES * usize::from(count) {
            return Err(wrong_length);
        }
        let mut steps: Vec<(u8, Hash)> = Vec::with_capacity(count.into());
        for _ in 0..count {
            let wrong_bit = from.malformed("a bit of the key, after the step before");
            let bit = from.u8("a step's bit")?;
            if bit >= L::KEY_BITS || steps.last().is_some_and(|above| above.0 >= bit) {
                return Err(wrong_bit);
            }
            steps.push((bit, from.array("a step's sibling")?));
        }
        Ok(TrieProof { leaf, steps })
    }

    /// The proof's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        self.write(&mut out);
        out.bytes
    }

    /// The proof that these bytes, all of them, encode.
    ///
    /// # Errors
    ///
    /// [`FaultCode::ProofMalformed`] with the offset.
    pub fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let mut from = Reader::new(bytes);
        Self::read(&mut from)
            .and_then(|proof| from.end().map(|()| proof))
            .map_err(|what| Fault::malformed(FaultCode::ProofMalformed, what))
    }
}

fn wrong(why: &str) -> Fault {
    Fault::new(FaultCode::ProofWrong, alloc::format!("the trie proof is wrong: {why}"))
}

#[cfg(test)]
mod tests {
    use super::super::prove_sorted;
    use super::*;
    use crate::state::{FrontierLeaf, IdLeaf, frontier_key};

    fn prove_leaves<L: Leaf>(leaves: &[L], key: u128) -> TrieProof<L> {
        let keys: Vec<u128> = leaves.iter().map(Leaf::key_bits).collect();
        prove_sorted(&keys, |index| leaves[index].clone(), key)
    }

    fn ids(ids: &[u128]) -> Vec<IdLeaf> {
        ids.iter().map(|&id| IdLeaf { id, lamport: 1, event_hash: [9; 32] }).collect()
    }

    fn proof() -> TrieProof<IdLeaf> {
        prove_leaves(&ids(&[1, 2, 3, 9]), 3)
    }

    #[track_caller]
    fn refused(bytes: &[u8], at: u64) {
        let fault = TrieProof::<IdLeaf>::decode(bytes).unwrap_err();
        assert_eq!((fault.code, fault.offset), (FaultCode::ProofMalformed, Some(at)));
    }

    #[test]
    fn bytes_are_what_the_specification_draws() {
        let proof = proof();
        assert_eq!(proof.steps.iter().map(|step| step.0).collect::<Vec<_>>(), [124, 126, 127]);
        let bytes = proof.encode();
        assert_eq!(bytes.len(), 1 + 56 + 1 + 3 * 33);
        assert_eq!((bytes[0], bytes[1], bytes[57], bytes[58], bytes[91]), (1, 3, 3, 124, 126));
        assert_eq!(TrieProof::decode(&bytes), Ok(proof));
        assert_eq!(prove_leaves(&ids(&[]), 3).encode(), [0, 0]);
    }

    #[test]
    fn each_deviation_from_the_one_encoding_is_refused_at_its_place() {
        let bytes = proof().encode();
        let edited = |at: usize, value: u8| {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            bytes
        };
        refused(&edited(0, 2), 0);
        refused(&edited(57, 129), 57);
        refused(&edited(57, 4), 58);
        refused(&edited(57, 2), 58 + 66);
        refused(&edited(91, 124), 91);
        refused(&edited(91 + 33, 128), 91 + 33);
        refused(&[bytes.as_slice(), &[0]].concat(), bytes.len() as u64);
        refused(&[0, 1], 1);
        refused(&[0], 1);
        refused(&[], 0);
        for end in 0..bytes.len() {
            let at = [0, 1, 57, 58].into_iter().rfind(|start| *start <= end).unwrap_or_default();
            refused(&bytes[..end], at as u64);
        }
    }

    #[test]
    fn a_step_past_a_shorter_key_is_refused() {
        let frontier = |node| FrontierLeaf {
            node,
            stream: 0xFFFF,
            lamport: 1,
            id: 1,
            event_hash: [1; 32],
            linked: true,
        };
        let mut bytes = prove_leaves(&[frontier(2), frontier(3)], frontier_key(2, 0)).encode();
        assert_eq!(bytes[65], 31);
        bytes[65] = 47;
        assert!(TrieProof::<FrontierLeaf>::decode(&bytes).is_ok());
        bytes[65] = 48;
        assert!(TrieProof::<FrontierLeaf>::decode(&bytes).is_err());
        bytes[65] = 31;
        bytes[63] = 2;
        let fault = TrieProof::<FrontierLeaf>::decode(&bytes).unwrap_err();
        assert_eq!(fault.offset, Some(63), "linked is 0 or 1");
    }

    #[test]
    fn a_count_that_does_not_fit_the_walk_is_refused() {
        let leaves = ids(&[1, 2, 3, 9]);
        let root = super::super::root_of_sorted(leaves.iter().map(|leaf| (leaf.id, leaf.hash())));
        assert!(proof().verify(&root, 4, 3).is_ok());
        for count in 0..4 {
            assert_eq!(proof().verify(&root, count, 3).unwrap_err().code, FaultCode::ProofWrong);
        }
        let empty = hash::TRIE_EMPTY.hash(b"");
        let none = prove_leaves(&ids(&[]), 3);
        assert_eq!(none.verify(&empty, 0, 3), Ok(None));
        assert!(none.verify(&empty, 1, 3).is_err());
        assert!(none.verify(&root, 0, 3).is_err());
        let one = prove_leaves(&ids(&[1]), 3);
        let root = ids(&[1])[0].hash();
        assert_eq!(one.verify(&root, 1, 3), Ok(None));
        assert!(one.verify(&root, 0, 3).is_err());
        assert!(one.verify(&root, 2, 3).is_err());
    }

    #[test]
    fn a_leaf_on_the_wrong_side_is_refused_even_under_a_root_made_for_it() {
        let (leaf, sibling) = (ids(&[2])[0], [7; 32]);
        let root = branch_hash(127, &sibling, &leaf.hash());
        let proof = TrieProof { leaf: Some(leaf), steps: alloc::vec![(127, sibling)] };
        for key in [2, 3] {
            assert_eq!(proof.verify(&root, 2, key).unwrap_err().code, FaultCode::ProofWrong);
        }
    }

    #[test]
    fn a_bit_that_the_key_does_not_have_is_refused_even_under_a_root_made_for_it() {
        let (leaf, sibling) = (ids(&[2])[0], [7; 32]);
        for bit in [128, 255] {
            let root = branch_hash(bit, &leaf.hash(), &sibling);
            let proof = TrieProof { leaf: Some(leaf), steps: alloc::vec![(bit as u8, sibling)] };
            assert_eq!(proof.verify(&root, 2, 2).unwrap_err().code, FaultCode::ProofWrong);
        }
    }

    #[test]
    fn unordered_steps_are_refused_even_under_a_root_made_for_them() {
        // A "trie" that branches at bit 127 above bit 126: nobody's set has that shape.
        let leaf = ids(&[3])[0];
        let sibling = [7; 32];
        let low = branch_hash(126, &sibling, &leaf.hash());
        let root = branch_hash(127, &sibling, &low);
        let proof = TrieProof { leaf: Some(leaf), steps: alloc::vec![(127, sibling), (126, sibling)] };
        assert_eq!(proof.verify(&root, 3, 3).unwrap_err().code, FaultCode::ProofWrong);
    }
}
