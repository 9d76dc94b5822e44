//! `http`: the body of `POST /api/events`.

use omega_kernel::frame::{Frames, valid_name, write_frame};
use omega_kernel::wire::Message;
use omega_sheaf::node::intake::Submission;
use omega_sheaf::serve::ingress::{self, Format};

use super::import::told;
use crate::subject;

/// Content types to choose from, the first byte modulo their count.
pub const CONTENT_TYPES: [&str; 6] = [
    "application/vnd.omega.log",
    "application/json",
    "application/cloudevents+json",
    "application/x-ndjson; charset=utf-8",
    "application/cloudevents-batch+json",
    "Application/Octet-Stream",
];

/// Events in a request, at most.
const MOST: usize = 1000;

/// Takes a byte that chooses content type and name, and a body, and checks that
/// - what is taken are whole frames behind one another, of valid events, each named by its mark, within the
///   cap, from a source with a valid name;
/// - an `.omega` log gives the very frames of its events;
/// - the same body gives the same answer, and a refusal has a code, and a place within the body;
/// - a cap of one event less refuses it.
pub fn check(bytes: &[u8]) {
    let Some((&chosen, body)) = bytes.split_first() else { return };
    let kind = CONTENT_TYPES[usize::from(chosen) % CONTENT_TYPES.len()];
    let format = Format::of(Some(kind)).expect("a content type that a node takes");
    let name = (chosen >= 128).then_some("named");
    let read = || subject::ingress(ingress::read(format, body, name, MOST));
    let submission = match read() {
        Ok(submission) => submission,
        Err(failure) => {
            let first = told(&failure, body);
            assert_eq!(read().map(|_| ()).map_err(|failure| told(&failure, body)), Err(first));
            return;
        }
    };
    check_submission(&submission);
    assert_eq!(read().expect("the same body").frames, submission.frames);
    assert!(name.is_none_or(|name| *submission.source == *name));
    let fewer = ingress::read(format, body, name, submission.marks.len() - 1);
    assert!(fewer.is_err(), "one event more than are allowed");
    if format == Format::Omega {
        check_same_frames(&submission, body);
    }
}

fn check_submission(submission: &Submission) {
    assert!(valid_name(&submission.source));
    assert!((1..=MOST).contains(&submission.marks.len()));
    let mut log = omega_kernel::frame::LogHeader::new(&submission.source).expect("a name").encode().to_vec();
    let behind_header = log.len();
    log.extend_from_slice(&submission.frames);
    let (mut marks, mut deps) = (submission.marks.iter(), submission.deps.iter());
    for frame in Frames::new(&log).expect("a log").1 {
        let frame = frame.expect("a whole frame");
        let Message::Event(event) = frame.message else { panic!("a head is not kept") };
        let mark = marks.next().expect("a mark for each frame");
        let start = frame.offset as usize - behind_header;
        assert_eq!((mark.id, mark.from as usize), (event.id, start));
        assert_eq!(mark.to as usize, start + frame.bytes.len());
        assert_eq!(mark.deps, event.dep_count());
        assert!(event.dep_ids().eq(deps.by_ref().take(event.dep_count() as usize).copied()));
    }
    assert!(marks.next().is_none() && deps.next().is_none());
}

fn check_same_frames(submission: &Submission, body: &[u8]) {
    let mut frames = Vec::new();
    for frame in Frames::new(body).expect("it was read").1 {
        let frame = frame.expect("it was read");
        if let Message::Event(_) = frame.message {
            let mut again = Vec::new();
            write_frame(&frame.bytes[8..], &mut again);
            frames.extend_from_slice(&again);
        }
    }
    assert_eq!(frames, submission.frames);
}
