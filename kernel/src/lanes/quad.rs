//! Four lanes of 128-bit vectors (BLAKE3 paper, sections 2.2 and 5.3): one vector holds one word of
//! four messages' states, so that a compression of four blocks costs as many steps as one of a
//! single block.

use alloc::vec::Vec;

use super::{BLOCK, Block, CHUNK, CHUNK_END, CHUNK_START, Hashing, IV, ROOT};
use crate::hash::{Domain, Hash};
use crate::simd::Vector;

const LANES: usize = 4;
/// Most blocks in a message that goes through lanes.
const MOST_BLOCKS: usize = CHUNK / BLOCK;

pub fn hash_messages(hashing: Hashing<'_>, messages: &[&[u8]], out: &mut [Hash]) {
    let quad = Quad::new(hashing);
    // Messages wait for others with as many blocks.
    let mut waiting = [Waiting::default(); MOST_BLOCKS + 1];
    for (at, message) in messages.iter().enumerate() {
        if message.len() > CHUNK {
            out[at] = hashing.hash(message);
            continue;
        }
        let blocks = message.len().div_ceil(BLOCK).max(1);
        if let Some(places) = waiting[blocks].join(at) {
            let hashes = quad.hash(blocks, places.map(|at| messages[at]));
            places.iter().zip(hashes).for_each(|(&at, hash)| out[at] = hash);
        }
    }
    for (blocks, waiting) in waiting.iter().enumerate().filter(|(_, waiting)| waiting.count > 0) {
        let hashes = quad.hash(blocks, waiting.places.map(|at| messages[at]));
        waiting.places[..waiting.count].iter().zip(hashes).for_each(|(&at, hash)| out[at] = hash);
    }
}

pub fn hash_blocks(domain: &Domain, blocks: &[Block], out: &mut Vec<Hash>) {
    let quad = Quad::new(Hashing::Keyed(domain));
    let (fours, rest) = blocks.as_chunks::<LANES>();
    for four in fours {
        out.extend(quad.hash(1, core::array::from_fn(|lane| &four[lane][..])));
    }
    if !rest.is_empty() {
        let hashes = quad.hash(1, core::array::from_fn(|lane| &rest[lane.min(rest.len() - 1)][..]));
        out.extend(&hashes[..rest.len()]);
    }
}

/// Places of messages with one number of blocks; those past `count` repeat a message.
#[derive(Debug, Clone, Copy, Default)]
struct Waiting {
    places: [usize; LANES],
    count: usize,
}

impl Waiting {
    /// Adds a message; all of them once there are four, and then there are none.
    fn join(&mut self, at: usize) -> Option<[usize; LANES]> {
        self.places[self.count..].fill(at);
        self.count = (self.count + 1) % LANES;
        (self.count == 0).then_some(self.places)
    }
}

struct Quad {
    key: [Vector; 8],
    flags: u8,
}

impl Quad {
    fn new(hashing: Hashing<'_>) -> Self {
        let (key, flags) = hashing.key_and_flags();
        Quad { key: key.map(Vector::splat), flags }
    }

    /// Hashes of four messages of so many blocks, 1 to 16; the last may be short.
    fn hash(&self, blocks: usize, messages: [&[u8]; LANES]) -> [Hash; LANES] {
        let mut value = self.key;
        for block in 0..blocks - 1 {
            let whole = messages.map(|message| {
                let bytes = message.get(block * BLOCK..).and_then(|rest| rest.first_chunk());
                bytes.unwrap_or(&[0; BLOCK])
            });
            let flags = if block == 0 { CHUNK_START } else { 0 };
            value = compress(&value, whole, Vector::splat(BLOCK as u32), self.flags | flags);
        }
        let rest = messages.map(|message| message.get((blocks - 1) * BLOCK..).unwrap_or(&[]));
        let flags = if blocks == 1 { CHUNK_START | CHUNK_END | ROOT } else { CHUNK_END | ROOT };
        let lengths = Vector::from_words(rest.map(|rest| rest.len() as u32));
        let mut filled = [[0; BLOCK]; LANES];
        let mut last = [&[0; BLOCK]; LANES];
        for ((last, rest), filled) in last.iter_mut().zip(rest).zip(&mut filled) {
            *last = match rest.first_chunk() {
                Some(whole) => whole,
                None => {
                    filled[..rest.len()].copy_from_slice(rest);
                    filled
                }
            };
        }
        hashes(&compress(&value, last, lengths, self.flags | flags))
    }
}

/// The compression function, cut to the chaining value: no block of a message of one chunk has
/// another counter than 0.
fn compress(value: &[Vector; 8], blocks: [&Block; LANES], lengths: Vector, flags: u8) -> [Vector; 8] {
    let m = words_of(blocks);
    let [a, b, c, d, e, f, g, h] = *value;
    let iv = |word: usize| Vector::splat(IV[word]);
    let (zero, flags) = (Vector::splat(0), Vector::splat(flags.into()));
    let mut v = [a, b, c, d, e, f, g, h, iv(0), iv(1), iv(2), iv(3), zero, zero, lengths, flags];
    round::<0>(&mut v, &m);
    round::<1>(&mut v, &m);
    round::<2>(&mut v, &m);
    round::<3>(&mut v, &m);
    round::<4>(&mut v, &m);
    round::<5>(&mut v, &m);
    round::<6>(&mut v, &m);
    core::array::from_fn(|word| v[word].xor(v[word + 8]))
}

/// Which word of the message goes where in each round: each round is the one before, permuted.
const SCHEDULE: [[usize; 16]; 7] = {
    const PERMUTATION: [usize; 16] = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
    let mut schedule = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]; 7];
    let mut round = 1;
    while round < 7 {
        let mut word = 0;
        while word < 16 {
            schedule[round][word] = schedule[round - 1][PERMUTATION[word]];
            word += 1;
        }
        round += 1;
    }
    schedule
};

#[inline(always)]
fn round<const R: usize>(v: &mut [Vector; 16], m: &[Vector; 16]) {
    let m = |word: usize| m[SCHEDULE[R][word]];
    mix(v, [0, 4, 8, 12], m(0), m(1));
    mix(v, [1, 5, 9, 13], m(2), m(3));
    mix(v, [2, 6, 10, 14], m(4), m(5));
    mix(v, [3, 7, 11, 15], m(6), m(7));
    mix(v, [0, 5, 10, 15], m(8), m(9));
    mix(v, [1, 6, 11, 12], m(10), m(11));
    mix(v, [2, 7, 8, 13], m(12), m(13));
    mix(v, [3, 4, 9, 14], m(14), m(15));
}

#[inline(always)]
fn mix(v: &mut [Vector; 16], [a, b, c, d]: [usize; 4], x: Vector, y: Vector) {
    v[a] = v[a].add(v[b]).add(x);
    v[d] = v[d].xor(v[a]).turn::<16>();
    v[c] = v[c].add(v[d]);
    v[b] = v[b].xor(v[c]).turn::<12>();
    v[a] = v[a].add(v[b]).add(y);
    v[d] = v[d].xor(v[a]).turn::<8>();
    v[c] = v[c].add(v[d]);
    v[b] = v[b].xor(v[c]).turn::<7>();
}

/// Word by word the words of four blocks.
#[inline(always)]
fn words_of(blocks: [&Block; LANES]) -> [Vector; 16] {
    let quarter = |at: usize| turned(blocks.map(|block| Vector::load(&block.as_chunks::<16>().0[at])));
    let [a, b, c, d] = [quarter(0), quarter(1), quarter(2), quarter(3)];
    [a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3], c[0], c[1], c[2], c[3], d[0], d[1], d[2], d[3]]
}

/// The hashes of the four lanes.
fn hashes(v: &[Vector; 8]) -> [Hash; LANES] {
    let (low, high) = (turned([v[0], v[1], v[2], v[3]]), turned([v[4], v[5], v[6], v[7]]));
    core::array::from_fn(|lane| {
        let mut hash = [0; 32];
        let [first, second] = hash.as_chunks_mut::<16>().0 else { return hash };
        low[lane].store(first);
        high[lane].store(second);
        hash
    })
}

/// Rows become columns.
#[inline(always)]
fn turned([a, b, c, d]: [Vector; 4]) -> [Vector; 4] {
    let (ab, cd) = (a.zip_low(b), c.zip_low(d));
    let (ab_high, cd_high) = (a.zip_high(b), c.zip_high(d));
    [ab.low_halves(cd), ab.high_halves(cd), ab_high.low_halves(cd_high), ab_high.high_halves(cd_high)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_wait_until_there_are_four() {
        let mut waiting = Waiting::default();
        for places in [[5, 6, 7, 8], [9, 1, 2, 3]] {
            let [first, second, third, last] = places;
            assert_eq!([first, second, third].map(|at| waiting.join(at)), [None; 3]);
            assert_eq!(waiting.count, 3);
            assert_eq!(waiting.join(last), Some(places));
            assert_eq!(waiting.count, 0);
        }
    }
}
