//! Records of the certificate log as bytes.
//!
//! ```text
//! log     header 16 ‖ record …
//! header  89 4F 4D 4C 0D 0A 1A 0A ‖ version u16 = 1 ‖ 6 zero
//! record  len u32 ‖ crc32 u32 ‖ kind u8 ‖ 7 zero ‖ bytes ‖ zero to the next multiple of 8
//! ```
//!
//! `len` counts kind, zeros and bytes, not the padding. The CRC-32 (ISO-HDLC) covers the four
//! length bytes and everything that `len` counts. Kind 1 is a certificate, kind 2 a co-signature:
//! chain hash 32 ‖ signature record 98.

use omega_kernel::hash::Hash;
use omega_kernel::limits::{MAX_BODY_BYTES, MAX_SIGNATURES};

use crate::failure::{Failure, HostCode};

/// The log's first bytes.
pub(super) const HEADER: [u8; 16] = *b"\x89OML\r\n\x1a\n\x01\0\0\0\0\0\0\0";
/// Bytes before a record's content: length and checksum.
pub(super) const HEAD_BYTES: u64 = 8;
/// A certificate up to its body.
const CERTIFICATE_HEAD_BYTES: usize = 321;
/// Bytes of a co-signature.
pub const COSIGNATURE_BYTES: usize = 32 + 98;
/// Bytes of the longest record's content: the longest certificate and the kind.
pub const MAX_RECORD_BYTES: u32 =
    8 + CERTIFICATE_HEAD_BYTES as u32 + MAX_BODY_BYTES + 2 + 98 * MAX_SIGNATURES as u32;

const CERTIFICATE_MAGIC: &[u8; 8] = b"\x89OMC\r\n\x1a\n";
const CERTIFICATE: u8 = 1;
const COSIGNATURE: u8 = 2;

/// One record of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A certificate, as stored bytes.
    Certificate(Vec<u8>),
    /// A signature that was added to an earlier certificate.
    CoSignature {
        /// Of the certificate.
        chain_hash: Hash,
        /// The signature record.
        signature: [u8; COSIGNATURE_BYTES - 32],
    },
}

/// A record and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Byte offset in the log.
    pub offset: u64,
    /// The record.
    pub record: Record,
}

impl Record {
    /// A certificate's id and height, read at their fixed places; none for a co-signature.
    pub fn id_and_height(&self) -> Option<(u128, u64)> {
        let Record::Certificate(bytes) = self else { return None };
        let id = bytes.get(16..32)?.try_into().ok()?;
        let height = bytes.get(169..177)?.try_into().ok()?;
        Some((u128::from_le_bytes(id), u64::from_le_bytes(height)))
    }

    /// The whole record, padded. Error: `store-damaged` for what is no certificate or too long.
    pub(super) fn encode(&self) -> Result<Vec<u8>, Failure> {
        let refused = |why: &str| Failure::new(HostCode::StoreDamaged, format!("not stored: {why}"));
        let mut content = Vec::new();
        match self {
            Record::Certificate(bytes) => {
                if bytes.len() < CERTIFICATE_HEAD_BYTES || !bytes.starts_with(CERTIFICATE_MAGIC) {
                    return Err(refused("these bytes are no certificate"));
                }
                content.extend_from_slice(&[CERTIFICATE, 0, 0, 0, 0, 0, 0, 0]);
                content.extend_from_slice(bytes);
            }
            Record::CoSignature { chain_hash, signature } => {
                content.extend_from_slice(&[COSIGNATURE, 0, 0, 0, 0, 0, 0, 0]);
                content.extend_from_slice(chain_hash);
                content.extend_from_slice(signature);
            }
        }
        let length = u32::try_from(content.len()).ok().filter(|&length| length <= MAX_RECORD_BYTES);
        let length = length.ok_or_else(|| refused("the certificate is longer than a record may be"))?;
        let mut out = Vec::with_capacity(content.len() + 16);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&checksum(length, &content).to_le_bytes());
        out.extend_from_slice(&content);
        out.resize(out.len().next_multiple_of(8), 0);
        Ok(out)
    }

    /// Reads a record's content, whose checksum fits; the error says what is wrong with it.
    pub(super) fn decode(content: &[u8]) -> Result<Self, &'static str> {
        let (kind, bytes) = content.split_at_checked(8).ok_or("the record has no kind")?;
        if kind[1..] != [0; 7] {
            return Err("the record has bytes after its kind that a newer version may have written");
        }
        match kind[0] {
            CERTIFICATE if bytes.len() >= CERTIFICATE_HEAD_BYTES && bytes.starts_with(CERTIFICATE_MAGIC) => {
                Ok(Record::Certificate(bytes.to_vec()))
            }
            CERTIFICATE => Err("the record holds no certificate"),
            COSIGNATURE => {
                let (chain_hash, signature) = bytes.split_at_checked(32).ok_or("the co-signature is cut")?;
                Ok(Record::CoSignature {
                    chain_hash: chain_hash.try_into().map_err(|_| "the co-signature is cut")?,
                    signature: signature.try_into().map_err(|_| "the co-signature has the wrong length")?,
                })
            }
            _ => Err("the record is of a kind that a newer version may have written"),
        }
    }
}

/// CRC-32 over the length's four bytes and the content.
pub(super) fn checksum(length: u32, content: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&length.to_le_bytes());
    crc.update(content);
    crc.finalize()
}
