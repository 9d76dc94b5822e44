//! Little-endian reading and writing of packed structures.
//!
//! The reader never panics and never allocates by a length it has not checked: every count is held
//! against the bytes that remain.

use alloc::vec::Vec;

/// Where a packed structure ended too early or held what it must not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed {
    /// Byte offset in the structure.
    pub at: u64,
    /// What was expected there.
    pub expected: &'static str,
}

/// Reads fixed-width little-endian fields in order.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes, at: 0 }
    }

    /// Offset of the next byte.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Bytes that are left.
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The error for a wrong value at the current place.
    pub fn malformed(&self, expected: &'static str) -> Malformed {
        Malformed { at: self.at as u64, expected }
    }

    /// The next `count` bytes.
    // Never inlined, like [`Writer::put`]: they stand in hundreds of places, few of which are hot.
    #[inline(never)]
    pub fn take(&mut self, count: usize, expected: &'static str) -> Result<&'a [u8], Malformed> {
        if count > self.remaining() {
            return Err(self.malformed(expected));
        }
        let part = &self.bytes[self.at..self.at + count];
        self.at += count;
        Ok(part)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self, expected: &'static str) -> Result<[u8; N], Malformed> {
        let part = self.take(N, expected)?;
        let mut out = [0u8; N];
        out.copy_from_slice(part);
        Ok(out)
    }

    /// One byte.
    pub fn u8(&mut self, expected: &'static str) -> Result<u8, Malformed> {
        Ok(self.array::<1>(expected)?[0])
    }

    /// Two bytes.
    pub fn u16(&mut self, expected: &'static str) -> Result<u16, Malformed> {
        Ok(u16::from_le_bytes(self.array(expected)?))
    }

    /// Four bytes.
    pub fn u32(&mut self, expected: &'static str) -> Result<u32, Malformed> {
        Ok(u32::from_le_bytes(self.array(expected)?))
    }

    /// Eight bytes.
    pub fn u64(&mut self, expected: &'static str) -> Result<u64, Malformed> {
        Ok(u64::from_le_bytes(self.array(expected)?))
    }

    /// Sixteen bytes.
    pub fn u128(&mut self, expected: &'static str) -> Result<u128, Malformed> {
        Ok(u128::from_le_bytes(self.array(expected)?))
    }

    /// A byte that must be 0 or 1.
    pub fn flag(&mut self, expected: &'static str) -> Result<bool, Malformed> {
        match self.u8(expected)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed { at: self.at as u64 - 1, expected }),
        }
    }

    /// Fails unless everything was read.
    pub fn end(&self) -> Result<(), Malformed> {
        match self.remaining() {
            0 => Ok(()),
            _ => Err(self.malformed("the end")),
        }
    }
}

/// Appends fixed-width little-endian fields.
#[derive(Debug, Default, Clone)]
pub struct Writer {
    /// What was written so far.
    pub bytes: Vec<u8>,
}

impl Writer {
    /// Starts empty.
    pub fn new() -> Self {
        Writer { bytes: Vec::new() }
    }

    /// Appends bytes as they are.
    #[inline(never)]
    pub fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Appends one byte.
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.put(&[value])
    }

    /// Appends two bytes.
    pub fn u16(&mut self, value: u16) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    /// Appends four bytes.
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    /// Appends eight bytes.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    /// Appends sixteen bytes.
    pub fn u128(&mut self, value: u128) -> &mut Self {
        self.put(&value.to_le_bytes())
    }
}
