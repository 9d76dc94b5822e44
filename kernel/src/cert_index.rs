//! `cert.idx` and `cert.hash`: what is derived from a `cert.log`, as bytes.
//!
//! Neither is ever believed: they save reading the whole log, and are rebuilt from it where they are
//! missing, damaged or behind.

use alloc::vec::Vec;

use crate::bytes::{Reader, Writer};
use crate::cert_log::{HEADER_BYTES, wrong_header};
use crate::crc::crc32;
use crate::fault::{Fault, FaultCode};
use crate::hash::Hash;

/// Header of `cert.idx`: magic, version 1, zeros.
pub const INDEX_HEADER: [u8; HEADER_BYTES] = *b"\x89OMI\r\n\x1a\n\x01\0\0\0\0\0\0\0";
/// Bytes of an entry of `cert.idx`.
pub const INDEX_ENTRY_BYTES: usize = 24;
/// Bytes of `cert.hash`.
pub const SUMMARY_BYTES: usize = 112;

const SUMMARY_HEADER: [u8; HEADER_BYTES] = *b"\x89OMH\r\n\x1a\n\x01\0\0\0\0\0\0\0";

/// An entry of `cert.idx`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexEntry {
    /// Id of the certificate.
    pub id: u128,
    /// Offset of its record in `cert.log`.
    pub offset: u64,
}

impl IndexEntry {
    /// The packed entry.
    pub fn encode(&self) -> [u8; INDEX_ENTRY_BYTES] {
        let mut out = [0; INDEX_ENTRY_BYTES];
        out[..16].copy_from_slice(&self.id.to_le_bytes());
        out[16..].copy_from_slice(&self.offset.to_le_bytes());
        out
    }
}

/// Reads a whole `cert.idx`.
///
/// # Errors
/// `certificate-version-unknown` or `certificate-log-damaged`: rebuild it from `cert.log`.
pub fn decode_index(bytes: &[u8]) -> Result<Vec<IndexEntry>, Fault> {
    let mut from = Reader::new(bytes);
    check_header(&mut from, &INDEX_HEADER, "cert.idx")?;
    let mut entries = Vec::with_capacity(from.remaining() / INDEX_ENTRY_BYTES);
    while from.remaining() > 0 {
        let entry = from.u128("an id").and_then(|id| Ok(IndexEntry { id, offset: from.u64("an offset")? }));
        entries.push(entry.map_err(|what| Fault::malformed(FaultCode::CertLogDamaged, what))?);
    }
    Ok(entries)
}

/// What `cert.hash` says of a `cert.log`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Records of either kind.
    pub record_count: u64,
    /// Whole bytes, header included.
    pub log_len: u64,
    /// Height of the last certificate; 0 where there is none.
    pub height: u64,
    /// Chain hash of the last certificate; zero where there is none.
    pub chain_hash: Hash,
    /// Rolling hash over the records.
    pub rolling: Hash,
}

impl Summary {
    /// The packed file.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.put(&SUMMARY_HEADER).u64(self.record_count).u64(self.log_len).u64(self.height);
        out.put(&self.chain_hash).put(&self.rolling);
        let crc = crc32(&out.bytes);
        out.u32(crc).u32(0);
        out.bytes
    }

    /// Reads the whole file.
    ///
    /// # Errors
    /// As [`decode_index`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let mut from = Reader::new(bytes);
        check_header(&mut from, &SUMMARY_HEADER, "cert.hash")?;
        let read = |from: &mut Reader<'_>| {
            Ok(Summary {
                record_count: from.u64("the count of records")?,
                log_len: from.u64("the log's length")?,
                height: from.u64("the height")?,
                chain_hash: from.array("the chain hash")?,
                rolling: from.array("the rolling hash")?,
            })
        };
        let summary = read(&mut from).map_err(|what| Fault::malformed(FaultCode::CertLogDamaged, what))?;
        if summary.encode() != bytes {
            return Err(Fault::new(FaultCode::CertLogDamaged, "the checksum of cert.hash is wrong"));
        }
        Ok(summary)
    }
}

fn check_header(from: &mut Reader<'_>, expected: &[u8; HEADER_BYTES], file: &str) -> Result<(), Fault> {
    let found = from.array::<HEADER_BYTES>("the header");
    let found = found.map_err(|what| Fault::malformed(FaultCode::CertLogDamaged, what))?;
    if found == *expected { Ok(()) } else { Err(wrong_header(&found, expected, file)) }
}
