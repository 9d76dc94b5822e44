//! `cert.log`: the append-only file that certificates are kept in, as bytes.
//!
//! This is the codec alone: header, records, torn tails and the rolling hash. It refuses to know files,
//! locks and the order of fsync, and it does not read the certificates.

use alloc::format;
use alloc::vec::Vec;

use crate::body::index;
use crate::bytes::{Reader, Writer};
use crate::certificate::MAX_CERTIFICATE_BYTES;
use crate::crc::crc32_of_frame;
use crate::fault::{Fault, FaultCode};
use crate::hash::{self, Hash};
use crate::limits::MAX_TAIL_SEARCH_BYTES;
use crate::signature::SignatureRecord;

/// Bytes of the header of `cert.log` and of the files derived from it.
pub const HEADER_BYTES: usize = 16;
/// Header of `cert.log`: magic, version 1, zeros.
pub const LOG_HEADER: [u8; HEADER_BYTES] = *b"\x89OML\r\n\x1a\n\x01\0\0\0\0\0\0\0";

const KIND_CERTIFICATE: u8 = 1;
const KIND_CO_SIGNATURE: u8 = 2;
/// Length and checksum.
const PREFIX_BYTES: usize = 8;
/// The kind and its padding, which the length counts.
const KIND_BYTES: usize = 8;

/// What a record holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record<'a> {
    /// A certificate's bytes, not read yet.
    Certificate(&'a [u8]),
    /// A signature that came after its certificate was appended.
    CoSignature {
        /// Chain hash of the certificate, which stands earlier in the log.
        chain_hash: Hash,
        /// The signature.
        signature: SignatureRecord,
    },
}

impl Record<'_> {
    /// Appends the framed record to a log's bytes.
    ///
    /// # Errors
    /// `limit-exceeded` where the certificate is longer than any can be.
    pub fn append(&self, log: &mut Vec<u8>) -> Result<(), Fault> {
        let mut content = Writer::new();
        match self {
            Record::Certificate(bytes) => content.put(&[KIND_CERTIFICATE, 0, 0, 0, 0, 0, 0, 0]).put(bytes),
            Record::CoSignature { chain_hash, .. } => {
                content.put(&[KIND_CO_SIGNATURE, 0, 0, 0, 0, 0, 0, 0]).put(chain_hash)
            }
        };
        if let Record::CoSignature { signature, .. } = self {
            signature.write(&mut content);
        }
        let len = u32::try_from(content.bytes.len()).ok().filter(|&len| plausible(len)).ok_or_else(|| {
            Fault::new(FaultCode::LimitExceeded, "a record that is longer than any certificate")
        })?;
        let mut out = Writer::new();
        out.u32(len).u32(checksum(len, &content.bytes)).put(&content.bytes);
        out.bytes.resize(out.bytes.len().next_multiple_of(8), 0);
        log.extend_from_slice(&out.bytes);
        Ok(())
    }
}

/// A record and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Offset of its first byte in the log.
    pub offset: u64,
    /// All its bytes, prefix and padding included: what [`Rolling`] takes.
    pub framed: &'a [u8],
    /// What it holds.
    pub record: Record<'a>,
}

/// Bytes after the last whole record that an append left which did not finish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TornTail {
    /// Offset of its first byte: what a recovered log is cut to.
    pub offset: u64,
    /// Bytes that are dropped.
    pub len: u64,
}

/// Reads a whole log in memory, record by record. After the last item, [`Records::tail`] tells
/// whether an unfinished append follows.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    log: &'a [u8],
    at: usize,
    tail: Option<TornTail>,
    failed: bool,
}

impl<'a> Records<'a> {
    /// Starts at the first record. A log that ends within its header, and so far has the right
    /// bytes, has no records and a torn tail from byte 0 on; an empty one has neither.
    ///
    /// # Errors
    /// `certificate-version-unknown` for a newer version, `certificate-log-damaged` otherwise.
    pub fn new(log: &'a [u8]) -> Result<Self, Fault> {
        let header = &log[..log.len().min(HEADER_BYTES)];
        if !LOG_HEADER.starts_with(header) {
            return Err(wrong_header(header, &LOG_HEADER, "cert.log"));
        }
        let mut records = Records { log, at: header.len(), tail: None, failed: false };
        if (1..HEADER_BYTES).contains(&header.len()) {
            records.tail = Some(TornTail { offset: 0, len: header.len() as u64 });
        }
        Ok(records)
    }

    /// The unfinished append, known once the iterator has ended.
    pub fn tail(&self) -> Option<TornTail> {
        self.tail
    }

    /// Bytes that are whole: where the next append begins.
    pub fn whole_len(&self) -> u64 {
        self.tail.map_or(self.at as u64, |tail| tail.offset)
    }

    fn read(&mut self) -> Result<Option<Entry<'a>>, Fault> {
        let rest = &self.log[self.at..];
        let offset = self.at as u64;
        match frame(rest) {
            Framing::Whole { content, framed } => {
                let record =
                    read_record(content).map_err(|fault| fault.within(offset + PREFIX_BYTES as u64))?;
                self.at += framed.len();
                Ok(Some(Entry { offset, framed, record }))
            }
            Framing::PastEnd if !record_follows(rest) => {
                self.tail = Some(TornTail { offset, len: rest.len() as u64 });
                Ok(None)
            }
            Framing::PastEnd | Framing::Damaged => {
                let message = "length, checksum or padding of a record is wrong";
                Err(Fault::new(FaultCode::CertLogDamaged, message).at(offset))
            }
        }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Entry<'a>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.tail.is_some() || self.at == self.log.len() {
            return None;
        }
        let item = self.read().transpose();
        self.failed = matches!(item, Some(Err(_)));
        item
    }
}

/// The bytes at the start of a record's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing<'a> {
    /// A record whose length, checksum and padding are right.
    Whole {
        /// Kind and bytes: what [`read_record`] takes.
        content: &'a [u8],
        /// Prefix and padding included: what [`Rolling`] takes.
        framed: &'a [u8],
    },
    /// The record would end after the last byte.
    PastEnd,
    /// Length, checksum or padding is wrong.
    Damaged,
}

/// Looks for one record at the start of the bytes. For hosts that read a log piece by piece; with a
/// log in memory, use [`Records`].
pub fn frame(bytes: &[u8]) -> Framing<'_> {
    let mut from = Reader::new(bytes);
    let Ok(len) = from.u32("a length") else { return Framing::PastEnd };
    if !plausible(len) {
        return Framing::Damaged;
    }
    let Ok(crc) = from.u32("a checksum") else { return Framing::PastEnd };
    let Ok(content) = from.take(index(len), "the content") else { return Framing::PastEnd };
    let Ok(padding) = from.take(content.len().next_multiple_of(8) - content.len(), "the padding") else {
        return Framing::PastEnd;
    };
    if crc != checksum(len, content) || padding.iter().any(|&byte| byte != 0) {
        return Framing::Damaged;
    }
    Framing::Whole { content, framed: &bytes[..from.at()] }
}

/// Whether a valid record starts at a later 8-byte boundary: then nothing is torn, a length is
/// wrong. Only made-up bytes hold so many places that look like one that the search gives up; it
/// then says damage too, which drops nothing.
fn record_follows(rest: &[u8]) -> bool {
    let mut budget = MAX_TAIL_SEARCH_BYTES;
    for start in (8..rest.len()).step_by(8) {
        let candidate = &rest[start..];
        let Ok(len) = Reader::new(candidate).u32("a length") else { return false };
        if !plausible(len) || index(len) > candidate.len() {
            continue;
        }
        if matches!(frame(candidate), Framing::Whole { .. }) {
            return true;
        }
        match budget.checked_sub(u64::from(len)) {
            Some(left) => budget = left,
            None => return true,
        }
    }
    false
}

/// Whether an append could have written this length.
pub fn plausible(len: u32) -> bool {
    index(len) > KIND_BYTES && len <= MAX_CERTIFICATE_BYTES + KIND_BYTES as u32
}

fn checksum(len: u32, content: &[u8]) -> u32 {
    crc32_of_frame(&len.to_le_bytes(), content)
}

/// Reads the content of a whole record.
///
/// # Errors
/// `certificate-log-damaged`: the checksum fits, so a newer version wrote it, or nobody honest.
pub fn read_record(content: &[u8]) -> Result<Record<'_>, Fault> {
    let malformed = |what| Fault::malformed(FaultCode::CertLogDamaged, what);
    let mut from = Reader::new(content);
    let here = from.malformed("record kind 1 or 2 and seven zero bytes");
    match from.array("a record kind").map_err(malformed)? {
        [KIND_CERTIFICATE, 0, 0, 0, 0, 0, 0, 0] => Ok(Record::Certificate(&content[KIND_BYTES..])),
        [KIND_CO_SIGNATURE, 0, 0, 0, 0, 0, 0, 0] => {
            let chain_hash = from.array("a chain hash").map_err(malformed)?;
            let signature = SignatureRecord::read(&mut from).map_err(malformed)?;
            from.end().map_err(malformed)?;
            Ok(Record::CoSignature { chain_hash, signature })
        }
        _ => Err(malformed(here)),
    }
}

/// The rolling hash over a log: `R_0 = H_CERT_LOG(header)`, `R_i = H_CERT_LOG(R_{i-1} ‖ record i)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rolling(Hash);

impl Rolling {
    /// Of a log without records.
    pub fn start() -> Self {
        Rolling(hash::CERT_LOG.hash(&LOG_HEADER))
    }

    /// Of a log whose hash was stored.
    pub fn resume(hash: Hash) -> Self {
        Rolling(hash)
    }

    /// Takes one more record, prefix and padding included.
    pub fn push(&mut self, framed: &[u8]) {
        let mut bytes = Vec::with_capacity(32 + framed.len());
        bytes.extend_from_slice(&self.0);
        bytes.extend_from_slice(framed);
        self.0 = hash::CERT_LOG.hash(&bytes);
    }

    /// The hash so far.
    pub fn hash(&self) -> Hash {
        self.0
    }
}

/// Why a file's first bytes are not the expected header.
pub(crate) fn wrong_header(found: &[u8], expected: &[u8; HEADER_BYTES], file: &str) -> Fault {
    let newer = found.len() >= 10
        && found[..8] == expected[..8]
        && u16::from_le_bytes([found[8], found[9]]) > u16::from_le_bytes([expected[8], expected[9]]);
    if newer {
        let message = format!("the {file} was written by a newer version");
        return Fault::new(FaultCode::CertVersion, message).at(8);
    }
    Fault::new(FaultCode::CertLogDamaged, format!("the bytes do not start like a {file}")).at(0)
}
