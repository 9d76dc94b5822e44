//! The two sidecars. Nothing is lost with them: both are computed from the log again. Their bytes
//! are the kernel's business (`omega_kernel::cert_index`).

use std::io;

use omega_kernel::cert_index::{INDEX_ENTRY_BYTES, INDEX_HEADER, IndexEntry, SUMMARY_BYTES, Summary};
use omega_kernel::cert_log::HEADER_BYTES;

use crate::disk::Disk;

/// What `cert.hash` states; none where it is missing or damaged.
pub(super) fn read_summary<D: Disk>(disk: &D) -> io::Result<Option<Summary>> {
    if disk.len()? != SUMMARY_BYTES as u64 {
        return Ok(None);
    }
    let mut bytes = [0u8; SUMMARY_BYTES];
    disk.read_exact_at(&mut bytes, 0)?;
    Ok(Summary::decode(&bytes).ok())
}

/// Writes `cert.hash`, in place: its checksum tells a half-written one.
pub(super) fn write_summary<D: Disk>(disk: &mut D, summary: &Summary) -> io::Result<()> {
    disk.write_all_at(&summary.encode(), 0)?;
    disk.set_len(SUMMARY_BYTES as u64)?;
    disk.sync()
}

/// Whether `cert.idx` holds exactly these entries.
pub(super) fn index_is<D: Disk>(disk: &D, entries: &[u8]) -> io::Result<bool> {
    if disk.len()? != (HEADER_BYTES + entries.len()) as u64 {
        return Ok(false);
    }
    let mut found = vec![0u8; HEADER_BYTES + entries.len()];
    disk.read_exact_at(&mut found, 0)?;
    Ok(found[..HEADER_BYTES] == INDEX_HEADER && found[HEADER_BYTES..] == *entries)
}

/// Writes all of `cert.idx` again.
pub(super) fn write_index<D: Disk>(disk: &mut D, entries: &[u8]) -> io::Result<()> {
    let bytes = [INDEX_HEADER.as_slice(), entries].concat();
    disk.write_all_at(&bytes, 0)?;
    disk.set_len(bytes.len() as u64)?;
    disk.sync()
}

/// Walks `cert.idx` for the offset of an entry, by its number and id. A hint: whoever follows it
/// checks the record.
pub(super) fn find<D: Disk>(disk: &D, wanted: impl Fn(u64, u128) -> bool) -> io::Result<Option<u64>> {
    const CHUNK: u64 = 1024 * INDEX_ENTRY_BYTES as u64;
    let end = disk.len()?;
    let mut at = HEADER_BYTES as u64;
    let mut number = 0;
    while at < end {
        let mut bytes = vec![0u8; CHUNK.min(end - at) as usize];
        disk.read_exact_at(&mut bytes, at)?;
        for entry in bytes.chunks_exact(INDEX_ENTRY_BYTES).map(decode) {
            if wanted(number, entry.id) {
                return Ok(Some(entry.offset));
            }
            number += 1;
        }
        at += bytes.len() as u64;
    }
    Ok(None)
}

fn decode(bytes: &[u8]) -> IndexEntry {
    IndexEntry {
        id: u128::from_le_bytes(std::array::from_fn(|i| bytes[i])),
        offset: u64::from_le_bytes(std::array::from_fn(|i| bytes[16 + i])),
    }
}
