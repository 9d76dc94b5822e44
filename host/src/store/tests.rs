use std::fs;
use std::path::PathBuf;

use omega_kernel::certificate::MAX_CERTIFICATE_BYTES;
use omega_kernel::signature::{Engines, Statement};

use super::*;

/// A certificate as far as the store looks: magic, id and height at their places.
pub(super) fn certificate(height: u64) -> Vec<u8> {
    let mut bytes = vec![0u8; 321];
    bytes[..8].copy_from_slice(b"\x89OMC\r\n\x1a\n");
    bytes[16..32].copy_from_slice(&id(height).to_le_bytes());
    bytes[169..177].copy_from_slice(&height.to_le_bytes());
    let body = vec![height as u8 ^ 0x5a; 1 + height as usize % 5];
    bytes[12..16].copy_from_slice(&(body.len() as u32).to_le_bytes());
    [bytes, body, vec![0, 0]].concat()
}

fn id(height: u64) -> u128 {
    u128::from(height) << 64 | 0xfeed
}

/// A folder in memory where there is one: these tests sync hundreds of times, and what a sync is
/// worth is the crash tests' question.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn with_records(count: u64) -> (tempfile::TempDir, PathBuf) {
    let folder = folder();
    let path = folder.path().join("cert.log");
    let mut store = Store::open(&path).unwrap();
    for height in 0..count {
        store.append_certificate(&certificate(height)).unwrap();
    }
    (folder, path)
}

fn heights(path: &Path) -> Result<(Vec<u64>, Option<Tail>), Failure> {
    let log = CertLog::open(path)?;
    let mut walk = log.records()?;
    let mut heights = Vec::new();
    for entry in &mut walk {
        heights.extend(entry?.record.place().map(|place| place.height));
    }
    Ok((heights, walk.tail()))
}

#[test]
fn what_was_appended_is_read_again() {
    let (_folder, path) = with_records(0);
    let mut store = Store::open(&path).unwrap();
    assert_eq!(*store.recovery(), Recovery::default());
    assert!(store.last_certificate().unwrap().is_none());
    let first = store.append_certificate(&certificate(7)).unwrap();
    assert_eq!(first, 16);
    let signature = SignatureRecord {
        statement: Statement::Witnessed,
        engines: Engines::UNSTATED,
        key: [4; 32],
        signature: [5; 64],
    };
    store.append_cosignature(&[3; 32], &signature).unwrap();
    let third = store.append_certificate(&certificate(8)).unwrap();
    assert_eq!(third % 8, 0);
    assert_eq!(store.last_certificate().unwrap().unwrap().record, Record::Certificate(certificate(8)));
    assert_eq!(store.record_count(), 3);
    let signed = 321 + 1 + 8 % 5;
    assert_eq!(store.tip(), Some((8, omega_kernel::hash::CERT_CHAIN.hash(&certificate(8)[..signed]))));
    let rolling = store.rolling_hash();
    drop(store);

    let store = Store::open(&path).unwrap();
    assert_eq!((store.record_count(), store.rolling_hash()), (3, rolling));
    assert_eq!(*store.recovery(), Recovery::default(), "nothing to put right after a clean close");
    assert_eq!(store.last_certificate().unwrap().unwrap().offset, third);
    let records: Vec<_> = store.records().unwrap().map(|entry| entry.unwrap().record).collect();
    assert_eq!(records[0], Record::Certificate(certificate(7)));
    assert_eq!(records[1], Record::CoSignature { chain_hash: [3; 32], signature });
    assert_eq!(records[2], Record::Certificate(certificate(8)));

    // A certificate ends behind what was added to it.
    let log = CertLog::open(&path).unwrap();
    assert_eq!(log.end_of(7).unwrap(), Some(third));
    assert_eq!(log.end_of(8).unwrap(), Some(fs::metadata(&path).unwrap().len()));
    assert_eq!(log.end_of(9).unwrap(), None);
}

#[test]
fn the_bytes_are_those_of_the_specification() {
    let (_folder, path) = with_records(1);
    let log = fs::read(&path).unwrap();
    let content = [&[1, 0, 0, 0, 0, 0, 0, 0], certificate(0).as_slice()].concat();
    let length = (content.len() as u32).to_le_bytes();
    let crc = crc32fast::hash(&[&length, content.as_slice()].concat()).to_le_bytes();
    let mut expected = b"\x89OML\r\n\x1a\n\x01\0\0\0\0\0\0\0".to_vec();
    expected.extend([length.as_slice(), &crc, &content].concat());
    expected.resize(expected.len().next_multiple_of(8), 0);
    assert_eq!(log, expected);
}

#[test]
fn certificates_are_found_with_and_without_a_sound_index() {
    let (_folder, path) = with_records(40);
    let (index, _) = sidecars(&path);
    let sound = fs::read(&index).unwrap();
    let mut wrong = sound.clone();
    wrong[16 + 24 * 5 + 16] ^= 8;
    for bytes in [Some(sound.clone()), Some(sound[..100].to_vec()), Some(wrong), Some(vec![0xff; 999]), None]
    {
        match bytes {
            Some(bytes) => fs::write(&index, bytes).unwrap(),
            None => fs::remove_file(&index).unwrap(),
        }
        let log = CertLog::open(&path).unwrap();
        for height in 0..40 {
            let expected = Record::Certificate(certificate(height));
            assert_eq!(log.find(id(height)).unwrap().unwrap().record, expected);
            assert_eq!(log.at_height(height).unwrap().unwrap().record, expected);
        }
        assert!(log.find(1).unwrap().is_none() && log.at_height(40).unwrap().is_none());
    }
    let store = Store::open(&path).unwrap();
    assert!(store.recovery().index_rebuilt);
    assert_eq!(fs::read(&index).unwrap(), sound);
}

#[test]
fn sidecars_are_rebuilt_when_missing_behind_or_damaged() {
    let (_folder, path) = with_records(2);
    let (index, hash) = sidecars(&path);
    let behind = [fs::read(&index).unwrap(), fs::read(&hash).unwrap()];
    Store::open(&path).unwrap().append_certificate(&certificate(2)).unwrap();
    let sound = [fs::read(&index).unwrap(), fs::read(&hash).unwrap()];
    let damaged = [vec![1; 7], sound[1].iter().map(|byte| byte ^ 1).collect()];
    for bad in [Some(behind), Some(damaged), None] {
        for (path, place) in [(&index, 0), (&hash, 1)] {
            match &bad {
                Some(bad) => fs::write(path, &bad[place]).unwrap(),
                None => fs::remove_file(path).unwrap(),
            }
        }
        let store = Store::open(&path).unwrap();
        assert!(store.recovery().index_rebuilt && store.recovery().hash_rebuilt);
        assert_eq!(store.recovery().torn, None);
        assert_eq!([fs::read(&index).unwrap(), fs::read(&hash).unwrap()], sound);
    }
}

#[test]
fn there_is_one_writer_and_readers_do_not_mind() {
    let (_folder, path) = with_records(1);
    let writer = Store::open(&path).unwrap();
    let failure = Store::open(&path).unwrap_err();
    assert_eq!(failure.code.name(), "store-locked");
    assert_eq!(failure.file.as_deref(), path.to_str());
    assert_eq!(heights(&path).unwrap(), (vec![0], None));
    drop(writer);
    Store::open(&path).unwrap();
}

#[test]
fn every_flipped_bit_is_damage_named_with_its_record_and_nothing_is_written() {
    let (_folder, path) = with_records(3);
    let sound = fs::read(&path).unwrap();
    let starts: Vec<u64> =
        CertLog::open(&path).unwrap().records().unwrap().map(|e| e.unwrap().offset).collect();
    for bit in 0..sound.len() * 8 {
        let mut bytes = sound.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &bytes).unwrap();
        let failure = Store::open(&path).map(|_| ()).expect_err("damage");
        assert_eq!(failure.code.name(), "store-damaged", "bit {bit}");
        let record = starts.iter().rev().find(|&&start| start <= bit as u64 / 8);
        let expected = record.copied().unwrap_or(if bit < 64 { 0 } else { 8 });
        assert_eq!(failure.offset, Some(expected), "bit {bit}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "bit {bit}: a damaged log was changed");
        assert_eq!(heights(&path).unwrap_err().code.name(), "store-damaged", "bit {bit}, reading");
    }
}

/// A crash between the two syncs leaves the statement one record behind. Only a length can then look
/// like an append that was cut off.
#[test]
fn a_flipped_bit_is_damage_also_where_the_statement_is_one_record_behind() {
    let (_folder, path) = with_records(2);
    let start = fs::read(&path).unwrap().len();
    let (_, hash) = sidecars(&path);
    let behind = fs::read(&hash).unwrap();
    Store::open(&path).unwrap().append_certificate(&certificate(2)).unwrap();
    let sound = fs::read(&path).unwrap();
    for bit in (start + 4) * 8..sound.len() * 8 {
        let mut bytes = sound.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &bytes).unwrap();
        fs::write(&hash, &behind).unwrap();
        let failure = Store::open(&path).map(|_| ()).expect_err("damage");
        assert_eq!((failure.code.name(), failure.offset), ("store-damaged", Some(start as u64)), "bit {bit}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "bit {bit}: a damaged log was changed");
    }
}

#[test]
fn a_log_that_was_cut_after_it_was_complete_has_lost_records() {
    let (_folder, path) = with_records(3);
    let sound = fs::read(&path).unwrap();
    for length in 0..sound.len() {
        fs::write(&path, &sound[..length]).unwrap();
        assert_eq!(Store::open(&path).unwrap_err().code.name(), "store-damaged", "cut at {length}");
        assert_eq!(heights(&path).unwrap_err().code.name(), "store-damaged", "cut at {length}");
        assert_eq!(fs::read(&path).unwrap(), sound[..length]);
    }
}

#[test]
fn a_torn_tail_is_ignored_by_readers_and_cut_by_the_writer() {
    let (_folder, path) = with_records(2);
    let before = fs::read(&path).unwrap();
    let (_, hash) = sidecars(&path);
    let hash_before = fs::read(&hash).unwrap();
    Store::open(&path).unwrap().append_certificate(&certificate(2)).unwrap();
    let after = fs::read(&path).unwrap();
    for length in before.len() + 1..after.len() {
        fs::write(&path, &after[..length]).unwrap();
        fs::write(&hash, &hash_before).unwrap();
        let tail = Tail { offset: before.len() as u64, bytes: (length - before.len()) as u64 };
        assert_eq!(heights(&path).unwrap(), (vec![0, 1], Some(tail)));
        assert_eq!(fs::read(&path).unwrap(), after[..length], "a reader wrote");
        // Syncing takes its time; the crash tests cut at every byte.
        if length % 24 == 1 {
            let store = Store::open(&path).unwrap();
            assert_eq!(store.recovery().torn, Some(tail));
            assert_eq!(fs::read(&path).unwrap(), before);
        }
    }
}

#[test]
fn a_record_after_the_bad_one_makes_it_damage_even_without_sidecars() {
    let (_folder, path) = with_records(3);
    let (index, hash) = sidecars(&path);
    let mut bytes = fs::read(&path).unwrap();
    bytes[16 + 2] ^= 1; // the first record's length now runs past the end
    fs::write(&path, &bytes).unwrap();
    fs::remove_file(index).unwrap();
    fs::remove_file(hash).unwrap();
    let failure = Store::open(&path).unwrap_err();
    assert_eq!((failure.code.name(), failure.offset), ("store-damaged", Some(16)));
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn an_altered_record_with_a_fitting_checksum_is_still_found_out() {
    let (_folder, path) = with_records(2);
    let (folder, other) = with_records(0);
    let mut store = Store::open(&other).unwrap();
    for height in [9, 1] {
        let mut bytes = certificate(height % 5);
        bytes[40] ^= u8::from(height == 9);
        store.append_certificate(&bytes).unwrap();
    }
    drop(store);
    fs::write(&path, fs::read(&other).unwrap()).unwrap();
    assert_eq!(Store::open(&path).unwrap_err().code.name(), "store-damaged");
    drop(folder);
}

#[test]
fn what_is_no_certificate_log_is_left_alone() {
    let folder = folder();
    let path = folder.path().join("notes.txt");
    fs::write(&path, "dear diary").unwrap();
    assert_eq!(Store::open(&path).unwrap_err().offset, Some(0));
    assert_eq!(fs::read_to_string(&path).unwrap(), "dear diary");
    assert_eq!(Store::open(folder.path()).unwrap_err().code.name(), "is-a-directory");
    assert_eq!(CertLog::open(folder.path()).unwrap_err().code.name(), "is-a-directory");
    assert_eq!(CertLog::open(&folder.path().join("none")).unwrap_err().code.name(), "file-not-found");
    assert_eq!(Store::open(&folder.path().join("x.idx")).unwrap_err().code.name(), "usage");
    let mut newer = LOG_HEADER;
    newer[8] = 2;
    fs::write(&path, newer).unwrap();
    assert!(Store::open(&path).unwrap_err().message.contains("version"));
}

#[test]
fn what_is_no_certificate_is_not_stored() {
    let (_folder, path) = with_records(1);
    let before = fs::read(&path).unwrap();
    let mut store = Store::open(&path).unwrap();
    assert!(store.append_certificate(&certificate(0)[..320]).is_err());
    assert!(store.append_certificate(&[0; 400]).is_err());
    let mut longest = certificate(1);
    longest.resize(MAX_CERTIFICATE_BYTES as usize + 1, 0);
    assert!(store.append_certificate(&longest).is_err());
    assert_eq!(fs::read(&path).unwrap(), before);
    longest.pop();
    store.append_certificate(&longest).unwrap();
    assert_eq!(store.last_certificate().unwrap().unwrap().record, Record::Certificate(longest));
}
