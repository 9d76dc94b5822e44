//! A vector of 128 bits: the one place that names WebAssembly's vector instructions.
//!
//! On every other target the same operations are plain arithmetic, which is how tests reach them.
//! What uses them is held against a library: [`crate::lanes`] against `blake3`, [`crate::crc`]
//! against `crc32fast`.

pub use vector::Vector;

impl Vector {
    /// Its sixteen bytes.
    #[inline(always)]
    pub fn bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        self.store(&mut bytes);
        bytes
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[allow(
    unsafe_code,
    reason = "vectors are read and written at once, not in pieces, which engines put through other registers"
)]
mod vector {
    use core::arch::wasm32::{
        i8x16_swizzle, i32x4, i32x4_add, i32x4_shl, i32x4_shuffle, i32x4_splat, u8x16_shr, u8x16_shuffle,
        u8x16_splat, u32x4, u32x4_shr, v128, v128_and, v128_load, v128_or, v128_store, v128_xor,
    };

    /// Four numbers of 32 bits, or sixteen bytes, little-endian.
    #[derive(Debug, Clone, Copy)]
    pub struct Vector(v128);

    impl Vector {
        /// Zeros.
        pub const ZERO: Self = Vector(u32x4(0, 0, 0, 0));

        #[inline(always)]
        pub fn splat(word: u32) -> Self {
            Vector(i32x4_splat(word as i32))
        }

        #[inline(always)]
        pub fn from_words([a, b, c, d]: [u32; 4]) -> Self {
            Vector(i32x4(a as i32, b as i32, c as i32, d as i32))
        }

        #[inline(always)]
        pub fn load(bytes: &[u8; 16]) -> Self {
            // SAFETY: sixteen bytes can be read, and need no alignment.
            Vector(unsafe { v128_load(bytes.as_ptr().cast()) })
        }

        #[inline(always)]
        pub fn store(self, bytes: &mut [u8; 16]) {
            // SAFETY: sixteen bytes can be written, and need no alignment.
            unsafe { v128_store(bytes.as_mut_ptr().cast(), self.0) }
        }

        #[inline(always)]
        pub fn xor(self, other: Self) -> Self {
            Vector(v128_xor(self.0, other.0))
        }

        /// Sums of the four numbers, without carry.
        #[inline(always)]
        pub fn add(self, other: Self) -> Self {
            Vector(i32x4_add(self.0, other.0))
        }

        /// Each of the four numbers turned right by `N` bits: 7, 8, 12 or 16.
        #[inline(always)]
        pub fn turn<const N: u32>(self) -> Self {
            let Vector(v) = self;
            Vector(match N {
                8 => u8x16_shuffle::<1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12>(v, v),
                16 => u8x16_shuffle::<2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13>(v, v),
                _ => v128_or(u32x4_shr(v, N), i32x4_shl(v, 32 - N)),
            })
        }

        /// Of two vectors each the first and second number, taking turns.
        #[inline(always)]
        pub fn zip_low(self, other: Self) -> Self {
            Vector(i32x4_shuffle::<0, 4, 1, 5>(self.0, other.0))
        }

        /// Of two vectors each the third and fourth number, taking turns.
        #[inline(always)]
        pub fn zip_high(self, other: Self) -> Self {
            Vector(i32x4_shuffle::<2, 6, 3, 7>(self.0, other.0))
        }

        /// The first half of both vectors.
        #[inline(always)]
        pub fn low_halves(self, other: Self) -> Self {
            Vector(i32x4_shuffle::<0, 1, 4, 5>(self.0, other.0))
        }

        /// The second half of both vectors.
        #[inline(always)]
        pub fn high_halves(self, other: Self) -> Self {
            Vector(i32x4_shuffle::<2, 3, 6, 7>(self.0, other.0))
        }

        /// The low four bits of each byte.
        #[inline(always)]
        pub fn low_nibbles(self) -> Self {
            Vector(v128_and(self.0, u8x16_splat(15)))
        }

        /// The high four bits of each byte.
        #[inline(always)]
        pub fn high_nibbles(self) -> Self {
            Vector(u8x16_shr(self.0, 4))
        }

        /// The bytes moved up by `N` places; the last ones of `before` come in below.
        #[inline(always)]
        pub fn shift_in<const N: usize>(self, before: Self) -> Self {
            let (Vector(v), Vector(b)) = (self, before);
            /// Sixteen bytes of two vectors, from a place in the first one on.
            macro_rules! from {
                ($at:literal) => {
                    u8x16_shuffle::<
                        $at,
                        { $at + 1 },
                        { $at + 2 },
                        { $at + 3 },
                        { $at + 4 },
                        { $at + 5 },
                        { $at + 6 },
                        { $at + 7 },
                        { $at + 8 },
                        { $at + 9 },
                        { $at + 10 },
                        { $at + 11 },
                        { $at + 12 },
                        { $at + 13 },
                        { $at + 14 },
                        { $at + 15 },
                    >(b, v)
                };
            }
            const { assert!(matches!(N, 1 | 2 | 3 | 5 | 12 | 13 | 14 | 15), "nothing else is asked for") };
            Vector(match N {
                1 => from!(15),
                2 => from!(14),
                3 => from!(13),
                5 => from!(11),
                12 => from!(4),
                14 => from!(2),
                15 => from!(1),
                _ => from!(3),
            })
        }

        /// Each byte's entry in a table. Bytes are below 16.
        #[inline(always)]
        pub fn look_up(self, table: Self) -> Self {
            Vector(i8x16_swizzle(table.0, self.0))
        }
    }
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
#[cfg_attr(not(test), allow(dead_code, reason = "lanes use it in tests; there the library has better ones"))]
mod vector {
    use core::array::from_fn;

    /// Four numbers of 32 bits, or sixteen bytes, little-endian.
    #[derive(Debug, Clone, Copy)]
    pub struct Vector([u32; 4]);

    impl Vector {
        pub const ZERO: Self = Vector([0; 4]);

        #[inline(always)]
        pub fn splat(word: u32) -> Self {
            Vector([word; 4])
        }

        #[inline(always)]
        pub fn from_words(words: [u32; 4]) -> Self {
            Vector(words)
        }

        #[inline(always)]
        pub fn load(bytes: &[u8; 16]) -> Self {
            Vector(from_fn(|at| u32::from_le_bytes(bytes.as_chunks::<4>().0[at])))
        }

        #[inline(always)]
        pub fn store(self, bytes: &mut [u8; 16]) {
            *bytes = from_fn(|at| self.0[at / 4].to_le_bytes()[at % 4]);
        }

        #[inline(always)]
        pub fn xor(self, other: Self) -> Self {
            Vector(from_fn(|at| self.0[at] ^ other.0[at]))
        }

        #[inline(always)]
        pub fn add(self, other: Self) -> Self {
            Vector(from_fn(|at| self.0[at].wrapping_add(other.0[at])))
        }

        #[inline(always)]
        pub fn turn<const N: u32>(self) -> Self {
            Vector(self.0.map(|word| word.rotate_right(N)))
        }

        #[inline(always)]
        pub fn zip_low(self, other: Self) -> Self {
            Vector([self.0[0], other.0[0], self.0[1], other.0[1]])
        }

        #[inline(always)]
        pub fn zip_high(self, other: Self) -> Self {
            Vector([self.0[2], other.0[2], self.0[3], other.0[3]])
        }

        #[inline(always)]
        pub fn low_halves(self, other: Self) -> Self {
            Vector([self.0[0], self.0[1], other.0[0], other.0[1]])
        }

        #[inline(always)]
        pub fn high_halves(self, other: Self) -> Self {
            Vector([self.0[2], self.0[3], other.0[2], other.0[3]])
        }

        #[inline(always)]
        pub fn low_nibbles(self) -> Self {
            Vector(self.0.map(|word| word & 0x0F0F_0F0F))
        }

        #[inline(always)]
        pub fn high_nibbles(self) -> Self {
            Vector(self.0.map(|word| word >> 4 & 0x0F0F_0F0F))
        }

        #[inline(always)]
        pub fn shift_in<const N: usize>(self, before: Self) -> Self {
            let (bytes, before) = (self.bytes(), before.bytes());
            Vector::load(&from_fn(|at| if at < N { before[16 - N + at] } else { bytes[at - N] }))
        }

        #[inline(always)]
        pub fn look_up(self, table: Self) -> Self {
            let (bytes, table) = (self.bytes(), table.bytes());
            Vector::load(&bytes.map(|byte| table[usize::from(byte)]))
        }
    }
}
