//! The three ways to run the kernel, and all that judging gives, so that it can be compared.
#![allow(dead_code)]

use omega_kernel::commitment::StateCommitment;
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::frame::Frames;
use omega_sheaf::check::{self, Log};
use omega_sheaf::engine::{Error, Execution, Kernel, Mode, Options, ScanPart, Session, Verdict};
use omega_sheaf::failure::{Code, Failure};
use omega_sheaf::map::Source;

/// The kernel, as it runs natively, compiled and interpreted.
pub struct Engines {
    pub native: Kernel,
    pub cranelift: Kernel,
    pub pulley: Kernel,
}

impl Engines {
    pub fn new() -> Self {
        let kernel =
            |mode, execution| Kernel::embedded(&Options { mode, execution, ..Options::default() }).unwrap();
        Engines {
            native: kernel(Mode::Native, Execution::Cranelift),
            cranelift: kernel(Mode::Wasm, Execution::Cranelift),
            pulley: kernel(Mode::Wasm, Execution::Pulley),
        }
    }

    /// Under their names.
    pub fn all(&self) -> [(&'static str, &Kernel); 3] {
        [("native", &self.native), ("Cranelift", &self.cranelift), ("Pulley", &self.pulley)]
    }
}

/// What judging a batch gives: a verdict, or a fault down to its words; and the state afterwards,
/// whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub verdict: Result<Verdict, Fault>,
    pub state: StateCommitment,
    pub snapshot: Vec<u8>,
}

impl Outcome {
    /// Feeds each log in chunks of so many bytes, one after the other.
    pub fn fed(session: &mut Session, logs: &[Vec<u8>], chunk: usize) -> Self {
        Outcome::fed_up_to(session, logs, &vec![None; logs.len()], chunk)
    }

    /// As [`Outcome::fed`], judging of each log only its first so many events.
    pub fn fed_up_to(session: &mut Session, logs: &[Vec<u8>], limits: &[Option<u64>], chunk: usize) -> Self {
        let verdict = verdict(session, logs, limits, |session, index, log| {
            log.chunks(chunk).try_for_each(|chunk| session.feed(index, chunk))
        });
        Outcome::after(session, verdict)
    }

    /// Scans each log in parts, in instances of their own, cut before every `step`th frame.
    pub fn scanned(kernel: &Kernel, session: &mut Session, logs: &[Vec<u8>], step: usize) -> Self {
        let verdict = verdict(session, logs, &vec![None; logs.len()], |session, index, log| {
            runs(kernel, index, log, step)?.iter().try_for_each(|run| session.absorb(index, run))
        });
        Outcome::after(session, verdict)
    }

    /// Judges by the schedule of a replay seed.
    pub fn scheduled(kernel: &Kernel, session: &mut Session, logs: &[Vec<u8>], seed: u64) -> Self {
        let sources: Vec<Source> = logs.iter().map(|log| Source::from_bytes("x", log.clone())).collect();
        let logs: Vec<Log<'_>> = sources.iter().map(Log::whole).collect();
        let verdict = match check::judge(kernel, session, &logs, seed, &mut |_| Ok(())) {
            Ok(judged) => Ok(judged.verdict),
            Err(failure) => Err(fault_of(failure)),
        };
        Outcome::after(session, verdict)
    }

    fn after(session: &mut Session, verdict: Result<Verdict, Fault>) -> Self {
        Outcome { verdict, state: session.state().unwrap(), snapshot: snapshot(session) }
    }

    pub fn merged(&self) -> bool {
        self.verdict.as_ref().is_ok_and(|verdict| verdict.merged)
    }
}

/// One batch. Every log is heard, also behind a damaged one; of several faults that of the lowest log
/// counts, and one that came before the end tells more than that the log is not whole then.
fn verdict(
    session: &mut Session,
    logs: &[Vec<u8>],
    limits: &[Option<u64>],
    mut hand_over: impl FnMut(&mut Session, u32, &[u8]) -> Result<(), Error>,
) -> Result<Verdict, Fault> {
    let fault = |error| match error {
        Error::Fault(fault) => fault,
        Error::Failure(failure) => panic!("the engine failed: {failure}"),
    };
    session.begin_batch(limits).map_err(fault)?;
    let handed = (0u32..).zip(logs).map(|(index, log)| hand_over(session, index, log).map_err(fault));
    let early = handed.filter_map(Result::err).collect::<Vec<_>>().into_iter().next();
    let judged = session.finish().map_err(fault);
    if judged.is_err() {
        session.abort().unwrap();
    }
    match (early, judged) {
        (Some(early), Err(late)) if late.log < early.log => Err(late),
        (Some(early), Err(_)) => Err(early),
        (Some(early), Ok(_)) => panic!("a verdict in spite of {early}"),
        (None, judged) => judged,
    }
}

/// The runs of a log's parts. A log that cannot be cut, because it is damaged, is scanned whole.
fn runs(kernel: &Kernel, log: u32, bytes: &[u8], step: usize) -> Result<Vec<Vec<u8>>, Error> {
    let frames = Frames::new(bytes).map(|(_, frames)| {
        frames.map_while(Result::ok).map(|frame| frame.offset as usize).step_by(step).collect::<Vec<_>>()
    });
    let starts: Vec<usize> = [0].into_iter().chain(frames.unwrap_or_default()).collect();
    let ends = starts[1..].iter().copied().chain([bytes.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|(&start, end)| {
            let part = ScanPart { log, offset: start as u64, limit: None };
            let mut scanner = kernel.scanner(part)?;
            scanner.push(&bytes[start..end])?;
            scanner.finish(end == bytes.len())
        })
        .collect()
}

fn fault_of(failure: Failure) -> Fault {
    let Code::Kernel(code) = failure.code else { panic!("the host failed: {failure}") };
    Fault { code, log: None, offset: failure.offset, message: failure.message }
}

/// What an outcome must tell where it went through the host: that names a file in place of the index
/// of a faulty log.
pub fn told(outcome: &Outcome) -> Result<&Verdict, (FaultCode, Option<u64>, &str)> {
    outcome.verdict.as_ref().map_err(|fault| (fault.code, fault.offset, &*fault.message))
}

/// The state, as a file.
pub fn snapshot(session: &mut Session) -> Vec<u8> {
    let mut bytes = Vec::new();
    let written = session.snapshot(None, |chunk| {
        bytes.extend_from_slice(chunk);
        Ok(())
    });
    assert_eq!(written.unwrap(), bytes.len() as u64);
    bytes
}

/// A session that goes on from a snapshot.
pub fn restored(kernel: &Kernel, snapshot: &[u8]) -> Session {
    kernel.restore(&Source::from_bytes("snapshot", snapshot.to_vec())).unwrap().0
}
