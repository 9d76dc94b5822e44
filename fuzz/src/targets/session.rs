//! `session`: calls to a session in any order, with logs and runs made from the bytes, some of them forged.

use arbitrary::{Result, Unstructured};
use omega_kernel::body::{Body, Core, Observations, VerdictKind};
use omega_kernel::evidence;
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::run::Part;
use omega_kernel::session::{Finished, LogInput, Session};
use omega_kernel::snapshot::{SnapshotReader, SnapshotWriter};

use super::check_fault;
use crate::made::{self, Log};
use crate::subject;

/// Calls in a row, at most.
const MOST_CALLS: usize = 64;

/// Takes bytes that say which calls are made, and checks that
/// - a batch ends as one does whose logs are fed one after the other, each at once: the same body or the same
///   fault, and the same state; the order of the logs changes nothing in the body;
/// - a merge leaves the state that its core names; an obstruction, a fault, an abort, a proof and a refused
///   call leave it as it was;
/// - the body is written as it was read, and the evidence of an obstruction is found true;
/// - a snapshot brings the same state back;
/// - a forged run is refused or judged, and never more than that.
pub fn check(bytes: &[u8]) {
    // What ends early is no finding: the bytes were used up.
    let _ = run(&mut Unstructured::new(bytes));
}

fn run(from: &mut Unstructured<'_>) -> Result<()> {
    let mut logs = made::logs(from)?;
    if from.ratio(1, 6)? {
        let log = from.choose_index(logs.len())?;
        let at = from.choose_index(logs[log].bytes.len())?;
        logs[log].bytes[at] ^= 1 << from.int_in_range(0..=7)?;
    }
    let mut driven = Driven { session: Session::genesis(), batch: None, logs };
    // Most sequences begin like this; the bytes are for what follows.
    driven.begin(from)?;
    for _ in 0..MOST_CALLS {
        if from.is_empty() {
            break;
        }
        driven.call(from)?;
    }
    driven.finish();
    Ok(())
}

/// A session, and what it was told.
struct Driven {
    session: Session,
    batch: Option<Vec<Told>>,
    logs: Vec<Log>,
}

/// What a log of the batch was told.
#[derive(Clone, Default)]
struct Told {
    input: LogInput,
    how: How,
    /// Its bytes, as they were fed or as the runs cover them.
    bytes: Vec<u8>,
    /// The last run came.
    complete: bool,
    /// A run was forged, or did not fit behind the one before.
    forged: bool,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum How {
    #[default]
    Waiting,
    Bytes,
    Runs,
}

impl Driven {
    fn call(&mut self, from: &mut Unstructured<'_>) -> Result<()> {
        if self.batch.is_none() && from.ratio(3, 4)? {
            // Mostly with other logs than the batch before: the same are known.
            if from.ratio(3, 4)? {
                self.logs = made::logs(from)?;
            }
            self.begin(from)?;
        }
        let before = self.session.state().commitment();
        match from.int_in_range(0..=15)? {
            0 => self.begin(from)?,
            1..=5 => self.feed(from)?,
            6..=8 => self.absorb(from)?,
            9 | 10 => self.feed_the_rest(),
            11 | 12 => {
                self.feed_the_rest();
                self.finish();
                return Ok(());
            }
            13 => {
                self.session.abort();
                self.batch = None;
            }
            14 => self.prove(from)?,
            _ => self.restore(),
        }
        assert_eq!(self.session.state().commitment(), before, "only a merge changes the state");
        Ok(())
    }

    fn begin(&mut self, from: &mut Unstructured<'_>) -> Result<()> {
        let count = if from.ratio(1, 16)? { from.int_in_range(0..=6)? } else { self.logs.len() };
        let mut inputs = Vec::new();
        for _ in 0..count {
            let limit = from.ratio(1, 8)?.then(|| from.int_in_range(0..=6)).transpose()?;
            inputs.push(LogInput { limit });
        }
        match self.session.begin_batch(&inputs) {
            Ok(()) => {
                assert!(self.batch.is_none() && count > 0);
                let told = |&input: &LogInput| Told { input, ..Told::default() };
                self.batch = Some(inputs.iter().map(told).collect());
            }
            Err(fault) if self.batch.is_some() => assert_eq!(fault.code, FaultCode::SessionMisuse),
            Err(fault) => assert_eq!((fault.code, count), (FaultCode::LimitExceeded, 0)),
        }
        Ok(())
    }

    /// Feeds the next bytes of a log, or any of its bytes.
    fn feed(&mut self, from: &mut Unstructured<'_>) -> Result<()> {
        let slot = from.int_in_range(0..=5u32)?;
        let source = &self.logs[slot as usize % self.logs.len()].bytes;
        let Some(told) = self.batch.as_mut().and_then(|batch| batch.get_mut(slot as usize)) else {
            let fault = self.session.feed(slot, source).expect_err("there is no such log");
            assert_eq!(fault.code, FaultCode::SessionMisuse);
            return Ok(());
        };
        let start = if from.ratio(1, 16)? { from.choose_index(source.len())? } else { told.bytes.len() };
        let rest = source.get(start..).unwrap_or_default();
        let length = if from.ratio(1, 2)? { rest.len() } else { from.int_in_range(0..=rest.len())? };
        let piece = &rest[..length];
        let answer = self.session.feed(slot, piece);
        if told.how == How::Runs {
            assert!(answer.is_err(), "a log comes as bytes or as runs");
            return Ok(());
        }
        told.how = How::Bytes;
        told.bytes.extend_from_slice(piece);
        match answer {
            Ok(events) => assert!(told.input.limit.is_none_or(|limit| events <= limit)),
            Err(fault) => check_fault(&fault, told.bytes.len()),
        }
        Ok(())
    }

    /// Feeds what is missing of every log that comes as bytes or has not come yet.
    fn feed_the_rest(&mut self) {
        for (slot, told) in (0u32..).zip(self.batch.iter_mut().flatten()) {
            let source = &self.logs[slot as usize % self.logs.len()].bytes;
            let rest = source.get(told.bytes.len()..).unwrap_or_default();
            if told.how != How::Runs {
                let _ = self.session.feed(slot, rest);
                told.how = How::Bytes;
                told.bytes.extend_from_slice(rest);
            }
        }
    }

    /// Hands over the run of the next part of a log, true or forged.
    fn absorb(&mut self, from: &mut Unstructured<'_>) -> Result<()> {
        let slot = from.int_in_range(0..=5u32)?;
        let source = &self.logs[slot as usize % self.logs.len()].bytes;
        let Some(told) = self.batch.as_mut().and_then(|batch| batch.get_mut(slot as usize)) else {
            return Ok(());
        };
        let start = if told.how == How::Runs { told.bytes.len() } else { 0 };
        // A damaged log has no run; and whole frames are needed to cut at.
        let Some(whole) = made::boundaries(source) else { return Ok(()) };
        let behind: Vec<usize> = whole.into_iter().filter(|&end| end >= start && end > 0).collect();
        if behind.is_empty() {
            return Ok(());
        }
        let end = *from.choose(&behind)?;
        let Ok(run) = made::run(source, start, end, end == source.len()) else { return Ok(()) };
        let forging = from.ratio(1, 4)?;
        let handed = if forging { forged(&run, from)? } else { run };
        let answer = self.session.absorb(slot, &handed);
        if told.how == How::Bytes || (told.how == How::Waiting && told.input.limit.is_some()) {
            let code = answer.expect_err("bytes or runs, and a limit is the scanner's").code;
            assert_eq!(code, FaultCode::SessionMisuse);
            return Ok(());
        }
        told.how = How::Runs;
        match answer {
            Ok(()) if !forging => {
                assert!(!told.complete || told.forged, "nothing follows the last run");
                told.bytes.extend_from_slice(&source[start..end]);
                told.complete = end == source.len();
            }
            Ok(()) => told.forged = true,
            Err(fault) => {
                check_fault(&fault, usize::MAX);
                told.forged = true;
            }
        }
        Ok(())
    }

    /// Ends the batch, and holds what came of it against the straightforward way.
    fn finish(&mut self) {
        let prior = self.session.state().commitment();
        let snapshot = taken(&self.session);
        let batch = self.batch.take();
        let finished = subject::finish(&mut self.session);
        assert_eq!(self.session.finish().map_err(|fault| fault.code), Err(FaultCode::SessionMisuse));
        let Some(batch) = batch else {
            assert_eq!(finished.map_err(|fault| fault.code), Err(FaultCode::SessionMisuse));
            return;
        };
        let after = self.session.state().commitment();
        let forged = batch.iter().any(|told| told.forged);
        match &finished {
            Err(fault) => {
                check_fault(fault, usize::MAX);
                assert_eq!(after, prior, "a fault leaves the state");
            }
            Ok(finished) => {
                let (core, observations) = check_body(finished);
                assert_eq!(core.prior, prior);
                assert_eq!(after, core.next);
                assert_eq!(finished.logs.len(), batch.len());
                let mut ranks: Vec<u32> = finished.logs.iter().map(|log| log.rank).collect();
                ranks.sort_unstable();
                assert!(ranks.into_iter().eq(0..batch.len() as u32));
                if finished.kind == VerdictKind::Obstruction {
                    assert_eq!(after, prior, "an obstruction leaves the state");
                    let found = evidence::check(&core, &observations.payload);
                    assert!(forged || found.is_ok(), "the evidence is not found true: {found:?}");
                }
            }
        }
        // Runs that are missing at the end have no counterpart in bytes.
        let comparable = |told: &Told| !told.forged && (told.how != How::Runs || told.complete);
        if batch.iter().all(comparable) {
            let order: Vec<usize> = (0..batch.len()).collect();
            let plain = straightforward(&snapshot, &batch, &order);
            assert_eq!(after, plain.1, "the straightforward way");
            match (&finished, &plain.0) {
                (Err(fault), Err(plain)) => assert_eq!(fault, plain),
                (finished, plain) => assert_eq!(finished, plain, "the straightforward way"),
            }
            if let Ok(finished) = &finished {
                let reversed: Vec<usize> = order.into_iter().rev().collect();
                let (other, state) = straightforward(&snapshot, &batch, &reversed);
                let other = other.expect("the same logs in another order");
                assert_eq!((&other.body, state), (&finished.body, after), "the order of the logs");
            }
        }
    }

    fn prove(&mut self, from: &mut Unstructured<'_>) -> Result<()> {
        let id = from.int_in_range(1..=24)?;
        let honest = self.batch.take().is_some_and(|batch| batch.iter().all(|told| !told.forged));
        match self.session.prove_event(id) {
            Ok(witnesses) if honest => assert!(witnesses.iter().all(|witness| witness.header.id == id)),
            Ok(_) => {}
            Err(fault) => check_fault(&fault, usize::MAX),
        }
        Ok(())
    }

    fn restore(&mut self) {
        let before = self.session.state().commitment();
        self.session = restored(&taken(&self.session));
        self.batch = None;
        assert_eq!(self.session.state().commitment(), before);
    }
}

/// The batch's logs in this order, each fed at once, in a session that starts from this snapshot.
fn straightforward(
    snapshot: &[u8],
    batch: &[Told],
    order: &[usize],
) -> (std::result::Result<Finished, Fault>, omega_kernel::commitment::StateCommitment) {
    let mut session = restored(snapshot);
    let inputs: Vec<LogInput> = order.iter().map(|&log| batch[log].input).collect();
    session.begin_batch(&inputs).expect("it was begun before");
    for (slot, &log) in (0u32..).zip(order) {
        // The fault comes again in the end, the first log's first.
        let _ = session.feed(slot, &batch[log].bytes);
    }
    (session.finish(), session.state().commitment())
}

fn check_body(finished: &Finished) -> (Core, Observations) {
    let body = Body::split(&finished.body).expect("a body");
    let (core, observations) = body.decode().expect("a body that the kernel made");
    assert_eq!(Body { core: &core.encode(), observations: &observations.encode() }.join(), finished.body);
    assert_eq!(core.verdict, finished.kind);
    assert_eq!(core.evidence.is_some(), finished.kind == VerdictKind::Obstruction);
    (core, observations)
}

fn taken(session: &Session) -> Vec<u8> {
    SnapshotWriter::new(session.state(), None).read(0, u32::MAX)
}

fn restored(snapshot: &[u8]) -> Session {
    let mut reader = SnapshotReader::new();
    reader.push(snapshot).expect("a snapshot that was taken");
    Session::from_state(reader.finish().expect("a snapshot that was taken").0)
}

/// A run that was tampered with: any byte, or an entry that keeps the shape that scanning gives.
fn forged(run: &[u8], from: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let (mut part, mut entries) = match Part::decode(run) {
        Ok((part, entries)) if !entries.list.is_empty() && from.ratio(3, 4)? => (part, entries),
        _ => {
            let mut run = run.to_vec();
            for _ in 0..from.int_in_range(1..=4)? {
                let at = from.choose_index(run.len())?;
                run[at] = from.arbitrary()?;
            }
            run.truncate(from.int_in_range(0..=run.len())?.max(run.len() / 2));
            return Ok(run);
        }
    };
    for _ in 0..from.int_in_range(1..=3)? {
        let at = from.int_in_range(0..=entries.list.len() - 1)?;
        let entry = entries.list.get_mut(at);
        match from.int_in_range(0..=8)? {
            0 => entry.lamport = from.arbitrary()?,
            1 => entry.id = from.int_in_range(0..=24)?,
            2 => entry.prev = from.int_in_range(0..=24)?,
            3 => entry.node = from.int_in_range(0..=3)?,
            4 => entry.stream = from.arbitrary()?,
            5 => entry.event_hash = [from.arbitrary()?; 32],
            6 => entries.rest.get_mut(at).payload_hash = [from.arbitrary()?; 32],
            7 => entries.rest.get_mut(at).payload_len = from.arbitrary()?,
            _ => part.end = from.arbitrary()?,
        }
    }
    Ok(part.encode(&entries))
}
