//! Erases an event's payload: the payload and its salt go, the header stays.
//!
//! So the event hash, the log root and every signature over it stay as they are. A payload that did
//! not fit its header leaves its observed length and hash, which are part of its leaf. The result is a
//! new file: the old one, with the payload in it, is the caller's to delete.

use std::path::Path;

use omega_kernel::frame::Frames;
use omega_kernel::wire::{Message, PayloadRef};
use serde::Serialize;

use super::append::damaged;
use super::event::show_id;
use super::reading::read_file;
use super::writer::{LogWriter, Written};
use crate::failure::{Failure, HostCode};
use crate::outputs::is_same_file;

/// What was erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Erased {
    /// Times that the id stands in the log.
    pub occurrences: u64,
    /// How many of them had no payload any more.
    pub erased_before: u64,
    /// How many payloads did not fit their header: their observed hash was kept.
    pub mismatched: u64,
    /// Bytes of payload that are gone.
    pub payload_bytes: u64,
    /// The new log.
    pub log: Written,
}

/// Writes `input` to `output` without the payloads of the event `id`.
pub fn erase(input: &Path, id: u128, output: &Path, force: bool) -> Result<Erased, Failure> {
    let bytes = read_file(input)?;
    let broken = |fault: omega_kernel::fault::Fault| damaged(fault.into(), input);
    let (header, frames) = Frames::new(&bytes).map_err(broken)?;
    refuse_same_file(input, output)?;
    let mut log = LogWriter::create(output, &header.name, force)?;
    let (mut occurrences, mut erased_before, mut mismatched, mut payload_bytes) = (0, 0, 0, 0);
    let mut similar = Vec::new();
    for frame in frames {
        let frame = frame.map_err(broken)?;
        match &frame.message {
            Message::Event(event) if event.id == id => {
                occurrences += 1;
                let observed = event.payload_check().and_then(Result::err);
                match event.payload() {
                    PayloadRef::Erased { .. } => erased_before += 1,
                    PayloadRef::Present { bytes, .. } => {
                        payload_bytes += bytes.len() as u64;
                        mismatched += u64::from(observed.is_some());
                    }
                }
                log.event(&event.header(), PayloadRef::Erased { observed })?;
            }
            Message::Event(event) => {
                if is_similar(event.id, id) && similar.len() < 3 {
                    similar.push(show_id(event.id));
                }
                log.copy(&frame)?;
            }
            Message::Head(_) => log.copy(&frame)?,
        }
    }
    if occurrences == 0 {
        let what = format!("{} has no event {}", input.display(), show_id(id));
        return Err(Failure::new(HostCode::EventNotFound, what).hint(match similar.is_empty() {
            true => format!("`omega explain --input {} --events` lists the ids.", input.display()),
            false => format!("Did you mean {}?", similar.join(" or ")),
        }));
    }
    Ok(Erased { occurrences, erased_before, mismatched, payload_bytes, log: log.finish()? })
}

/// Same first or last 32 bits of the 112: an id that was cut or mistyped.
fn is_similar(a: u128, b: u128) -> bool {
    a >> 80 == b >> 80 || a as u32 == b as u32
}

fn refuse_same_file(input: &Path, output: &Path) -> Result<(), Failure> {
    match is_same_file(input, output) {
        true => Err(Failure::usage("--output is the input: a log is never rewritten in place")
            .hint("Name another file, check it, then move it over the old one.")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::append::{Request, append};
    use super::super::event::Place;
    use super::super::reading::{Survey, read_log};
    use super::*;
    use crate::sign::Signer;

    fn erased(survey: &mut Survey) -> (u64, [u8; 32]) {
        (survey.erased, survey.leaves.root())
    }

    #[test]
    fn the_root_and_the_head_stay() {
        let dir = tempfile::tempdir().unwrap();
        let (log, out, again) =
            (dir.path().join("a.omega"), dir.path().join("b.omega"), dir.path().join("c.omega"));
        let salt = [0xa5; 32];
        let request = |signer| Request {
            log: log.clone(),
            payload: b"a secret that must go".to_vec(),
            salt: Some(salt),
            signer,
            ..Request::default()
        };
        let id = append(&request(None)).unwrap().header.id;
        append(&Request {
            payload: b"stays".to_vec(),
            salt: None,
            ..request(Some(Signer::generate().unwrap()))
        })
        .unwrap();

        let done = erase(&log, id, &out, false).unwrap();
        assert_eq!(
            (done.occurrences, done.erased_before, done.mismatched, done.payload_bytes),
            (1, 0, 0, 21)
        );
        let (before, after) = (read_log(&log).unwrap().1, read_log(&out).unwrap());
        let bytes = after.0;
        assert!(
            !bytes.windows(6).any(|part| part == b"secret") && !bytes.windows(32).any(|part| part == salt)
        );
        let (mut before, mut after) = (before, after.1);
        assert!(after.check_head().unwrap());
        assert_eq!(erased(&mut after), (1, before.leaves.root()));

        assert_eq!(erase(&out, id, &again, false).unwrap().erased_before, 1);
        assert_eq!(std::fs::read(&again).unwrap(), bytes, "erasing twice changes nothing");
    }

    #[test]
    fn a_mismatching_payload_leaves_what_was_observed_and_copies_go_too() {
        let dir = tempfile::tempdir().unwrap();
        let (log, out) = (dir.path().join("a.omega"), dir.path().join("b.omega"));
        let header = Place { id: 5, lamport: 1, ..Place::default() }.header(b"stated", None).unwrap();
        let mut writer = LogWriter::create(&log, "a", false).unwrap();
        for bytes in [&b"stated"[..], b"another", b"stated"] {
            writer.event(&header, PayloadRef::Present { bytes, salt: None }).unwrap();
        }
        writer.finish().unwrap();
        let done = erase(&log, 5, &out, false).unwrap();
        assert_eq!((done.occurrences, done.mismatched), (3, 1));
        let (mut before, mut after) = (read_log(&log).unwrap().1, read_log(&out).unwrap().1);
        assert_eq!(erased(&mut after), (3, before.leaves.root()));
        assert_eq!(after.mismatched.len(), 1);
    }

    #[test]
    fn an_unknown_id_and_the_same_file_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (log, out) = (dir.path().join("a.omega"), dir.path().join("b.omega"));
        let id = append(&Request { log: log.clone(), ..Request::default() }).unwrap().header.id;
        let failure = erase(&log, id ^ (1 << 40), &out, false).unwrap_err();
        assert_eq!(failure.code.name(), "event-not-found");
        assert!(failure.hint.unwrap().contains(&show_id(id)));
        assert!(!out.exists());
        assert_eq!(erase(&log, id, &log, true).unwrap_err().code.exit(), 2);
        std::fs::write(&out, b"mine").unwrap();
        assert_eq!(erase(&log, id, &out, false).unwrap_err().code.name(), "write-failed");
    }
}
