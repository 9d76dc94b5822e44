//! The kernel as a native library, in this process.

use std::thread;

use anyhow::{Context, Result, bail, ensure};
use ed25519_dalek::{Signer, SigningKey};
use omega_kernel::body::{Body, Core, VerdictKind};
use omega_kernel::entry::Entries;
use omega_kernel::frame::{FrameAt, HEADER_BYTES, LogHeader, frame_at, write_frame};
use omega_kernel::scan::{ScanPart, Scanner};
use omega_kernel::session::{LogInput, Session};
use omega_kernel::wire::{self, Head};

use super::{Contender, Flipped, Place, Turn, timed};
use crate::events::{Event, said};

/// Bytes handed over at once.
const PIECE_BYTES: usize = 4 << 20;

/// How the events lie in logs, and what is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// All in one log.
    OneLog,
    /// All in one log that ends with a signed head.
    SignedHead,
    /// Each in a log of its own, with a signed head: a signature for each event.
    SignedEach,
}

/// The kernel, natively.
pub struct Native {
    form: Form,
    threads: usize,
    logs: Vec<Vec<u8>>,
    /// Where the log is cut between two scanners.
    cut: usize,
}

impl Native {
    /// Judges logs of this form with so many scanning threads.
    pub fn new(form: Form, threads: usize) -> Self {
        Native { form, threads, logs: Vec::new(), cut: 0 }
    }

    /// The count of events, and the session: freeing it is off the clock.
    fn judge(&self) -> Result<(usize, Session)> {
        let mut session = Session::genesis();
        session.begin_batch(&vec![LogInput::default(); self.logs.len()]).map_err(said)?;
        if self.threads == 1 {
            for (log, bytes) in (0u32..).zip(&self.logs) {
                for piece in bytes.chunks(PIECE_BYTES) {
                    session.feed(log, piece).map_err(said)?;
                }
            }
        } else {
            for run in self.scan_in_two()? {
                session.absorb(0, &run).map_err(said)?;
            }
        }
        let finished = session.finish().map_err(said)?;
        ensure!(finished.kind == VerdictKind::Merge, "the events conflict");
        Ok((finished.logs.iter().map(|log| log.events as usize).sum(), session))
    }

    /// The log as two runs, scanned at the same time.
    fn scan_in_two(&self) -> Result<[Vec<u8>; 2]> {
        let (first, second) = self.logs[0].split_at(self.cut);
        let scan = |bytes: &[u8], offset: usize, last: bool| -> Result<Vec<u8>> {
            let mut scanner = Scanner::new(ScanPart { offset: offset as u64, ..ScanPart::default() });
            let mut entries = Entries::default();
            bytes
                .chunks(PIECE_BYTES)
                .try_for_each(|piece| scanner.push(piece, &mut entries))
                .map_err(said)?;
            Ok(scanner.finish(last).map_err(said)?.encode(&entries))
        };
        thread::scope(|scope| {
            let other = scope.spawn(|| scan(second, self.cut, true));
            let one = scan(first, 0, false)?;
            match other.join() {
                Ok(other) => Ok([one, other?]),
                Err(_) => bail!("a scanning thread panicked"),
            }
        })
    }
}

impl Contender for Native {
    fn name(&self) -> &'static str {
        match (self.form, self.threads) {
            (Form::OneLog, 1) => "OMEGA native",
            (Form::OneLog, _) => "OMEGA native, two cores",
            (Form::SignedHead, _) => "OMEGA native, signed head",
            (Form::SignedEach, _) => "OMEGA native, each event signed",
        }
    }

    fn version(&self) -> String {
        super::crate_version("omega-kernel")
    }

    fn checks(&self) -> &'static str {
        match self.form {
            Form::OneLog if self.threads > 1 => "as OMEGA native; scanned by two threads, folded by one",
            Form::OneLog => OMEGA_CHECKS,
            Form::SignedHead => {
                "as OMEGA native, and the log's head: one Ed25519 signature over the root of all events"
            }
            Form::SignedEach => {
                "as OMEGA native, each event in a log of its own: one Ed25519 signature for each event"
            }
        }
    }

    fn does_not_check(&self) -> &'static str {
        match self.form {
            Form::OneLog => "who wrote an event; whether one is missing at the end",
            _ => "whom a key belongs to: that is for a policy",
        }
    }

    fn most_events(&self) -> usize {
        if self.form == Form::SignedEach { omega_kernel::limits::MAX_LOGS as usize } else { usize::MAX }
    }

    fn processors(&self) -> usize {
        self.threads
    }

    fn prepare(&mut self, events: &[Event], _: &Place) -> Result<()> {
        self.logs = logs(events, self.form)?;
        self.cut = frame_nearest_the_middle(&self.logs[0])?;
        Ok(())
    }

    fn run(&mut self) -> Result<Turn> {
        let ((events, _), mut time) = timed(|| self.judge())?;
        time.processor = time.processor.filter(|_| self.threads == 1);
        Ok(Turn { time, events })
    }

    fn flip(&mut self) -> Result<Flipped> {
        let middle = self.logs.len() / 2;
        flip_in_log(&mut self.logs[middle])?;
        Ok(Flipped::from_run(self.run()))
    }
}

/// What every OMEGA row checks.
pub const OMEGA_CHECKS: &str = "CRC-32 of each frame, canonical encoding, BLAKE3 of payload and event, ids unique, \
     Lamport times rise, streams without gaps, deps there and earlier; Merkle root of the log, root of the next state";

/// The events as logs of a form.
pub fn logs(events: &[Event], form: Form) -> Result<Vec<Vec<u8>>> {
    match form {
        Form::OneLog => Ok(vec![log("events", events)?.1]),
        Form::SignedHead => Ok(vec![signed("events", events)?]),
        Form::SignedEach => {
            let each = events.iter().enumerate();
            each.map(|(number, event)| signed(&format!("event {number}"), std::slice::from_ref(event)))
                .collect()
        }
    }
}

fn log(name: &str, events: &[Event]) -> Result<(LogHeader, Vec<u8>)> {
    let header = LogHeader::new(name).map_err(said)?;
    let mut bytes = header.encode().to_vec();
    events.iter().for_each(|event| write_frame(&event.message, &mut bytes));
    Ok((header, bytes))
}

/// A log of the events that ends with a head, signed by a key that is the same everywhere.
fn signed(name: &str, events: &[Event]) -> Result<Vec<u8>> {
    let (header, mut bytes) = log(name, events)?;
    let key = SigningKey::from_bytes(blake3::hash(b"omega-peers head").as_bytes());
    let root = log_root(&bytes)?;
    let count = events.len() as u64;
    let message = Head::signed_message(&header.schema_hash, &header.name, count, &root);
    let (public, signature) = (key.verifying_key().to_bytes(), key.sign(&message).to_bytes());
    let mut head = Vec::new();
    wire::encode_head(&Head { event_count: count, log_root: root, key: public, signature }, &mut head);
    write_frame(&head, &mut bytes);
    Ok(bytes)
}

/// The root that a verdict over this log alone states; a conflict has it too.
fn log_root(bytes: &[u8]) -> Result<[u8; 32]> {
    let mut session = Session::genesis();
    session.begin_batch(&[LogInput::default()]).map_err(said)?;
    session.feed(0, bytes).map_err(said)?;
    let body = session.finish().map_err(said)?.body;
    let (core, _): (Core, _) = Body::split(&body).map_err(said)?.decode().map_err(said)?;
    Ok(core.logs.first().context("the verdict names no log")?.root)
}

/// Flips a bit of a payload in the middle of a log: of its first byte. The frame's checksum stays what it was.
pub fn flip_in_log(bytes: &mut [u8]) -> Result<()> {
    let at = frame_nearest_the_middle(bytes)?;
    let FrameAt::Whole(message) = frame_at(&bytes[at..]) else { bail!("there is no frame to damage") };
    let Ok(wire::Message::Event(view)) = wire::decode(message) else { bail!("there is no event to damage") };
    let wire::PayloadRef::Present { bytes: payload, .. } = view.payload() else {
        bail!("there is no payload")
    };
    let payload = payload.as_ptr().addr() - bytes.as_ptr().addr();
    bytes[payload] ^= 1;
    Ok(())
}

/// Where the first frame starts that ends in the second half of the log.
fn frame_nearest_the_middle(bytes: &[u8]) -> Result<usize> {
    let mut at = HEADER_BYTES;
    loop {
        let FrameAt::Whole(message) = frame_at(&bytes[at..]) else {
            bail!("the log is damaged at byte {at}")
        };
        let end = at + omega_kernel::frame::FRAME_HEADER_BYTES + message.len();
        if end >= bytes.len() / 2 {
            return Ok(at);
        }
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{checks_every_event, notices_a_flipped_bit};
    use super::*;

    fn each() -> [Native; 4] {
        let form = |form| Native::new(form, 1);
        [form(Form::OneLog), form(Form::SignedHead), form(Form::SignedEach), Native::new(Form::OneLog, 2)]
    }

    #[test]
    fn all_forms_check_every_event() {
        each().iter_mut().for_each(|native| checks_every_event(native));
    }

    #[test]
    fn all_forms_notice_a_flipped_bit() {
        each().iter_mut().for_each(|native| notices_a_flipped_bit(native));
    }

    #[test]
    fn signatures_are_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let (log, events) = crate::events::samples(folder.path(), 40);
        let place = Place { log, folder: folder.path().to_owned(), omega: "".into(), processor: None };
        for form in [Form::SignedHead, Form::SignedEach] {
            let mut native = Native::new(form, 1);
            native.prepare(&events, &place).unwrap();
            // Another signature, with a fitting checksum: the head stays canonical.
            let log = native.logs.last_mut().unwrap();
            let at = log.len() - wire::HEAD_MESSAGE_BYTES;
            let mut message = log[at..].to_vec();
            let Ok(wire::Message::Head(head)) = wire::decode(&message) else {
                panic!("no head ends the log")
            };
            let signature = head.signature;
            let stands = message.windows(64).position(|bytes| bytes == signature).unwrap();
            message[stands] ^= 1;
            log.truncate(at - omega_kernel::frame::FRAME_HEADER_BYTES);
            write_frame(&message, log);
            let refused = native.run().unwrap_err().to_string();
            assert!(refused.contains("signature"), "{form:?}: {refused}");
        }
    }
}
