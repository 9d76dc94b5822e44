//! `frame`: the bytes of a log.

use omega_kernel::entry::Entries;
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::frame::{Frames, HEADER_BYTES, LogHeader, write_frame};
use omega_kernel::run::Part;
use omega_kernel::scan::{ScanPart, Scanner};
use omega_kernel::session::{LogInput, Session};
use omega_kernel::wire::{self, Message};

use super::check_fault;
use crate::{made, subject};

/// Takes a log's bytes, and checks that
/// - reading in place, scanning at once and scanning in pieces find the same events and the same fault;
/// - each frame, and the header, is written again as it was read;
/// - what stands before the fault is a whole log;
/// - the run of a log says what the log says, and is read as it was written;
/// - a limit gives the first events, and hides what stands behind them.
pub fn check(log: &[u8]) {
    let in_place = read_in_place(log);
    let at_once = scan(log, None, &[log]);
    let in_pieces = scan(log, None, &made::pieces(log));
    match (&at_once, &in_pieces) {
        (Ok((part, entries)), Ok((pieces, others))) => {
            assert_eq!(part.encode(entries), pieces.encode(others))
        }
        (Err(at_once), Err(in_pieces)) => assert_eq!(at_once, in_pieces),
        (at_once, in_pieces) => panic!("{:?} / {:?}", fault_of(at_once), fault_of(in_pieces)),
    }
    match (&in_place, &at_once) {
        (Ok(events), Ok((_, entries))) => assert_eq!(*events, entries.list.len() as usize),
        (in_place, scanned) => {
            let fault = in_place.as_ref().err().map(|fault| fault.clone().in_log(0));
            assert_eq!(fault.as_ref(), fault_of(scanned));
        }
    }
    if let Some(fault) = fault_of(&at_once) {
        check_fault(fault, log.len());
        assert_eq!(fault.log, Some(0));
    }
    if let Ok((part, entries)) = at_once {
        check_run(log, &part, &entries);
    }
}

/// Reads frame by frame; the count of events, or the first fault.
fn read_in_place(log: &[u8]) -> Result<usize, Fault> {
    let (header, mut frames) = Frames::new(log)?;
    assert_eq!(header.encode(), log[..HEADER_BYTES], "the header is written as it was read");
    assert_eq!(LogHeader::new(&header.name).as_ref(), Ok(&header));
    let (mut events, mut end, mut again) = (0, HEADER_BYTES, Vec::new());
    while let Some(frame) = frames.next() {
        let frame = match frame {
            Ok(frame) => frame,
            Err(fault) => {
                assert_eq!(frames.offset(), end as u64);
                assert!(frames.next().is_none(), "nothing is read behind a fault");
                let clean = Frames::new(&log[..end]).expect("the header was read").1;
                assert!(clean.into_iter().all(|frame| frame.is_ok()), "the prefix before a fault is a log");
                if fault.code == FaultCode::TornTail {
                    assert_eq!(fault.offset, Some(end as u64));
                }
                return Err(fault);
            }
        };
        assert_eq!(frame.offset, end as u64);
        assert_eq!(&log[end..end + frame.bytes.len()], frame.bytes);
        end += frame.bytes.len();
        let mut message = Vec::new();
        match &frame.message {
            Message::Event(event) => {
                events += 1;
                wire::encode_event(&event.header(), event.payload(), &mut message);
            }
            Message::Head(head) => wire::encode_head(head, &mut message),
        }
        again.clear();
        write_frame(&message, &mut again);
        assert_eq!(again, frame.bytes, "a frame is written as it was read");
    }
    assert_eq!(end, log.len());
    Ok(events)
}

fn scan(log: &[u8], limit: Option<u64>, pieces: &[&[u8]]) -> Result<(Part, Entries), Fault> {
    let mut scanner = Scanner::new(ScanPart { log: 0, offset: 0, limit });
    let mut entries = Entries::default();
    for piece in pieces {
        if let Err(fault) = subject::push(&mut scanner, piece, &mut entries) {
            assert_eq!(scanner.push(log, &mut entries), Err(fault.clone()), "a fault stays");
            return Err(fault);
        }
    }
    Ok((scanner.finish(true)?, entries))
}

fn fault_of(result: &Result<(Part, Entries), Fault>) -> Option<&Fault> {
    result.as_ref().err()
}

/// A whole log: as a run, under a limit, and in a session.
fn check_run(log: &[u8], part: &Part, entries: &Entries) {
    let count = entries.list.len();
    assert_eq!((part.start, part.end, part.last), (0, log.len() as u64, true));
    let run = part.encode(entries);
    let (again, others) = Part::decode(&run).expect("a run that a scanner made");
    assert_eq!(again.encode(&others), run);

    let limit = u64::from(count) / 2;
    let (first, firsts) =
        scan(log, Some(limit), &made::pieces(log)).expect("the first events of a whole log");
    assert_eq!(u64::from(firsts.list.len()), limit);
    assert!(first.last && first.end <= log.len() as u64);
    let alone = &log[..first.end as usize];
    let (alone, events) = scan(alone, None, &[alone]).expect("what a limit read is a log");
    assert_eq!(alone.encode(&events), first.encode(&firsts));

    let judged = |absorb: bool| {
        let mut session = Session::genesis();
        session.begin_batch(&[LogInput::default()]).expect("one log");
        match absorb {
            true => session.absorb(0, &run).expect("a run that a scanner made"),
            false => assert_eq!(session.feed(0, log), Ok(count.into())),
        }
        (session.finish(), session.state().commitment())
    };
    assert_eq!(judged(true), judged(false));
}
