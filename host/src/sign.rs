//! The only place that holds a private key.
//!
//! A [`Signer`] signs two things and nothing else: chain hashes of certificates under a statement,
//! and heads of logs. Both messages start with a domain string of their own, so a signature of one
//! kind is never a signature of the other. The key is wiped when the signer is dropped and appears
//! in no debug output.

use std::fmt;
use std::path::{Path, PathBuf};

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{EncodePrivateKey, EncodePublicKey, KeypairBytes};
use ed25519_dalek::{Signer as _, SigningKey};
use omega_kernel::frame::LogHeader;
use omega_kernel::hash::Hash;
use omega_kernel::signature::{self, Engines, SignatureRecord, Statement};
use omega_kernel::wire::Head;
use zeroize::{Zeroize, Zeroizing};

use crate::failure::Failure;
use crate::keys;

/// A private key that signs certificates and heads.
pub struct Signer {
    key: SigningKey,
}

impl Signer {
    /// Reads the key from a file. Errors as in [`keys::load`].
    pub fn load(path: &Path) -> Result<Self, Failure> {
        Ok(Signer { key: keys::load(path)? })
    }

    /// Reads keys from files, none of them twice.
    ///
    /// # Errors
    /// As [`Signer::load`]; a usage failure where one key is given twice.
    pub fn load_all(paths: &[PathBuf]) -> Result<Vec<Self>, Failure> {
        let signers: Vec<Signer> = paths.iter().map(|path| Signer::load(path)).collect::<Result<_, _>>()?;
        for (place, signer) in signers.iter().enumerate() {
            if signers[..place].iter().any(|other| other.public_key() == signer.public_key()) {
                return Err(Failure::usage("one key is given twice").file(&paths[place]));
            }
        }
        Ok(signers)
    }

    /// Makes a new key from the system's randomness.
    pub fn generate() -> Result<Self, Failure> {
        let mut seed = Zeroizing::new([0u8; 32]);
        getrandom::fill(seed.as_mut_slice())
            .map_err(|error| Failure::internal(format!("the system gives no randomness: {error}")))?;
        Ok(Signer { key: SigningKey::from_bytes(&seed) })
    }

    /// A key that is always the same.
    #[cfg(test)]
    pub(crate) fn from_seed(seed: [u8; 32]) -> Self {
        Signer { key: SigningKey::from_bytes(&seed) }
    }

    /// The public key.
    pub fn public_key(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }

    /// The public key as PEM (RFC 8410).
    pub fn public_pem(&self) -> Result<String, Failure> {
        let pem = self.key.verifying_key().to_public_key_pem(LineEnding::LF);
        pem.map_err(|error| Failure::internal(format!("the public key could not be written: {error}")))
    }

    /// The private key as PKCS#8 PEM, for `keygen` to write. Without the public half, as RFC 8410
    /// version 1: OpenSSL reads no other.
    pub(crate) fn private_pem(&self) -> Result<Zeroizing<String>, Failure> {
        let mut pair = KeypairBytes { secret_key: self.key.to_bytes(), public_key: None };
        let pem = pair.to_pkcs8_pem(LineEnding::LF);
        pair.secret_key.zeroize();
        pem.map_err(|error| Failure::internal(format!("the private key could not be written: {error}")))
    }

    /// Signs a certificate under a statement.
    pub fn certificate(&self, statement: Statement, chain_hash: &Hash) -> SignatureRecord {
        self.verdict(statement, Engines::UNSTATED, chain_hash)
    }

    /// Signs a verdict under a statement; with *judged*, and no other, it may name the engines that agreed.
    pub fn verdict(&self, statement: Statement, engines: Engines, chain_hash: &Hash) -> SignatureRecord {
        let signature = self.sign(&signature::message(statement, engines, chain_hash));
        SignatureRecord { statement, engines, key: self.public_key(), signature }
    }

    /// Signs a log's events: a head over their count and canonical root.
    pub fn head(&self, header: &LogHeader, event_count: u64, log_root: Hash) -> Head {
        let message = Head::signed_message(&header.schema_hash, &header.name, event_count, &log_root);
        Head { event_count, log_root, key: self.public_key(), signature: self.sign(&message) }
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let public = data_encoding::HEXLOWER.encode(&self.public_key());
        f.debug_struct("Signer").field("public", &public).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use omega_kernel::hash::SCHEMA_HASH;

    use super::*;

    #[test]
    fn what_is_signed_verifies_and_nothing_else_does() {
        let signer = Signer::generate().unwrap();
        let record = signer.certificate(Statement::Judged, &[7; 32]);
        assert!(record.verify(&[7; 32]).is_ok());
        assert!(record.verify(&[8; 32]).is_err());
        assert!(SignatureRecord { statement: Statement::Vouched, ..record }.verify(&[7; 32]).is_err());
        assert!(SignatureRecord { engines: Engines::NATIVE, ..record }.verify(&[7; 32]).is_err());
        let stated = signer.verdict(Statement::Judged, Engines::NATIVE.and(Engines::CRANELIFT), &[7; 32]);
        assert!(stated.verify(&[7; 32]).is_ok());
        assert!(SignatureRecord { engines: Engines::UNSTATED, ..stated }.verify(&[7; 32]).is_err());

        let header = LogHeader::new("alice").unwrap();
        let head = signer.head(&header, 3, [9; 32]);
        assert!(head.verify(&SCHEMA_HASH, "alice"));
        assert!(!head.verify(&SCHEMA_HASH, "bob"));
    }

    #[test]
    fn debug_output_names_the_public_key_only() {
        let signer = Signer::generate().unwrap();
        let shown = format!("{signer:?}");
        let secret = data_encoding::HEXLOWER.encode(&signer.key.to_bytes());
        assert!(shown.contains(&data_encoding::HEXLOWER.encode(&signer.public_key())));
        assert!(!shown.contains(&secret));
    }
}
