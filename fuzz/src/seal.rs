//! Makes lengths, checksums, hashes and ids fit again after a mutation, so that what stands behind them
//! is reached. A fuzzer does not guess a CRC-32, and never a BLAKE3.
//!
//! The bytes stay where they are and never become more. What is too short to be sealed is left as it is.

use omega_kernel::body::Body;
use omega_kernel::cert_log;
use omega_kernel::certificate::BODY_OFFSET;
use omega_kernel::crc::{crc32, crc32_of_frame};
use omega_kernel::frame::{FRAME_HEADER_BYTES, HEADER_BYTES};
use omega_kernel::hash;
use omega_kernel::limits::{MAX_MESSAGE_BYTES, MIN_MESSAGE_BYTES};
use omega_kernel::snapshot;
use omega_kernel::state::{FRONTIER_LEAF_BYTES, FrontierLeaf, ID_LEAF_BYTES, IdLeaf, State};
use omega_kernel::trie::FixedLeaf;

use crate::targets::proof::CERTIFICATE;

/// One mutation in so many is left unsealed: refusing damage is to be seen too.
const LEFT_ALONE: u32 = 8;

/// Seals a mutated input of the target with this name, as the seed says. Gives the length in use.
pub fn seal(target: &str, bytes: &mut [u8], seed: u32) -> usize {
    let length = bytes.len();
    if seed.is_multiple_of(LEFT_ALONE) {
        return length;
    }
    match target {
        "frame" => log(bytes),
        "certificate" if bytes.starts_with(&cert_log::LOG_HEADER[..8]) => cert_log(bytes),
        "certificate" => certificate(bytes),
        "proof" => proof(bytes),
        // Also with the roots of what is in it, every other time.
        "snapshot" => return snapshot(bytes, seed.is_multiple_of(2)),
        // An `.omega` log, behind the byte that says so.
        "http" if bytes.first().is_some_and(|&kind| kind % 6 == 0) => log(&mut bytes[1..]),
        _ => {}
    }
    length
}

/// A log: checksums of the file header and of each frame; a length that no frame has becomes the rest's.
fn log(bytes: &mut [u8]) {
    let Some((header, mut rest)) = bytes.split_at_mut_checked(HEADER_BYTES) else { return };
    let crc = crc32(&header[..HEADER_BYTES - 4]);
    header[HEADER_BYTES - 4..].copy_from_slice(&crc.to_le_bytes());
    while rest.len() >= FRAME_HEADER_BYTES + MIN_MESSAGE_BYTES as usize {
        let most = ((rest.len() - FRAME_HEADER_BYTES) & !7).min(MAX_MESSAGE_BYTES as usize);
        let stated = u32_at(rest, 0) as usize;
        let plausible = (MIN_MESSAGE_BYTES as usize..=most).contains(&stated) && stated.is_multiple_of(8);
        let length = if plausible { stated } else { most };
        rest[..4].copy_from_slice(&(length as u32).to_le_bytes());
        let (frame, after) = rest.split_at_mut(FRAME_HEADER_BYTES + length);
        let crc = crc32_of_frame(&(length as u32).to_le_bytes(), &frame[FRAME_HEADER_BYTES..]);
        frame[4..8].copy_from_slice(&crc.to_le_bytes());
        rest = after;
    }
}

/// A certificate: the body's length, its hash and the id. Signatures are not made: the target signs.
fn certificate(bytes: &mut [u8]) {
    if bytes.len() < BODY_OFFSET + 2 {
        return;
    }
    let most = bytes.len() - BODY_OFFSET - 2;
    let length = (u32_at(bytes, 12) as usize).min(most);
    bytes[12..16].copy_from_slice(&(length as u32).to_le_bytes());
    let end = BODY_OFFSET + length;
    if let Ok(body) = Body::split(&bytes[BODY_OFFSET..end]) {
        let hash = body.hash();
        bytes[73..105].copy_from_slice(&hash);
    }
    let id = hash::CERT_ID.hash(&bytes[32..end]);
    bytes[16..32].copy_from_slice(&id[..16]);
}

/// A certificate log: length and checksum of each record, and what certificates need.
fn cert_log(bytes: &mut [u8]) {
    const PREFIX: usize = 8;
    const KIND: usize = 8;
    let Some((header, mut rest)) = bytes.split_at_mut_checked(cert_log::HEADER_BYTES) else { return };
    header.copy_from_slice(&cert_log::LOG_HEADER);
    while rest.len() > PREFIX + KIND {
        let most = rest.len() - PREFIX;
        let stated = u32_at(rest, 0);
        let length = if cert_log::plausible(stated) { most.min(stated as usize) } else { most };
        let whole = (PREFIX + length).next_multiple_of(8).min(rest.len());
        let (record, after) = rest.split_at_mut(whole);
        certificate(&mut record[PREFIX + KIND..PREFIX + length]);
        record[..4].copy_from_slice(&(length as u32).to_le_bytes());
        let crc = crc32_of_frame(&(length as u32).to_le_bytes(), &record[PREFIX..PREFIX + length]);
        record[4..8].copy_from_slice(&crc.to_le_bytes());
        record[PREFIX + length..].fill(0);
        rest = after;
    }
}

/// A snapshot: the header's checksum; with `roots` also counts and roots, from the records that are there.
/// Gives the length in use.
fn snapshot(bytes: &mut [u8], roots: bool) -> usize {
    let Some((header, rest)) = bytes.split_at_mut_checked(snapshot::HEADER_BYTES) else { return bytes.len() };
    let mut length = header.len() + rest.len();
    if roots {
        let ids = (u64_at(header, 16) as usize).min(rest.len() / ID_LEAF_BYTES);
        let frontiers = (rest.len() - ids * ID_LEAF_BYTES) / FRONTIER_LEAF_BYTES;
        let (ids, after) = rest.split_at_mut(ids * ID_LEAF_BYTES);
        let frontiers = &mut after[..frontiers * FRONTIER_LEAF_BYTES];
        let mut state = State::new();
        if state.accept(&leaves::<IdLeaf>(ids), &leaves::<FrontierLeaf>(frontiers)).is_ok() {
            let mut out = omega_kernel::bytes::Writer::new();
            state.commitment().write(&mut out);
            header[12..12 + out.bytes.len()].copy_from_slice(&out.bytes);
            length = snapshot::HEADER_BYTES + ids.len() + frontiers.len();
        }
    }
    let crc = crc32(&header[..snapshot::HEADER_BYTES - 4]);
    header[snapshot::HEADER_BYTES - 4..].copy_from_slice(&crc.to_le_bytes());
    length
}

/// A proof: it is about the certificate that the target checks it against.
fn proof(bytes: &mut [u8]) {
    if let Some(named) = bytes.get_mut(16..48) {
        named.copy_from_slice(&CERTIFICATE);
    }
}

/// The packed leaves, sorted and each key once; what cannot be read ends them.
fn leaves<L: FixedLeaf>(packed: &mut [u8]) -> Vec<L> {
    let mut from = omega_kernel::bytes::Reader::new(packed);
    let mut leaves: Vec<L> = std::iter::from_fn(|| L::read(&mut from).ok()).collect();
    leaves.sort_by_key(L::key_bits);
    leaves.dedup_by_key(|leaf| leaf.key_bits());
    for (leaf, place) in leaves.iter().zip(packed.chunks_exact_mut(L::BYTES)) {
        place.copy_from_slice(leaf.pack().as_ref());
    }
    leaves
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(*bytes[at..].first_chunk().expect("the caller has looked"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(*bytes[at..].first_chunk().expect("the caller has looked"))
}
