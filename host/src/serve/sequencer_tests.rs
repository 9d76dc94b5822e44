//! The sequencer's own loop between writers, a clock and a coordinator, under schedules that shuttle comes to.
//! Its mailboxes are of the kind that it has in a node, and small, so that they are full at times. Others may go
//! on wherever it asks for the time, and wherever one of them waits or is about to send.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::panic::catch_unwind;
use std::task::{Poll, Waker};

use shuttle::future::block_on;
use shuttle::sync::{Arc, Condvar, Mutex};
use shuttle::thread;
use tokio::sync::{Semaphore, watch};

use super::super::model_tests::find;
use super::*;
use crate::node::crash_tests::{begin_on, depending, submission};
use crate::node::sim::{SimVolume, Survives};
use crate::node::steps::Steps;
use omega_kernel::frame::Frames;
use omega_kernel::wire::Message;

const FLUSH: Duration = Duration::from_millis(10);
const HOLD: Duration = Duration::from_millis(30);

/// An event of one writer depends on one of another's.
const DEPENDS: u128 = 21;
const ON: u128 = 12;

/// A clock that jumps to the next time that somebody waits for, whenever it comes to run.
#[derive(Clone, Default)]
struct Clock(Arc<(Mutex<Times>, Condvar)>);

#[derive(Default)]
struct Times {
    now: Duration,
    awaited: Option<(Duration, Waker)>,
    over: bool,
    /// It wakes nobody: a defect on purpose.
    silent: bool,
}

impl Clock {
    fn run(&self) {
        let (times, changed) = &*self.0;
        let mut times = times.lock().unwrap();
        while !times.over {
            match times.awaited.take() {
                Some((until, waker)) => {
                    times.now = times.now.max(until);
                    if !times.silent {
                        waker.wake();
                    }
                }
                None => times = changed.wait(times).unwrap(),
            }
        }
    }

    fn end(&self) {
        self.0.0.lock().unwrap().over = true;
        self.0.1.notify_all();
    }
}

/// What is seen of the sequencer.
#[derive(Clone, Default)]
struct Seen {
    clock: Clock,
    /// When each event came.
    came: Arc<Mutex<BTreeMap<u128, Duration>>>,
}

impl Around for Seen {
    fn now(&self) -> Duration {
        thread::yield_now();
        self.clock.0.0.lock().unwrap().now
    }

    async fn until(&self, time: Duration) {
        poll_fn(|context| {
            let mut times = self.clock.0.0.lock().unwrap();
            if times.now >= time {
                return Poll::Ready(());
            }
            times.awaited = Some((time, context.waker().clone()));
            self.clock.0.1.notify_all();
            Poll::Pending
        })
        .await;
    }

    fn submitted(&self, _: &[Result<Receipt, Failure>], _: Duration) {}

    fn waiting(&self, _: u64, _: usize) {}
}

/// What is tried, and what is broken on purpose.
#[derive(Clone, Copy)]
struct World {
    hold: Duration,
    silent: bool,
    /// Batches that the coordinator takes before it ends.
    takes: usize,
    /// Requests that the mailbox holds.
    mailbox: usize,
    /// Writers go as soon as everything is acknowledged, and so the sequencer ends with events that wait.
    go: bool,
}

const SOUND: World = World { hold: HOLD, silent: false, takes: usize::MAX, mailbox: 2, go: false };

/// What a writer was told.
struct Told {
    acknowledged: Vec<u128>,
    /// All of that was handed on.
    handed_on: bool,
}

/// Two writers send two submissions each and wait until they are handed on; or until the coordinator has ended.
fn run(world: World) {
    let disk = SimVolume::new();
    let intake = begin_on(&disk, Steps::default(), find()).unwrap().intake;
    let seen = Seen::default();
    seen.clock.0.0.lock().unwrap().silent = world.silent;
    let (ask, requests) = mpsc::channel(world.mailbox);
    let (to_batches, batches) = mpsc::channel(1);
    let (handed_on, _) = watch::channel(BTreeMap::new());
    let room = Room::new(Semaphore::new(2));
    let writers = [
        vec![submission("alice", &[(1, 1, "a")]), depending("alice", (DEPENDS, 8, "b"), ON)],
        vec![submission("bob", &[(11, 1, "c")]), submission("bob", &[(ON, 7, "d")])],
    ]
    .map(|group| {
        let (ask, room, seen, heard) = (ask.clone(), Room::clone(&room), seen.clone(), handed_on.subscribe());
        thread::spawn(move || {
            block_on(writer(group, (!world.go).then(|| ask.clone()), ask, room, seen, heard))
        })
    });
    drop(ask);
    let clock = seen.clock.clone();
    let clock = thread::spawn(move || clock.run());
    let sequencer = Sequencer::new(intake, Pace::new(FLUSH, world.hold, u64::MAX), seen.clone());
    let sequencer = thread::spawn(move || block_on(sequencer.run(requests, to_batches)));
    let beside = seen.clone();
    let coordinator = thread::spawn(move || block_on(coordinator(world, batches, handed_on, beside)));

    let handed_on = coordinator.join().unwrap();
    let told = writers.map(|writer| writer.join().unwrap());
    sequencer.join().unwrap();
    seen.clock.end();
    clock.join().unwrap();
    assert!(handed_on.values().all(|times| *times == 1), "{handed_on:?}");
    assert!(
        world.takes < usize::MAX || told.iter().all(|told| told.handed_on && told.acknowledged.len() == 2)
    );
    // What was acknowledged is there when the node starts again.
    let again = begin_on(&disk.after_the_cut(Survives::Synced), Steps::default(), find()).unwrap();
    let index = again.coordinator.known.index.read().unwrap();
    assert!(told.iter().flat_map(|told| &told.acknowledged).all(|id| index.holds(*id)));
}

/// How often events were handed on.
type HandedOn = BTreeMap<u128, usize>;
type Room = std::sync::Arc<Semaphore>;

async fn writer(
    group: Vec<Submission>,
    stays: Option<mpsc::Sender<Request>>,
    ask: mpsc::Sender<Request>,
    room: Room,
    seen: Seen,
    mut heard: watch::Receiver<HandedOn>,
) -> Told {
    let mut acknowledged = Vec::new();
    for submission in group {
        let ids: Vec<u128> = submission.marks.iter().map(|mark| mark.id).collect();
        let room = Room::clone(&room).acquire_owned().await.unwrap();
        let (reply, answer) = oneshot::channel();
        let now = seen.now();
        seen.came.lock().unwrap().extend(ids.iter().map(|id| (*id, now)));
        if ask.send(Request::Submit { submission, reply, room }).await.is_err() {
            break;
        }
        let Ok(Ok(_)) = answer.await else { break };
        acknowledged.extend(ids);
    }
    drop(ask);
    let there = |all: &HandedOn| acknowledged.iter().all(|id| all.contains_key(id));
    let handed_on = heard.wait_for(there).await.is_ok();
    drop(stays);
    Told { acknowledged, handed_on }
}

async fn coordinator(
    world: World,
    mut batches: mpsc::Receiver<Batch>,
    handed_on: watch::Sender<HandedOn>,
    seen: Seen,
) -> HandedOn {
    for _ in 0..world.takes {
        let Some(batch) = batches.recv().await else { break };
        let ids = ids_of(&batch);
        let there = |id| ids.contains(&id) || handed_on.borrow().contains_key(&id);
        // A node that ends does not wait.
        if ids.contains(&DEPENDS) && !there(ON) && !world.go {
            let oldest = ids.iter().map(|id| seen.came.lock().unwrap()[id]).min().unwrap();
            let waited = seen.now() - oldest;
            assert!(waited >= HOLD, "given up after {waited:?}");
        }
        handed_on.send_modify(|all| ids.iter().for_each(|id| *all.entry(*id).or_default() += 1));
        thread::yield_now();
    }
    handed_on.borrow().clone()
}

fn ids_of(batch: &Batch) -> Vec<u128> {
    let frames = |log: &crate::node::batch::BatchLog| {
        let mut bytes = vec![0; log.source.len() as usize];
        log.source.read_at(0, &mut bytes).unwrap();
        bytes
    };
    let mut ids = Vec::new();
    for bytes in batch.logs.values().map(frames) {
        for frame in Frames::new(&bytes).unwrap().1 {
            let Message::Event(event) = frame.unwrap().message else { continue };
            ids.push(event.id);
        }
    }
    ids
}

#[test]
fn every_event_is_acknowledged_and_handed_on_once() {
    for mailbox in [1, 2] {
        shuttle::check_random(move || run(World { mailbox, ..SOUND }), 200);
        shuttle::check_pct(move || run(World { mailbox, ..SOUND }), 200, 4);
    }
}

#[test]
fn what_waits_when_the_last_writer_goes_is_handed_on() {
    shuttle::check_random(|| run(World { go: true, ..SOUND }), 200);
    shuttle::check_pct(|| run(World { go: true, ..SOUND }), 200, 4);
}

#[test]
fn what_is_gathered_again_waits_for_what_it_depends_on() {
    let disk = SimVolume::new();
    let mut intake = begin_on(&disk, Steps::default(), find()).unwrap().intake;
    let [receipt] = &intake.submit(vec![depending("alice", (DEPENDS, 8, "b"), ON)])[..] else { panic!() };
    let part = receipt.as_ref().unwrap().part.unwrap();
    intake.take();
    assert!(!intake.waiting().misses_any());
    // As it is where events are released that were set aside.
    intake.gather(&part, &BTreeSet::new()).unwrap();
    assert!(intake.waiting().misses_any());
    intake.take();
    intake.submit(vec![submission("bob", &[(ON, 7, "d")])]);
    intake.gather(&part, &BTreeSet::new()).unwrap();
    assert!(!intake.waiting().misses_any());
}

#[test]
fn what_is_acknowledged_stays_where_the_coordinator_ends() {
    for takes in 0..3 {
        shuttle::check_pct(move || run(World { takes, ..SOUND }), 200, 4);
    }
}

#[test]
fn a_clock_that_wakes_nobody_is_found() {
    let found = catch_unwind(|| shuttle::check_random(|| run(World { silent: true, ..SOUND }), 5000));
    assert!(found.is_err(), "nobody waits for ever");
}

#[test]
fn a_dependency_that_is_given_up_early_is_found() {
    let found = catch_unwind(|| shuttle::check_random(|| run(World { hold: FLUSH, ..SOUND }), 5000));
    assert!(found.is_err(), "no schedule gives up what is on its way");
}
