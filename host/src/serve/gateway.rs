//! CheckerGateway: the thread that owns the checker. Whoever wants something of it sends a job.

use std::sync::Arc;
use std::thread::JoinHandle;

use omega_kernel::chain::ChainHead;
use omega_kernel::commitment::StateCommitment;
use omega_kernel::hash::Hash;
use tokio::sync::{mpsc, oneshot};

use super::actor;
use crate::failure::Failure;
use crate::node::batch::Batch;
use crate::node::checker::{Checker, Judgement};
use crate::node::snapshots::{Snapshots, Unkept};

/// Jobs that wait at most.
const QUEUE: usize = 4;

enum Job {
    Judge(Arc<Batch>, u64, oneshot::Sender<Result<Judgement, Failure>>),
    Rejudge(Vec<u8>, oneshot::Sender<Result<(), Failure>>),
    Prove(u128, Hash, oneshot::Sender<Result<Vec<u8>, Failure>>),
    Snapshot(Box<ChainHead>, Snapshots, oneshot::Sender<Result<Unkept, Failure>>),
    SnapshotBytes(oneshot::Sender<Result<Vec<u8>, Failure>>),
    State(oneshot::Sender<Result<StateCommitment, Failure>>),
    Replace(Box<Checker>, oneshot::Sender<Box<Checker>>),
}

/// Sends jobs to a checker and waits for what comes of them.
#[derive(Debug, Clone)]
pub struct Gateway {
    jobs: mpsc::Sender<Job>,
}

impl Gateway {
    /// Gives a checker a thread of its own, which ends when the last gateway to it is gone.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(mut checker: Checker) -> Result<(Self, JoinHandle<()>), Failure> {
        let (jobs, mut todo) = mpsc::channel(QUEUE);
        let thread = actor::thread("checker", move || {
            while let Some(job) = todo.blocking_recv() {
                // Whoever asked may be gone: then nobody wants the answer.
                match job {
                    Job::Judge(batch, seed, reply) => _ = reply.send(checker.judge(&batch, seed)),
                    Job::Rejudge(bytes, reply) => _ = reply.send(checker.rejudge(&bytes)),
                    Job::Prove(id, hash, reply) => _ = reply.send(checker.prove_id(id, &hash)),
                    Job::Snapshot(head, into, reply) => _ = reply.send(into.write(&mut checker, &head)),
                    Job::SnapshotBytes(reply) => _ = reply.send(checker.snapshot_bytes()),
                    Job::State(reply) => _ = reply.send(checker.state()),
                    Job::Replace(new, reply) => {
                        let old = std::mem::replace(&mut checker, *new);
                        let _ = reply.send(Box::new(old));
                    }
                }
            }
        })?;
        Ok((Gateway { jobs }, thread))
    }

    fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<T>) -> Job) -> Result<T, Failure> {
        let (reply, answer) = oneshot::channel();
        let gone = || Failure::internal("the checker's thread has ended");
        self.jobs.blocking_send(job(reply)).map_err(|_| gone())?;
        answer.blocking_recv().map_err(|_| gone())
    }

    /// Judges a batch under a schedule.
    ///
    /// # Errors
    /// As [`Checker::judge`].
    pub fn judge(&self, batch: &Arc<Batch>, replay_seed: u64) -> Result<Judgement, Failure> {
        self.ask(|reply| Job::Judge(Arc::clone(batch), replay_seed, reply))?
    }

    /// Proves that an id was, or was not, accepted up to the certificate with this chain hash.
    ///
    /// # Errors
    /// As [`Checker::prove_id`].
    pub fn prove_id(&self, id: u128, certificate: &Hash) -> Result<Vec<u8>, Failure> {
        self.ask(|reply| Job::Prove(id, *certificate, reply))?
    }

    /// Writes a snapshot of the state, which the chain's head left.
    ///
    /// # Errors
    /// As [`Snapshots::write`].
    pub fn snapshot(&self, head: &ChainHead, into: &Snapshots) -> Result<Unkept, Failure> {
        self.ask(|reply| Job::Snapshot(Box::new(head.clone()), into.clone(), reply))?
    }

    /// A snapshot of the state, in memory.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn snapshot_bytes(&self) -> Result<Vec<u8>, Failure> {
        self.ask(Job::SnapshotBytes)?
    }

    /// The state's commitment.
    ///
    /// # Errors
    /// Those of the engine: of a checker that is of no more use.
    pub fn state(&self) -> Result<StateCommitment, Failure> {
        self.ask(Job::State)?
    }

    /// Puts another checker in place; gives the old one.
    ///
    /// # Errors
    /// Where the thread has ended.
    pub fn replace(&self, checker: Checker) -> Result<Box<Checker>, Failure> {
        self.ask(|reply| Job::Replace(Box::new(checker), reply))
    }
}

impl Gateway {
    /// Judges an obstruction's evidence again, alone.
    ///
    /// # Errors
    /// Where it does not show what it names.
    pub fn rejudge(&self, certificate: &[u8]) -> Result<(), Failure> {
        self.ask(|reply| Job::Rejudge(certificate.to_vec(), reply))?
    }
}
