//! A record, read. The bytes are the kernel's business (`omega_kernel::cert_log`).

use omega_kernel::cert_log;
use omega_kernel::certificate::{BODY_OFFSET, MAGIC};
use omega_kernel::hash::{CERT_CHAIN, Hash};
use omega_kernel::signature::SignatureRecord;

/// One record of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A certificate, as stored bytes.
    Certificate(Vec<u8>),
    /// A signature that was added to an earlier certificate.
    CoSignature {
        /// Of the certificate.
        chain_hash: Hash,
        /// The signature.
        signature: SignatureRecord,
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

/// What a log needs to know of a certificate, read at fixed places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its id.
    pub id: u128,
    /// Its height.
    pub height: u64,
    /// Its chain hash.
    pub chain_hash: Hash,
}

impl Place {
    /// Of a certificate's bytes; none where they are none.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let body_len = u32::from_le_bytes(bytes.get(12..16)?.try_into().ok()?);
        let signed = bytes.get(..BODY_OFFSET.checked_add(body_len as usize)?)?;
        Some(Place {
            id: u128::from_le_bytes(bytes.get(16..32)?.try_into().ok()?),
            height: u64::from_le_bytes(bytes.get(169..177)?.try_into().ok()?),
            chain_hash: bytes.starts_with(&MAGIC).then(|| CERT_CHAIN.hash(signed))?,
        })
    }
}

impl Record {
    /// A certificate's id, height and chain hash; none for a co-signature.
    pub fn place(&self) -> Option<Place> {
        match self {
            Record::Certificate(bytes) => Place::of(bytes),
            Record::CoSignature { .. } => None,
        }
    }

    /// Reads a record's content, whose checksum fits; the error says what is wrong with it.
    pub fn decode(content: &[u8]) -> Result<Self, &'static str> {
        match cert_log::read_record(content) {
            Ok(cert_log::Record::Certificate(bytes)) if Place::of(bytes).is_some() => {
                Ok(Record::Certificate(bytes.to_vec()))
            }
            Ok(cert_log::Record::Certificate(_)) => Err("the record holds no certificate"),
            Ok(cert_log::Record::CoSignature { chain_hash, signature }) => {
                Ok(Record::CoSignature { chain_hash, signature })
            }
            Err(_) => Err("the record is of a kind that only a newer version may have written"),
        }
    }
}
