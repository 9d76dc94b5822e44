//! A whole node on a disk that fails: power cut in every operation, and a disk that is full for a
//! while. Started again, it holds every event that it acknowledged, its chain is sound, and it goes on.

use std::collections::BTreeSet;
use std::sync::Arc;

use omega_kernel::certificate::Certificate;
use omega_kernel::wire::PayloadRef;

use super::checker::{Checker, Judgement};
use super::coordinator::{End, Judge, Settled};
use super::intake::{Mark, Submission};
use super::ranges::Fate;
use super::recover::{CertificateAt, FindKernel, Start, Started, start};
use super::sim::{Cut, SimVolume, Survives};
use super::steps::Steps;
use super::*;
use crate::disk::Volume;
use crate::engine::{Kernel, Mode, Options};
use crate::failure::Failure;
use crate::produce::event::Place;
use crate::sign::Signer;
use crate::store::{Record, Records, Store};

pub(crate) struct Judging<'c>(pub &'c mut Checker);

impl Judge<sim::SimDisk> for Judging<'_> {
    fn judge(&mut self, batch: &Arc<batch::Batch>) -> Result<Judgement, Failure> {
        self.0.judge(batch, 0)
    }

    fn rejudge(&mut self, certificate: &[u8]) -> Result<(), Failure> {
        self.0.rejudge(certificate)
    }
}

/// What a client knows.
#[derive(Default)]
pub(crate) struct Client {
    pub acknowledged: BTreeSet<u128>,
    pub announced: Vec<[u8; 32]>,
}

pub(crate) fn submission(source: &str, events: &[(u128, u64, &str)]) -> Submission {
    submission_with(source, events, &[])
}

/// One event that depends on another.
pub(crate) fn depending(source: &str, event: (u128, u64, &str), on: u128) -> Submission {
    submission_with(source, &[event], &[on])
}

/// Events that all depend on the same.
fn submission_with(source: &str, events: &[(u128, u64, &str)], on: &[u128]) -> Submission {
    let (mut frames, mut marks) = (Vec::new(), Vec::new());
    for &(id, lamport, payload) in events {
        let node = source.as_bytes()[0].into();
        let place = Place { id, node, lamport, deps: on.to_vec(), ..Place::default() };
        let header = place.header(payload.as_bytes(), None).unwrap();
        let mut message = Vec::new();
        let payload = PayloadRef::Present { bytes: payload.as_bytes(), salt: None };
        omega_kernel::wire::encode_event(&header, payload, &mut message);
        let from = frames.len() as u32;
        omega_kernel::frame::write_frame(&message, &mut frames);
        marks.push(Mark { id, from, to: frames.len() as u32, deps: on.len() as u32 });
    }
    let deps = events.iter().flat_map(|_| on).copied().collect();
    Submission { source: source.into(), frames, marks, deps }
}

/// Groups of submissions, each judged as one batch. The third holds a conflict, the fourth a
/// redelivery and an overlap.
fn work() -> Vec<Vec<Submission>> {
    vec![
        vec![submission("alice", &[(1, 1, "a"), (2, 2, "b")]), submission("bob", &[(11, 1, "c")])],
        vec![submission("alice", &[(3, 3, "d")])],
        vec![
            submission("alice", &[(4, 4, "e"), (5, 5, "mine")]),
            submission("bob", &[(5, 5, "yours"), (12, 6, "f")]),
        ],
        vec![submission("alice", &[(4, 4, "e"), (6, 6, "g")]), submission("bob", &[(1, 1, "x")])],
    ]
}

pub(crate) fn open_store(root: &SimVolume) -> Result<Store<sim::SimDisk>, Failure> {
    let open = |name| root.open(name).map_err(|error| crate::files::unwritable(&error, &root.path(name)));
    let store = Store::on(root.path("cert.log"), open("cert.log")?, open("cert.idx")?, open("cert.hash")?)?;
    root.sync().map_err(|error| crate::files::unwritable(&error, &root.path("")))?;
    Ok(store)
}

fn begin(disk: &SimVolume) -> Result<Started<SimVolume>, Failure> {
    begin_noting(disk, Steps::default())
}

/// Starts a node; its steps are noted.
pub(crate) fn begin_noting(disk: &SimVolume, steps: Steps) -> Result<Started<SimVolume>, Failure> {
    let kernel = Kernel::embedded(&Options { mode: Mode::Native, ..Options::default() }).unwrap();
    begin_on(disk, steps, Arc::new(move |_| Ok((kernel.clone(), None))))
}

/// Starts a node with these kernels.
pub(crate) fn begin_on(
    disk: &SimVolume,
    steps: Steps,
    kernel: FindKernel,
) -> Result<Started<SimVolume>, Failure> {
    let (for_store, for_reading) = (disk.clone(), disk.clone());
    start(Start {
        root: disk.clone(),
        segments: disk.folder("segments/"),
        open_store: Box::new(move || open_store(&for_store)),
        certificate_at: certificates_of(for_reading),
        snapshots: None,
        signer: Signer::from_seed([7; 32]),
        origin: "a test".to_owned(),
        kernel,
        steps,
    })
}

pub(crate) fn certificates_of(disk: SimVolume) -> CertificateAt {
    Arc::new(move |height| {
        let store = open_store(&disk)?;
        for entry in store.records()? {
            let record = entry?.record;
            if let (Record::Certificate(bytes), Some(place)) = (&record, record.place())
                && place.height == height
            {
                return Ok(Some(Certificate::decode(bytes)?));
            }
        }
        Ok(None)
    })
}

/// Judges what waits; false where the disk gave up.
pub(crate) fn settle(node: &mut Started<SimVolume>, client: &mut Client, patience: usize) -> bool {
    if node.intake.waiting().is_empty() {
        return true;
    }
    let mut left = patience;
    let mut stalled = |_: &Failure| {
        left = left.saturating_sub(1);
        left > 0
    };
    let steps = node.coordinator.certifier.steps.clone();
    let mut each = |settled: Settled| {
        steps.announced(&settled.certificate);
        client.announced.push(settled.certificate.chain_hash());
    };
    let batch = node.intake.take();
    let mut judging = Judging(&mut node.checker);
    matches!(node.coordinator.settle(batch, &mut judging, &mut stalled, &mut each), Ok(End::Settled))
}

/// Does all the work in order, as writers do: what is refused is sent again before anything else.
pub(crate) fn run(node: &mut Started<SimVolume>, client: &mut Client, patience: usize) {
    for group in work() {
        let taken = (0..patience).any(|_| {
            let results = node.intake.submit(group.clone());
            for (submission, result) in group.iter().zip(&results) {
                if result.is_ok() {
                    client.acknowledged.extend(submission.marks.iter().map(|mark| mark.id));
                }
            }
            results.iter().all(Result::is_ok)
        });
        if !taken || !settle(node, client, patience) {
            return;
        }
    }
}

/// Everything that must hold of a node that has started again.
fn check(node: &mut Started<SimVolume>, client: &Client, disk: &SimVolume, what: &str) {
    let known = &node.coordinator.known;
    for id in &client.acknowledged {
        assert!(known.index.read().unwrap().holds(*id), "{what}: event {id} was acknowledged and is gone");
    }
    let store = open_store(disk).unwrap();
    let mut hashes = Vec::new();
    let followed =
        omega_verify::chain::follow(&store, &mut |link| hashes.push(link.certificate.chain_hash()));
    assert!(followed.stopped.is_none(), "{what}: {:?}", followed.stopped);
    for announced in &client.announced {
        assert!(hashes.contains(announced), "{what}: a certificate was announced and is gone");
    }
    // Started again from its own files, it comes to the same state.
    assert_eq!(node.checker.state().unwrap(), node.coordinator.certifier.head().state, "{what}");
}

/// After all work is done, whatever happened on the way: each event was judged once and has its fate.
fn check_end(node: &Started<SimVolume>, what: &str) {
    let known = &node.coordinator.known;
    let fate = |id: u128| {
        let places: Vec<_> = known.index.read().unwrap().places(id).collect();
        let ranges = known.ranges.read().unwrap();
        places.into_iter().map(|place| ranges.fate(place)).collect::<Vec<_>>()
    };
    for id in [2, 3, 4, 6, 11, 12] {
        assert!(matches!(fate(id)[..], [Some(Fate::Accepted(_))]), "{what}: event {id}: {:?}", fate(id));
    }
    // Both are set aside, or the one that was judged without the other was accepted.
    let fates = fate(5);
    let accepted = fates.iter().filter(|fate| matches!(fate, Some(Fate::Accepted(_)))).count();
    let aside = fates.iter().filter(|fate| matches!(fate, Some(Fate::Quarantined(_)))).count();
    assert!(accepted + aside == 2 && accepted <= 1, "{what}: {fates:?}");
    // Alice's was accepted first, so bob's other version of it is set aside.
    let mut fates = fate(1);
    fates.sort_by_key(|fate| matches!(fate, Some(Fate::Quarantined(_))));
    assert!(matches!(fates[..], [Some(Fate::Accepted(_)), Some(Fate::Quarantined(_))]), "{what}: {fates:?}");
}

/// What a client does that got no answer: it sends everything again.
fn again(disk: &SimVolume, client: &mut Client, what: &str) {
    let mut node = begin(disk).unwrap_or_else(|failure| panic!("{what}: {failure:?}"));
    check(&mut node, client, disk, what);
    assert!(settle(&mut node, client, 1), "{what}");
    run(&mut node, client, 1);
    check(&mut node, client, disk, what);
    check_end(&node, what);
    drop(node);
    let mut node = begin(disk).unwrap_or_else(|failure| panic!("{what}, once more: {failure:?}"));
    assert!(node.intake.waiting().is_empty(), "{what}");
    check(&mut node, client, disk, what);
    check_end(&node, what);
}

#[test]
fn a_power_cut_at_any_operation_loses_nothing() {
    let disk = SimVolume::new();
    let mut node = begin(&disk).unwrap();
    run(&mut node, &mut Client::default(), 1);
    check_end(&node, "undisturbed");
    drop(node);
    let operations = disk.operations();
    assert!(operations > 50, "{operations}");
    let cuts = [Cut::Before, Cut::Quarters(1), Cut::Quarters(2), Cut::Quarters(3), Cut::After];
    for at in 0..operations {
        for how in cuts {
            let disk = SimVolume::new();
            disk.cut_at(at, how);
            let mut client = Client::default();
            if let Ok(mut node) = begin(&disk) {
                run(&mut node, &mut client, 1);
            }
            for survives in [Survives::Synced, Survives::Everything, Survives::Lengths] {
                let what = format!("operation {at}, {how:?}, {survives:?}");
                let mut client =
                    Client { acknowledged: client.acknowledged.clone(), announced: client.announced.clone() };
                again(&disk.after_the_cut(survives), &mut client, &what);
            }
        }
    }
}

#[test]
fn a_disk_that_is_full_for_a_while_stops_nothing_for_good() {
    let disk = SimVolume::new();
    let mut node = begin(&disk).unwrap();
    let first = disk.operations();
    run(&mut node, &mut Client::default(), 1);
    drop(node);
    for at in first..disk.operations() {
        for count in [1, 2, 5] {
            let disk = SimVolume::new();
            let mut node = begin(&disk).unwrap();
            disk.full_at(at, count);
            let mut client = Client::default();
            run(&mut node, &mut client, 20);
            let what = format!("full at operation {at} for {count}");
            // Whatever was refused is sent again to the very node that refused it, then to its successor.
            run(&mut node, &mut client, 1);
            drop(node);
            again(&disk.after_the_cut(Survives::Synced), &mut client, &what);
        }
    }
}

#[test]
fn what_came_twice_in_a_group_that_failed_is_not_acknowledged() {
    let disk = SimVolume::new();
    let mut node = begin(&disk).unwrap();
    let one = submission("alice", &[(1, 1, "a")]);
    disk.full_at(disk.operations(), 1);
    let results = node.intake.submit(vec![one.clone(), one.clone()]);
    assert!(results.iter().all(Result::is_err), "{results:?}");
    // Neither is there, so it is taken once and then known.
    let results = node.intake.submit(vec![one.clone(), one]);
    let counts: Vec<_> =
        results.iter().flatten().map(|receipt| (receipt.accepted, receipt.duplicates)).collect();
    assert_eq!(counts, [(1, 0), (0, 1)]);
}
