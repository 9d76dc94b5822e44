//! CRC-32 (ISO-HDLC, as in RFC 1952, section 8).
//!
//! Natively the library's, which has an instruction for it. WebAssembly has none, and a table entry
//! for each byte costs as much there as hashing the event; so what is not short goes in rows of 16 bytes
//! ([`rows`]). What those leave goes through tables that are small, because nothing can pack them.

mod rows;

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
    if cfg!(all(target_arch = "wasm32", target_feature = "simd128"))
        && rest.len() >= rows::FEWEST_BYTES
        && whole_words
    {
        return rows::crc32_of_frame(start, rest);
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

/// [`update`] with a table, byte by byte: a second table would take a kilobyte more to download, and little less time.
fn tabled(mut register: u32, bytes: &[u8]) -> u32 {
    for byte in bytes {
        register = register >> 8 ^ REGISTERS[usize::from(register as u8 ^ byte)];
    }
    register
}

/// The register behind a byte, for each of its values.
static REGISTERS: [u32; 256] = {
    let mut registers = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        registers[byte] = register_behind(byte as u32, 0);
        byte += 1;
    }
    registers
};

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
