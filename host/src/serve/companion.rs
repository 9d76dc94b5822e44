//! A second checker beside the one that judges: a candidate that is to take its place, judging every
//! batch at the same time, or the one before, kept ready for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use omega_kernel::body::Core;

use super::actor;
use crate::failure::{Failure, HostCode};
use crate::node::batch::Batch;
use crate::node::checker::{Checker, Judgement};

/// Batches that it may be behind before it is given up.
const MOST_BEHIND: u64 = 64;

/// What one judgement came to.
struct Said {
    number: u64,
    judgement: Result<Judgement, Failure>,
}

/// A checker on a thread of its own.
pub struct Companion {
    batches: Sender<Arc<Batch>>,
    said: Receiver<Said>,
    sent: u64,
    done: Arc<AtomicU64>,
    thread: JoinHandle<Checker>,
}

impl Companion {
    /// Gives a checker a thread.
    ///
    /// # Errors
    /// Where the system gives none.
    pub fn start(mut checker: Checker) -> Result<Self, Failure> {
        let (batches, todo) = channel::<Arc<Batch>>();
        let (say, said) = channel();
        let done = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&done);
        let thread = actor::giving("companion", move || {
            for (number, batch) in (1..).zip(todo) {
                let judgement = checker.judge(&batch, 0);
                let failed = judgement.is_err();
                counter.store(number, Ordering::Release);
                if say.send(Said { number, judgement }).is_err() || failed {
                    break;
                }
            }
            checker
        })?;
        Ok(Companion { batches, said, sent: 0, done, thread })
    }

    /// Hands it a batch; gives its number.
    pub fn send(&mut self, batch: &Arc<Batch>) -> u64 {
        // A thread that has ended is noticed where its answer is missing.
        let _ = self.batches.send(Arc::clone(batch));
        self.sent += 1;
        self.sent
    }

    /// Whether it is so far behind that it never catches up.
    pub fn is_lost(&self) -> bool {
        self.sent - self.done.load(Ordering::Acquire) > MOST_BEHIND
    }

    /// The next answer, if it comes in time.
    ///
    /// # Errors
    /// What the checker failed with.
    pub fn answer(&mut self, patience: Duration) -> Result<Option<(u64, Judgement)>, Failure> {
        let until = Instant::now() + patience;
        match self.said.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Said { number, judgement }) => Ok(Some((number, judgement?))),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => {
                Err(Failure::new(HostCode::KernelTrapped, "the checker beside ours has ended"))
            }
        }
    }

    /// Ends it, and gives the checker as it stands.
    ///
    /// # Errors
    /// Where its thread has panicked.
    pub fn end(self) -> Result<Checker, Failure> {
        drop(self.batches);
        self.thread.join().map_err(|_| Failure::internal("the checker beside ours has panicked"))
    }
}

/// A verdict that waits for the companion's.
#[derive(Debug)]
pub struct Expected {
    /// Number of the batch.
    pub number: u64,
    /// Height of its certificate.
    pub height: u64,
    /// What was certified.
    pub core: Core,
}
