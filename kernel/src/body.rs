//! A certificate's body: two parts, each hashed on its own, so that re-judging can be held against
//! the first to the bit and against the second by rule.
//!
//! This module refuses to know who signs a body and what it is chained to (`certificate`, `chain`).

use alloc::vec::Vec;

use crate::bytes::{Malformed, Reader, Writer};
use crate::fault::{Fault, FaultCode};
use crate::hash::{self, Hash};
use crate::limits::MAX_BODY_BYTES;

mod coverage;
mod observations;
mod verdict_core;

pub use coverage::{CORE_PREDICATES, Coverage, PAYLOAD_PREDICATE, PREDICATES, Predicate, core_slot};
pub use observations::{HEAD_ALGORITHM, HeadEntry, Observations, observations_agree, ratio};
pub(crate) use verdict_core::check_commitment;
pub use verdict_core::{Core, LogEntry, VerdictKind};

/// The two parts as they are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Body<'a> {
    /// What re-judging must reproduce; of a certificate that is no verdict, its whole content.
    pub core: &'a [u8],
    /// What may honestly change; empty where the certificate is no verdict.
    pub observations: &'a [u8],
}

impl<'a> Body<'a> {
    /// Cuts `core_len ‖ core ‖ obs_len ‖ observations`.
    ///
    /// # Errors
    /// `certificate-malformed` where the lengths do not fit the bytes, `limit-exceeded` past
    /// [`MAX_BODY_BYTES`].
    pub fn split(bytes: &'a [u8]) -> Result<Self, Fault> {
        if bytes.len() > index(MAX_BODY_BYTES) {
            let message = alloc::format!("a body of more than {MAX_BODY_BYTES} bytes");
            return Err(Fault::new(FaultCode::LimitExceeded, message));
        }
        let mut from = Reader::new(bytes);
        let mut part = |len, what| from.u32(len).and_then(|len| from.take(index(len), what));
        let core = part("the core's length", "the core").map_err(malformed)?;
        let observations = part("the observations' length", "the observations").map_err(malformed)?;
        from.end().map_err(malformed)?;
        Ok(Body { core, observations })
    }

    /// The bytes that [`Body::split`] cuts.
    pub fn join(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.u32(count32(self.core.len())).put(self.core);
        out.u32(count32(self.observations.len())).put(self.observations);
        out.bytes
    }

    /// Hash of the core alone: what re-judging is compared by.
    pub fn core_hash(&self) -> Hash {
        hash::CORE.hash(self.core)
    }

    /// The body hash, over both parts' hashes.
    pub fn hash(&self) -> Hash {
        hash::BODY.pair(&self.core_hash(), &hash::OBSERVATIONS.hash(self.observations))
    }

    /// Reads the body of a verdict and checks every rule, also those between the two parts.
    ///
    /// # Errors
    /// As [`Core::decode`] and [`Observations::decode`]; offsets count from the body's first byte.
    pub fn decode(&self) -> Result<(Core, Observations), Fault> {
        let core = Core::decode(self.core).map_err(|fault| fault.within(4))?;
        let start = 8 + self.core.len() as u64;
        let observations = Observations::decode(self.observations).map_err(|fault| fault.within(start))?;
        check_together(&core, &observations)?;
        Ok((core, observations))
    }
}

/// Checks the rules between the two parts.
fn check_together(core: &Core, observations: &Observations) -> Result<(), Fault> {
    use verdict_core::rule;
    let payload = &observations.payload;
    rule(payload.units() == Some(core.occurrences()), "2001 covers every occurrence")?;
    let last = observations.heads.last();
    rule(last.is_none_or(|head| index(head.log) < core.logs.len()), "a head belongs to a log")?;
    let violated = payload.violated > 0 || core.coverage.iter().any(|coverage| coverage.violated > 0);
    rule(
        violated == (core.verdict == VerdictKind::Obstruction),
        "a merge has no violation, an obstruction one",
    )
}

pub(crate) fn malformed(what: Malformed) -> Fault {
    Fault::malformed(FaultCode::CertMalformed, what)
}

/// A count or length as it is written. What does not fit is far past every cap, and is written as a
/// number that every reader refuses.
pub(crate) fn count32(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// A length that was read, as an index; one that the platform cannot address fits no slice.
pub(crate) fn index(len: u32) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitting_is_the_inverse_of_joining_and_refuses_the_rest() {
        let body = Body { core: b"core", observations: b"seen" };
        let bytes = body.join();
        assert_eq!(Body::split(&bytes), Ok(body));
        for len in 0..bytes.len() {
            assert_eq!(Body::split(&bytes[..len]).unwrap_err().code, FaultCode::CertMalformed);
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert_eq!(Body::split(&longer).unwrap_err().code, FaultCode::CertMalformed);
        let mut absurd = bytes;
        absurd[..4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(Body::split(&absurd).unwrap_err().code, FaultCode::CertMalformed);
    }

    #[test]
    fn the_cap_stands_at_the_last_byte() {
        let mut at_cap = Body { core: &vec![0; index(MAX_BODY_BYTES) - 8], observations: b"" }.join();
        assert!(Body::split(&at_cap).is_ok());
        at_cap.push(0);
        assert_eq!(Body::split(&at_cap).unwrap_err().code, FaultCode::LimitExceeded);
    }

    #[test]
    fn bytes_cannot_move_between_the_parts() {
        let hash = Body { core: b"ab", observations: b"c" }.hash();
        assert_ne!(hash, Body { core: b"a", observations: b"bc" }.hash());
        assert_ne!(hash, Body { core: b"c", observations: b"ab" }.hash());
    }
}
