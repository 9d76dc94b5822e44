//! Many hashes side by side in SIMD lanes.
//!
//! Lanes take inputs of the same number of whole blocks. A message's whole blocks go through lanes
//! with those of others; a last block that is not whole is compressed on its own. The lanes are
//! BLAKE3's own ([`blake3::platform`], which is public but not promised to stay: the version is
//! pinned exactly). Tests hold every result against the promised interface.

use alloc::vec::Vec;

use blake3::IncrementCounter;
use blake3::platform::{MAX_SIMD_DEGREE, Platform};

use crate::hash::{Domain, Hash};

/// One BLAKE3 block.
pub type Block = [u8; 64];

/// Messages hashed together: enough that most share their number of blocks with fifteen others.
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

/// Hash of each message, in order.
pub fn hash_messages(hashing: Hashing<'_>, messages: &[&[u8]]) -> Vec<Hash> {
    let mut lanes = Lanes::new(hashing);
    let mut out = alloc::vec![[0; 32]; messages.len()];
    // By number of whole blocks; the whole message where that is all of it.
    let mut by_blocks: Vec<(u32, u32)> =
        (0u32..).zip(messages).map(|(at, m)| ((m.len() / BLOCK) as u32, at)).collect();
    by_blocks.sort_unstable();
    for same in by_blocks.chunk_by(|a, b| a.0 == b.0) {
        for same in same.chunks(MAX_SIMD_DEGREE) {
            lanes.hash_same(same[0].0 as usize, same.iter().map(|&(_, at)| at as usize), messages, &mut out);
        }
    }
    out
}

/// `H_x` of each block, in order, appended to `out`.
pub fn hash_blocks(domain: &Domain, blocks: &[Block], out: &mut Vec<Hash>) {
    let mut lanes = Lanes::new(Hashing::Keyed(domain));
    for blocks in blocks.chunks(MAX_SIMD_DEGREE) {
        let mut inputs = [&blocks[0]; MAX_SIMD_DEGREE];
        inputs.iter_mut().zip(blocks).for_each(|(input, block)| *input = block);
        out.extend(lanes.many(&inputs[..blocks.len()], CHUNK_END | ROOT));
    }
}

/// `H_x(left ‖ right)` of each pair of neighbours, in order, appended to `out`. An odd last hash is
/// left out.
pub fn hash_pairs(domain: &Domain, hashes: &[Hash], out: &mut Vec<Hash>) {
    hash_blocks(domain, hashes.as_flattened().as_chunks::<64>().0, out);
}

struct Lanes<'d> {
    platform: Platform,
    hashing: Hashing<'d>,
    key: [u32; 8],
    flags: u8,
    hashes: [u8; 32 * MAX_SIMD_DEGREE],
}

impl<'d> Lanes<'d> {
    fn new(hashing: Hashing<'d>) -> Self {
        let (key, flags) = match hashing {
            Hashing::Plain => (IV, 0),
            Hashing::Keyed(domain) => (words(&domain.key), KEYED_HASH),
        };
        Lanes { platform: Platform::detect(), hashing, key, flags, hashes: [0; 32 * MAX_SIMD_DEGREE] }
    }

    /// Hashes the messages at these places, all of which have so many whole blocks.
    fn hash_same(
        &mut self,
        blocks: usize,
        places: impl Iterator<Item = usize> + Clone,
        messages: &[&[u8]],
        out: &mut [Hash],
    ) {
        macro_rules! in_lanes {
            ($($count:literal)*) => {
                match blocks {
                    $($count => self.in_lanes::<{ $count * BLOCK }>(places, messages, out),)*
                    _ => places.for_each(|at| out[at] = self.alone(messages[at])),
                }
            };
        }
        in_lanes!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16);
    }

    /// `N` is the length of the whole blocks.
    fn in_lanes<const N: usize>(
        &mut self,
        places: impl Iterator<Item = usize> + Clone,
        messages: &[&[u8]],
        out: &mut [Hash],
    ) {
        let none = [0; N];
        let mut inputs = [&none; MAX_SIMD_DEGREE];
        // A message that ends with a whole block is hashed to its end; the others stop before it.
        for ends in [true, false] {
            let same =
                places.clone().filter(|&at| (messages[at].len() == N) == ends && messages[at].len() <= CHUNK);
            let mut count = 0;
            for at in same.clone() {
                inputs[count] = messages[at].first_chunk().unwrap_or(&none);
                count += 1;
            }
            let last = if ends { CHUNK_END | ROOT } else { 0 };
            let hashes: [Hash; MAX_SIMD_DEGREE] = {
                let mut hashes = [[0; 32]; MAX_SIMD_DEGREE];
                hashes.iter_mut().zip(self.many(&inputs[..count], last)).for_each(|(to, from)| *to = from);
                hashes
            };
            for (at, hash) in same.zip(&hashes) {
                out[at] = if ends { *hash } else { self.last_block(hash, &messages[at][N..]) };
            }
        }
        places.filter(|&at| messages[at].len() > CHUNK).for_each(|at| out[at] = self.alone(messages[at]));
    }

    fn many<const N: usize>(&mut self, inputs: &[&[u8; N]], last: u8) -> impl Iterator<Item = Hash> {
        let hashes = &mut self.hashes[..32 * inputs.len()];
        let no = IncrementCounter::No;
        self.platform.hash_many(inputs, &self.key, 0, no, self.flags, CHUNK_START, last, hashes);
        hashes.as_chunks::<32>().0.iter().copied()
    }

    /// Compresses a last block that is not whole, behind the blocks that gave `before`.
    fn last_block(&self, before: &Hash, rest: &[u8]) -> Hash {
        let mut block = [0; BLOCK];
        block[..rest.len()].copy_from_slice(rest);
        let mut value = words(before);
        let flags = self.flags | CHUNK_END | ROOT;
        self.platform.compress_in_place(&mut value, &block, rest.len() as u8, 0, flags);
        bytes(&value)
    }

    fn alone(&self, message: &[u8]) -> Hash {
        match self.hashing {
            Hashing::Plain => crate::hash::plain(message),
            Hashing::Keyed(domain) => domain.hash(message),
        }
    }
}

fn words(hash: &Hash) -> [u32; 8] {
    let mut words = [0; 8];
    for (word, bytes) in words.iter_mut().zip(hash.as_chunks::<4>().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    words
}

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
            assert_eq!(hash_messages(Hashing::Plain, messages), plain);
            let keyed: Vec<Hash> = messages.iter().map(|message| hash::EVENT.hash(message)).collect();
            assert_eq!(hash_messages(Hashing::Keyed(&hash::EVENT), messages), keyed);
        }
    }
}
