//! A snapshot's first bytes.

use alloc::format;

use super::{ChainPosition, HEADER_BYTES, MAGIC, VERSION, malformed};
use crate::bytes::{Malformed, Reader, Writer};
use crate::commitment::{STATE_FORMAT, StateCommitment};
use crate::crc::crc32;
use crate::fault::{Fault, FaultCode};
use crate::limits;
use crate::state::{FRONTIER_LEAF_BYTES, ID_LEAF_BYTES};

/// What a snapshot says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Header {
    /// The state's roots and counts.
    pub commitment: StateCommitment,
    /// Where in a chain it was left.
    pub position: Option<ChainPosition>,
}

impl Header {
    /// The header's bytes.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let place = self.position.unwrap_or(ChainPosition { chain_id: [0; 32], height: 0 });
        let mut out = Writer::new();
        out.put(&MAGIC).u16(VERSION).u8(u8::from(self.position.is_some())).u8(0);
        self.commitment.write(&mut out);
        out.put(&place.chain_id).u64(place.height).u32(0);
        let crc = crc32(&out.bytes);
        out.u32(crc);
        let mut header = [0; HEADER_BYTES];
        header.copy_from_slice(&out.bytes);
        header
    }

    /// Reads a header of full length.
    pub fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let (fields, crc) = bytes.split_at(HEADER_BYTES - 4);
        let (magic, fields_after) = fields.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(malformed("it does not start like a snapshot", 0));
        }
        if fields_after[..2] != VERSION.to_le_bytes() {
            return Err(unknown("version of snapshots").at(8));
        }
        if crc != crc32(fields).to_le_bytes() {
            return Err(malformed("its header is damaged: the checksum is wrong", fields.len() as u64));
        }
        let mut from = Reader::new(fields);
        let header = Self::read(&mut from)
            .map_err(|what| malformed(&format!("expected {}", what.expected), what.at))?;
        let named = &header.commitment;
        if named.state_format != STATE_FORMAT {
            return Err(unknown("state format").at(12));
        }
        if named.id_count > limits::MAX_STATE_IDS {
            return Err(too_many(named.id_count, "ids", limits::MAX_STATE_IDS).at(16));
        }
        if named.frontier_count > limits::MAX_STATE_FRONTIERS {
            return Err(too_many(named.frontier_count, "streams", limits::MAX_STATE_FRONTIERS).at(56));
        }
        Ok(header)
    }

    /// Reads the fields between magic and checksum.
    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.take(MAGIC.len() + 2, "magic and version")?;
        let in_chain = from.flag("0 or 1 for a place in a chain")?;
        zero(from, 1)?;
        let commitment = StateCommitment::read(from)?;
        let position = if in_chain {
            Some(ChainPosition { chain_id: from.array("a chain id")?, height: from.u64("a height")? })
        } else {
            zero(from, 40)?;
            None
        };
        zero(from, 4)?;
        Ok(Header { commitment, position })
    }

    /// Bytes in the whole snapshot. The counts are within their limits, so nothing overflows.
    pub fn snapshot_bytes(&self) -> u64 {
        let ids = self.commitment.id_count * ID_LEAF_BYTES as u64;
        let frontiers = self.commitment.frontier_count * FRONTIER_LEAF_BYTES as u64;
        HEADER_BYTES as u64 + ids + frontiers
    }
}

fn zero(from: &mut Reader<'_>, count: usize) -> Result<(), Malformed> {
    const EXPECTED: &str = "zeros where nothing is used";
    let not_zero = from.malformed(EXPECTED);
    if from.take(count, EXPECTED)?.iter().any(|byte| *byte != 0) { Err(not_zero) } else { Ok(()) }
}

fn unknown(what: &str) -> Fault {
    let message =
        format!("the snapshot has a {what} that this kernel does not know: use the kernel that wrote it");
    Fault::new(FaultCode::SnapshotVersion, message)
}

fn too_many(count: u64, what: &str, max: u64) -> Fault {
    Fault::new(FaultCode::LimitExceeded, format!("the snapshot names {count} {what}: the limit is {max}"))
}
