//! Evidence: what an obstruction carries so that it can be checked alone (`schemas/evidence.md`).
//!
//! [`build`] makes it from a judged batch; [`check`] holds it against a verdict's core with no log
//! at hand. The two share only the types here, so that a mistake in one does not excuse the other.

use alloc::vec::Vec;

use crate::bytes::{Malformed, Reader, Writer};
use crate::event::{EventHeader, Observed, leaf_hash};
use crate::fault::{Fault, FaultCode};
use crate::hash::{self, Hash};
use crate::lanes::Block;
use crate::limits;
use crate::state::{FrontierLeaf, IdLeaf};
use crate::trie::{Leaf, TrieProof};

mod build;
mod check;

pub use build::build;
pub(crate) use build::{batch_id_leaf, witness};
pub(crate) use check::check_inclusion;
pub use check::{Conflict, check};

/// How a predicate is violated. Each kind fixes what the evidence holds, in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// 1001: the anchor's lamport is not above the prior frontier's.
    NotAboveFrontier = 1,
    /// 1001: two events of one stream have one lamport.
    SameLamport = 2,
    /// 1002: one log holds the id twice.
    Twice = 3,
    /// 1003: an id outside the domain.
    OutsideDomain = 4,
    /// 1004: prev is in neither batch nor prior state.
    Gap = 5,
    /// 1004: prev is 0 although something earlier in the line is linked.
    Unlinked = 6,
    /// 1004: prev is not the line's next smaller event.
    WrongPrev = 7,
    /// 2001: the payload does not fit.
    Mismatch = 8,
    /// 2002: a dep is in neither batch nor prior state.
    Missing = 9,
    /// 2003: a version of a dep in the batch is not earlier.
    NotBefore = 10,
    /// 2003: the prior state's version of a dep is not earlier.
    PriorNotBefore = 11,
    /// 3001: two logs hold two versions.
    OtherVersion = 12,
    /// 3001: the prior state holds another version.
    PriorVersion = 13,
    /// 3002: another claim over the same past; the anchor is proved not known.
    OtherClaim = 14,
    /// 3002: as before; the anchor is proved known and the other event is proved not known.
    OtherClaimNew = 15,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 15] = [
        Kind::NotAboveFrontier,
        Kind::SameLamport,
        Kind::Twice,
        Kind::OutsideDomain,
        Kind::Gap,
        Kind::Unlinked,
        Kind::WrongPrev,
        Kind::Mismatch,
        Kind::Missing,
        Kind::NotBefore,
        Kind::PriorNotBefore,
        Kind::OtherVersion,
        Kind::PriorVersion,
        Kind::OtherClaim,
        Kind::OtherClaimNew,
    ];

    /// The predicate that it violates.
    pub fn predicate(self) -> u16 {
        match self {
            Kind::NotAboveFrontier | Kind::SameLamport => 1001,
            Kind::Twice => 1002,
            Kind::OutsideDomain => 1003,
            Kind::Gap | Kind::Unlinked | Kind::WrongPrev => 1004,
            Kind::Mismatch => 2001,
            Kind::Missing => 2002,
            Kind::NotBefore | Kind::PriorNotBefore => 2003,
            Kind::OtherVersion | Kind::PriorVersion => 3001,
            Kind::OtherClaim | Kind::OtherClaimNew => 3002,
        }
    }

    /// Stable name.
    pub fn name(self) -> &'static str {
        match self {
            Kind::NotAboveFrontier => "not-above-frontier",
            Kind::SameLamport => "same-lamport",
            Kind::Twice => "twice-in-one-log",
            Kind::OutsideDomain => "outside-id-domain",
            Kind::Gap => "gap",
            Kind::Unlinked => "break-unlinked",
            Kind::WrongPrev => "break-wrong-prev",
            Kind::Mismatch => "payload-mismatch",
            Kind::Missing => "dependency-missing",
            Kind::NotBefore => "dependency-not-before",
            Kind::PriorNotBefore => "accepted-dependency-not-before",
            Kind::OtherVersion => "two-versions",
            Kind::PriorVersion => "another-version-than-accepted",
            Kind::OtherClaim | Kind::OtherClaimNew => "two-claims",
        }
    }
}

/// All that it takes to see one violation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Which violation.
    pub kind: Kind,
    /// The dep in question, for [`Kind::Missing`] and [`Kind::PriorNotBefore`]; otherwise 0.
    pub dep: u128,
    /// The anchor, then the other events, each proved to be in a log.
    pub events: Vec<Witness>,
    /// What the prior state holds, or not, under the ids in question.
    pub prior_ids: Vec<TrieProof<IdLeaf>>,
    /// What the prior state holds for the anchor's stream.
    pub frontier: Option<TrieProof<FrontierLeaf>>,
    /// What the batch holds, or not, under the id in question.
    pub batch_id: Option<TrieProof<BatchIdLeaf>>,
}

/// An event with the proof that a log holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// The log, by its place in the core.
    pub log: u32,
    /// Its place among the log's leaves.
    pub leaf_index: u64,
    /// What was observed, where its leaf is of the kind for payloads that do not fit.
    pub observed: Option<Observed>,
    /// From its leaf up to the log's root.
    pub siblings: Vec<Hash>,
    /// All that the event hash covers. Never a payload.
    pub header: EventHeader,
}

impl Witness {
    /// Its Merkle leaf.
    pub fn leaf(&self) -> Hash {
        leaf_hash(&self.header.hash(), self.observed.as_ref())
    }
}

/// An id of the batch and the versions it has there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchIdLeaf {
    /// The id: the trie's key, all 128 bits of it.
    pub id: u128,
    /// Distinct event hashes, ascending; at least one.
    pub event_hashes: Vec<Hash>,
}

impl Leaf for BatchIdLeaf {
    const KEY_BITS: u8 = 128;

    fn key_bits(&self) -> u128 {
        self.id
    }

    fn hash(&self) -> Hash {
        let mut out = Writer::new();
        self.write(&mut out);
        // Whole blocks: leaves of one block can be hashed side by side.
        out.bytes.resize(out.bytes.len().next_multiple_of(64), 0);
        hash::BATCH_ID.hash(&out.bytes)
    }

    fn write(&self, out: &mut Writer) {
        out.u128(self.id).u32(self.event_hashes.len() as u32);
        self.event_hashes.iter().for_each(|hash| _ = out.put(hash));
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let id = from.u128("an id")?;
        let wrong = from.malformed("a count of versions that are all there");
        let count = from.u32("the count of versions")?;
        if count == 0 || count > limits::MAX_ID_VERSIONS || from.remaining() / 32 < count as usize {
            return Err(wrong);
        }
        let wrong = from.malformed("event hashes that ascend strictly");
        let mut event_hashes: Vec<Hash> = Vec::with_capacity(count as usize);
        for _ in 0..count {
            event_hashes.push(from.array("an event hash")?);
        }
        match event_hashes.is_sorted_by(|a, b| a < b) {
            true => Ok(BatchIdLeaf { id, event_hashes }),
            false => Err(wrong),
        }
    }
}

/// The block that the [`BatchIdLeaf`] of an id with one version is hashed as; nearly all have one.
pub(crate) fn single_version_block(id: u128, event_hash: &Hash) -> Block {
    let mut block = [0u8; 64];
    block[..16].copy_from_slice(&id.to_le_bytes());
    block[16] = 1;
    block[20..52].copy_from_slice(event_hash);
    block
}

impl Evidence {
    /// The evidence's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.u8(self.kind as u8).u128(self.dep).u8(self.events.len() as u8);
        for event in &self.events {
            event.write(&mut out);
        }
        out.u8(self.prior_ids.len() as u8);
        self.prior_ids.iter().for_each(|proof| proof.write(&mut out));
        out.u8(u8::from(self.frontier.is_some()));
        self.frontier.iter().for_each(|proof| proof.write(&mut out));
        out.u8(u8::from(self.batch_id.is_some()));
        self.batch_id.iter().for_each(|proof| proof.write(&mut out));
        out.bytes
    }

    /// Reads exactly what [`Evidence::encode`] wrote.
    ///
    /// # Errors
    /// [`FaultCode::EvidenceWrong`] with the offset: evidence stands in a signed body, so what is
    /// malformed there was made so.
    pub fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let mut from = Reader::new(bytes);
        Self::read(&mut from)
            .and_then(|evidence| from.end().map(|()| evidence))
            .map_err(|what| Fault::malformed(FaultCode::EvidenceWrong, what))
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let wrong = from.malformed("a kind of violation");
        let kind = from.u8("a kind of violation")?;
        let kind = Kind::ALL.into_iter().find(|known| *known as u8 == kind).ok_or(wrong)?;
        let dep = from.u128("a dep")?;
        let mut evidence =
            Evidence { kind, dep, events: Vec::new(), prior_ids: Vec::new(), frontier: None, batch_id: None };
        for _ in 0..from.u8("the count of events")? {
            evidence.events.push(Witness::read(from)?);
        }
        for _ in 0..from.u8("the count of proofs from the prior state")? {
            evidence.prior_ids.push(TrieProof::read(from)?);
        }
        if from.flag("whether the frontier is proved")? {
            evidence.frontier = Some(TrieProof::read(from)?);
        }
        if from.flag("whether an id of the batch is proved")? {
            evidence.batch_id = Some(TrieProof::read(from)?);
        }
        Ok(evidence)
    }
}

impl Witness {
    pub(crate) fn write(&self, out: &mut Writer) {
        out.u32(self.log).u64(self.leaf_index).u8(u8::from(self.observed.is_some()));
        if let Some(observed) = &self.observed {
            out.u64(observed.len).put(&observed.hash);
        }
        out.u8(self.siblings.len() as u8);
        self.siblings.iter().for_each(|sibling| _ = out.put(sibling));
        self.header.write(&mut out.bytes);
    }

    pub(crate) fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let log = from.u32("a log's place")?;
        let leaf_index = from.u64("a leaf's place")?;
        let observed = match from.flag("the kind of leaf")? {
            false => None,
            true => Some(Observed {
                len: from.u64("the observed length")?,
                hash: from.array("the observed hash")?,
            }),
        };
        let wrong = from.malformed("at most 32 siblings");
        let count = usize::from(from.u8("the count of siblings")?);
        if count > limits::MAX_MERKLE_SIBLINGS {
            return Err(wrong);
        }
        let mut siblings = Vec::with_capacity(count);
        for _ in 0..count {
            siblings.push(from.array("a sibling")?);
        }
        Ok(Witness { log, leaf_index, observed, siblings, header: EventHeader::read(from)? })
    }
}
