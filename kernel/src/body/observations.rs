//! The observations of a verdict: what may honestly differ when the same logs are judged again.
//!
//! Payloads get erased and heads get added; neither changes a log's root, so neither may change the
//! core. What the two bodies must still agree on is [`observations_agree`].

use alloc::vec::Vec;

use super::coverage::Coverage;
use super::verdict_core::{limit, rule};
use super::{count32, malformed};
use crate::bytes::{Malformed, Reader, Writer};
use crate::fault::{Fault, FaultCode};
use crate::limits::{MAX_ANALYTICS, MAX_LOGS};

/// Number of the one signature algorithm: Ed25519.
pub const HEAD_ALGORITHM: u16 = 1;

/// A log's signed head, as it stood in the log when it was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadEntry {
    /// Index into the core's sorted logs.
    pub log: u32,
    /// Signature algorithm; always [`HEAD_ALGORITHM`].
    pub alg: u16,
    /// Ed25519 public key.
    pub key: [u8; 32],
    /// Ed25519 signature.
    pub signature: [u8; 64],
}

/// A verdict's observations (`schemas/certificate.md`, "Observations").
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observations {
    /// Coverage of 2001, in occurrences.
    pub payload: Coverage,
    /// Signed heads by log, strictly ascending.
    pub heads: Vec<HeadEntry>,
    /// Fixed-point figures, scaled by 1,000: see [`ratio`].
    pub analytics: Vec<i32>,
}

impl Observations {
    /// The packed observations.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        self.payload.write(&mut out);
        out.u32(count32(self.heads.len()));
        for head in &self.heads {
            out.u32(head.log).u16(head.alg).put(&head.key).put(&head.signature);
        }
        out.u32(count32(self.analytics.len()));
        for figure in &self.analytics {
            out.put(&figure.to_le_bytes());
        }
        out.bytes
    }

    /// Reads exactly what [`Observations::encode`] writes and checks every rule that needs no core.
    ///
    /// # Errors
    /// `certificate-malformed` where shape or rule is broken, `limit-exceeded` past a cap.
    pub fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let mut from = Reader::new(bytes);
        let observations = Self::read(&mut from).map_err(malformed)?;
        from.end().map_err(malformed)?;
        observations.validate()?;
        Ok(observations)
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let payload = Coverage::read(from)?;
        let mut heads = Vec::new();
        for _ in 0..from.u32("the count of heads")? {
            heads.push(HeadEntry {
                log: from.u32("a head's log")?,
                alg: from.u16("a head's algorithm")?,
                key: from.array("a head's key")?,
                signature: from.array("a head's signature")?,
            });
        }
        let mut analytics = Vec::new();
        for _ in 0..from.u32("the count of analytics")? {
            analytics.push(i32::from_le_bytes(from.array("a figure")?));
        }
        Ok(Observations { payload, heads, analytics })
    }

    /// Checks every rule that needs no core.
    ///
    /// # Errors
    /// As [`Observations::decode`].
    pub fn validate(&self) -> Result<(), Fault> {
        rule(self.payload.violated <= self.payload.judged, "violated is part of judged")?;
        rule(self.payload.units().is_some(), "judged, skipped and known add up to the units")?;
        limit(self.heads.len() as u64 <= u64::from(MAX_LOGS), "heads", u64::from(MAX_LOGS))?;
        rule(self.heads.windows(2).all(|pair| pair[0].log < pair[1].log), "one head a log, ascending")?;
        rule(self.heads.iter().all(|head| head.alg == HEAD_ALGORITHM), "heads are signed with Ed25519")?;
        limit(self.analytics.len() as u64 <= u64::from(MAX_ANALYTICS), "analytics", u64::from(MAX_ANALYTICS))
    }
}

/// Holds what a certificate observed against what judging the same logs again observed.
///
/// Heads never differ: they may have been added or replaced over the same roots. Erasing payloads
/// since may have moved 2001 from judged to skipped, but not a violation away.
///
/// # Errors
/// `verdict-differs`, naming what differs.
pub fn observations_agree(certified: &Observations, rejudged: &Observations) -> Result<(), Fault> {
    let (then, now) = (&certified.payload, &rejudged.payload);
    let unerased = |c: &Coverage| c.judged.checked_add(c.skipped);
    let difference = if certified.analytics != rejudged.analytics {
        "the analytics differ"
    } else if then.known != now.known || unerased(then) != unerased(now) {
        "2001 covers another number of payloads"
    } else if then.violated != now.violated {
        "2001 has another number of violations"
    } else if now.judged > then.judged {
        "payloads are judged that were erased when the certificate was made"
    } else {
        return Ok(());
    };
    Err(Fault::new(FaultCode::VerdictDiffers, difference))
}

/// A figure of the analytics: `floor(1000 · numerator / denominator)`, at most `i32::MAX`, and 0
/// where the denominator is 0.
pub fn ratio(numerator: u64, denominator: u64) -> i32 {
    let scaled = u128::from(numerator) * 1000;
    scaled.checked_div(u128::from(denominator)).map_or(0, |q| i32::try_from(q).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_floor_saturate_and_survive_zero() {
        assert_eq!(ratio(2, 3), 666);
        assert_eq!(ratio(3, 1), 3000);
        assert_eq!(ratio(7, 0), 0);
        assert_eq!(ratio(0, 7), 0);
        assert_eq!(ratio(i32::MAX as u64, 1000), i32::MAX);
        assert_eq!(ratio(i32::MAX as u64 - 1, 1000), i32::MAX - 1);
        assert_eq!(ratio(u64::MAX, 1), i32::MAX);
    }

    fn observed(judged: u64, skipped: u64, known: u64, violated: u64) -> Observations {
        let payload = Coverage { judged, skipped, known, violated };
        Observations { payload, heads: Vec::new(), analytics: vec![1, 2] }
    }

    #[test]
    fn only_erasure_and_heads_may_differ() {
        let certified = observed(5, 1, 2, 1);
        let agrees = |now: &Observations| observations_agree(&certified, now).map_err(|fault| fault.code);
        let differs = Err(FaultCode::VerdictDiffers);
        assert_eq!(agrees(&certified), Ok(()));
        assert_eq!(agrees(&observed(2, 4, 2, 1)), Ok(()));
        assert_eq!(agrees(&observed(6, 0, 2, 1)), differs);
        assert_eq!(agrees(&observed(5, 2, 2, 1)), differs);
        assert_eq!(agrees(&observed(5, 0, 2, 1)), differs);
        assert_eq!(agrees(&observed(5, 1, 3, 1)), differs);
        assert_eq!(agrees(&observed(5, 1, 2, 2)), differs);
        assert_eq!(agrees(&observed(5, 1, 2, 0)), differs);
        assert_eq!(agrees(&Observations { analytics: vec![1, 3], ..certified.clone() }), differs);
        let head = HeadEntry { log: 0, alg: HEAD_ALGORITHM, key: [1; 32], signature: [2; 64] };
        assert_eq!(agrees(&Observations { heads: vec![head], ..certified.clone() }), Ok(()));
    }
}
