//! Many hashes of one block each, side by side in SIMD lanes.
//!
//! The lanes are BLAKE3's own ([`blake3::platform`], which is public but not promised to stay: the
//! version is pinned exactly). A test holds every result against the promised interface.

use alloc::vec::Vec;

use blake3::IncrementCounter;
use blake3::platform::{MAX_SIMD_DEGREE, Platform};

use crate::hash::{Domain, Hash};

/// One BLAKE3 block.
pub type Block = [u8; 64];

// Flags of a keyed hash of one chunk that is also the root (BLAKE3 paper, table 3).
const KEYED_HASH: u8 = 1 << 4;
const CHUNK_START: u8 = 1;
const CHUNK_END_ROOT: u8 = 1 << 1 | 1 << 3;

/// `H_x` of each block, in order, appended to `out`.
pub fn hash_blocks(domain: &Domain, blocks: &[Block], out: &mut Vec<Hash>) {
    let platform = Platform::detect();
    let key = key_words(&domain.key);
    let mut hashes = [0u8; 32 * MAX_SIMD_DEGREE];
    for blocks in blocks.chunks(MAX_SIMD_DEGREE) {
        let mut inputs = [&blocks[0]; MAX_SIMD_DEGREE];
        for (input, block) in inputs.iter_mut().zip(blocks) {
            *input = block;
        }
        let inputs = &inputs[..blocks.len()];
        let hashes = &mut hashes[..32 * blocks.len()];
        platform.hash_many(
            inputs,
            &key,
            0,
            IncrementCounter::No,
            KEYED_HASH,
            CHUNK_START,
            CHUNK_END_ROOT,
            hashes,
        );
        out.extend(hashes.as_chunks::<32>().0);
    }
}

/// `H_x(left ‖ right)` of each pair of neighbours, in order, appended to `out`. An odd last hash is
/// left out.
pub fn hash_pairs(domain: &Domain, hashes: &[Hash], out: &mut Vec<Hash>) {
    hash_blocks(domain, hashes.as_flattened().as_chunks::<64>().0, out);
}

fn key_words(key: &Hash) -> [u32; 8] {
    let mut words = [0; 8];
    for (word, bytes) in words.iter_mut().zip(key.as_chunks::<4>().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash;

    #[test]
    fn lanes_give_the_library_s_hashes() {
        let blocks: Vec<Block> = (0..40u8).map(|n| core::array::from_fn(|at| n ^ at as u8)).collect();
        for count in 0..=blocks.len() {
            let mut out = Vec::from([[7; 32]]);
            hash_blocks(&hash::MERKLE_NODE, &blocks[..count], &mut out);
            let expected = blocks[..count].iter().map(|block| hash::MERKLE_NODE.hash(block));
            assert_eq!(out[1..], expected.collect::<Vec<_>>());
        }
        let hashes = [[1; 32], [2; 32], [3; 32]];
        let mut out = Vec::new();
        hash_pairs(&hash::MERKLE_NODE, &hashes, &mut out);
        assert_eq!(out, [hash::MERKLE_NODE.pair(&hashes[0], &hashes[1])]);
    }
}
