//! The node that the model drives: the real one, on a disk in memory and with a clock that the model moves,
//! and what its clients know.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use omega_kernel::certificate::Certificate;
use omega_kernel::fault::Fault;
use omega_kernel::frame::{Frame, Frames};
use omega_kernel::wire::Message;

use super::super::gateway::Gateway;
use super::super::swap::{AtWork, Beside, take_over};
use crate::batch;
use crate::engine::testing::command;
use crate::engine::{Kernel, Mode, Options};
use crate::failure::Failure;
use crate::node::checker::Checker;
use crate::node::coordinator::{Coordinator, End, Settled};
use crate::node::crash_tests::{begin_on, certificates_of, depending, submission};
use crate::node::diff::Candidate;
use crate::node::intake::{Intake, Submission};
use crate::node::pace::{Next, Pace};
use crate::node::recover::{FindKernel, Started, checker_at};
use crate::node::sim::SimVolume;
use crate::node::steps::Steps;

/// What is done to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Act {
    /// A writer sends the next group of events, or the last once more.
    Submit,
    /// Time passes, [`FLUSH`]. What is due then is judged, certified and told.
    Pass,
    /// The same, and the disk takes nothing from its n-th operation on, for as many operations as one
    /// write and its clean-up take. The node gives up, as one does that is told to end, and goes on.
    PassOnFullDisk(usize),
    /// Another kernel, which has judged everything again, takes over.
    Swap,
}

/// Height and chain hash of a certificate.
pub(super) type Key = (u64, [u8; 32]);

/// What clients know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Clients {
    pub(super) acknowledged: BTreeSet<u128>,
    pub(super) announced: BTreeSet<Key>,
    /// Groups that were acknowledged.
    pub(super) groups: usize,
    /// What went against their time.
    pub(super) mistimed: BTreeSet<&'static str>,
}

/// For how long events wait for more to come.
pub(super) const FLUSH: Duration = Duration::from_secs(1);
/// For how long they wait where a dependency has not come.
pub(super) const HOLD: Duration = Duration::from_secs(2);

/// No dependency is given up before its time.
pub(super) const EARLY: &str = "what is on its way is waited for";
/// Nothing waits for longer than that.
pub(super) const LATE: &str = "nothing waits past its time";

/// What is tried, and what is broken on purpose.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Acts between two starts, at most.
    pub(super) depth: usize,
    pub(super) crashes: usize,
    pub(super) swaps: usize,
    pub(super) full_disk: bool,
    /// Files that are not synced.
    pub(super) lies: Option<&'static str>,
    /// Certificates are told when they are signed.
    pub(super) tells_early: bool,
    /// After a write that was given up, the node goes on.
    pub(super) goes_on: bool,
    /// For how long the node waits for more to come, and for a dependency; [`FLUSH`] and [`HOLD`], if it is right.
    pub(super) patience: (Duration, Duration),
}

/// A node at work.
pub(super) struct Live {
    pub(super) disk: SimVolume,
    pub(super) intake: Intake<SimVolume>,
    pub(super) coordinator: Coordinator<SimVolume>,
    pub(super) gateway: Gateway,
    pub(super) beside: Beside,
    pub(super) clients: Clients,
    /// What clients knew before each operation.
    pub(super) film: Vec<Clients>,
    pace: Pace,
    /// Time since it was started.
    now: Duration,
    /// Since when events wait.
    since: Option<Duration>,
    signed: Signed,
}

/// Certificates as they are signed, and how many operations the disk had done then.
#[derive(Clone)]
struct Signed {
    disk: SimVolume,
    told: Arc<Mutex<Vec<(usize, Key)>>>,
}

impl Write for Signed {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let step: serde_json::Value = serde_json::from_slice(line)?;
        if step["step"] == "emit-merge" || step["step"] == "emit-obstruction" {
            let hash = data_encoding::HEXLOWER.decode(step["hash"].as_str().unwrap().as_bytes()).unwrap();
            let height = step["height"].as_str().unwrap().parse().unwrap();
            self.told.lock().unwrap().push((self.disk.operations(), (height, hash.try_into().unwrap())));
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Groups that writers send, one after the other. In the second is a conflict, and an event that depends on
/// one of the third; in that is another version of what was accepted.
fn group(number: usize) -> Vec<Submission> {
    match number {
        0 => vec![submission("alice", &[(1, 1, "a"), (2, 2, "b")])],
        1 => vec![
            submission("alice", &[(3, 3, "c"), (5, 5, "mine")]),
            submission("bob", &[(5, 5, "yours"), (11, 6, "d")]),
            depending("carol", (DEPENDS, 8, "f"), ON),
        ],
        _ => vec![submission("bob", &[(1, 1, "a"), (ON, 7, "e")])],
    }
}

/// An event, and the one that it depends on.
const DEPENDS: u128 = 21;
const ON: u128 = 12;

pub(super) const GROUPS: usize = 3;

/// The kernels: the one that a chain starts with, natively built; and ours with a section that says
/// nothing, so that it has another hash.
fn kernels() -> &'static (Kernel, Kernel) {
    static KERNELS: OnceLock<(Kernel, Kernel)> = OnceLock::new();
    KERNELS.get_or_init(|| {
        let native = Options { mode: Mode::Native, ..Options::default() };
        let other = [Kernel::embedded_component(), &[0, 3, 2], b"it"].concat();
        let wasm = Options { mode: Mode::Wasm, compiler: Some(command()), ..Options::default() };
        (Kernel::embedded(&native).unwrap(), Kernel::from_bytes(other, &wasm).unwrap())
    })
}

pub(in crate::serve) fn find() -> FindKernel {
    Arc::new(|hash| {
        let (first, second) = kernels();
        let kernel = if hash == Some(second.hash()) { second } else { first };
        Ok((kernel.clone(), None))
    })
}

pub(super) fn start(disk: &SimVolume, steps: Steps) -> Result<Started<SimVolume>, Failure> {
    begin_on(disk, steps, find())
}

impl Live {
    pub(super) fn start(disk: &SimVolume, clients: Clients, limits: &Limits) -> Result<Self, Failure> {
        let signed = Signed { disk: disk.clone(), told: Arc::default() };
        let Started { intake, coordinator, checker, .. } = start(disk, Steps::to(signed.clone()))?;
        let (gateway, _) = Gateway::start(checker)?;
        let (disk, beside) = (disk.clone(), Beside::Nothing);
        let (mut pace, now) = (Pace::new(limits.patience.0, limits.patience.1, u64::MAX), Duration::ZERO);
        pace.came(intake.waiting(), now);
        let (film, since) = (Vec::new(), None);
        let mut live =
            Live { disk, intake, coordinator, gateway, beside, clients, film, pace, now, since, signed };
        live.look();
        Ok(live)
    }

    pub(super) fn act(&mut self, act: Act, model: &Limits) {
        match act {
            Act::Submit => self.submit(),
            Act::Pass => self.now += FLUSH,
            Act::PassOnFullDisk(at) => {
                self.disk.full_at(self.disk.operations() + at, 3);
                self.now += FLUSH;
            }
            Act::Swap => self.swap(),
        }
        // What the sequencer does, where the coordinator is free.
        while self.pace.next(self.intake.waiting(), self.now, true) == Next::Judge {
            self.settle(model);
        }
        let most = if self.waits_for_more() { HOLD } else { FLUSH };
        if self.since.is_some_and(|since| self.now >= since + most) {
            self.tell(|clients| _ = clients.mistimed.insert(LATE));
        }
    }

    /// Clients hear of something.
    fn tell(&mut self, tell: impl FnOnce(&mut Clients)) {
        self.film.resize(self.disk.operations() + 1, self.clients.clone());
        tell(&mut self.clients);
        self.film[self.disk.operations()] = self.clients.clone();
    }

    fn submit(&mut self) {
        let number = self.clients.groups.min(GROUPS - 1);
        let group = group(number);
        let results = self.intake.submit(group.clone());
        self.tell(|clients| {
            for (submission, _) in group.iter().zip(&results).filter(|(_, result)| result.is_ok()) {
                clients.acknowledged.extend(submission.marks.iter().map(|mark| mark.id));
            }
            if results.iter().all(Result::is_ok) {
                clients.groups = number + 1;
            }
        });
        self.pace.came(self.intake.waiting(), self.now);
        self.look();
    }

    /// Notes since when events wait.
    fn look(&mut self) {
        let waits = !self.intake.waiting().is_empty();
        self.since = waits.then(|| self.since.unwrap_or(self.now));
    }

    /// Whether an event waits that depends on one which has not come.
    fn waits_for_more(&self) -> bool {
        let id = |frame: Result<Frame<'_>, Fault>| match frame.unwrap().message {
            Message::Event(event) => Some(event.id),
            Message::Head(_) => None,
        };
        let mut waiting = self.intake.waiting().logs().flat_map(|(_, log)| Frames::new(log).unwrap().1);
        let index = self.coordinator.known.index.read().unwrap();
        !index.holds(ON) && waiting.any(|frame| id(frame) == Some(DEPENDS))
    }

    fn settle(&mut self, limits: &Limits) {
        let batch = self.intake.take();
        self.pace.handed_on(self.intake.waiting(), self.now);
        if limits.goes_on {
            self.coordinator.certifier.forget_that_it_stopped();
        }
        self.signed.told.lock().unwrap().clear();
        let Live { disk, coordinator, gateway, beside, clients, film, signed, .. } = self;
        let (mut told, mut given_up) = (Vec::new(), false);
        let mut each = |settled: Settled| {
            told.push((disk.operations(), key(&settled.certificate)));
            given_up |= settled.conflict.is_some_and(|aside| aside.ids.contains(&DEPENDS));
        };
        let mut at_work = AtWork { gateway, beside, sent: Vec::new(), rolled_back: None };
        let end = coordinator.settle(batch, &mut at_work, &mut |_| false, &mut each);
        if limits.tells_early {
            told = signed.told.lock().unwrap().clone();
        }
        for (operation, told) in told {
            film.resize(film.len().max(operation + 1), clients.clone());
            clients.announced.insert(told);
            film.truncate(operation);
            film.push(clients.clone());
        }
        let waited = self.since.take().map(|since| self.now - since);
        if given_up && waited < Some(HOLD) {
            self.tell(|clients| _ = clients.mistimed.insert(EARLY));
        }
        if end.is_err() || matches!(end, Ok(End::Unjudged { .. })) {
            // As the server does: the checker is put back where the chain stands.
            let head = self.coordinator.certifier.head();
            let certificates = certificates_of(self.disk.clone());
            let made = checker_at(&self.coordinator.known, &certificates, None, head, &find());
            if let Ok((checker, _)) = made {
                _ = self.gateway.replace(checker);
            }
        }
    }

    fn swap(&mut self) {
        let (_, second) = kernels();
        let mut candidate = Candidate::new(second.clone(), None).unwrap();
        let certificates = certificates_of(self.disk.clone());
        let (known, height) = (&self.coordinator.known, self.coordinator.certifier.head().height);
        candidate.catch_up(known, &certificates, &find(), height, &|| true).unwrap();
        let (account, binding) = (candidate.account.clone(), batch::binding(second).unwrap());
        let before = self.coordinator.certifier.head().binding;
        let certifier = &mut self.coordinator.certifier;
        let checker: Checker = candidate.into_checker();
        let done = take_over(certifier, &self.gateway, checker, binding, &account, &mut |_| false);
        match done {
            Ok((certificate, old)) => {
                // The kernel before stands ready.
                self.beside = Beside::fallback(old, before).unwrap();
                self.tell(|clients| _ = clients.announced.insert(key(&certificate)));
            }
            // After a write that was given up.
            Err(failure) => assert_eq!(failure.code.name(), "write-failed", "{failure:?}"),
        }
    }

    /// What it has in memory.
    pub(super) fn memory(&self, hasher: &mut impl Hasher) {
        self.intake.waiting().events().hash(hasher);
        for (source, log) in self.intake.waiting().logs() {
            (source, log).hash(hasher);
        }
        let head = self.coordinator.certifier.head();
        (head.height, head.hash, self.coordinator.certifier.goes_on().is_ok()).hash(hasher);
        // Times count from now.
        let ago = |since: Option<Duration>| since.map(|since| self.now - since);
        (ago(self.since), self.intake.waiting().misses_any()).hash(hasher);
        let next = match self.pace.next(self.intake.waiting(), self.now, true) {
            Next::Wait(until) => Some(until - self.now),
            Next::Judge | Next::Idle => None,
        };
        next.hash(hasher);
    }
}

pub(super) fn key(certificate: &Certificate) -> Key {
    (certificate.fields().height, certificate.chain_hash())
}
