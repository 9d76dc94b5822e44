//! What a log that does not start or end like one is called, and how far a torn tail is searched.

use crate::common::{ev, log};
use omega_kernel::entry::Entries;
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::frame::{LogHeader, tail_fault, write_frame};
use omega_kernel::limits::{MAX_MESSAGE_BYTES, MAX_TAIL_SEARCH_BYTES};
use omega_kernel::scan::{ScanPart, Scanner};

const AT: u64 = 1_000;
/// Of the first 16 bytes of an event's frame the last 8: its root pointer.
const EVENT: [u8; 8] = [0, 0, 0, 0, 11, 0, 5, 0];
const PIECE: usize = 1 << 20;

#[test]
fn a_log_that_was_sent_as_text_is_told_from_what_is_no_log() {
    let why = |bytes: &[u8]| LogHeader::decode(bytes).unwrap_err().message;
    let sent = log("a", &[]);
    let unix: Vec<u8> = sent.iter().copied().filter(|&byte| byte != b'\r').collect();
    assert!(why(&unix).contains("line ends were converted"));
    assert!(why(&[0; 128]).contains("the first bytes are not those"));
    assert!(why(&[]).contains("empty"));
}

/// The start of a frame that is as long as a frame can be, and so runs past any of these ends.
fn torn(rest: &[u8]) -> Vec<u8> {
    [&MAX_MESSAGE_BYTES.to_le_bytes()[..], &[0; 4], rest].concat()
}

#[track_caller]
fn is_unfinished(tail: &[u8]) {
    let fault = tail_fault(tail, AT);
    assert_eq!((fault.code, fault.offset), (FaultCode::TornTail, Some(AT)), "{fault}");
}

fn damage(tail: &[u8]) -> Fault {
    let fault = tail_fault(tail, AT);
    assert_eq!((fault.code, fault.offset), (FaultCode::FrameDamaged, Some(AT)), "{fault}");
    fault
}

fn frame_of(message: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    write_frame(message, &mut frame);
    frame
}

#[test]
fn a_whole_frame_within_a_tail_is_named_by_its_place() {
    let event = frame_of(&ev(1, 1).message());
    assert!(damage(&torn(&event)).message.contains("starts at byte 1008"));
    assert!(damage(&torn(&[&[0; 24], &event[..]].concat())).message.contains("starts at byte 1032"));
    is_unfinished(&torn(&[&[0; 4], &event[..]].concat()));
}

/// A payload may hold bytes whose checksum fits them by chance or on purpose.
#[test]
fn what_starts_unlike_a_message_is_no_frame() {
    for (at, byte) in [(4, 0), (4, 12), (0, 1), (5, 1), (7, 1)] {
        let mut message = ev(1, 1).message();
        message[at] = byte;
        is_unfinished(&torn(&frame_of(&message)));
    }
    is_unfinished(&torn(&frame_of(&[0; 96])));
}

/// A tail with so many places that look like a frame of 1 MiB; each costs its checksum.
fn searched(places: u64, behind: &[u8]) -> Vec<u8> {
    let place = [&(PIECE as u32).to_le_bytes()[..], &[0; 4], &EVENT].concat();
    let mut tail = torn(&place.repeat(places as usize));
    tail.resize(tail.len() + PIECE, 0);
    tail.extend_from_slice(behind);
    tail
}

#[test]
fn a_tail_is_searched_so_far() {
    let most = MAX_TAIL_SEARCH_BYTES / PIECE as u64;
    let event = frame_of(&ev(1, 1).message());
    // One that runs past the end itself costs nothing.
    let longer = [&208u32.to_le_bytes()[..], &[0; 4], &EVENT, &[0; 184]].concat();
    is_unfinished(&searched(most, &[]));
    is_unfinished(&searched(most, &longer));
    assert!(damage(&searched(most, &event)).message.contains("a whole frame starts"));
    for behind in [&[][..], &event] {
        assert!(damage(&searched(most + 1, behind)).message.contains("is no unfinished append"));
    }
}

/// What a scanner finds in a log that comes in pieces of this many bytes.
fn scanned(log: &[u8], piece: usize, last: bool) -> Fault {
    let (mut scanner, mut entries) = (Scanner::new(ScanPart::default()), Entries::default());
    match log.chunks(piece).try_for_each(|piece| scanner.push(piece, &mut entries)) {
        Err(fault) => fault,
        Ok(()) => scanner.finish(last).unwrap_err(),
    }
}

/// Four bytes tell that no frame has this length; where they come one by one, they wait for four more.
#[test]
fn a_length_that_no_frame_has_is_damage_in_whatever_pieces_it_comes() {
    let sound = log("a", &[ev(1, 1)]);
    for length in [0, 8, 0x7c, MAX_MESSAGE_BYTES + 8, u32::MAX] {
        for more in 0..=4 {
            let log = [&sound[..], &length.to_le_bytes(), &[7; 4][..more]].concat();
            let at_once = scanned(&log, log.len(), true);
            assert_eq!((at_once.code, at_once.offset), (FaultCode::FrameDamaged, Some(sound.len() as u64)));
            for (piece, last) in (1..=9).flat_map(|piece| [(piece, true), (piece, false)]) {
                assert_eq!(
                    scanned(&log, piece, last),
                    at_once,
                    "{length:#x} and {more}, in pieces of {piece}"
                );
            }
        }
    }
    // Fewer than four bytes tell nothing.
    let torn = [&sound[..], &[0; 3]].concat();
    assert_eq!(scanned(&torn, 1, true).code, FaultCode::TornTail);
    assert_eq!(scanned(&torn, torn.len(), false).code, FaultCode::RunsIncomplete);
}
