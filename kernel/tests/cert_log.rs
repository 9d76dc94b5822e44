//! `cert.log` and the files derived from it: whole, torn and damaged.

use crate::support::refused;
use omega_kernel::cert_index::{INDEX_HEADER, IndexEntry, SUMMARY_BYTES, Summary, decode_index};
use omega_kernel::cert_log::{LOG_HEADER, Record, Records, Rolling, TornTail};
use omega_kernel::certificate::MAX_CERTIFICATE_BYTES;
use omega_kernel::fault::{Fault, FaultCode::*};
use omega_kernel::signature::{Engines, SignatureRecord, Statement};

fn co_signature() -> Record<'static> {
    let signature = SignatureRecord {
        statement: Statement::Vouched,
        engines: Engines::UNSTATED,
        key: [1; 32],
        signature: [2; 64],
    };
    Record::CoSignature { chain_hash: [3; 32], signature }
}

/// Two records and the offset of each, and of the end.
fn log() -> (Vec<u8>, [usize; 3]) {
    let mut log = LOG_HEADER.to_vec();
    let mut ends = [log.len(); 3];
    for (place, record) in [Record::Certificate(b"eleven byte"), co_signature()].iter().enumerate() {
        record.append(&mut log).unwrap();
        ends[place + 1] = log.len();
    }
    (log, ends)
}

/// Offsets of the whole records, and the tail.
fn read(log: &[u8]) -> Result<(Vec<u64>, Option<TornTail>), Fault> {
    let mut records = Records::new(log)?;
    let mut offsets = Vec::new();
    for entry in records.by_ref() {
        offsets.push(entry?.offset);
    }
    Ok((offsets, records.tail()))
}

#[test]
fn records_survive_their_bytes() {
    let (log, [first, second, end]) = log();
    assert_eq!((first, second, end), (16, 16 + 8 + 24, 48 + 8 + 144));
    let mut records = Records::new(&log).unwrap();
    let entries: Vec<_> = records.by_ref().collect::<Result<_, _>>().unwrap();
    assert_eq!(entries[0].record, Record::Certificate(b"eleven byte"));
    assert_eq!(entries[1].record, co_signature());
    assert_eq!(entries[0].framed, &log[first..second]);
    assert_eq!(entries[1].framed, &log[second..]);
    assert_eq!((records.tail(), records.whole_len()), (None, end as u64));
    assert_eq!(log[first..first + 4], 19u32.to_le_bytes());
    assert_eq!(log[first + 8..first + 16], [1, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(log[second + 8..second + 16], [2, 0, 0, 0, 0, 0, 0, 0]);
    let mut crc = crc32fast::Hasher::new();
    crc.update(&log[first..first + 4]);
    crc.update(&log[first + 8..first + 8 + 19]);
    assert_eq!(log[first + 4..first + 8], crc.finalize().to_le_bytes());
}

#[test]
fn every_truncation_leaves_the_whole_records_and_names_the_rest() {
    let (log, ends) = log();
    for len in 0..=log.len() {
        let (offsets, tail) = read(&log[..len]).unwrap();
        let whole = ends.iter().rev().find(|&&end| end <= len).copied();
        assert_eq!(offsets.len(), ends[1..].iter().filter(|&&end| end <= len).count());
        let start = whole.unwrap_or(0);
        let torn = (start != len).then(|| TornTail { offset: start as u64, len: (len - start) as u64 });
        assert_eq!(tail, torn, "cut to {len}");
        let mut records = Records::new(&log[..len]).unwrap();
        records.by_ref().for_each(drop);
        assert_eq!(records.whole_len(), start as u64);
    }
}

#[test]
fn no_flipped_bit_goes_unnoticed_or_drops_a_later_record() {
    let (log, [_, second, _]) = log();
    for bit in 0..log.len() * 8 {
        let mut damaged = log.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        match read(&damaged) {
            Err(fault) => {
                let newer = (64..80).contains(&bit);
                assert!(fault.code == CertLogDamaged || newer && fault.code == CertVersion, "bit {bit}");
                let record = if bit / 8 < 16 {
                    0..16
                } else {
                    (if bit / 8 < second { 16 } else { second }) as u64..200
                };
                assert!(record.contains(&fault.offset.unwrap()), "bit {bit} at {:?}", fault.offset);
            }
            Ok((offsets, tail)) => {
                let length_of_the_last = (second..second + 4).contains(&(bit / 8));
                assert!(length_of_the_last, "bit {bit}");
                assert_eq!(offsets, [16]);
                assert_eq!(tail.unwrap().offset, second as u64, "the record is reported, not lost");
            }
        }
    }
}

#[test]
fn a_length_past_the_end_is_damage_where_a_record_follows() {
    let (mut log, [first, second, end]) = log();
    log[first..first + 4].copy_from_slice(&1_000u32.to_le_bytes());
    let fault = read(&log).unwrap_err();
    assert_eq!((fault.code, fault.offset), (CertLogDamaged, Some(first as u64)));
    log[second + 20] ^= 1;
    let (offsets, tail) = read(&log).unwrap();
    assert!(offsets.is_empty());
    assert_eq!(tail, Some(TornTail { offset: first as u64, len: (end - first) as u64 }));
}

#[test]
fn lengths_that_no_append_writes_are_damage() {
    for len in [0, 1, 8, MAX_CERTIFICATE_BYTES + 9, u32::MAX] {
        let bytes = [&LOG_HEADER[..], &len.to_le_bytes()].concat();
        assert_eq!(refused(read(&bytes)), CertLogDamaged, "{len}");
    }
    for len in [9, MAX_CERTIFICATE_BYTES + 8] {
        let bytes = [&LOG_HEADER[..], &len.to_le_bytes()].concat();
        assert_eq!(read(&bytes).unwrap().1, Some(TornTail { offset: 16, len: 4 }), "{len}");
    }
    let longest = vec![0; MAX_CERTIFICATE_BYTES as usize + 1];
    let mut log = LOG_HEADER.to_vec();
    assert_eq!(refused(Record::Certificate(&longest).append(&mut log)), LimitExceeded);
    assert_eq!(log, LOG_HEADER, "nothing is appended");
    assert!(Record::Certificate(&longest[1..]).append(&mut log).is_ok());
    assert_eq!(read(&log).unwrap(), (vec![16], None));
}

#[test]
fn a_hostile_tail_is_given_up_on_as_damage() {
    let mut log = LOG_HEADER.to_vec();
    log.extend_from_slice(&(16u32 << 20).to_le_bytes());
    log.resize(16 + 8, 0);
    for place in 0..100_000u32 {
        log.extend_from_slice(&790_000u32.saturating_sub(8 * place).to_le_bytes());
        log.extend_from_slice(&[0; 4]);
    }
    assert_eq!(refused(read(&log)), CertLogDamaged);
}

#[test]
fn an_honest_tail_is_torn_whatever_it_holds() {
    for byte in [0x00, 0x20, 0xff] {
        let mut log = [&LOG_HEADER[..], &100_000u32.to_le_bytes()].concat();
        log.resize(50_000, byte);
        assert_eq!(read(&log).unwrap().1, Some(TornTail { offset: 16, len: 49_984 }), "{byte}");
    }
    // What looks like a record that runs past the end costs nothing, however often it does.
    let mut log = [&LOG_HEADER[..], &[0, 0, 16, 0, 0, 0, 0, 0].repeat(10_000)].concat();
    assert_eq!(read(&log).unwrap().1, Some(TornTail { offset: 16, len: 80_000 }));
    // But a record that ends where the log does is one.
    Record::Certificate(b"eleven byte").append(&mut log).unwrap();
    assert_eq!(refused(read(&log)), CertLogDamaged);
}

/// A framed record with a right checksum over any content.
fn framed(content: &[u8]) -> Vec<u8> {
    let len = (content.len() as u32).to_le_bytes();
    let mut crc = crc32fast::Hasher::new();
    crc.update(&len);
    crc.update(content);
    let mut bytes = [&LOG_HEADER[..], &len, &crc.finalize().to_le_bytes(), content].concat();
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

#[test]
fn kinds_and_their_shapes_are_closed() {
    let (log, [_, second, _]) = log();
    let content = &log[second + 8..second + 8 + 8 + 32 + 98];
    assert!(read(&framed(content)).is_ok());
    assert_eq!(refused(read(&framed(&[content, &[0]].concat()))), CertLogDamaged);
    assert_eq!(refused(read(&framed(&content[..137]))), CertLogDamaged);
    for (at, byte) in [(0, 0), (0, 3), (1, 1), (7, 1), (40, 2), (41, 5)] {
        let mut wrong = content.to_vec();
        wrong[at] = byte;
        let fault = read(&framed(&wrong)).unwrap_err();
        assert_eq!(fault.code, CertLogDamaged, "byte {at}");
        assert_eq!(fault.offset, Some(24 + if at < 8 { 0 } else { at as u64 }));
    }
}

#[test]
fn reading_ends_at_the_first_damage() {
    let (mut log, [first, ..]) = log();
    log[first + 10] = 1;
    let mut records = Records::new(&log).unwrap();
    assert!(records.next().unwrap().is_err());
    assert!(records.next().is_none());
}

#[test]
fn headers_are_told_apart() {
    assert_eq!(read(&LOG_HEADER).unwrap(), (vec![], None));
    assert_eq!(refused(read(&INDEX_HEADER)), CertLogDamaged);
    let mut newer = LOG_HEADER;
    newer[8] = 2;
    for len in 9..=newer.len() {
        assert_eq!(refused(read(&newer[..len])), if len < 10 { CertLogDamaged } else { CertVersion });
    }
    for other in [&b"x"[..], b"\x89OMG", b"not a log"] {
        assert_eq!(refused(read(other)), CertLogDamaged);
    }
    newer[8] = 0;
    assert_eq!(refused(read(&newer)), CertLogDamaged);
    let mut padded = LOG_HEADER;
    padded[15] = 1;
    assert_eq!(refused(read(&padded)), CertLogDamaged);
}

#[test]
fn the_rolling_hash_covers_every_record_in_order() {
    let (log, [first, second, _]) = log();
    let (one, two) = (&log[first..second], &log[second..]);
    let roll = |records: &[&[u8]]| {
        let mut rolling = Rolling::start();
        records.iter().for_each(|record| rolling.push(record));
        rolling.hash()
    };
    let domain = omega_kernel::hash::CERT_LOG;
    let start = domain.hash(&LOG_HEADER);
    assert_eq!(roll(&[]), start);
    assert_eq!(roll(&[one]), domain.hash(&[&start[..], one].concat()));
    assert_ne!(roll(&[one, two]), roll(&[two, one]));
    let mut resumed = Rolling::resume(roll(&[one]));
    resumed.push(two);
    assert_eq!(resumed.hash(), roll(&[one, two]));
}

#[test]
fn derived_files_survive_their_bytes_and_are_read_strictly() {
    let entries = [IndexEntry { id: 1 << 100, offset: 16 }, IndexEntry { id: 7, offset: 1 << 40 }];
    let mut index = INDEX_HEADER.to_vec();
    entries.iter().for_each(|entry| index.extend_from_slice(&entry.encode()));
    assert_eq!(decode_index(&index).unwrap(), entries);
    for len in 0..index.len() {
        let whole = len >= 16 && (len - 16) % 24 == 0;
        assert_eq!(decode_index(&index[..len]).is_ok(), whole, "{len}");
    }
    index[8] = 2;
    assert_eq!(refused(decode_index(&index)), CertVersion);

    let summary = Summary { record_count: 1, log_len: 2, height: 3, chain_hash: [4; 32], rolling: [5; 32] };
    let bytes = summary.encode();
    assert_eq!(bytes.len(), SUMMARY_BYTES);
    assert_eq!(Summary::decode(&bytes), Ok(summary));
    for len in 0..bytes.len() {
        assert_eq!(refused(Summary::decode(&bytes[..len])), CertLogDamaged);
    }
    assert_eq!(refused(Summary::decode(&[&bytes[..], &[0]].concat())), CertLogDamaged);
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(Summary::decode(&damaged).is_err(), "bit {bit}");
    }
}
