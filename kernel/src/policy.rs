//! A signing policy: which keys may sign a chain's certificates, and how many must.

use alloc::format;
use alloc::vec::Vec;

use crate::bytes::{Malformed, Reader, Writer};
use crate::fault::{Fault, FaultCode};
use crate::hash::{self, Hash};
use crate::limits::MAX_POLICY_KEYS;
use crate::piles;

/// An Ed25519 public key, 32 bytes.
pub type Key = [u8; 32];

/// A threshold over a set of keys. Every value of this type is valid: it can only be made by
/// [`Policy::new`] and [`Policy::decode`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    threshold: u16,
    keys: Vec<Key>,
}

impl Policy {
    /// A policy under which `threshold` of `keys` must sign. The keys may stand in any order.
    ///
    /// # Errors
    /// `limit-exceeded` past [`MAX_POLICY_KEYS`], `certificate-malformed` where a key stands twice
    /// or the threshold is 0 or more than the keys can reach.
    pub fn new(threshold: u16, keys: Vec<Key>) -> Result<Self, Fault> {
        Self::checked(threshold, piles::sorted_by(&keys, Key::cmp))
    }

    /// Keys that must sign.
    pub fn threshold(&self) -> u16 {
        self.threshold
    }

    /// Keys that may sign, strictly ascending.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Whether the key may sign.
    pub fn holds(&self, key: &Key) -> bool {
        self.keys.binary_search(key).is_ok()
    }

    /// The policy hash that certificates are bound to.
    pub fn hash(&self) -> Hash {
        hash::POLICY.hash(&self.encode())
    }

    /// The packed policy.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        self.write(&mut out);
        out.bytes
    }

    /// Appends the packed policy.
    pub fn write(&self, out: &mut Writer) {
        out.u16(self.threshold).u16(u16::try_from(self.keys.len()).unwrap_or(u16::MAX));
        for key in &self.keys {
            out.put(key);
        }
    }

    /// Reads exactly what [`Policy::encode`] writes.
    ///
    /// # Errors
    /// As [`Policy::new`], and `certificate-malformed` for unsorted keys or other lengths.
    pub fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let mut from = Reader::new(bytes);
        let policy = Self::read(&mut from)?;
        from.end().map_err(malformed)?;
        Ok(policy)
    }

    /// Reads what [`Policy::write`] wrote, and leaves the rest.
    ///
    /// # Errors
    /// As [`Policy::decode`].
    pub fn read(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let threshold = from.u16("the threshold").map_err(malformed)?;
        let count = from.u16("the count of keys").map_err(malformed)?;
        let mut keys = Vec::new();
        for _ in 0..count {
            keys.push(from.array("a public key").map_err(malformed)?);
        }
        Self::checked(threshold, keys)
    }

    fn checked(threshold: u16, keys: Vec<Key>) -> Result<Self, Fault> {
        if keys.len() > usize::from(MAX_POLICY_KEYS) {
            let message = format!("a policy has at most {MAX_POLICY_KEYS} keys, this one {}", keys.len());
            return Err(Fault::new(FaultCode::LimitExceeded, message));
        }
        if !keys.windows(2).all(|pair| pair[0] < pair[1]) {
            let message = "a policy's keys stand in strictly ascending order, each once";
            return Err(Fault::new(FaultCode::CertMalformed, message));
        }
        if threshold == 0 || usize::from(threshold) > keys.len() {
            let message = format!("a threshold of {threshold} does not fit {} keys", keys.len());
            return Err(Fault::new(FaultCode::CertMalformed, message));
        }
        Ok(Policy { threshold, keys })
    }
}

fn malformed(what: Malformed) -> Fault {
    Fault::malformed(FaultCode::CertMalformed, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(count: u8) -> Vec<Key> {
        (0..count).rev().map(|n| [n; 32]).collect()
    }

    fn refused(policy: Result<Policy, Fault>) -> FaultCode {
        policy.unwrap_err().code
    }

    #[test]
    fn a_policy_survives_its_bytes_and_sorts_its_keys() {
        let policy = Policy::new(2, keys(3)).unwrap();
        assert!(policy.keys().is_sorted());
        assert!(policy.holds(&[2; 32]) && !policy.holds(&[3; 32]));
        let bytes = policy.encode();
        assert_eq!(bytes.len(), 4 + 3 * 32);
        assert_eq!(Policy::decode(&bytes), Ok(policy));
        for len in 0..bytes.len() {
            assert_eq!(refused(Policy::decode(&bytes[..len])), FaultCode::CertMalformed);
        }
        let mut swapped = bytes.clone();
        swapped[4..36].fill(9);
        assert_eq!(refused(Policy::decode(&swapped)), FaultCode::CertMalformed);
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(refused(Policy::decode(&longer)), FaultCode::CertMalformed);
    }

    #[test]
    fn thresholds_and_counts_have_ends() {
        assert_eq!(refused(Policy::new(0, keys(1))), FaultCode::CertMalformed);
        assert_eq!(refused(Policy::new(1, keys(0))), FaultCode::CertMalformed);
        assert!(Policy::new(3, keys(3)).is_ok());
        assert_eq!(refused(Policy::new(4, keys(3))), FaultCode::CertMalformed);
        assert_eq!(refused(Policy::new(1, vec![[1; 32]; 2])), FaultCode::CertMalformed);
        assert!(Policy::new(64, keys(64)).is_ok());
        assert_eq!(refused(Policy::new(64, keys(65))), FaultCode::LimitExceeded);
    }

    #[test]
    fn the_hash_covers_threshold_and_keys() {
        let hash = Policy::new(1, keys(2)).unwrap().hash();
        assert_ne!(hash, Policy::new(2, keys(2)).unwrap().hash());
        assert_ne!(hash, Policy::new(1, keys(3)).unwrap().hash());
    }
}
