//! CRC-32 by rows of 16 bytes, in vectors.
//!
//! What a byte adds to a checksum is linear, and depends on how many bytes follow it: it may be replaced by other
//! bytes further on that add the same. Here that is done twice.
//!
//! First each row is *spread*: a byte is replaced by itself, at eight places further on. This needs no table and no
//! look at the byte. A multiple of the polynomial with nine terms says which places: with M(x) also M(x)^8 = M(x^8) is
//! a multiple (squaring is linear over GF(2)), whose terms stand whole bytes apart. Of all with nine terms or fewer whose
//! places lie no nearer than a row and no further than five, this is the only one. It leaves the last five rows.
//!
//! Those are *folded*: a byte is replaced by the four bytes, some rows on, that are the remainder of what it stands
//! for. They depend on the byte alone, not on its place, and come from tables of half a byte that fit into a vector each.

use super::{register_behind, tabled};
use crate::simd::Vector;

/// Rows that bytes are spread over.
const SPREAD: usize = 5;

/// Shorter inputs have too few rows.
pub const FEWEST_BYTES: usize = 16 * (SPREAD + 1);

/// CRC-32 of four bytes and at least [`FEWEST_BYTES`] more, in whole words of eight.
pub fn crc32_of_frame(start: &[u8; 4], bytes: &[u8]) -> u32 {
    let (word, rows) = bytes.split_at(bytes.len() % 16);
    let (rows, last) = rows.as_chunks::<16>().0.split_last_chunk::<SPREAD>().expect("there are more rows");
    // Zeros before a message add nothing: the first row is filled with them. CRCs start from a register
    // of ones, and a register is what to add to the next four bytes.
    let first = !u32::from_le_bytes(*start);
    let first = Vector::from_words(match word.as_chunks::<4>().0 {
        [a, b] => [0, first, u32::from_le_bytes(*a), u32::from_le_bytes(*b)],
        _ => [0, 0, 0, first],
    });
    let mut spread = Spread([Vector::ZERO, Vector::ZERO, Vector::ZERO, Vector::ZERO, first]);
    // Several at a time: where a loop turns, engines look whether to go on, and set all vectors aside.
    let (fives, few) = rows.as_chunks::<5>();
    for [a, b, c, d, e] in fives {
        spread.take(a);
        spread.take(b);
        spread.take(c);
        spread.take(d);
        spread.take(e);
    }
    few.iter().for_each(|row| spread.take(row));
    let [a, b, c, d, e] = last.each_ref().map(|row| spread.keep(row));
    let mut fold = Fold { rows: [a, b], before: Remainders::NONE };
    [c, d, e].into_iter().for_each(|row| fold.take(row));
    fold.finish()
}

/// The last rows, which those behind them are still to take in.
struct Spread([Vector; SPREAD]);

impl Spread {
    /// Takes in the next row.
    #[inline(always)]
    fn take(&mut self, row: &[u8; 16]) {
        let row = self.added_to(row);
        let [_, b, c, d, e] = self.0;
        self.0 = [b, c, d, e, row];
    }

    /// The next row with what the ones before it add, not to be spread itself.
    #[inline(always)]
    fn keep(&mut self, row: &[u8; 16]) -> Vector {
        let row = self.added_to(row);
        let [_, b, c, d, e] = self.0;
        self.0 = [b, c, d, e, Vector::ZERO];
        row
    }

    /// 1 = x^-144 + x^-224 + x^-296 + x^-376 + x^-496 + x^-528 + x^-552 + x^-616, modulo the polynomial: a byte is
    /// replaced by itself 18, 28, 37, 47, 62, 66, 69 and 77 places on.
    #[inline(always)]
    fn added_to(&self, row: &[u8; 16]) -> Vector {
        let [a, b, c, d, e] = self.0;
        let one = e.shift_in::<2>(d).xor(e.shift_in::<12>(d)).xor(d.shift_in::<5>(c));
        let two = d.shift_in::<15>(c).xor(c.shift_in::<14>(b)).xor(b.shift_in::<2>(a));
        let three = b.shift_in::<5>(a).xor(b.shift_in::<13>(a)).xor(Vector::load(row));
        one.xor(two).xor(three)
    }
}

/// Rows that are folded into the last two of them: a row adds to the second one behind it, so that the processor can
/// work on two at a time.
struct Fold {
    rows: [Vector; 2],
    /// What stands for the row before those.
    before: Remainders,
}

/// What stands for a row some places on: the four bytes of each of its bytes.
#[derive(Clone, Copy)]
struct Remainders([Vector; 4]);

impl Fold {
    #[inline(always)]
    fn take(&mut self, next: Vector) {
        let remainders = Remainders::of(self.rows[0], &TWO_ROWS);
        self.rows = [self.rows[1], next.xor(remainders.joined(&self.before))];
        self.before = remainders;
    }

    #[inline(always)]
    fn finish(self) -> u32 {
        let [last_but_one, last] = self.rows;
        let remainders = Remainders::of(last_but_one, &ONE_ROW);
        let [a, b, c, d, ..] = self.before.behind().xor(remainders.behind()).bytes();
        let last = last.xor(remainders.joined(&Remainders::NONE)).bytes();
        !(tabled(0, &last) ^ u32::from_le_bytes([a, b, c, d]))
    }
}

impl Remainders {
    const NONE: Self = Remainders([Vector::ZERO; 4]);

    #[inline(always)]
    fn of(row: Vector, tables: &Tables) -> Self {
        let (low, high) = (row.low_nibbles(), row.high_nibbles());
        Remainders(core::array::from_fn(|byte| {
            let table = |half: usize| Vector::load(&tables[half][byte]);
            low.look_up(table(0)).xor(high.look_up(table(1)))
        }))
    }

    /// What falls into the row so many places on, with the last bytes of the row before, which fall there too.
    #[inline(always)]
    fn joined(&self, before: &Remainders) -> Vector {
        let [first, second, third, fourth] = self.0;
        let near = first.xor(second.shift_in::<1>(before.0[1]));
        near.xor(third.shift_in::<2>(before.0[2]).xor(fourth.shift_in::<3>(before.0[3])))
    }

    /// What falls into the row behind that one.
    #[inline(always)]
    fn behind(&self) -> Vector {
        Remainders::NONE.joined(self)
    }
}

/// By half of a byte (low, high) and place among the four bytes: entry for each value of the half.
type Tables = [[[u8; 16]; 4]; 2];

/// For bytes that are replaced 16 places on.
const ONE_ROW: Tables = tables(16);

/// For bytes that are replaced 32 places on.
const TWO_ROWS: Tables = tables(32);

const fn tables(places: usize) -> Tables {
    let mut tables = [[[0; 16]; 4]; 2];
    let mut value = 0;
    while value < 16 {
        let (low, high) = (register_behind(value, places - 1), register_behind(value << 4, places - 1));
        let (low, high) = (low.to_le_bytes(), high.to_le_bytes());
        let mut byte = 0;
        while byte < 4 {
            tables[0][byte][value as usize] = low[byte];
            tables[1][byte][value as usize] = high[byte];
            byte += 1;
        }
        value += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::super::WORD;
    use super::*;

    #[test]
    fn rows_give_the_library_s_checksum_at_every_length() {
        let bytes: Vec<u8> = (0..3000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for length in (FEWEST_BYTES..600).step_by(WORD).chain([1024, 2992, 3000]) {
            for start in [[0; 4], *b"1234", [255; 4]] {
                let rest = &bytes[bytes.len() - length..];
                let expected = crc32fast::hash(&[&start, rest].concat());
                assert_eq!(crc32_of_frame(&start, rest), expected, "{length}");
            }
        }
    }

    #[test]
    fn every_bit_counts() {
        for length in [196, 204, 340, 348] {
            for bit in 0..8 * length {
                let mut bytes = vec![0u8; length];
                bytes[bit / 8] = 1 << (bit % 8);
                let (start, rest) = bytes.split_first_chunk().unwrap();
                assert_eq!(crc32_of_frame(start, rest), crc32fast::hash(&bytes), "bit {bit}");
            }
        }
    }
}
