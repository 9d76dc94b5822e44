//! Many hashes side by side in SIMD lanes.
//!
//! On WebAssembly the lanes are ours, four of them; elsewhere they are the library's, as many as the
//! machine has. Tests hold every result of both against the library's promised interface.

use alloc::vec::Vec;

use crate::hash::{Domain, Hash};

#[cfg(any(not(target_arch = "wasm32"), test))]
mod library;
#[cfg(any(target_arch = "wasm32", test))]
mod quad;

#[cfg(not(target_arch = "wasm32"))]
use library as lanes;
#[cfg(target_arch = "wasm32")]
use quad as lanes;

/// One BLAKE3 block.
pub type Block = [u8; BLOCK];

/// Messages hashed together: enough that most share their number of blocks with others.
pub const GROUP: usize = 64;

const BLOCK: usize = 64;
/// Bytes in a chunk. Longer messages are trees, in which BLAKE3 fills its lanes alone.
const CHUNK: usize = 1024;

// Flags of a compression (BLAKE3 paper, table 3).
const CHUNK_START: u8 = 1;
const CHUNK_END: u8 = 1 << 1;
const ROOT: u8 = 1 << 3;
const KEYED_HASH: u8 = 1 << 4;

/// The initial chaining value of unkeyed hashes (BLAKE3 paper, table 1).
const IV: [u32; 8] =
    [0x6A09_E667, 0xBB67_AE85, 0x3C6E_F372, 0xA54F_F53A, 0x510E_527F, 0x9B05_688C, 0x1F83_D9AB, 0x5BE0_CD19];

/// How messages are hashed.
#[derive(Debug, Clone, Copy)]
pub enum Hashing<'d> {
    /// Plain BLAKE3.
    Plain,
    /// `H_x`.
    Keyed(&'d Domain),
}

impl Hashing<'_> {
    /// What a compression starts from, and the flags that all of them have.
    fn key_and_flags(self) -> ([u32; 8], u8) {
        match self {
            Hashing::Plain => (IV, 0),
            Hashing::Keyed(domain) => (words(&domain.key), KEYED_HASH),
        }
    }

    /// The hash of one message, without lanes.
    fn hash(self, message: &[u8]) -> Hash {
        match self {
            Hashing::Plain => crate::hash::plain(message),
            Hashing::Keyed(domain) => domain.hash(message),
        }
    }
}

/// Hash of each message, in order.
pub fn hash_messages(hashing: Hashing<'_>, messages: &[&[u8]]) -> Vec<Hash> {
    let mut out = alloc::vec![[0; 32]; messages.len()];
    lanes::hash_messages(hashing, messages, &mut out);
    out
}

/// `H_x` of each block, in order, appended to `out`.
pub fn hash_blocks(domain: &Domain, blocks: &[Block], out: &mut Vec<Hash>) {
    lanes::hash_blocks(domain, blocks, out);
}

/// `H_x(left ‖ right)` of each pair of neighbours, in order, appended to `out`. An odd last hash is
/// left out.
pub fn hash_pairs(domain: &Domain, hashes: &[Hash], out: &mut Vec<Hash>) {
    hash_blocks(domain, hashes.as_flattened().as_chunks::<64>().0, out);
}

fn words(hash: &Hash) -> [u32; 8] {
    let mut words = [0; 8];
    for (word, bytes) in words.iter_mut().zip(hash.as_chunks::<4>().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    words
}

#[cfg(any(not(target_arch = "wasm32"), test))]
fn bytes(words: &[u32; 8]) -> Hash {
    let mut hash = [0; 32];
    for (bytes, word) in hash.as_chunks_mut::<4>().0.iter_mut().zip(words) {
        *bytes = word.to_le_bytes();
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash;

    #[test]
    fn lanes_give_the_library_s_hashes() {
        let blocks: Vec<Block> = (0..40u8).map(|n| core::array::from_fn(|at| n ^ at as u8)).collect();
        for count in 0..=blocks.len() {
            for hash_blocks in [library::hash_blocks, quad::hash_blocks] {
                let mut out = Vec::from([[7; 32]]);
                hash_blocks(&hash::MERKLE_NODE, &blocks[..count], &mut out);
                let expected = blocks[..count].iter().map(|block| hash::MERKLE_NODE.hash(block));
                assert_eq!(out[1..], expected.collect::<Vec<_>>());
            }
        }
        let hashes = [[1; 32], [2; 32], [3; 32]];
        let mut out = Vec::new();
        hash_pairs(&hash::MERKLE_NODE, &hashes, &mut out);
        assert_eq!(out, [hash::MERKLE_NODE.pair(&hashes[0], &hashes[1])]);
    }

    #[test]
    fn messages_of_every_length_and_company_have_the_library_s_hashes() {
        let bytes: Vec<u8> = (0..5000u32).map(|n| ((n * n) >> 3) as u8).collect();
        let every: Vec<&[u8]> =
            (0..=1100).chain([2047, 2048, 4999]).map(|len| &bytes[5000 - len..]).collect();
        // Repeated, so that groups of one length overflow the lanes; and each alone.
        let many: Vec<&[u8]> =
            (0..40).flat_map(|_| [&bytes[..256], &bytes[..155], &bytes[1..65], &bytes[..0]]).collect();
        for messages in [&every[..], &many[..], &[]].into_iter().chain(every.chunks(1)) {
            let plain: Vec<Hash> = messages.iter().map(|message| hash::plain(message)).collect();
            let keyed: Vec<Hash> = messages.iter().map(|message| hash::EVENT.hash(message)).collect();
            for hash_messages in [library::hash_messages, quad::hash_messages] {
                for (hashing, expected) in [(Hashing::Plain, &plain), (Hashing::Keyed(&hash::EVENT), &keyed)]
                {
                    let mut out = alloc::vec![[7; 32]; messages.len()];
                    hash_messages(hashing, messages, &mut out);
                    assert_eq!(out, *expected);
                }
            }
        }
    }
}
