//! Judging, whichever engine does it: a session, a scanner and a snapshot on its way in.
//!
//! Each stands before one engine or before two. With two, every call goes to both, and answers
//! that differ are a failure: bodies are compared whole, and so are runs, states and snapshots.

use std::fmt::Debug;

use omega_kernel::commitment::StateCommitment;
use omega_kernel::hash::Hash;
use omega_kernel::limits::MAX_CHUNK_BYTES;

use super::{ChainPosition, Description, Error, Kernel, ScanPart, choice, native, wasm};
use crate::failure::{Failure, HostCode};
use crate::map::Source;

/// A batch's outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// True: the logs agree and the state moved on.
    pub merged: bool,
    /// What a certificate carries: core and observations.
    pub body: Vec<u8>,
    /// In the caller's order.
    pub logs: Vec<JudgedLog>,
}

/// What is known of one log once its batch is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JudgedLog {
    /// Its place among the body's sorted logs.
    pub position: u32,
    /// Events that were judged.
    pub events: u64,
    /// Bytes up to the end of the last of them, and of the head where one counted.
    pub bytes_used: u64,
}

/// What a session is made of. Meanings: `wit/kernel.wit`.
pub(super) trait Judge: Send {
    fn begin_batch(&mut self, logs: &[Option<u64>]) -> Result<(), Error>;
    fn feed(&mut self, log: u32, bytes: &[u8]) -> Result<(), Error>;
    fn absorb(&mut self, log: u32, run: &[u8]) -> Result<(), Error>;
    fn finish(&mut self) -> Result<Verdict, Error>;
    fn abort(&mut self) -> Result<(), Error>;
    fn state(&mut self) -> Result<StateCommitment, Error>;
    fn begin_snapshot(&mut self, position: Option<ChainPosition>) -> Result<u64, Error>;
    fn read_snapshot(&mut self, max: u32) -> Result<Vec<u8>, Error>;
    fn prove_id(&mut self, id: u128, certificate: &Hash) -> Result<Vec<u8>, Error>;
    fn prove_event(&mut self, id: u128, certificate: &Hash) -> Result<Vec<Vec<u8>>, Error>;
}

/// What a scanner is made of.
pub(super) trait Scan: Send {
    fn begin(&mut self, part: &ScanPart) -> Result<(), Error>;
    fn push(&mut self, bytes: &[u8]) -> Result<(), Error>;
    fn end(&mut self, last: bool) -> Result<u64, Error>;
    fn read(&mut self, max: u32) -> Result<Vec<u8>, Error>;
}

/// What a snapshot goes into.
pub(super) trait Restore {
    fn push(&mut self, bytes: &[u8]) -> Result<(), Error>;
    fn finish(self: Box<Self>) -> Result<(Box<dyn Judge>, Option<ChainPosition>), Error>;
}

/// A state that lives across batches, and the batch that is open.
pub struct Session(Engines<dyn Judge>);

impl Session {
    pub(super) fn genesis(kernel: &Kernel) -> Result<Self, Error> {
        let native = || -> Box<dyn Judge> { Box::new(native::Session::genesis()) };
        Ok(Session(Engines {
            wasm: kernel.wasm.as_ref().map(wasm::Session::genesis).transpose()?.map(|it| Box::new(it) as _),
            native: kernel.native.then(native),
        }))
    }

    pub(super) fn restore(
        kernel: &Kernel,
        snapshot: &Source,
    ) -> Result<(Self, Option<ChainPosition>), Failure> {
        let native = || -> Box<dyn Restore> { Box::new(omega_kernel::snapshot::SnapshotReader::new()) };
        let mut restorers = Engines::<dyn Restore> {
            wasm: kernel.wasm.as_ref().map(wasm::Restorer::new).transpose()?.map(|it| Box::new(it) as _),
            native: kernel.native.then(native),
        };
        let mut buffer = vec![0; MAX_CHUNK_BYTES as usize];
        let mut offset = 0;
        loop {
            let count = snapshot.read_at(offset, &mut buffer)?;
            if count == 0 {
                break;
            }
            let in_file = |error| Failure::from(error).file(snapshot.path());
            restorers.each(|restorer| restorer.push(&buffer[..count])).map_err(in_file)?;
            offset += count as u64;
        }
        snapshot.unchanged()?;
        let in_file = |error| Failure::from(error).file(snapshot.path());
        let wasm = restorers.wasm.map(|it| it.finish()).transpose().map_err(in_file)?;
        let native = restorers.native.map(|it| it.finish()).transpose().map_err(in_file)?;
        let (wasm, by_wasm) = wasm.unzip();
        let (native, by_native) = native.unzip();
        let position = match (by_wasm, by_native) {
            (Some(one), Some(other)) => same(one, other, "chain position")?,
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => None,
        };
        let mut session = Session(Engines { wasm, native });
        session.state()?;
        Ok((session, position))
    }

    /// Opens a batch; for each log, how many of its events are judged, or all.
    pub fn begin_batch(&mut self, logs: &[Option<u64>]) -> Result<(), Error> {
        self.0.each(|judge| judge.begin_batch(logs))
    }

    /// The next bytes of one log, at most [`MAX_CHUNK_BYTES`].
    pub fn feed(&mut self, log: u32, bytes: &[u8]) -> Result<(), Error> {
        self.0.each(|judge| judge.feed(log, bytes))
    }

    /// The next run of one log, whole.
    pub fn absorb(&mut self, log: u32, run: &[u8]) -> Result<(), Error> {
        self.0.each(|judge| judge.absorb(log, run))
    }

    /// Judges the batch and closes it.
    pub fn finish(&mut self) -> Result<Verdict, Error> {
        let verdict = self.0.each(|judge| judge.finish())?;
        self.state()?;
        Ok(verdict)
    }

    /// Closes the open batch, if there is one, without a verdict.
    pub fn abort(&mut self) -> Result<(), Error> {
        self.0.each(|judge| judge.abort())
    }

    /// The commitment to the current state.
    pub fn state(&mut self) -> Result<StateCommitment, Error> {
        self.0.each(|judge| judge.state())
    }

    /// Writes a snapshot of the current state, chunk by chunk.
    pub fn snapshot(
        &mut self,
        position: Option<ChainPosition>,
        mut write: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<u64, Error> {
        let total = self.0.each(|judge| judge.begin_snapshot(position))?;
        let mut written = 0;
        loop {
            let chunk = self.0.each(|judge| judge.read_snapshot(MAX_CHUNK_BYTES))?;
            written += chunk.len() as u64;
            if written > total || (chunk.is_empty() && written < total) {
                let message = "the kernel's snapshot is not as long as announced";
                return Err(Failure::new(HostCode::KernelOutput, message).into());
            }
            if chunk.is_empty() {
                return Ok(total);
            }
            write(&chunk)?;
        }
    }

    /// The packed proof that an id was, or was not, accepted into the current state, which the
    /// certificate with this chain hash left.
    pub fn prove_id(&mut self, id: u128, certificate: &Hash) -> Result<Vec<u8>, Error> {
        self.0.each(|judge| judge.prove_id(id, certificate))
    }

    /// In place of [`Session::finish`]: packed proofs that the batch's logs hold an event, once for
    /// each time they do; the certificate with this chain hash judged them.
    pub fn prove_event(&mut self, id: u128, certificate: &Hash) -> Result<Vec<Vec<u8>>, Error> {
        self.0.each(|judge| judge.prove_event(id, certificate))
    }
}

/// The scan of one part of a log, and then of another.
pub struct Scanner(Engines<dyn Scan>);

impl Scanner {
    pub(super) fn new(kernel: &Kernel, part: ScanPart) -> Result<Self, Error> {
        let native = || -> Box<dyn Scan> { Box::new(native::Scanner::new(&part)) };
        let wasm = kernel.wasm.as_ref().map(|program| wasm::Scanner::new(program, &part)).transpose()?;
        Ok(Scanner(Engines { wasm: wasm.map(|it| Box::new(it) as _), native: kernel.native.then(native) }))
    }

    /// Begins another part, of this or another log, in the same instance. What became of the one before is
    /// forgotten.
    pub fn begin(&mut self, part: ScanPart) -> Result<(), Error> {
        self.0.each(|scan| scan.begin(&part))
    }

    /// The part's next bytes, at most [`MAX_CHUNK_BYTES`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.0.each(|scan| scan.push(bytes))
    }

    /// The part is complete; `last` says that the log ends with it. Its run.
    pub fn finish(&mut self, last: bool) -> Result<Vec<u8>, Error> {
        let mut rest = self.0.each(|scan| scan.end(last))?;
        let mut run = Vec::new();
        while rest > 0 {
            let chunk = self.0.each(|scan| scan.read(MAX_CHUNK_BYTES))?;
            rest = rest.checked_sub(chunk.len() as u64).filter(|_| !chunk.is_empty()).ok_or_else(|| {
                Failure::new(HostCode::KernelOutput, "the kernel's run is not as long as announced")
            })?;
            if run.is_empty() {
                // Most runs are one chunk.
                run = chunk;
            } else {
                run.extend_from_slice(&chunk);
            }
        }
        Ok(run)
    }
}

pub(super) fn describe(kernel: &Kernel) -> Result<Description, Error> {
    let by_wasm = kernel.wasm.as_ref().map(wasm::describe).transpose()?;
    match (by_wasm, kernel.native.then(native::describe)) {
        (Some(one), Some(other)) => same(one, other, "description"),
        (Some(one), None) | (None, Some(one)) => Ok(one),
        (None, None) => Err(no_engine()),
    }
}

pub(super) fn rejudge(kernel: &Kernel, certificate: &[u8]) -> Result<(), Error> {
    let by_wasm = kernel.wasm.as_ref().map(|program| wasm::rejudge(program, certificate));
    agreed(by_wasm, kernel.native.then(|| native::rejudge(certificate)))
}

/// One engine, or two that must agree.
struct Engines<T: ?Sized> {
    wasm: Option<Box<T>>,
    native: Option<Box<T>>,
}

impl<T: ?Sized> Engines<T> {
    fn each<R: PartialEq + Debug>(&mut self, call: impl Fn(&mut T) -> Result<R, Error>) -> Result<R, Error> {
        let by_wasm = self.wasm.as_deref_mut().map(&call);
        agreed(by_wasm, self.native.as_deref_mut().map(&call))
    }
}

/// The answer that both gave. A limit or a trap in one is that one's failure, not a difference.
fn agreed<R: PartialEq>(
    wasm: Option<Result<R, Error>>,
    native: Option<Result<R, Error>>,
) -> Result<R, Error> {
    match (wasm, native) {
        (Some(only), None) | (None, Some(only)) => only,
        (Some(Ok(one)), Some(Ok(other))) => same(one, other, "answer"),
        (Some(Err(Error::Failure(failure))), _) | (_, Some(Err(Error::Failure(failure)))) => {
            Err(failure.into())
        }
        (Some(Err(Error::Fault(one))), Some(Err(Error::Fault(other)))) => {
            same((one.code, one.log, one.offset), (other.code, other.log, other.offset), "fault")?;
            Err(Error::Fault(one))
        }
        (Some(Err(Error::Fault(fault))), Some(Ok(_))) => {
            Err(differ(&format!("only the component found a fault: {fault}")))
        }
        (Some(Ok(_)), Some(Err(Error::Fault(fault)))) => {
            Err(differ(&format!("only the native build found a fault: {fault}")))
        }
        (None, None) => Err(no_engine()),
    }
}

fn same<R: PartialEq>(one: R, other: R, what: &str) -> Result<R, Error> {
    if one == other { Ok(one) } else { Err(differ(&format!("they gave a different {what}"))) }
}

fn differ(how: &str) -> Error {
    choice::differ(format!("the component and the native build do not agree: {how}")).into()
}

fn no_engine() -> Error {
    Failure::internal("a kernel without an engine").into()
}
