//! Driving a kernel through a batch: logs in, verdict out.
//!
//! The replay seed fixes the schedule: in which order the logs come, where they are cut, which are
//! fed and which are scanned in parts by how many instances. Every schedule gives the same body;
//! running another one than last time is how that stays true. Seed 0 is the straightforward one:
//! the caller's order, everything fed, in chunks of 4 MiB. For any other seed, numbers are drawn
//! from the BLAKE3 output stream of the seed: see [`Dice`].
//!
//! With several damaged logs the lowest one in the caller's order is reported, whatever the
//! schedule met first.

use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::{self, Scope};

use omega_kernel::commitment::StateCommitment;
use omega_kernel::frame::HEADER_BYTES;
use omega_verify::platform::lowest;
use pollster::block_on;

use crate::engine::{Error, Kernel, ScanPart, Session, Verdict};
use crate::failure::Failure;
use crate::interrupt;
use crate::map::Source;

/// Bytes read and fed at once with seed 0; the most with any other.
const CHUNK_BYTES: usize = 4 << 20;
/// Most instances that scan side by side: the same on every machine, so that a seed is a schedule.
const MAX_INSTANCES: u64 = 4;

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
    let mut run = Run { kernel, session, logs, progress, read: 0, buffer: vec![0; CHUNK_BYTES] };
    match run.batch(Dice::new(replay_seed)) {
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

struct Run<'r> {
    kernel: &'r Kernel,
    session: &'r mut Session,
    logs: &'r [Log<'r>],
    progress: Progress<'r>,
    read: u64,
    buffer: Vec<u8>,
}

impl Run<'_> {
    fn batch(&mut self, mut dice: Dice) -> Result<Verdict, Error> {
        let limits: Vec<_> = self.logs.iter().map(|log| log.limit).collect();
        self.session.begin_batch(&limits)?;
        let order = dice.order(self.logs.len());
        let instances = dice.instances();
        thread::scope(|scope| {
            let pool: Vec<_> = (0..instances).map(|_| Worker::start(scope, self.kernel.clone())).collect();
            order.into_iter().try_for_each(|log| {
                // A limit counts over the whole log, which no scanner sees.
                let scans = dice.scans() && self.logs[log].limit.is_none();
                if scans { self.scan(log, &pool, &mut dice) } else { self.feed(log, &mut dice) }
            })
        })?;
        // Before the verdict, because a merge commits.
        self.logs.iter().try_for_each(|log| log.source.unchanged())?;
        self.session.finish()
    }

    /// Hands a log over as it is.
    fn feed(&mut self, log: usize, dice: &mut Dice) -> Result<(), Error> {
        let mut offset = 0;
        loop {
            let chunk = self.next(log, offset, dice.cut())?;
            if chunk == 0 {
                return Ok(());
            }
            self.session.feed(log as u32, &self.buffer[..chunk])?;
            offset += chunk as u64;
        }
    }

    /// Hands a log over as the runs of its parts, scanned side by side and absorbed in order.
    fn scan(&mut self, log: usize, pool: &[Worker], dice: &mut Dice) -> Result<(), Error> {
        let source = self.logs[log].source;
        let part = |offset| Job::Begin(ScanPart { log: log as u32, offset, limit: None });
        let mut frames = FrameStarts { next: HEADER_BYTES as u64 };
        let (mut begun, mut absorbed, mut offset) = (1, 0, 0);
        let mut cut_at = dice.cut() as u64;
        pool[0].give(part(0));
        while offset < source.len() {
            let count = self.next(log, offset, dice.cut())?;
            let mut chunk = self.buffer[..count].to_vec();
            while let Some(start) = frames.first_from(cut_at, offset, &chunk)
                && start < source.len()
            {
                let rest = chunk.split_off((start - offset) as usize);
                let worker = &pool[(begun - 1) % pool.len()];
                worker.give(Job::Bytes(std::mem::replace(&mut chunk, rest)));
                worker.give(Job::End { last: false });
                offset = start;
                cut_at = start + dice.cut() as u64;
                if begun - absorbed == pool.len() {
                    self.absorb(log, &pool[absorbed % pool.len()])?;
                    absorbed += 1;
                }
                pool[begun % pool.len()].give(part(start));
                begun += 1;
            }
            offset += chunk.len() as u64;
            pool[(begun - 1) % pool.len()].give(Job::Bytes(chunk));
        }
        pool[(begun - 1) % pool.len()].give(Job::End { last: true });
        (absorbed..begun).try_for_each(|part| self.absorb(log, &pool[part % pool.len()]))
    }

    fn absorb(&mut self, log: usize, worker: &Worker) -> Result<(), Error> {
        let run = worker.runs.recv().map_err(|_| Failure::internal("a scanning thread ended early"))??;
        self.session.absorb(log as u32, &run)
    }

    /// Copies the next bytes of a log into the buffer; none at its end.
    fn next(&mut self, log: usize, offset: u64, most: usize) -> Result<usize, Failure> {
        let count = self.logs[log].source.read_at(offset, &mut self.buffer[..most])?;
        self.read += count as u64;
        (self.progress)(self.read)?;
        Ok(count)
    }
}

/// Where frames begin, told from their lengths alone. Only a hint for cutting: a part that is cut
/// elsewhere, because the log is damaged, is a fault of the log.
struct FrameStarts {
    next: u64,
}

impl FrameStarts {
    /// The first frame start that is at least `from` and inside or right behind the chunk at `offset`.
    fn first_from(&mut self, from: u64, offset: u64, chunk: &[u8]) -> Option<u64> {
        while self.next < from || self.next < offset {
            let at = usize::try_from(self.next.checked_sub(offset)?).ok()?;
            let length = chunk.get(at..)?.first_chunk::<4>()?;
            // Frame: length, checksum, message (schemas/log.md).
            self.next += 8 + u64::from(u32::from_le_bytes(*length));
        }
        (self.next <= offset + chunk.len() as u64).then_some(self.next)
    }
}

enum Job {
    Begin(ScanPart),
    Bytes(Vec<u8>),
    End { last: bool },
}

/// A thread that scans parts, one after the other, each in an instance of its own.
struct Worker {
    jobs: SyncSender<Job>,
    runs: Receiver<Result<Vec<u8>, Error>>,
}

impl Worker {
    fn start<'scope>(scope: &'scope Scope<'scope, '_>, kernel: Kernel) -> Self {
        let (jobs, todo) = sync_channel(2);
        let (done, runs) = channel();
        scope.spawn(move || {
            let mut scanner = None;
            for job in todo {
                let flow = match job {
                    Job::Begin(part) => {
                        scanner = Some(kernel.scanner(part));
                        ControlFlow::Continue(())
                    }
                    Job::Bytes(bytes) => {
                        if let Some(Ok(open)) = &mut scanner
                            && let Err(error) = open.push(&bytes)
                        {
                            scanner = Some(Err(error));
                        }
                        ControlFlow::Continue(())
                    }
                    Job::End { last } => match scanner.take() {
                        Some(scanner) => match done.send(scanner.and_then(|scanner| scanner.finish(last))) {
                            Ok(()) => ControlFlow::Continue(()),
                            Err(_) => ControlFlow::Break(()),
                        },
                        None => ControlFlow::Break(()),
                    },
                };
                if flow.is_break() {
                    return;
                }
            }
        });
        Worker { jobs, runs }
    }

    /// A worker that is gone is noticed where its run is missing.
    fn give(&self, job: Job) {
        let _ = self.jobs.send(job);
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
    let mut run = Run {
        kernel,
        session: &mut session,
        logs: &[log],
        progress: &mut |_| interrupt::check(),
        read: 0,
        buffer: vec![0; CHUNK_BYTES],
    };
    run.batch(Dice::new(0)).map(drop)
}

/// Numbers drawn from a replay seed.
///
/// The stream is the BLAKE3 extendable output, in `derive_key` mode with the context
/// `omega-sheaf 2026-11 v1 replay schedule`, of the seed (u64, little-endian). A number below `n`
/// is the upper 64 bits of the product of `n` and the stream's next u64 (little-endian). Drawn in
/// this order: the logs' order (Fisher–Yates, from the last place down), the number of instances,
/// then for each log, as it comes, whether it is scanned (not where it has a limit), and its cuts as they are needed.
struct Dice(Option<blake3::OutputReader>);

impl Dice {
    fn new(seed: u64) -> Self {
        let stream = || {
            let mut hasher = blake3::Hasher::new_derive_key("omega-sheaf 2026-11 v1 replay schedule");
            hasher.update(&seed.to_le_bytes()).finalize_xof()
        };
        Dice((seed != 0).then(stream))
    }

    fn below(stream: &mut blake3::OutputReader, n: u64) -> u64 {
        let mut drawn = [0; 8];
        stream.fill(&mut drawn);
        ((u128::from(u64::from_le_bytes(drawn)) * u128::from(n)) >> 64) as u64
    }

    /// In which order the logs come.
    fn order(&mut self, logs: usize) -> Vec<usize> {
        let mut order: Vec<_> = (0..logs).collect();
        if let Some(stream) = &mut self.0 {
            for place in (1..logs).rev() {
                order.swap(place, Self::below(stream, place as u64 + 1) as usize);
            }
        }
        order
    }

    /// How many instances scan.
    fn instances(&mut self) -> usize {
        self.0.as_mut().map_or(0, |stream| 1 + Self::below(stream, MAX_INSTANCES) as usize)
    }

    /// Whether the next log is scanned in parts rather than fed.
    fn scans(&mut self) -> bool {
        self.0.as_mut().is_some_and(|stream| Self::below(stream, 2) == 1)
    }

    /// Where to cut next, in bytes: a multiple of 8 between 4 KiB and 4 MiB, small ones as likely
    /// as large ones.
    fn cut(&mut self) -> usize {
        let Some(stream) = &mut self.0 else { return CHUNK_BYTES };
        let least = 1 << (12 + Self::below(stream, 10));
        (least + Self::below(stream, least)) as usize & !7
    }
}

#[cfg(test)]
mod tests {
    use omega_kernel::event::EventHeader;
    use omega_kernel::fault::FaultCode;
    use omega_kernel::frame::{LogHeader, write_frame};
    use omega_kernel::wire::{PayloadRef, encode_event};

    use super::*;
    use crate::engine::{Mode, Options};
    use crate::failure::Code;

    /// A log of `count` events of one node.
    fn log_of(node: u32, count: u64) -> Vec<u8> {
        let mut log = LogHeader::new(&format!("log {node}")).unwrap().encode().to_vec();
        let mut prev = 0;
        for lamport in 1..=count {
            let payload = vec![node as u8; 300];
            let id = u128::from(node) << 64 | u128::from(lamport);
            let header = EventHeader {
                lamport,
                node,
                stream: 0,
                id,
                prev,
                claim: None,
                payload_len: payload.len() as u64,
                payload_hash: omega_kernel::hash::payload(&payload, None),
                deps: Vec::new(),
            };
            let mut message = Vec::new();
            encode_event(&header, PayloadRef::Present { bytes: &payload, salt: None }, &mut message);
            write_frame(&message, &mut log);
            prev = id;
        }
        log
    }

    fn kernel(mode: Mode) -> Kernel {
        Kernel::embedded(&Options { mode, ..Options::default() }).unwrap()
    }

    fn judge_all(kernel: &Kernel, sources: &[Source], seed: u64) -> Result<Judged, Failure> {
        let logs: Vec<_> = sources.iter().map(Log::whole).collect();
        judge(kernel, &mut kernel.session()?, &logs, seed, &mut |_| Ok(()))
    }

    fn sources(logs: &[Vec<u8>]) -> Vec<Source> {
        logs.iter()
            .enumerate()
            .map(|(i, log)| Source::from_bytes(format!("{i}.omega"), log.clone()))
            .collect()
    }

    #[test]
    fn a_failure_of_progress_ends_every_schedule() {
        let sources = sources(&[log_of(1, 3000), log_of(2, 3000), log_of(3, 10)]);
        let logs: Vec<_> = sources.iter().map(Log::whole).collect();
        let kernel = kernel(Mode::Native);
        for seed in 0..8 {
            let mut left = 2;
            let mut stop = |_| {
                left -= 1;
                if left == 0 { Err(interrupt::interrupted()) } else { Ok(()) }
            };
            let failure = judge(&kernel, &mut kernel.session().unwrap(), &logs, seed, &mut stop).unwrap_err();
            assert_eq!((failure.code.name(), left), ("interrupted", 0), "seed {seed}");
        }
    }

    #[test]
    fn every_seed_gives_the_same_bytes() {
        let sources = sources(&[log_of(1, 3000), log_of(2, 10), log_of(3, 0), log_of(4, 500)]);
        let expected = judge_all(&kernel(Mode::Native), &sources, 0).unwrap();
        assert!(expected.verdict.merged);
        let dual = kernel(Mode::Dual);
        for seed in 0..40 {
            assert_eq!(judge_all(&dual, &sources, seed).unwrap(), expected, "seed {seed}");
        }
    }

    #[test]
    fn the_lowest_damaged_log_is_reported_whatever_the_seed() {
        let mut logs = vec![log_of(1, 100), log_of(2, 400), log_of(3, 2000), log_of(4, 10)];
        logs[1].truncate(100_003);
        logs[2][50_000] ^= 1;
        logs[3][300] ^= 1;
        let sources = sources(&logs);
        let kernel = kernel(Mode::Native);
        for seed in 0..40 {
            let failure = judge_all(&kernel, &sources, seed).unwrap_err();
            assert_eq!(failure.code, Code::Kernel(FaultCode::TornTail), "seed {seed}: {failure}");
            assert_eq!(failure.file.as_deref(), Some("1.omega"), "seed {seed}");
        }
    }

    #[test]
    fn a_log_that_changed_gives_no_verdict_and_no_state() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.omega");
        std::fs::write(&path, log_of(1, 1000)).unwrap();
        let source = Source::open(&path).unwrap();
        let kernel = kernel(Mode::Wasm);
        let mut session = kernel.session().unwrap();
        let before = session.state().unwrap();
        std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(9000).unwrap();
        let failure = judge(&kernel, &mut session, &[Log::whole(&source)], 0, &mut |_| Ok(())).unwrap_err();
        assert_eq!(failure.code, Code::Host(crate::failure::HostCode::ChangedWhileRead));
        assert_eq!(session.state().unwrap(), before);
    }

    #[test]
    fn a_snapshot_carries_the_state_to_another_engine() {
        let sources = sources(&[log_of(1, 50)]);
        let (wasm, dual) = (kernel(Mode::Wasm), kernel(Mode::Dual));
        let mut session = wasm.session().unwrap();
        judge(&wasm, &mut session, &[Log::whole(&sources[0])], 0, &mut |_| Ok(())).unwrap();
        let mut bytes = Vec::new();
        session
            .snapshot(None, |chunk| {
                bytes.extend_from_slice(chunk);
                Ok(())
            })
            .unwrap();
        let (mut restored, position) = dual.restore(&Source::from_bytes("snapshot", bytes)).unwrap();
        assert_eq!(position, None);
        assert_eq!(restored.state().unwrap(), session.state().unwrap());
    }

    #[test]
    fn a_seed_is_a_schedule() {
        let mut dice = Dice::new(7);
        let drawn = (dice.order(8), dice.instances(), dice.scans(), dice.cut(), dice.cut());
        let mut again = Dice::new(7);
        assert_eq!(drawn, (again.order(8), again.instances(), again.scans(), again.cut(), again.cut()));
        assert!((1..1000).all(|seed| (1..=4).contains(&Dice::new(seed).instances())));
        assert!((0..1000).all(|_| (4096..=CHUNK_BYTES).contains(&dice.cut())));
        let mut straight = Dice::new(0);
        assert_eq!((straight.order(3), straight.instances(), straight.scans()), (vec![0, 1, 2], 0, false));
    }
}
