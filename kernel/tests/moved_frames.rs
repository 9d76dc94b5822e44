//! Whole frames in wrong places: swapped, doubled, deleted, from elsewhere, with a head and without.

use crate::common::{ev, log, sign, try_judge_in};
use omega_kernel::body::{Body, Core, VerdictKind};
use omega_kernel::evidence::{self, Kind};
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::frame::{Frames, HEADER_BYTES, LogHeader};
use omega_kernel::session::Session;

fn judged(log: &[u8]) -> Result<Core, Fault> {
    let finished = try_judge_in(&mut Session::genesis(), &[log.to_vec()])?;
    Ok(Body::split(&finished.body).unwrap().decode().unwrap().0)
}

#[test]
fn a_tail_that_runs_over_a_whole_frame_is_damage() {
    let bytes = log("a", &[ev(1, 1), ev(2, 2)]);
    let second = Frames::new(&bytes).unwrap().1.nth(1).unwrap().unwrap().offset as usize;
    let mut longer = bytes.clone();
    longer[HEADER_BYTES + 1] = 0x40;
    let fault = judged(&longer).unwrap_err();
    assert_eq!((fault.code, fault.offset), (FaultCode::FrameDamaged, Some(HEADER_BYTES as u64)));
    // The same length in the last frame could as well be an append that did not finish.
    let mut longer = bytes.clone();
    longer[second + 1] = 0x40;
    let fault = judged(&longer).unwrap_err();
    assert_eq!((fault.code, fault.offset), (FaultCode::TornTail, Some(second as u64)));
}

fn frames_of(log: &[u8]) -> Vec<Vec<u8>> {
    Frames::new(log).unwrap().1.map(|frame| frame.unwrap().bytes.to_vec()).collect()
}

fn joined(frames: &[Vec<u8>]) -> Vec<u8> {
    [LogHeader::new("a").unwrap().encode().to_vec(), frames.concat()].concat()
}

#[track_caller]
fn obstructs(log: &[u8], kind: Kind) {
    let finished = try_judge_in(&mut Session::genesis(), &[log.to_vec()]).unwrap();
    let (core, observations) = Body::split(&finished.body).unwrap().decode().unwrap();
    assert_eq!(evidence::check(&core, &observations.payload).unwrap().evidence.kind, kind);
}

#[test]
fn moved_frames_each_get_their_answer() {
    let events =
        [ev(1, 1), ev(2, 2).prev(1), ev(3, 3).prev(2), ev(4, 4).prev(3), ev(5, 4).node(2).deps(&[1])];
    let whole = log("a", &events);
    let original = judged(&whole).unwrap();
    let frames = frames_of(&whole);
    for first in 0..frames.len() {
        for second in 0..first {
            let mut swapped = frames.clone();
            swapped.swap(first, second);
            assert_eq!(judged(&joined(&swapped)).unwrap(), original, "order is not content");
        }
        let mut twice = frames.clone();
        twice.push(frames[first].clone());
        obstructs(&joined(&twice), Kind::Twice);
    }
    let without = |at: usize| {
        let mut fewer = frames.clone();
        fewer.remove(at);
        joined(&fewer)
    };
    obstructs(&without(0), Kind::Gap);
    obstructs(&without(1), Kind::Gap);
    obstructs(&without(2), Kind::Gap);
    // Nothing names the last of a stream: only count and root tell, and a head, and a certificate.
    for last in [3, 4] {
        let fewer = judged(&without(last)).unwrap();
        assert_eq!(fewer.verdict, VerdictKind::Merge);
        assert_ne!(
            (fewer.logs[0].count, fewer.logs[0].root),
            (original.logs[0].count, original.logs[0].root)
        );
    }
    // A frame of another log is an event like any other; a file header is no frame.
    let stranger = frames_of(&log("b", &[ev(9, 9).node(9)])).remove(0);
    let with = |frame: Vec<u8>| [joined(&frames), frame, joined(&frames)[HEADER_BYTES..].to_vec()].concat();
    assert_ne!(judged(&[joined(&frames), stranger].concat()).unwrap().logs, original.logs);
    let fault = judged(&with(LogHeader::new("a").unwrap().encode().to_vec())).unwrap_err();
    assert_eq!((fault.code, fault.offset), (FaultCode::FrameDamaged, Some(whole.len() as u64)));
}

#[test]
fn moved_frames_of_a_signed_log_do_not_fit_its_head() {
    let events = [ev(1, 1), ev(2, 2), ev(3, 3)];
    let mut whole = log("a", &events);
    sign(&mut whole, 1);
    let frames = frames_of(&whole);
    let code = |frames: &[&Vec<u8>]| {
        let frames: Vec<_> = frames.iter().map(|frame| frame.to_vec()).collect();
        judged(&joined(&frames)).map(|core| core.verdict).map_err(|fault| fault.code)
    };
    let [one, two, three, head] = &frames[..] else { panic!("four frames") };
    let other = &frames_of(&log("a", &[ev(3, 3).text("other")]))[0];
    assert_eq!(code(&[one, two, three, head]), Ok(VerdictKind::Merge));
    assert_eq!(code(&[three, one, two, head]), Ok(VerdictKind::Merge));
    assert_eq!(code(&[one, two, head]), Err(FaultCode::HeadMismatch));
    assert_eq!(code(&[one, two, other, head]), Err(FaultCode::HeadMismatch));
    assert_eq!(code(&[one, two, three, three, head]), Err(FaultCode::HeadMismatch));
    assert_eq!(code(&[head]), Err(FaultCode::HeadMismatch));
    // A head that is not last signs nothing.
    assert_eq!(code(&[one, two, head, three]), Ok(VerdictKind::Merge));
    assert_eq!(code(&[head, one, two, three]), Ok(VerdictKind::Merge));
    // Under another name it is another log's head.
    let renamed = [LogHeader::new("b").unwrap().encode().to_vec(), frames.concat()].concat();
    assert_eq!(judged(&renamed).unwrap_err().code, FaultCode::HeadMismatch);
}
