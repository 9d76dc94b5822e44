//! The two sidecars. Nothing is lost with them: both are computed from the log again.
//!
//! ```text
//! cert.idx   89 4F 4D 49 0D 0A 1A 0A ‖ version u16 = 1 ‖ 6 zero ‖ (id 16 ‖ height u64 ‖ offset u64) …
//! cert.hash  89 4F 4D 48 0D 0A 1A 0A ‖ version u16 = 1 ‖ 6 zero ‖
//!            length u64 ‖ records u64 ‖ rolling hash 32 ‖ crc32 u32 over the 64 bytes before ‖ 4 zero
//! ```
//!
//! Rolling hash: `h_0 = H_CERT_LOG("")`, `h_n = H_CERT_LOG(h_{n-1} ‖ record n)`, the record with
//! its length, checksum and padding.

use std::io;

use omega_kernel::hash::{CERT_LOG, Hash};

use super::disk::Disk;
use super::record::{Entry, HEADER};

/// Bytes before the index's first entry.
pub(super) const HEADER_BYTES: u64 = 16;
const INDEX_HEADER: [u8; 16] = *b"\x89OMI\r\n\x1a\n\x01\0\0\0\0\0\0\0";
const HASH_HEADER: [u8; 16] = *b"\x89OMH\r\n\x1a\n\x01\0\0\0\0\0\0\0";
const ENTRY_BYTES: usize = 32;
const HASH_BYTES: usize = 72;

/// A prefix of the log that is on disk: what `cert.hash` states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Committed {
    /// Bytes of the log, header included.
    pub length: u64,
    /// Records in them.
    pub records: u64,
    /// Over those records.
    pub rolling: Hash,
}

impl Committed {
    /// The log without records.
    pub fn start() -> Self {
        Committed { length: HEADER.len() as u64, records: 0, rolling: CERT_LOG.hash(b"") }
    }

    /// With one more record.
    pub fn after(&self, record: &[u8]) -> Self {
        let mut rolling = blake3::Hasher::new_keyed(&CERT_LOG.key);
        rolling.update(&self.rolling).update(record);
        Committed {
            length: self.length + record.len() as u64,
            records: self.records + 1,
            rolling: *rolling.finalize().as_bytes(),
        }
    }

    /// What the sidecar states; none where it is missing or damaged.
    pub fn read<D: Disk>(disk: &D) -> io::Result<Option<Self>> {
        let mut bytes = [0u8; HASH_BYTES];
        if disk.len()? != HASH_BYTES as u64 {
            return Ok(None);
        }
        disk.read_exact_at(&mut bytes, 0)?;
        let field = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        let stated = Committed {
            length: field(16),
            records: field(24),
            rolling: std::array::from_fn(|i| bytes[32 + i]),
        };
        Ok((stated.encode() == bytes).then_some(stated))
    }

    /// Writes the sidecar, in place: its checksum tells a half-written one.
    pub fn write<D: Disk>(&self, disk: &mut D) -> io::Result<()> {
        disk.write_all_at(&self.encode(), 0)?;
        disk.set_len(HASH_BYTES as u64)?;
        disk.sync()
    }

    fn encode(&self) -> [u8; HASH_BYTES] {
        let mut out = [0u8; HASH_BYTES];
        out[..16].copy_from_slice(&HASH_HEADER);
        out[16..24].copy_from_slice(&self.length.to_le_bytes());
        out[24..32].copy_from_slice(&self.records.to_le_bytes());
        out[32..64].copy_from_slice(&self.rolling);
        let crc = crc32fast::hash(&out[..64]);
        out[64..68].copy_from_slice(&crc.to_le_bytes());
        out
    }
}

/// Where a certificate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IndexEntry {
    pub id: u128,
    pub height: u64,
    pub offset: u64,
}

impl IndexEntry {
    /// Of a certificate; a co-signature has none.
    pub fn of(entry: &Entry) -> Option<Self> {
        let (id, height) = entry.record.id_and_height()?;
        Some(IndexEntry { id, height, offset: entry.offset })
    }

    /// Appends the entry's 32 bytes.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.id.to_le_bytes());
        out.extend_from_slice(&self.height.to_le_bytes());
        out.extend_from_slice(&self.offset.to_le_bytes());
    }
}

/// Whether the index holds exactly these entries.
pub(super) fn index_is<D: Disk>(disk: &D, entries: &[u8]) -> io::Result<bool> {
    if disk.len()? != HEADER_BYTES + entries.len() as u64 {
        return Ok(false);
    }
    let mut found = vec![0u8; INDEX_HEADER.len() + entries.len()];
    disk.read_exact_at(&mut found, 0)?;
    Ok(found[..INDEX_HEADER.len()] == INDEX_HEADER && found[INDEX_HEADER.len()..] == *entries)
}

/// Writes the whole index again.
pub(super) fn write_index<D: Disk>(disk: &mut D, entries: &[u8]) -> io::Result<()> {
    let bytes = [INDEX_HEADER.as_slice(), entries].concat();
    disk.write_all_at(&bytes, 0)?;
    disk.set_len(bytes.len() as u64)?;
    disk.sync()
}

/// The newest entry that is wanted. The index is a hint: whoever follows it checks the record.
pub(super) fn find<D: Disk>(
    disk: &D,
    mut wanted: impl FnMut(&IndexEntry) -> bool,
) -> io::Result<Option<IndexEntry>> {
    const CHUNK: u64 = 1024 * ENTRY_BYTES as u64;
    let end = disk.len()?;
    let mut found = None;
    let mut at = HEADER_BYTES;
    while at < end {
        let mut bytes = vec![0u8; CHUNK.min(end - at) as usize];
        disk.read_exact_at(&mut bytes, at)?;
        for entry in bytes.chunks_exact(ENTRY_BYTES) {
            let field = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| entry[at + i]));
            let id = u128::from_le_bytes(std::array::from_fn(|i| entry[i]));
            let entry = IndexEntry { id, height: field(16), offset: field(24) };
            if wanted(&entry) {
                found = Some(entry);
            }
        }
        at += bytes.len() as u64;
    }
    Ok(found)
}
