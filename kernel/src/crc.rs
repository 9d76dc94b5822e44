//! CRC-32 (ISO-HDLC, as in RFC 1952, section 8).
//!
//! Natively the library's, which has an instruction for it. WebAssembly has none, and a table entry
//! for each byte costs as much there as hashing the event; so long inputs are folded 16 bytes at a
//! time. What a byte adds to the checksum is linear: it may be replaced by the four bytes, 16 places
//! on, that add the same. Those depend on the byte alone, not on its place, and come from tables of
//! half a byte that fit into a vector each. What is left goes through tables that are small, because
//! nothing can pack them.

use crate::simd::Vector;

/// Inputs shorter than this are not worth folding.
const SHORT: usize = 64;

/// Messages are so many bytes, or a multiple.
const WORD: usize = 8;

/// The polynomial, its bits reversed.
const POLYNOMIAL: u32 = 0xEDB8_8320;

/// CRC-32 of some bytes.
pub fn crc32(bytes: &[u8]) -> u32 {
    !update(!0, bytes)
}

/// CRC-32 of four bytes and what follows them.
pub fn crc32_of_frame(start: &[u8; 4], rest: &[u8]) -> u32 {
    let whole_words = rest.len().is_multiple_of(WORD);
    if cfg!(all(target_arch = "wasm32", target_feature = "simd128")) && rest.len() >= SHORT && whole_words {
        return folded(start, rest);
    }
    !update(update(!0, start), rest)
}

/// The register behind some more bytes.
#[cfg(not(target_arch = "wasm32"))]
fn update(register: u32, bytes: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new_with_initial(!register);
    crc.update(bytes);
    !crc.finalize()
}

#[cfg(target_arch = "wasm32")]
use tabled as update;

/// [`update`] with tables, two bytes at a time.
fn tabled(mut register: u32, bytes: &[u8]) -> u32 {
    let (pairs, rest) = bytes.as_chunks::<2>();
    for pair in pairs {
        let [a, b] = (register as u16 ^ u16::from_le_bytes(*pair)).to_le_bytes();
        register = register >> 16 ^ REGISTERS[1][usize::from(a)] ^ REGISTERS[0][usize::from(b)];
    }
    for byte in rest {
        register = register >> 8 ^ REGISTERS[0][usize::from(register as u8 ^ byte)];
    }
    register
}

/// By number of zeros behind a byte: the register behind them, for each value of the byte.
static REGISTERS: [[u32; 256]; 2] = {
    let mut registers = [[0; 256]; 2];
    let mut at = 0;
    while at < 2 * 256 {
        registers[at / 256][at % 256] = register_behind((at % 256) as u32, at / 256);
        at += 1;
    }
    registers
};

/// The same for at least [`SHORT`] bytes, in whole [`WORD`]s.
fn folded(start: &[u8; 4], bytes: &[u8]) -> u32 {
    let (word, rows) = bytes.split_at(bytes.len() % 16);
    // Zeros before a message add nothing: the first row is filled with them. CRCs start from a register
    // of ones, and a register is what to add to the next four bytes.
    let first = !u32::from_le_bytes(*start);
    let mut fold = Fold::from(Vector::from_words(match word.as_chunks::<4>().0 {
        [a, b] => [0, first, u32::from_le_bytes(*a), u32::from_le_bytes(*b)],
        _ => [0, 0, 0, first],
    }));
    // Eight at a time: where a loop turns, engines look whether to go on, and set all vectors aside.
    let (eights, few) = rows.as_chunks::<16>().0.as_chunks::<8>();
    for [a, b, c, d, e, f, g, h] in eights {
        fold.take(a);
        fold.take(b);
        fold.take(c);
        fold.take(d);
        fold.take(e);
        fold.take(f);
        fold.take(g);
        fold.take(h);
    }
    few.iter().for_each(|row| fold.take(row));
    let [a, b, c, d, ..] = fold.carried().store();
    !(tabled(0, &fold.row.store()) ^ u32::from_le_bytes([a, b, c, d]))
}

/// Rows of 16 bytes, folded into the last of them.
#[derive(Clone, Copy)]
struct Fold {
    row: Vector,
    /// What stands for the row before: the second, third and fourth of each byte's four bytes. Their
    /// last ones belong to the row that comes next.
    before: [Vector; 3],
}

impl Fold {
    fn from(row: Vector) -> Self {
        Fold { row, before: [Vector::splat(0); 3] }
    }

    #[inline(always)]
    fn take(&mut self, next: &[u8; 16]) {
        let (low, high) = (self.row.low_nibbles(), self.row.high_nibbles());
        let [first, second, third, fourth]: [Vector; 4] = core::array::from_fn(|byte| {
            let table = |half: usize| Vector::load(&TABLES[half][byte]);
            low.look_up(table(0)).xor(high.look_up(table(1)))
        });
        let near = first.xor(second.shift_in::<1>(self.before[0]));
        let far = third.shift_in::<2>(self.before[1]).xor(fourth.shift_in::<3>(self.before[2]));
        self.row = Vector::load(next).xor(near.xor(far));
        self.before = [second, third, fourth];
    }

    /// What belongs to the row that comes next, apart from what the last one adds.
    fn carried(&self) -> Vector {
        let none = Vector::splat(0);
        let [second, third, fourth] = self.before;
        none.shift_in::<1>(second).xor(none.shift_in::<2>(third)).xor(none.shift_in::<3>(fourth))
    }
}

/// By half of a byte (low, high) and place among the four bytes: entry for each value of the half.
const TABLES: [[[u8; 16]; 4]; 2] = tables();

const fn tables() -> [[[u8; 16]; 4]; 2] {
    let mut tables = [[[0; 16]; 4]; 2];
    let mut value = 0;
    while value < 16 {
        let (low, high) = (register_behind(value, 15), register_behind(value << 4, 15));
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

/// The register behind a byte and some zeros.
const fn register_behind(byte: u32, zeros: usize) -> u32 {
    let mut register = byte;
    let mut bit = 0;
    while bit < 8 * (1 + zeros) {
        register = if register & 1 == 1 { register >> 1 ^ POLYNOMIAL } else { register >> 1 };
        bit += 1;
    }
    register
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn folding_gives_the_library_s_checksum_at_every_length() {
        let bytes: Vec<u8> = (0..3000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for length in (SHORT..600).step_by(WORD).chain([1024, 2992, 3000]) {
            for start in [[0; 4], *b"1234", [255; 4]] {
                let rest = &bytes[bytes.len() - length..];
                let expected = crc32fast::hash(&[&start, rest].concat());
                assert_eq!(folded(&start, rest), expected, "{length}");
            }
        }
    }

    #[test]
    fn every_bit_is_folded() {
        for length in [196, 204, 340, 348] {
            for bit in 0..8 * length {
                let mut bytes = vec![0u8; length];
                bytes[bit / 8] = 1 << (bit % 8);
                let (start, rest) = bytes.split_first_chunk().unwrap();
                assert_eq!(folded(start, rest), crc32fast::hash(&bytes), "bit {bit}");
            }
        }
    }

    #[test]
    fn a_frame_of_any_length_has_the_library_s_checksum() {
        let bytes: Vec<u8> = (0..300u32).map(|n| ((n * n) >> 3) as u8).collect();
        for length in 0..bytes.len() {
            let whole = crc32fast::hash(&[b"1234", &bytes[..length]].concat());
            assert_eq!(crc32_of_frame(b"1234", &bytes[..length]), whole, "{length}");
        }
    }

    #[test]
    fn tables_give_the_library_s_checksum_at_every_length() {
        let bytes: Vec<u8> = (0..70u8).map(|n| n.wrapping_mul(181) ^ 90).collect();
        for length in 0..bytes.len() {
            assert_eq!(!tabled(!0, &bytes[..length]), crc32fast::hash(&bytes[..length]));
        }
    }

    #[test]
    fn the_standard_s_check_value() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32_of_frame(b"1234", b"56789"), 0xCBF4_3926);
    }
}
