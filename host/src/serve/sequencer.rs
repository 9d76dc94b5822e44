//! Sequencer: takes submissions in groups, acknowledges them when they are on disk, and hands on a
//! batch when it is due and the coordinator is free.

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::actor;
use super::shared::Shared;
use crate::disk::{Folder, Volume};
use crate::failure::Failure;
use crate::node::batch::Batch;
use crate::node::intake::{Intake, Receipt, Submission};
use crate::node::pace::{Next, Pace};
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

/// What is around the sequencer: a clock, and those who are told what it does.
pub trait Around {
    /// Time since it was started.
    fn now(&self) -> Duration;
    /// Waits for that time.
    fn until(&self, time: Duration) -> impl Future<Output = ()> + Send;
    /// A group came to this, from this time on.
    fn submitted(&self, results: &[Result<Receipt, Failure>], since: Duration);
    /// So many events wait, of logs that so many have sent.
    fn waiting(&self, events: u64, sources: usize);
}

/// A node's own.
struct Served {
    shared: Arc<Shared>,
    begun: Instant,
}

impl Around for Served {
    fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    async fn until(&self, time: Duration) {
        sleep_until(self.begun + time).await;
    }

    fn submitted(&self, results: &[Result<Receipt, Failure>], since: Duration) {
        let metrics = &self.shared.metrics;
        metrics.sync_seconds.observe((self.now() - since).as_secs_f64());
        for result in results {
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

    fn waiting(&self, events: u64, sources: usize) {
        self.shared.metrics.waiting_events.set(events as i64);
        self.shared.sources.store(sources as u64, Ordering::Relaxed);
    }
}

/// Starts the sequencer of a node; it ends when nobody can ask it any more and everything is handed on.
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
    let settings = &shared.settings;
    let pace = Pace::new(settings.flush, settings.hold, settings.batch_size);
    let sequencer = Sequencer::new(intake, pace, Served { shared, begun: Instant::now() });
    actor::thread("sequencer", move || runtime.block_on(sequencer.run(requests, batches)))
}

/// The sequencer's state.
pub struct Sequencer<V: Volume, A> {
    intake: Intake<V>,
    pace: Pace,
    around: A,
}

impl<V: Volume, A: Around> Sequencer<V, A> {
    /// One that takes in what is submitted, and judges what waits already.
    pub fn new(intake: Intake<V>, pace: Pace, around: A) -> Self {
        let mut sequencer = Sequencer { intake, pace, around };
        sequencer.came();
        sequencer
    }

    /// Does its work until nobody can ask it any more and everything is handed on, or nobody takes batches.
    pub async fn run(mut self, mut requests: mpsc::Receiver<Request>, batches: mpsc::Sender<Batch>) {
        let mut group = Vec::with_capacity(GROUP);
        let mut open = true;
        while open || !self.intake.waiting().is_empty() {
            let next = self.pace.next(self.intake.waiting(), self.around.now(), open);
            let due = async || match next {
                Next::Wait(until) => self.around.until(until).await,
                Next::Judge | Next::Idle => pending().await,
            };
            tokio::select! {
                biased;
                place = batches.reserve(), if next == Next::Judge => match place {
                    Ok(place) => {
                        place.send(self.intake.take());
                        self.pace.handed_on(self.intake.waiting(), self.around.now());
                        self.tell();
                    }
                    // The coordinator has ended: what waits is judged when the node starts again.
                    Err(_) => return,
                },
                count = requests.recv_many(&mut group, GROUP), if open && !self.intake.waiting().is_full() => {
                    open = count > 0;
                    self.take(&mut group);
                }
                () = due() => {}
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
            let begun = self.around.now();
            let results = self.intake.submit(submissions);
            self.around.submitted(&results, begun);
            for (result, (reply, room)) in results.into_iter().zip(waiting) {
                // A client that has gone away gets no answer; its events stay.
                let _ = reply.send(result);
                drop(room);
            }
        }
        self.came();
        self.tell();
    }

    fn came(&mut self) {
        self.pace.came(self.intake.waiting(), self.around.now());
    }

    fn tell(&self) {
        self.around.waiting(self.intake.waiting().events(), self.intake.segments().source_count());
    }
}

#[cfg(test)]
#[path = "sequencer_tests.rs"]
mod tests;
