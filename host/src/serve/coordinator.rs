//! ReconcileCoordinator: settles batch after batch. What else is wanted of the chain or of the checker
//! is done between two batches, so it sees a state that a certificate left.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use data_encoding::HEXLOWER;
use omega_kernel::body::Core;
use omega_kernel::certificate::{Certificate, Content};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

use super::actor;
use super::gateway::Gateway;
use super::shared::Shared;
use super::swap::{self, AtWork, Attach, Beside, Swapped};
use crate::check::Log;
use crate::crash::{self, Remains};
use crate::disk::Folder;
use crate::failure::Failure;
use crate::node::archive;
use crate::node::batch::Batch;
use crate::node::coordinator::{Aside, Coordinator, End, Settled};
use crate::node::incidents::{Incident, Kind};
use crate::node::journal::Step;
use crate::node::recover::{FindKernel, checker_at};
use crate::node::segments::Part;
use crate::node::snapshots::{Snapshots, Unkept};

/// Between two tries to write while the disk takes nothing.
const PATIENCE: Duration = Duration::from_millis(500);
/// Between two looks at a candidate while no batch comes.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// Batches that a candidate may have missed when it is let in.
const MOST_MISSED: usize = 8;
/// Ids in a state up to which a crash folder gets a copy of it. Beyond that the batch is judged again
/// from the node's own snapshots.
const MOST_IDS_IN_CRASH_FOLDER: u64 = 200_000;
/// Crash folders that are kept at most: somebody who sends conflicts must not fill the disk.
const MOST_CRASH_FOLDERS: usize = 256;
/// Ids that an incident names at most.
const MOST_IDS_NAMED: usize = 100;

/// What is wanted between two batches.
pub enum Command {
    /// The packed proof that an id was accepted, or was not, and the height that it is about.
    Prove(u128, oneshot::Sender<Result<(u64, Vec<u8>), Failure>>),
    /// Events that were set aside are to be judged again.
    Release(Vec<Part>, oneshot::Sender<Result<(), Failure>>),
    /// Let a candidate judge beside the kernel in place, and take over. Given back where it is too far
    /// behind, or where another one is at it.
    Attach(Box<Attach>, oneshot::Sender<Result<(), Refused>>),
    /// Let the kernel before take over again, where it is kept ready.
    Rollback(oneshot::Sender<Result<Swapped, Failure>>),
}

/// Why a candidate was not let in.
pub enum Refused {
    /// It has to catch up first.
    Behind(Box<Attach>),
    /// Another candidate is at work.
    Another,
    /// What was certified since cannot be read.
    Failed(Failure),
}

/// The coordinator's state.
pub struct ReconcileCoordinator {
    /// What does the work.
    pub coordinator: Coordinator<Folder>,
    /// The checker.
    pub gateway: Gateway,
    /// What everybody sees.
    pub shared: Arc<Shared>,
    /// Where snapshots are.
    pub snapshots: Snapshots,
    /// Brings them to the disk.
    pub keep: SyncSender<Unkept>,
    /// Kernels by their hash.
    pub find: FindKernel,
    /// Events accepted since the last snapshot.
    pub since_snapshot: u64,
    /// What stands beside the checker.
    pub beside: Beside,
}

impl ReconcileCoordinator {
    /// Starts it; it ends when no batch can come any more, and takes a snapshot then.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(
        mut self,
        mut batches: mpsc::Receiver<Batch>,
        mut commands: mpsc::Receiver<Command>,
        runtime: Handle,
    ) -> Result<JoinHandle<()>, Failure> {
        actor::thread("coordinator", move || {
            runtime.clone().block_on(async move {
                loop {
                    // The work itself blocks this thread, which is the coordinator's alone.
                    tokio::select! {
                        biased;
                        Some(command) = commands.recv() => outside(|| self.command(command)),
                        batch = batches.recv() => match batch {
                            Some(batch) => outside(|| self.settle(batch)),
                            None => break,
                        },
                        // A candidate takes over where no batch comes, too.
                        () = sleep(LOOK_AGAIN), if self.beside.waits() => outside(|| self.between()),
                    }
                }
                outside(|| self.end());
            });
        })
    }

    fn settle(&mut self, batch: Batch) {
        let span = tracing::debug_span!("settle", events = batch.events, logs = batch.logs.len());
        let _in_span = span.enter();
        let begun = Instant::now();
        let mut settled_ones = Vec::new();
        let mut stalled = stalled(&self.shared);
        let mut at_work =
            AtWork { gateway: &self.gateway, beside: &mut self.beside, sent: Vec::new(), rolled_back: None };
        let (shared, gateway, find) = (&self.shared, &self.gateway, &self.find);
        // While the checker stands where the conflict was found: what is left is judged next.
        let mut each = |settled: Settled| {
            let left = settled.conflict.is_some().then(|| crash_folder(shared, gateway, find, &settled));
            settled_ones.push((settled, left.flatten()));
        };
        let end = self.coordinator.settle(batch, &mut at_work, &mut stalled, &mut each);
        let AtWork { sent, rolled_back, .. } = at_work;
        if let Some((certificate, failure)) = rolled_back {
            self.rolled_back(&certificate, &failure);
        }
        for (place, (settled, crash_folder)) in settled_ones.iter().enumerate() {
            if let Content::Verdict { core, .. } = settled.certificate.content() {
                let height = settled.certificate.fields().height;
                self.beside.settled(sent.get(place).copied(), height, core, &settled.batch);
            }
            self.announce(settled, crash_folder.as_deref());
        }
        match end {
            Ok(End::Settled) => {
                self.shared.judging_failure(None);
                self.shared.write_failure(None);
            }
            Ok(End::Unjudged { failure, batch }) => self.unjudged(&failure, &batch),
            Err(failure) => {
                self.shared.judging_failure(Some(&failure));
                tracing::error!(code = failure.code.name(), "{}", failure.message);
                // What the checker took in without a certificate is judged again after a start.
                self.reopen();
            }
        }
        self.shared.metrics.settle_seconds.observe(begun.elapsed().as_secs_f64());
        self.between();
        let ids = self.coordinator.certifier.head().state.id_count;
        if self.since_snapshot >= self.shared.settings.snapshot_events.max(ids / 4) {
            self.snapshot();
        }
    }

    /// Lets a candidate take over that is ready.
    fn between(&mut self) {
        let mut stalled = stalled(&self.shared);
        match self.beside.between(&mut self.coordinator.certifier, &self.gateway, &mut stalled) {
            Ok(None) => {}
            Ok(Some(done)) => {
                self.swapped(&done.certificate, done.pause);
                done.tell();
            }
            Err(failure) => {
                tracing::error!(code = failure.code.name(), "no swap: {}", failure.message);
                self.reopen();
            }
        }
    }

    fn swapped(&self, certificate: &Certificate, pause: Duration) {
        let head = self.coordinator.certifier.head();
        self.shared.metrics.swaps.inc();
        self.shared.metrics.swap_pause_seconds.observe(pause.as_secs_f64());
        let (height, kernel) = (head.height, HEXLOWER.encode(&head.binding.kernel_hash));
        tracing::info!(height, kernel, pause_us = pause.as_micros() as u64, "another kernel is in place");
        self.shared.advanced(head, certificate);
    }

    fn rolled_back(&self, certificate: &Certificate, failure: &Failure) {
        let height = certificate.fields().height;
        self.swapped(certificate, Duration::ZERO);
        let why = format!("{}: {}", failure.code.name(), failure.message);
        self.shared.incident(Incident {
            message: format!("the new kernel failed, and the one before judges again: {why}"),
            ..Incident::of(Kind::RolledBack, Some(height))
        });
    }

    fn attach(&mut self, attach: Box<Attach>) -> Result<(), Refused> {
        if !matches!(self.beside, Beside::Nothing | Beside::Fallback(_)) {
            return Err(Refused::Another);
        }
        if attach.binding == self.coordinator.certifier.head().binding {
            return Err(Refused::Failed(swap::in_place_already()));
        }
        let heights = archive::heights_from(&self.coordinator.known, attach.candidate.at + 1);
        if heights.len() > MOST_MISSED {
            return Err(Refused::Behind(attach));
        }
        let missed = heights.into_iter().filter_map(|height| self.missed(height).transpose());
        let missed = missed.collect::<Result<Vec<_>, _>>().map_err(Refused::Failed)?;
        self.beside = Beside::attach(*attach, missed).map_err(Refused::Failed)?;
        Ok(())
    }

    fn missed(&self, height: u64) -> Result<Option<(u64, Core, Arc<Batch>)>, Failure> {
        let certificate = (self.shared.certificate_at)(height)?;
        let batch = archive::batch_at(&self.coordinator.known, height)?;
        Ok(certificate.zip(batch).and_then(|(certificate, (_, batch))| match certificate.content() {
            Content::Verdict { core, .. } => Some((height, (**core).clone(), Arc::new(batch))),
            _ => None,
        }))
    }

    /// The kernel before takes over again, where it is kept ready.
    fn rollback(&mut self) -> Result<Swapped, Failure> {
        let begun = Instant::now();
        let Some(ready) = self.beside.take_fallback() else {
            return Err(Failure::usage("no kernel before this one is kept ready")
                .hint("Put it in place as any other: omega kernel swap HASH"));
        };
        let (checker, account, binding) = ready?;
        let before = self.coordinator.certifier.head().binding;
        let certifier = &mut self.coordinator.certifier;
        let mut stalled = stalled(&self.shared);
        let (certificate, _) =
            swap::take_over(certifier, &self.gateway, checker, binding, &account, &mut stalled)?;
        let pause = begun.elapsed();
        self.swapped(&certificate, pause);
        Ok(swap::swapped(&certificate, &before, &binding, &account, pause))
    }

    fn announce(&mut self, settled: &Settled, crash_folder: Option<&str>) {
        let head = self.coordinator.certifier.head();
        match &settled.conflict {
            None => {
                self.since_snapshot += settled.batch.events;
                self.shared.metrics.events_accepted.inc_by(settled.batch.events);
            }
            Some(aside) => {
                let count: u64 = aside.parts.iter().map(|part| part.events).sum();
                self.shared.metrics.events_aside.inc_by(count);
                self.conflict(settled, aside, count, crash_folder);
            }
        }
        self.shared.advanced(head, &settled.certificate);
    }

    fn conflict(&self, settled: &Settled, aside: &Aside, events: u64, crash_folder: Option<&str>) {
        let height = settled.certificate.fields().height;
        self.shared.metrics.conflicts.inc();
        self.shared.incident(Incident {
            message: aside.view.sentence.clone(),
            conflict: serde_json::to_value(&*aside.view).ok(),
            crash_folder: crash_folder.map(str::to_owned),
            event_ids: aside.ids.iter().take(MOST_IDS_NAMED).map(|id| format!("{id:032x}")).collect(),
            events,
            parts: aside.parts.clone(),
            ..Incident::of(Kind::Conflict, Some(height))
        });
    }

    fn unjudged(&mut self, failure: &Failure, batch: &Batch) {
        self.shared.judging_failure(Some(failure));
        let parts: Vec<Part> = batch.logs.values().flat_map(|log| log.parts.iter().copied()).collect();
        self.shared.metrics.events_aside.inc_by(batch.events);
        self.shared.incident(Incident {
            message: format!("a batch could not be judged: {}: {}", failure.code.name(), failure.message),
            events: batch.events,
            parts,
            ..Incident::of(Kind::Unjudged, Some(self.coordinator.certifier.head().height))
        });
        // Those who wait for these events.
        self.shared.height.send_modify(|_| {});
        let stands = self.gateway.state().is_ok_and(|state| state == self.coordinator.certifier.head().state);
        if !stands {
            self.reopen();
        }
    }

    /// Puts a checker in place that stands where the chain stands.
    fn reopen(&self) {
        let head = self.coordinator.certifier.head();
        let known = &self.coordinator.known;
        let made = checker_at(known, &self.shared.certificate_at, Some(&self.snapshots), head, &self.find);
        if let Err(failure) = made.and_then(|(checker, _)| self.gateway.replace(checker).map(drop)) {
            tracing::error!(code = failure.code.name(), "no checker: {}", failure.message);
            self.shared.judging_failure(Some(&failure));
        }
    }

    fn snapshot(&mut self) {
        let begun = Instant::now();
        let written = self.gateway.snapshot(self.coordinator.certifier.head(), &self.snapshots);
        match written {
            Ok(written) => {
                self.since_snapshot = 0;
                tracing::debug!(ms = begun.elapsed().as_millis() as u64, "snapshot written");
                // It is gone only when the node ends.
                let _ = self.keep.send(written);
            }
            Err(failure) => tracing::warn!(code = failure.code.name(), "no snapshot: {}", failure.message),
        }
    }

    fn command(&mut self, command: Command) {
        // Whoever asked may be gone.
        match command {
            Command::Prove(id, reply) => {
                let head = self.coordinator.certifier.head();
                let proof = self.gateway.prove_id(id, &head.hash).map(|proof| (head.height, proof));
                let _ = reply.send(proof);
            }
            Command::Release(parts, reply) => {
                let goes_on = self.coordinator.certifier.goes_on();
                let released = || self.coordinator.known.step(&Step::Released { parts });
                let _ = reply.send(goes_on.and_then(|()| released()));
            }
            Command::Attach(attach, reply) => _ = reply.send(self.attach(attach)),
            Command::Rollback(reply) => _ = reply.send(self.rollback()),
        }
    }

    fn end(&mut self) {
        if self.since_snapshot > 0 {
            self.snapshot();
        }
    }
}

/// Leaves what it takes to judge a batch again, where that is little enough; what that is called.
fn crash_folder(shared: &Shared, gateway: &Gateway, find: &FindKernel, settled: &Settled) -> Option<String> {
    match leave(shared, gateway, find, settled) {
        Ok(folder) => folder,
        Err(failure) => {
            let height = settled.certificate.fields().height;
            tracing::warn!(code = failure.code.name(), height, "no crash folder: {}", failure.message);
            None
        }
    }
}

fn leave(
    shared: &Shared,
    gateway: &Gateway,
    find: &FindKernel,
    settled: &Settled,
) -> Result<Option<String>, Failure> {
    let parent = &shared.settings.replay_dir;
    let unwritable = |error: std::io::Error| crate::files::unwritable(&error, parent);
    std::fs::create_dir_all(parent).map_err(unwritable)?;
    let there = std::fs::read_dir(parent).map_err(unwritable)?.count();
    let Content::Verdict { core, .. } = settled.certificate.content() else { return Ok(None) };
    let ids = core.prior.id_count;
    if there >= MOST_CRASH_FOLDERS || ids > MOST_IDS_IN_CRASH_FOLDER {
        return Ok(None);
    }
    let fields = settled.certificate.fields();
    let kernel = (find)(Some(&fields.binding.kernel_hash))?.0;
    let snapshot = (ids > 0).then(|| gateway.snapshot_bytes()).transpose()?;
    let inputs: Vec<Log<'_>> = settled.batch.inputs();
    let left = crash::write(
        parent,
        &Remains {
            batch_id: fields.batch_id,
            replay_seed: fields.replay_seed,
            kernel: kernel.component(),
            body: settled.certificate.body_bytes(),
            snapshot: snapshot.as_deref(),
            inputs: &inputs,
        },
    )?;
    Ok(Some(left.folder.display().to_string()))
}

/// What is done while nothing can be written: it is told, and tried again until the node ends.
fn stalled(shared: &Arc<Shared>) -> impl FnMut(&Failure) -> bool + use<> {
    let shared = Arc::clone(shared);
    move |failure| {
        shared.metrics.write_failures.inc();
        shared.write_failure(Some(failure));
        tracing::error!(code = failure.code.name(), file = failure.file, "{}", failure.message);
        std::thread::sleep(PATIENCE);
        !*shared.ending.borrow()
    }
}

/// Runs what blocks. The thread is the actor's own, so nobody else waits for it.
fn outside<T>(work: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(work)
}

/// Whether what stands at the places of a submission has been judged or set aside.
pub fn is_settled(shared: &Shared, part: &Part) -> bool {
    let ranges = shared.known.ranges.read().unwrap_or_else(PoisonError::into_inner);
    ranges.covers(part)
}
