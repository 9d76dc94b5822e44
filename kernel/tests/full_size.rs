//! The caps of a batch and of a state at their full size, and one past each.

use crate::common::{Ev, ev, log};
use omega_kernel::body::VerdictKind;
use omega_kernel::entry::Entries;
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::frame::{LogHeader, write_frame};
use omega_kernel::limits::{MAX_BATCH_DEPS, MAX_BATCH_EVENTS, MAX_DEPS, MAX_STATE_FRONTIERS, MAX_STATE_IDS};
use omega_kernel::run::{Part, Run};
use omega_kernel::scan::{RunScanner, ScanPart};
use omega_kernel::session::{Finished, LogInput, Session};

/// Bytes that are fed at once.
const PIECE_BYTES: usize = 4 << 20;

/// Judges one log without ever holding all of it.
fn judge(session: &mut Session, events: impl Iterator<Item = Ev>) -> Result<Finished, Fault> {
    session.begin_batch(&[LogInput::default()])?;
    let mut piece = LogHeader::new("a").unwrap().encode().to_vec();
    for event in events {
        write_frame(&event.message(), &mut piece);
        if piece.len() >= PIECE_BYTES {
            // A fault comes again from `finish`.
            let _ = session.feed(0, &piece);
            piece.clear();
        }
    }
    let _ = session.feed(0, &piece);
    session.finish()
}

#[track_caller]
fn merges(session: &mut Session, events: impl Iterator<Item = Ev>) {
    assert_eq!(judge(session, events).unwrap().kind, VerdictKind::Merge);
}

/// One is past a cap: there is no verdict, and the state is what it was.
#[track_caller]
fn exceeds(session: &mut Session, events: impl Iterator<Item = Ev>) {
    let before = session.state().commitment();
    assert_eq!(judge(session, events).unwrap_err().code, FaultCode::LimitExceeded);
    assert_eq!(session.state().commitment(), before);
}

/// Of each writer one event, the first of them with this id.
fn round(first: u64, writers: u32) -> impl Iterator<Item = Ev> {
    let lamport = first / u64::from(MAX_BATCH_EVENTS) + 1;
    (0..writers).map(move |node| ev(u128::from(first + u64::from(node)), lamport).node(node))
}

#[test]
#[ignore = "a minute"]
fn a_batch_has_so_many_events_and_a_state_so_many_ids_and_streams() {
    assert_eq!(u64::from(MAX_BATCH_EVENTS), MAX_STATE_FRONTIERS, "one batch fills all streams");
    let mut session = Session::genesis();
    exceeds(&mut session, round(1, MAX_BATCH_EVENTS + 1));
    for first in (1..=MAX_STATE_IDS).step_by(MAX_BATCH_EVENTS as usize) {
        merges(&mut session, round(first, MAX_BATCH_EVENTS));
        let commitment = session.state().commitment();
        assert_eq!(commitment.id_count, first - 1 + u64::from(MAX_BATCH_EVENTS));
        assert_eq!(commitment.frontier_count, MAX_STATE_FRONTIERS);
        exceeds(&mut session, [ev(u128::MAX >> 16, 99).node(MAX_BATCH_EVENTS)].into_iter());
    }
    assert_eq!(session.state().commitment().id_count, MAX_STATE_IDS);
    exceeds(&mut session, [ev(u128::MAX >> 16, 99)].into_iter());
    // What is known already takes no room.
    merges(&mut session, round(1, 9));
}

#[test]
#[ignore = "half a minute"]
fn a_batch_has_so_many_deps() {
    let needed: Vec<u128> = (1..=MAX_DEPS.into()).collect();
    let events = |more: u128| {
        let base = needed.iter().map(|&id| ev(id, 1));
        let full = needed.clone();
        let wide = (0..MAX_BATCH_DEPS / MAX_DEPS).map(move |n| ev(1 << 40 | u128::from(n), 2).deps(&full));
        base.enumerate()
            .map(|(node, event)| event.node(node as u32))
            .chain(wide.enumerate().map(|(node, event)| event.node(1 << 20 | node as u32)))
            .chain((0..more).map(|n| ev(1 << 50 | n, 3).node(7 << 20).deps(&[1])))
    };
    merges(&mut Session::genesis(), events(0));
    exceeds(&mut Session::genesis(), events(1));
}

/// Entries of zeros: they stand in canonical order, and are soon made.
fn zeros(events: u32) -> Vec<u8> {
    let empty = RunScanner::new(ScanPart { offset: 128, ..ScanPart::default() }).finish(true).unwrap();
    let mut run = vec![0; empty.len() + 128 * events as usize];
    run[..empty.len()].copy_from_slice(&empty);
    run[28..32].copy_from_slice(&events.to_le_bytes());
    run
}

#[test]
fn a_run_has_so_many_events_and_a_batch_no_more_from_several() {
    let add = |events, entries: &mut Entries, log| Run::open(&zeros(events)).unwrap().append_to(entries, log);
    let mut entries = Entries::default();
    add(MAX_BATCH_EVENTS - 1, &mut entries, 0).unwrap();
    add(1, &mut entries, 1).unwrap();
    assert_eq!((entries.check_room(), entries.list.len()), (Ok(()), MAX_BATCH_EVENTS));
    add(1, &mut entries, 2).unwrap();
    assert!(entries.check_room().unwrap_err().message.contains("4,194,304 events"));
    assert_eq!(entries.list.len(), MAX_BATCH_EVENTS);

    assert_eq!(Part::decode(&zeros(MAX_BATCH_EVENTS)).unwrap().1.list.len(), MAX_BATCH_EVENTS);
    let fault = Part::decode(&zeros(MAX_BATCH_EVENTS + 1)).unwrap_err();
    assert_eq!((fault.code, fault.offset), (FaultCode::RunMalformed, Some(28)));
    assert!(fault.message.contains("no more events than a batch holds"), "{fault}");
}

#[test]
fn a_batch_has_no_more_deps_from_several_runs() {
    let whole = log("a", &[ev(2, 2).deps(&[1])]);
    let mut scanner = RunScanner::new(ScanPart::default());
    scanner.push(&whole).unwrap();
    let run = scanner.finish(true).unwrap();
    let mut entries = Entries::default();
    entries.deps = vec![0; MAX_BATCH_DEPS as usize - 1];
    let mut add = |log| Run::open(&run).unwrap().append_to(&mut entries, log).unwrap();
    add(1);
    add(2);
    assert_eq!((entries.list.len(), entries.deps.len()), (1, MAX_BATCH_DEPS as usize));
    let fault = entries.check_room().unwrap_err();
    assert_eq!(fault.code, FaultCode::LimitExceeded);
    assert!(fault.message.contains("33,554,432 deps"), "{fault}");
    assert_eq!(entries.deps.len(), MAX_BATCH_DEPS as usize);
}
