//! What `reconcile` hands to `certify`: a verdict's body with what it is bound to, not yet signed.
//!
//! ```text
//! 0    8  magic                           64   4  checker version
//! 8    2  version, 1                      68   4  schema version
//! 10   1  1: the component judged         72  32  schema hash
//!         0: its source, run natively     104 32  predicate hash
//! 11   5  zero                            136  4  length of the body
//! 16   8  batch id                        140     the body
//! 24   8  replay seed                          4  CRC-32 of all before
//! 32  32  kernel hash
//! ```
//!
//! The checksum finds accidents only: a result proves nothing. Whoever signs it without the logs
//! vouches for where it came from.

use std::path::Path;

use omega_kernel::bytes::{Malformed, Reader, Writer};
use omega_kernel::certificate::Binding;
use omega_kernel::limits::MAX_BODY_BYTES;

pub use omega_verify::kind::RESULT_MAGIC as MAGIC;

use crate::failure::{Failure, HostCode};
use crate::files;
use crate::outputs::Kind;

const VERSION: u16 = 1;
const FIXED_BYTES: u64 = 140;

/// An unsigned verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultFile {
    /// Of the batch.
    pub batch_id: u64,
    /// Schedule of the run.
    pub replay_seed: u64,
    /// Whether the component itself judged; natively run source may be vouched for by nobody.
    pub by_component: bool,
    /// Kernel, schema and catalog.
    pub binding: Binding,
    /// `core_len ‖ core ‖ observations_len ‖ observations`.
    pub body: Vec<u8>,
}

impl ResultFile {
    /// Reads a result. Errors: those of reading; `result-invalid` with the offset.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let cap = FIXED_BYTES + u64::from(MAX_BODY_BYTES) + 4;
        let bytes = files::read_small(path, cap, "a result")?;
        Self::decode(&bytes).map_err(|failure| failure.file(path))
    }

    /// The result that these bytes, all of them, are.
    pub fn decode(bytes: &[u8]) -> Result<Self, Failure> {
        Self::parse(bytes).map_err(|what| {
            let message =
                format!("the result file is damaged: expected {} at byte {}", what.expected, what.at);
            let mut failure = Failure::new(HostCode::ResultInvalid, message)
                .hint("Run `omega reconcile` again to make it anew.");
            failure.offset = Some(what.at);
            failure
        })
    }

    fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let malformed = |at: usize, expected| Malformed { at: at as u64, expected };
        let Some((content, crc)) = bytes.split_last_chunk::<4>() else {
            return Err(malformed(0, "a result"));
        };
        let mut from = Reader::new(content);
        if from.array::<8>("a result's magic")? != MAGIC {
            return Err(malformed(0, "a result's magic"));
        }
        if from.u16("a version")? != VERSION {
            return Err(malformed(8, "version 1"));
        }
        if crc32fast::hash(content).to_le_bytes() != *crc {
            return Err(malformed(content.len(), "the checksum of the bytes before"));
        }
        let by_component = from.flag("0 or 1")?;
        if from.array::<5>("zero")? != [0; 5] {
            return Err(malformed(11, "zero"));
        }
        let (batch_id, replay_seed) = (from.u64("a batch id")?, from.u64("a replay seed")?);
        let binding = Binding::read(&mut from)?;
        let body_len = from.u32("the body's length")?;
        let body = from.take(body_len as usize, "the body")?.to_vec();
        from.end()?;
        Ok(ResultFile { batch_id, replay_seed, by_component, binding, body })
    }

    /// The result's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.put(&MAGIC).u16(VERSION).u8(u8::from(self.by_component)).put(&[0; 5]);
        out.u64(self.batch_id).u64(self.replay_seed);
        self.binding.write(&mut out);
        out.u32(self.body.len() as u32).put(&self.body);
        let crc = crc32fast::hash(&out.bytes);
        out.u32(crc);
        out.bytes
    }

    /// Writes the result, whole or not at all.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        files::write_whole(path, Kind::Result, &self.encode())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result() -> ResultFile {
        let binding = Binding {
            kernel_hash: [1; 32],
            checker_version: 2,
            schema_version: 3,
            schema_hash: [4; 32],
            predicate_hash: [5; 32],
        };
        ResultFile { batch_id: 6, replay_seed: 7, by_component: true, binding, body: vec![8; 9] }
    }

    #[test]
    fn a_result_is_read_as_it_was_written() {
        let bytes = result().encode();
        assert_eq!(bytes.len() as u64, FIXED_BYTES + 9 + 4);
        assert_eq!(ResultFile::decode(&bytes).unwrap(), result());
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_is_refused() {
        let bytes = result().encode();
        for bit in 0..8 * bytes.len() {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(ResultFile::decode(&damaged).unwrap_err().code.name(), "result-invalid");
        }
        for len in 0..bytes.len() {
            assert!(ResultFile::decode(&bytes[..len]).is_err());
        }
    }
}
