//! What a session allows, in which order, and what it says where something is out of it.

use crate::common::{ev, log};
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::scan::{RunScanner, ScanPart};
use omega_kernel::session::{LogInput, Session};

fn open(limit: Option<u64>) -> Session {
    let mut session = Session::genesis();
    session.begin_batch(&[LogInput { limit }]).unwrap();
    session
}

/// A log of three events, and where its parts of one, two and no events start.
fn log_in_parts() -> (Vec<u8>, [usize; 4]) {
    let events = [ev(1, 1), ev(2, 2), ev(3, 3)];
    let whole = log("a", &events);
    let (first, end) = (log("a", &events[..1]).len(), whole.len());
    (whole, [0, first, end, end])
}

fn run(part: usize, last: bool) -> Vec<u8> {
    let (log, starts) = log_in_parts();
    let end = starts.get(part + 1).map_or(log.len(), |&end| end);
    let mut scanner = RunScanner::new(ScanPart { log: 0, offset: starts[part] as u64, limit: None });
    scanner.push(&log[starts[part]..end]).unwrap();
    scanner.finish(last).unwrap()
}

#[track_caller]
fn fails<T: core::fmt::Debug>(result: Result<T, Fault>, code: FaultCode, words: &str) {
    let fault = result.expect_err(words);
    assert_eq!(fault.code, code, "{fault:?}");
    assert!(fault.message.contains(words), "{}", fault.message);
}

#[test]
fn feeding_tells_how_many_events_were_read() {
    let events = [ev(1, 1), ev(2, 2), ev(3, 3)];
    let (bytes, ends) = (log("a", &events), [1, 2, 3].map(|count| log("a", &events[..count]).len()));
    for limit in [None, Some(0), Some(1), Some(2), Some(3), Some(9)] {
        let mut session = open(limit);
        for (at, byte) in (1..).zip(&bytes) {
            let whole = ends.iter().filter(|&&end| end <= at).count() as u64;
            assert_eq!(session.feed(0, &[*byte]), Ok(limit.unwrap_or(3).min(whole)), "{limit:?}, byte {at}");
        }
        assert_eq!(session.finish().unwrap().logs[0].events, limit.unwrap_or(3).min(3));
    }
}

#[test]
fn a_limited_log_may_end_anywhere_behind_its_limit() {
    let events = [ev(1, 1), ev(2, 2)];
    let (bytes, first) = (log("a", &events), log("a", &events[..1]).len());
    for end in first..bytes.len() {
        let mut session = open(Some(1));
        session.feed(0, &bytes[..end]).unwrap();
        assert_eq!(session.finish().unwrap().logs[0].bytes_used, first as u64, "{end}");
    }
}

#[test]
fn a_part_that_ends_within_a_frame_is_cut_wrongly_unless_the_log_ends_there() {
    let (bytes, starts) = log_in_parts();
    for (last, code) in [(false, FaultCode::RunsIncomplete), (true, FaultCode::TornTail)] {
        let mut scanner = RunScanner::new(ScanPart::default());
        scanner.push(&bytes[..starts[1] + 20]).unwrap();
        let fault = scanner.finish(last).unwrap_err();
        assert_eq!((fault.code, fault.offset), (code, Some(starts[1] as u64)));
    }
}

#[test]
fn runs_are_joined_and_their_events_counted() {
    let mut session = open(None);
    for (part, last) in [(0, false), (1, false), (2, true)] {
        session.absorb(0, &run(part, last)).unwrap();
    }
    let finished = session.finish().unwrap();
    assert_eq!((finished.logs[0].events, finished.logs[0].bytes_used), (3, log_in_parts().0.len() as u64));
}

#[test]
fn runs_come_in_order_and_none_is_missing() {
    let incomplete = FaultCode::RunsIncomplete;
    fails(open(None).absorb(0, &run(1, true)), incomplete, "but the one before it ends at 0");
    let mut session = open(None);
    session.absorb(0, &run(0, false)).unwrap();
    fails(session.absorb(0, &run(0, false)), incomplete, "starts at byte 0");
    let mut session = open(None);
    session.absorb(0, &run(0, false)).unwrap();
    fails(session.finish(), incomplete, "last run is missing");
    fails(open(None).absorb(0, &[]), FaultCode::RunMalformed, "magic");
    // Behind the last part there is none, not even one without events.
    let mut session = open(None);
    session.absorb(0, &run(0, false)).unwrap();
    session.absorb(0, &run(1, true)).unwrap();
    fails(session.absorb(0, &run(2, true)), incomplete, "the run starts");
}

#[test]
fn a_log_keeps_its_first_fault() {
    let mut session = open(None);
    fails(session.absorb(0, b"no run"), FaultCode::RunMalformed, "magic");
    fails(session.absorb(0, &run(0, false)), FaultCode::RunMalformed, "magic");
    fails(session.finish(), FaultCode::RunMalformed, "magic");
}

#[test]
fn a_log_comes_in_one_way() {
    let both = "as bytes or as runs";
    let mut session = open(None);
    session.absorb(0, &run(0, false)).unwrap();
    fails(session.feed(0, b"x"), FaultCode::SessionMisuse, both);
    let mut session = open(None);
    session.feed(0, &log_in_parts().0).unwrap();
    fails(session.absorb(0, &run(0, false)), FaultCode::SessionMisuse, both);
    fails(open(Some(2)).absorb(0, &run(0, false)), FaultCode::SessionMisuse, "a limit is the scanner's");
    fails(open(None).feed(1, b"x"), FaultCode::SessionMisuse, "no log of this index");
}

#[test]
fn a_batch_is_open_from_its_begin_to_its_end() {
    let mut session = open(None);
    fails(session.begin_batch(&[LogInput { limit: None }]), FaultCode::SessionMisuse, "a batch is open");
    session.abort();
    fails(session.feed(0, b"x"), FaultCode::SessionMisuse, "no batch is open");
    fails(session.finish(), FaultCode::SessionMisuse, "no batch is open");
    session.begin_batch(&[LogInput { limit: None }]).unwrap();
    fails(session.finish(), FaultCode::NotALog, "empty");
    fails(session.finish(), FaultCode::SessionMisuse, "no batch is open");
}

#[test]
fn a_limited_log_that_never_came_is_no_log() {
    for limit in [Some(0), Some(5), None] {
        fails(open(limit).finish(), FaultCode::NotALog, "empty");
        let mut session = open(limit);
        session.feed(0, &log("a", &[])[..100]).unwrap();
        fails(session.finish(), FaultCode::LogHeader, "128");
    }
}
