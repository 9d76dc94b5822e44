//! What an event is, and its hash.

use alloc::vec::Vec;

use crate::bytes::{Malformed, Reader};
use crate::hash::{self, Hash};
use crate::limits;

/// Streams from here on are causal-only: 1001 and 1004 are not judged there.
pub const FIRST_CAUSAL_ONLY_STREAM: u16 = 0x8000;

/// Ids below this are in the id domain (1003).
pub const ID_END: u128 = 1 << 112;

/// Everything that an event's hash covers: all of it but the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventHeader {
    /// Lamport time.
    pub lamport: u64,
    /// The writer.
    pub node: u32,
    /// One of the writer's sequences.
    pub stream: u16,
    /// Id; in the domain where 0 < id < 2^112.
    pub id: u128,
    /// Id of the event before it in its (node, stream); 0: not linked.
    pub prev: u128,
    /// Hash of the application state it was made in.
    pub claim: Option<Hash>,
    /// Bytes in the payload.
    pub payload_len: u64,
    /// Hash of the payload, keyed by its salt where there is one.
    pub payload_hash: Hash,
    /// Ids it depends on, strictly ascending.
    pub deps: Vec<u128>,
}

/// A payload that did not fit its event: what was found instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Observed {
    /// Bytes found.
    pub len: u64,
    /// Their hash, keyed by the salt where there is one.
    pub hash: Hash,
}

impl EventHeader {
    /// The event hash (`schemas/log.md`, "Event hash").
    pub fn hash(&self) -> Hash {
        let mut bytes = Vec::with_capacity(EVENT_HASH_FIXED_BYTES + 16 * self.deps.len());
        self.write(&mut bytes);
        hash::EVENT.hash(&bytes)
    }

    /// Reads what [`EventHeader::write`] wrote.
    pub fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let lamport = from.u64("a lamport")?;
        let (node, stream) = (from.u32("a node")?, from.u16("a stream")?);
        let (id, prev) = (from.u128("an id")?, from.u128("prev")?);
        let claims = from.flag("whether there is a claim")?;
        let wrong = from.malformed("zero where there is no claim");
        let claim: Hash = from.array("a claim")?;
        if !claims && claim != [0; 32] {
            return Err(wrong);
        }
        let wrong = from.malformed("a payload of at most 1 MiB");
        let payload_len = from.u64("a payload length")?;
        if payload_len > limits::MAX_PAYLOAD_BYTES {
            return Err(wrong);
        }
        let payload_hash = from.array("a payload hash")?;
        let wrong = from.malformed("at most 1,024 deps that ascend strictly");
        let count = from.u32("the count of deps")?;
        if count > limits::MAX_DEPS {
            return Err(wrong);
        }
        let mut deps = Vec::with_capacity(count as usize);
        for _ in 0..count {
            deps.push(from.u128("a dep")?);
        }
        if !deps.is_sorted_by(|a, b| a < b) {
            return Err(wrong);
        }
        let claim = claims.then_some(claim);
        Ok(EventHeader { lamport, node, stream, id, prev, claim, payload_len, payload_hash, deps })
    }

    /// Appends the bytes that the event hash covers, which are also how evidence carries a header.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.lamport.to_le_bytes());
        out.extend_from_slice(&self.node.to_le_bytes());
        out.extend_from_slice(&self.stream.to_le_bytes());
        out.extend_from_slice(&self.id.to_le_bytes());
        out.extend_from_slice(&self.prev.to_le_bytes());
        out.push(u8::from(self.claim.is_some()));
        out.extend_from_slice(&self.claim.unwrap_or([0; 32]));
        out.extend_from_slice(&self.payload_len.to_le_bytes());
        out.extend_from_slice(&self.payload_hash);
        let count = u32::try_from(self.deps.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&count.to_le_bytes());
        for dep in &self.deps {
            out.extend_from_slice(&dep.to_le_bytes());
        }
    }
}

/// The order key K: `lamport ‖ node ‖ stream ‖ id` in 64 + 32 + 16 + 112 bits, as two numbers of 128 and 96
/// bits. Of an id outside the domain the upper bits do not count.
#[inline]
pub fn order_key(lamport: u64, node: u32, stream: u16, id: u128) -> (u128, u128) {
    let high =
        u128::from(lamport) << 64 | u128::from(node) << 32 | u128::from(stream) << 16 | (id >> 96 & 0xFFFF);
    (high, id & ((1 << 96) - 1))
}

/// Bytes that the event hash covers before the deps.
pub const EVENT_HASH_FIXED_BYTES: usize = 8 + 4 + 2 + 16 + 16 + 1 + 32 + 8 + 32 + 4;

/// Merkle leaf of an occurrence: the event hash itself, or a leaf of its own kind where the
/// payload does not fit.
pub fn leaf_hash(event_hash: &Hash, observed: Option<&Observed>) -> Hash {
    match observed {
        None => *event_hash,
        Some(observed) => {
            let mut bytes = [0u8; 72];
            bytes[..32].copy_from_slice(event_hash);
            bytes[32..40].copy_from_slice(&observed.len.to_le_bytes());
            bytes[40..].copy_from_slice(&observed.hash);
            hash::MISMATCH.hash(&bytes)
        }
    }
}
