//! The library's own lanes, as wide as the machine has them: [`blake3::platform`], which is public but
//! not promised to stay. The version is pinned exactly.

use alloc::vec::Vec;

use blake3::IncrementCounter;
use blake3::platform::{MAX_SIMD_DEGREE, Platform};

use super::{BLOCK, Block, CHUNK, CHUNK_END, CHUNK_START, Hashing, ROOT, bytes, words};
use crate::hash::{Domain, Hash};

pub fn hash_messages(hashing: Hashing<'_>, messages: &[&[u8]], out: &mut [Hash]) {
    let mut lanes = Lanes::new(hashing);
    // By number of whole blocks; the whole message where that is all of it.
    let mut by_blocks: Vec<(u32, u32)> =
        (0u32..).zip(messages).map(|(at, m)| ((m.len() / BLOCK) as u32, at)).collect();
    by_blocks.sort_unstable();
    for same in by_blocks.chunk_by(|a, b| a.0 == b.0) {
        for same in same.chunks(MAX_SIMD_DEGREE) {
            lanes.hash_same(same[0].0 as usize, same.iter().map(|&(_, at)| at as usize), messages, out);
        }
    }
}

pub fn hash_blocks(domain: &Domain, blocks: &[Block], out: &mut Vec<Hash>) {
    let mut lanes = Lanes::new(Hashing::Keyed(domain));
    for blocks in blocks.chunks(MAX_SIMD_DEGREE) {
        let mut inputs = [&blocks[0]; MAX_SIMD_DEGREE];
        inputs.iter_mut().zip(blocks).for_each(|(input, block)| *input = block);
        out.extend(lanes.many(&inputs[..blocks.len()], CHUNK_END | ROOT));
    }
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
        let (key, flags) = hashing.key_and_flags();
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
                    _ => places.for_each(|at| out[at] = self.hashing.hash(messages[at])),
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
        places.filter(|&at| messages[at].len() > CHUNK).for_each(|at| {
            out[at] = self.hashing.hash(messages[at]);
        });
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
}
