//! One checker that goes along a chain: its kernel, under one engine, and where its session stands.

use omega_kernel::commitment::StateCommitment;
use omega_kernel::fault::{Fault, FaultCode};
use omega_kernel::hash::Hash;
use omega_kernel::limits::{MAX_CHUNK_BYTES, MAX_STATE_IDS};
use omega_kernel::snapshot::Header;

use super::answer::Answer;
use crate::batch;
use crate::check::{Judged, Log};
use crate::engine::{Error, Kernel, Session};
use crate::failure::{Code, Failure, HostCode};
use crate::map::Source;

/// Bytes that a snapshot in another format may have beside twice as many as ours.
const OTHER_FORMAT_BYTES: u64 = 4096;

/// Why a line judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It is what the audit is about.
    Audited,
    /// The certificates name its checker: it keeps the chain's state.
    Named,
}

/// A checker on its way along a chain.
pub(super) struct Line {
    pub role: Role,
    /// The engine that runs it.
    pub engine: &'static str,
    kernel: Kernel,
    at: At,
    failed_in_a_row: u32,
    retired: Option<Failure>,
}

/// Where a line stands.
enum At {
    /// Where the audit starts: no session is open yet.
    Start,
    /// In this state.
    Here(Box<Session>, StateCommitment),
    /// Nowhere: it differed or failed, or was left out, and must be handed the chain's state.
    Out,
}

impl Line {
    /// A line that starts with the audit, or, where that is under way, is handed the chain's state.
    pub fn new(role: Role, engine: &'static str, kernel: Kernel, at_start: bool) -> Self {
        let at = if at_start { At::Start } else { At::Out };
        Line { role, engine, kernel, at, failed_in_a_row: 0, retired: None }
    }

    /// BLAKE3 of its component.
    pub fn kernel_hash(&self) -> &Hash {
        self.kernel.hash()
    }

    /// Why it is not asked any more.
    pub fn retired(&self) -> Option<&Failure> {
        self.retired.as_ref()
    }

    /// Whether its session stands in this state.
    pub fn is_in(&self, state: &StateCommitment) -> bool {
        matches!(&self.at, At::Here(_, here) if here == state)
    }

    /// Whether it can hand a state on.
    pub fn has_state(&self) -> bool {
        matches!(self.at, At::Here(..))
    }

    /// Whether it must be handed this state before it can judge.
    pub fn needs(&self, state: &StateCommitment) -> bool {
        self.retired.is_none() && !matches!(self.at, At::Start) && !self.is_in(state)
    }

    /// Its state as a snapshot, for another line; none where it cannot be written, or takes more bytes or
    /// more pieces than such a state can need: what is written is a stranger's.
    pub fn state_bytes(&mut self) -> Option<Source> {
        let At::Here(session, here) = &mut self.at else { return None };
        if here.id_count.max(here.frontier_count) > MAX_STATE_IDS {
            return None;
        }
        let expected = Header { commitment: *here, position: None }.snapshot_bytes();
        let most = expected.saturating_mul(2).saturating_add(OTHER_FORMAT_BYTES);
        let mut chunks_left = most / u64::from(MAX_CHUNK_BYTES) + 2;
        let mut bytes = Vec::new();
        let written = session.snapshot(None, |chunk| {
            chunks_left = chunks_left.saturating_sub(1);
            if chunks_left == 0 || (bytes.len() + chunk.len()) as u64 > most {
                let message = "the kernel's snapshot is larger than its state";
                return Err(Failure::new(HostCode::KernelOutput, message));
            }
            bytes.extend_from_slice(chunk);
            Ok(())
        });
        written.ok().map(|_| Source::from_bytes("the state so far", bytes))
    }

    /// Opens a session where the audit starts: with nothing accepted, or with a snapshot's state.
    ///
    /// # Errors
    /// Those of the kernel and of reading.
    pub fn open(&mut self, snapshot: Option<&Source>) -> Result<(), Failure> {
        if matches!(self.at, At::Start) {
            let mut session = match snapshot {
                None => self.kernel.session()?,
                Some(source) => self.kernel.restore(source)?.0,
            };
            let state = session.state()?;
            self.at = At::Here(Box::new(session), state);
        }
        Ok(())
    }

    /// Takes over a state that another line hands on; it must come out as this one.
    ///
    /// # Errors
    /// Those of the kernel; `state-mismatch`.
    pub fn enter(&mut self, handed: &Source, state: &StateCommitment) -> Result<(), Failure> {
        let mut session = self.kernel.restore(handed)?.0;
        if session.state()? != *state {
            let message = "handed the chain's state, the checker holds another one";
            return Err(Fault::new(FaultCode::StateMismatch, message).into());
        }
        self.at = At::Here(Box::new(session), *state);
        Ok(())
    }

    /// Judges a batch. The checker that is audited is fed in the logs' order, in one instance: then the
    /// time for a batch is that instance's. The other one goes by the schedule that was signed.
    ///
    /// # Errors
    /// Those of the kernel and of reading.
    pub fn judge(&mut self, logs: &[Log<'_>], seed: u64) -> Result<Judged, Failure> {
        let At::Here(session, _) = &mut self.at else {
            return Err(Failure::new(HostCode::SnapshotMissing, "the state before the batch is not at hand"));
        };
        match self.role {
            Role::Named => batch::judge_bytes(&self.kernel, session, logs, seed),
            Role::Audited => batch::attempt(&self.kernel, session, logs, 0).map_err(|error| match error {
                Error::Failure(failure) => failure,
                Error::Fault(fault) => {
                    let log = fault.log.and_then(|log| logs.get(log as usize));
                    let failure = Failure::from(fault);
                    match log {
                        Some(log) => failure.file(log.source.path()),
                        None => failure,
                    }
                }
            }),
        }
    }

    /// After a batch that it was asked about: it goes on where its state is the chain's.
    pub fn settle(&mut self, prior: &StateCommitment, next: &StateCommitment) {
        let At::Here(session, here) = &mut self.at else { return self.pass(prior, next) };
        match session.state() {
            Ok(state) if state == *next => *here = state,
            _ => self.at = At::Out,
        }
    }

    /// After a batch that it has not judged.
    pub fn pass(&mut self, prior: &StateCommitment, next: &StateCommitment) {
        if prior != next {
            self.at = At::Out;
        }
    }

    /// Notes whether it answered; after so many batches in a row without an answer of its own it is asked
    /// no more.
    pub fn note(&mut self, answer: &Answer, most: u32) {
        let Answer::Failed(failure) = answer else {
            self.failed_in_a_row = 0;
            return;
        };
        if failure.code == Code::Host(HostCode::SnapshotMissing) {
            return;
        }
        self.failed_in_a_row = self.failed_in_a_row.saturating_add(1);
        if self.failed_in_a_row >= most {
            let times = self.failed_in_a_row;
            let last = &failure.message;
            let message = format!("not tried: it gave no answer {times} times in a row, at last: {last}");
            self.retired = Some(Failure { message, ..failure.clone() });
            self.at = At::Out;
        }
    }
}
