//! What verifying asks of the place it runs in: bytes, and kernels that judge them.
//!
//! A command maps files and runs kernels with an engine of its own; a page reads blobs and has the
//! browser run them. Here nobody can tell. What waits for bytes or for a kernel is `async`: in a
//! command every future is ready at once.

use std::borrow::Cow;

use omega_kernel::commitment::StateCommitment;
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::hash::Hash;

use crate::failure::{Failure, HostCode};

/// Characters of a kernel's message that are kept.
const MESSAGE_CHARS: usize = 1000;

/// A log or a snapshot: bytes under a name.
#[expect(async_fn_in_trait, reason = "futures stay on the thread that made them")]
pub trait Source {
    /// What people know it by: a path, or the name of a blob.
    fn name(&self) -> Cow<'_, str>;

    /// False for a stream, whose bytes come once and in order: it is judged with one certificate, and
    /// not counted before. Its first [`HEADER_BYTES`](omega_kernel::frame::HEADER_BYTES) can be read
    /// before that all the same.
    fn rereadable(&self) -> bool {
        true
    }

    /// Copies what stands at `offset` into the buffer; how many bytes that were. Fewer than the
    /// buffer holds only at the end.
    ///
    /// # Errors
    /// Whatever keeps the bytes from being read.
    async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Failure>;
}

/// Sources, kernels, and sessions of kernels.
///
/// A kernel is known by its BLAKE3 hash alone: an implementation takes the hash of the very bytes that
/// it runs, before it runs any of them.
#[expect(async_fn_in_trait, reason = "futures stay on the thread that made them")]
pub trait Platform {
    /// Logs and snapshots.
    type Source: Source;
    /// A kernel that is ready to run.
    type Kernel;
    /// A kernel's session: a state that lives across batches. Dropped when no longer needed.
    type Session;

    /// The first bytes, at most [`START_BYTES`](crate::kind::START_BYTES), of a file of this run, by its
    /// name; none where they are not at hand. Only for advice about files of another kind.
    async fn start(&self, name: &str) -> Option<Vec<u8>>;

    /// Whether the kernel with this hash is at hand.
    fn holds(&self, kernel_hash: &Hash) -> bool;

    /// The kernel with this hash, which is at hand.
    ///
    /// # Errors
    /// What compiling it ran into: for one `kernel-invalid`.
    async fn kernel(&mut self, kernel_hash: &Hash) -> Result<Self::Kernel, Failure>;

    /// What a kernel says of itself.
    ///
    /// # Errors
    /// Those of running it.
    async fn describe(&mut self, kernel: &Self::Kernel) -> Result<Description, Failure>;

    /// Has a kernel judge an obstruction certificate's evidence again, alone.
    ///
    /// # Errors
    /// The kernel's fault where the evidence shows nothing; those of running it.
    async fn rejudge(&mut self, kernel: &Self::Kernel, certificate: &[u8]) -> Result<(), Failure>;

    /// Whether judging with this replay seed is the same work where logs have a limit. Then logs are
    /// not read beforehand to see whether they need one.
    fn judges_limited(&self, _replay_seed: u64) -> bool {
        true
    }

    /// A session with the empty state that every chain starts from.
    ///
    /// # Errors
    /// Those of running the kernel.
    async fn genesis(&mut self, kernel: &Self::Kernel) -> Result<Self::Session, Failure>;

    /// A session with a snapshot's state.
    ///
    /// # Errors
    /// The kernel's fault, with the snapshot's name; those of reading and of running.
    async fn restore(
        &mut self,
        kernel: &Self::Kernel,
        snapshot: &Self::Source,
    ) -> Result<Self::Session, Failure>;

    /// One session's state in a session of another kernel.
    ///
    /// # Errors
    /// The kernels' faults; those of running.
    async fn carry(
        &mut self,
        from: &mut Self::Session,
        kernel: &Self::Kernel,
    ) -> Result<Self::Session, Failure>;

    /// The commitment to a session's state.
    ///
    /// # Errors
    /// Those of running the kernel.
    async fn state(&mut self, session: &mut Self::Session) -> Result<StateCommitment, Failure>;

    /// Judges one batch: logs in, the body of a verdict out. A merge moves the session's state on.
    /// How the logs are cut and in which order they come is free: it changes no byte of the body.
    ///
    /// # Errors
    /// Of several damaged logs the first one's fault, with its name (see [`lowest`]); those of reading
    /// and of running. The session's state is then as it was.
    async fn judge(
        &mut self,
        kernel: &Self::Kernel,
        session: &mut Self::Session,
        logs: &[Log<'_, Self::Source>],
        replay_seed: u64,
    ) -> Result<Judged, Failure>;
}

/// One log of a batch.
#[derive(Debug)]
pub struct Log<'a, S> {
    /// Its bytes.
    pub source: &'a S,
    /// Judge only its first so many events.
    pub limit: Option<u64>,
    /// There may be none behind them: where that is so, judging all of it gives the same.
    pub may_be_all: bool,
}

impl<'a, S> Log<'a, S> {
    /// A log that is judged whole.
    pub fn whole(source: &'a S) -> Self {
        Log { source, limit: None, may_be_all: false }
    }
}

// Derived, they would ask the same of the source.
impl<S> Clone for Log<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Log<'_, S> {}

/// What a kernel made of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// What a certificate carries: core and observations.
    pub body: Vec<u8>,
    /// What was judged of each log, in the caller's order.
    pub logs: Vec<JudgedLog>,
}

/// How much of a log was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JudgedLog {
    /// Events.
    pub events: u64,
    /// Bytes from the log's beginning up to the end of the last of them, and of the head where one
    /// counted.
    pub bytes_used: u64,
}

/// What a kernel says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Version of the checking rules.
    pub checker_version: u32,
    /// Version of the event schema that certificates are bound to.
    pub schema_version: u32,
    /// Version of the state's shape and hashes.
    pub state_format: u32,
    /// BLAKE3 of the schemas whose logs it judges; certificates are bound to the first.
    pub schemas: Vec<[u8; 32]>,
    /// BLAKE3 of the predicate catalog.
    pub predicates: [u8; 32],
}

/// What the kernel's source says of itself where it is part of the program.
impl From<omega_kernel::describe::Description> for Description {
    fn from(said: omega_kernel::describe::Description) -> Self {
        Description {
            checker_version: said.checker_version,
            schema_version: said.schema_version,
            state_format: said.state_format,
            schemas: said.schemas.to_vec(),
            predicates: said.predicates,
        }
    }
}

/// What a call into a kernel can end with instead of a result.
#[derive(Debug, Clone)]
pub enum Error {
    /// The kernel's own typed fault, with the log it was found in.
    Fault(Fault),
    /// The platform's: a trap, a limit, an answer that is against the contract.
    Failure(Failure),
}

impl Error {
    /// A fault as a kernel states it. Its words are a stranger's: printable, and not many.
    pub fn stated(number: u32, log: Option<u32>, offset: Option<u64>, message: &str) -> Self {
        let message: String = message.chars().filter(|c| !c.is_control()).take(MESSAGE_CHARS).collect();
        match FaultCode::from_number(number) {
            Some(code) => Fault { code, log, offset, message }.into(),
            None => Self::against_contract(&format!("its fault has the unknown number {number}: {message}")),
        }
    }

    /// An answer that the contract does not allow.
    pub fn against_contract(what: &str) -> Self {
        Failure::new(HostCode::KernelOutput, format!("the kernel broke the contract: {what}")).into()
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Error::Fault(fault)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Error::Failure(failure)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Fault(fault) => fault.into(),
            Error::Failure(failure) => failure,
        }
    }
}

/// What to report where a batch ended with a fault and several of its logs may be damaged: the lowest
/// one's, with its name. `alone` judges one log of the batch by itself.
pub async fn lowest<S: Source>(
    fault: Fault,
    logs: &[Log<'_, S>],
    alone: impl AsyncFn(usize) -> Result<(), Error>,
) -> Failure {
    let lower = fault.log.map_or(logs.len(), |log| logs.len().min(log as usize));
    let mut found = fault;
    for index in 0..lower {
        // What a log's head signs is judged when all logs were read: it does not come before damage.
        if let Err(Error::Fault(fault)) = alone(index).await
            && fault.code != FaultCode::HeadMismatch
        {
            found = Fault { log: u32::try_from(index).ok(), ..fault };
            break;
        }
    }
    let log = found.log.and_then(|log| logs.get(log as usize));
    let failure = Failure::from(found);
    match log {
        Some(log) => failure.file(&*log.source.name()),
        None => failure,
    }
}
