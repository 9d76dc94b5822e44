//! What a run is refused for, each rule broken once, and what two runs are when they are joined.

use crate::common::{Ev, ev, judge, log, sign};
use omega_kernel::entry::{Entry, Rest};
use omega_kernel::fault::FaultCode;
use omega_kernel::frame::HEADER_BYTES;
use omega_kernel::limits::{MAX_DEPS, MAX_PAYLOAD_BYTES};
use omega_kernel::run::Part;
use omega_kernel::scan::{RunScanner, ScanPart};
use omega_kernel::session::{LogInput, Session};

/// Bytes before the file header, where a run has one.
const FIXED_BYTES: usize = 48;
const HEAD_BYTES: usize = 152;
const ENTRY_BYTES: usize = 128;

fn run(log: &[u8], start: usize, end: usize) -> Vec<u8> {
    let mut scanner = RunScanner::new(ScanPart { offset: start as u64, ..ScanPart::default() });
    scanner.push(&log[start..end]).unwrap();
    scanner.finish(end == log.len()).unwrap()
}

#[track_caller]
fn refused(run: &[u8], at: usize, expected: &str) {
    let fault = Part::decode(run).expect_err(expected);
    assert_eq!((fault.code, fault.offset), (FaultCode::RunMalformed, Some(at as u64)), "{fault}");
    assert!(fault.message.contains(expected), "{fault}");
}

#[test]
fn a_run_is_read_as_it_was_written() {
    let mut signed = log("a", &[ev(1, 1).claim(4), ev(2, 2).deps(&[1]).mismatch()]);
    let unsigned = signed.len();
    sign(&mut signed, 3);
    for (start, end) in [(0, signed.len()), (0, unsigned), (HEADER_BYTES, signed.len())] {
        let run = run(&signed, start, end);
        let (part, entries) = Part::decode(&run).unwrap();
        assert_eq!((part.last, part.head.is_some()), (end != unsigned, end != unsigned));
        assert_eq!(part.header.is_some(), start == 0);
        assert_eq!(part.encode(&entries), run);
    }
}

#[test]
fn a_run_does_not_end_before_its_start() {
    let whole = log("a", &[]);
    for start in [0, 1, HEADER_BYTES as u64, 1 << 40] {
        let mut run = run(&whole, HEADER_BYTES, HEADER_BYTES);
        run[8..16].copy_from_slice(&start.to_le_bytes());
        run[16..24].copy_from_slice(&start.to_le_bytes());
        if start >= HEADER_BYTES as u64 {
            assert!(Part::decode(&run).is_ok(), "a part without frames");
            run[16..24].copy_from_slice(&(start - 1).to_le_bytes());
        }
        refused(&run, 16, "an end behind the start");
    }
}

/// A run of one entry that this was done to.
fn with(change: impl Fn(&mut Entry, &mut Rest)) -> Vec<u8> {
    let whole = log("a", &[ev(1 << 20, 1)]);
    let (part, mut entries) = Part::decode(&run(&whole, HEADER_BYTES, whole.len())).unwrap();
    change(entries.list.get_mut(0), entries.rest.get_mut(0));
    let entry = *entries.list.get(0);
    entries.deps = (0..entry.dep_count.into()).collect();
    entries.claims = vec![[7; 32]; entry.has_claim().into()];
    part.encode(&entries)
}

#[test]
fn an_entry_has_the_shape_that_scanning_gives() {
    let most = with(|entry, rest| {
        entry.flags = 3;
        entry.dep_count = MAX_DEPS;
        rest.payload_len = MAX_PAYLOAD_BYTES as u32;
    });
    assert!(Part::decode(&most).is_ok());
    let mut padded = with(|_, _| ());
    padded[FIXED_BYTES + ENTRY_BYTES - 4] = 1;
    for run in [
        with(|entry, _| entry.flags = 8),
        with(|entry, _| entry.dep_count = MAX_DEPS + 1),
        with(|_, rest| rest.payload_len = MAX_PAYLOAD_BYTES as u32 + 1),
        padded,
    ] {
        refused(&run, FIXED_BYTES, "an entry that a scanner makes");
    }
}

#[test]
fn entries_and_deps_stand_in_order() {
    let mut whole = log("a", &[ev(1, 1), ev(2, 2).deps(&[8, 9])]);
    sign(&mut whole, 3);
    let first = FIXED_BYTES + HEADER_BYTES + HEAD_BYTES;
    let mut swapped = run(&whole, 0, whole.len());
    let (one, other) = swapped[first..first + 2 * ENTRY_BYTES].split_at_mut(ENTRY_BYTES);
    one.swap_with_slice(other);
    refused(&swapped, first, "entries in canonical order");
    for deps in [[8u128, 8], [9, 8]] {
        let mut run = run(&whole, 0, whole.len());
        run[first + 2 * ENTRY_BYTES..].copy_from_slice(&deps.map(u128::to_le_bytes).concat());
        refused(&run, first, "deps that ascend strictly");
    }
}

/// Deps, claims and observed payloads of a second run lie behind those of the first.
#[test]
fn joined_runs_are_judged_as_the_log_is() {
    let varied = |n: u128| {
        let other = Ev { payload: Some(vec![n as u8; 20]), ..ev(n, n as u64) };
        if n > 1 { other.deps(&[n - 1]).claim(n as u8) } else { other }
    };
    let events = [1, 2, 3, 4].map(varied);
    let (whole, half) = (log("a", &events), log("a", &events[..2]).len());
    let mut session = Session::genesis();
    session.begin_batch(&[LogInput::default()]).unwrap();
    session.absorb(0, &run(&whole, 0, half)).unwrap();
    session.absorb(0, &run(&whole, half, whole.len())).unwrap();
    assert_eq!(session.finish().unwrap().body, judge(&[whole]).body);
}
