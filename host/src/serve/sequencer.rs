//! Sequencer: takes submissions in groups, acknowledges them when they are on disk, and hands on a
//! batch when enough has come, or the oldest has waited long enough, and the coordinator is free.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::actor;
use super::shared::Shared;
use crate::disk::Folder;
use crate::failure::Failure;
use crate::node::batch::Batch;
use crate::node::intake::{Intake, Receipt, Submission};
use crate::node::segments::Part;

/// Submissions that are written and synced together at most.
const GROUP: usize = 256;

/// What the sequencer is asked.
#[derive(Debug)]
pub enum Request {
    /// Takes events in.
    Submit {
        /// They.
        submission: Submission,
        /// Hears when they are on disk, or why not.
        reply: oneshot::Sender<Result<Receipt, Failure>>,
        /// Room in the queue, given back when they are on disk.
        room: OwnedSemaphorePermit,
    },
    /// Puts events that were set aside among those that wait.
    Release {
        /// Where they are.
        parts: Vec<Part>,
        /// Hears when that is done.
        reply: oneshot::Sender<Result<(), Failure>>,
    },
}

/// The sequencer's state.
pub struct Sequencer {
    intake: Intake<Folder>,
    shared: Arc<Shared>,
    oldest: Option<Instant>,
    flush: Duration,
    hold: Duration,
    batch_size: u64,
}

impl Sequencer {
    /// Starts the sequencer; it ends when nobody can ask it any more and everything is handed on.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(
        intake: Intake<Folder>,
        requests: mpsc::Receiver<Request>,
        batches: mpsc::Sender<Batch>,
        shared: Arc<Shared>,
        runtime: Handle,
    ) -> Result<JoinHandle<()>, Failure> {
        let (flush, hold) = (shared.settings.flush, shared.settings.hold);
        let batch_size = shared.settings.batch_size;
        let oldest = (!intake.waiting().is_empty()).then(Instant::now);
        let sequencer = Sequencer { intake, shared, oldest, flush, hold, batch_size };
        actor::thread("sequencer", move || runtime.block_on(sequencer.run(requests, batches)))
    }

    async fn run(mut self, mut requests: mpsc::Receiver<Request>, batches: mpsc::Sender<Batch>) {
        let mut group = Vec::with_capacity(GROUP);
        let mut open = true;
        while open || !self.intake.waiting().is_empty() {
            let waiting = self.intake.waiting();
            let misses = waiting.misses_any();
            // What another writer is about to send is waited for; without it there is a conflict.
            let patience = if misses { self.flush.max(self.hold) } else { self.flush };
            let deadline = self.oldest.map(|oldest| oldest + patience);
            let due = !waiting.is_empty()
                && (!open
                    || waiting.has_full()
                    || (!misses && waiting.events() >= self.batch_size)
                    || deadline.is_none_or(|deadline| deadline <= Instant::now()));
            let wake = deadline.filter(|_| !waiting.is_empty() && !due);
            tokio::select! {
                biased;
                place = batches.reserve(), if due => match place {
                    Ok(place) => {
                        self.oldest = None;
                        place.send(self.intake.take());
                        self.shared.metrics.waiting_events.set(self.intake.waiting().events() as i64);
                    }
                    // The coordinator has ended: what waits is judged when the node starts again.
                    Err(_) => return,
                },
                count = requests.recv_many(&mut group, GROUP), if open && !self.intake.waiting().is_full() => {
                    open = count > 0;
                    self.take(&mut group);
                }
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
            }
        }
    }

    fn take(&mut self, group: &mut Vec<Request>) {
        let (mut submissions, mut waiting) = (Vec::new(), Vec::new());
        for request in group.drain(..) {
            match request {
                Request::Submit { submission, reply, room } => {
                    submissions.push(submission);
                    waiting.push((reply, room));
                }
                Request::Release { parts, reply } => {
                    let mut gather =
                        || parts.iter().try_for_each(|part| self.intake.gather(part, &BTreeSet::new()));
                    let _ = reply.send(gather());
                }
            }
        }
        if !submissions.is_empty() {
            let begun = std::time::Instant::now();
            let results = self.intake.submit(submissions);
            self.shared.metrics.sync_seconds.observe(begun.elapsed().as_secs_f64());
            for (result, (reply, room)) in results.into_iter().zip(waiting) {
                self.count(&result);
                // A client that has gone away gets no answer; its events stay.
                let _ = reply.send(result);
                drop(room);
            }
        }
        if !self.intake.waiting().is_empty() {
            self.oldest.get_or_insert_with(Instant::now);
        }
        self.shared.metrics.waiting_events.set(self.intake.waiting().events() as i64);
        let sources = self.intake.segments().source_count() as u64;
        self.shared.sources.store(sources, Ordering::Relaxed);
    }

    fn count(&self, result: &Result<Receipt, Failure>) {
        let metrics = &self.shared.metrics;
        match result {
            Ok(receipt) => {
                metrics.events_taken.inc_by(receipt.accepted);
                metrics.events_repeated.inc_by(receipt.duplicates);
                self.shared.taking_failure(None);
            }
            Err(failure) => {
                metrics.write_failures.inc();
                self.shared.taking_failure(Some(failure));
            }
        }
    }
}
