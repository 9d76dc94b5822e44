//! Driving a kernel through a batch: logs in, verdict out.
//!
//! A [`Schedule`] says in which order the logs come, where they are cut, which are fed and which are
//! scanned in parts by how many instances. Every schedule gives the same body. Replay seed 0 is the
//! straightforward one: the caller's order, everything fed, in chunks of 4 MiB; or, where the kernel may use
//! several processors and there is enough to read, scanned side by side. Any other seed draws one; running
//! another one than last time is how it stays true that they give the same.
//!
//! With several damaged logs the lowest one in the caller's order is reported, whatever the
//! schedule met first.

mod parts;
mod schedule;
mod side_by_side;
#[cfg(test)]
mod tests;

use std::thread;

use omega_kernel::commitment::StateCommitment;
use omega_verify::platform::lowest;
use pollster::block_on;

use crate::engine::{Error, Kernel, Session, Verdict};
use crate::failure::Failure;
use crate::interrupt;
use crate::map::Source;
use parts::Cutter;
use schedule::Schedule;
pub use side_by_side::Runs;

/// Bytes read and fed at once with seed 0; the most with any other.
const CHUNK_BYTES: usize = 4 << 20;
/// Bytes from which on parts are scanned side by side: starting instances costs more than it spares below.
const MIN_SIDE_BY_SIDE_BYTES: u64 = 2 * CHUNK_BYTES as u64;

/// Hears how many bytes have been read; its failure ends the work.
pub type Progress<'p> = &'p mut dyn FnMut(u64) -> Result<(), Failure>;

/// One log of a batch.
pub type Log<'a> = omega_verify::platform::Log<'a, Source>;

/// A batch's outcome, and the state after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// What the kernel says.
    pub verdict: Verdict,
    /// The state that it left.
    pub state: StateCommitment,
    /// Bytes in all logs together.
    pub bytes: u64,
}

/// Judges one batch. `progress` hears how many bytes have been read so far, and may end it.
///
/// # Errors
/// A fault of the lowest damaged log, with its file and offset; a log that was cut or changed
/// meanwhile; whatever the engine ran into, and the failure of `progress`. The session's state is as it was then.
pub fn judge(
    kernel: &Kernel,
    session: &mut Session,
    logs: &[Log<'_>],
    replay_seed: u64,
    progress: Progress<'_>,
) -> Result<Judged, Failure> {
    attempt(kernel, session, logs, replay_seed, progress).map_err(|error| explain(kernel, logs, error))
}

/// As [`judge`], the error as the kernel stated it: nothing is judged again to see whether a lower log
/// is damaged too. So no more time goes by than this session has.
///
/// # Errors
/// The kernel's fault; as [`judge`].
pub fn attempt(
    kernel: &Kernel,
    session: &mut Session,
    logs: &[Log<'_>],
    replay_seed: u64,
    progress: Progress<'_>,
) -> Result<Judged, Error> {
    let mut run = Run::new(kernel, session, logs, progress);
    let judged = match replay_seed {
        0 if run.is_worth_several() => run.side_by_side(),
        0 => run.fixed(&Schedule::straight(logs.len())),
        seed => run.fixed(&Schedule::drawn(logs, seed)),
    };
    match judged {
        Ok(verdict) => Ok(Judged {
            verdict,
            state: session.state()?,
            bytes: logs.iter().map(|log| log.source.len()).sum(),
        }),
        Err(error) => {
            // Best effort: an instance that trapped cannot be entered any more.
            let _ = session.abort();
            Err(error)
        }
    }
}

/// Has so many instances scan one log, and hands each run on in order: the first phase alone, for measuring.
///
/// # Errors
/// Those of scanning, and of `take`.
pub fn scan(
    kernel: &Kernel,
    log: &Source,
    instances: usize,
    mut take: impl FnMut(Vec<u8>) -> Result<(), Error>,
) -> Result<(), Error> {
    let logs = [Log::whole(log)];
    let schedule = Schedule::side_by_side(&logs, instances);
    thread::scope(|scope| {
        let mut runs = Runs::start(scope, kernel, instances, Cutter::new(&logs, &schedule));
        loop {
            let scanned = runs.next_run()?;
            take(scanned.run)?;
            if scanned.last {
                return Ok(());
            }
        }
    })
}

struct Run<'r> {
    kernel: &'r Kernel,
    session: &'r mut Session,
    logs: &'r [Log<'r>],
    progress: Progress<'r>,
    read: u64,
    buffer: Vec<u8>,
}

impl<'r> Run<'r> {
    fn new(
        kernel: &'r Kernel,
        session: &'r mut Session,
        logs: &'r [Log<'r>],
        progress: Progress<'r>,
    ) -> Self {
        Run { kernel, session, logs, progress, read: 0, buffer: vec![0; CHUNK_BYTES] }
    }

    fn is_worth_several(&self) -> bool {
        let bytes: u64 = self.logs.iter().map(|log| log.source.len()).sum();
        self.kernel.jobs() > 1 && bytes >= MIN_SIDE_BY_SIDE_BYTES
    }

    /// Scans side by side what may be judged whole. Where a log turns out to hold more than is judged of it, or is
    /// damaged, which may lie behind that, everything is fed: how many scan changes no outcome.
    fn side_by_side(&mut self) -> Result<Verdict, Error> {
        let guessed = self.logs.iter().any(|log| log.may_be_all);
        match self.batch(&Schedule::side_by_side(self.logs, self.kernel.jobs())) {
            Ok(Some(verdict)) => return Ok(verdict),
            Err(Error::Fault(_)) if guessed => {}
            Err(error) => return Err(error),
            Ok(None) => {}
        }
        self.session.abort()?;
        self.read = 0;
        self.fixed(&Schedule::straight(self.logs.len()))
    }

    /// Judges under a schedule that scans no log with a limit.
    fn fixed(&mut self, schedule: &Schedule) -> Result<Verdict, Error> {
        self.batch(schedule)?.ok_or_else(|| Failure::internal("a log with a limit was scanned").into())
    }

    /// Judges the batch; none where a log that was scanned does not hold as many events as its limit says.
    fn batch(&mut self, schedule: &Schedule) -> Result<Option<Verdict>, Error> {
        let limit = |log: usize| self.logs[log].limit.filter(|_| !schedule.scans(log));
        self.session.begin_batch(&(0..self.logs.len()).map(limit).collect::<Vec<_>>())?;
        let kernel = self.kernel;
        let whole = thread::scope(|scope| {
            let mut runs = Runs::start(scope, kernel, schedule.instances, Cutter::new(self.logs, schedule));
            for &log in &schedule.order {
                if !schedule.scans(log) {
                    self.feed(log, schedule)?;
                } else if !self.absorb(log, &mut runs)? {
                    return Ok::<_, Error>(false);
                }
            }
            Ok(true)
        })?;
        // Before the verdict, because a merge commits.
        self.logs.iter().try_for_each(|log| log.source.unchanged())?;
        whole.then(|| self.session.finish()).transpose()
    }

    /// Hands a log over as it is.
    fn feed(&mut self, log: usize, schedule: &Schedule) -> Result<(), Error> {
        let (mut cuts, mut offset) = (schedule.cuts(log), 0);
        loop {
            let count = self.logs[log].source.read_at(offset, &mut self.buffer[..cuts.next()])?;
            self.advance(count as u64)?;
            if count == 0 {
                return Ok(());
            }
            self.session.feed(log as u32, &self.buffer[..count])?;
            offset += count as u64;
        }
    }

    /// Hands a log over as the runs of its parts; whether it holds as many events as its limit says.
    fn absorb(&mut self, log: usize, runs: &mut Runs) -> Result<bool, Error> {
        let limit = self.logs[log].limit;
        let mut events = 0;
        loop {
            let scanned = runs.next_run()?;
            self.advance(scanned.bytes)?;
            if let Some(limit) = limit {
                // This program's own kernel: no other scans what has a limit.
                events += omega_kernel::run::Run::open(&scanned.run)?.events() as u64;
                if events > limit {
                    return Ok(false);
                }
            }
            self.session.absorb(log as u32, &scanned.run)?;
            if scanned.last {
                return Ok(limit.is_none_or(|limit| events == limit));
            }
        }
    }

    /// So many bytes more were read.
    fn advance(&mut self, bytes: u64) -> Result<(), Failure> {
        self.read += bytes;
        (self.progress)(self.read)
    }
}

/// Finds what to report where several logs may be damaged, and names the file.
fn explain(kernel: &Kernel, logs: &[Log<'_>], error: Error) -> Failure {
    let fault = match error {
        Error::Failure(failure) => return failure,
        Error::Fault(fault) => fault,
    };
    if let Some(changed) = logs.iter().find_map(|log| log.source.unchanged().err()) {
        return changed;
    }
    block_on(lowest(fault, logs, async |log| alone(kernel, logs[log])))
}

/// Judges one log alone: what is wrong with it, however the batch came to an end.
fn alone(kernel: &Kernel, log: Log<'_>) -> Result<(), Error> {
    let mut session = kernel.session()?;
    Run::new(kernel, &mut session, &[log], &mut |_| interrupt::check())
        .fixed(&Schedule::straight(1))
        .map(drop)
}
