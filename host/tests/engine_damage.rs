//! Damage under WebAssembly: what the kernel's own tests show natively of every flipped bit and
//! every truncation of a 64 KiB log comes out the same, to the word, compiled and interpreted.
//!
//! All of it under Cranelift; under Pulley, some thirty times slower, every 127th (bit flips) and
//! every 64th (truncations). For `make test-full`: a small share runs always.

#[path = "../../kernel/tests/common/mod.rs"]
mod common;
#[path = "support/engines.rs"]
mod engines;

use std::ops::Range;

use common::{Ev, ev, log, sign};
use engines::Engines;
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::frame::{FRAME_HEADER_BYTES, Frames, HEADER_BYTES};
use omega_sheaf::engine::{Error, Kernel, Session, Verdict};

const LOG_BYTES: usize = 1 << 16;
const FLIPS: usize = 8 * LOG_BYTES;

/// A log of 64 KiB with a head at its end, and its frames.
struct Sample {
    bytes: Vec<u8>,
    frames: Vec<Range<usize>>,
}

impl Sample {
    fn new() -> Self {
        let mut events: Vec<Ev> = (1..).map(varied).take(150).collect();
        let bytes = |events: &[Ev]| {
            let mut bytes = log("sample", events);
            sign(&mut bytes, 1);
            bytes
        };
        // One event fills the rest to the byte.
        let room = LOG_BYTES - bytes(&[&*events, &[ev(9_999, 1 << 40).text("")]].concat()).len();
        events.push(ev(9_999, 1 << 40).text(&"x".repeat(room)));
        let bytes = bytes(&events);
        assert_eq!(bytes.len(), LOG_BYTES);
        let frames = Frames::new(&bytes).unwrap().1.map(|frame| frame.unwrap());
        let frames = frames.map(|frame| frame.offset as usize..frame.offset as usize + frame.bytes.len());
        Sample { frames: frames.collect(), bytes }
    }

    /// The log with one bit turned.
    fn flipped(&self, flip: usize) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        bytes[flip / 8] ^= 1 << (flip % 8);
        bytes
    }

    /// The log with one bit turned and the checksum over it made to fit; none where the bit stands in
    /// a checksum or a length.
    fn resealed(&self, flip: usize) -> Option<Vec<u8>> {
        let mut bytes = self.flipped(flip);
        let at = flip / 8;
        let Some(frame) = self.frames.iter().find(|frame| frame.contains(&at)) else {
            let crc = crc32fast::hash(&bytes[..124]);
            bytes[124..HEADER_BYTES].copy_from_slice(&crc.to_le_bytes());
            return (at < 124).then_some(bytes);
        };
        if at < frame.start + FRAME_HEADER_BYTES {
            return None;
        }
        let mut crc = crc32fast::Hasher::new();
        crc.update(&bytes[frame.start..frame.start + 4]);
        crc.update(&bytes[frame.start + FRAME_HEADER_BYTES..frame.end]);
        bytes[frame.start + 4..][..4].copy_from_slice(&crc.finalize().to_le_bytes());
        Some(bytes)
    }
}

fn varied(id: u128) -> Ev {
    let event = ev(id, id as u64).node(1 + id as u32 % 3);
    let event = if id > 3 { event.prev(id - 3) } else { event };
    match id % 9 {
        0 => event.text(""),
        1 => event.deps(&(id.saturating_sub(6).max(1)..id).collect::<Vec<_>>()),
        2 => event.claim(id as u8).text(&"claim ".repeat(id as usize)),
        3 => event.salted(id as u8),
        4 => event.erased(),
        5 => event.deps(&[1]).claim(1).salted(2),
        6 => event.text(&"long ".repeat(id as usize)),
        7 => event.mismatch(),
        _ => event.mismatch().erased(),
    }
}

/// A session, begun anew where it accepted something.
struct Judging<'k> {
    kernel: &'k Kernel,
    session: Option<Session>,
}

impl<'k> Judging<'k> {
    fn new(kernel: &'k Kernel) -> Self {
        Judging { kernel, session: None }
    }

    fn judge(&mut self, log: &[u8]) -> Result<Verdict, Fault> {
        let kernel = self.kernel;
        let session = self.session.get_or_insert_with(|| kernel.session().unwrap());
        session.begin_batch(&[None]).unwrap();
        let judged = session.feed(0, log).and_then(|()| session.finish());
        match judged {
            Ok(verdict) => {
                self.session.take_if(|_| verdict.merged);
                Ok(verdict)
            }
            Err(Error::Fault(fault)) => {
                session.abort().unwrap();
                Err(fault)
            }
            Err(Error::Failure(failure)) => panic!("the engine failed: {failure}"),
        }
    }
}

/// Judges what `make` makes of each number natively and by `kernel`, in two threads; how many that were.
fn compare(
    engines: &Engines,
    kernel: &Kernel,
    numbers: impl Iterator<Item = usize> + Clone + Send,
    make: impl Fn(usize) -> Option<Vec<u8>> + Sync,
    check: impl Fn(usize, &Result<Verdict, Fault>) + Sync,
) -> usize {
    let part = |offset: usize, numbers: &mut dyn Iterator<Item = usize>| {
        let (mut native, mut other) = (Judging::new(&engines.native), Judging::new(kernel));
        let mut count = 0;
        for number in numbers.skip(offset).step_by(2) {
            let Some(log) = make(number) else { continue };
            let expected = native.judge(&log);
            check(number, &expected);
            assert_eq!(other.judge(&log), expected, "{number}");
            count += 1;
        }
        count
    };
    std::thread::scope(|scope| {
        let (mut even, mut odd) = (numbers.clone(), numbers);
        let half = scope.spawn(move || part(1, &mut odd));
        part(0, &mut even) + half.join().unwrap()
    })
}

fn damage(step: usize, kernel: impl Fn(&Engines) -> &Kernel) {
    let (engines, sample) = (Engines::new(), Sample::new());
    let kernel = kernel(&engines);
    let found = |flip: usize, judged: &Result<Verdict, Fault>| {
        let fault = judged.as_ref().expect_err("a flipped bit is damage");
        let frame = sample.frames.iter().find(|frame| frame.contains(&(flip / 8)));
        match frame {
            Some(frame) => assert_eq!(fault.offset, Some(frame.start as u64), "{flip}: {fault}"),
            None => assert!(matches!(fault.code, FaultCode::NotALog | FaultCode::LogHeader), "{fault}"),
        }
    };
    let flips = compare(&engines, kernel, (0..FLIPS).step_by(step), |at| Some(sample.flipped(at)), found);
    // Signed: whatever is changed and sealed again does not fit the head, or is no event any more.
    let refused = |flip: usize, judged: &Result<Verdict, Fault>| {
        assert!(judged.is_err(), "{flip}");
    };
    let resealed = compare(&engines, kernel, (0..FLIPS).step_by(step), |at| sample.resealed(at), refused);
    let short = |bytes: usize| Some(sample.bytes[..bytes].to_vec());
    let whole = |bytes: usize, judged: &Result<Verdict, Fault>| {
        let ends = bytes == HEADER_BYTES || sample.frames.iter().any(|frame| frame.end == bytes);
        assert_eq!(judged.is_ok(), ends, "{bytes} bytes");
        let last =
            sample.frames.iter().rev().find(|frame| frame.end <= bytes).map_or(HEADER_BYTES, |f| f.end);
        if let (Err(fault), true) = (judged, bytes >= HEADER_BYTES) {
            assert_eq!((fault.code, fault.offset), (FaultCode::TornTail, Some(last as u64)), "{bytes} bytes");
        }
    };
    let cuts = compare(&engines, kernel, (1..LOG_BYTES).step_by(step.div_ceil(2)), short, whole);
    println!("{flips} flips, {resealed} with a fitting checksum, {cuts} truncations");
}

#[test]
fn a_share_of_the_damage_is_found_by_every_engine() {
    damage(1021, |engines| &engines.cranelift);
    damage(16_381, |engines| &engines.pulley);
}

#[test]
#[ignore = "ten minutes"]
fn all_damage_is_found_under_cranelift() {
    damage(1, |engines| &engines.cranelift);
}

#[test]
#[ignore = "five minutes"]
fn every_127th_damage_is_found_under_pulley() {
    damage(127, |engines| &engines.pulley);
}
