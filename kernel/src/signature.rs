//! Signature records: who says what about a certificate.
//!
//! A record is checked here against the chain hash alone. Whether its key and its statement have a
//! place on the certificate is the chain's business (`chain`).

use alloc::format;
use alloc::vec::Vec;

use ed25519_dalek::{Signature, VerifyingKey};

use crate::bytes::{Malformed, Reader, Writer};
use crate::fault::{Fault, FaultCode};
use crate::hash::Hash;
use crate::limits::MAX_SIGNATURES;
use crate::policy::Key;

/// Domain string that a signed message starts with, its final zero byte included.
pub const SIGNATURE_CONTEXT: &[u8; 37] = b"omega-sheaf certificate signature v1\0";

/// Bytes of a packed record.
pub const RECORD_BYTES: usize = 98;

/// Number of the one signature algorithm: Ed25519.
const ED25519: u8 = 1;

/// What a signer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Statement {
    /// "I ran the named kernel on these logs and got this verdict." Verdicts only; counts.
    Judged = 1,
    /// "I stand for this verdict without having judged." Verdicts only; counts.
    Vouched = 2,
    /// "I agree to this genesis, policy or swap." Never on verdicts; counts.
    Approved = 3,
    /// "I have seen this certificate." Never counts; the key may stand outside the policy.
    Witnessed = 4,
}

impl Statement {
    /// The name that people and JSON use.
    pub fn name(self) -> &'static str {
        match self {
            Statement::Judged => "judged",
            Statement::Vouched => "vouched",
            Statement::Approved => "approved",
            Statement::Witnessed => "witnessed",
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        [Statement::Judged, Statement::Vouched, Statement::Approved, Statement::Witnessed]
            .into_iter()
            .find(|&statement| statement as u8 == byte)
    }
}

/// Engines under which a signer who *judged* had the kernel run, each to the same bytes. Empty where
/// the signer does not say. It is the signer's word, like the statement; nothing certified depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Engines(u8);

impl Engines {
    /// Nothing is said of engines.
    pub const UNSTATED: Engines = Engines(0);
    /// The kernel's source, compiled for the machine.
    pub const NATIVE: Engines = Engines(1);
    /// The component, compiled by Cranelift.
    pub const CRANELIFT: Engines = Engines(2);
    /// The component, interpreted by Pulley.
    pub const PULLEY: Engines = Engines(4);
    /// The component, run by V8.
    pub const V8: Engines = Engines(8);

    /// All of them under the names that JSON uses, in the order of their bits.
    pub const NAMED: [(Engines, &'static str); 4] = [
        (Engines::NATIVE, "native"),
        (Engines::CRANELIFT, "cranelift"),
        (Engines::PULLEY, "pulley"),
        (Engines::V8, "v8"),
    ];

    /// These and those.
    #[must_use]
    pub const fn and(self, other: Engines) -> Engines {
        Engines(self.0 | other.0)
    }

    /// Whether all of `other` are among these.
    pub const fn holds(self, other: Engines) -> bool {
        self.0 & other.0 == other.0
    }

    /// A bit for each, in the order of [`Engines::NAMED`].
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Their names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Engines::NAMED.into_iter().filter(move |(engine, _)| self.holds(*engine)).map(|(_, name)| name)
    }
}

/// The byte that is stored and signed: the statement below, engines in the upper half.
fn said(statement: Statement, engines: Engines) -> u8 {
    statement as u8 | engines.0 << 4
}

/// One signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignatureRecord {
    /// What is said.
    pub statement: Statement,
    /// Under which engines; only with [`Statement::Judged`].
    pub engines: Engines,
    /// Ed25519 public key of who says it.
    pub key: Key,
    /// Ed25519 signature over [`message`].
    pub signature: [u8; 64],
}

impl SignatureRecord {
    /// Verifies the record over a certificate's chain hash, strictly: no small-order keys, no second
    /// form of one signature (RFC 8032, section 5.1.7, and "Taming the many EdDSAs").
    ///
    /// # Errors
    /// `signature-invalid`.
    pub fn verify(&self, chain_hash: &Hash) -> Result<(), Fault> {
        let signature = Signature::from_bytes(&self.signature);
        VerifyingKey::from_bytes(&self.key)
            .and_then(|key| key.verify_strict(&message(self.statement, self.engines, chain_hash), &signature))
            .map_err(|_| {
                let message = format!("a signature ({}) does not fit key and bytes", self.statement.name());
                Fault::new(FaultCode::SignatureInvalid, message)
            })
    }

    /// Appends the packed record, 98 bytes.
    pub fn write(&self, out: &mut Writer) {
        out.u8(ED25519).u8(said(self.statement, self.engines)).put(&self.key).put(&self.signature);
    }

    /// Reads what [`SignatureRecord::write`] wrote.
    pub fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let here = from.malformed("algorithm 1 (Ed25519)");
        if from.u8("a signature's algorithm")? != ED25519 {
            return Err(here);
        }
        let here = from.malformed("a statement from 1 to 4, engines only with 1");
        let byte = from.u8("a statement")?;
        let engines = Engines(byte >> 4);
        let statement = Statement::from_byte(byte & 15)
            .filter(|&statement| statement == Statement::Judged || engines == Engines::UNSTATED)
            .ok_or(here)?;
        Ok(SignatureRecord {
            statement,
            engines,
            key: from.array("a public key")?,
            signature: from.array("a signature")?,
        })
    }
}

/// The bytes that are signed.
pub fn message(statement: Statement, engines: Engines, chain_hash: &Hash) -> Vec<u8> {
    let mut out = Writer::new();
    out.put(SIGNATURE_CONTEXT).u8(said(statement, engines)).put(chain_hash);
    out.bytes
}

/// The packed signature section: a count, then the records.
pub fn encode_section(records: &[SignatureRecord]) -> Vec<u8> {
    let mut out = Writer::new();
    out.u16(u16::try_from(records.len()).unwrap_or(u16::MAX));
    for record in records {
        record.write(&mut out);
    }
    out.bytes
}

/// Reads exactly what [`encode_section`] writes; keys must ascend strictly, so none signs twice.
///
/// # Errors
/// `certificate-malformed`, or `limit-exceeded` past [`MAX_SIGNATURES`].
pub fn decode_section(bytes: &[u8]) -> Result<Vec<SignatureRecord>, Fault> {
    let malformed = |what| Fault::malformed(FaultCode::CertMalformed, what);
    let mut from = Reader::new(bytes);
    let count = from.u16("the count of signatures").map_err(malformed)?;
    if count > MAX_SIGNATURES {
        let message = format!("a certificate has at most {MAX_SIGNATURES} signatures, this one {count}");
        return Err(Fault::new(FaultCode::LimitExceeded, message));
    }
    let mut records: Vec<SignatureRecord> = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let here = from.malformed("signing keys in strictly ascending order");
        let record = SignatureRecord::read(&mut from).map_err(malformed)?;
        if records.last().is_some_and(|last| last.key >= record.key) {
            return Err(malformed(here));
        }
        records.push(record);
    }
    from.end().map_err(malformed)?;
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(key: u8) -> SignatureRecord {
        let (statement, engines) = (Statement::Witnessed, Engines::UNSTATED);
        SignatureRecord { statement, engines, key: [key; 32], signature: [key; 64] }
    }

    #[test]
    fn engines_stand_with_judged_alone() {
        let engines = Engines::CRANELIFT.and(Engines::V8);
        let judged = SignatureRecord { statement: Statement::Judged, engines, ..record(1) };
        let bytes = encode_section(&[judged]);
        assert_eq!(bytes[3], 0xa1);
        assert_eq!(decode_section(&bytes), Ok(vec![judged]));
        assert_eq!(engines.names().collect::<Vec<_>>(), ["cranelift", "v8"]);
        for (_, name) in Engines::NAMED.iter().filter(|(engine, _)| !engines.holds(*engine)) {
            assert!(["native", "pulley"].contains(name));
        }
        for statement in 0..16u8 {
            let mut other = bytes.clone();
            other[3] = 0xa0 | statement;
            assert_eq!(decode_section(&other).is_ok(), statement == 1, "{statement}");
        }
    }

    #[test]
    fn sections_survive_their_bytes() {
        for count in [0u8, 1, 128] {
            let records: Vec<_> = (0..count).map(record).collect();
            let bytes = encode_section(&records);
            assert_eq!(bytes.len(), 2 + usize::from(count) * RECORD_BYTES);
            assert_eq!(decode_section(&bytes), Ok(records));
        }
    }

    #[test]
    fn sections_are_read_strictly() {
        let refused = |bytes: &[u8]| decode_section(bytes).unwrap_err().code;
        let good = encode_section(&[record(1), record(2)]);
        for len in 0..good.len() {
            assert_eq!(refused(&good[..len]), FaultCode::CertMalformed);
        }
        assert_eq!(refused(&[&good[..], &[0]].concat()), FaultCode::CertMalformed);
        assert_eq!(refused(&encode_section(&[record(2), record(1)])), FaultCode::CertMalformed);
        assert_eq!(refused(&encode_section(&[record(1), record(1)])), FaultCode::CertMalformed);
        let crowd: Vec<_> = (0..129).map(record).collect();
        assert_eq!(refused(&encode_section(&crowd)), FaultCode::LimitExceeded);
        for (at, wrong) in [(2, 0), (2, 2), (3, 0), (3, 5)] {
            let mut bytes = good.clone();
            bytes[at] = wrong;
            let fault = decode_section(&bytes).unwrap_err();
            assert_eq!((fault.code, fault.offset), (FaultCode::CertMalformed, Some(at as u64)));
        }
    }

    #[test]
    fn the_message_names_statement_and_hash() {
        let bytes = message(Statement::Approved, Engines::UNSTATED, &[7; 32]);
        assert_eq!(&bytes[..37], b"omega-sheaf certificate signature v1\0");
        assert_eq!(bytes[37], 3);
        assert_eq!(&bytes[38..], &[7; 32]);
        assert_eq!(message(Statement::Judged, Engines::NATIVE.and(Engines::PULLEY), &[7; 32])[37], 0x51);
    }
}
