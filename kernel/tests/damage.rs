//! A 64 KiB log with every kind of frame, and all that can happen to its bytes.
//!
//! The scanner is stateless, so what a change does to a frame is found by scanning from that frame
//! on; a sample of the same changes goes through whole sessions.

use std::ops::Range;

use crate::common::{Ev, ev, log, sign, try_judge_in};
use omega_kernel::body::{Body, Core};
use omega_kernel::entry::Entries;
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::frame::{FRAME_HEADER_BYTES, Frames, HEADER_BYTES, LogHeader};
use omega_kernel::hash::Hash;
use omega_kernel::scan::{ScanPart, Scanner};
use omega_kernel::session::Session;
use omega_kernel::wire::Message;

const LOG_BYTES: usize = 1 << 16;

/// A log of exactly 64 KiB: payloads from none to 8 KiB, deps, claims, salts, erasures with and
/// without what was observed, links, causal-only streams, and a head midway.
struct Sample {
    bytes: Vec<u8>,
    /// The frames' bytes, each with its header.
    frames: Vec<Range<usize>>,
}

impl Sample {
    fn new() -> Self {
        let mut bytes = log("sample", &[]);
        for id in 1.. {
            if bytes.len() + 9_000 > LOG_BYTES {
                break;
            }
            bytes.extend_from_slice(&log("sample", &[varied(id)])[HEADER_BYTES..]);
            if id == 40 {
                // A head that the log went on behind, as after a second append.
                sign(&mut bytes, 5);
            }
        }
        // One event fills the rest to the byte.
        let filler = ev(9_999, u64::MAX).node(77).text("");
        let room =
            LOG_BYTES - bytes.len() - (log("sample", std::slice::from_ref(&filler)).len() - HEADER_BYTES);
        let filler = filler.text(&"filler! ".repeat(room / 8));
        bytes.extend_from_slice(&log("sample", &[filler])[HEADER_BYTES..]);
        assert_eq!(bytes.len(), LOG_BYTES);
        let frames = Frames::new(&bytes).unwrap().1.map(|frame| frame.unwrap());
        let frames = frames.map(|frame| frame.offset as usize..frame.offset as usize + frame.bytes.len());
        Sample { frames: frames.collect(), bytes }
    }

    /// The frame that holds a byte; none for the header.
    fn frame_of(&self, at: usize) -> Option<Range<usize>> {
        self.frames.iter().find(|frame| frame.contains(&at)).cloned()
    }
}

fn varied(id: u128) -> Ev {
    let number = id as usize;
    let base = ev(id, id as u64).node(1 + id as u32 % 3);
    let behind = |ev: Ev| if id > 3 { ev.prev(id - 3) } else { ev };
    match number % 12 {
        0 => behind(base.text("")),
        1 => behind(base).deps(&(id.saturating_sub(7).max(1)..id).collect::<Vec<_>>()),
        2 => behind(base.text(&"x".repeat(number))).claim(id as u8),
        3 => behind(base).salted(id as u8),
        4 => behind(base.text(&"long ".repeat(40 * (number % 30)))),
        5 => behind(base).erased(),
        6 => behind(base).claim(1).salted(2).deps(&[1]),
        7 => behind(base.text("odd")),
        8 => behind(base).deps(&[1]).erased(),
        9 if number.is_multiple_of(5) => behind(base).mismatch(),
        10 if number.is_multiple_of(5) => behind(base).mismatch().erased(),
        _ => behind(base).claim(3),
    }
}

/// Scans from a frame on (or from the header), to the log's end.
fn scan_from(bytes: &[u8], start: usize) -> Result<Entries, Fault> {
    let mut entries = Entries::default();
    let mut scanner = Scanner::new(ScanPart { offset: start as u64, ..ScanPart::default() });
    scanner.push(&bytes[start..], &mut entries)?;
    scanner.finish(true)?;
    Ok(entries)
}

fn judged(log: &[u8]) -> Result<Core, Fault> {
    let finished = try_judge_in(&mut Session::genesis(), &[log.to_vec()])?;
    Ok(Body::split(&finished.body).unwrap().decode().unwrap().0)
}

/// Runs `each` for every bit from byte `start` on, in two threads, each with a copy of its own.
fn for_each_bit(bytes: &[u8], start: usize, each: impl Fn(&mut Vec<u8>, usize, u8) + Sync) {
    let part = |range: Range<usize>| {
        let mut copy = bytes.to_vec();
        range.for_each(|at| (0..8).for_each(|bit| each(&mut copy, at, 1 << bit)));
    };
    let middle = (start + bytes.len()) / 2;
    std::thread::scope(|scope| {
        scope.spawn(|| part(start..middle));
        part(middle..bytes.len());
    });
}

fn seal(frame: &mut [u8]) {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&frame[..4]);
    crc.update(&frame[FRAME_HEADER_BYTES..]);
    frame[4..8].copy_from_slice(&crc.finalize().to_le_bytes());
}

#[test]
fn each_flipped_bit_is_found_in_its_frame() {
    let sample = Sample::new();
    assert!(judged(&sample.bytes).is_ok());
    for_each_bit(&sample.bytes, 0, |bytes, at, bit| {
        bytes[at] ^= bit;
        let start = sample.frame_of(at).map_or(0, |frame| frame.start);
        let fault = scan_from(bytes, start).expect_err("a flipped bit is damage");
        if start == 0 {
            assert!(matches!(fault.code, FaultCode::NotALog | FaultCode::LogHeader), "{at}: {fault}");
            assert!(fault.offset.unwrap() < HEADER_BYTES as u64);
        } else {
            let last = start == sample.frames.last().unwrap().start;
            let torn = last && at < start + 4 && fault.code == FaultCode::TornTail;
            assert!(torn || fault.code == FaultCode::FrameDamaged, "{at}: {fault}");
            assert_eq!(fault.offset, Some(start as u64), "{at}: {fault}");
            assert!(fault.message.contains(&format!("byte {start}")), "{fault}");
        }
        if sampled(at, bit, 211) {
            let whole = try_judge_in(&mut Session::genesis(), std::slice::from_ref(bytes)).unwrap_err();
            assert_eq!(whole, fault.in_log(0));
        }
        bytes[at] ^= bit;
    });
}

/// Whether a flip is among the one in `every` that also goes through a whole session.
fn sampled(at: usize, bit: u8, every: usize) -> bool {
    (8 * at + bit.trailing_zeros() as usize).is_multiple_of(every)
}

/// What a flipped bit comes to once somebody made the checksum fit again.
#[test]
fn each_flipped_bit_under_a_fitting_checksum_is_a_fault_or_another_log() {
    let sample = Sample::new();
    let original = judged(&sample.bytes).unwrap();
    for_each_bit(&sample.bytes, HEADER_BYTES, |bytes, at, bit| {
        let range = sample.frame_of(at).unwrap();
        let (place, old) = (at - range.start, &sample.bytes[range.clone()]);
        if (4..8).contains(&place) {
            return; // The checksum itself: making it fit undoes the damage.
        }
        if place < 4 {
            // Another length: the checksum is made to fit what the length now covers.
            bytes[at] ^= bit;
            let length = u32::from_le_bytes(bytes[range.start..][..4].try_into().unwrap()) as usize;
            let end = range.start + FRAME_HEADER_BYTES + length;
            if end <= bytes.len() {
                seal(&mut bytes[range.start..end]);
            }
            let fault = scan_from(bytes, range.start).expect_err("another length is damage");
            assert_eq!(fault.offset, Some(range.start as u64), "{at}: {fault}");
            bytes.copy_from_slice(&sample.bytes);
            return;
        }
        let mut frame = old.to_vec();
        frame[place] ^= bit;
        seal(&mut frame);
        bytes[range.clone()].copy_from_slice(&frame);
        let sampled = sampled(at, bit, 307);
        match leaf(&frame) {
            Err(fault) => {
                let schema = [
                    FaultCode::NotCanonical,
                    FaultCode::UnknownField,
                    FaultCode::FieldInvalid,
                    FaultCode::LimitExceeded,
                ];
                assert!(schema.contains(&fault.code), "{at}: {fault}");
                if sampled {
                    let whole = judged(bytes).unwrap_err();
                    assert_eq!((whole.code, whole.offset), (fault.code, Some(range.start as u64)));
                }
            }
            // Another leaf: another log root, and so another log than any certificate names.
            Ok(Some(changed)) => {
                assert_ne!(Some(changed), leaf(old).unwrap(), "{at}");
                if sampled {
                    let now = judged(bytes).unwrap();
                    assert_ne!(now.logs[0].root, original.logs[0].root, "{at}");
                }
            }
            // A head that the log went on behind counts for nothing, and changes nothing.
            Ok(None) => {
                assert!(leaf(old).unwrap().is_none());
                if sampled {
                    assert_eq!(judged(bytes).unwrap(), original);
                }
            }
        }
        bytes[range].copy_from_slice(old);
    });
}

/// The Merkle leaf that a frame gives its log; none for a head.
fn leaf(frame: &[u8]) -> Result<Option<Hash>, Fault> {
    let mut log = LogHeader::new("a").unwrap().encode().to_vec();
    let offset = log.len();
    log.extend_from_slice(frame);
    let entries = scan_from(&log, offset)?;
    Ok(entries.list.iter().next().map(|entry| entries.leaf(entry)))
}

#[test]
fn each_flipped_bit_of_the_header_under_a_fitting_checksum_is_a_fault_or_another_name() {
    let original = log("sample", &[ev(1, 1)]);
    for at in 0..124 {
        for bit in 0..8 {
            let mut bytes = original.clone();
            bytes[at] ^= 1 << bit;
            let crc = crc32fast::hash(&bytes[..124]);
            bytes[124..128].copy_from_slice(&crc.to_le_bytes());
            let judged = judged(&bytes);
            match (at, judged) {
                (48..54, Ok(core)) => assert_ne!(core.logs[0].name, "sample"),
                (0..8, Err(fault)) => assert_eq!((fault.code, fault.offset), (FaultCode::NotALog, Some(0))),
                (8..10, Err(fault)) => {
                    assert_eq!((fault.code, fault.offset), (FaultCode::LogVersion, Some(8)))
                }
                (16..48, Err(fault)) => {
                    assert_eq!((fault.code, fault.offset), (FaultCode::LogSchema, Some(16)))
                }
                (_, Err(fault)) => assert_eq!(fault.code, FaultCode::LogHeader, "{at}"),
                (_, Ok(_)) => panic!("byte {at}, bit {bit} was not noticed"),
            }
        }
    }
}

#[test]
fn each_flipped_bit_of_a_signed_log_under_a_fitting_checksum_is_refused() {
    let mut bytes = log("signed", &[ev(1, 1), ev(2, 2).prev(1).claim(1).salted(1)]);
    sign(&mut bytes, 9);
    let (_, frames) = Frames::new(&bytes).unwrap();
    for frame in frames.map(|frame| frame.unwrap()) {
        let start = frame.offset as usize;
        for at in start + 8..start + frame.bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                seal(&mut changed[start..start + frame.bytes.len()]);
                let fault = judged(&changed).expect_err("signed");
                let head = matches!(frame.message, Message::Head(_));
                let expected = fault.code.exit() == 30 && fault.offset == Some(start as u64)
                    || fault.code == FaultCode::HeadMismatch;
                assert!(expected, "{at}: {fault}");
                assert!(
                    !head || fault.code == FaultCode::HeadMismatch || at < start + 16 || at >= start + 152
                );
            }
        }
    }
}

#[test]
fn each_truncation_keeps_every_good_frame() {
    let sample = Sample::new();
    let all: Vec<_> = Frames::new(&sample.bytes).unwrap().1.map(|frame| frame.unwrap().message).collect();
    let check = |end: usize| {
        let bytes = &sample.bytes[..end];
        if end < HEADER_BYTES {
            let expected = if end == 0 { FaultCode::NotALog } else { FaultCode::LogHeader };
            let fault = Frames::new(bytes).unwrap_err();
            assert_eq!((fault.code, fault.offset), (expected, Some(0)));
            assert_eq!(scan_from(bytes, 0).unwrap_err(), fault.in_log(0));
            return;
        }
        let (_, mut frames) = Frames::new(bytes).unwrap();
        let whole = sample.frames.iter().take_while(|frame| frame.end <= end).count();
        for expected in &all[..whole] {
            assert_eq!(frames.next().unwrap().unwrap().message, *expected, "{end}");
        }
        let stop = sample.frames[..whole].last().map_or(HEADER_BYTES, |frame| frame.end);
        assert_eq!(frames.offset(), stop as u64);
        let rest = scan_from(bytes, stop);
        match end == stop {
            true => {
                assert!(frames.next().is_none());
                assert!(rest.unwrap().list.is_empty());
            }
            false => {
                let fault = frames.next().unwrap().unwrap_err();
                assert_eq!((fault.code, fault.offset), (FaultCode::TornTail, Some(stop as u64)), "{end}");
                assert!(frames.next().is_none(), "nothing is read behind a fault");
                assert_eq!(rest.unwrap_err(), fault.in_log(0));
            }
        }
    };
    std::thread::scope(|scope| {
        // Longer prefixes take longer: the odd ones here, the even ones there.
        scope.spawn(|| (1..LOG_BYTES).step_by(2).for_each(check));
        (0..LOG_BYTES).step_by(2).for_each(check);
    });
}
